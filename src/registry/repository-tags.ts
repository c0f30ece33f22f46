/** Resource tags (key and value) of a repository: the rows of `repository_tags`. Not to be confused with image tags. */
import { fault } from "../lib/faults.ts";
import { limits } from "../lib/limits.ts";
import type { Queryable, Tx } from "../store/database.ts";

type ResourceTag = { key: string; value: string };

const longestKey = 128;
const longestValue = 256;

/** In the order of their keys. */
export async function listTags(db: Queryable, repositoryId: number): Promise<ResourceTag[]> {
  return db
    .selectFrom("repository_tags")
    .select(["key", "value"])
    .where("repository_id", "=", repositoryId)
    .orderBy("key")
    .execute();
}

/** Adds tags; one with a key that is there gets the new value (ECR TagResource). Throws InvalidTagParameter, TooManyTags. */
export async function putTags(tx: Tx, repositoryId: number, tags: readonly ResourceTag[]): Promise<void> {
  if (tags.length > limits.resourceTags) throw fault("TooManyTags", { limit: limits.resourceTags });
  for (const tag of tags) {
    checkTag(tag);
    await tx
      .insertInto("repository_tags")
      .values({ repository_id: repositoryId, ...tag })
      .onConflict((conflict) => conflict.columns(["repository_id", "key"]).doUpdateSet({ value: tag.value }))
      .execute();
  }
  if ((await listTags(tx, repositoryId)).length > limits.resourceTags) {
    throw fault("TooManyTags", { limit: limits.resourceTags });
  }
}

/** Removes the tags with these keys; a key that is not there is no error. */
export async function removeTags(tx: Tx, repositoryId: number, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await tx
    .deleteFrom("repository_tags")
    .where("repository_id", "=", repositoryId)
    .where("key", "in", keys)
    .execute();
}

export async function removeAllTags(tx: Tx, repositoryId: number): Promise<void> {
  await tx.deleteFrom("repository_tags").where("repository_id", "=", repositoryId).execute();
}

function checkTag({ key, value }: ResourceTag): void {
  if (key.length < 1 || key.length > longestKey) {
    throw fault("InvalidTagParameter", {
      reason: `the key '${key}' must have 1 to ${longestKey} characters`,
    });
  }
  if (value.length > longestValue) {
    throw fault("InvalidTagParameter", {
      reason: `the value of '${key}' must have at most ${longestValue} characters`,
    });
  }
  if (key.toLowerCase().startsWith("aws:")) {
    throw fault("InvalidTagParameter", { reason: `the key '${key}' begins with 'aws:', which is reserved` });
  }
}
