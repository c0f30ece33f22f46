/** ECR's operations on images. */
import { isDigest } from "../../../lib/digest.ts";
import { Fault, type FaultName, fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import { cutPage, parsePageToken } from "../../../lib/page.ts";
import { deleteImage, deleteTagAndImage } from "../../../registry/delete-image.ts";
import {
  findImage,
  findImages,
  type Image,
  listImages as imagesAfter,
  listImageIds,
} from "../../../registry/images.ts";
import { checkTag, isTag } from "../../../registry/names.ts";
import { putImage as put } from "../../../registry/put-image.ts";
import { getRepository, inMessages, type Repository } from "../../../registry/repositories.ts";
import { tagsOf, tagTarget } from "../../../registry/tags.ts";
import type { Call } from "../../call.ts";
import type { EcrOperations } from "../contract/ecr-operations.ts";
import { repositoryIn } from "../operation.ts";

type In<Name extends keyof EcrOperations> = EcrOperations[Name]["input"];
type Out<Name extends keyof EcrOperations> = Promise<EcrOperations[Name]["output"]>;
type ImageId = { imageDigest?: string | undefined; imageTag?: string | undefined };
type Failure = NonNullable<EcrOperations["BatchDeleteImage"]["output"]["failures"]>[number];
type FailureCode = NonNullable<Failure["failureCode"]>;

/** ECR API, PutImage. The same image under the same tag is refused here, unlike on the registry door. */
export async function putImage(call: Call, input: In<"PutImage">): Out<"PutImage"> {
  const { imageTag, imageDigest, imageManifest } = input;
  const address = repositoryIn(call, input);
  if (imageTag !== undefined) checkTag(imageTag);
  if (imageDigest !== undefined && !isDigest(imageDigest))
    throw fault("DigestInvalid", { digest: imageDigest });
  const result = await put(call, {
    repository: address,
    bytes: new TextEncoder().encode(imageManifest),
    mediaType: input.imageManifestMediaType,
    tag: imageTag,
    digest: imageDigest,
  });
  if (!result.changed) {
    throw fault("ImageAlreadyExists", { ...inMessages(address), imageDigest: result.digest, imageTag });
  }
  return {
    image: {
      registryId: address.accountId,
      repositoryName: address.repositoryName,
      imageId: { imageDigest: result.digest, imageTag },
      imageManifest,
      imageManifestMediaType: result.mediaType,
    },
  };
}

/** ECR API, BatchGetImage. An image whose type the caller does not accept is a failure: types are not converted. */
export async function batchGetImage(call: Call, input: In<"BatchGetImage">): Out<"BatchGetImage"> {
  const repository = await getRepository(call.db.read, repositoryIn(call, input));
  let answerBytes = 0;
  const { images, failures } = await forEachId(input.imageIds, async (id) => {
    const { image, imageTag } = await resolve(call, repository, id);
    answerBytes += image.manifestBytes;
    if (answerBytes > limits.batchManifestBytes) {
      throw fault("ManifestsTooLarge", { limitBytes: limits.batchManifestBytes });
    }
    const accepted = input.acceptedMediaTypes;
    if (accepted && !accepted.includes(image.mediaType)) {
      return failure(
        id,
        "ImageNotFound",
        `The image has the media type ${image.mediaType}, which acceptedMediaTypes does not name`,
      );
    }
    const bytes = await call.blobs.bytes(image.digest);
    call.pullTimes.note({ repositoryId: repository.id, imageDigest: image.digest, at: call.clock.now() });
    return {
      registryId: repository.accountId,
      repositoryName: repository.repositoryName,
      imageId: { imageDigest: image.digest, imageTag },
      imageManifest: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes),
      imageManifestMediaType: image.mediaType,
    };
  });
  return { images, failures };
}

/**
 * ECR API, BatchDeleteImage. Lists may stand behind their children in the request: what only waits for a list that the
 * same request removes is tried again.
 */
