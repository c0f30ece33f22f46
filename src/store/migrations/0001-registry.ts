import { type Kysely, sql } from "kysely";

/** Accounts, repositories, images, blobs with leases and references, uploads, jobs and events. */
export async function up(db: Kysely<never>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("accounts")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();

  await schema
    .createTable("access_keys")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("account_id", "text", (c) => c.notNull().references("accounts.id"))
    .addColumn("principal_arn", "text", (c) => c.notNull())
    .addColumn("secret", "text", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();

  await schema
    .createTable("repositories")
    .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
    .addColumn("account_id", "text", (c) => c.notNull().references("accounts.id"))
    .addColumn("region", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("tag_mutability", "text", (c) => c.notNull())
    .addColumn("tag_mutability_filters", "text")
    .addColumn("scan_on_push", "integer", (c) => c.notNull())
    .addColumn("encryption_type", "text", (c) => c.notNull())
    .addColumn("deleted_at", "bigint")
    .execute();
  await schema
    .createIndex("repositories_by_name")
    .unique()
    .on("repositories")
    .columns(["account_id", "region", "name"])
    .where(sql.ref("deleted_at"), "is", null)
    .execute();

  await schema
    .createTable("repository_policies")
    .addColumn("repository_id", "integer", (c) => c.primaryKey().references("repositories.id"))
    .addColumn("policy_text", "text", (c) => c.notNull())
    .execute();

  await schema
    .createTable("repository_tags")
    .addColumn("repository_id", "integer", (c) => c.notNull().references("repositories.id"))
    .addColumn("key", "text", (c) => c.notNull())
    .addColumn("value", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("repository_tags_pk", ["repository_id", "key"])
    .execute();

  await schema
    .createTable("blobs")
    .addColumn("digest", "text", (c) => c.primaryKey())
    .addColumn("size_bytes", "bigint", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();

  await schema
    .createTable("repository_blobs")
    .addColumn("repository_id", "integer", (c) => c.notNull().references("repositories.id"))
    .addColumn("digest", "text", (c) => c.notNull().references("blobs.digest"))
    .addColumn("size_bytes", "bigint", (c) => c.notNull())
    .addColumn("media_type", "text")
    .addColumn("leased_until", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("repository_blobs_pk", ["repository_id", "digest"])
    .execute();
  await schema
    .createIndex("repository_blobs_by_digest")
    .on("repository_blobs")
    .columns(["digest", "repository_id"])
    .execute();

  await schema
    .createTable("images")
    .addColumn("repository_id", "integer", (c) => c.notNull().references("repositories.id"))
    .addColumn("digest", "text", (c) => c.notNull().references("blobs.digest"))
    .addColumn("media_type", "text", (c) => c.notNull())
    .addColumn("manifest_bytes", "bigint", (c) => c.notNull())
    .addColumn("image_bytes", "bigint", (c) => c.notNull())
    .addColumn("artifact_type", "text")
    .addColumn("subject_digest", "text")
    .addColumn("annotations", "text")
    .addColumn("pushed_at", "bigint", (c) => c.notNull())
    .addColumn("last_pulled_at", "bigint")
    .addColumn("tagged", "integer", (c) => c.notNull())
    .addPrimaryKeyConstraint("images_pk", ["repository_id", "digest"])
    .execute();
  await schema
    .createIndex("images_by_tagged")
    .on("images")
    .columns(["repository_id", "tagged", "digest"])
    .execute();
  await schema
    .createIndex("images_by_subject")
    .on("images")
    .columns(["repository_id", "subject_digest", "digest"])
    .where(sql.ref("subject_digest"), "is not", null)
    .execute();
  await schema.createIndex("images_by_digest").on("images").columns(["digest"]).execute();

  await schema
    .createTable("image_references")
    .addColumn("repository_id", "integer", (c) => c.notNull().references("repositories.id"))
    .addColumn("image_digest", "text", (c) => c.notNull())
    .addColumn("target_digest", "text", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("image_references_pk", [
      "repository_id",
      "image_digest",
      "target_digest",
      "kind",
    ])
    .execute();
  await schema
    .createIndex("image_references_by_target")
    .on("image_references")
    .columns(["repository_id", "target_digest", "kind"])
    .execute();

  await schema
    .createTable("tags")
    .addColumn("repository_id", "integer", (c) => c.notNull().references("repositories.id"))
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("image_digest", "text", (c) => c.notNull())
    .addColumn("updated_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("tags_pk", ["repository_id", "name"])
    .execute();
  await schema
    .createIndex("tags_in_order")
    .on("tags")
    .column("repository_id")
    .expression(sql`lower(name)`)
    .column("name")
    .execute();
  await schema
    .createIndex("tags_by_image")
    .on("tags")
    .columns(["repository_id", "image_digest", "name"])
    .execute();

  await schema
    .createTable("uploads")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("repository_id", "integer", (c) => c.notNull().references("repositories.id"))
    .addColumn("principal_arn", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("acknowledged_bytes", "bigint")
    .addColumn("short_parts", "integer", (c) => c.notNull())
    .execute();
  await schema.createIndex("uploads_by_age").on("uploads").columns(["created_at"]).execute();
  await schema.createIndex("uploads_by_repository").on("uploads").columns(["repository_id"]).execute();

  await schema
    .createTable("jobs")
    .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("payload", "text", (c) => c.notNull())
    .addColumn("key", "text", (c) => c.unique())
    .addColumn("run_at", "bigint", (c) => c.notNull())
    .addColumn("attempts", "integer", (c) => c.notNull())
    .addColumn("locked_until", "bigint")
    .addColumn("last_error", "text")
    .execute();
  await schema.createIndex("jobs_by_run_at").on("jobs").columns(["run_at"]).execute();

  await schema
    .createTable("events")
    .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
    .addColumn("at", "bigint", (c) => c.notNull())
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("detail", "text", (c) => c.notNull())
    .execute();
}
