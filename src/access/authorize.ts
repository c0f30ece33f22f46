/**
 * May this caller do this to that? Asked once per request by the dispatcher of each door. For now an installation has
 * root callers only: the root of an account may do everything to what its account owns, and nothing else.
 */
import { fault } from "../lib/faults.ts";
import { type Caller, callerName } from "./caller.ts";

/** An IAM action, such as `ecr:PutImage`. */
export type Action = `${"ecr" | "sts"}:${string}`;

type Decision = { allowed: true } | { allowed: false; sentence: string };

/** `resource` is an ARN, or `*` for what has none; `ownerAccountId` is the account that the resource belongs to. */
type Question = { caller: Caller; action: Action; resource: string; ownerAccountId: string };

export function decide({ caller, action, resource, ownerAccountId }: Question): Decision {
  if (caller.kind === "principal" && caller.accountId === ownerAccountId) return { allowed: true };
  return {
    allowed: false,
    sentence: `User: ${callerName(caller)} is not authorized to perform: ${action} on resource: ${resource} because no resource-based policy allows the ${action} action`,
  };
}

/** Throws AccessDenied with ECR's sentence unless the caller may. */
export function authorize(question: Question): void {
  const decision = decide(question);
  if (!decision.allowed) throw fault("AccessDenied", { sentence: decision.sentence });
}
