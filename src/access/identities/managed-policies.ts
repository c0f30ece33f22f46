/**
 * Managed policies: a customer's, which are the rows of `managed_policies` and `managed_policy_versions`, and AWS's own.
 * Documents are kept as they were written.
 */
import { sql } from "kysely";
import { iamArn, parseIamArn } from "../../lib/arn.ts";
import type { Clock } from "../../lib/clock.ts";
import { fault } from "../../lib/faults.ts";
import type { Ids } from "../../lib/ids.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import type { Queryable, Tx } from "../../store/database.ts";
import type { Tables } from "../../store/tables.ts";
import { uniqueId } from "../unique-ids.ts";
import { type AwsPolicy, awsPolicies } from "./aws-policies.ts";
import { removeAllTags } from "./identity-tags.ts";
import { policySize } from "./policy-text.ts";
import { serviceRolePath } from "./service-linked-roles.ts";

export type ManagedPolicy = {
  arn: string;
  /** `ANPA…` */
  id: string;
  name: string;
  path: string;
  description: string | null;
  /** Such as `v1`. */
  defaultVersionId: string;
  createdAt: number;
  updatedAt: number;
  isAws: boolean;
};

export type PolicyVersion = { versionId: string; document: string; createdAt: number; isDefault: boolean };

type Context = { ids: Ids; clock: Clock };
type PolicyRow = Tables["managed_policies"];

