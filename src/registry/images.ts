/** Images: the rows of `images` and `image_references`. Every manifest is an image: lists, children and signatures too. */
import type { RepositoryAddress } from "../lib/arn.ts";
import { limits } from "../lib/limits.ts";
import { prepared, type Queryable, type Tx } from "../store/database.ts";
import type { Manifest, Reference } from "./manifests.ts";

export type Image = {
  digest: string;
  mediaType: string;
  manifestBytes: number;
  imageBytes: number;
  artifactType: string | null;
  subjectDigest: string | null;
  /** Milliseconds since the epoch. */
  pushedAt: number;
  lastPulledAt: number | null;
};

/** What a pull needs to know, in one statement. */
type FoundManifest = {
  repositoryId: number;
  digest: string;
  mediaType: string;
  manifestBytes: number;
};

/** When an image was pulled, in milliseconds since the epoch. */
export type PullTime = { repositoryId: number; imageDigest: string; at: number };

const columns = [
  "digest",
  "media_type as mediaType",
  "manifest_bytes as manifestBytes",
  "image_bytes as imageBytes",
  "artifact_type as artifactType",
  "subject_digest as subjectDigest",
  "pushed_at as pushedAt",
  "last_pulled_at as lastPulledAt",
] as const;

/** Rows of one INSERT of references: SQLite and PostgreSQL bound the parameters of a statement. */
const rowsPerInsert = 100;

function manifestQuery(db: Queryable) {
  return db
    .selectFrom("repositories")
    .where("repositories.account_id", "=", "")
    .where("repositories.region", "=", "")
    .where("repositories.name", "=", "")
    .where("repositories.deleted_at", "is", null);
}
const found = [
  "images.repository_id as repositoryId",
  "images.digest as digest",
  "images.media_type as mediaType",
  "images.manifest_bytes as manifestBytes",
] as const;
const byTag = prepared<[string, string, string, string], FoundManifest>((db) =>
  manifestQuery(db)
    .innerJoin("tags", "tags.repository_id", "repositories.id")
    .innerJoin("images", (join) =>
      join
        .onRef("images.repository_id", "=", "tags.repository_id")
        .onRef("images.digest", "=", "tags.image_digest"),
    )
    .where("tags.name", "=", "")
    .select(found),
);
const byDigest = prepared<[string, string, string, string], FoundManifest>((db) =>
  manifestQuery(db)
    .innerJoin("images", "images.repository_id", "repositories.id")
    .where("images.digest", "=", "")
    .select(found),
);

/** The manifest that a tag or digest means in a repository; undefined when the repository or the image is missing. */
export function findManifest(
  db: Queryable,
  { accountId, region, repositoryName }: RepositoryAddress,
  reference: { tag: string } | { digest: string },
): Promise<FoundManifest | undefined> {
  return "tag" in reference
    ? byTag(db, accountId, region, repositoryName, reference.tag)
    : byDigest(db, accountId, region, repositoryName, reference.digest);
}

/** The images with these digests, those that exist. */
export async function findImages(
  db: Queryable,
  repositoryId: number,
  digests: readonly string[],
): Promise<Image[]> {
  const images: Image[] = [];
  for (let from = 0; from < digests.length; from += limits.rowsPerStep) {
    const step = digests.slice(from, from + limits.rowsPerStep);
    images.push(
      ...(await db
        .selectFrom("images")
        .select(columns)
        .where("repository_id", "=", repositoryId)
        .where("digest", "in", step)
        .execute()),
    );
  }
  return images;
}

export async function findImage(
  db: Queryable,
  repositoryId: number,
  digest: string,
): Promise<Image | undefined> {
  const [image] = await findImages(db, repositoryId, [digest]);
  return image;
}

type ImagePage = {
  repositoryId: number;
  tagged: boolean | undefined;
  /** The digest after which the page begins; empty for the first. */
  after: string;
  limit: number;
};

/** Images in the order of their digests. */
export async function listImages(db: Queryable, page: ImagePage): Promise<Image[]> {
  let query = db
    .selectFrom("images")
    .select(columns)
    .where("repository_id", "=", page.repositoryId)
    .where("digest", ">", page.after)
    .orderBy("digest")
    .limit(page.limit);
  if (page.tagged !== undefined) query = query.where("tagged", "=", page.tagged ? 1 : 0);
  return query.execute();
}

/** Images that have the subject, in the order of their digests. OCI distribution 1.1, "Listing Referrers". */
export async function listReferrers(
  db: Queryable,
  page: {
    repositoryId: number;
    subjectDigest: string;
    artifactType: string | undefined;
    after: string;
    limit: number;
  },
): Promise<Image[]> {
  let query = db
    .selectFrom("images")
    .select(columns)
    .where("repository_id", "=", page.repositoryId)
    .where("subject_digest", "=", page.subjectDigest)
    .where("digest", ">", page.after)
    .orderBy("digest")
    .limit(page.limit);
  if (page.artifactType !== undefined) query = query.where("artifact_type", "=", page.artifactType);
  return query.execute();
}

