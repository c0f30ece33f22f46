/** Which repository shows which blob: the rows of `blobs` and `repository_blobs`, and the leases on them. */
import type { RepositoryAddress } from "../lib/arn.ts";
import type { Clock } from "../lib/clock.ts";
import { fault } from "../lib/faults.ts";
import { limits } from "../lib/limits.ts";
import { prepared, type Queryable, type Tx } from "../store/database.ts";
import type { Services } from "./context.ts";
import { referringImages } from "./images.ts";
import { inMessages, type Repository } from "./repositories.ts";

type Blob = {
  repositoryId: number;
  digest: string;
  sizeBytes: number;
  mediaType: string | null;
  leasedUntil: number;
};

const leaseMs = limits.leaseSeconds * 1000;

const byAddress = prepared<[string, string, string, string], Blob>((db) =>
  db
    .selectFrom("repositories")
    .innerJoin("repository_blobs", "repository_blobs.repository_id", "repositories.id")
    .where("repositories.account_id", "=", "")
    .where("repositories.region", "=", "")
    .where("repositories.name", "=", "")
    .where("repositories.deleted_at", "is", null)
    .where("repository_blobs.digest", "=", "")
    .select([
      "repository_blobs.repository_id as repositoryId",
      "repository_blobs.digest as digest",
      "repository_blobs.size_bytes as sizeBytes",
      "repository_blobs.media_type as mediaType",
      "repository_blobs.leased_until as leasedUntil",
    ]),
);

/** The blob as this repository shows it; undefined when the repository or the link is missing. */
export function findBlob(
  db: Queryable,
  address: RepositoryAddress,
  digest: string,
): Promise<Blob | undefined> {
  return byAddress(db, address.accountId, address.region, address.repositoryName, digest);
}

/** Which of these digests the repository shows. */
export async function linkedBlobs(
  db: Queryable,
  repositoryId: number,
  digests: readonly string[],
): Promise<ReadonlyMap<string, { sizeBytes: number; mediaType: string | null }>> {
  const linked = new Map<string, { sizeBytes: number; mediaType: string | null }>();
  for (let from = 0; from < digests.length; from += limits.rowsPerStep) {
    const rows = await db
      .selectFrom("repository_blobs")
      .select(["digest", "size_bytes", "media_type"])
      .where("repository_id", "=", repositoryId)
      .where("digest", "in", digests.slice(from, from + limits.rowsPerStep))
      .execute();
    for (const row of rows) linked.set(row.digest, { sizeBytes: row.size_bytes, mediaType: row.media_type });
  }
  return linked;
}

/** Notes that content is stored. Called in the transaction that first refers to it. */
export async function recordBlob(tx: Tx, clock: Clock, digest: string, sizeBytes: number): Promise<void> {
  await tx
    .insertInto("blobs")
    .values({ digest, size_bytes: sizeBytes, created_at: clock.now() })
    .onConflict((conflict) => conflict.column("digest").doNothing())
    .execute();
}

/** Makes a stored blob visible in a repository, with a fresh lease. */
export async function linkBlob(
  tx: Tx,
  clock: Clock,
  link: { repositoryId: number; digest: string; sizeBytes: number },
): Promise<void> {
  const leasedUntil = clock.now() + leaseMs;
  await tx
    .insertInto("repository_blobs")
    .values({
      repository_id: link.repositoryId,
      digest: link.digest,
      size_bytes: link.sizeBytes,
      media_type: null,
      leased_until: leasedUntil,
    })
    .onConflict((conflict) =>
      conflict.columns(["repository_id", "digest"]).doUpdateSet({ leased_until: leasedUntil }),
    )
    .execute();
}

/** Remembers what manifests call a blob; ECR's BatchCheckLayerAvailability answers it. */
export async function setMediaType(
  tx: Tx,
  repositoryId: number,
  digest: string,
  mediaType: string,
): Promise<void> {
  await tx
    .updateTable("repository_blobs")
    .set({ media_type: mediaType })
    .where("repository_id", "=", repositoryId)
    .where("digest", "=", digest)
    .where("media_type", "is", null)
    .execute();
}

/**
 * A client that is told "exists" will not send the blob again, so its lease begins anew. Written only when half of it is
 * over: otherwise every HEAD would be a write.
 */
export async function renewLease({ db, clock }: Services, blob: Blob): Promise<void> {
  const now = clock.now();
  if (blob.leasedUntil - now > leaseMs / 2) return;
  await db.write((tx) =>
    tx
      .updateTable("repository_blobs")
      .set({ leased_until: now + leaseMs })
      .where("repository_id", "=", blob.repositoryId)
      .where("digest", "=", blob.digest)
      .execute(),
  );
}

/** Repositories of the registry that show the blob, a few of them: candidates for a mount that names none. */
export async function repositoriesWith(
  db: Queryable,
  { accountId, region }: { accountId: string; region: string },
  digest: string,
): Promise<RepositoryAddress[]> {
  const rows = await db
    .selectFrom("repository_blobs")
    .innerJoin("repositories", "repositories.id", "repository_blobs.repository_id")
    .select("repositories.name")
    .where("repository_blobs.digest", "=", digest)
    .where("repositories.account_id", "=", accountId)
    .where("repositories.region", "=", region)
    .where("repositories.deleted_at", "is", null)
    .limit(10)
    .execute();
  return rows.map(({ name }) => ({ accountId, region, repositoryName: name }));
}

/** Shows a blob of `source` in `target` too, without a copy. False when the source does not show it. */
export async function mountBlob(
  { db, clock }: Services,
  { source, target, digest }: { source: RepositoryAddress; target: Repository; digest: string },
): Promise<boolean> {
  return db.write(async (tx) => {
    const blob = await findBlob(tx, source, digest);
    if (!blob) return false;
    await linkBlob(tx, clock, { repositoryId: target.id, digest, sizeBytes: blob.sizeBytes });
    return true;
  });
}

/** Takes a blob out of a repository. Throws BlobUnknown, and BlobReferenced while an image there needs it. */
export async function unlinkBlob({ db }: Services, repository: Repository, digest: string): Promise<void> {
  await db.write(async (tx) => {
    const images = await referringImages(tx, repository.id, { digest, kind: "blob" });
    if (images.length > 0) throw fault("BlobReferenced", { digest, images });
    const removed = await tx
      .deleteFrom("repository_blobs")
      .where("repository_id", "=", repository.id)
      .where("digest", "=", digest)
      .executeTakeFirst();
    if (removed.numDeletedRows === 0n) throw fault("BlobUnknown", { ...inMessages(repository), digest });
  });
}

/** Removes links of a deleted repository, at most `count`; true when none is left. */
export async function unlinkSome(tx: Tx, repositoryId: number, count: number): Promise<boolean> {
  const rows = await tx
    .selectFrom("repository_blobs")
    .select("digest")
    .where("repository_id", "=", repositoryId)
    .limit(count)
    .execute();
  if (rows.length === 0) return true;
  await tx
    .deleteFrom("repository_blobs")
    .where("repository_id", "=", repositoryId)
    .where(
      "digest",
      "in",
      rows.map(({ digest }) => digest),
    )
    .execute();
  return false;
}
