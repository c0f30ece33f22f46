/** What a principal brings into a decision: its policies, boundary, session, service control policies and tags. */

import { LRUCache } from "lru-cache";
import { limits } from "../../lib/limits.ts";
import type { Database, Queryable } from "../../store/database.ts";
import { serviceControlPolicies } from "../accounts/organizations.ts";
import type { Principal } from "../caller.ts";
import { awsPolicies } from "../identities/aws-policies.ts";
import { type Compiled, compile } from "./compiled.ts";
import { policyNames } from "./policy-names.ts";

export type PrincipalPolicies = {
  identity: readonly Compiled[];
  boundary: Compiled | undefined;
  session: readonly Compiled[] | undefined;
  scps: readonly (readonly Compiled[])[];
  /** Of the identity and the session, keys in lower case: `aws:PrincipalTag` compares them so. */
  tags: ReadonlyMap<string, string>;
};

type OfIdentity = Pick<PrincipalPolicies, "identity" | "boundary" | "tags">;

const nothing: OfIdentity = { identity: [], boundary: undefined, tags: new Map() };

type Kept<T> = { revision: number; value: T };

type PrincipalPolicyReader = (principal: Principal) => Promise<PrincipalPolicies>;

/** Reads anew after every transaction, and compiles what is new in it. */
export function makePrincipalPolicyReader(db: Database): PrincipalPolicyReader {
  const identities = new LRUCache<string, Kept<OfIdentity>>({ max: limits.principalsInMemory });
  const accounts = new LRUCache<string, Kept<PrincipalPolicies["scps"]>>({ max: limits.principalsInMemory });

  const fresh = async <T>(
    cache: LRUCache<string, Kept<T>>,
    key: string,
    read: () => Promise<T>,
  ): Promise<T> => {
    // Taken before reading: a transaction in between makes what was read stale, not the other way round.
    const revision = db.revision();
    const known = cache.get(key);
    if (known?.revision === revision) return known.value;
    const value = await read();
    cache.set(key, { revision, value });
    return value;
  };

  return async ({ accountId, identityId, session }) => {
    const scps = await fresh(accounts, accountId, async () => {
      const levels = await serviceControlPolicies(db.read, accountId);
      return levels.map((level) => level.map((document) => compile({ kind: "scp", ...document })));
    });
    const own =
      identityId === undefined
        ? nothing
        : await fresh(identities, identityId, () => policiesOfIdentity(db.read, identityId));
    if (session === undefined) return { ...own, session: undefined, scps };
    return {
      ...own,
      session: session.policies?.map((document) => compile({ kind: "session", ...document })),
      scps,
      tags: withTags(own.tags, session.tags),
    };
  };
}

/** STS user guide, "Passing session tags": a session's tag overrides the identity's with the same key. */
function withTags(
  tags: ReadonlyMap<string, string>,
  more: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const own = Object.entries(more);
  if (own.length === 0) return tags;
  return new Map([...tags, ...own.map(([key, value]) => [key.toLowerCase(), value] as const)]);
}

/** The policies of a user with its groups', or of a role. */
async function policiesOfIdentity(db: Queryable, identityId: string): Promise<OfIdentity> {
  const holders = await db
    .selectFrom("identities")
    .select(["id", "boundary_arn as boundaryArn"])
    .where((where) =>
      where.or([
        where("id", "=", identityId),
        where("id", "in", (sub) =>
          sub.selectFrom("group_members").select("group_id").where("user_id", "=", identityId),
        ),
      ]),
    )
    .orderBy("id")
    .execute();
  const ids = holders.map(({ id }) => id);
  if (ids.length === 0) return nothing;
  const inline = await db
    .selectFrom("inline_policies as p")
    .innerJoin("identities as h", "h.id", "p.identity_id")
    .select(["p.name", "p.document", "h.kind as holderKind", "h.name as holderName"])
    .where("p.identity_id", "in", ids)
    .orderBy("p.identity_id")
    .orderBy("p.name")
    .execute();
  const attached = await db
    .selectFrom("policy_attachments")
    .select("policy_arn as arn")
    .distinct()
    .where("identity_id", "in", ids)
    .orderBy("policy_arn")
    .execute();
  const boundaryArn = holders.find(({ id }) => id === identityId)?.boundaryArn ?? undefined;
  const documents = await managedDocuments(db, [
    ...attached.map(({ arn }) => arn),
    ...(boundaryArn ? [boundaryArn] : []),
  ]);
  const tags = await db
    .selectFrom("identity_tags")
    .select(["key", "value"])
    .where("resource", "=", identityId)
    .execute();
  return {
    identity: [
      ...inline.map(({ name, document, holderKind, holderName }) => {
        const holder = { kind: holderKind, name: holderName };
        return compile({ kind: "identity", name: policyNames.inline(name, holder), text: document });
      }),
      ...attached.map(({ arn }) =>
        compile({ kind: "identity", name: policyNames.managed(arn), text: documents.get(arn) ?? nobody }),
      ),
    ],
    boundary:
      boundaryArn === undefined
        ? undefined
        : compile({
            kind: "boundary",
            name: policyNames.boundary(boundaryArn),
            text: documents.get(boundaryArn) ?? nobody,
          }),
    tags: new Map(tags.map(({ key, value }) => [key.toLowerCase(), value])),
  };
}

/** A policy that is attached cannot be deleted, so this is not seen unless the database was changed by hand. */
const nobody = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}';

/** The documents of managed policies in their default versions, by ARN. */
export async function managedDocuments(
  db: Queryable,
  arns: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const own = arns.filter((arn) => !awsPolicies.has(arn));
  const rows =
    own.length === 0
      ? []
      : await db
          .selectFrom("managed_policies as p")
          .innerJoin("managed_policy_versions as v", (join) =>
            join.onRef("v.policy_arn", "=", "p.arn").onRef("v.version", "=", "p.default_version"),
          )
          .select(["p.arn", "v.document"])
          .where("p.arn", "in", own)
          .execute();
  return new Map([
    ...arns.flatMap((arn) => {
      const document = awsPolicies.get(arn)?.document;
      return document === undefined ? [] : [[arn, document] as const];
    }),
    ...rows.map(({ arn, document }) => [arn, document] as const),
  ]);
}
