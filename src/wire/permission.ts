/** The question of every door: may the caller of this request do that? What was asked is noted for the audit. */
import type { Action, Question } from "../access/authority.ts";
import { fault } from "../lib/faults.ts";
import type { Call } from "./call.ts";

/** What an action is about: an ARN or `*`, and the account that owns it. */
export type Resource = Pick<Question, "keys" | "imageTags"> & { arn: string; accountId: string };

/** ECR's sentence when the caller may not; undefined when it may. */
export async function refusalOf(call: Call, action: Action, resource: Resource): Promise<string | undefined> {
  const { arn, accountId, keys, imageTags } = resource;
  const { authority, caller, facts } = call;
  const question: Question = {
    caller,
    action,
    resource: arn,
    ownerAccountId: accountId,
    facts,
    keys,
    imageTags,
  };
  const { sentence } = await authority.ask(question);
  call.asked.push({ action, resource: arn, ownerAccountId: accountId, isAllowed: sentence === undefined });
  return sentence;
}

/** Throws AccessDenied with ECR's sentence unless the caller may. */
export async function demand(call: Call, action: Action, resource: Resource): Promise<void> {
  const sentence = await refusalOf(call, action, resource);
  if (sentence !== undefined) throw fault("AccessDenied", { sentence });
}