/** Throws EntityExists, and EntityLimitExceeded for a document or an account that has too much. */
export async function createManagedPolicy(
  tx: Tx,
  { ids, clock }: Context,
  policy: {
    accountId: string;
    name: string;
    path: string;
    description: string | undefined;
    document: string;
  },
): Promise<ManagedPolicy> {
  const { accountId, name, path, description = null, document } = policy;
  checkSize(document);
  const { count } = await tx
    .selectFrom("managed_policies")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  if (count >= limits.managedPoliciesPerAccount) {
    throw fault("EntityLimitExceeded", {
      reason: `Cannot exceed quota for PoliciesPerAccount: ${limits.managedPoliciesPerAccount}`,
    });
  }
  const now = clock.now();
  const arn = iamArn({ accountId, kind: "policy", path, name });
  const row = await tx
    .insertInto("managed_policies")
    .values({
      arn,
      id: uniqueId(ids, "ANPA"),
      account_id: accountId,
      name,
      name_key: name.toLowerCase(),
      path,
      description,
      default_version: 1,
      latest_version: 1,
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.columns(["account_id", "name_key"]).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!row) {
    throw fault("EntityExists", {
      reason: `A policy called ${name} already exists. Duplicate names are not allowed.`,
    });
  }
  await insertVersion(tx, { arn, version: 1, document, now });
  return ofRow(row);
}

/** Throws InvalidInput for what is no ARN of a policy. */
async function findManagedPolicy(db: Queryable, arn: string): Promise<ManagedPolicy | undefined> {
  checkPolicyArn(arn);
  const aws = awsPolicies.get(arn);
  if (aws) return ofAws(aws);
  const row = await db.selectFrom("managed_policies").selectAll().where("arn", "=", arn).executeTakeFirst();
  return row && ofRow(row);
}

/** Throws EntityNotFound. */
export async function getManagedPolicy(db: Queryable, arn: string): Promise<ManagedPolicy> {
  const found = await findManagedPolicy(db, arn);
  if (!found) throw notFound(arn);
  return found;
}

/** A policy that identities of the account can have: its own, or one of AWS. Throws InvalidInput as above. */
export async function findUsablePolicy(
  db: Queryable,
  { accountId, arn }: { accountId: string; arn: string },
): Promise<ManagedPolicy | undefined> {
  const policy = await findManagedPolicy(db, arn);
  return policy?.isAws || parseIamArn(arn)?.accountId === accountId ? policy : undefined;
}

/** Whether only the role of a service has it. */
export function isForServicesOnly({ isAws, path }: ManagedPolicy): boolean {
  return isAws && path === serviceRolePath;
}

/** A policy that may be changed. Throws InvalidInput for AWS's own. */
export async function getCustomerPolicy(tx: Tx, arn: string): Promise<ManagedPolicy> {
  const policy = await getManagedPolicy(tx, arn);
  if (policy.isAws) throw fault("InvalidInput", { reason: "Policy is outside your own account." });
  return policy;
}

/** What users, groups and roles of the account do with a policy. */
export type Usage = {
  /** How many it is attached to. */
  attachments: number;
  /** How many it is the permissions boundary of. */
  boundaries: number;
};

/** AWS's policies are used in many accounts, and each counts its own. */
export async function usageOf(db: Queryable, accountId: string, arn: string): Promise<Usage> {
  const attachments = await db
    .selectFrom("policy_attachments as a")
    .innerJoin("identities as i", "i.id", "a.identity_id")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("a.policy_arn", "=", arn)
    .where("i.account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  const boundaries = await db
    .selectFrom("identities")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("boundary_arn", "=", arn)
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return { attachments: Number(attachments.count), boundaries: Number(boundaries.count) };
}

type PolicyFilter = {
  accountId: string;
  scope: "All" | "AWS" | "Local";
  pathPrefix: string;
  /** Only those that are used so; all when absent. */
  usedAs: "attachment" | "boundary" | "either" | undefined;
};

/** A policy in a list: `key` is its place, and of a form that is not told. */
export type ListedPolicy = { policy: ManagedPolicy; usage: Usage; key: string };

/** One page: the account's own in the order of their names, then AWS's in the order of theirs. */
export async function listManagedPolicies(
  db: Queryable,
  filter: PolicyFilter,
  { after, limit }: { after: string; limit: number },
): Promise<ListedPolicy[]> {
  const own =
    filter.scope === "AWS" || after.startsWith(awsKey)
      ? []
      : await listOwn(db, filter, { after: after.slice(ownKey.length), limit });
  if (filter.scope === "Local" || own.length >= limit) return own;
  const listed = [...own];
  for (const aws of [...awsPolicies.values()].toSorted(byLowerName)) {
    const key = awsKey + aws.name.toLowerCase();
    if (key <= after || !aws.path.startsWith(filter.pathPrefix)) continue;
    const usage = await usageOf(db, filter.accountId, aws.arn);
    if (isUsed(usage, filter.usedAs)) listed.push({ policy: ofAws(aws), usage, key });
    if (listed.length === limit) break;
  }
  return listed;
}

/** The newest first. A policy has few; AWS's have the one that counts. */
export async function versionsOf(db: Queryable, policy: ManagedPolicy): Promise<PolicyVersion[]> {
  const aws = awsPolicies.get(policy.arn);
  if (aws) {
    const { version: versionId, document, createdAt } = aws;
    return [{ versionId, document, createdAt, isDefault: true }];
  }
  const rows = await db
    .selectFrom("managed_policy_versions")
    .select(["version", "document", "created_at as createdAt"])
    .where("policy_arn", "=", policy.arn)
    .orderBy("version", "desc")
    .execute();
  return rows.map(({ version, ...rest }) => {
    const versionId = `v${version}`;
    return { versionId, ...rest, isDefault: versionId === policy.defaultVersionId };
  });
}

/** Throws EntityNotFound. */
export async function getVersion(
  db: Queryable,
  policy: ManagedPolicy,
  versionId: string,
): Promise<PolicyVersion> {
  const found = (await versionsOf(db, policy)).find((version) => version.versionId === versionId);
  if (found) return found;
  throw fault("EntityNotFound", {
    reason: `Policy ${policy.arn} version ${versionId} does not exist or is not attachable.`,
  });
}

/** Throws EntityLimitExceeded when there are as many as there can be. */
export async function createVersion(
  tx: Tx,
  { clock }: Pick<Context, "clock">,
  { policy, document, isDefault }: { policy: ManagedPolicy; document: string; isDefault: boolean },
): Promise<PolicyVersion> {
  checkSize(document);
  if ((await versionsOf(tx, policy)).length >= limits.managedPolicyVersions) {
    throw fault("EntityLimitExceeded", {
      reason: `A managed policy can have up to ${limits.managedPolicyVersions} versions. Before you create a new version, you must delete an existing version.`,
    });
  }
  const now = clock.now();
  // The number of a version that was deleted is not used again.
  const { latest_version: version } = await tx
    .updateTable("managed_policies")
    .set((e) => ({ latest_version: e("latest_version", "+", 1), updated_at: now }))
    .where("arn", "=", policy.arn)
    .returning("latest_version")
    .executeTakeFirstOrThrow();
  await insertVersion(tx, { arn: policy.arn, version, document, now });
  const versionId = `v${version}`;
  if (isDefault) await setDefaultVersion(tx, policy, versionId);
  return { versionId, document, createdAt: now, isDefault };
}

/** Throws EntityNotFound. */
export async function setDefaultVersion(tx: Tx, policy: ManagedPolicy, versionId: string): Promise<void> {
  await getVersion(tx, policy, versionId);
  await tx
    .updateTable("managed_policies")
    .set({ default_version: numberOf(versionId) })
    .where("arn", "=", policy.arn)
    .execute();
}

/** Throws EntityNotFound, and DeleteConflict for the default version. */
export async function deleteVersion(tx: Tx, policy: ManagedPolicy, versionId: string): Promise<void> {
  const { isDefault } = await getVersion(tx, policy, versionId);
  if (isDefault) throw conflict("Cannot delete the default version of a policy.");
  await tx
    .deleteFrom("managed_policy_versions")
    .where("policy_arn", "=", policy.arn)
    .where("version", "=", numberOf(versionId))
    .execute();
}

/** Throws DeleteConflict while it is used, and while it has versions beside the default. */
export async function deleteManagedPolicy(tx: Tx, policy: ManagedPolicy, accountId: string): Promise<void> {
  const { attachments, boundaries } = await usageOf(tx, accountId, policy.arn);
  if (attachments + boundaries > 0) throw conflict("Cannot delete a policy attached to entities.");
  if ((await versionsOf(tx, policy)).length > 1) {
    throw conflict(
      "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
    );
  }
  await tx.deleteFrom("managed_policy_versions").where("policy_arn", "=", policy.arn).execute();
  await tx.deleteFrom("managed_policies").where("arn", "=", policy.arn).execute();
  await removeAllTags(tx, policy.arn);
}

/** Throws InvalidInput. */
export function checkPolicyArn(arn: string): void {
  if (parseIamArn(arn)?.kind !== "policy")
    throw fault("InvalidInput", { reason: `ARN ${echo(arn)} is not valid.` });
}

function checkSize(document: string): void {
  if (policySize(document) <= limits.managedPolicyCharacters) return;
  throw fault("EntityLimitExceeded", {
    reason: `Cannot exceed quota for PolicySize: ${limits.managedPolicyCharacters}`,
  });
}

async function insertVersion(
  tx: Tx,
  { arn, version, document, now }: { arn: string; version: number; document: string; now: number },
): Promise<void> {
  await tx
    .insertInto("managed_policy_versions")
    .values({ policy_arn: arn, version, document, created_at: now })
    .execute();
}

const ownKey = "0";
const awsKey = "1";

async function listOwn(
  db: Queryable,
  { accountId, pathPrefix, usedAs }: PolicyFilter,
  { after, limit }: { after: string; limit: number },
): Promise<ListedPolicy[]> {
  const attachments = sql<number>`(select count(*) from policy_attachments a where a.policy_arn = p.arn)`;
  const boundaries = sql<number>`(select count(*) from identities i where i.boundary_arn = p.arn)`;
  const rows = await db
    .selectFrom("managed_policies as p")
    .selectAll("p")
    .select([attachments.as("attachments"), boundaries.as("boundaries")])
    .where("p.account_id", "=", accountId)
    .where("p.name_key", ">", after)
    .where("p.path", ">=", pathPrefix)
    .where("p.path", "<", `${pathPrefix}\u007f`)
    .$if(usedAs === "attachment", (query) => query.where(attachments, ">", 0))
    .$if(usedAs === "boundary", (query) => query.where(boundaries, ">", 0))
    .$if(usedAs === "either", (query) => query.where(sql`${attachments} + ${boundaries}`, ">", 0))
    .orderBy("p.name_key")
    .limit(limit)
    .execute();
  return rows.map(({ attachments, boundaries, ...row }) => ({
    policy: ofRow(row),
    usage: { attachments, boundaries },
    key: ownKey + row.name_key,
  }));
}

function isUsed({ attachments, boundaries }: Usage, usedAs: PolicyFilter["usedAs"]): boolean {
  if (usedAs === undefined) return true;
  return (usedAs !== "boundary" && attachments > 0) || (usedAs !== "attachment" && boundaries > 0);
}

const byLowerName = (a: AwsPolicy, b: AwsPolicy) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1);

function ofRow(row: PolicyRow): ManagedPolicy {
  const { arn, id, name, path, description } = row;
  return {
    arn,
    id,
    name,
    path,
    description,
    defaultVersionId: `v${row.default_version}`,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    isAws: false,
  };
}

function ofAws({ arn, id, name, path, description, version, createdAt }: AwsPolicy): ManagedPolicy {
  const times = { createdAt, updatedAt: createdAt };
  return { arn, id, name, path, description, defaultVersionId: version, ...times, isAws: true };
}

/** 0 for a version that there cannot be, such as `v1.a`. */
const numberOf = (versionId: string) => (/^v\d{1,9}$/.test(versionId) ? Number(versionId.slice(1)) : 0);

const notFound = (arn: string) => fault("EntityNotFound", { reason: `Policy ${arn} was not found.` });

const conflict = (reason: string) => fault("DeleteConflict", { reason });