/** Annotations of images by digest, as JSON objects; an image without any has no entry. They may be as large as manifests. */
export async function annotationsOf(
  db: Queryable,
  repositoryId: number,
  digests: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (digests.length === 0) return new Map();
  const rows = await db
    .selectFrom("images")
    .select(["digest", "annotations"])
    .where("repository_id", "=", repositoryId)
    .where("digest", "in", digests)
    .execute();
  return new Map(
    rows.flatMap(({ digest, annotations }) => (annotations === null ? [] : [[digest, annotations]])),
  );
}

/** Whether the repository has any image. */
export async function hasImages(db: Queryable, repositoryId: number): Promise<boolean> {
  const row = await db
    .selectFrom("images")
    .select("digest")
    .where("repository_id", "=", repositoryId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Digests of images that refer to `targetDigest`: lists for a manifest, images for a blob. A few are enough to say so. */
export async function referringImages(
  db: Queryable,
  repositoryId: number,
  target: { digest: string; kind: Reference["kind"] },
): Promise<string[]> {
  const rows = await db
    .selectFrom("image_references")
    .select("image_digest")
    .where("repository_id", "=", repositoryId)
    .where("target_digest", "=", target.digest)
    .where("kind", "=", target.kind)
    .limit(10)
    .execute();
  return rows.map((row) => row.image_digest);
}

/** Stores the facts of a new image. Its manifest's bytes are already stored as a blob. */
export async function insertImage(
  tx: Tx,
  image: {
    repositoryId: number;
    digest: string;
    manifest: Manifest;
    manifestBytes: number;
    references: readonly Reference[];
    pushedAt: number;
  },
): Promise<void> {
  const { manifest, references } = image;
  const annotations = JSON.stringify(manifest.annotations);
  const children = references.filter(({ kind }) => kind === "manifest").map(({ digest }) => digest);
  const childSizes = (await findImages(tx, image.repositoryId, children)).map(({ imageBytes }) => imageBytes);
  await tx
    .insertInto("images")
    .values({
      repository_id: image.repositoryId,
      digest: image.digest,
      media_type: manifest.mediaType,
      manifest_bytes: image.manifestBytes,
      image_bytes: Math.max(manifest.contentBytes, ...childSizes),
      artifact_type: manifest.artifactType ?? null,
      subject_digest: manifest.subjectDigest ?? null,
      annotations: annotations === "{}" ? null : annotations,
      pushed_at: image.pushedAt,
      last_pulled_at: null,
      tagged: 0,
    })
    .execute();
  for (let from = 0; from < references.length; from += rowsPerInsert) {
    await tx
      .insertInto("image_references")
      .values(
        references.slice(from, from + rowsPerInsert).map(({ digest, kind }) => ({
          repository_id: image.repositoryId,
          image_digest: image.digest,
          target_digest: digest,
          kind,
        })),
      )
      .execute();
  }
}

export async function deleteImageRow(tx: Tx, repositoryId: number, digest: string): Promise<void> {
  await tx
    .deleteFrom("image_references")
    .where("repository_id", "=", repositoryId)
    .where("image_digest", "=", digest)
    .execute();
  await tx
    .deleteFrom("images")
    .where("repository_id", "=", repositoryId)
    .where("digest", "=", digest)
    .execute();
}

/** Brings `tagged` in step after a tag of this image was set or removed. */
export async function refreshTagged(tx: Tx, repositoryId: number, digest: string): Promise<void> {
  const tag = await tx
    .selectFrom("tags")
    .select("name")
    .where("repository_id", "=", repositoryId)
    .where("image_digest", "=", digest)
    .limit(1)
    .executeTakeFirst();
  await tx
    .updateTable("images")
    .set({ tagged: tag ? 1 : 0 })
    .where("repository_id", "=", repositoryId)
    .where("digest", "=", digest)
    .execute();
}

export async function setPullTimes(tx: Tx, pulls: readonly PullTime[]): Promise<void> {
  for (const { repositoryId, imageDigest, at } of pulls) {
    await tx
      .updateTable("images")
      .set({ last_pulled_at: at })
      .where("repository_id", "=", repositoryId)
      .where("digest", "=", imageDigest)
      .execute();
  }
}

/** One row for each tag of an image and one for an image without tags, after `(afterDigest, afterTag)`. ECR ListImages. */
export async function listImageIds(
  db: Queryable,
  page: {
    repositoryId: number;
    tagged: boolean | undefined;
    afterDigest: string;
    afterTag: string;
    limit: number;
  },
): Promise<{ digest: string; tag: string | null }[]> {
  let query = db
    .selectFrom("images")
    .leftJoin("tags", (join) =>
      join
        .onRef("tags.repository_id", "=", "images.repository_id")
        .onRef("tags.image_digest", "=", "images.digest"),
    )
    .select(["images.digest as digest", "tags.name as tag"])
    .where("images.repository_id", "=", page.repositoryId)
    .where("images.digest", ">=", page.afterDigest)
    .where((e) =>
      e.or([
        e("images.digest", ">", page.afterDigest),
        e.and([e("images.digest", "=", page.afterDigest), e("tags.name", ">", page.afterTag)]),
      ]),
    )
    .orderBy("images.digest")
    .orderBy("tags.name")
    .limit(page.limit);
  if (page.tagged !== undefined) query = query.where("images.tagged", "=", page.tagged ? 1 : 0);
  return query.execute();
}
