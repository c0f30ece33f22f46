/** The policy on a registry as a whole: the rows of `registry_policies`. The text is kept as it was written. */
import { withDeletedPrincipals } from "../access/identities/policy-principals.ts";
import { fault } from "../lib/faults.ts";
import type { Queryable, Tx } from "../store/database.ts";

type Registry = { accountId: string; region: string };

/** The policy was checked. `principalIds` are the unique ids of the users and roles that it names. */
export async function putRegistryPolicy(
  tx: Tx,
  { accountId, region }: Registry,
  { policyText, principalIds }: { policyText: string; principalIds: string | null },
): Promise<void> {
  const row = { policy_text: policyText, principal_ids: principalIds };
  await tx
    .insertInto("registry_policies")
    .values({ account_id: accountId, region, ...row })
    .onConflict((conflict) => conflict.columns(["account_id", "region"]).doUpdateSet(row))
    .execute();
}

/** As it was written, but for principals that are deleted: their unique ids. Throws RegistryPolicyNotFound. */
export async function getRegistryPolicy(db: Queryable, registry: Registry): Promise<string> {
  const row = await findRow(db, registry);
  if (!row) throw fault("RegistryPolicyNotFound", { registryId: registry.accountId });
  return withDeletedPrincipals(db, row.policy_text, row.principal_ids);
}

/** The text as it was written, if there is a policy. */
export async function findRegistryPolicyText(db: Queryable, registry: Registry): Promise<string | undefined> {
  return (await findRow(db, registry))?.policy_text;
}

export async function deleteRegistryPolicy(tx: Tx, { accountId, region }: Registry): Promise<void> {
  await tx
    .deleteFrom("registry_policies")
    .where("account_id", "=", accountId)
    .where("region", "=", region)
    .execute();
}

function findRow(db: Queryable, { accountId, region }: Registry) {
  return db
    .selectFrom("registry_policies")
    .select(["policy_text", "principal_ids"])
    .where("account_id", "=", accountId)
    .where("region", "=", region)
    .executeTakeFirst();
}
