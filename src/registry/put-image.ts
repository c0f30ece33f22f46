/** The verb behind `docker push` and `aws ecr put-image`: store a manifest, and let a tag point to it. */
import type { RepositoryAddress } from "../lib/arn.ts";
import { digestAlgorithm, digestOf } from "../lib/digest.ts";
import { fault } from "../lib/faults.ts";
import { limits } from "../lib/limits.ts";
import type { Queryable, Tx } from "../store/database.ts";
import { emit } from "../store/events.ts";
import { linkedBlobs, recordBlob, setMediaType } from "./blobs.ts";
import type { Services } from "./context.ts";
import { findImage, findImages, insertImage, refreshTagged } from "./images.ts";
import { type Manifest, parseManifest, type Reference } from "./manifests.ts";
import { isMovable } from "./mutability.ts";
import { addressOf, getRepository, inMessages, type Repository } from "./repositories.ts";
import { countTags, setTag, tagTarget } from "./tags.ts";

type PutImage = {
  repository: RepositoryAddress;
  bytes: Uint8Array;
  /** What the sender calls the manifest, if anything. */
  mediaType: string | undefined;
  tag?: string | undefined;
  /** The digest that the sender expects. */
  digest?: string | undefined;
};

type PutResult = {
  digest: string;
  mediaType: string;
  subjectDigest: string | undefined;
  /** False when the same image, under the same tag if one was given, was there before: nothing was written. */
  changed: boolean;
};

/**
 * Stores the image. Throws ManifestInvalid, ManifestTooLarge, ImageDigestDoesNotMatch, LayersNotFound,
 * ReferencedImagesNotFound, ImageTagAlreadyExists (the tag is immutable and means another image) and TagLimitExceeded.
 */
export async function putImage(services: Services, put: PutImage): Promise<PutResult> {
  const { db, blobs, clock } = services;
  const manifest = parseManifest(put.bytes, put.mediaType);
  const digest = digestOf(put.bytes, put.digest === undefined ? "sha256" : digestAlgorithm(put.digest));
  if (put.digest !== undefined && put.digest !== digest) {
    throw fault("ImageDigestDoesNotMatch", { given: put.digest, calculated: digest });
  }
  const result = { digest, mediaType: manifest.mediaType, subjectDigest: manifest.subjectDigest };

  // Asked once before the manifest is written, so that a refused push leaves no file, and again where it counts.
  const before = await checkPut(db.read, await getRepository(db.read, put.repository), {
    manifest,
    digest,
    tag: put.tag,
  });
  if (before.unchanged) return { ...result, changed: false };
  if (!before.imageExists) await blobs.put(digest, put.bytes);

  return db.write(async (tx) => {
    const repository = await getRepository(tx, put.repository);
    const check = await checkPut(tx, repository, { manifest, digest, tag: put.tag });
    if (check.unchanged) return { ...result, changed: false };
    if (!check.imageExists) {
      const now = clock.now();
      await recordBlob(tx, clock, digest, put.bytes.length);
      await insertImage(tx, {
        repositoryId: repository.id,
        digest,
        manifest,
        manifestBytes: put.bytes.length,
        references: check.references,
        pushedAt: now,
      });
      for (const { digest: layer, mediaType } of manifest.blobTypes)
        await setMediaType(tx, repository.id, layer, mediaType);
    }
    if (put.tag !== undefined)
      await moveTag(services, tx, { repository, tag: put.tag, digest, from: check.tagTarget });
    await emit(tx, clock, "image.pushed", {
      ...addressOf(repository),
      imageDigest: digest,
      imageTag: put.tag,
      mediaType: manifest.mediaType,
    });
    return { ...result, changed: true };
  });
}

type Check = {
  unchanged: boolean;
  imageExists: boolean;
  /** Where the tag points now. */
  tagTarget: string | undefined;
  /** What the image refers to and the repository has. */
  references: readonly Reference[];
};

async function checkPut(
  db: Queryable,
  repository: Repository,
  { manifest, digest, tag }: { manifest: Manifest; digest: string; tag: string | undefined },
): Promise<Check> {
  const imageExists = (await findImage(db, repository.id, digest)) !== undefined;
  const target = tag === undefined ? undefined : await tagTarget(db, repository.id, tag);
  const unchanged = imageExists && (tag === undefined || target === digest);
  if (unchanged) return { unchanged, imageExists, tagTarget: target, references: [] };
  if (
    tag !== undefined &&
    target !== undefined &&
    target !== digest &&
    !isMovable(repository.mutability, tag)
  ) {
    throw fault("ImageTagAlreadyExists", { ...inMessages(repository), imageTag: tag });
  }
  if (tag !== undefined && (await countTags(db, repository.id, digest)) >= limits.tagsPerImage) {
    throw fault("TagLimitExceeded", { ...inMessages(repository), imageTag: tag, limit: limits.tagsPerImage });
  }
  const references = imageExists ? [] : await presentReferences(db, repository, manifest.references);
  return { unchanged, imageExists, tagTarget: target, references };
}

/** The references that are there. Throws when a required one is not. */
async function presentReferences(
  db: Queryable,
  repository: Repository,
  references: readonly Reference[],
): Promise<readonly Reference[]> {
  const digests = (kind: Reference["kind"]) => references.filter((r) => r.kind === kind).map((r) => r.digest);
  const blobs = await linkedBlobs(db, repository.id, digests("blob"));
  const images = new Set(
    (await findImages(db, repository.id, digests("manifest"))).map((image) => image.digest),
  );
  const isThere = ({ kind, digest }: Reference) => (kind === "blob" ? blobs.has(digest) : images.has(digest));
  const missing = references.filter((reference) => reference.required && !isThere(reference));
  const missingBlobs = missing.filter(({ kind }) => kind === "blob").map(({ digest }) => digest);
  if (missingBlobs.length > 0)
    throw fault("LayersNotFound", { ...inMessages(repository), digests: missingBlobs });
  if (missing.length > 0) {
    throw fault("ReferencedImagesNotFound", {
      ...inMessages(repository),
      digests: missing.map(({ digest }) => digest),
    });
  }
  return references.filter(isThere);
}

async function moveTag(
  { clock }: Services,
  tx: Tx,
  move: { repository: Repository; tag: string; digest: string; from: string | undefined },
): Promise<void> {
  const repositoryId = move.repository.id;
  await setTag(tx, clock, { repositoryId, tag: move.tag, imageDigest: move.digest });
  await refreshTagged(tx, repositoryId, move.digest);
  if (move.from !== undefined && move.from !== move.digest) await refreshTagged(tx, repositoryId, move.from);
}
