/**
 * May this caller do this to that, and why? Gathers every policy that meets in a request and asks the engine in
 * `policy/`. The check at the doors, `explain`, `who-can` and the simulator all come through here.
 */
import { fault } from "../lib/faults.ts";
import type { Database } from "../store/database.ts";
import type { Caller, WebIdentity } from "./caller.ts";
import type { Compiled } from "./compiled.ts";
import { findOrganization } from "./organizations.ts";
import { type AccessRequest, type Decision, decide, type Policies } from "./policy/evaluate.ts";
import { sentenceOf } from "./policy/sentence.ts";
import { makePrincipalPolicyReader, type PrincipalPolicies } from "./principal-policies.ts";
import { contextOf, type RequestFacts } from "./request-context.ts";
import { policiesOfResource, tagsOfResource } from "./resource-policies.ts";

type ServicePrefix = "ecr" | "sts" | "iam" | "organizations" | "cloudtrail" | "lading";

/** An IAM action, such as `ecr:PutImage`. */
export type Action = `${ServicePrefix}:${string}`;

export type Question = {
  caller: Caller | WebIdentity;
  action: Action;
  /** An ARN, or `*` for what has none. */
  resource: string;
  /** The account that the resource belongs to; for an action without one, the account in which it happens. */
  ownerAccountId: string;
  facts: RequestFacts;
  /** Condition keys of this request alone, in lower case. */
  keys?: ReadonlyMap<string, readonly string[]> | undefined;
  /** The tags of the image in question, for `ecr:ImageTag`; called only when a policy asks. */
  imageTags?: (() => Promise<readonly string[]>) | undefined;
};

/** A question with everything that the engine takes. */
export type Case = { request: AccessRequest; policies: Policies };

export type Authority = {
  /** Gathers what the engine needs. */
  gather: (question: Question) => Promise<Case>;
  /** The decision, and ECR's sentence when it is no. */
  ask: (question: Question) => Promise<{ decision: Decision; sentence: string | undefined }>;
  /** Throws AccessDenied with the sentence. */
  authorize: (question: Question) => Promise<void>;
};

const noTags: ReadonlyMap<string, string> = new Map();
const noPolicies: PrincipalPolicies = {
  identity: [],
  boundary: undefined,
  session: undefined,
  scps: [],
  tags: noTags,
};
const policyOf = ({ policy }: Compiled) => policy;

export function makeAuthority(db: Database): Authority {
  const policiesOfPrincipal = makePrincipalPolicyReader(db);

  const gather = async (question: Question): Promise<Case> => {
    const { caller, action, resource, ownerAccountId, facts } = question;
    const own = caller.kind === "principal" ? await policiesOfPrincipal(caller) : noPolicies;
    const theirs = await policiesOfResource(db.read, {
      resource,
      ownerAccountId,
      action,
      region: facts.region,
    });
    const all = [...own.identity, ...theirs, ...(own.session ?? []), ...own.scps.flat()];
    if (own.boundary) all.push(own.boundary);
    const resourceTags = all.some(({ asksResourceTags }) => asksResourceTags)
      ? await tagsOfResource(db.read, resource)
      : noTags;
    const context = contextOf({
      caller,
      facts,
      organization: await findOrganization(db.read),
      ownerAccountId,
      principalTags: own.tags,
      resourceTags,
      keys: await withImageTags(question, all),
    });
    return {
      request: {
        principal: caller.kind === "principal" ? caller.who : caller,
        action,
        resource,
        resourceAccountId: ownerAccountId,
        context,
      },
      policies: {
        identity: own.identity.map(policyOf),
        ...(own.boundary && { boundary: own.boundary.policy }),
        ...(own.session && { session: own.session.map(policyOf) }),
        scps: own.scps.map((level) => level.map(policyOf)),
        resource: theirs.map(policyOf),
      },
    };
  };

  const ask = async (question: Question) => {
    const { request, policies } = await gather(question);
    const decision = decide(request, policies);
    return { decision, sentence: decision.allowed ? undefined : sentenceOf(request, decision) };
  };

  return {
    gather,
    ask,
    authorize: async (question) => {
      const { sentence } = await ask(question);
      if (sentence !== undefined) throw fault("AccessDenied", { sentence });
    },
  };
}

async function withImageTags(
  { keys, imageTags }: Question,
  policies: readonly Compiled[],
): Promise<Question["keys"]> {
  if (!imageTags || !policies.some(({ asksImageTags }) => asksImageTags)) return keys;
  const tags = await imageTags();
  return tags.length === 0 ? keys : new Map([...(keys ?? []), ["ecr:imagetag", tags]]);
}
