/** PutImage: what is stored, and what is refused without leaving anything behind. */
import { describe, expect, test } from "bun:test";
import {
  ImageAlreadyExistsException,
  ImageDigestDoesNotMatchException,
  InvalidParameterException,
  LayersNotFoundException,
  LimitExceededException,
  ReferencedImagesNotFoundException,
} from "@aws-sdk/client-ecr";
import { client, expectError, failedConstraints, inRegistry, invalid } from "../support/aws.ts";
import {
  bytes,
  digestOf,
  expectError as expectOciError,
  type Image,
  imageIndex,
  imageManifest,
  mediaTypes,
  registryForFile,
  unique,
  unknownDigest,
} from "../support/oci.ts";

const registry = registryForFile();
const ecr = () => client(registry.server);

const text = (manifest: Uint8Array) => new TextDecoder().decode(manifest);

/** A manifest of an image whose layers the repository has, and which is not stored itself. */
async function prepare() {
  const { repository, config, layer } = await registry.prepareImage();
  return { repositoryName: repository, config, layer, manifest: text(imageManifest(config, [layer])) };
}

/** Digest and tags of all images of the repository. */
async function images(repositoryName: string) {
  const { imageDetails = [] } = await ecr().describeImages({ repositoryName });
  return imageDetails.map(({ imageDigest, imageTags }) => ({ imageDigest, imageTags }));
}

function alreadyExists(repositoryName: string, digest: string, tag: string | null): string {
  return `Image with digest '${digest}' and tag '${tag}' already exists in the repository with name '${repositoryName}' in registry with id '000000000000'`;
}

describe("an image", () => {
  test("is stored byte for byte, with its tag, and both doors give it back", async () => {
    const { repositoryName, config, layer } = await prepare();
    const manifest = `  ${JSON.stringify(
      {
        schemaVersion: 2,
        mediaType: mediaTypes.image,
        config,
        layers: [layer],
        annotations: { "org.example.ship": "Überseedampfer 🚢" },
      },
      null,
      3,
    )}\n\n`;
    const digest = digestOf(bytes(manifest));

    const { $metadata, ...members } = await ecr().putImage({
      repositoryName,
      imageManifest: manifest,
      imageTag: "v1",
    });
    const image = {
      registryId: "000000000000",
      repositoryName,
      imageId: { imageDigest: digest, imageTag: "v1" },
      imageManifest: manifest,
      imageManifestMediaType: mediaTypes.image,
    };
    expect(members).toEqual({ image });
    const got = await ecr().batchGetImage({ repositoryName, imageIds: [{ imageTag: "v1" }] });
    expect(got.images).toEqual([image]);
    const pulled = await registry.request("GET", `/v2/${repositoryName}/manifests/v1`);
    expect(pulled.text()).toBe(manifest);
    expect(pulled.headers.get("docker-content-digest")).toBe(digest);
    expect(pulled.headers.get("content-type")).toBe(mediaTypes.image);
  });

  test("may have no tag", async () => {
    const { repositoryName, manifest } = await prepare();
    const { image } = await ecr().putImage({ repositoryName, imageManifest: manifest });
    const imageDigest = digestOf(bytes(manifest));
    expect(image?.imageId).toEqual({ imageDigest });
    expect(await images(repositoryName)).toEqual([{ imageDigest, imageTags: undefined }]);
  });

  test("gets another tag beside the ones it has", async () => {
    const { repositoryName, manifest } = await prepare();
    for (const imageTag of ["b", "a", "c"]) {
      await ecr().putImage({ repositoryName, imageManifest: manifest, imageTag });
    }
    expect(await images(repositoryName)).toEqual([
      { imageDigest: digestOf(bytes(manifest)), imageTags: ["a", "b", "c"] },
    ]);
  });

  test("gives its tag to the next one, and stays without it", async () => {
    const { repositoryName, config, layer, manifest } = await prepare();
    const next = text(imageManifest(config, [layer], { annotations: { version: "next" } }));
    await ecr().putImage({ repositoryName, imageManifest: manifest, imageTag: "latest" });
    await ecr().putImage({ repositoryName, imageManifest: next, imageTag: "latest" });
    const described = await images(repositoryName);
    expect(described).toHaveLength(2);
    expect(described).toContainEqual({ imageDigest: digestOf(bytes(manifest)), imageTags: undefined });
    expect(described).toContainEqual({ imageDigest: digestOf(bytes(next)), imageTags: ["latest"] });
  });

  test("is refused under the tag that it has", async () => {
    const { repositoryName, manifest } = await prepare();
    await ecr().putImage({ repositoryName, imageManifest: manifest, imageTag: "v1" });
    await expectError(
      ecr().putImage({ repositoryName, imageManifest: manifest, imageTag: "v1" }),
      ImageAlreadyExistsException,
      alreadyExists(repositoryName, digestOf(bytes(manifest)), "v1"),
    );
  });

  test("is refused without a tag when it is there", async () => {
    const { repositoryName, manifest } = await prepare();
    await ecr().putImage({ repositoryName, imageManifest: manifest, imageTag: "v1" });
    await expectError(
      ecr().putImage({ repositoryName, imageManifest: manifest }),
      ImageAlreadyExistsException,
      alreadyExists(repositoryName, digestOf(bytes(manifest)), null),
    );
  });

  test("of the registry door is there for this one, too", async () => {
    const repositoryName = await registry.createRepository();
    const image = await registry.pushImage(repositoryName, "v1");
    await expectError(
      ecr().putImage({ repositoryName, imageManifest: text(image.manifest), imageTag: "v1" }),
      ImageAlreadyExistsException,
      alreadyExists(repositoryName, image.digest, "v1"),
    );
    const answer = await registry.putManifest(repositoryName, "v1", image.manifest);
    expect(answer.status).toBe(201);
  });

  test("that many put at once is stored for one of them", async () => {
    const { repositoryName, manifest } = await prepare();
    const input = { repositoryName, imageManifest: manifest, imageTag: "v1" };
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => ecr().putImage(input)));
    const refusals = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refusals).toHaveLength(5);
    for (const { reason } of refusals) expect(reason).toBeInstanceOf(ImageAlreadyExistsException);
    expect(await images(repositoryName)).toHaveLength(1);
  });

  test("of which many are put under one tag at once has the tag once", async () => {
    const { repositoryName, config, layer } = await prepare();
    const manifests = Array.from({ length: 6 }, (_, index) =>
      text(imageManifest(config, [layer], { annotations: { index: String(index) } })),
    );
    await Promise.all(
      manifests.map((manifest) =>
        ecr().putImage({ repositoryName, imageManifest: manifest, imageTag: "v1" }),
      ),
    );
    const tagged = (await images(repositoryName)).filter(({ imageTags }) => imageTags !== undefined);
    expect(tagged).toHaveLength(1);
    expect(await images(repositoryName)).toHaveLength(6);
  });
});

