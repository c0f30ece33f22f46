/** ECR's operations on layers: the JSON way to push and pull blobs. */
import { callerName } from "../../../access/caller.ts";
import { isDigest } from "../../../lib/digest.ts";
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import { linkedBlobs } from "../../../registry/blobs.ts";
import { getRepository, inMessages } from "../../../registry/repositories.ts";
import {
  appendLayerPart,
  beginUpload,
  cancelUpload,
  completeUpload,
  getUpload,
} from "../../../registry/uploads.ts";
import type { Call } from "../../call.ts";
import { downloadUrl } from "../../web/downloads.ts";
import type { EcrOperations } from "../contract/ecr-operations.ts";
import { repositoryIn } from "../operation.ts";

type In<Name extends keyof EcrOperations> = EcrOperations[Name]["input"];
type Out<Name extends keyof EcrOperations> = Promise<EcrOperations[Name]["output"]>;

/** ECR API, BatchCheckLayerAvailability. A digest that is none is a failure of its own, not of the call. */
export async function batchCheckLayerAvailability(
  call: Call,
  input: In<"BatchCheckLayerAvailability">,
): Out<"BatchCheckLayerAvailability"> {
  const repository = await getRepository(call.db.read, repositoryIn(call, input));
  const asked = input.layerDigests.filter(isDigest);
  const linked = await linkedBlobs(call.db.read, repository.id, asked);
  const layers = asked.map((layerDigest) => {
    const blob = linked.get(layerDigest);
    return blob
      ? {
          layerDigest,
          layerAvailability: "AVAILABLE" as const,
          layerSize: blob.sizeBytes,
          ...(blob.mediaType !== null && { mediaType: blob.mediaType }),
        }
      : { layerDigest, layerAvailability: "UNAVAILABLE" as const };
  });
  const failures = input.layerDigests
    .filter((digest) => !isDigest(digest))
    .map((layerDigest) =>
      layerDigest === ""
        ? {
            layerDigest,
            failureCode: "MissingLayerDigest" as const,
            failureReason: "Invalid request parameters: the layer digest is empty",
          }
        : {
            layerDigest,
            failureCode: "InvalidLayerDigest" as const,
            failureReason: `Invalid layer digest: '${layerDigest}' is neither sha256: and 64 nor sha512: and 128 lower-case hexadecimal digits`,
          },
    );
  return { layers, failures };
}

/** ECR API, InitiateLayerUpload. */
export async function initiateLayerUpload(
  call: Call,
  input: In<"InitiateLayerUpload">,
): Out<"InitiateLayerUpload"> {
  const repository = await getRepository(call.db.read, repositoryIn(call, input));
  const uploadId = await beginUpload(call, {
    repository,
    principalArn: callerName(call.caller),
    by: "InitiateLayerUpload",
  });
  return { uploadId, partSize: limits.advisedPartBytes };
}

/** ECR API, UploadLayerPart: parts in order, each of at least 5 MiB but the last. */
export async function uploadLayerPart(call: Call, input: In<"UploadLayerPart">): Out<"UploadLayerPart"> {
  const { partFirstByte, partLastByte, layerPartBlob, uploadId } = input;
  const repository = await getRepository(call.db.read, repositoryIn(call, input));
  const upload = await getUpload(call, repository, uploadId);
  if (partLastByte - partFirstByte + 1 !== layerPartBlob.length) {
    throw fault("SizeInvalid", { stated: partLastByte - partFirstByte + 1, received: layerPartBlob.length });
  }
  const sizeBytes = await appendLayerPart(call, upload, { bytes: layerPartBlob, firstByte: partFirstByte });
  return {
    registryId: repository.accountId,
    repositoryName: repository.repositoryName,
    uploadId,
    lastByteReceived: sizeBytes - 1,
  };
}

/** ECR API, CompleteLayerUpload. */
export async function completeLayerUpload(
  call: Call,
  input: In<"CompleteLayerUpload">,
): Out<"CompleteLayerUpload"> {
  const repository = await getRepository(call.db.read, repositoryIn(call, input));
  const upload = await getUpload(call, repository, input.uploadId);
  if (upload.sizeBytes === 0) throw fault("EmptyUpload", { ...inMessages(repository), uploadId: upload.id });
  if (upload.shortParts === "earlier") throw fault("LayerPartTooSmall");
  const [present] = (await linkedBlobs(call.db.read, repository.id, input.layerDigests)).keys();
  if (present !== undefined) {
    await cancelUpload(call, upload);
    throw fault("LayerAlreadyExists", { ...inMessages(repository), digest: present });
  }
  const layerDigest = await completeUpload(call, upload, input.layerDigests);
  return {
    registryId: repository.accountId,
    repositoryName: repository.repositoryName,
    uploadId: upload.id,
    layerDigest,
  };
}

/** ECR API, GetDownloadUrlForLayer. */
export async function getDownloadUrlForLayer(
  call: Call,
  input: In<"GetDownloadUrlForLayer">,
): Out<"GetDownloadUrlForLayer"> {
  const repository = await getRepository(call.db.read, repositoryIn(call, input));
  const { layerDigest } = input;
  const linked = await linkedBlobs(call.db.read, repository.id, [layerDigest]);
  if (!linked.has(layerDigest))
    throw fault("LayerNotFound", { ...inMessages(repository), digest: layerDigest });
  return { downloadUrl: downloadUrl(call, repository.id, layerDigest), layerDigest };
}
