/** Lists: OCI distribution 1.1, end-8 (tags), end-12 (referrers), and the catalogue. */
import { limits } from "../../lib/limits.ts";
import { annotationsOf, type Image, listReferrers } from "../../registry/images.ts";
import { ociIndexType } from "../../registry/manifests.ts";
import { getRepository, listRepositories } from "../../registry/repositories.ts";
import { listTags as tagsAfter } from "../../registry/tags.ts";
import { addressOfCall, checkedDigest, json, nextLink, type OciCall, pageOf } from "./call.ts";

/** end-8: tags in the specification's order. */
export async function listTags(call: OciCall): Promise<Response> {
  const { size, last } = pageOf(call.query);
  const repository = await getRepository(call.db.read, addressOfCall(call));
  const tags = await tagsAfter(call.db.read, { repositoryId: repository.id, after: last, limit: size + 1 });
  return json(
    { name: call.repositoryName, tags: tags.slice(0, size) },
    next(call, `${call.repositoryName}/tags/list`, tags, size),
  );
}

/** Repositories of the registry in byte order. */
export async function listCatalog(call: OciCall): Promise<Response> {
  const { size, last } = pageOf(call.query);
  const { accountId, region } = call;
  const found = await listRepositories(call.db.read, { accountId, region, after: last, limit: size + 1 });
  const names = found.map(({ repositoryName }) => repositoryName);
  return json({ repositories: names.slice(0, size) }, next(call, "_catalog", names, size));
}

/** end-12: an index of the images whose subject is this digest; empty when there are none, whatever the digest. */
export async function getReferrers(call: OciCall): Promise<Response> {
  const subjectDigest = checkedDigest(call.argument);
  const artifactType = call.query.get("artifactType") || undefined;
  const { size: asked, last } = pageOf(call.query);
  const size = Math.min(asked, limits.referrersPage);
  const repository = await getRepository(call.db.read, addressOfCall(call));
  const images = await listReferrers(call.db.read, {
    repositoryId: repository.id,
    subjectDigest,
    artifactType,
    after: last,
    limit: size + 1,
  });
  const page = withinBytes(images.slice(0, size));
  const annotations = await annotationsOf(
    call.db.read,
    repository.id,
    page.map(({ digest }) => digest),
  );
  const manifests = page.map((image) => descriptorOf(image, annotations.get(image.digest)));
  const end = page.at(-1);
  const query = {
    ...(artifactType !== undefined && { artifactType }),
    n: String(size),
    last: end?.digest ?? "",
  };
  return json(
    { schemaVersion: 2, mediaType: ociIndexType, manifests },
    {
      "content-type": ociIndexType,
      ...(artifactType !== undefined && { "oci-filters-applied": "artifactType" }),
      ...(images.length > page.length &&
        end &&
        nextLink(`${call.base}${call.repositoryName}/referrers/${subjectDigest}`, query)),
    },
  );
}

/** At least one image, and as many as surely fit: a descriptor repeats at most what is in its manifest. */
function withinBytes(images: readonly Image[]): readonly Image[] {
  const descriptorBytes = 1024;
  let bytes = 0;
  const count = images.findIndex((image, index) => {
    bytes += image.manifestBytes + descriptorBytes;
    return index > 0 && bytes > limits.referrersPageBytes;
  });
  return count < 0 ? images : images.slice(0, count);
}

function descriptorOf(image: Image, annotations: string | undefined) {
  return {
    mediaType: image.mediaType,
    digest: image.digest,
    size: image.manifestBytes,
    ...(image.artifactType !== null && { artifactType: image.artifactType }),
    ...(annotations !== undefined && { annotations: JSON.parse(annotations) as unknown }),
  };
}

/** `names` were read with a limit of `size + 1`: one more than the page means that there is a next one. */
function next(call: OciCall, path: string, names: readonly string[], size: number): Record<string, string> {
  const last = names[size - 1];
  return names.length > size && last !== undefined
    ? nextLink(call.base + path, { last, n: String(size) })
    : {};
}
