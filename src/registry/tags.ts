/** Image tags: the rows of `tags`. Which tag may move is `mutability.ts`; who moves it is `put-image.ts`. */
import { sql } from "kysely";
import type { RepositoryAddress } from "../lib/arn.ts";
import type { Clock } from "../lib/clock.ts";
import { limits } from "../lib/limits.ts";
import { prepared, type Queryable, type Tx } from "../store/database.ts";

const digestByTag = prepared<[number, string], { image_digest: string }>((db) =>
  db.selectFrom("tags").select("image_digest").where("repository_id", "=", 0).where("name", "=", ""),
);

/** The digest that the tag points to, or undefined. */
export async function tagTarget(
  db: Queryable,
  repositoryId: number,
  tag: string,
): Promise<string | undefined> {
  return (await digestByTag(db, repositoryId, tag))?.image_digest;
}

export async function setTag(
  tx: Tx,
  clock: Clock,
  { repositoryId, tag, imageDigest }: { repositoryId: number; tag: string; imageDigest: string },
): Promise<void> {
  const target = { image_digest: imageDigest, updated_at: clock.now() };
  await tx
    .insertInto("tags")
    .values({ repository_id: repositoryId, name: tag, ...target })
    .onConflict((conflict) => conflict.columns(["repository_id", "name"]).doUpdateSet(target))
    .execute();
}

export async function removeTag(tx: Tx, repositoryId: number, tag: string): Promise<void> {
  await tx.deleteFrom("tags").where("repository_id", "=", repositoryId).where("name", "=", tag).execute();
}

/** Removes every tag of an image, which are at most as many as `limits.tagsPerImage`. */
export async function removeTagsOf(tx: Tx, repositoryId: number, imageDigest: string): Promise<void> {
  await tx
    .deleteFrom("tags")
    .where("repository_id", "=", repositoryId)
    .where("image_digest", "=", imageDigest)
    .execute();
}

/** The tags of these images, in byte order for each. */
export async function tagsOf(
  db: Queryable,
  repositoryId: number,
  imageDigests: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const tags = new Map<string, string[]>();
  if (imageDigests.length === 0) return tags;
  const rows = await db
    .selectFrom("tags")
    .select(["name", "image_digest"])
    .where("repository_id", "=", repositoryId)
    .where("image_digest", "in", imageDigests)
    .orderBy("image_digest")
    .orderBy("name")
    .execute();
  for (const { name, image_digest } of rows) {
    const list = tags.get(image_digest);
    if (list) list.push(name);
    else tags.set(image_digest, [name]);
  }
  return tags;
}

export async function countTags(db: Queryable, repositoryId: number, imageDigest: string): Promise<number> {
  const row = await db
    .selectFrom("tags")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("repository_id", "=", repositoryId)
    .where("image_digest", "=", imageDigest)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/**
 * Tags of a repository after `after`, `limit` at most, in case-insensitive order as OCI distribution 1.1, "Listing Tags",
 * asks; tags that differ in case alone follow each other in byte order.
 */
export async function listTags(
  db: Queryable,
  { repositoryId, after, limit }: { repositoryId: number; after: string; limit: number },
): Promise<string[]> {
  const folded = sql<string>`lower(name)`;
  const from = after.toLowerCase();
  const rows = await db
    .selectFrom("tags")
    .select("name")
    .where("repository_id", "=", repositoryId)
    .where(folded, ">=", from)
    .where((e) => e.or([e(folded, ">", from), e("name", ">", after)]))
    .orderBy(folded)
    .orderBy("name")
    .limit(limit)
    .execute();
  return rows.map(({ name }) => name);
}

/**
 * The tags by which an image can be meant: its own, and those of the lists that it is in, also by way of another list,
 * since a client that pulls a tag goes on with digests. At most `limits.tagsPerImage`.
 */
export async function tagsLeadingTo(
  db: Queryable,
  { accountId, region, repositoryName }: RepositoryAddress,
  digest: string,
): Promise<readonly string[]> {
  const rows = await db
    .withRecursive("leading", (from) =>
      from
        .selectFrom("repositories as r")
        .select((e) => ["r.id as repository_id", e.val(digest).as("digest")])
        .where("r.account_id", "=", accountId)
        .where("r.region", "=", region)
        .where("r.name", "=", repositoryName)
        .where("r.deleted_at", "is", null)
        .union(
          from
            .selectFrom("image_references as f")
            .innerJoin("leading as l", (join) =>
              join.onRef("l.repository_id", "=", "f.repository_id").onRef("l.digest", "=", "f.target_digest"),
            )
            .select(["f.repository_id", "f.image_digest as digest"])
            .where("f.kind", "=", "manifest"),
        ),
    )
    .selectFrom("tags as t")
    .innerJoin("leading as l", (join) =>
      join.onRef("l.repository_id", "=", "t.repository_id").onRef("l.digest", "=", "t.image_digest"),
    )
    .select("t.name")
    .distinct()
    .limit(limits.tagsPerImage)
    .execute();
  return rows.map(({ name }) => name);
}
