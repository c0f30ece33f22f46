/**
 * May this caller do this to that, and why? Gathers every policy that meets in a request and asks the engine in
 * `policy/`. The check at the doors, `explain`, `who-can` and the simulator all come through here.
 */
import { limits } from "../../lib/limits.ts";
import type { Database } from "../../store/database.ts";
import { findOrganization, type Organization } from "../accounts/organizations.ts";
import type { Caller, WebIdentity } from "../caller.ts";
import type { Policy } from "../policy/document.ts";
import { type AccessRequest, type Decision, decide, type Policies } from "../policy/evaluate.ts";
import { sentenceOf } from "../policy/sentence.ts";
import type { Context } from "../policy/templates.ts";
import type { Compiled } from "./compiled.ts";
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
  /** The digest of an image that is meant by a tag, for `ecr:ImageDigest`; called only when a policy asks. */
  imageDigest?: (() => Promise<string | undefined>) | undefined;
  /** A policy that is not stored: it stands in for the resource's own of its kind. */
  proposed?: Compiled | undefined;
};

/** A question with everything that the engine takes. */
export type Case = { request: AccessRequest; policies: Policies };

type Answer = {
  decision: Decision;
  /** ECR's sentence when it is no. */
  sentence: string | undefined;
  /** The question's keys, and what a policy asked of the image. */
  keys: Question["keys"];
};

export type Authority = {
  /** Gathers what the engine needs. */
  gather: (question: Question) => Promise<Case>;
  ask: (question: Question) => Promise<Answer>;
};

const noTags: ReadonlyMap<string, string> = new Map();
const noPolicies: PrincipalPolicies = {
  identity: [],
  boundary: undefined,
  session: undefined,
  scps: [],
  tags: noTags,
};

/** Everything about a question that stays the same until the next transaction. */
type Plan = {
  /** Of the database, when it was read. */
  revision: number;
  policies: Policies;
  principalTags: ReadonlyMap<string, string>;
  resourceTags: ReadonlyMap<string, string>;
  organization: Organization;
  asksImage: boolean;
  /** The newest first. */
  answers: readonly KnownAnswer[];
};

/**
 * An answer with everything that the policies saw of the request's context on the way. The engine is a function of that:
 * a request in which they would see the same has the same answer.
 */
type KnownAnswer = Pick<Answer, "decision" | "sentence"> & {
  saw: readonly (readonly [key: string, values: readonly string[] | undefined])[];
};

export function makeAuthority(db: Database): Authority {
  const policiesOfPrincipal = makePrincipalPolicyReader(db);
  // The same caller comes as the same object until a transaction changes something (`credentials.ts`).
  const plans = new WeakMap<Question["caller"], Map<string, Plan>>();

  const planOf = async (question: Question): Promise<Plan> => {
    const { caller, action, resource, ownerAccountId, facts } = question;
    const key = `${action} ${ownerAccountId} ${facts.region} ${resource}`;
    let known = plans.get(caller);
    const kept = known?.get(key);
    // Taken before reading, so that a transaction in between makes the plan old.
    const revision = db.revision();
    if (question.proposed) return makePlan(question, revision);
    if (kept?.revision === revision) return kept;
    const plan = await makePlan(question, revision);
    if (!known || known.size >= limits.plansPerPrincipal) {
      known = new Map();
      plans.set(caller, known);
    }
    known.set(key, plan);
    return plan;
  };

  const makePlan = async (question: Question, revision: number): Promise<Plan> => {
    const { caller, action, resource, ownerAccountId, facts } = question;
    const own = caller.kind === "principal" ? await policiesOfPrincipal(caller) : noPolicies;
    const { region } = facts;
    const stored = await policiesOfResource(db.read, { resource, ownerAccountId, action, region });
    const theirs = withProposed(stored, question.proposed);
    const all = [...own.identity, ...theirs, ...(own.session ?? []), ...own.scps.flat()];
    if (own.boundary) all.push(own.boundary);
    return {
      revision,
      policies: {
        identity: own.identity.map(policyOf),
        ...(own.boundary && { boundary: own.boundary.policy }),
        ...(own.session && { session: own.session.map(policyOf) }),
        scps: own.scps.map((level) => level.map(policyOf)),
        resource: theirs.map(policyOf),
      },
      principalTags: own.tags,
      resourceTags: all.some(({ asksResourceTags }) => asksResourceTags)
        ? await tagsOfResource(db.read, resource)
        : noTags,
      organization: await findOrganization(db.read),
      asksImage: all.some(({ asksImage }) => asksImage),
      answers: [],
    };
  };

  const caseOf = (question: Question, { plan, keys }: { plan: Plan } & Pick<Question, "keys">): Case => {
    const { caller, action, resource, ownerAccountId, facts } = question;
    const { principalTags, resourceTags, organization, policies } = plan;
    const context = contextOf({
      caller,
      facts,
      organization,
      ownerAccountId,
      principalTags,
      resourceTags,
      keys,
    });
    const principal = caller.kind === "principal" ? caller.who : caller;
    return { request: { principal, action, resource, resourceAccountId: ownerAccountId, context }, policies };
  };

  const ask = async (question: Question): Promise<Answer> => {
    const plan = await planOf(question);
    const keys = await keysFor(question, plan);
    const { request, policies } = caseOf(question, { plan, keys });
    const known = plan.answers.find(({ saw }) =>
      saw.every(([key, values]) => isSame(request.context.get(key), values)),
    );
    if (known) return { decision: known.decision, sentence: known.sentence, keys };
    const saw = new Map<string, readonly string[] | undefined>();
    const context: Context = {
      get: (key) => {
        const values = request.context.get(key);
        saw.set(key, values);
        return values;
      },
    };
    const decision = decide({ ...request, context }, policies);
    const sentence = decision.allowed ? undefined : sentenceOf(request, decision);
    plan.answers = [
      { decision, sentence, saw: [...saw] },
      ...plan.answers.slice(0, limits.answersPerPlan - 1),
    ];
    return { decision, sentence, keys };
  };

  return {
    gather: async (question) => {
      const plan = await planOf(question);
      return caseOf(question, { plan, keys: await keysFor(question, plan) });
    },
    ask,
  };
}

function isSame(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.length === other.length && one.every((value, at) => value === other[at]);
}

function withProposed(stored: readonly Compiled[], proposed: Compiled | undefined): readonly Compiled[] {
  if (!proposed) return stored;
  return [...stored.filter(({ policy }) => policy.kind !== proposed.policy.kind), proposed];
}

function policyOf({ policy }: Compiled): Policy {
  return policy;
}

/** With what has to be fetched about the image, when a policy asks for it. */
async function keysFor(
  { keys, imageTags, imageDigest }: Question,
  { asksImage }: Plan,
): Promise<Question["keys"]> {
  if (!asksImage || !(imageTags || imageDigest)) return keys;
  const all = new Map(keys);
  const tags = (await imageTags?.()) ?? [];
  if (tags.length > 0) all.set("ecr:imagetag", tags);
  const digest = await imageDigest?.();
  if (digest !== undefined) all.set("ecr:imagedigest", [digest]);
  return all;
}