export async function batchDeleteImage(call: Call, input: In<"BatchDeleteImage">): Out<"BatchDeleteImage"> {
  const repository = await getRepository(call.db.read, repositoryIn(call, input));
  const imageIds: ImageId[] = [];
  let failures: Failure[] = [];
  let waiting: readonly ImageId[] = input.imageIds;
  for (;;) {
    const { images, failures: failed } = await forEachId(waiting, (id) => deleteOne(call, repository, id));
    imageIds.push(...images.flat());
    const retry = failed.filter(({ failureCode }) => failureCode === "ImageReferencedByManifestList");
    failures = [...failures, ...failed.filter((item) => !retry.includes(item))];
    if (retry.length === 0 || images.length === 0) return { imageIds, failures: [...failures, ...retry] };
    waiting = retry.flatMap(({ imageId }) => imageId ?? []);
  }
}

async function deleteOne(call: Call, repository: Repository, id: ImageId): Promise<ImageId[]> {
  const { image, imageTag } = await resolve(call, repository, id);
  if (imageTag !== undefined) {
    return [{ imageDigest: await deleteTagAndImage(call, repository, imageTag), imageTag }];
  }
  const tags = await deleteImage(call, repository, image.digest);
  return tags.length === 0
    ? [{ imageDigest: image.digest }]
    : tags.map((tag) => ({ imageDigest: image.digest, imageTag: tag }));
}

/** ECR API, ListImages: an entry for each tag, and one for each image without tags. */
export async function listImages(call: Call, input: In<"ListImages">): Out<"ListImages"> {
  const repository = await getRepository(call.db.read, repositoryIn(call, input));
  if (hidesActive(input.filter?.imageStatus)) return { imageIds: [] };
  const size = input.maxResults ?? limits.defaultPageSize;
  const [afterDigest = "", afterTag = ""] =
    input.nextToken === undefined ? [] : parsePageToken(input.nextToken, 2);
  const rows = await listImageIds(call.db.read, {
    repositoryId: repository.id,
    tagged: isTagged(input.filter?.tagStatus),
    afterDigest,
    afterTag,
    limit: size + 1,
  });
  const page = cutPage(rows, size, ({ digest, tag }) => [digest, tag ?? ""]);
  return {
    imageIds: page.rows.map(({ digest, tag }) => ({
      imageDigest: digest,
      ...(tag !== null && { imageTag: tag }),
    })),
    nextToken: page.nextToken,
  };
}

/** ECR API, DescribeImages. An unknown image fails the whole call, unlike in BatchGetImage. */
export async function describeImages(call: Call, input: In<"DescribeImages">): Out<"DescribeImages"> {
  const repository = await getRepository(call.db.read, repositoryIn(call, input));
  if (input.imageIds) {
    if (input.nextToken !== undefined || input.maxResults !== undefined) {
      throw fault("InvalidParameter", {
        at: "imageIds",
        reason: "nextToken and maxResults cannot be used with imageIds",
      });
    }
    const images = await namedImages(call, repository, input.imageIds);
    return { imageDetails: await details(call, repository, images) };
  }
  if (hidesActive(input.filter?.imageStatus)) return { imageDetails: [] };
  const size = input.maxResults ?? limits.defaultPageSize;
  const [after = ""] = input.nextToken === undefined ? [] : parsePageToken(input.nextToken, 1);
  const rows = await imagesAfter(call.db.read, {
    repositoryId: repository.id,
    tagged: isTagged(input.filter?.tagStatus),
    after,
    limit: size + 1,
  });
  const page = cutPage(rows, size, ({ digest }) => [digest]);
  return { imageDetails: await details(call, repository, page.rows), nextToken: page.nextToken };
}

async function namedImages(
  call: Call,
  repository: Repository,
  ids: readonly ImageId[],
): Promise<readonly Image[]> {
  const digests: string[] = [];
  for (const id of ids) {
    const target =
      id.imageTag === undefined ? id.imageDigest : await tagTarget(call.db.read, repository.id, id.imageTag);
    const isOther = id.imageDigest !== undefined && target !== id.imageDigest;
    if (target === undefined || isOther) throw fault("ImageNotFound", { ...inMessages(repository), ...id });
    digests.push(target);
  }
  const found = new Map(
    (await findImages(call.db.read, repository.id, digests)).map((image) => [image.digest, image]),
  );
  const missing = ids[digests.findIndex((digest) => !found.has(digest))];
  if (missing) throw fault("ImageNotFound", { ...inMessages(repository), ...missing });
  return [...found.values()];
}

