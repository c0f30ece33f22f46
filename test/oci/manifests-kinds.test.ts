/** OCI distribution 1.1, "Pushing Manifests": every sort of manifest is accepted, and kept in its exact bytes. */
import { describe, expect, test } from "bun:test";
import {
  type Bytes,
  bytes,
  type Descriptor,
  descriptorOf,
  digestOf,
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
      const { repository, config, layer } = await registry.prepareImage();
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
      const { repository, config } = await registry.prepareImage();
      const manifest = bytes(write(JSON.stringify(config)));
      expect((await registry.putManifest(repository, "latest", manifest)).status).toBe(201);
      const get = await registry.request("GET", `/v2/${repository}/manifests/latest`);
      expect(Buffer.compare(get.body, manifest)).toBe(0);
      expect(get.headers.get("docker-content-digest")).toBe(digestOf(manifest));
    });
  }
});
