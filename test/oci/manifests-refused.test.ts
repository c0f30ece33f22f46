/** OCI distribution 1.1, "Pushing Manifests": what is no manifest, is too large, or names what is not there. */
import { describe, expect, test } from "bun:test";
import {
  type Bytes,
  bytes,
  type Descriptor,
  digestOf,
  errorMessage,
  expectError,
  imageIndex,
  imageManifest,
  json,
  mediaTypes,
  registryForFile,
  streamOf,
  unknownDigest,
} from "../support/oci.ts";

const registry = registryForFile();
const limitBytes = 4 * 1024 * 1024;

describe("a manifest that is none is refused", () => {
  type Row = { name: string; body: (config: Descriptor, layer: Descriptor) => Bytes; mediaType?: string };
  const image = (fields: object) => json({ schemaVersion: 2, mediaType: mediaTypes.image, ...fields });
  const rows: readonly Row[] = [
    { name: "nothing", body: () => bytes("") },
    { name: "a cut-off object", body: () => bytes('{"schemaVersion":2,') },
    { name: "two objects", body: () => bytes("{}{}") },
    { name: "an array", body: () => bytes("[]") },
    { name: "a string", body: () => bytes('"manifest"') },
    { name: "null", body: () => bytes("null") },
    { name: "a number", body: () => bytes("2") },
    { name: "not UTF-8", body: () => Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]) },
    { name: "a binary", body: () => Uint8Array.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]) },
    {
      name: "an array of an unknown type",
      body: () => bytes("[]"),
      mediaType: "application/vnd.example+json",
    },
    { name: "no JSON of an unknown type", body: () => bytes("x"), mediaType: "application/vnd.example+json" },
    { name: "nesting without end", body: () => bytes("[".repeat(200_000)) },
    { name: "an image without config", body: (_, layer) => image({ layers: [layer] }) },
    { name: "an image without layers", body: (config) => image({ config }) },
    { name: "layers that are no array", body: (config, layer) => image({ config, layers: layer }) },
    { name: "layers that are strings", body: (config, layer) => image({ config, layers: [layer.digest] }) },
    {
      name: "a config that is a string",
      body: (config, layer) => image({ config: config.digest, layers: [layer] }),
    },
    {
      name: "a layer without digest",
      body: (config, layer) => image({ config, layers: [{ ...layer, digest: undefined }] }),
    },
    {
      name: "a layer with a malformed digest",
      body: (config, layer) => image({ config, layers: [{ ...layer, digest: "sha256:../../etc/passwd" }] }),
    },
    {
      name: "a layer without size",
      body: (config, layer) => image({ config, layers: [{ ...layer, size: undefined }] }),
    },
    {
      name: "a layer of negative size",
      body: (config, layer) => image({ config, layers: [{ ...layer, size: -1 }] }),
    },
    {
      name: "a layer whose size is text",
      body: (config, layer) => image({ config, layers: [{ ...layer, size: "12" }] }),
    },
    {
      name: "a subject that is a string",
      body: (config, layer) => image({ config, layers: [layer], subject: "latest" }),
    },
    {
      name: "a subject with a malformed digest",
      body: (config, layer) => image({ config, layers: [layer], subject: { ...layer, digest: "latest" } }),
    },
    {
      name: "an index without manifests",
      body: () => json({ schemaVersion: 2, mediaType: mediaTypes.index }),
      mediaType: mediaTypes.index,
    },
    {
      name: "an index whose manifests are no array",
      body: () => json({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: {} }),
      mediaType: mediaTypes.index,
    },
    {
      name: "a Docker schema 1 manifest",
      body: () => json({ schemaVersion: 1, name: "x", tag: "y", fsLayers: [], history: [] }),
      mediaType: mediaTypes.dockerSchema1,
    },
    {
      name: "a signed Docker schema 1 manifest",
      body: () => json({ schemaVersion: 1, name: "x", tag: "y", fsLayers: [], history: [], signatures: [] }),
      mediaType: mediaTypes.dockerSchema1Signed,
    },
  ];
  for (const { name, body, mediaType } of rows) {
    test(name, async () => {
      const { repository, config, layer } = await registry.prepareImage();
      const answer = await registry.putManifest(repository, "latest", body(config, layer), mediaType);
      expectError(answer, 400, ["MANIFEST_INVALID", "DIGEST_INVALID"]);
      expect(errorMessage(answer)).not.toBeEmpty();
      expect(await registry.has(repository, "manifests", "latest")).toBe(false);
    });
  }

  test("deep inside an object, without harm to the server", async () => {
    const repository = await registry.createRepository();
    const depth = 200_000;
    const manifest = bytes(`{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`);
    const answer = await registry.putManifest(repository, "deep", manifest, "application/vnd.example+json");
    expect(answer.status).toBeOneOf([201, 400]);
    expect((await registry.request("GET", "/v2/")).status).toBe(200);
  });
});

describe("the size of a manifest", () => {
  /** An image manifest of exactly `size` bytes. */
  async function sized(size: number): Promise<{ repository: string; manifest: Bytes }> {
    const { repository, config, layer } = await registry.prepareImage();
    const write = (padding: number) =>
      imageManifest(config, [layer], { annotations: { p: "x".repeat(padding) } });
    const manifest = write(size - write(0).length);
    expect(manifest.length).toBe(size);
    return { repository, manifest };
  }

  test("may be 4 MiB", async () => {
    const { repository, manifest } = await sized(limitBytes);
    expect((await registry.putManifest(repository, "latest", manifest)).status).toBe(201);
    const get = await registry.request("GET", `/v2/${repository}/manifests/latest`);
    expect(digestOf(get.body)).toBe(digestOf(manifest));
  });

  for (const coding of ["of known length", "of unknown length"] as const) {
    test(`must not be a byte more, ${coding}`, async () => {
      const { repository, manifest } = await sized(limitBytes + 1);
      const answer = await registry.request("PUT", `/v2/${repository}/manifests/latest`, {
        headers: { "content-type": mediaTypes.image },
        body: coding === "of known length" ? manifest : streamOf(manifest),
      });
      expectError(answer, 413, "SIZE_INVALID");
      expect(await registry.has(repository, "manifests", "latest")).toBe(false);
    });
  }
});

