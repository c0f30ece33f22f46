/**
 * Who has a right: every principal of the owner's account, and whom the policies on the resource let in from outside. The
 * engine is asked about each of them, so the answer is the one that they would get.
 */
import { parseRepositoryArn } from "../../lib/arn.ts";
import { limits } from "../../lib/limits.ts";
import type { Database } from "../../store/database.ts";
import { anonymous, type Caller } from "../caller.ts";
import { arnOf, findIdentityById, type IdentityKind, listIdentities } from "../identities/identities.ts";
import { isTrustAction } from "../policy/actions.ts";
import type { Condition } from "../policy/conditions.ts";
import { type Policy, readPolicy } from "../policy/document.ts";
import type { Policies } from "../policy/evaluate.ts";
import type { RequestPrincipal } from "../policy/principals.ts";
import type { Statement } from "../policy/statements.ts";
import { ofIdentity, principalByArn, rootOf } from "../principals.ts";
import type { Action, Authority, Case } from "./authority.ts";
import type { RequestFacts } from "./request-context.ts";
import { conditionText, type IsFixed, type Standing, standingOf } from "./standing.ts";

type Right = Standing & {
  /** An ARN, an account's root, an organization's id, a service, an identity provider, or `*` for everyone. */
  principal: string;
  kind: "root" | "user" | "role" | "account" | "organization" | "service" | "provider" | "everyone";
  isCrossAccount: boolean;
  /** Whether it takes no credentials. */
  isPublic: boolean;
  /** Whether policies of the other account have to allow it too. */
  needsIdentityPolicy: boolean;
};

type WhoCan = {
  action: Action;
  resource: string;
  ownerAccountId: string;
  /** Milliseconds since the epoch. */
  at: number;
  region: string;
  /** From the page before. */
  after?: string | undefined;
};

type Deps = { db: Database; authority: Authority };

/** One page; `next` is absent on the last one. Every page asks about at most `limits.principalsPerPage` principals. */
export async function whoCan(
  deps: Deps,
  asked: WhoCan,
): Promise<{ rights: readonly Right[]; next?: string }> {
  const ask = asker(deps, asked);
  const first = asked.after === undefined ? await rightsFromOutside(deps, asked, ask) : [];
  const [kind = "user", after = ""] = asked.after?.split(" ") ?? [];
  const page = await identityPage(deps, {
    accountId: asked.ownerAccountId,
    kind: kind as IdentityKind,
    after,
  });
  const own: Right[] = [];
  for (const identity of page.identities) {
    const principal = ofIdentity(identity);
    const holder = roleOrUser(principal);
    const standing = standingOf(await ask(principal), fixedFor(holder, asked));
    if (standing) own.push({ ...inside, ...standing, principal: arnOf(identity), kind: holder });
  }
  return { rights: [...first, ...own], ...(page.next !== undefined && { next: page.next }) };
}

type Ask = (caller: Caller) => Promise<Case>;

function asker({ authority }: Deps, { action, resource, ownerAccountId, at, region }: WhoCan): Ask {
  const facts: RequestFacts = {
    sourceIp: undefined,
    isSecure: true,
    userAgent: undefined,
    referer: undefined,
    region: parseRepositoryArn(resource)?.region ?? region,
    at,
  };
  return (caller) => authority.gather({ caller, action, resource, ownerAccountId, facts });
}

/** Users first, then roles, in the order of their names. */
async function identityPage(
  { db }: Deps,
  { accountId, kind, after }: { accountId: string; kind: IdentityKind; after: string },
) {
  const limit = limits.principalsPerPage;
  const identities = await listIdentities(db.read, { accountId, kind, after, limit });
  const last = identities.at(-1);
  if (last && identities.length === limit) return { identities, next: `${kind} ${last.name_key}` };
  return { identities, ...(kind === "user" && { next: "role " }) };
}

const inside = { isCrossAccount: false, isPublic: false, needsIdentityPolicy: false } as const;
const outside = { ...inside, isCrossAccount: true } as const;

/** The owner's root, and whom the policies on the resource name, once for each way in which they let them in. */
async function rightsFromOutside(deps: Deps, asked: WhoCan, ask: Ask): Promise<Right[]> {
  const root = rootOf(asked.ownerAccountId);
  const own = await ask(root);
  // STS API, AssumeRole: no root can take on a role.
  const standing = isTrustAction(asked.action.toLowerCase())
    ? undefined
    : standingOf(own, fixedFor("root", asked));
  const rights: Right[] = standing ? [{ ...inside, ...standing, principal: root.arn, kind: "root" }] : [];
  for (const policy of own.policies.resource) {
    for (const statement of policy.statements) {
      if (statement.effect !== "Allow" || !statement.principals) continue;
      const { negated, texts } = statement.principals;
      // Everyone but somebody is nearly everyone.
      for (const text of negated ? ["*"] : texts.slice(0, limits.principalsPerPage)) {
        const right = await rightOfNamed(text, { deps, asked, ask, own, statement });
        const isKnown = ({ principal, conditions }: Right) =>
          principal === right?.principal && conditions.join() === right.conditions.join();
        if (right && !rights.some(isKnown)) rights.push(right);
      }
    }
  }
  return rights;
}

type Naming = {
  deps: Deps;
  asked: WhoCan;
  ask: Ask;
  /** The case of the owner's root, which has every policy on the resource. */
  own: Case;
  statement: Statement;
};

