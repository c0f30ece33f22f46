/** OCI distribution 1.1: "Pushing Manifests", "Pulling manifests" and "Checking if content exists in the registry". */
import { describe, expect, test } from "bun:test";
import {
  type Bytes,
  bytes,
  type Descriptor,
  descriptorOf,
  digestOf,
  errorMessage,
  expectError,
  header,
  imageIndex,
  imageManifest,
  json,
  mediaTypes,
  registryForFile,
  unique,
  unknownDigest,
} from "../support/oci.ts";

const registry = registryForFile();
const limitBytes = 4 * 1024 * 1024;

/** A repository with a config and a layer, ready for a manifest. */
async function prepared(): Promise<{ repository: string; config: Descriptor; layer: Descriptor }> {
  const repository = await registry.createRepository();
  const config = await registry.pushBlob(repository, undefined, { mediaType: mediaTypes.config });
  return { repository, config, layer: await registry.pushBlob(repository) };
}

type Kind = {
  name: string;
  mediaType: string;
  make: (repository: string, config: Descriptor, layer: Descriptor) => Promise<Bytes> | Bytes;
};

/** Every sort of manifest that a client of today pushes. */
const kinds: readonly Kind[] = [
  {
    name: "an OCI image",
    mediaType: mediaTypes.image,
    make: (_, config, layer) => imageManifest(config, [layer]),
  },
  {
    name: "an OCI image without its own mediaType",
    mediaType: mediaTypes.image,
    make: (_, config, layer) => json({ schemaVersion: 2, config, layers: [layer] }),
  },
  {
    name: "an OCI image without layers",
    mediaType: mediaTypes.image,
    make: (_, config) => imageManifest(config, []),
  },
  {
    name: "an OCI image with the same layer twice",
    mediaType: mediaTypes.image,
    make: (_, config, layer) => imageManifest(config, [layer, layer]),
  },
  {
    name: "an OCI artifact as image, with the empty config",
    mediaType: mediaTypes.image,
    make: async (repository, _, layer) => {
      const empty = await registry.pushBlob(repository, bytes("{}"), { mediaType: mediaTypes.empty });
      return imageManifest(empty, [layer], { artifactType: "application/vnd.example.sbom.v1" });
    },
  },
  {
    name: "an OCI image with a platform's features and fields of tomorrow",
    mediaType: mediaTypes.image,
    make: (_, config, layer) =>
      imageManifest(
        { ...config, ...{ platform: { os: "linux", architecture: "amd64", features: ["sse4"] } } },
        [{ ...layer, ...{ "org.example.field": [1, null] } }],
      ),
  },
  {
    name: "an OCI image with foreign layers that nobody uploads",
    mediaType: mediaTypes.image,
    make: (_, config, layer) =>
      imageManifest(config, [
        layer,
        {
          mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
          digest: unknownDigest(),
          size: 12,
          urls: ["https://layers.example/one"],
        },
      ]),
  },
  {
    name: "an OCI index",
    mediaType: mediaTypes.index,
    make: async (repository) => {
      const child = await registry.pushImage(repository);
      return imageIndex([{ ...child.descriptor, ...{ platform: { os: "linux", architecture: "arm64" } } }]);
    },
  },
  {
    name: "an OCI index of nothing",
    mediaType: mediaTypes.index,
    make: () => imageIndex([], { annotations: { name: unique("index") } }),
  },
  {
    name: "an OCI index of an index",
    mediaType: mediaTypes.index,
    make: async (repository) => {
      const child = await registry.pushImage(repository);
      const inner = imageIndex([child.descriptor]);
      const { status } = await registry.putManifest(repository, digestOf(inner), inner, mediaTypes.index);
      expect(status).toBe(201);
      return imageIndex([descriptorOf(inner, mediaTypes.index), child.descriptor]);
    },
  },
  {
    name: "an OCI index with an artifactType and a subject",
    mediaType: mediaTypes.index,
    make: async (repository) => {
      const child = await registry.pushImage(repository);
      return imageIndex([], { artifactType: "application/vnd.example.v1", subject: child.descriptor });
    },
  },
  {
    name: "an OCI artifact manifest",
    mediaType: mediaTypes.artifact,
    make: (_, _config, layer) =>
      json({ mediaType: mediaTypes.artifact, artifactType: "application/vnd.example.v1", blobs: [layer] }),
  },
  {
    name: "an OCI artifact manifest without blobs",
    mediaType: mediaTypes.artifact,
    make: () =>
      json({
        mediaType: mediaTypes.artifact,
        artifactType: "application/vnd.example.v1",
        annotations: { name: unique("artifact") },
      }),
  },
  {
    name: "a Docker image",
    mediaType: mediaTypes.dockerImage,
    make: (_, config, layer) =>
      json({
        schemaVersion: 2,
        mediaType: mediaTypes.dockerImage,
        config: { ...config, mediaType: mediaTypes.dockerConfig },
        layers: [{ ...layer, mediaType: mediaTypes.dockerLayer }],
      }),
  },
  {
    name: "a Docker image with foreign layers that nobody uploads",
    mediaType: mediaTypes.dockerImage,
    make: (_, config, layer) =>
      json({
        schemaVersion: 2,
        mediaType: mediaTypes.dockerImage,
        config: { ...config, mediaType: mediaTypes.dockerConfig },
        layers: [
          {
            mediaType: mediaTypes.dockerForeignLayer,
            digest: unknownDigest(),
            size: 5,
            urls: ["https://layers.example/two"],
          },
          { ...layer, mediaType: mediaTypes.dockerLayer },
        ],
      }),
  },
  {
    name: "a Docker list",
    mediaType: mediaTypes.dockerList,
    make: async (repository) => {
      const child = await registry.pushImage(repository);
      const manifests = [{ ...child.descriptor, platform: { os: "linux", architecture: "amd64" } }];
      return json({ schemaVersion: 2, mediaType: mediaTypes.dockerList, manifests });
    },
  },
  {
    name: "a type that nobody knows",
    mediaType: "application/vnd.example+json",
    make: () => json({ hello: unique("world") }),
  },
  {
    name: "a type that nobody knows, with fields that mean something elsewhere",
    mediaType: "application/vnd.example.v2+json",
    make: () =>
      json({ mediaType: "application/vnd.example.v2+json", layers: "none", config: 7, name: unique("x") }),
  },
];

