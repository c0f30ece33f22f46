/** Tags of users, roles, policies, providers, accounts: the rows of `identity_tags`. IAM API, Tag. */
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import type { Queryable, Tx } from "../../store/database.ts";

export type IdentityTag = { key: string; value: string };

/** In the order of their keys. `resource` is what the column says: an id or an ARN. */
export function tagsOf(db: Queryable, resource: string): Promise<IdentityTag[]> {
  return db
    .selectFrom("identity_tags")
    .select(["key", "value"])
    .where("resource", "=", resource)
    .orderBy("key")
    .execute();
}

/**
 * Adds tags; a key that is there gets the new value. Keys are compared without case, and one that is there keeps the
 * case that it has (IAM user guide, "Rules for tagging"). Throws InvalidInput and LimitExceeded.
 */
export async function putTags(tx: Tx, resource: string, tags: readonly IdentityTag[]): Promise<void> {
  const there = new Map((await tagsOf(tx, resource)).map(({ key }) => [key.toLowerCase(), key]));
  const given = new Set(tags.map(({ key }) => key.toLowerCase()));
  if (given.size < tags.length) {
    throw fault("InvalidInput", {
      reason: "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    });
  }
  for (const { key, value } of tags) {
    if (/^aws:/i.test(key)) {
      throw fault("InvalidInput", { reason: `The tag key '${key}' begins with 'aws:', which is reserved` });
    }
    const kept = there.get(key.toLowerCase()) ?? key;
    there.set(key.toLowerCase(), kept);
    await tx
      .insertInto("identity_tags")
      .values({ resource, key: kept, value })
      .onConflict((conflict) => conflict.columns(["resource", "key"]).doUpdateSet({ value }))
      .execute();
  }
  if (there.size > limits.resourceTags) {
    throw fault("EntityLimitExceeded", {
      reason: `Cannot exceed quota for TagsPerResource: ${limits.resourceTags}`,
    });
  }
}

/** A key that is not there is no error. */
export async function removeTags(tx: Tx, resource: string, keys: readonly string[]): Promise<void> {
  const wanted = new Set(keys.map((key) => key.toLowerCase()));
  const there = (await tagsOf(tx, resource))
    .map(({ key }) => key)
    .filter((key) => wanted.has(key.toLowerCase()));
  if (there.length === 0) return;
  await tx.deleteFrom("identity_tags").where("resource", "=", resource).where("key", "in", there).execute();
}

export async function removeAllTags(tx: Tx, resource: string): Promise<void> {
  await tx.deleteFrom("identity_tags").where("resource", "=", resource).execute();
}
