/** The verbs that remove: a tag, an image, and what a deleted repository leaves. */
import { fault } from "../lib/faults.ts";
import { limits } from "../lib/limits.ts";
import type { Tx } from "../store/database.ts";
import { emit } from "../store/events.ts";
import { unlinkSome } from "./blobs.ts";
import type { Services } from "./context.ts";
import { deleteImageRow, findImage, listImages, referringImages, refreshTagged } from "./images.ts";
import { addressOf, forgetRepository, getRepository, inMessages, type Repository } from "./repositories.ts";
import { deletePolicy } from "./repository-policies.ts";
import { removeAllTags } from "./repository-tags.ts";
import { removeTag, removeTagsOf, tagsOf, tagTarget } from "./tags.ts";
import { listUploads, removeUploadRow } from "./uploads.ts";

/**
 * Takes a tag away; the image stays. Resolves with the digest that it pointed to. Throws ManifestUnknown.
 * OCI distribution 1.1, "Deleting tags".
 */
export async function deleteTag(
  { db, clock }: Services,
  repository: Repository,
  tag: string,
): Promise<string> {
  return db.write(async (tx) => {
    const { id } = await getRepository(tx, repository);
    const digest = await tagTarget(tx, id, tag);
    if (digest === undefined) throw fault("ManifestUnknown");
    await removeTag(tx, id, tag);
    await refreshTagged(tx, id, digest);
    await emit(tx, clock, "image.deleted", { ...addressOf(repository), imageDigest: digest, imageTag: tag });
    return digest;
  });
}

/**
 * Takes a tag away as ECR's BatchDeleteImage does: with its last tag the image goes too. Throws ManifestUnknown, and
 * ImageReferencedByManifestList when the image would go and a list needs it.
 */
export async function deleteTagAndImage(
  { db, clock }: Services,
  repository: Repository,
  tag: string,
): Promise<string> {
  return db.write(async (tx) => {
    const { id } = await getRepository(tx, repository);
    const digest = await tagTarget(tx, id, tag);
    if (digest === undefined) throw fault("ManifestUnknown");
    const others = (await tagsOf(tx, id, [digest])).get(digest)?.filter((name) => name !== tag) ?? [];
    if (others.length === 0) await checkUnreferenced(tx, id, digest);
    await removeTag(tx, id, tag);
    if (others.length === 0) await deleteImageRow(tx, id, digest);
    await emit(tx, clock, "image.deleted", { ...addressOf(repository), imageDigest: digest, imageTag: tag });
    return digest;
  });
}

/**
 * Removes an image with all its tags and resolves with these. Throws ManifestUnknown, and ImageReferencedByManifestList
 * while a list needs it.
 */
export async function deleteImage(
  { db, clock }: Services,
  repository: Repository,
  digest: string,
): Promise<readonly string[]> {
  return db.write(async (tx) => {
    const { id } = await getRepository(tx, repository);
    if (!(await findImage(tx, id, digest))) throw fault("ManifestUnknown");
    await checkUnreferenced(tx, id, digest);
    const tags = (await tagsOf(tx, id, [digest])).get(digest) ?? [];
    await removeTagsOf(tx, id, digest);
    await deleteImageRow(tx, id, digest);
    for (const imageTag of tags.length > 0 ? tags : [undefined]) {
      await emit(tx, clock, "image.deleted", { ...addressOf(repository), imageDigest: digest, imageTag });
    }
    return tags;
  });
}

async function checkUnreferenced(tx: Tx, repositoryId: number, digest: string): Promise<void> {
  const digests = await referringImages(tx, repositoryId, { digest, kind: "manifest" });
  if (digests.length > 0) throw fault("ImageReferencedByManifestList", { digests });
}

/** Removes what a deleted repository leaves, a step at a time, so that nobody waits for it. May be run again. */
export async function purgeRepository({ db, blobs }: Services, repositoryId: number): Promise<void> {
  const step = limits.rowsPerStep;
  for (;;) {
    const uploads = await listUploads(db.read, { repositoryId }, step);
    if (uploads.length === 0) break;
    for (const id of uploads) await blobs.abort(id);
    await db.write(async (tx) => {
      for (const id of uploads) await removeUploadRow(tx, id);
    });
  }
  for (;;) {
    const images = await listImages(db.read, { repositoryId, tagged: undefined, after: "", limit: 10 });
    if (images.length === 0) break;
    await db.write(async (tx) => {
      for (const { digest } of images) {
        await removeTagsOf(tx, repositoryId, digest);
        await deleteImageRow(tx, repositoryId, digest);
      }
    });
  }
  while (!(await db.write((tx) => unlinkSome(tx, repositoryId, step)))) {
    // Each turn is a transaction of its own.
  }
  await db.write(async (tx) => {
    await deletePolicy(tx, repositoryId);
    await removeAllTags(tx, repositoryId);
    await forgetRepository(tx, repositoryId);
  });
}

/** Throws RepositoryNotEmpty unless it may be deleted. */
export function checkEmpty(repository: Repository, hasImages: boolean, force: boolean): void {
  if (hasImages && !force) throw fault("RepositoryNotEmpty", inMessages(repository));
}