/** What one statement gives to one of its principals; `text` is as {@link Statement} has it, such as `AWS 111122223333`. */
async function rightOfNamed(text: string, naming: Naming): Promise<Right | undefined> {
  const [, type, name = "*"] = /^(AWS|Service|Federated|CanonicalUser) (.+)$/.exec(text) ?? [];
  switch (type) {
    case "Service":
    case "Federated": {
      const kind = type === "Service" ? "service" : "provider";
      const principal: RequestPrincipal = {
        kind: type === "Service" ? "service" : "web-identity",
        arn: name,
      };
      const standing = byStatement(
        { ...naming.own.request, principal },
        naming,
        fixedFor(kind, naming.asked),
      );
      return standing && { ...outside, ...standing, principal: name, kind };
    }
    case "CanonicalUser":
      return undefined;
    default:
      return name === "*" ? rightOfEveryone(naming) : rightOfArn(name, naming);
  }
}

/** Without credentials if that is enough, else as whoever the conditions let in. */
async function rightOfEveryone(naming: Naming): Promise<Right | undefined> {
  const { asked, ask, statement } = naming;
  const { request } = await ask(anonymous);
  const everyone = { ...outside, principal: "*", kind: "everyone" } as const;
  const open = byStatement(request, naming, fixedFor("anonymous", asked));
  if (open) return { ...everyone, ...open, isPublic: true };
  const known = byStatement(request, naming, fixedFor("somebody", asked));
  if (!known) return undefined;
  const organization = statement.conditions.find(isOrganization);
  if (!organization) return { ...everyone, ...known, needsIdentityPolicy: true };
  const conditions = known.conditions.filter((condition) => condition !== conditionText(organization));
  const [principal, kind] = [organization.wanted.join(", "), "organization"] as const;
  return { ...everyone, ...known, principal, kind, conditions, needsIdentityPolicy: true };
}

/** An account, a user, a role, or a session. What the account's own policies say is its own affair. */
async function rightOfArn(name: string, naming: Naming): Promise<Right | undefined> {
  const { deps, asked, ask } = naming;
  const byId = /^A(?:IDA|ROA)/.test(name) ? await findIdentityById(deps.db.read, name) : undefined;
  const arn = byId ? arnOf(byId) : name;
  const account = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/.exec(arn)?.[1];
  const accountId = account ?? /^arn:aws:(?:iam|sts)::(\d{12}):/.exec(arn)?.[1];
  const isOwn = accountId === asked.ownerAccountId;
  // The owner's identities are asked one by one; their sessions are not known until a policy names them.
  if (accountId === undefined || (isOwn && !arn.startsWith("arn:aws:sts:"))) return undefined;
  if (account !== undefined) {
    const { request } = await ask(rootOf(account));
    const standing = byStatement(request, naming, fixedFor("account", asked));
    const principal = rootOf(account).arn;
    return standing && { ...outside, ...standing, principal, kind: "account", needsIdentityPolicy: true };
  }
  const caller = await principalByArn(deps.db.read, arn);
  if (caller?.kind !== "principal") return undefined;
  const kind = roleOrUser(caller);
  const gathered = await ask(caller);
  const isFixed = fixedFor(kind, asked);
  const standing = isOwn ? standingOf(gathered, isFixed) : byStatement(gathered.request, naming, isFixed);
  if (!standing) return undefined;
  return { ...(isOwn ? inside : outside), ...standing, principal: arn, kind, needsIdentityPolicy: !isOwn };
}

function roleOrUser({ who }: Extract<Caller, { kind: "principal" }>): "role" | "user" {
  return who.kind === "role-session" ? "role" : "user";
}

/** What the statement gives by itself, as far as the owner's policies do not deny it. */
function byStatement(
  request: Case["request"],
  { own, statement }: Naming,
  isFixed: IsFixed,
): Standing | undefined {
  const resource = own.policies.resource.map((policy) => ({
    ...policy,
    statements: policy.statements.filter((one) => one.effect === "Deny" || one === statement),
  }));
  const policies: Policies = { identity: [allowAll], scps: [], resource };
  const standing = standingOf({ request, policies }, isFixed);
  if (!standing) return undefined;
  return { ...standing, through: standing.through.filter(({ policy }) => policy !== allowAll.name) };
}

const allowAll: Policy = (() => {
  const text = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}';
  const reading = readPolicy({ kind: "identity", name: "the other account's policies", text });
  if ("problems" in reading) throw new Error("The policy that allows everything cannot be read");
  return reading.policy;
})();

/** `somebody` is anybody with credentials. */
type Asker = "anonymous" | "somebody" | Exclude<Right["kind"], "everyone" | "organization">;

const ofAccount = ["aws:principalaccount", "aws:principalorgid", "aws:principalorgpaths"];
const ofPrincipal = [...ofAccount, "aws:principalarn", "aws:principaltype", "aws:username"];

/** The keys that have one value in all requests of who asks. */
const fixedKeys: Readonly<Record<Asker, readonly string[]>> = {
  anonymous: [...ofPrincipal, "aws:userid", "aws:sourceidentity", "aws:federatedprovider"],
  somebody: [],
  account: ofAccount,
  root: [...ofPrincipal, "aws:userid"],
  user: [...ofPrincipal, "aws:userid"],
  // A session has a name, and can have tags of its own.
  role: ofPrincipal,
  service: [],
  provider: [],
};

function fixedFor(asker: Asker, { resource }: WhoCan): IsFixed {
  const keys = new Set([
    ...fixedKeys[asker],
    "aws:resourceaccount",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
  ]);
  if (parseRepositoryArn(resource)) keys.add("aws:requestedregion");
  const hasFixedTags = asker === "user" || asker === "root" || asker === "anonymous";
  return (key) =>
    keys.has(key) ||
    /^(?:aws|ecr):resourcetag\//.test(key) ||
    (hasFixedTags && key.startsWith("aws:principaltag/"));
}

function isOrganization({ operator, key }: Condition): boolean {
  return /^String(?:Equals|Like)$/.test(operator) && key.toLowerCase() === "aws:principalorgid";
}