for (const { name, mediaType, make } of kinds) {
  for (const by of ["tag", "digest"] as const) {
    test(`${name}, pushed by ${by}, comes back byte for byte by tag and digest`, async () => {
      const { repository, config, layer } = await prepared();
      const manifest = await make(repository, config, layer);
      const digest = digestOf(manifest);
      const reference = by === "tag" ? "latest" : digest;

      const put = await registry.putManifest(repository, reference, manifest, mediaType);

      expect(put.status).toBe(201);
      expect(put.headers.get("docker-content-digest")).toBe(digest);
      const references = [header(put, "location"), `/v2/${repository}/manifests/${digest}`];
      if (by === "tag") references.push(`/v2/${repository}/manifests/latest`);
      for (const path of references) {
        const get = await registry.request("GET", path);
        expect(get.status).toBe(200);
        expect(get.headers.get("content-type")).toBe(mediaType);
        expect(get.headers.get("docker-content-digest")).toBe(digest);
        expect(get.headers.get("content-length")).toBe(String(manifest.length));
        expect(Buffer.compare(get.body, manifest)).toBe(0);

        const head = await registry.request("HEAD", path);
        expect(head.status).toBe(200);
        expect(head.headers.get("content-type")).toBe(mediaType);
        expect(head.headers.get("docker-content-digest")).toBe(digest);
        expect(head.headers.get("content-length")).toBe(String(manifest.length));
        expect(head.body).toBeEmpty();
      }
    });
  }
}

describe("the bytes of a manifest are kept as they came", () => {
  const rows: readonly { name: string; write: (config: string) => string }[] = [
    {
      name: "white space and a line end",
      write: (config) => `\n{ "schemaVersion" : 2,\r\n\t"config":${config},"layers":[ ]}\n\n`,
    },
    {
      name: "keys in another order, and one twice",
      write: (config) => `{"layers":[],"config":${config},"layers":[],"schemaVersion":2}`,
    },
    {
      name: "escapes and letters of all sorts",
      write: (config) =>
        `{"schemaVersion":2,"config":${config},"layers":[],"annotations":{"\\u0061":"\\/ é 漢 🚢 \\ud83d\\udea2"}}`,
    },
    {
      name: "numbers that lose digits when they are read",
      write: (config) =>
        `{"schemaVersion":2,"config":${config},"layers":[],"x":[1.0,1e2,12345678901234567890]}`,
    },
  ];
  for (const { name, write } of rows) {
    test(name, async () => {
      const { repository, config } = await prepared();
      const manifest = bytes(write(JSON.stringify(config)));
      expect((await registry.putManifest(repository, "latest", manifest)).status).toBe(201);
      const get = await registry.request("GET", `/v2/${repository}/manifests/latest`);
      expect(Buffer.compare(get.body, manifest)).toBe(0);
      expect(get.headers.get("docker-content-digest")).toBe(digestOf(manifest));
    });
  }
});

