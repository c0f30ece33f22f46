/** BatchGetImage and BatchDeleteImage: a bad id is a failure of its own, and never of the call. */
import { describe, expect, test } from "bun:test";
import type { ImageFailure, ImageIdentifier } from "@aws-sdk/client-ecr";
import { client } from "../support/aws.ts";
import {
  type Descriptor,
  descriptorOf,
  type Image,
  imageIndex,
  mediaTypes,
  registryForFile,
  unknownDigest,
} from "../support/oci.ts";

const registry = registryForFile();
const ecr = () => client(registry.server);

const text = (manifest: Uint8Array) => new TextDecoder().decode(manifest);

async function pushIndex(repositoryName: string, children: readonly Descriptor[], tag?: string) {
  const index = imageIndex(children);
  const descriptor = descriptorOf(index, mediaTypes.index);
  const answer = await registry.putManifest(
    repositoryName,
    tag ?? descriptor.digest,
    index,
    mediaTypes.index,
  );
  expect(answer.status).toBe(201);
  return descriptor;
}

/** Ids of a repository with the image `v1` and the image `v2` that cannot be resolved, with what is said about them. */
function badIds(v1: string, v2: string): readonly Required<ImageFailure>[] {
  const invalid = (reason: string) => `Invalid request parameters: ${reason}`;
  const noDigest = (digest: string) =>
    invalid(
      `image digest '${digest}' is neither sha256: and 64 nor sha512: and 128 lower-case hexadecimal digits`,
    );
  const row = (
    imageId: ImageIdentifier,
    failureCode: ImageFailure["failureCode"] & {},
    failureReason: string,
  ) => ({
    imageId,
    failureCode,
    failureReason,
  });
  const malformed = ["sha256:abc", "latest", v1.toUpperCase(), "md5:d41d8cd98f00b204e9800998ecf8427e"];
  return [
    row({}, "MissingDigestAndTag", invalid("both tag and digest cannot be null")),
    ...malformed.map((digest) => row({ imageDigest: digest }, "InvalidImageDigest", noDigest(digest))),
    row({ imageTag: "not a tag" }, "InvalidImageTag", invalid("image tag 'not a tag' is not one")),
    row(
      { imageTag: "t".repeat(129) },
      "InvalidImageTag",
      invalid(`image tag '${"t".repeat(129)}' is not one`),
    ),
    row({ imageTag: "missing" }, "ImageNotFound", "Requested image not found"),
    row({ imageDigest: unknownDigest() }, "ImageNotFound", "Requested image not found"),
    row({ imageDigest: v1, imageTag: "missing" }, "ImageNotFound", "Requested image not found"),
    row(
      { imageDigest: v1, imageTag: "v2" },
      "ImageTagDoesNotMatchDigest",
      invalid(`image tag 'v2' means ${v2}, not ${v1}`),
    ),
  ];
}

async function listed(repositoryName: string): Promise<ImageIdentifier[]> {
  return (await ecr().listImages({ repositoryName })).imageIds ?? [];
}

/** A repository with two images. */
async function prepare() {
  const repositoryName = await registry.createRepository();
  const v1 = await registry.pushImage(repositoryName, "v1");
  const v2 = await registry.pushImage(repositoryName, "v2");
  return { repositoryName, v1, v2 };
}

describe("BatchGetImage", () => {
  const answered = (repositoryName: string, image: Image, imageTag?: string) => ({
    registryId: "000000000000",
    repositoryName,
    imageId: { imageDigest: image.digest, ...(imageTag !== undefined && { imageTag }) },
    imageManifest: text(image.manifest),
    imageManifestMediaType: mediaTypes.image,
  });

  test("answers images by tag, by digest and by both, in the order that they were asked for", async () => {
    const { repositoryName, v1, v2 } = await prepare();
    const { images, failures } = await ecr().batchGetImage({
      repositoryName,
      imageIds: [
        { imageTag: "v2" },
        { imageDigest: v1.digest },
        { imageDigest: v1.digest, imageTag: "v1" },
        { imageTag: "v2" },
      ],
    });
    expect(images).toEqual([
      answered(repositoryName, v2, "v2"),
      answered(repositoryName, v1),
      answered(repositoryName, v1, "v1"),
      answered(repositoryName, v2, "v2"),
    ]);
    expect(failures).toEqual([]);
  });

  test("says for each bad id what is wrong with it, and answers the others", async () => {
    const { repositoryName, v1, v2 } = await prepare();
    const bad = badIds(v1.digest, v2.digest);
    const { images, failures } = await ecr().batchGetImage({
      repositoryName,
      imageIds: [{ imageTag: "v1" }, ...bad.map(({ imageId }) => imageId), { imageTag: "v2" }],
    });
    expect(failures).toEqual([...bad]);
    expect(images).toEqual([answered(repositoryName, v1, "v1"), answered(repositoryName, v2, "v2")]);
  });

  test("answers an image only as a type that is accepted", async () => {
    const { repositoryName, v1 } = await prepare();
    const get = (...acceptedMediaTypes: string[]) =>
      ecr().batchGetImage({ repositoryName, imageIds: [{ imageTag: "v1" }], acceptedMediaTypes });
    const accepted = await get(mediaTypes.dockerImage, mediaTypes.image);
    expect(accepted.images).toEqual([answered(repositoryName, v1, "v1")]);
    const refused = await get(mediaTypes.dockerImage);
    expect(refused.images).toEqual([]);
    expect(refused.failures).toEqual([
      {
        imageId: { imageTag: "v1" },
        failureCode: "ImageNotFound",
        failureReason: `The image has the media type ${mediaTypes.image}, which acceptedMediaTypes does not name`,
      },
    ]);
  });

  test("answers lists and Docker's manifests as they were pushed", async () => {
    const { repositoryName, v1, v2 } = await prepare();
    const list = imageIndex([v1.descriptor, v2.descriptor]);
    await registry.putManifest(repositoryName, "all", list, mediaTypes.index);
    const { images } = await ecr().batchGetImage({ repositoryName, imageIds: [{ imageTag: "all" }] });
    expect(images?.[0]?.imageManifest).toBe(text(list));
    expect(images?.[0]?.imageManifestMediaType).toBe(mediaTypes.index);
  });

  test("takes a hundred ids", async () => {
    const { repositoryName } = await prepare();
    const imageIds = Array.from({ length: 100 }, () => ({ imageTag: "v1" }));
    expect((await ecr().batchGetImage({ repositoryName, imageIds })).images).toHaveLength(100);
  });
});

