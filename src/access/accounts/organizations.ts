/** The organization that all accounts of the installation are in, and its service control policies. */
import type { Clock } from "../../lib/clock.ts";
import { fault } from "../../lib/faults.ts";
import type { Ids } from "../../lib/ids.ts";
import { limits } from "../../lib/limits.ts";
import { prepared, type Queryable, type Tx } from "../../store/database.ts";
import { readPolicy } from "../policy/document.ts";
import { kinds } from "../policy/kinds.ts";
import { problemText } from "../policy/problems.ts";
import { lowerCaseId } from "../unique-ids.ts";

export type Organization = {
  /** `o-…` */
  id: string;
  /** `r-…` */
  rootId: string;
  /** Service control policies do not bind it. */
  managementAccountId: string;
  /** 1 while service control policies count. */
  scpEnabled: number;
};

/** Allows everything; every target has it until somebody detaches it. Organizations user guide, "SCPs". */
const fullAccess = {
  id: "p-FullAWSAccess",
  name: "FullAWSAccess",
  description: "Allows access to every operation",
  document: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
} as const;

const organization = prepared<[], Organization>((db) =>
  db
    .selectFrom("organizations")
    .select([
      "id",
      "root_id as rootId",
      "management_account_id as managementAccountId",
      "scp_enabled as scpEnabled",
    ]),
);

export async function findOrganization(db: Queryable): Promise<Organization> {
  const found = await organization(db);
  if (!found) throw new Error("The organization is made at the first start, and it is not there");
  return found;
}

export async function organizationExists(db: Queryable): Promise<boolean> {
  return (await organization(db)) !== undefined;
}

/** Makes the organization unless there is one. */
export async function ensureOrganization(tx: Tx, ids: Ids, managementAccountId: string): Promise<void> {
  if (await organizationExists(tx)) return;
  const rootId = lowerCaseId(ids, "r-", 4);
  await tx
    .insertInto("organizations")
    .values({
      id: lowerCaseId(ids, "o-", 10),
      root_id: rootId,
      management_account_id: managementAccountId,
      scp_enabled: 1,
    })
    .execute();
  await joinOrganization(tx, rootId);
  const accounts = await tx.selectFrom("accounts").select("id").execute();
  for (const { id } of accounts) await joinOrganization(tx, id);
}

