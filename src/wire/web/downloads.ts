/** Download URLs of layers: they work without credentials, for one layer of one repository, until they expire. */
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { linkedBlobs } from "../../registry/blobs.ts";
import type { Services } from "../../registry/context.ts";
import type { Call, Incoming } from "../call.ts";
import { contentResponse } from "../content.ts";

/** Paths of this door begin so. */
export const downloadPath = "/layers/";

const purpose = "layer download";

/** ECR API, GetDownloadUrlForLayer. */
export function downloadUrl(call: Call, repositoryId: number, digest: string): string {
  const expires = Math.floor(call.clock.now() / 1000) + limits.downloadUrlSeconds;
  const query = new URLSearchParams({
    repository: String(repositoryId),
    expires: String(expires),
    signature: call.secrets.sign(purpose, signedText(digest, String(repositoryId), String(expires))),
  });
  return `${call.addresses.origin}${downloadPath}${digest}?${query}`;
}

/** GET and HEAD of such a URL. Throws AccessDenied for one that is altered or expired, BlobUnknown when the layer is gone. */
export async function serveDownload(services: Services, incoming: Incoming): Promise<Response> {
  const { db, blobs, secrets, clock } = services;
  const digest = incoming.path.slice(downloadPath.length);
  const query = new URLSearchParams(incoming.query);
  const [repository, expires, signature] = ["repository", "expires", "signature"].map(
    (name) => query.get(name) ?? "",
  );
  if (!secrets.isSigned(purpose, signedText(digest, repository ?? "", expires ?? ""), signature ?? "")) {
    throw fault("AccessDenied", {
      sentence: "The download URL is not one of this registry, or it was altered",
    });
  }
  if (Number(expires) * 1000 <= clock.now()) {
    const at = new Date(Number(expires) * 1000).toISOString();
    throw fault("AccessDenied", { sentence: `The download URL expired at ${at}; ask for a new one` });
  }
  const blob = (await linkedBlobs(db.read, Number(repository), [digest])).get(digest);
  if (!blob || (await blobs.size(digest)) !== blob.sizeBytes) {
    throw fault("RouteNotFound", { method: incoming.method, path: incoming.path });
  }
  return contentResponse(incoming.request, {
    digest,
    mediaType: "application/octet-stream",
    sizeBytes: blob.sizeBytes,
    body: (range) => blobs.body(digest, range),
  });
}

function signedText(digest: string, repository: string, expires: string): string {
  return `${digest}\n${repository}\n${expires}`;
}
