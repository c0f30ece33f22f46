import type { Kysely } from "kysely";

/** Users, groups, roles, their policies and sessions, identity providers, registry policies and the organization. */
export async function up(db: Kysely<never>): Promise<void> {
  await identities(db);
  await policies(db);
  await credentials(db);
  await organization(db);
  await registries(db);
}

async function identities({ schema }: Kysely<never>): Promise<void> {
  await schema.alterTable("accounts").addColumn("email", "text").execute();
  await schema
    .alterTable("accounts")
    .addColumn("status", "text", (c) => c.notNull().defaultTo("ACTIVE"))
    .execute();
  await schema.alterTable("accounts").addColumn("alias", "text").execute();
  await schema.createIndex("accounts_by_alias").unique().on("accounts").columns(["alias"]).execute();

  await schema
    .createTable("identities")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("account_id", "text", (c) => c.notNull().references("accounts.id"))
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("name_key", "text", (c) => c.notNull())
    .addColumn("path", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("description", "text")
    .addColumn("boundary_arn", "text")
    .addColumn("trust_policy", "text")
    .addColumn("trust_principal_ids", "text")
    .addColumn("max_session_seconds", "integer")
    .addColumn("last_used_at", "bigint")
    .addColumn("last_used_region", "text")
    .addColumn("password_hash", "text")
    .addColumn("password_created_at", "bigint")
    .addColumn("password_reset", "integer", (c) => c.notNull().defaultTo(0))
    .addColumn("password_last_used_at", "bigint")
    .execute();
  await schema
    .createIndex("identities_by_name")
    .unique()
    .on("identities")
    .columns(["account_id", "kind", "name_key"])
    .execute();
  await schema
    .createIndex("identities_by_boundary")
    .on("identities")
    .columns(["boundary_arn", "id"])
    .execute();

  await schema
    .createTable("group_members")
    .addColumn("group_id", "text", (c) => c.notNull().references("identities.id"))
    .addColumn("user_id", "text", (c) => c.notNull().references("identities.id"))
    .addPrimaryKeyConstraint("group_members_pk", ["group_id", "user_id"])
    .execute();
  await schema
    .createIndex("group_members_by_user")
    .on("group_members")
    .columns(["user_id", "group_id"])
    .execute();

  // `resource` is an identity's id, or the ARN of a policy or a provider, or the id of an account.
  await schema
    .createTable("identity_tags")
    .addColumn("resource", "text", (c) => c.notNull())
    .addColumn("key", "text", (c) => c.notNull())
    .addColumn("value", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("identity_tags_pk", ["resource", "key"])
    .execute();
}

async function policies({ schema }: Kysely<never>): Promise<void> {
  await schema
    .createTable("inline_policies")
    .addColumn("identity_id", "text", (c) => c.notNull().references("identities.id"))
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("document", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("inline_policies_pk", ["identity_id", "name"])
    .execute();

  await schema
    .createTable("managed_policies")
    .addColumn("arn", "text", (c) => c.primaryKey())
    .addColumn("id", "text", (c) => c.notNull().unique())
    .addColumn("account_id", "text", (c) => c.notNull().references("accounts.id"))
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("name_key", "text", (c) => c.notNull())
    .addColumn("path", "text", (c) => c.notNull())
    .addColumn("description", "text")
    .addColumn("default_version", "integer", (c) => c.notNull())
    .addColumn("latest_version", "integer", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("updated_at", "bigint", (c) => c.notNull())
    .execute();
  await schema
    .createIndex("managed_policies_by_name")
    .unique()
    .on("managed_policies")
    .columns(["account_id", "name_key"])
    .execute();
  await schema
    .createTable("managed_policy_versions")
    .addColumn("policy_arn", "text", (c) => c.notNull().references("managed_policies.arn"))
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("document", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("managed_policy_versions_pk", ["policy_arn", "version"])
    .execute();

  // AWS's own policies are in the program and not in the database, so this ARN refers to no table.
  await schema
    .createTable("policy_attachments")
    .addColumn("identity_id", "text", (c) => c.notNull().references("identities.id"))
    .addColumn("policy_arn", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("policy_attachments_pk", ["identity_id", "policy_arn"])
    .execute();
  await schema
    .createIndex("policy_attachments_by_policy")
    .on("policy_attachments")
    .columns(["policy_arn", "identity_id"])
    .execute();
}

async function credentials({ schema }: Kysely<never>): Promise<void> {
  // The key of a root has no identity. When a key was last used is written in batches.
  await schema.alterTable("access_keys").addColumn("identity_id", "text").execute();
  await schema.alterTable("access_keys").addColumn("last_used_at", "bigint").execute();
  await schema.alterTable("access_keys").addColumn("last_used_region", "text").execute();
  await schema.alterTable("access_keys").addColumn("last_used_service", "text").execute();
  await schema
    .createIndex("access_keys_by_identity")
    .on("access_keys")
    .columns(["identity_id", "id"])
    .execute();

  await schema
    .createTable("oidc_providers")
    .addColumn("arn", "text", (c) => c.primaryKey())
    .addColumn("account_id", "text", (c) => c.notNull().references("accounts.id"))
    .addColumn("url", "text", (c) => c.notNull())
    .addColumn("client_ids", "text", (c) => c.notNull())
    .addColumn("thumbprints", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await schema
    .createIndex("oidc_providers_by_account")
    .on("oidc_providers")
    .columns(["account_id", "arn"])
    .execute();

  await schema
    .createTable("sessions")
    .addColumn("access_key_id", "text", (c) => c.primaryKey())
    .addColumn("account_id", "text", (c) => c.notNull().references("accounts.id"))
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("identity_id", "text")
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("secret", "text", (c) => c.notNull())
    .addColumn("token_hash", "text", (c) => c.notNull())
    .addColumn("policies", "text")
    .addColumn("tags", "text", (c) => c.notNull())
    .addColumn("transitive_tag_keys", "text", (c) => c.notNull())
    .addColumn("source_identity", "text")
    .addColumn("federated_provider", "text")
    .addColumn("issued_at", "bigint", (c) => c.notNull())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .execute();
  await schema.createIndex("sessions_by_expiry").on("sessions").columns(["expires_at"]).execute();
  await schema.createIndex("sessions_by_identity").on("sessions").columns(["identity_id"]).execute();

  // `subject`: `token ID`, `key ID` or `principal USERID`; what was issued to it up to then counts no more.
  await schema
    .createTable("token_revocations")
    .addColumn("subject", "text", (c) => c.primaryKey())
    .addColumn("issued_until", "bigint", (c) => c.notNull())
    .addColumn("forget_at", "bigint", (c) => c.notNull())
    .execute();
  await schema
    .createIndex("token_revocations_by_forget_at")
    .on("token_revocations")
    .columns(["forget_at"])
    .execute();
}

async function organization({ schema }: Kysely<never>): Promise<void> {
  await schema
    .createTable("organizations")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("root_id", "text", (c) => c.notNull())
    .addColumn("management_account_id", "text", (c) => c.notNull().references("accounts.id"))
    .addColumn("scp_enabled", "integer", (c) => c.notNull())
    .execute();
  await schema
    .createTable("organization_policies")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("name", "text", (c) => c.notNull().unique())
    .addColumn("description", "text", (c) => c.notNull())
    .addColumn("document", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await schema
    .createTable("organization_policy_targets")
    .addColumn("policy_id", "text", (c) => c.notNull())
    .addColumn("target_id", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("organization_policy_targets_pk", ["policy_id", "target_id"])
    .execute();
  await schema
    .createIndex("organization_policy_targets_by_target")
    .on("organization_policy_targets")
    .columns(["target_id", "policy_id"])
    .execute();
}

async function registries({ schema }: Kysely<never>): Promise<void> {
  // Unique ids by the ARNs of users and roles that a policy names, as they were when it was written.
  await schema.alterTable("repository_policies").addColumn("principal_ids", "text").execute();
  await schema
    .createTable("registry_policies")
    .addColumn("account_id", "text", (c) => c.notNull().references("accounts.id"))
    .addColumn("region", "text", (c) => c.notNull())
    .addColumn("policy_text", "text", (c) => c.notNull())
    .addColumn("principal_ids", "text")
    .addPrimaryKeyConstraint("registry_policies_pk", ["account_id", "region"])
    .execute();
  await schema
    .createTable("account_settings")
    .addColumn("account_id", "text", (c) => c.notNull().references("accounts.id"))
    .addColumn("region", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("value", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("account_settings_pk", ["account_id", "region", "name"])
    .execute();
}
