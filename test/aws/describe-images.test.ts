/** DescribeImages and ListImages: what is said about an image. Their pages are in `pages.test.ts`. */
import { describe, expect, test } from "bun:test";
import { type ImageIdentifier, ImageNotFoundException } from "@aws-sdk/client-ecr";
import { client, expectError, inRegistry } from "../support/aws.ts";
import {
  bytes,
  type Descriptor,
  descriptorOf,
  digestOf,
  imageIndex,
  imageManifest,
  json,
  mediaTypes,
  pattern,
  registryForFile,
  unknownDigest,
} from "../support/oci.ts";

const registry = registryForFile();
const ecr = () => client(registry.server);

async function describeOne(repositoryName: string, imageId: ImageIdentifier) {
  const { imageDetails = [] } = await ecr().describeImages({ repositoryName, imageIds: [imageId] });
  const [image] = imageDetails;
  if (imageDetails.length !== 1 || image === undefined) throw new Error(`Got ${imageDetails.length} images`);
  return image;
}

/** Pushes content of this many bytes. */
function blob(
  repositoryName: string,
  sizeBytes: number,
  mediaType: string = mediaTypes.layer,
): Promise<Descriptor> {
  return registry.pushBlob(repositoryName, pattern(sizeBytes, sizeBytes), { mediaType });
}

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

test("an image has all of its facts", async () => {
  const repositoryName = await registry.createRepository();
  const config = await blob(repositoryName, 100, mediaTypes.config);
  const layers = [await blob(repositoryName, 2000), await blob(repositoryName, 30_000)];
  const before = Date.now();
  const image = await registry.pushImage(repositoryName, "b", { config, layers });
  await registry.putManifest(repositoryName, "a", image.manifest);

  const described = await describeOne(repositoryName, { imageTag: "b" });
  const pushedAt = described.imagePushedAt?.getTime() ?? 0;
  expect(described).toEqual({
    registryId: "000000000000",
    repositoryName,
    imageDigest: image.digest,
    imageTags: ["a", "b"],
    imageSizeInBytes: 32_100,
    imagePushedAt: new Date(pushedAt),
    imageManifestMediaType: mediaTypes.image,
    artifactMediaType: mediaTypes.config,
    imageStatus: "ACTIVE",
  });
  expect(pushedAt).toBeGreaterThanOrEqual(before - 1000);
  expect(pushedAt).toBeLessThanOrEqual(Date.now() + 1000);
  expect(await describeOne(repositoryName, { imageDigest: image.digest })).toEqual(described);
});

describe("the size", () => {
  test("of a list is that of its largest image, however deep", async () => {
    const repositoryName = await registry.createRepository();
    const config = await blob(repositoryName, 10, mediaTypes.config);
    const small = await registry.pushImage(repositoryName, undefined, {
      config,
      layers: [await blob(repositoryName, 200)],
    });
    const large = await registry.pushImage(repositoryName, undefined, {
      config,
      layers: [await blob(repositoryName, 5000)],
    });
    const list = await pushIndex(repositoryName, [small.descriptor, large.descriptor]);
    const outer = await pushIndex(repositoryName, [small.descriptor, list], "all");

    expect((await describeOne(repositoryName, { imageDigest: small.digest })).imageSizeInBytes).toBe(210);
    for (const { digest } of [large.descriptor, list, outer]) {
      expect((await describeOne(repositoryName, { imageDigest: digest })).imageSizeInBytes).toBe(5010);
    }
  });

  test("of a list of nothing is zero", async () => {
    const repositoryName = await registry.createRepository();
    const { digest } = await pushIndex(repositoryName, []);
    expect((await describeOne(repositoryName, { imageDigest: digest })).imageSizeInBytes).toBe(0);
  });
});