describe("the reference of a PUT", () => {
  test("by sha512 is answered by the same digest, and can be pulled by it", async () => {
    const { repository, config, layer } = await prepared();
    const manifest = imageManifest(config, [layer]);
    const digest = digestOf(manifest, "sha512");

    const put = await registry.putManifest(repository, digest, manifest);

    expect(put.status).toBe(201);
    expect(put.headers.get("docker-content-digest")).toBe(digest);
    for (const path of [header(put, "location"), `/v2/${repository}/manifests/${digest}`]) {
      const get = await registry.request("GET", path);
      expect(get.status).toBe(200);
      expect(Buffer.compare(get.body, manifest)).toBe(0);
      expect(get.headers.get("docker-content-digest")).toBe(digest);
    }
  });

  for (const algorithm of ["sha256", "sha512"] as const) {
    test(`by a ${algorithm} of something else is refused, and nothing is stored`, async () => {
      const { repository, config, layer } = await prepared();
      const manifest = imageManifest(config, [layer]);
      const wrong = unknownDigest(algorithm);

      expectError(await registry.putManifest(repository, wrong, manifest), 400, "DIGEST_INVALID");

      expect(await registry.has(repository, "manifests", wrong)).toBe(false);
      expect(await registry.has(repository, "manifests", digestOf(manifest))).toBe(false);
    });
  }

  const legal = [
    "a",
    "A",
    "_",
    "0",
    "latest",
    "v1.2.3-rc.1_x",
    "_.-",
    "9".repeat(128),
    `sha256-${"a".repeat(64)}`,
  ];
  for (const tag of legal) {
    test(`may be the tag ${tag.slice(0, 30)}`, async () => {
      const repository = await registry.createRepository();
      const { digest } = await registry.pushImage(repository, tag);
      const get = await registry.request("GET", `/v2/${repository}/manifests/${tag}`);
      expect(get.status).toBe(200);
      expect(get.headers.get("docker-content-digest")).toBe(digest);
    });
  }

  test("tells upper from lower case", async () => {
    const repository = await registry.createRepository();
    const upper = await registry.pushImage(repository, "Release");
    const lower = await registry.pushImage(repository, "release");
    for (const [tag, image] of [
      ["Release", upper],
      ["release", lower],
    ] as const) {
      const head = await registry.request("HEAD", `/v2/${repository}/manifests/${tag}`);
      expect(head.headers.get("docker-content-digest")).toBe(image.digest);
    }
    expect(await registry.has(repository, "manifests", "RELEASE")).toBe(false);
  });

  const illegal = [
    ".a",
    "-a",
    "a+b",
    "a%20b",
    "a%2Bb",
    "a:b",
    "a@b",
    "%C3%A4",
    "a,b",
    "a!",
    "a".repeat(129),
    "a%2Fb",
  ];
  for (const tag of illegal) {
    test(`may not be the tag ${tag.slice(0, 30)}`, async () => {
      const { repository, config, layer } = await prepared();
      const put = await registry.putManifest(repository, tag, imageManifest(config, [layer]));
      // `a:b` has the look of a digest, and `a%2Fb` that of another path.
      expectError(put, [400, 404], ["TAG_INVALID", "MANIFEST_INVALID", "DIGEST_INVALID", "NAME_UNKNOWN"]);
      const get = await registry.request("GET", `/v2/${repository}/manifests/${tag}`);
      expect(get.status).toBeOneOf([400, 404]);
      const list = await registry.request("GET", `/v2/${repository}/tags/list`);
      expect(list.json<{ tags: string[] }>().tags).toEqual([]);
    });
  }

  test("moves a tag, and what it named before stays by its digest", async () => {
    const repository = await registry.createRepository();
    const before = await registry.pushImage(repository, "moving");
    const after = await registry.pushImage(repository, "moving");
    expect(after.digest).not.toBe(before.digest);
    const get = await registry.request("GET", `/v2/${repository}/manifests/moving`);
    expect(get.headers.get("docker-content-digest")).toBe(after.digest);
    expect(await registry.has(repository, "manifests", before.digest)).toBe(true);
  });

  test("may come a second time with the same manifest", async () => {
    const repository = await registry.createRepository();
    const image = await registry.pushImage(repository, "latest");
    for (const reference of ["latest", image.digest, "other"]) {
      const put = await registry.putManifest(repository, reference, image.manifest);
      expect(put.status).toBe(201);
      expect(put.headers.get("docker-content-digest")).toBe(image.digest);
    }
  });

  test("may be new to a repository while another has the same manifest", async () => {
    const first = await registry.createRepository();
    const second = await registry.createRepository();
    const image = await registry.pushImage(first, "latest");
    expect(await registry.has(second, "manifests", image.digest)).toBe(false);
    expectError(await registry.putManifest(second, "latest", image.manifest), 404, "MANIFEST_BLOB_UNKNOWN");
  });
});

