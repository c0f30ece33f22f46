/** The shape of the database. Times are milliseconds since the epoch, sizes bytes, booleans 0 or 1. */
import type { Generated } from "kysely";

export type Tables = {
  accounts: {
    id: string;
    name: string;
    created_at: number;
    email: string | null;
    /** `ACTIVE` or `SUSPENDED`, Organizations' words. */
    status: Generated<string>;
    /** The account's name in sign-in addresses; one account has it. */
    alias: string | null;
  };
  access_keys: {
    id: string;
    account_id: string;
    /** ARN of who signs with it, as it was when the key was made; the truth about a user is in `identities`. */
    principal_arn: string;
    /** The user's; null for the root's. */
    identity_id: string | null;
    /** Encrypted, see `store/secrets.ts`. */
    secret: string;
    /** `Active` or `Inactive`, IAM's words. */
    status: string;
    created_at: number;
    last_used_at: number | null;
    last_used_region: string | null;
    last_used_service: string | null;
  };
  /** Users, groups and roles. */
  identities: {
    /** `AIDA…`, `AGPA…` or `AROA…`; never used again. */
    id: string;
    account_id: string;
    /** `user`, `group` or `role`. */
    kind: string;
    name: string;
    /** The name in lower case: IAM keeps the case and compares without it. */
    name_key: string;
    /** Begins and ends with a slash. */
    path: string;
    created_at: number;
    description: string | null;
    boundary_arn: string | null;
    /** A role's. */
    trust_policy: string | null;
    /** JSON object of unique ids by ARN, as in `repository_policies`. */
    trust_principal_ids: string | null;
    max_session_seconds: number | null;
    /** A role's. */
    last_used_at: number | null;
    last_used_region: string | null;
    /** A user's, for the console; null without one. */
    password_hash: string | null;
    password_created_at: number | null;
    /** 1 when it has to be changed at the next login. */
    password_reset: Generated<number>;
    password_last_used_at: number | null;
  };
  group_members: { group_id: string; user_id: string };
  /** `resource`: the id of an identity, an account or an organization's policy, or the ARN of a policy or a provider. */
  identity_tags: { resource: string; key: string; value: string };
  inline_policies: { identity_id: string; name: string; document: string };
  /** Made by customers. AWS's own are in the program. */
  managed_policies: {
    arn: string;
    /** `ANPA…` */
    id: string;
    account_id: string;
    name: string;
    name_key: string;
    path: string;
    description: string | null;
    /** Versions are numbers here and `v1` outside. */
    default_version: number;
    latest_version: number;
    created_at: number;
    updated_at: number;
  };
  managed_policy_versions: { policy_arn: string; version: number; document: string; created_at: number };
  policy_attachments: { identity_id: string; policy_arn: string };
  oidc_providers: {
    arn: string;
    account_id: string;
    /** Without the scheme. */
    url: string;
    /** JSON arrays. */
    client_ids: string;
    thumbprints: string;
    created_at: number;
  };
  /** Temporary credentials. */
  sessions: {
    /** `ASIA…` */
    access_key_id: string;
    account_id: string;
    /** `role`, `user`, `root` (both of GetSessionToken) or `federated-user`. */
    kind: string;
    /** The role, or the user who asked; null for the root. */
    identity_id: string | null;
    /** The session's name, or the federated user's; empty for GetSessionToken. */
    name: string;
    secret: string;
    token_hash: string;
    /** JSON: `[{name, text}]`; null without a session policy. */
    policies: string | null;
    /** JSON object. */
    tags: string;
    /** JSON array, in lower case. */
    transitive_tag_keys: string;
    source_identity: string | null;
    /** ARN of the provider whose token was taken. */
    federated_provider: string | null;
    issued_at: number;
    expires_at: number;
  };
  /** Authorization tokens that count no more. */
  token_revocations: {
    /** `token ID`, `key ID` or `principal USERID`, where the last is `aws:userid` or a role's id. */
    subject: string;
    /** What was issued to it up to then. */
    issued_until: number;
    /** When every such token is over by itself, and every upload that one of them began. */
    forget_at: number;
  };
  /** One row: the installation. */
  organizations: { id: string; root_id: string; management_account_id: string; scp_enabled: number };
  /** Service control policies of customers. */
  organization_policies: {
    id: string;
    name: string;
    description: string;
    document: string;
    created_at: number;
  };
  /** `target_id`: the organization's root or an account. */
  organization_policy_targets: { policy_id: string; target_id: string };
  repositories: {
    id: Generated<number>;
    account_id: string;
    region: string;
    name: string;
    created_at: number;
    tag_mutability: string;
    /** JSON: `[{filterType, filter}]`, or null. */
    tag_mutability_filters: string | null;
    scan_on_push: number;
    encryption_type: string;
    /** Set when the repository was deleted; its rows are removed in steps by a job. */
    deleted_at: number | null;
  };
  repository_policies: {
    repository_id: number;
    policy_text: string;
    /** JSON object: unique ids by the ARNs of users and roles that the text names, as they were when it was written. */
    principal_ids: string | null;
  };
  registry_policies: {
    account_id: string;
    region: string;
    policy_text: string;
    principal_ids: string | null;
  };
  account_settings: { account_id: string; region: string; name: string; value: string };
  repository_tags: { repository_id: number; key: string; value: string };
  /** Content that is stored, once for all accounts; manifests too. */
  blobs: { digest: string; size_bytes: number; created_at: number };
  /** Which repository may show which blob as a layer. */
  repository_blobs: {
    repository_id: number;
    digest: string;
    size_bytes: number;
    media_type: string | null;
    /** Until then the blob stays even when no image refers to it. */
    leased_until: number;
  };
  images: {
    repository_id: number;
    digest: string;
    media_type: string;
    manifest_bytes: number;
    /** Config and layers together, or the largest child of a list. */
    image_bytes: number;
    artifact_type: string | null;
    subject_digest: string | null;
    /** JSON object, or null. */
    annotations: string | null;
    pushed_at: number;
    last_pulled_at: number | null;
    /** 1 while at least one tag points here; kept by `registry/tags.ts` through `registry/images.ts`. */
    tagged: number;
  };
  /** What an image needs: the base of every question about use and of collecting garbage. */
  image_references: {
    repository_id: number;
    image_digest: string;
    target_digest: string;
    /** `blob` or `manifest`. A subject is none: it may be missing. */
    kind: string;
  };
  tags: { repository_id: number; name: string; image_digest: string; updated_at: number };
  uploads: {
    id: string;
    repository_id: number;
    /** ARN of who began it: its authorisation was settled then. */
    principal_arn: string;
    created_at: number;
    /** Bytes that UploadLayerPart answered for; null for an upload of the registry door. */
    acknowledged_bytes: number | null;
    /** Parts of UploadLayerPart under 5 MiB: 0 for none, 1 while only the last one is, 2 when another followed. */
    short_parts: number;
  };
  jobs: {
    id: Generated<number>;
    kind: string;
    /** JSON. */
    payload: string;
    /** At most one waiting job has a given key. */
    key: string | null;
    run_at: number;
    attempts: number;
    locked_until: number | null;
    last_error: string | null;
  };
  events: { id: Generated<number>; at: number; type: string; detail: string };
};
