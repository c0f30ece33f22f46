/**
 * A proposed policy against requests that were made: what it would have refused, and what it would newly have allowed.
 * Everything else (who the principals are today, their other policies, tags) is as it is now.
 */
import type { Database, Queryable } from "../../store/database.ts";
import type { Caller, WebIdentity } from "../caller.ts";
import { findCredentials } from "../credentials/credentials.ts";
import type { Policy } from "../policy/document.ts";
import { decide, type Policies } from "../policy/evaluate.ts";
import { sentenceOf } from "../policy/sentence.ts";
import { isProvider, principalByArn } from "../principals.ts";
import type { Action, Authority, Case } from "./authority.ts";
import type { RequestFacts } from "./request-context.ts";

type RecordedPrincipal = {
  /** The ARN in the record, or that of the identity provider whose token was brought; `anonymous` for nobody. */
  principal: string;
  accessKeyId: string | undefined;
};

/** A right that a request was asked for, as the audit has it. */
export type RecordedRight = RecordedPrincipal & {
  action: Action;
  resource: string;
  ownerAccountId: string;
  facts: RequestFacts;
  keys: ReadonlyMap<string, readonly string[]>;
  /** The tags that the image has today, where nobody noted which it had. */
  imageTags: (() => Promise<readonly string[]>) | undefined;
};

export type Proposal = {
  policy: Policy;
  replaces: (stored: Policy) => boolean;
  /** Whether the policy would be new for this request, where it replaces none. */
  adds: (request: Case["request"]) => boolean;
};

type Replayed =
  | { change: "none" }
  | { change: "unknown principal" }
  | { change: "refused"; sentence: string }
  | { change: "allowed" };

/** Who asked, as it is today: with the session's own policies as long as the session is known. */
export async function recordedPrincipal(
  db: Queryable,
  { principal, accessKeyId = "" }: RecordedPrincipal,
): Promise<Caller | WebIdentity | undefined> {
  if (isProvider(principal)) return { kind: "web-identity", arn: principal };
  const credentials = accessKeyId === "" ? undefined : await findCredentials(db, accessKeyId);
  return credentials?.principal.arn === principal ? credentials.principal : principalByArn(db, principal);
}

/** What the proposal changes for one right. */
export async function replay(
  { db, authority }: { db: Database; authority: Authority },
  right: RecordedRight,
  proposal: Proposal,
): Promise<Replayed> {
  const caller = await recordedPrincipal(db.read, right);
  if (!caller) return { change: "unknown principal" };
  const { action, resource, ownerAccountId, facts, imageTags } = right;
  // The proposal may ask for the tags where no stored policy does.
  const tags = (await imageTags?.()) ?? [];
  const keys = tags.length === 0 ? right.keys : new Map([...right.keys, ["ecr:imagetag", tags] as const]);
  const question = { caller, action, resource, ownerAccountId, facts, keys };
  const { request, policies } = await authority.gather(question);
  const before = decide(request, policies);
  const after = decide(request, withProposal(policies, { proposal, request }));
  if (before.allowed === after.allowed) return { change: "none" };
  if (after.allowed) return { change: "allowed" };
  return { change: "refused", sentence: sentenceOf(request, after) ?? "" };
}

function withProposal(
  policies: Policies,
  { proposal: { policy, replaces, adds }, request }: { proposal: Proposal; request: Case["request"] },
): Policies {
  const replaced = (list: readonly Policy[]): readonly Policy[] => {
    if (list.some(replaces)) return list.map((stored) => (replaces(stored) ? policy : stored));
    return adds(request) ? [...list, policy] : list;
  };
  switch (policy.kind) {
    case "identity":
      return { ...policies, identity: replaced(policies.identity) };
    case "boundary":
      return policies.boundary && replaces(policies.boundary) ? { ...policies, boundary: policy } : policies;
    default:
      return { ...policies, resource: replaced(policies.resource) };
  }
}
