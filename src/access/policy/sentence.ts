/** A decision in the words of AWS. Docker and the aws CLI print them, so they are what most people read of all this. */
import type { AccessRequest, Decision, Side } from "./evaluate.ts";
import type { RequestPrincipal } from "./principals.ts";

type Wording = { denying: string; allowing: string };

/** IAM user guide, "Troubleshoot access denied error messages". */
const wordings: Readonly<Record<Side, Wording>> = {
  scp: { denying: "a service control policy", allowing: "service control policy" },
  resource: { denying: "a resource-based policy", allowing: "resource-based policy" },
  trust: { denying: "the role trust policy", allowing: "role trust policy" },
  identity: { denying: "an identity-based policy", allowing: "identity-based policy" },
  boundary: { denying: "a permissions boundary", allowing: "permissions boundary" },
  session: { denying: "a session policy", allowing: "session policy" },
};

/** Why the request is refused, or undefined when it is allowed. Of several missing sides AWS names the first. */
export function sentenceOf(
  { principal, action, resource }: Pick<AccessRequest, "principal" | "action" | "resource">,
  decision: Decision,
): string | undefined {
  if (decision.allowed) return undefined;
  const refusal = `User: ${nameOf(principal)} is not authorized to perform: ${action} on resource: ${resource}`;
  if (decision.deniedBy)
    return `${refusal} with an explicit deny in ${wordings[decision.deniedBy.side].denying}`;
  const [side = "identity"] = decision.missing;
  return `${refusal} because no ${wordings[side].allowing} allows the ${action} action`;
}

export function nameOf(principal: RequestPrincipal): string {
  return principal.kind === "anonymous" ? "anonymous" : principal.arn;
}