describe("the kind", () => {
  test("of a list is its media type, and it has no artifact type", async () => {
    const repositoryName = await registry.createRepository();
    const { descriptor } = await registry.pushImage(repositoryName);
    const { digest } = await pushIndex(repositoryName, [descriptor], "all");
    const described = await describeOne(repositoryName, { imageDigest: digest });
    expect(described.imageManifestMediaType).toBe(mediaTypes.index);
    expect(described.artifactMediaType).toBeUndefined();
  });

  test("of an artifact is its artifactType, and without one the config's media type", async () => {
    const repositoryName = await registry.createRepository();
    const config = await registry.pushBlob(repositoryName, bytes("{}"), { mediaType: mediaTypes.empty });
    const chartType = "application/vnd.cncf.helm.config.v1+json";
    const signature = await registry.pushImage(repositoryName, "signature", {
      config,
      artifactType: "application/vnd.example.signature",
    });
    const chart = await registry.pushImage(repositoryName, "chart", {
      config: await registry.pushBlob(repositoryName, undefined, { mediaType: chartType }),
    });
    const kind = async (imageDigest: string) =>
      (await describeOne(repositoryName, { imageDigest })).artifactMediaType;
    expect(await kind(signature.digest)).toBe("application/vnd.example.signature");
    expect(await kind(chart.digest)).toBe(chartType);
  });

  test("of a Docker image is Docker's", async () => {
    const { repository: repositoryName, config, layer } = await registry.prepareImage();
    const manifest = json({
      schemaVersion: 2,
      mediaType: mediaTypes.dockerImage,
      config: { ...config, mediaType: mediaTypes.dockerConfig },
      layers: [{ ...layer, mediaType: mediaTypes.dockerLayer }],
    });
    await registry.putManifest(repositoryName, "v1", manifest, mediaTypes.dockerImage);
    const described = await describeOne(repositoryName, { imageTag: "v1" });
    expect(described.imageManifestMediaType).toBe(mediaTypes.dockerImage);
    expect(described.artifactMediaType).toBe(mediaTypes.dockerConfig);
  });
});

test("a referrer names its subject", async () => {
  const repositoryName = await registry.createRepository();
  const subject = await registry.pushImage(repositoryName, "v1");
  const referrer = await registry.pushImage(repositoryName, undefined, {
    subject: subject.descriptor,
    artifactType: "application/vnd.example.sbom",
  });
  const described = await describeOne(repositoryName, { imageDigest: referrer.digest });
  expect(described.subjectManifestDigest).toBe(subject.digest);
  expect(described.imageTags).toBeUndefined();
  expect((await describeOne(repositoryName, { imageTag: "v1" })).subjectManifestDigest).toBeUndefined();
});

test("the time of the push is that of the first push, whatever happens to the tags", async () => {
  const repositoryName = await registry.createRepository();
  const image = await registry.pushImage(repositoryName, "v1");
  const imageManifest = new TextDecoder().decode(image.manifest);
  const pushedAt = async () =>
    (await describeOne(repositoryName, { imageDigest: image.digest })).imagePushedAt?.getTime();
  const first = await pushedAt();
  await Bun.sleep(20);
  await ecr().putImage({ repositoryName, imageManifest, imageTag: "v2" });
  await registry.putManifest(repositoryName, "v1", image.manifest);
  await registry.putManifest(repositoryName, image.digest, image.manifest);
  await ecr().batchDeleteImage({ repositoryName, imageIds: [{ imageTag: "v2" }] });
  await registry.pushImage(repositoryName, "v1");
  await ecr().putImage({ repositoryName, imageManifest, imageTag: "v1" });
  expect(await pushedAt()).toBe(first ?? 0);
});

describe("images that are named", () => {
  test("are described once each, by tag or digest", async () => {
    const repositoryName = await registry.createRepository();
    const one = await registry.pushImage(repositoryName, "one");
    const two = await registry.pushImage(repositoryName, "two");
    const { imageDetails, nextToken } = await ecr().describeImages({
      repositoryName,
      imageIds: [
        { imageTag: "two" },
        { imageDigest: one.digest },
        { imageDigest: two.digest, imageTag: "two" },
      ],
    });
    expect(imageDetails?.map(({ imageDigest }) => imageDigest).sort()).toEqual(
      [one.digest, two.digest].sort(),
    );
    expect(nextToken).toBeUndefined();
  });

  test("must all be there", async () => {
    const repositoryName = await registry.createRepository();
    const { digest } = await registry.pushImage(repositoryName, "v1");
    const other = await registry.pushImage(repositoryName, "v2");
    const missing: readonly [imageId: ImageIdentifier, shown: string][] = [
      [{ imageTag: "gone" }, "imageDigest:'null', imageTag:'gone'"],
      [{ imageDigest: unknownDigest() }, ""],
      [{ imageDigest: digest, imageTag: "v2" }, `imageDigest:'${digest}', imageTag:'v2'`],
      [{ imageDigest: other.digest, imageTag: "gone" }, `imageDigest:'${other.digest}', imageTag:'gone'`],
    ];
    for (const [imageId, shown] of missing) {
      await expectError(
        ecr().describeImages({ repositoryName, imageIds: [{ imageTag: "v1" }, imageId] }),
        ImageNotFoundException,
        `The image with imageId {${shown || `imageDigest:'${imageId.imageDigest}', imageTag:'null'`}} does not exist within the ${inRegistry(repositoryName)}`,
      );
    }
  });
});

