/** The policy on a repository: the rows of `repository_policies`. The text is kept as it was written. */
import { fault } from "../lib/faults.ts";
import type { Queryable, Tx } from "../store/database.ts";
import { inMessages, type Repository } from "./repositories.ts";

export async function setPolicy(tx: Tx, repositoryId: number, policyText: string): Promise<void> {
  await tx
    .insertInto("repository_policies")
    .values({ repository_id: repositoryId, policy_text: policyText })
    .onConflict((conflict) => conflict.column("repository_id").doUpdateSet({ policy_text: policyText }))
    .execute();
}

/** Throws RepositoryPolicyNotFound. */
export async function getPolicy(db: Queryable, repository: Repository): Promise<string> {
  const row = await db
    .selectFrom("repository_policies")
    .select("policy_text")
    .where("repository_id", "=", repository.id)
    .executeTakeFirst();
  if (!row) throw fault("RepositoryPolicyNotFound", inMessages(repository));
  return row.policy_text;
}

export async function deletePolicy(tx: Tx, repositoryId: number): Promise<void> {
  await tx.deleteFrom("repository_policies").where("repository_id", "=", repositoryId).execute();
}