describe("BatchDeleteImage", () => {
  test("takes away one tag when the image has others", async () => {
    const { repositoryName, v1, v2 } = await prepare();
    await registry.putManifest(repositoryName, "also-v1", v1.manifest);
    const { imageIds, failures } = await ecr().batchDeleteImage({
      repositoryName,
      imageIds: [{ imageTag: "v1" }],
    });
    expect(imageIds).toEqual([{ imageDigest: v1.digest, imageTag: "v1" }]);
    expect(failures).toEqual([]);
    const left = await listed(repositoryName);
    expect(left).toHaveLength(2);
    expect(left).toContainEqual({ imageDigest: v1.digest, imageTag: "also-v1" });
    expect(left).toContainEqual({ imageDigest: v2.digest, imageTag: "v2" });
    expect(await registry.has(repositoryName, "manifests", "v1")).toBe(false);
  });

  test("takes away the image with its last tag", async () => {
    const { repositoryName, v1, v2 } = await prepare();
    const { imageIds } = await ecr().batchDeleteImage({
      repositoryName,
      imageIds: [{ imageDigest: v1.digest, imageTag: "v1" }],
    });
    expect(imageIds).toEqual([{ imageDigest: v1.digest, imageTag: "v1" }]);
    expect(await listed(repositoryName)).toEqual([{ imageDigest: v2.digest, imageTag: "v2" }]);
    expect(await registry.has(repositoryName, "manifests", v1.digest)).toBe(false);
  });

  test("takes away an image by its digest with all of its tags", async () => {
    const { repositoryName, v1, v2 } = await prepare();
    for (const tag of ["a", "b"]) await registry.putManifest(repositoryName, tag, v1.manifest);
    const { imageIds } = await ecr().batchDeleteImage({
      repositoryName,
      imageIds: [{ imageDigest: v1.digest }],
    });
    expect(imageIds).toEqual(["a", "b", "v1"].map((imageTag) => ({ imageDigest: v1.digest, imageTag })));
    expect(await listed(repositoryName)).toEqual([{ imageDigest: v2.digest, imageTag: "v2" }]);
  });

  test("takes away an image that has no tag", async () => {
    const { repositoryName, v1, v2 } = await prepare();
    const untagged = await registry.pushImage(repositoryName);
    const { imageIds } = await ecr().batchDeleteImage({
      repositoryName,
      imageIds: [{ imageDigest: untagged.digest }],
    });
    expect(imageIds).toEqual([{ imageDigest: untagged.digest }]);
    expect((await listed(repositoryName)).map(({ imageDigest = "" }) => imageDigest).sort()).toEqual(
      [v1.digest, v2.digest].sort(),
    );
  });

  test("says for each bad id what is wrong with it, and deletes the others alone", async () => {
    const { repositoryName, v1, v2 } = await prepare();
    const kept = await registry.pushImage(repositoryName, "kept");
    const bad = badIds(v1.digest, v2.digest);
    // The good ids come last: whether a tag fits a digest is asked while both are there.
    const { imageIds, failures } = await ecr().batchDeleteImage({
      repositoryName,
      imageIds: [...bad.map(({ imageId }) => imageId), { imageTag: "v1" }, { imageDigest: v2.digest }],
    });
    expect(failures).toEqual([...bad]);
    expect(imageIds).toEqual([
      { imageDigest: v1.digest, imageTag: "v1" },
      { imageDigest: v2.digest, imageTag: "v2" },
    ]);
    expect(await listed(repositoryName)).toEqual([{ imageDigest: kept.digest, imageTag: "kept" }]);
  });

  test("does not find what the same call deleted before", async () => {
    const { repositoryName, v1, v2 } = await prepare();
    const { imageIds, failures } = await ecr().batchDeleteImage({
      repositoryName,
      imageIds: [{ imageTag: "v1" }, { imageTag: "v1" }, { imageDigest: v1.digest }],
    });
    expect(imageIds).toEqual([{ imageDigest: v1.digest, imageTag: "v1" }]);
    expect(failures?.map(({ imageId, failureCode }) => ({ imageId, failureCode }))).toEqual([
      { imageId: { imageTag: "v1" }, failureCode: "ImageNotFound" },
      { imageId: { imageDigest: v1.digest }, failureCode: "ImageNotFound" },
    ]);
    expect(await listed(repositoryName)).toEqual([{ imageDigest: v2.digest, imageTag: "v2" }]);
  });

  test("refuses an image that a list needs, by digest and by its last tag", async () => {
    const { repositoryName, v1, v2 } = await prepare();
    const list = await pushIndex(repositoryName, [v1.descriptor, v2.descriptor], "all");
    const before = await listed(repositoryName);
    const ids = [{ imageDigest: v1.digest }, { imageTag: "v2" }];
    const { imageIds, failures } = await ecr().batchDeleteImage({ repositoryName, imageIds: ids });
    expect(imageIds).toEqual([]);
    expect(failures).toEqual(
      ids.map((imageId) => ({
        imageId,
        failureCode: "ImageReferencedByManifestList" as const,
        failureReason: `Requested image referenced by manifest list: [${list.digest}]`,
      })),
    );
    expect(await listed(repositoryName)).toEqual(before);
  });

  test("takes a tag from an image that a list needs, when it keeps another", async () => {
    const { repositoryName, v1 } = await prepare();
    await registry.putManifest(repositoryName, "other", v1.manifest);
    await pushIndex(repositoryName, [v1.descriptor], "all");
    const { failures } = await ecr().batchDeleteImage({ repositoryName, imageIds: [{ imageTag: "v1" }] });
    expect(failures).toEqual([]);
    expect(await registry.has(repositoryName, "manifests", v1.digest)).toBe(true);
  });

  test("leaves the images of a list that it deletes", async () => {
    const { repositoryName, v1, v2 } = await prepare();
    const child = await registry.pushImage(repositoryName);
    await pushIndex(repositoryName, [v1.descriptor, child.descriptor], "all");
    await ecr().batchDeleteImage({ repositoryName, imageIds: [{ imageTag: "all" }] });
    const left = await listed(repositoryName);
    expect(left).toHaveLength(3);
    expect(left).toContainEqual({ imageDigest: child.digest });
    const { imageIds } = await ecr().batchDeleteImage({
      repositoryName,
      imageIds: [v1, v2, child].map(({ digest }) => ({ imageDigest: digest })),
    });
    expect(imageIds).toHaveLength(3);
    expect(await listed(repositoryName)).toEqual([]);
  });

  test("deletes a list and what it lists in one call, in any order", async () => {
    const orders = [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
      [2, 0, 3, 1],
    ];
    for (const order of orders) {
      const repositoryName = await registry.createRepository();
      const one = await registry.pushImage(repositoryName);
      const two = await registry.pushImage(repositoryName);
      const inner = await pushIndex(repositoryName, [one.descriptor, two.descriptor]);
      const outer = await pushIndex(repositoryName, [inner, one.descriptor], "all");
      const digests = [one.digest, two.digest, inner.digest, outer.digest];
      const { imageIds, failures } = await ecr().batchDeleteImage({
        repositoryName,
        imageIds: order.map((index) => ({ imageDigest: digests[index] })),
      });
      expect(failures).toEqual([]);
      expect(imageIds).toHaveLength(4);
      expect(imageIds).toContainEqual({ imageDigest: outer.digest, imageTag: "all" });
      expect(await listed(repositoryName)).toEqual([]);
    }
  });

  test("of a list in another repository frees nothing here", async () => {
    const { repositoryName, v1 } = await prepare();
    const list = await pushIndex(repositoryName, [v1.descriptor]);
    const elsewhere = await prepare();
    const { failures } = await ecr().batchDeleteImage({
      repositoryName: elsewhere.repositoryName,
      imageIds: [{ imageDigest: list.digest }, { imageDigest: v1.digest }],
    });
    expect(failures?.map(({ failureCode }) => failureCode)).toEqual(["ImageNotFound", "ImageNotFound"]);
    const still = await ecr().batchDeleteImage({ repositoryName, imageIds: [{ imageDigest: v1.digest }] });
    expect(still.failures?.[0]?.failureCode).toBe("ImageReferencedByManifestList");
    expect(await listed(elsewhere.repositoryName)).toHaveLength(2);
  });

  test("lets an image be pushed again", async () => {
    const { repositoryName, v1 } = await prepare();
    await ecr().batchDeleteImage({ repositoryName, imageIds: [{ imageDigest: v1.digest }] });
    expect((await registry.putManifest(repositoryName, "v1", v1.manifest)).status).toBe(201);
    const pulled = await registry.request("GET", `/v2/${repositoryName}/manifests/v1`);
    expect(pulled.text()).toBe(text(v1.manifest));
  });
});
