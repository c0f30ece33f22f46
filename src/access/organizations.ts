/** The organization that all accounts of the installation are in, and its service control policies. */
import type { Ids } from "../lib/ids.ts";
import { prepared, type Queryable, type Tx } from "../store/database.ts";
import { lowerCaseId } from "./unique-ids.ts";

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
export const fullAccess = {
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
