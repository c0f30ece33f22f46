/**
 * Whether a request is allowed by the policies that meet in it, and which statement decided. Pure: policies and a
 * request in, a decision out. The rules are IAM's ("Policy evaluation logic", "Cross-account policy evaluation logic")
 * and ECR's ("Private registry permissions").
 */
import { grantOf, isInScopeV1, isTrustAction, meansAction } from "./actions.ts";
import { type Condition, holds } from "./conditions.ts";
import type { Policy } from "./document.ts";
import { type Subject, subjectOf } from "./match.ts";
import { type Reach, type RequestPrincipal, reaches, reachOf, type Who, whoIs } from "./principals.ts";
import { meansResource } from "./resources.ts";
import type { Statement } from "./statements.ts";
import { type Context, remembering } from "./templates.ts";

export type AccessRequest = {
  principal: RequestPrincipal;
  /** Such as `ecr:PutImage`, in any case. */
  action: string;
  /** An ARN, or `*` for an action without a resource. */
  resource: string;
  /** The account that owns the resource; for an action without one, the account in which it happens. */
  resourceAccountId: string;
  context: Context;
};

/** Every policy that applies to the caller or to the resource. Those that cannot bind the caller are passed over. */
export type Policies = {
  /** Of the user and its groups, or of the role. */
  identity: readonly Policy[];
  boundary?: Policy;
  /** Absent when the session was made without one; an empty list allows nothing. */
  session?: readonly Policy[];
  /**
   * From the organisation's root down to the caller's account; each level has to allow. Empty without an organisation,
   * and for its management account and service-linked roles, which are exempt (Organizations user guide, "SCPs").
   */
  scps: readonly (readonly Policy[])[];
  /** The owner's: the repository's policy and the registry's, or a role's trust policy. */
  resource: readonly Policy[];
};

/** In the order in which AWS asks them, which is the order in which a sentence names one. */
export type Side = "scp" | "resource" | "trust" | "identity" | "boundary" | "session";

/** A statement that decided. */
export type Cited = { side: Side; policy: string; statement: number; sid: string | undefined };

export type Decision =
  /** `by` is empty when the root acts on what its account owns. */
  | { allowed: true; by: readonly Cited[] }
  /** Either a statement denies, or every side in `missing` would have to allow and does not. */
  | { allowed: false; deniedBy: Cited | undefined; missing: readonly Side[] };

/**
 * Why a statement did not apply: the first thing that did not fit. `grant`: a policy of that kind cannot grant that
 * action. `root`: the root can always repair the policies of what its account owns.
 */
type Failure = "action" | "resource" | "principal" | "grant" | "root" | Condition;

export type Consider = (considered: {
  side: Side;
  policy: Policy;
  statement: Statement;
  failure: Failure | undefined;
}) => void;

/** The decision. Pure and cheap: nothing is noted that does not decide. */
export function decide(request: AccessRequest, policies: Policies): Decision {
  return judge(request, { policies, consider: undefined });
}

/** The same decision by the same way; `consider` hears of every statement on it. */
export function decideAloud(
  request: AccessRequest,
  { policies, consider }: { policies: Policies; consider: Consider },
): Decision {
  return judge(request, { policies, consider });
}

type Question = {
  request: AccessRequest;
  lowerAction: Subject;
  resource: Subject;
  context: Context;
  who: Who;
  hasBoundary: boolean;
  /** Whether denials of the resource's own policies are passed over. */
  isRepair: boolean;
  consider: Consider | undefined;
};

/** What one side says: the first statement that denies, and the one that allows most directly. */
type Finding = { deny: Cited | undefined; allow: Cited | undefined; reach: Reach };

const nothing: Finding = { deny: undefined, allow: undefined, reach: reaches.none };

/** With these the root of an account gets out of a policy that locks everybody out. */
const repairs = new Set([
  "ecr:getrepositorypolicy",
  "ecr:setrepositorypolicy",
  "ecr:deleterepositorypolicy",
  "ecr:getregistrypolicy",
  "ecr:putregistrypolicy",
  "ecr:deleteregistrypolicy",
]);

type Judging = { policies: Policies; consider: Consider | undefined };