async function details(call: Call, repository: Repository, images: readonly Image[]) {
  const tags = await tagsOf(
    call.db.read,
    repository.id,
    images.map(({ digest }) => digest),
  );
  return images.map((image) => {
    const imageTags = tags.get(image.digest);
    return {
      registryId: repository.accountId,
      repositoryName: repository.repositoryName,
      imageDigest: image.digest,
      ...(imageTags && { imageTags: [...imageTags] }),
      imageSizeInBytes: image.imageBytes,
      imagePushedAt: new Date(image.pushedAt),
      imageManifestMediaType: image.mediaType,
      ...(image.artifactType !== null && { artifactMediaType: image.artifactType }),
      ...(image.lastPulledAt !== null && { lastRecordedPullTime: new Date(image.lastPulledAt) }),
      ...(image.subjectDigest !== null && { subjectManifestDigest: image.subjectDigest }),
      imageStatus: "ACTIVE" as const,
    };
  });
}

/** Archived images do not exist here, so a filter for them finds none. */
function hidesActive(imageStatus: string | undefined): boolean {
  return imageStatus === "ARCHIVED" || imageStatus === "ACTIVATING";
}

function isTagged(tagStatus: string | undefined): boolean | undefined {
  return tagStatus === "TAGGED" ? true : tagStatus === "UNTAGGED" ? false : undefined;
}

/** What an ImageFailure calls a fault; a fault that is none of these fails the whole call. */
const failureCodes: Partial<Record<FaultName, FailureCode>> = {
  ManifestUnknown: "ImageNotFound",
  ImageReferencedByManifestList: "ImageReferencedByManifestList",
};

class IdFailure extends Error {
  constructor(
    readonly code: FailureCode,
    reason: string,
  ) {
    super(reason);
  }
}

/** The image that an id names. Throws an {@link IdFailure} or ManifestUnknown. */
async function resolve(
  call: Call,
  repository: Repository,
  { imageDigest, imageTag }: ImageId,
): Promise<{ image: Image; imageTag: string | undefined }> {
  if (imageDigest === undefined && imageTag === undefined) {
    throw new IdFailure(
      "MissingDigestAndTag",
      "Invalid request parameters: both tag and digest cannot be null",
    );
  }
  if (imageDigest !== undefined && !isDigest(imageDigest)) {
    throw new IdFailure(
      "InvalidImageDigest",
      `Invalid request parameters: image digest '${imageDigest}' is neither sha256: and 64 nor sha512: and 128 lower-case hexadecimal digits`,
    );
  }
  if (imageTag !== undefined && !isTag(imageTag)) {
    throw new IdFailure("InvalidImageTag", `Invalid request parameters: image tag '${imageTag}' is not one`);
  }
  const target =
    imageTag === undefined ? imageDigest : await tagTarget(call.db.read, repository.id, imageTag);
  if (target === undefined) throw fault("ManifestUnknown");
  if (imageDigest !== undefined && target !== imageDigest) {
    throw new IdFailure(
      "ImageTagDoesNotMatchDigest",
      `Invalid request parameters: image tag '${imageTag}' means ${target}, not ${imageDigest}`,
    );
  }
  const image = await findImage(call.db.read, repository.id, target);
  if (!image) throw fault("ManifestUnknown");
  return { image, imageTag };
}

function failure(imageId: ImageId, failureCode: FailureCode, failureReason: string): Failure {
  return { imageId, failureCode, failureReason };
}

/** Does something for each id and sorts what comes of it: a bad id never fails the whole batch. */
async function forEachId<Result extends object>(
  ids: readonly ImageId[],
  body: (id: ImageId) => Promise<Result | Failure>,
): Promise<{ images: Result[]; failures: Failure[] }> {
  const images: Result[] = [];
  const failures: Failure[] = [];
  for (const id of ids) {
    try {
      const result = await body(id);
      if ("failureCode" in result) failures.push(result);
      else images.push(result as Result);
    } catch (error) {
      const code =
        error instanceof IdFailure ? error.code : error instanceof Fault && failureCodes[error.fault];
      if (!code || !(error instanceof Error)) throw error;
      failures.push(failure(id, code, error.message));
    }
  }
  return { images, failures };
}
