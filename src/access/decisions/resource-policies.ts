/** What a resource brings into a decision: the policies on it, and its tags. */

import { parseIamArn, parseRepositoryArn, rootArn } from "../../lib/arn.ts";
import { prepared, type Queryable } from "../../store/database.ts";
import { isTrustAction } from "../policy/actions.ts";
import { type Compiled, compile } from "./compiled.ts";
import { policyNames } from "./policy-names.ts";

const repositoryFacts = prepared<
  [string, string, string],
  { id: number; policyText: string | null; principalIds: string | null }
>((db) =>
  db
    .selectFrom("repositories as r")
    .leftJoin("repository_policies as p", "p.repository_id", "r.id")
    .select(["r.id", "p.policy_text as policyText", "p.principal_ids as principalIds"])
    .where("r.account_id", "=", "")
    .where("r.region", "=", "")
    .where("r.name", "=", "")
    .where("r.deleted_at", "is", null),
);

const registryFacts = prepared<
  [string, string, string, string],
  { policyText: string | null; principalIds: string | null; scope: string | null }
>((db) =>
  db
    .selectFrom("accounts as a")
    .leftJoin("registry_policies as p", (join) =>
      join.onRef("p.account_id", "=", "a.id").on("p.region", "=", ""),
    )
    .leftJoin("account_settings as s", (join) =>
      join.onRef("s.account_id", "=", "a.id").on("s.region", "=", "").on("s.name", "=", registryPolicyScope),
    )
    .select(["p.policy_text as policyText", "p.principal_ids as principalIds", "s.value as scope"])
    .where("a.id", "=", ""),
);

/** ECR's account setting that says for which actions a registry policy counts. */
export const registryPolicyScope = "REGISTRY_POLICY_SCOPE";

type Asked = { resource: string; ownerAccountId: string; region: string; action: string };

/** The policy of a repository and of its registry, or a role's trust policy. */
export async function policiesOfResource(db: Queryable, asked: Asked): Promise<readonly Compiled[]> {
  const { resource, ownerAccountId, action } = asked;
  if (action.startsWith("ecr:")) {
    const repository = parseRepositoryArn(resource);
    const registry = await registryPolicy(db, ownerAccountId, repository?.region ?? asked.region);
    if (!repository) return registry;
    const { accountId, region, repositoryName } = repository;
    const facts = await repositoryFacts(db, accountId, region, repositoryName);
    if (!facts || facts.policyText === null) return registry;
    const name = policyNames.repository(resource);
    const own = compile({
      kind: "repository",
      name,
      text: facts.policyText,
      uniqueIds: uniqueIdsIn(facts.principalIds),
    });
    return [own, ...registry];
  }
  return isTrustAction(action.toLowerCase()) ? trustPolicy(db, resource) : [];
}

async function registryPolicy(
  db: Queryable,
  accountId: string,
  region: string,
): Promise<readonly Compiled[]> {
  const facts = await registryFacts(db, region, region, registryPolicyScope, accountId);
  if (!facts || facts.policyText === null) return [];
  const name = policyNames.registry({ accountId, region });
  const scope = facts.scope === "V1" ? "V1" : "V2";
  return [
    compile({
      kind: "registry",
      name,
      text: facts.policyText,
      uniqueIds: uniqueIdsIn(facts.principalIds),
      scope,
    }),
  ];
}

async function trustPolicy(db: Queryable, roleArn: string): Promise<readonly Compiled[]> {
  const federated = /^arn:aws:sts::(\d{12}):federated-user\//.exec(roleArn)?.[1];
  if (federated !== undefined) return [trustOfFederatedUsers(federated)];
  const role = await identityOf(db, roleArn);
  if (!role || role.trustPolicy === null) return [];
  const uniqueIds = uniqueIdsIn(role.trustPrincipalIds);
  return [compile({ kind: "trust", name: policyNames.trust(roleArn), text: role.trustPolicy, uniqueIds })];
}

/** Nobody writes one for federated users: who may tag their sessions is a matter of their account's own policies. */
function trustOfFederatedUsers(accountId: string): Compiled {
  const allow = { Effect: "Allow", Principal: { AWS: rootArn(accountId) }, Action: "sts:TagSession" };
  const text = JSON.stringify({ Version: "2012-10-17", Statement: [allow] });
  return compile({ kind: "trust", name: `trust in federated users of account ${accountId}`, text });
}

function identityOf(db: Queryable, arn: string) {
  const parsed = parseIamArn(arn);
  if (!parsed) return undefined;
  return (
    db
      .selectFrom("identities")
      .select(["id", "trust_policy as trustPolicy", "trust_principal_ids as trustPrincipalIds"])
      .where("account_id", "=", parsed.accountId)
      .where("kind", "=", parsed.kind)
      .where("name_key", "=", parsed.name.toLowerCase())
      // The ARN itself and no other spelling of it: a denial names it as it is written.
      .where("name", "=", parsed.name)
      .where("path", "=", parsed.path)
      .executeTakeFirst()
  );
}

/** Unique ids by ARN, as they were when the policy was written. `principalIds` is the column beside its text. */
export function uniqueIdsIn(principalIds: string | null): ReadonlyMap<string, string> {
  return principalIds === null
    ? new Map()
    : new Map(Object.entries(JSON.parse(principalIds) as Record<string, string>));
}

/** The tags of a repository, a user, a role or a policy, as {@link tagsByKey}; none for anything else. */
export async function tagsOfResource(db: Queryable, resource: string): Promise<ReadonlyMap<string, string>> {
  const repository = parseRepositoryArn(resource);
  const rows = repository
    ? await db
        .selectFrom("repository_tags as t")
        .innerJoin("repositories as r", "r.id", "t.repository_id")
        .select(["t.key", "t.value"])
        .where("r.account_id", "=", repository.accountId)
        .where("r.region", "=", repository.region)
        .where("r.name", "=", repository.repositoryName)
        .where("r.deleted_at", "is", null)
        .execute()
    : await db
        .selectFrom("identity_tags")
        .select(["key", "value"])
        .where("resource", "in", [resource, (await identityOf(db, resource))?.id ?? resource])
        .execute();
  return tagsByKey(rows);
}

/**
 * Tags by key in lower case, as conditions ask for them. IAM user guide, "Controlling access to AWS resources using
 * tags": a condition matches TagKey1 or tagkey1, but not both. So who adds the other spelling of a key takes the tag
 * away, and cannot put a value of its own in its place.
 */
export function tagsByKey(tags: readonly { key: string; value: string }[]): ReadonlyMap<string, string> {
  const spellings = Map.groupBy(tags, ({ key }) => key.toLowerCase());
  const single = [...spellings].filter(([, same]) => same.every(({ key }) => key === same[0]?.key));
  return new Map(single.map(([key, same]) => [key, same.at(-1)?.value ?? ""]));
}