describe("a digest", () => {
  test("that is the manifest's is accepted, also as sha512", async () => {
    const { repositoryName, manifest } = await prepare();
    for (const algorithm of ["sha256", "sha512"] as const) {
      const imageDigest = digestOf(bytes(manifest), algorithm);
      const { image } = await ecr().putImage({ repositoryName, imageManifest: manifest, imageDigest });
      expect(image?.imageId).toEqual({ imageDigest });
    }
    expect(await images(repositoryName)).toHaveLength(2);
  });

  test("that is another's is refused", async () => {
    const { repositoryName, manifest } = await prepare();
    const imageDigest = unknownDigest();
    await expectError(
      ecr().putImage({ repositoryName, imageManifest: manifest, imageDigest, imageTag: "v1" }),
      ImageDigestDoesNotMatchException,
      `The given image digest '${imageDigest}' does not match the digest of the image manifest, '${digestOf(bytes(manifest))}'`,
    );
    expect(await images(repositoryName)).toEqual([]);
  });

  test.each(["latest", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e", `sha256:${"A".repeat(64)}`])(
    "'%s' is none",
    async (imageDigest) => {
      const { repositoryName, manifest } = await prepare();
      await expectError(
        ecr().putImage({ repositoryName, imageManifest: manifest, imageDigest }),
        InvalidParameterException,
        `The digest '${imageDigest}' is not one that this registry knows. It must be 'sha256:' and 64, or 'sha512:' and 128, lower-case hexadecimal digits.`,
      );
      expect(await images(repositoryName)).toEqual([]);
    },
  );
});

describe("what an image refers to", () => {
  function layersMissing(repositoryName: string, ...digests: readonly string[]): string {
    return `Layers with digests '[${digests.join(", ")}]' required for pushing image into ${inRegistry(repositoryName)} do not exist`;
  }

  function imagesMissing(repositoryName: string, ...digests: readonly string[]): string {
    return `Images with digests '[${digests.join(", ")}]' required for pushing image into ${inRegistry(repositoryName)} do not exist`;
  }

  test("must be there: config and layers", async () => {
    const { repositoryName, config, layer } = await prepare();
    const missing = { ...layer, digest: unknownDigest() };
    const missingConfig = { ...config, digest: unknownDigest() };
    await expectError(
      ecr().putImage({
        repositoryName,
        imageManifest: text(imageManifest(missingConfig, [layer, missing, missing])),
        imageTag: "v1",
      }),
      LayersNotFoundException,
      layersMissing(repositoryName, missingConfig.digest, missing.digest),
    );
    expect(await images(repositoryName)).toEqual([]);
  });

  test("does not count when only another repository has it", async () => {
    const { config, layer, manifest } = await prepare();
    const repositoryName = await registry.createRepository();
    await expectError(
      ecr().putImage({ repositoryName, imageManifest: manifest }),
      LayersNotFoundException,
      layersMissing(repositoryName, config.digest, layer.digest),
    );
  });

  test("must be there: the images of a list", async () => {
    const repositoryName = await registry.createRepository();
    const present = await registry.pushImage(repositoryName);
    const elsewhere = await registry.pushImage(await registry.createRepository());
    const unknown = { ...present.descriptor, digest: unknownDigest() };
    const list = imageIndex([present.descriptor, unknown, elsewhere.descriptor]);
    await expectError(
      ecr().putImage({ repositoryName, imageManifest: text(list), imageTag: "all" }),
      ReferencedImagesNotFoundException,
      imagesMissing(repositoryName, unknown.digest, elsewhere.digest),
    );
    expect(await images(repositoryName)).toEqual([{ imageDigest: present.digest, imageTags: undefined }]);
  });

  test("need not be there: a subject, and layers that are served elsewhere", async () => {
    const { repositoryName, config, layer } = await prepare();
    const foreign = { ...layer, mediaType: mediaTypes.dockerForeignLayer, digest: unknownDigest() };
    const subject = { mediaType: mediaTypes.image, digest: unknownDigest(), size: 7 };
    const manifest = text(imageManifest(config, [layer, foreign], { subject }));
    await ecr().putImage({ repositoryName, imageManifest: manifest });
    const { imageDetails } = await ecr().describeImages({ repositoryName });
    expect(imageDetails?.[0]?.subjectManifestDigest).toBe(subject.digest);
  });
});

describe("a manifest", () => {
  const refused: readonly [name: string, imageManifest: string, reason: string][] = [
    ["that is not JSON", "{", "Invalid JSON syntax"],
    ["that is a list", "[]", "must be a JSON object"],
    [
      "of schema 1",
      JSON.stringify({ schemaVersion: 1, name: "a", fsLayers: [] }),
      "Docker schema 1 is not supported; push with a client of 2017 or later",
    ],
    ["without config", JSON.stringify({ schemaVersion: 2, layers: [] }), "'config' is missing"],
    [
      "with a layer that is none",
      JSON.stringify({ schemaVersion: 2, config: { digest: unknownDigest(), size: 1 }, layers: ["x"] }),
      "'layers[0]' must be a descriptor: an object with mediaType, digest and size",
    ],
    [
      "whose config has no digest",
      JSON.stringify({ schemaVersion: 2, config: { digest: "sha256:no", size: 1 }, layers: [] }),
      `'config' has the digest "sha256:no", which is none of sha256 or sha512`,
    ],
  ];
  test.each(refused)("%s is refused", async (_, imageManifest, reason) => {
    const repositoryName = await registry.createRepository();
    await expectError(
      ecr().putImage({ repositoryName, imageManifest, imageTag: "v1" }),
      InvalidParameterException,
      invalid("ImageManifest", reason),
    );
    expect(await images(repositoryName)).toEqual([]);
  });

  test("without a media type has the one that the request says", async () => {
    const { repositoryName, config, layer } = await prepare();
    const manifest = JSON.stringify({ schemaVersion: 2, config, layers: [layer] });
    const input = { repositoryName, imageManifest: manifest, imageTag: "v1" };
    const { image } = await ecr().putImage({ ...input, imageManifestMediaType: mediaTypes.dockerImage });
    expect(image?.imageManifestMediaType).toBe(mediaTypes.dockerImage);
    const pulled = await registry.request("GET", `/v2/${repositoryName}/manifests/v1`);
    expect(pulled.headers.get("content-type")).toBe(mediaTypes.dockerImage);
  });

  test("that calls itself something else than the request does is refused", async () => {
    const { repositoryName, manifest } = await prepare();
    await expectError(
      ecr().putImage({
        repositoryName,
        imageManifest: manifest,
        imageManifestMediaType: mediaTypes.dockerImage,
      }),
      InvalidParameterException,
      invalid(
        "ImageManifest",
        `the request calls the manifest '${mediaTypes.dockerImage}' and the manifest calls itself '${mediaTypes.image}'; both must be the same`,
      ),
    );
  });

  test("of 4 MiB is stored, and one byte more is too large", async () => {
    const { repositoryName, config, layer } = await prepare();
    const limit = 4 * 1024 * 1024;
    const sized = (length: number) => {
      const empty = text(imageManifest(config, [layer], { annotations: { filling: "" } }));
      return empty.replace(`"filling":""`, `"filling":"${"x".repeat(length - empty.length)}"`);
    };
    const { image } = await ecr().putImage({ repositoryName, imageManifest: sized(limit) });
    expect(image?.imageManifest?.length).toBe(limit);
    await expectError(
      ecr().putImage({ repositoryName, imageManifest: sized(limit + 1) }),
      InvalidParameterException,
      failedConstraints(
        `Value '${sized(limit).slice(0, 256)}…' at 'imageManifest' failed to satisfy constraint: Member must have length less than or equal to ${limit}`,
      ),
    );
    await expectError(
      ecr().putImage({ repositoryName, imageManifest: sized(limit).replace("xx", "üü") }),
      InvalidParameterException,
      invalid("ImageManifest", `must not be larger than ${limit} bytes`),
    );
    expect(await images(repositoryName)).toHaveLength(1);
  });
});

describe("a tag", () => {
  test.each(["a/b", "-a", ".a", "a b", "a+b", "a:b", "ä", "a\n", "*", "t".repeat(129)])(
    "%j is none",
    async (imageTag) => {
      const { repositoryName, manifest } = await prepare();
      await expectError(
        ecr().putImage({ repositoryName, imageManifest: manifest, imageTag }),
        InvalidParameterException,
        `Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'', got '${imageTag}'`,
      );
      expect(await images(repositoryName)).toEqual([]);
    },
  );

  test.each(["0", "_", "a.b-c_D", "__proto__", "constructor", "t".repeat(128)])(
    "%j is one",
    async (imageTag) => {
      const { repositoryName, manifest } = await prepare();
      await ecr().putImage({ repositoryName, imageManifest: manifest, imageTag });
      expect(await registry.has(repositoryName, "manifests", imageTag)).toBe(true);
      expect((await images(repositoryName))[0]?.imageTags).toEqual([imageTag]);
    },
  );
});

describe("the thousandth tag", () => {
  const limit = 1000;

  /** Gives the image tags `tag-0` to `tag-999`, by the registry door, several at a time. */
  async function tagToTheLimit(repositoryName: string, image: Image): Promise<void> {
    const names = Array.from({ length: limit }, (_, index) => `tag-${index}`);
    while (names.length > 0) {
      const answers = await Promise.all(
        names.splice(0, 25).map((name) => registry.putManifest(repositoryName, name, image.manifest)),
      );
      for (const { status } of answers) expect(status).toBe(201);
    }
  }

  test("of an image is its last, on both doors, until one is removed", async () => {
    const repositoryName = await registry.createRepository();
    const image = await registry.pushImage(repositoryName, "tag-0");
    await tagToTheLimit(repositoryName, image);

    const sentence = (tag: string) =>
      `Adding tag '${tag}' to an image in the repository with name '${repositoryName}' in registry with id '000000000000' exceeds the maximum allowed number of tags per image which is '${limit}'`;
    const input = { repositoryName, imageManifest: text(image.manifest) };
    await expectError(
      ecr().putImage({ ...input, imageTag: "too-many" }),
      LimitExceededException,
      sentence("too-many"),
    );
    const refused = await registry.putManifest(repositoryName, "too-many", image.manifest);
    expectOciError(refused, 403, "DENIED");
    expect(refused.text()).toContain(sentence("too-many"));
    await expectError(
      ecr().putImage({ ...input, imageTag: "tag-7" }),
      ImageAlreadyExistsException,
      alreadyExists(repositoryName, image.digest, "tag-7"),
    );
    expect((await images(repositoryName))[0]?.imageTags).toHaveLength(limit);

    const other = await registry.pushImage(repositoryName, "too-many");
    await registry.putManifest(repositoryName, "tag-7", other.manifest);
    await ecr().putImage({ ...input, imageTag: unique("fits-again") });
    await expectError(
      ecr().putImage({ ...input, imageTag: "tag-7" }),
      LimitExceededException,
      sentence("tag-7"),
    );

    await ecr().batchDeleteImage({ repositoryName, imageIds: [{ imageDigest: image.digest }] });
    expect(await images(repositoryName)).toEqual([
      { imageDigest: other.digest, imageTags: ["tag-7", "too-many"] },
    ]);
  });
});