/** Gives a new target the policy that allows everything. `targetId` is an account or the root. */
export async function joinOrganization(tx: Tx, targetId: string): Promise<void> {
  await tx
    .insertInto("organization_policy_targets")
    .values({ policy_id: fullAccess.id, target_id: targetId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The documents that bind an account, from the root down; each level has to allow. */
export async function serviceControlPolicies(
  db: Queryable,
  accountId: string,
): Promise<readonly (readonly { name: string; text: string }[])[]> {
  const { rootId, managementAccountId, scpEnabled } = await findOrganization(db);
  if (scpEnabled === 0 || accountId === managementAccountId) return [];
  const rows = await db
    .selectFrom("organization_policy_targets as t")
    .leftJoin("organization_policies as p", "p.id", "t.policy_id")
    .select(["t.target_id as targetId", "t.policy_id as id", "p.name", "p.document"])
    .where("t.target_id", "in", [rootId, accountId])
    .orderBy("t.policy_id")
    .execute();
  return [rootId, accountId].map((target) =>
    rows
      .filter(({ targetId }) => targetId === target)
      .map(({ id, name, document }) => ({
        name: `service control policy ${name ?? fullAccess.name} (${id}) on ${target}`,
        text: document ?? fullAccess.document,
      })),
  );
}

/** A service control policy; `isAws` for the one that AWS has made. */
export type OrganizationPolicy = {
  id: string;
  name: string;
  description: string;
  document: string;
  isAws: boolean;
};

const aws: OrganizationPolicy = { ...fullAccess, isAws: true };

const columns = ["id", "name", "description", "document"] as const;

/** A page of rows with ids behind `after`. */
type Page = { after: string; limit: number };

export async function findPolicy(db: Queryable, id: string): Promise<OrganizationPolicy | undefined> {
  if (id === aws.id) return aws;
  const row = await db
    .selectFrom("organization_policies")
    .select(columns)
    .where("id", "=", id)
    .executeTakeFirst();
  return row && { ...row, isAws: false };
}

/** Throws OrganizationPolicyNotFound. */
export async function getPolicy(db: Queryable, id: string): Promise<OrganizationPolicy> {
  const found = await findPolicy(db, id);
  if (!found) throw fault("OrganizationPolicyNotFound", { id });
  return found;
}

/** In the order of ids, AWS's own among them. */
export async function listPolicies(db: Queryable, { after, limit }: Page): Promise<OrganizationPolicy[]> {
  const rows = await db
    .selectFrom("organization_policies")
    .select(columns)
    .where("id", ">", after)
    .orderBy("id")
    .limit(limit)
    .execute();
  const own = rows.map((row) => ({ ...row, isAws: false }));
  const all = after < aws.id ? [aws, ...own].toSorted((a, b) => (a.id < b.id ? -1 : 1)) : own;
  return all.slice(0, limit);
}

type Content = Pick<OrganizationPolicy, "name" | "description" | "document">;

/** Throws MalformedPolicyDocument, DuplicatePolicy and ConstraintViolation. */
export async function createPolicy(
  tx: Tx,
  { ids, clock }: { ids: Ids; clock: Clock },
  content: Content,
): Promise<OrganizationPolicy> {
  checkDocument(content.document);
  await checkName(tx, content.name);
  const { count } = await tx
    .selectFrom("organization_policies")
    .select((e) => e.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  if (count >= limits.organizationPolicies) {
    violate(
      "POLICY_NUMBER_LIMIT_EXCEEDED",
      `An organization can have at most ${limits.organizationPolicies} service control policies.`,
    );
  }
  const row = { ...content, id: lowerCaseId(ids, "p-", 10) };
  await tx
    .insertInto("organization_policies")
    .values({ ...row, created_at: clock.now() })
    .execute();
  return { ...row, isAws: false };
}

/** What is absent stays. Throws as {@link createPolicy}, and InvalidInput for AWS's own. */
export async function updatePolicy(
  tx: Tx,
  policy: OrganizationPolicy,
  change: { [Member in keyof Content]?: Content[Member] | undefined },
): Promise<OrganizationPolicy> {
  checkMutable(policy);
  const content = {
    name: change.name ?? policy.name,
    description: change.description ?? policy.description,
    document: change.document ?? policy.document,
  };
  checkDocument(content.document);
  if (content.name !== policy.name) await checkName(tx, content.name);
  await tx.updateTable("organization_policies").set(content).where("id", "=", policy.id).execute();
  return { ...policy, ...content };
}

/** Throws PolicyInUse while it is attached, and InvalidInput for AWS's own. */
export async function deletePolicy(tx: Tx, policy: OrganizationPolicy): Promise<void> {
  checkMutable(policy);
  const [target] = await targetsOf(tx, policy.id, { after: "", limit: 1 });
  if (target !== undefined) throw fault("PolicyInUse", { policyId: policy.id });
  await tx.deleteFrom("organization_policies").where("id", "=", policy.id).execute();
}

/** The ids of the targets that a policy is attached to, in their order: accounts, then the root. */
export async function targetsOf(
  db: Queryable,
  policyId: string,
  { after, limit }: Page,
): Promise<readonly string[]> {
  const rows = await db
    .selectFrom("organization_policy_targets")
    .select("target_id as id")
    .where("policy_id", "=", policyId)
    .where("target_id", ">", after)
    .orderBy("target_id")
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** The policies of a target in the order of their ids; a quota bounds them. */
export async function policiesOf(db: Queryable, targetId: string): Promise<readonly OrganizationPolicy[]> {
  const rows = await db
    .selectFrom("organization_policy_targets as t")
    .leftJoin("organization_policies as p", "p.id", "t.policy_id")
    .select(["t.policy_id as id", "p.name", "p.description", "p.document"])
    .where("t.target_id", "=", targetId)
    .orderBy("t.policy_id")
    .execute();
  return rows.map(({ id, name, description, document }) =>
    name === null || description === null || document === null
      ? aws
      : { id, name, description, document, isAws: false },
  );
}

/** Throws PolicyTypeNotEnabled, DuplicatePolicyAttachment and ConstraintViolation. */
export async function attachToTarget(
  tx: Tx,
  { policyId, targetId }: { policyId: string; targetId: string },
): Promise<void> {
  await checkEnabled(tx);
  const attached = await policiesOf(tx, targetId);
  if (attached.some(({ id }) => id === policyId)) {
    throw fault("DuplicatePolicyAttachment", { policyId, targetId });
  }
  if (attached.length >= limits.policiesPerTarget) {
    violate(
      "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
      `You have exceeded the maximum number of policies of a type that a target can have, which is ${limits.policiesPerTarget}.`,
    );
  }
  await tx
    .insertInto("organization_policy_targets")
    .values({ policy_id: policyId, target_id: targetId })
    .execute();
}

/** Throws PolicyTypeNotEnabled, PolicyNotAttached, and ConstraintViolation for the last one of a target. */
export async function detachFromTarget(
  tx: Tx,
  { policyId, targetId }: { policyId: string; targetId: string },
): Promise<void> {
  await checkEnabled(tx);
  const attached = await policiesOf(tx, targetId);
  if (!attached.some(({ id }) => id === policyId)) throw fault("PolicyNotAttached", { policyId, targetId });
  if (attached.length === 1) {
    violate(
      "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
      "You cannot remove the last policy attached to the specified target. You must have at least one attached at all times.",
    );
  }
  await tx
    .deleteFrom("organization_policy_targets")
    .where("policy_id", "=", policyId)
    .where("target_id", "=", targetId)
    .execute();
}

/**
 * Lets service control policies count. All targets begin with the one that allows everything. Throws
 * PolicyTypeAlreadyEnabled.
 */
export async function enableScps(tx: Tx): Promise<void> {
  const { rootId, scpEnabled } = await findOrganization(tx);
  if (scpEnabled === 1) throw fault("PolicyTypeAlreadyEnabled", { type: scpType });
  await tx.updateTable("organizations").set({ scp_enabled: 1 }).execute();
  await joinOrganization(tx, rootId);
  await tx
    .insertInto("organization_policy_targets")
    .columns(["policy_id", "target_id"])
    .expression((e) =>
      e
        .selectFrom("accounts")
        .select((of) => [of.val(fullAccess.id).as("policy_id"), "id"])
        // SQLite cannot tell ON CONFLICT from the ON of a join without a WHERE before it.
        .where("id", "!=", ""),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/**
 * Lets them count no more, and detaches all of them, as Organizations does (user guide, "Disabling a policy type").
 * Throws PolicyTypeNotEnabled.
 */
export async function disableScps(tx: Tx): Promise<void> {
  await checkEnabled(tx);
  await tx.updateTable("organizations").set({ scp_enabled: 0 }).execute();
  await tx.deleteFrom("organization_policy_targets").execute();
}

export const scpType = "SERVICE_CONTROL_POLICY";

async function checkEnabled(tx: Tx): Promise<void> {
  if ((await findOrganization(tx)).scpEnabled === 0) throw fault("PolicyTypeNotEnabled", { type: scpType });
}

function checkDocument(text: string): void {
  const { maxCharacters } = kinds.scp;
  if (text.length > maxCharacters) {
    violate(
      "POLICY_CONTENT_LIMIT_EXCEEDED",
      `The policy has ${text.length} characters; ${maxCharacters} are the most.`,
    );
  }
  const reading = readPolicy({ kind: "scp", name: "the policy", text });
  if ("problems" in reading) {
    throw fault("MalformedPolicyDocument", { reason: problemText(reading.problems[0]) });
  }
}

async function checkName(tx: Tx, name: string): Promise<void> {
  const other = await tx
    .selectFrom("organization_policies")
    .select("id")
    .where("name", "=", name)
    .executeTakeFirst();
  if (other || name === aws.name) throw fault("DuplicatePolicy", { name });
}

function checkMutable({ isAws, name }: OrganizationPolicy): void {
  if (!isAws) return;
  const reason = `You can't change the policy '${name}': AWS manages it.`;
  throw fault("InvalidInput", { reason }, { Reason: "IMMUTABLE_POLICY" });
}

function violate(reasonCode: string, reason: string): never {
  throw fault("ConstraintViolation", { reason }, { Reason: reasonCode });
}
