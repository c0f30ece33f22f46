/** Finished blobs: OCI distribution 1.1, end-2 and end-10. */
import { fault } from "../../lib/faults.ts";
import { findBlob, renewLease, unlinkBlob } from "../../registry/blobs.ts";
import { getRepository, inMessages } from "../../registry/repositories.ts";
import { contentResponse } from "../content.ts";
import { addressOfCall, checkedDigest, type OciCall } from "./call.ts";

/** GET and HEAD. */
export async function getBlob(call: OciCall): Promise<Response> {
  const digest = checkedDigest(call.argument);
  const address = addressOfCall(call);
  const blob = await findBlob(call.db.read, address, digest);
  if (!blob) {
    await getRepository(call.db.read, address);
    throw fault("BlobUnknown", { ...inMessages(address), digest });
  }
  await checkStored(call, blob);
  if (call.request.method === "HEAD") await renewLease(call, blob);
  return contentResponse(call.request, {
    digest,
    mediaType: "application/octet-stream",
    sizeBytes: blob.sizeBytes,
    body: (range) => call.blobs.body(digest, range),
  });
}

export async function deleteBlob(call: OciCall): Promise<Response> {
  const digest = checkedDigest(call.argument);
  await unlinkBlob(call, await getRepository(call.db.read, addressOfCall(call)), digest);
  return new Response(null, { status: 202 });
}

/** A file that was cut short or lost must not be served as if it were whole. */
async function checkStored(call: OciCall, blob: { digest: string; sizeBytes: number }): Promise<void> {
  const stored = await call.blobs.size(blob.digest);
  if (stored === blob.sizeBytes) return;
  throw new Error(
    `The stored content of ${blob.digest} has ${stored ?? "no"} bytes and should have ${blob.sizeBytes}`,
  );
}
