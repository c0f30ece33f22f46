/** Uploads of blobs: the rows of `uploads`, and the way from the first byte to a linked blob. Both doors come here. */
import { type Fault, fault } from "../lib/faults.ts";
import { limits } from "../lib/limits.ts";
import type { Queryable, Tx } from "../store/database.ts";
import { linkBlob, recordBlob } from "./blobs.ts";
import type { Services } from "./context.ts";
import { getRepository, inMessages, type Repository } from "./repositories.ts";

export type Upload = {
  id: string;
  repository: Repository;
  /** ARN of who began it. */
  principalArn: string;
  /** Bytes that are stored durably; the next byte has this offset. */
  sizeBytes: number;
  /** Bytes that UploadLayerPart answered for; undefined for an upload that was begun on the registry door. */
  acknowledgedBytes: number | undefined;
  /** Parts of ECR's UploadLayerPart under the minimum: `last` while only the last one is, which is allowed. */
  shortParts: "none" | "last" | "earlier";
};

/** By the number that is stored. */
const shortParts: readonly Upload["shortParts"][] = ["none", "last", "earlier"];

/** Starts an empty upload and resolves with its id, a UUID. */
export async function beginUpload(
  { db, blobs, clock, ids }: Services,
  begun: { repository: Repository; principalArn: string; by: "registry door" | "InitiateLayerUpload" },
): Promise<string> {
  const id = ids.uuid();
  // The file first: a file without a row is found by the sweep, a row without a file is an upload that cannot go on.
  await blobs.begin(id);
  await db.write((tx) =>
    tx
      .insertInto("uploads")
      .values({
        id,
        repository_id: begun.repository.id,
        principal_arn: begun.principalArn,
        created_at: clock.now(),
        acknowledged_bytes: begun.by === "InitiateLayerUpload" ? 0 : null,
        short_parts: 0,
      })
      .execute(),
  );
  return id;
}

/** The upload with this id in this repository. Throws UploadNotFound. */
export async function getUpload(
  { db, blobs }: Services,
  repository: Repository,
  uploadId: string,
): Promise<Upload> {
  const row = await db.read
    .selectFrom("uploads")
    .select(["id", "principal_arn", "acknowledged_bytes", "short_parts"])
    .where("id", "=", uploadId)
    .where("repository_id", "=", repository.id)
    .executeTakeFirst();
  const sizeBytes = row && (await blobs.uploaded(row.id));
  if (!row || sizeBytes === undefined) throw fault("UploadNotFound", { ...inMessages(repository), uploadId });
  return {
    id: row.id,
    repository,
    principalArn: row.principal_arn,
    sizeBytes,
    acknowledgedBytes: row.acknowledged_bytes ?? undefined,
    shortParts: shortParts[row.short_parts] ?? "earlier",
  };
}

type Part = {
  source: AsyncIterable<Uint8Array>;
  /** Offset of the first byte, where the sender says it. */
  firstByte?: number | undefined;
  /** Number of bytes, where the sender says it. */
  length?: number | undefined;
};

/**
 * Adds a part and resolves with the upload's new size. Throws InvalidLayerPart when it does not begin where the last one
 * ended, and SizeInvalid when another number of bytes comes than was said; then the upload is as before.
 */
export function appendPart({ blobs }: Services, upload: Upload, part: Part): Promise<number> {
  const at = (heldBytes: number) => {
    if (part.firstByte !== undefined && part.firstByte !== heldBytes)
      throw wrongStart(upload, part.firstByte, heldBytes);
    return heldBytes;
  };
  return blobs.append(upload.id, { ...part, at, limitBytes: limits.layerBytes, whole: false });
}

/**
 * Adds a part of ECR's UploadLayerPart. Its sender repeats it as a whole when no answer comes, so bytes of it that came
 * without an answer are written over. Resolves and throws as {@link appendPart}.
 */
export function appendLayerPart(
  services: Services,
  upload: Upload,
  /** `bytes` are taken over: they may be gone afterwards. */
  part: { bytes: Uint8Array; firstByte: number },
): Promise<number> {
  const { db, blobs } = services;
  const { firstByte, bytes } = part;
  const isShort = bytes.length < limits.layerPartBytes;
  let before = upload;
  return blobs.append(upload.id, {
    source: once(bytes),
    limitBytes: limits.layerBytes,
    whole: true,
    at: async (heldBytes) => {
      // Another request may have added a part since the upload was looked up.
      before = await getUpload(services, upload.repository, upload.id);
      const isRepeated = firstByte === before.acknowledgedBytes && firstByte < heldBytes;
      if (firstByte === heldBytes || isRepeated) return firstByte;
      throw wrongStart(upload, firstByte, before.acknowledgedBytes ?? heldBytes);
    },
    stored: async (heldBytes) => {
      const state = before.shortParts !== "none" ? "earlier" : isShort ? "last" : "none";
      await db.write((tx) =>
        tx
          .updateTable("uploads")
          .set({ acknowledged_bytes: heldBytes, short_parts: shortParts.indexOf(state) })
          .where("id", "=", upload.id)
          .execute(),
      );
    },
  });
}

function wrongStart({ id, repository }: Upload, firstByte: number, expected: number): Fault {
  return fault(
    "InvalidLayerPart",
    { firstByte, expected },
    {
      registryId: repository.accountId,
      repositoryName: repository.repositoryName,
      uploadId: id,
      lastValidByteReceived: Math.max(expected - 1, 0),
    },
  );
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/**
 * Ends the upload: its content becomes a blob of the repository if it has one of the `digests`. Resolves with the digest
 * that it has. Throws InvalidLayer, and the upload stays as it is.
 */
export async function completeUpload(
  { db, blobs, clock }: Services,
  upload: Upload,
  digests: readonly string[],
): Promise<string> {
  const { digest, sizeBytes } = await blobs.finish(upload.id, digests);
  await db.write(async (tx) => {
    const { id } = await getRepository(tx, upload.repository);
    await recordBlob(tx, clock, digest, sizeBytes);
    await linkBlob(tx, clock, { repositoryId: id, digest, sizeBytes });
    await removeUploadRow(tx, upload.id);
  });
  return digest;
}

export async function cancelUpload({ db, blobs }: Services, upload: Upload): Promise<void> {
  await blobs.abort(upload.id);
  await db.write((tx) => removeUploadRow(tx, upload.id));
}

export async function removeUploadRow(tx: Tx, uploadId: string): Promise<void> {
  await tx.deleteFrom("uploads").where("id", "=", uploadId).execute();
}

/** Ids of uploads into one repository, or begun before a time; `limit` at most. */
export async function listUploads(
  db: Queryable,
  wanted: { repositoryId: number } | { createdBefore: number },
  limit: number,
): Promise<string[]> {
  const query = db.selectFrom("uploads").select("id").limit(limit);
  const rows = await ("repositoryId" in wanted
    ? query.where("repository_id", "=", wanted.repositoryId)
    : query.where("created_at", "<", wanted.createdBefore).orderBy("created_at")
  ).execute();
  return rows.map(({ id }) => id);
}