describe("the Content-Type", () => {
  for (const parameter of ["; charset=utf-8", ";charset=utf-8", "; version=1; q=0.5"]) {
    test(`is taken without its parameters: '${parameter}'`, async () => {
      const { repository, config, layer } = await prepared();
      const manifest = imageManifest(config, [layer]);
      const put = await registry.putManifest(
        repository,
        "latest",
        manifest,
        `${mediaTypes.image}${parameter}`,
      );
      expect(put.status).toBe(201);
      const get = await registry.request("GET", `/v2/${repository}/manifests/latest`);
      expect(get.headers.get("content-type")).toBe(mediaTypes.image);
    });
  }

  for (const mediaType of [mediaTypes.image, mediaTypes.dockerImage]) {
    test(`is taken from the manifest's mediaType when there is none: ${mediaType}`, async () => {
      const { repository, config, layer } = await prepared();
      const manifest = json({ schemaVersion: 2, mediaType, config, layers: [layer] });
      const put = await registry.request("PUT", `/v2/${repository}/manifests/latest`, { body: manifest });
      expect(put.status).toBe(201);
      const get = await registry.request("GET", `/v2/${repository}/manifests/latest`);
      expect(get.headers.get("content-type")).toBe(mediaType);
    });
  }

  const differing: readonly [sent: string, stated: string][] = [
    [mediaTypes.dockerImage, mediaTypes.image],
    [mediaTypes.image, mediaTypes.dockerImage],
    [mediaTypes.index, mediaTypes.image],
    ["application/json", mediaTypes.image],
    ["application/vnd.example+json", mediaTypes.image],
  ];
  for (const [sent, stated] of differing) {
    test(`must not be ${sent} for a manifest that says ${stated}`, async () => {
      const { repository, config, layer } = await prepared();
      const manifest = json({ schemaVersion: 2, mediaType: stated, config, layers: [layer], manifests: [] });
      expectError(await registry.putManifest(repository, "latest", manifest, sent), 400, "MANIFEST_INVALID");
      expect(await registry.has(repository, "manifests", "latest")).toBe(false);
    });
  }

  const accepts = [
    mediaTypes.image,
    "*/*",
    "application/*",
    `${mediaTypes.dockerImage}, ${mediaTypes.image}`,
    `${mediaTypes.index};q=0.5,${mediaTypes.image};q=0.1,*/*;q=0.01`,
    Object.values(mediaTypes).join(", "),
  ];
  for (const accept of accepts) {
    test(`is the stored one for Accept: ${accept.slice(0, 60)}`, async () => {
      const repository = await registry.createRepository();
      const image = await registry.pushImage(repository, "latest");
      for (const reference of ["latest", image.digest]) {
        const get = await registry.request("GET", `/v2/${repository}/manifests/${reference}`, {
          headers: { accept },
        });
        expect(get.status).toBe(200);
        expect(get.headers.get("content-type")).toBe(mediaTypes.image);
        expect(Buffer.compare(get.body, image.manifest)).toBe(0);
      }
    });
  }
});

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
      const { repository, config, layer } = await prepared();
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
    const { repository, config, layer } = await prepared();
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
        body: coding === "of known length" ? manifest : new Blob([manifest]).stream(),
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
      const { repository, config, layer } = await prepared();
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
    const { repository, config, layer } = await prepared();
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
    const { repository, config } = await prepared();
    const elsewhere = await prepared();
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
    const { repository, layer } = await prepared();
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

