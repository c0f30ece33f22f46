/** Uploads of blobs: OCI distribution 1.1, end-4 to end-6, end-11, end-13 and end-14, in every form that clients use. */

import { callerName } from "../../access/caller.ts";
import { type Fault, fault } from "../../lib/faults.ts";
import { echo } from "../../lib/text.ts";
import { accountSetting } from "../../registry/account-settings.ts";
import { mountBlob, repositoriesWith } from "../../registry/blobs.ts";
import { isRepositoryName } from "../../registry/names.ts";
import { getRepository, type Repository } from "../../registry/repositories.ts";
import {
  appendPart,
  beginUpload,
  cancelUpload,
  completeUpload,
  getUpload,
  type Upload,
} from "../../registry/uploads.ts";
import { bodyOf } from "../body.ts";
import { addressOfCall, checkedDigest, type OciCall } from "./call.ts";

/** POST: begins an upload (202), or makes the blob at once: from the body with `?digest=`, or by a mount (201). */
export async function postUpload(call: OciCall): Promise<Response> {
  const repository = await getRepository(call.db.read, addressOfCall(call));
  const mount = call.query.get("mount");
  if (mount !== null && (await mounted(call, repository, checkedDigest(mount)))) return created(call, mount);
  const digest = call.query.get("digest");
  if (digest !== null && mount === null) return createFromBody(call, repository, checkedDigest(digest));
  const id = await begin(call, repository);
  return progress(call, { id, sizeBytes: 0 }, 202);
}

function begin(call: OciCall, repository: Repository): Promise<string> {
  return beginUpload(call, { repository, principalArn: callerName(call.caller), by: "registry door" });
}

/** PATCH: adds a chunk of any size, streamed when there is no Content-Range. */
export async function patchUpload(call: OciCall): Promise<Response> {
  const upload = await uploadOf(call);
  const sizeBytes = await append(call, upload);
  return progress(call, { ...upload, sizeBytes }, 202);
}

/** PUT: adds what the body still has and ends the upload. A wrong digest leaves it as it is. */
export async function putUpload(call: OciCall): Promise<Response> {
  const digest = checkedDigest(call.query.get("digest") ?? "");
  const upload = await uploadOf(call);
  if (hasBody(call.request)) await append(call, upload);
  return created(call, await completeUpload(call, upload, [digest]));
}

export async function getUploadStatus(call: OciCall): Promise<Response> {
  return progress(call, await uploadOf(call), 204);
}

export async function deleteUpload(call: OciCall): Promise<Response> {
  await cancelUpload(call, await uploadOf(call));
  return new Response(null, { status: 204 });
}

async function uploadOf(call: OciCall): Promise<Upload> {
  return getUpload(call, await getRepository(call.db.read, addressOfCall(call)), call.argument);
}

/**
 * A mount needs the right to read the blob at its source. Without `from`, any repository of the registry that the caller
 * may read and that has the blob will do.
 */
async function mounted(call: OciCall, target: Repository, digest: string): Promise<boolean> {
  const from = call.query.get("from");
  const { accountId, region } = call;
  if (from !== null && !isRepositoryName(from)) return false;
  if ((await accountSetting(call.db.read, call, "BLOB_MOUNTING")) === "DISABLED") return false;
  const candidates =
    from === null
      ? await repositoriesWith(call.db.read, call, digest)
      : [{ accountId, region, repositoryName: from }];
  for (const source of candidates) {
    if (!(await call.may("ecr:GetDownloadUrlForLayer", source))) continue;
    if (await mountBlob(call, { source, target, digest })) return true;
  }
  return false;
}

async function createFromBody(call: OciCall, repository: Repository, digest: string): Promise<Response> {
  const id = await begin(call, repository);
  const upload = await getUpload(call, repository, id);
  try {
    await append(call, upload);
    return created(call, await completeUpload(call, upload, [digest]));
  } catch (error) {
    await cancelUpload(call, upload);
    throw error;
  }
}

async function append(call: OciCall, upload: Upload): Promise<number> {
  const header = call.request.headers.get("content-range");
  const range = header === null ? undefined : parseContentRange(header);
  return appendPart(call, upload, {
    source: bodyOf(call.request),
    firstByte: range?.first,
    length: range && range.last - range.first + 1,
  });
}

/** OCI distribution 1.1, "Pushing a blob in chunks": a 416 tells where to go on. */
export function resumeHeaders(call: OciCall, { members }: Fault): Record<string, string> {
  return progressHeaders(call, { id: call.argument, sizeBytes: Number(members.lastValidByteReceived) + 1 });
}

/** `FIRST-LAST`; some clients write it as HTTP does, with `bytes ` before and `/TOTAL` after. */
function parseContentRange(value: string): { first: number; last: number } {
  const match = /^(?:bytes )?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/.exec(value.trim());
  const first = Number(match?.[1]);
  const last = Number(match?.[2]);
  if (!match || last < first) throw fault("ContentRangeInvalid", { value: echo(value) });
  return { first, last };
}

function hasBody(request: Request): boolean {
  return request.body !== null && request.headers.get("content-length") !== "0";
}

function progress(call: OciCall, upload: { id: string; sizeBytes: number }, status: number): Response {
  return new Response(null, { status, headers: progressHeaders(call, upload) });
}

/** `Range` cannot say "nothing": 0-0 stands for an empty upload, as everywhere. */
function progressHeaders(call: OciCall, upload: { id: string; sizeBytes: number }): Record<string, string> {
  return {
    location: `${call.base}${call.repositoryName}/blobs/uploads/${upload.id}`,
    "docker-upload-uuid": upload.id,
    range: `0-${Math.max(upload.sizeBytes - 1, 0)}`,
  };
}

function created(call: OciCall, digest: string): Response {
  return new Response(null, {
    status: 201,
    headers: {
      location: `${call.base}${call.repositoryName}/blobs/${digest}`,
      "docker-content-digest": digest,
    },
  });
}
