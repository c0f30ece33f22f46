/** The shape of the database. Times are milliseconds since the epoch, sizes bytes, booleans 0 or 1. */
import type { Generated } from "kysely";

export type Tables = {
  accounts: { id: string; name: string; created_at: number };
  access_keys: {
    id: string;
    account_id: string;
    /** ARN of who signs with it. */
    principal_arn: string;
    /** Encrypted, see `store/secrets.ts`. */
    secret: string;
    /** `Active` or `Inactive`, IAM's words. */
    status: string;
    created_at: number;
  };
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
  repository_policies: { repository_id: number; policy_text: string };
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