describe("a subject", () => {
  for (const exists of [true, false]) {
    test(`that ${exists ? "is there" : "is not there yet"} is accepted and named in OCI-Subject`, async () => {
      const { repository, config, layer } = await prepared();
      const subject: Descriptor = exists
        ? (await registry.pushImage(repository)).descriptor
        : { mediaType: mediaTypes.image, digest: unknownDigest(), size: 10 };
      const manifest = imageManifest(config, [layer], { subject });

      const put = await registry.putManifest(repository, digestOf(manifest), manifest);

      expect(put.status).toBe(201);
      expect(put.headers.get("oci-subject")).toBe(subject.digest);
    });
  }

  const others: readonly [string, (subject: Descriptor, config: Descriptor) => Bytes, string][] = [
    ["an index", (subject) => imageIndex([], { subject }), mediaTypes.index],
    [
      "an artifact manifest",
      (subject) =>
        json({ mediaType: mediaTypes.artifact, artifactType: "application/vnd.example.v1", subject }),
      mediaTypes.artifact,
    ],
  ];
  for (const [name, make, mediaType] of others) {
    test(`of ${name} is named in OCI-Subject`, async () => {
      const { repository, config } = await prepared();
      const subject = { mediaType: mediaTypes.image, digest: unknownDigest(), size: 10 };
      const put = await registry.putManifest(repository, "latest", make(subject, config), mediaType);
      expect(put.status).toBe(201);
      expect(put.headers.get("oci-subject")).toBe(subject.digest);
    });
  }

  test("is not named for a manifest without one", async () => {
    const { repository, config, layer } = await prepared();
    const put = await registry.putManifest(repository, "latest", imageManifest(config, [layer]));
    expect(put.status).toBe(201);
    expect(put.headers.get("oci-subject")).toBeNull();
  });
});

describe("a manifest that is not there is 404", () => {
  for (const reference of ["latest", "sha256", "no_such.tag"]) {
    test(`by the tag ${reference}`, async () => {
      const repository = await registry.createRepository();
      const path = `/v2/${repository}/manifests/${reference}`;
      expectError(await registry.request("GET", path), 404, "MANIFEST_UNKNOWN");
      const head = await registry.request("HEAD", path);
      expect(head.status).toBe(404);
      expect(head.body).toBeEmpty();
    });
  }

  for (const algorithm of ["sha256", "sha512"] as const) {
    test(`by ${algorithm}`, async () => {
      const repository = await registry.createRepository();
      const path = `/v2/${repository}/manifests/${unknownDigest(algorithm)}`;
      expectError(await registry.request("GET", path), 404, "MANIFEST_UNKNOWN");
      expect((await registry.request("HEAD", path)).status).toBe(404);
    });
  }

  test("although another repository has it, by tag and by digest", async () => {
    const owner = await registry.createRepository();
    const other = await registry.createRepository();
    const { digest } = await registry.pushImage(owner, "latest");
    for (const reference of ["latest", digest]) {
      expectError(
        await registry.request("GET", `/v2/${other}/manifests/${reference}`),
        404,
        "MANIFEST_UNKNOWN",
      );
    }
  });

  test("and a layer's digest is none", async () => {
    const { repository, layer } = await prepared();
    expectError(
      await registry.request("GET", `/v2/${repository}/manifests/${layer.digest}`),
      404,
      "MANIFEST_UNKNOWN",
    );
  });

  test("nor is a repository that does not exist", async () => {
    const name = unique("missing");
    for (const reference of ["latest", unknownDigest()]) {
      const path = `/v2/${name}/manifests/${reference}`;
      expectError(await registry.request("GET", path), 404, "NAME_UNKNOWN");
      expect((await registry.request("HEAD", path)).status).toBe(404);
    }
  });

  test("and a push to a repository that does not exist is 404 with ECR's sentence", async () => {
    const name = unique("missing");
    const answer = await registry.putManifest(name, "latest", imageIndex([]), mediaTypes.index);
    expectError(answer, 404, "NAME_UNKNOWN");
    expect(errorMessage(answer)).toBe(
      `The repository with name '${name}' does not exist in the registry with id '000000000000'`,
    );
  });
});
