import type { Kysely } from "kysely";

/**
 * The index held no image_digest, and for SQLite reading a whole repository's references from the primary key was
 * cheaper than looking up rows beside an index. With it the index has all that is asked.
 */
export async function up({ schema }: Kysely<never>): Promise<void> {
  await schema.dropIndex("image_references_by_target").execute();
  await schema
    .createIndex("image_references_by_target")
    .on("image_references")
    .columns(["repository_id", "target_digest", "kind", "image_digest"])
    .execute();
}
