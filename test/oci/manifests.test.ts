/** OCI distribution 1.1: "Pushing Manifests", "Pulling manifests" and "Pushing Manifests with Subject". */
import { describe, expect, test } from "bun:test";
import {
  type Bytes,
  type Descriptor,
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

describe("the reference of a PUT", () => {
  test("by sha512 is answered by the same digest, and can be pulled by it", async () => {
    const { repository, config, layer } = await registry.prepareImage();
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
      const { repository, config, layer } = await registry.prepareImage();
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
      const { repository, config, layer } = await registry.prepareImage();
      const put = await registry.putManifest(repository, tag, imageManifest(config, [layer]));
      // `a:b` has the look of a digest, and `a%2Fb` that of another path or of none.
      const codes = ["TAG_INVALID", "MANIFEST_INVALID", "DIGEST_INVALID", "NAME_UNKNOWN", "UNSUPPORTED"];
      expectError(put, [400, 404], codes);
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

  test("does not bring the blobs of another repository along", async () => {
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
      const { repository, config, layer } = await registry.prepareImage();
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
      const { repository, config, layer } = await registry.prepareImage();
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
      const { repository, config, layer } = await registry.prepareImage();
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

describe("a subject", () => {
  for (const exists of [true, false]) {
    test(`that ${exists ? "is there" : "is not there yet"} is accepted and named in OCI-Subject`, async () => {
      const { repository, config, layer } = await registry.prepareImage();
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
      const { repository, config } = await registry.prepareImage();
      const subject = { mediaType: mediaTypes.image, digest: unknownDigest(), size: 10 };
      const put = await registry.putManifest(repository, "latest", make(subject, config), mediaType);
      expect(put.status).toBe(201);
      expect(put.headers.get("oci-subject")).toBe(subject.digest);
    });
  }

  test("is not named for a manifest without one", async () => {
    const { repository, config, layer } = await registry.prepareImage();
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
    const { repository, layer } = await registry.prepareImage();
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