describe("ListImages", () => {
  test("has an entry for each tag, and one for each image without tags", async () => {
    const repositoryName = await registry.createRepository();
    const tagged = await registry.pushImage(repositoryName, "v1");
    await registry.putManifest(repositoryName, "v2", tagged.manifest);
    const untagged = await registry.pushImage(repositoryName);
    const { imageIds = [], nextToken } = await ecr().listImages({ repositoryName });
    expect(nextToken).toBeUndefined();
    expect(imageIds).toHaveLength(3);
    for (const imageTag of ["v1", "v2"]) {
      expect(imageIds).toContainEqual({ imageDigest: tagged.digest, imageTag });
    }
    expect(imageIds).toContainEqual({ imageDigest: untagged.digest });
  });

  test("of a new repository is empty", async () => {
    const repositoryName = await registry.createRepository();
    expect((await ecr().listImages({ repositoryName })).imageIds).toEqual([]);
    expect((await ecr().describeImages({ repositoryName })).imageDetails).toEqual([]);
  });
});

describe("filters", () => {
  test("choose by tag, in both lists, and follow what happens to the tags", async () => {
    const repositoryName = await registry.createRepository();
    const tagged = await registry.pushImage(repositoryName, "v1");
    const untagged = await registry.pushImage(repositoryName);
    const child = await registry.pushImage(repositoryName);
    const list = await pushIndex(repositoryName, [child.descriptor], "all");
    const digests = async (tagStatus: "TAGGED" | "UNTAGGED" | "ANY") => {
      const filter = { tagStatus };
      const { imageIds = [] } = await ecr().listImages({ repositoryName, filter });
      const { imageDetails = [] } = await ecr().describeImages({ repositoryName, filter });
      const listed = imageIds.map(({ imageDigest = "" }) => imageDigest).sort();
      expect(imageDetails.map(({ imageDigest = "" }) => imageDigest).sort()).toEqual(listed);
      return listed;
    };
    const all = [tagged.digest, untagged.digest, child.digest, list.digest].sort();
    expect(await digests("TAGGED")).toEqual([tagged.digest, list.digest].sort());
    expect(await digests("UNTAGGED")).toEqual([untagged.digest, child.digest].sort());
    expect(await digests("ANY")).toEqual(all);

    await registry.putManifest(repositoryName, "v1", untagged.manifest);
    await registry.request("DELETE", `/v2/${repositoryName}/manifests/all`);
    expect(await digests("TAGGED")).toEqual([untagged.digest]);
    expect(await digests("UNTAGGED")).toEqual([tagged.digest, child.digest, list.digest].sort());
    expect(await digests("ANY")).toEqual(all);
  });

  test("choose by status, of which there is one", async () => {
    const repositoryName = await registry.createRepository();
    await registry.pushImage(repositoryName, "v1");
    for (const [imageStatus, count] of [
      ["ACTIVE", 1],
      ["ANY", 1],
      ["ARCHIVED", 0],
      ["ACTIVATING", 0],
    ] as const) {
      const filter = { imageStatus };
      const { imageIds } = await ecr().listImages({ repositoryName, filter });
      const { imageDetails } = await ecr().describeImages({ repositoryName, filter });
      expect([imageIds?.length, imageDetails?.length]).toEqual([count, count]);
    }
  });
});

test("an image that is put by JSON is described as one that docker pushed", async () => {
  const { repository: repositoryName, config, layer } = await registry.prepareImage();
  const manifest = imageManifest(config, [layer]);
  await ecr().putImage({
    repositoryName,
    imageManifest: new TextDecoder().decode(manifest),
    imageTag: "json",
  });
  const { imageDigest, imageSizeInBytes } = await describeOne(repositoryName, { imageTag: "json" });
  expect(imageDigest).toBe(digestOf(manifest));
  expect(imageSizeInBytes).toBe(config.size + layer.size);
});
