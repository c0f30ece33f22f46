/** What would turn a refusal into a permission: the smallest statement, and the policy that it has to be added to. */
import { parseRepositoryArn, rootArn } from "../../lib/arn.ts";
import { grantOf } from "./actions.ts";
import type { AccessRequest, Decision, Side } from "./evaluate.ts";
import type { RequestPrincipal } from "./principals.ts";
import { nameOf } from "./sentence.ts";

type SuggestedStatement = Readonly<Record<string, unknown>>;

export type Suggestion = {
  side: Side;
  /** What to do, in a sentence, such as `Add this statement to the repository policy of …`. */
  text: string;
  /** Absent where no statement would help. */
  statement?: SuggestedStatement;
};

/** One suggestion for each side that is missing, or one for the statement that denies. None when it is allowed. */
export function suggestionsFor(request: AccessRequest, decision: Decision): readonly Suggestion[] {
  if (decision.allowed) return [];
  const { deniedBy, missing } = decision;
  if (!deniedBy) return missing.map((side) => suggestionOn(side, request));
  const sid = deniedBy.sid === undefined ? "" : ` ("${deniedBy.sid}")`;
  const text = `Statement ${deniedBy.statement}${sid} of ${deniedBy.policy} denies this, and no permission outweighs a denial. Narrow or remove that statement.`;
  return [{ side: deniedBy.side, text }];
}

function suggestionOn(side: Side, request: AccessRequest): Suggestion {
  const { principal, action, resource } = request;
  const allow = { Effect: "Allow", Action: action };
  switch (side) {
    case "resource":
      return onResource(request);
    case "trust":
      return add(side, `the trust policy of ${resource}`, {
        ...allow,
        Principal: principalElement(principal),
      });
    case "identity":
      return add(side, `an identity policy of ${ownerOf(principal)}`, { ...allow, Resource: resource });
    case "boundary":
      return add(side, `the permissions boundary of ${ownerOf(principal)}`, { ...allow, Resource: resource });
    case "session":
      return add(side, "the policy that is passed when the session is made", {
        ...allow,
        Resource: resource,
      });
    case "scp":
      return add(side, "a service control policy on each level that does not allow it", {
        ...allow,
        Resource: resource,
      });
  }
}

function onResource({ principal, action, resource, resourceAccountId, context }: AccessRequest): Suggestion {
  const grant = grantOf(action.toLowerCase());
  // A service acts for whoever asks it to; without the account it would be everybody's deputy.
  const source =
    principal.kind === "service" ? (context.get("aws:sourceaccount")?.[0] ?? resourceAccountId) : undefined;
  const statement = {
    Effect: "Allow",
    Principal: principalElement(principal),
    Action: action,
    ...(source !== undefined && { Condition: { StringEquals: { "aws:SourceAccount": source } } }),
  };
  const side = "resource";
  if (grant.repository && parseRepositoryArn(resource))
    return add(side, `the repository policy of ${resource}`, statement);
  if (grant.registry)
    return add(side, `the registry policy of account ${resourceAccountId}`, {
      ...statement,
      Resource: resource,
    });
  return {
    side,
    text: `No policy of account ${resourceAccountId} can grant ${action} to others. Ask as an identity of that account.`,
  };
}

function add(side: Side, where: string, statement: SuggestedStatement): Suggestion {
  return { side, text: `Add this statement to ${where}.`, statement };
}

function principalElement(principal: RequestPrincipal): unknown {
  switch (principal.kind) {
    case "anonymous":
      return "*";
    case "service":
      return { Service: principal.arn };
    case "web-identity":
      return { Federated: principal.arn };
    case "root":
      return { AWS: rootArn(principal.accountId) };
    case "role-session":
      return { AWS: principal.roleArn };
    default:
      return { AWS: principal.arn };
  }
}

/** What its identity policies hang on. */
function ownerOf(principal: RequestPrincipal): string {
  if (principal.kind === "role-session") return principal.roleArn;
  if (principal.kind === "federated-user") return principal.userArn ?? principal.arn;
  return nameOf(principal);
}
