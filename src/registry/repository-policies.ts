/** The policy on a repository: the rows of `repository_policies`. The text is kept as it was written. */
import { withDeletedPrincipals } from "../access/identities/policy-principals.ts";
import { fault } from "../lib/faults.ts";
import type { Queryable, Tx } from "../store/database.ts";
import { inMessages, type Repository } from "./repositories.ts";

/** The policy was checked. `principalIds` are the unique ids of the users and roles that it names. */
export async function setPolicy(
  tx: Tx,
  repositoryId: number,
  { policyText, principalIds }: { policyText: string; principalIds: string | null },
): Promise<void> {
  const row = { policy_text: policyText, principal_ids: principalIds };
  await tx
    .insertInto("repository_policies")
    .values({ repository_id: repositoryId, ...row })
    .onConflict((conflict) => conflict.column("repository_id").doUpdateSet(row))
    .execute();
}

/** As it was written, but for principals that are deleted: their unique ids. Throws RepositoryPolicyNotFound. */
export async function getPolicy(db: Queryable, repository: Repository): Promise<string> {
  const row = await db
    .selectFrom("repository_policies")
    .select(["policy_text", "principal_ids"])
    .where("repository_id", "=", repository.id)
    .executeTakeFirst();
  if (!row) throw fault("RepositoryPolicyNotFound", inMessages(repository));
  return withDeletedPrincipals(db, row.policy_text, row.principal_ids);
}

export async function deletePolicy(tx: Tx, repositoryId: number): Promise<void> {
  await tx.deleteFrom("repository_policies").where("repository_id", "=", repositoryId).execute();
}