function judge(request: AccessRequest, { policies, consider }: Judging): Decision {
  const { principal } = request;
  const lowerAction = request.action.toLowerCase();
  const isOwner = "accountId" in principal && principal.accountId === request.resourceAccountId;
  const question: Question = {
    request,
    lowerAction: subjectOf(lowerAction),
    resource: subjectOf(request.resource),
    context: remembering(request.context),
    who: whoIs(principal),
    hasBoundary: policies.boundary !== undefined && canBeBounded(principal),
    isRepair: principal.kind === "root" && isOwner && repairs.has(lowerAction),
    consider,
  };
  const resourceSide = isTrustAction(lowerAction) ? "trust" : "resource";
  const resource = ask(question, { side: resourceSide, policies: policies.resource });
  if (!("accountId" in principal)) {
    // Whom no account holds has no identity policies, and no organisation's policies bind.
    if (resource.deny) return denied(resource.deny);
    return resource.allow ? { allowed: true, by: [resource.allow] } : missing([resourceSide]);
  }

  const isRoot = principal.kind === "root";
  const levels = policies.scps.map((level) => ask(question, { side: "scp", policies: level }));
  const identity = isRoot ? nothing : ask(question, { side: "identity", policies: policies.identity });
  const boundary =
    isRoot || !policies.boundary
      ? undefined
      : ask(question, { side: "boundary", policies: [policies.boundary] });
  const session = isRoot ? undefined : askSession(question, policies.session);

  const deny =
    levels.find((level) => level.deny)?.deny ??
    resource.deny ??
    identity.deny ??
    boundary?.deny ??
    session?.deny;
  if (deny) return denied(deny);

  const grant = grantOf(lowerAction);
  // Where no identity policy can grant it, the owner's policy alone decides.
  const needsResource = !isOwner || resourceSide === "trust" || !(grant.identity || isRoot);
  const isNamed = isOwner && resource.reach >= reaches.identity;
  const needsIdentity = grant.identity && !isRoot && !isNamed;
  // A permission for the user or the session itself is not limited by what its identity may do.
  const isLimited = !(isOwner && resource.reach === reaches.direct);
  const lacking: Side[] = [];
  if (levels.some((level) => !level.allow)) lacking.push("scp");
  if (needsResource && !resource.allow) lacking.push(resourceSide);
  if (needsIdentity && !identity.allow) lacking.push("identity");
  if (isLimited && boundary && !boundary.allow) lacking.push("boundary");
  if (isLimited && session && !session.allow) lacking.push("session");
  if (lacking.length > 0) return missing(lacking);
  const cited = [needsResource || isNamed ? resource.allow : undefined, identity.allow];
  return { allowed: true, by: cited.filter((some) => some !== undefined) };
}

/** IAM identities can have a boundary; the root cannot, and who is none of an account has nothing to bound. */
function canBeBounded({ kind }: RequestPrincipal): boolean {
  return kind === "user" || kind === "role-session" || kind === "federated-user";
}

function denied(deniedBy: Cited): Decision {
  return { allowed: false, deniedBy, missing: [] };
}

function missing(sides: readonly Side[]): Decision {
  return { allowed: false, deniedBy: undefined, missing: sides };
}

/**
 * Undefined when nothing limits the session. IAM user guide, "Policy evaluation logic": a role's session without a
 * session policy is not limited by one, a federated user's has no permissions.
 */
function askSession(question: Question, policies: readonly Policy[] | undefined): Finding | undefined {
  const { kind } = question.request.principal;
  if (kind !== "role-session" && kind !== "federated-user") return undefined;
  if (policies) return ask(question, { side: "session", policies });
  return kind === "federated-user" ? nothing : undefined;
}

function ask(question: Question, { side, policies }: { side: Side; policies: readonly Policy[] }): Finding {
  const { lowerAction, who, consider } = question;
  let deny: Cited | undefined;
  let allow: Cited | undefined;
  let reach: Reach = reaches.none;
  for (const policy of policies) {
    if (!speaksOn(side, { policy, lowerAction: lowerAction.text })) continue;
    const asked = { policy, side, question };
    for (const statement of policy.statements) {
      const isDeny = statement.effect === "Deny";
      // Without somebody who listens, what cannot change the finding need not be asked.
      if (consider === undefined && (isDeny ? deny !== undefined : reach === reaches.direct)) continue;
      const failure = firstFailure(statement, asked);
      consider?.({ side, policy, statement, failure });
      if (failure !== undefined) continue;
      if (isDeny) deny ??= cite(side, { policy, statement });
      else {
        const own = statement.principals ? reachOf(statement.principals, { who, isDeny }) : reaches.direct;
        if (own > reach) {
          reach = own;
          allow = cite(side, { policy, statement });
        }
      }
    }
  }
  return deny || allow ? { deny, allow, reach } : nothing;
}

/** An owner's policies speak of the role or of what is in the registry; a registry's of scope V1 of three actions. */
function speaksOn(side: Side, { policy, lowerAction }: { policy: Policy; lowerAction: string }): boolean {
  if (side !== "resource" && side !== "trust") return true;
  if ((policy.kind === "trust") !== (side === "trust")) return false;
  return policy.kind !== "registry" || policy.scope === "V2" || isInScopeV1(lowerAction);
}

function cite(side: Side, { policy, statement }: { policy: Policy; statement: Statement }): Cited {
  return { side, policy: policy.name, statement: statement.number, sid: statement.sid };
}

type Asked = { policy: Policy; side: Side; question: Question };

function firstFailure(statement: Statement, { policy, side, question }: Asked): Failure | undefined {
  const { lowerAction, context, who } = question;
  if (!meansAction(statement.actions, lowerAction)) return "action";
  if (statement.resources && !meansResource(statement.resources, question)) return "resource";
  const isDeny = statement.effect === "Deny";
  if (statement.principals && reachOf(statement.principals, { who, isDeny }) === reaches.none) {
    // IAM user guide, "NotPrincipal": with Deny it always denies whoever has a permissions boundary.
    if (!(isDeny && statement.principals.negated && question.hasBoundary)) return "principal";
  }
  for (const condition of statement.conditions) if (!holds(condition, context)) return condition;
  if (isDeny) return question.isRepair && side === "resource" ? "root" : undefined;
  return canGrant(policy, lowerAction.text) ? undefined : "grant";
}

function canGrant({ kind }: Policy, lowerAction: string): boolean {
  if (kind !== "identity" && kind !== "repository" && kind !== "registry") return true;
  return grantOf(lowerAction)[kind];
}