describe("a manifest that names what is not there is 404 with all that is missing", () => {
  const sentence = (what: string, digests: readonly string[], repository: string) =>
    `${what} with digests '[${digests.join(", ")}]' required for pushing image into repository with name '${repository}' in the registry with id '000000000000' do not exist`;
  const absent = (mediaType: string): Descriptor => ({ mediaType, digest: unknownDigest(), size: 3 });

  type Row = {
    name: string;
    what: "Layers" | "Images";
    mediaType: string;
    make: (missing: Descriptor, config: Descriptor, layer: Descriptor) => Bytes;
  };
  const rows: readonly Row[] = [
    {
      name: "a layer",
      what: "Layers",
      mediaType: mediaTypes.image,
      make: (missing, config, layer) => imageManifest(config, [layer, missing]),
    },
    {
      name: "the config",
      what: "Layers",
      mediaType: mediaTypes.image,
      make: (missing, _, layer) => imageManifest(missing, [layer]),
    },
    {
      name: "a layer of a Docker image",
      what: "Layers",
      mediaType: mediaTypes.dockerImage,
      make: (missing, config, layer) =>
        json({ schemaVersion: 2, mediaType: mediaTypes.dockerImage, config, layers: [missing, layer] }),
    },
    {
      name: "a blob of an artifact manifest",
      what: "Layers",
      mediaType: mediaTypes.artifact,
      make: (missing, _, layer) =>
        json({
          mediaType: mediaTypes.artifact,
          artifactType: "application/vnd.example.v1",
          blobs: [layer, missing],
        }),
    },
    {
      name: "a manifest of an index",
      what: "Images",
      mediaType: mediaTypes.index,
      make: (missing) => imageIndex([{ ...missing, mediaType: mediaTypes.image }]),
    },
    {
      name: "a manifest of a Docker list",
      what: "Images",
      mediaType: mediaTypes.dockerList,
      make: (missing) =>
        json({
          schemaVersion: 2,
          mediaType: mediaTypes.dockerList,
          manifests: [{ ...missing, mediaType: mediaTypes.dockerImage, platform: { os: "linux" } }],
        }),
    },
  ];
  for (const { name, what, mediaType, make } of rows) {
    test(name, async () => {
      const { repository, config, layer } = await registry.prepareImage();
      const missing = absent(mediaTypes.layer);
      const manifest = make(missing, config, layer);

      const answer = await registry.putManifest(repository, "latest", manifest, mediaType);

      expectError(answer, 404, "MANIFEST_BLOB_UNKNOWN");
      expect(errorMessage(answer)).toBe(sentence(what, [missing.digest], repository));
      expect(await registry.has(repository, "manifests", "latest")).toBe(false);
      expect(await registry.has(repository, "manifests", digestOf(manifest))).toBe(false);
    });
  }

  test("two layers at once", async () => {
    const { repository, config, layer } = await registry.prepareImage();
    const missing = [absent(mediaTypes.layer), absent(mediaTypes.layer)];
    const answer = await registry.putManifest(
      repository,
      "latest",
      imageManifest(config, [...missing, layer]),
    );
    expectError(answer, 404, "MANIFEST_BLOB_UNKNOWN");
    for (const { digest } of missing) expect(answer.text()).toContain(digest);
    expect(answer.text()).not.toContain(layer.digest);
  });

  test("a layer that only another repository has", async () => {
    const { repository, config } = await registry.prepareImage();
    const elsewhere = await registry.prepareImage();
    const answer = await registry.putManifest(repository, "latest", imageManifest(config, [elsewhere.layer]));
    expectError(answer, 404, "MANIFEST_BLOB_UNKNOWN");
  });

  test("a manifest that only another repository has", async () => {
    const repository = await registry.createRepository();
    const elsewhere = await registry.pushImage(await registry.createRepository());
    const index = imageIndex([elsewhere.descriptor]);
    const answer = await registry.putManifest(repository, "latest", index, mediaTypes.index);
    expectError(answer, 404, "MANIFEST_BLOB_UNKNOWN");
  });

  test("a blob in the place of a manifest", async () => {
    const { repository, layer } = await registry.prepareImage();
    const index = imageIndex([{ ...layer, mediaType: mediaTypes.image }]);
    const answer = await registry.putManifest(repository, "latest", index, mediaTypes.index);
    expectError(answer, 404, "MANIFEST_BLOB_UNKNOWN");
  });

  test("and the tag that was there before still names what it did", async () => {
    const repository = await registry.createRepository();
    const before = await registry.pushImage(repository, "latest");
    const broken = imageManifest(before.config, [absent(mediaTypes.layer)]);
    expectError(await registry.putManifest(repository, "latest", broken), 404, "MANIFEST_BLOB_UNKNOWN");
    const head = await registry.request("HEAD", `/v2/${repository}/manifests/latest`);
    expect(head.headers.get("docker-content-digest")).toBe(before.digest);
  });
});
