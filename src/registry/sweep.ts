/** Takes away what interrupted work leaves behind: uploads that nobody goes on with, and temporary files. */
import { limits } from "../lib/limits.ts";
import type { Services } from "./context.ts";
import { listUploads, removeUploadRow } from "./uploads.ts";

type Swept = { uploads: number };

/** Removes uploads that did not grow for `limits.uploadIdleSeconds`, with and without a row. */
export async function sweepUploads({ db, blobs, clock }: Services): Promise<Swept> {
  const idleSince = clock.now() - limits.uploadIdleSeconds * 1000;
  let uploads = 0;
  for await (const { uploadId, changedAt } of blobs.uploads()) {
    if (changedAt >= idleSince) continue;
    await blobs.abort(uploadId);
    await db.write((tx) => removeUploadRow(tx, uploadId));
    uploads += 1;
  }
  // Rows whose file is gone, after a crash between the two.
  for (const uploadId of await listUploads(db.read, { createdBefore: idleSince }, limits.rowsPerStep)) {
    if ((await blobs.uploaded(uploadId)) === undefined) await db.write((tx) => removeUploadRow(tx, uploadId));
  }
  return { uploads };
}
