/** Manifests: OCI distribution 1.1, end-2, end-7 and end-9. */
import { isDigest } from "../../lib/digest.ts";
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { deleteImage, deleteTag } from "../../registry/delete-image.ts";
import { findManifest } from "../../registry/images.ts";
import { checkTag, isTag } from "../../registry/names.ts";
import { putImage } from "../../registry/put-image.ts";
import { getRepository } from "../../registry/repositories.ts";
import { tagsLeadingTo } from "../../registry/tags.ts";
import { readBody } from "../body.ts";
import { contentResponse } from "../content.ts";
import type { Resource } from "../permission.ts";
import { addressOfCall, checkedDigest, type OciCall } from "./call.ts";

/** GET and HEAD. Conversion to another type by Accept is not offered: a digest names one content. */
export async function getManifest(call: OciCall): Promise<Response> {
  const { db, blobs, clock, pullTimes, argument } = call;
  const reference = referenceOf(argument);
  if ("tag" in reference && !isTag(argument)) throw fault("ManifestUnknown");
  const found = await findManifest(db.read, addressOfCall(call), reference);
  if (!found) {
    await getRepository(db.read, addressOfCall(call));
    throw fault("ManifestUnknown");
  }
  const isPull = call.request.method === "GET";
  if (isPull)
    pullTimes.note({ repositoryId: found.repositoryId, imageDigest: found.digest, at: clock.now() });
  const bytes = isPull ? await blobs.bytes(found.digest) : new Uint8Array();
  return contentResponse(call.request, {
    digest: found.digest,
    mediaType: found.mediaType,
    sizeBytes: found.manifestBytes,
    body: (range) => (range ? bytes.slice(range.first, range.last + 1) : bytes),
  });
}

/** end-7. `OCI-Subject` tells the client that referrers are kept here and need no fallback tag. */
export async function putManifest(call: OciCall): Promise<Response> {
  const reference = referenceOf(call.argument);
  if ("tag" in reference) checkTag(reference.tag);
  const bytes = await readBody(call.request, limits.manifestBytes, "ManifestTooLarge");
  const { digest, subjectDigest } = await putImage(call, {
    repository: addressOfCall(call),
    bytes,
    mediaType: call.request.headers.get("content-type") ?? undefined,
    ...reference,
  });
  return new Response(null, {
    status: 201,
    headers: {
      location: `${call.base}${call.repositoryName}/manifests/${digest}`,
      "docker-content-digest": digest,
      ...(subjectDigest !== undefined && { "oci-subject": subjectDigest }),
    },
  });
}

/** end-9: a tag alone is untagged, a digest goes with all its tags. */
export async function deleteManifest(call: OciCall): Promise<Response> {
  const reference = referenceOf(call.argument);
  const repository = await getRepository(call.db.read, addressOfCall(call));
  if ("tag" in reference) await deleteTag(call, repository, reference.tag);
  else await deleteImage(call, repository, reference.digest);
  return new Response(null, { status: 202 });
}

/** Tags have no colon, so anything with one is meant as a digest. */
function referenceOf(argument: string): { tag: string } | { digest: string } {
  if (isDigest(argument) || argument.includes(":")) return { digest: checkedDigest(argument) };
  return { tag: argument };
}

/** What policies may ask about the image that the path names: `ecr:ImageTag` and `ecr:ImageDigest`. */
export function imageKeys(call: OciCall): Pick<Resource, "keys" | "imageTags" | "imageDigest"> {
  const reference = referenceOf(call.argument);
  if ("tag" in reference) {
    const keys = new Map([["ecr:imagetag", [reference.tag]]]);
    // What a push brings is another image than the one that the tag means so far.
    if (call.request.method === "PUT") return { keys };
    const found = () => findManifest(call.db.read, addressOfCall(call), reference);
    return { keys, imageDigest: async () => (await found())?.digest };
  }
  const { digest } = reference;
  return {
    keys: new Map([["ecr:imagedigest", [digest]]]),
    imageTags: () => tagsLeadingTo(call.db.read, addressOfCall(call), digest),
  };
}
