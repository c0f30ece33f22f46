/** OCI distribution 1.1, "Content Management": deleting tags, manifests and blobs. */
import { describe, expect, test } from "bun:test";
import {
  type Answer,
  descriptorOf,
  errorMessage,
  expectError,
  imageIndex,
  mediaTypes,
  registryForFile,
  unique,
  uniqueBytes,
  unknownDigest,
} from "../support/oci.ts";

const registry = registryForFile();

function remove(repository: string, kind: "blobs" | "manifests", reference: string): Promise<Answer> {
  return registry.request("DELETE", `/v2/${repository}/${kind}/${reference}`);
}

async function tagsOf(repository: string): Promise<string[]> {
  const answer = await registry.request("GET", `/v2/${repository}/tags/list`);
  return answer.json<{ tags: string[] }>().tags;
}

async function expectGone(repository: string, reference: string): Promise<void> {
  const path = `/v2/${repository}/manifests/${reference}`;
  expectError(await registry.request("GET", path), 404, "MANIFEST_UNKNOWN");
  expect((await registry.request("HEAD", path)).status).toBe(404);
}

describe("DELETE of a tag", () => {
  test("is 202 and takes the tag only", async () => {
    const repository = await registry.createRepository();
    const image = await registry.pushImage(repository, "doomed");
    await registry.putManifest(repository, "kept", image.manifest);

    const answer = await remove(repository, "manifests", "doomed");

    expect(answer.status).toBe(202);
    expect(answer.body).toBeEmpty();
    await expectGone(repository, "doomed");
    expect(await registry.has(repository, "manifests", "kept")).toBe(true);
    expect(await registry.has(repository, "manifests", image.digest)).toBe(true);
    expect(await tagsOf(repository)).toEqual(["kept"]);
  });

  test("that is the last of its image leaves the image and its layers", async () => {
    const repository = await registry.createRepository();
    const image = await registry.pushImage(repository, "only");

    expect((await remove(repository, "manifests", "only")).status).toBe(202);

    const get = await registry.request("GET", `/v2/${repository}/manifests/${image.digest}`);
    expect(Buffer.compare(get.body, image.manifest)).toBe(0);
    for (const layer of image.layers)
      expect(await registry.has(repository, "blobs", layer.digest)).toBe(true);
    expect(await tagsOf(repository)).toEqual([]);
  });

  test("leaves tags of other repositories and tags that begin alike", async () => {
    const repository = await registry.createRepository();
    const other = await registry.createRepository();
    const tags = ["v1", "v1.0", "v1-rc", "V1"];
    for (const tag of tags) await registry.pushImage(repository, tag);
    await registry.pushImage(other, "v1");

    expect((await remove(repository, "manifests", "v1")).status).toBe(202);

    expect(await tagsOf(repository)).toEqual(["V1", "v1-rc", "v1.0"]);
    expect(await tagsOf(other)).toEqual(["v1"]);
  });

  test("can be followed by a push of the same tag", async () => {
    const repository = await registry.createRepository();
    await registry.pushImage(repository, "again");
    expect((await remove(repository, "manifests", "again")).status).toBe(202);
    const { digest } = await registry.pushImage(repository, "again");
    const head = await registry.request("HEAD", `/v2/${repository}/manifests/again`);
    expect(head.headers.get("docker-content-digest")).toBe(digest);
  });

  test("of an image that an index has is possible", async () => {
    const repository = await registry.createRepository();
    const child = await registry.pushImage(repository, "child");
    const index = imageIndex([child.descriptor]);
    expect((await registry.putManifest(repository, "index", index, mediaTypes.index)).status).toBe(201);
    expect((await remove(repository, "manifests", "child")).status).toBe(202);
    expect(await registry.has(repository, "manifests", child.digest)).toBe(true);
  });

  test("that is not there is 404, the second time too", async () => {
    const repository = await registry.createRepository();
    expectError(await remove(repository, "manifests", "never"), 404, "MANIFEST_UNKNOWN");
    await registry.pushImage(repository, "twice");
    expect((await remove(repository, "manifests", "twice")).status).toBe(202);
    expectError(await remove(repository, "manifests", "twice"), 404, "MANIFEST_UNKNOWN");
  });
});

describe("DELETE of a manifest by its digest", () => {
  test("is 202 and takes all of its tags", async () => {
    const repository = await registry.createRepository();
    const image = await registry.pushImage(repository, "one");
    await registry.putManifest(repository, "two", image.manifest);
    const other = await registry.pushImage(repository, "other");

    const answer = await remove(repository, "manifests", image.digest);

    expect(answer.status).toBe(202);
    expect(answer.body).toBeEmpty();
    for (const reference of [image.digest, "one", "two"]) await expectGone(repository, reference);
    expect(await tagsOf(repository)).toEqual(["other"]);
    expect(await registry.has(repository, "manifests", other.digest)).toBe(true);
  });

  test("takes an image without tags", async () => {
    const repository = await registry.createRepository();
    const { digest } = await registry.pushImage(repository);
    expect((await remove(repository, "manifests", digest)).status).toBe(202);
    await expectGone(repository, digest);
  });

  test("leaves the same manifest of another repository, and its layers", async () => {
    const repository = await registry.createRepository();
    const other = await registry.createRepository();
    const image = await registry.pushImage(repository, "latest");
    for (const { digest } of [image.config, ...image.layers]) {
      const mounted = await registry.request(
        "POST",
        `/v2/${other}/blobs/uploads/?mount=${digest}&from=${repository}`,
      );
      expect(mounted.status).toBe(201);
    }
    expect((await registry.putManifest(other, "latest", image.manifest)).status).toBe(201);

    expect((await remove(repository, "manifests", image.digest)).status).toBe(202);

    expect(await registry.has(other, "manifests", "latest")).toBe(true);
    for (const layer of image.layers) expect(await registry.has(other, "blobs", layer.digest)).toBe(true);
  });

  test("can be followed by a push of the same manifest", async () => {
    const repository = await registry.createRepository();
    const image = await registry.pushImage(repository, "latest");
    expect((await remove(repository, "manifests", image.digest)).status).toBe(202);
    for (const layer of image.layers)
      expect(await registry.has(repository, "blobs", layer.digest)).toBe(true);
    expect((await registry.putManifest(repository, "latest", image.manifest)).status).toBe(201);
    expect(await registry.has(repository, "manifests", image.digest)).toBe(true);
  });

  test("leaves what an index named when the index goes", async () => {
    const repository = await registry.createRepository();
    const child = await registry.pushImage(repository);
    const index = imageIndex([child.descriptor]);
    const { digest } = descriptorOf(index, mediaTypes.index);
    expect((await registry.putManifest(repository, "index", index, mediaTypes.index)).status).toBe(201);

    expect((await remove(repository, "manifests", digest)).status).toBe(202);

    await expectGone(repository, "index");
    expect(await registry.has(repository, "manifests", child.digest)).toBe(true);
    expect((await remove(repository, "manifests", child.digest)).status).toBe(202);
  });

  test("is refused while an index names it, which goes on to work", async () => {
    const repository = await registry.createRepository();
    const child = await registry.pushImage(repository, "child");
    const index = imageIndex([child.descriptor]);
    const parent = descriptorOf(index, mediaTypes.index);
    expect((await registry.putManifest(repository, "index", index, mediaTypes.index)).status).toBe(201);

    const answer = await remove(repository, "manifests", child.digest);

    expectError(answer, [400, 403, 405, 409], ["DENIED", "UNSUPPORTED", "MANIFEST_INVALID"]);
    expect(errorMessage(answer)).toBe(`Requested image referenced by manifest list: [${parent.digest}]`);
    expect(await registry.has(repository, "manifests", child.digest)).toBe(true);
    expect(await tagsOf(repository)).toEqual(["child", "index"]);
  });

  for (const algorithm of ["sha256", "sha512"] as const) {
    test(`that is not there is 404: ${algorithm}`, async () => {
      const repository = await registry.createRepository();
      expectError(await remove(repository, "manifests", unknownDigest(algorithm)), 404, "MANIFEST_UNKNOWN");
    });
  }

  test("a second time is 404", async () => {
    const repository = await registry.createRepository();
    const { digest } = await registry.pushImage(repository);
    expect((await remove(repository, "manifests", digest)).status).toBe(202);
    expectError(await remove(repository, "manifests", digest), 404, "MANIFEST_UNKNOWN");
  });

  for (const reference of ["sha256:short", `sha256:${"A".repeat(64)}`, ".x", "a+b", "a".repeat(129)]) {
    test(`that cannot be one, '${reference.slice(0, 20)}', is refused`, async () => {
      const repository = await registry.createRepository();
      await registry.pushImage(repository, "latest");
      expect((await remove(repository, "manifests", reference)).status).toBeOneOf([400, 404]);
      expect(await tagsOf(repository)).toEqual(["latest"]);
    });
  }
});

describe("DELETE of a blob", () => {
  for (const algorithm of ["sha256", "sha512"] as const) {
    test(`by ${algorithm} is 202, and the blob is 404 from then on`, async () => {
      const repository = await registry.createRepository();
      const { digest } = await registry.pushBlob(repository, uniqueBytes(), { algorithm });

      const answer = await remove(repository, "blobs", digest);

      expect(answer.status).toBe(202);
      expect(answer.body).toBeEmpty();
      expectError(await registry.request("GET", `/v2/${repository}/blobs/${digest}`), 404, "BLOB_UNKNOWN");
      expect(await registry.has(repository, "blobs", digest)).toBe(false);
      expectError(await remove(repository, "blobs", digest), 404, "BLOB_UNKNOWN");
    });
  }

  test("leaves it to other repositories", async () => {
    const repository = await registry.createRepository();
    const other = await registry.createRepository();
    const content = uniqueBytes();
    const { digest } = await registry.pushBlob(repository, content);
    await registry.pushBlob(other, content);

    expect((await remove(repository, "blobs", digest)).status).toBe(202);

    const get = await registry.request("GET", `/v2/${other}/blobs/${digest}`);
    expect(Buffer.compare(get.body, content)).toBe(0);
  });

  test("can be followed by a push of the same", async () => {
    const repository = await registry.createRepository();
    const content = uniqueBytes();
    const { digest } = await registry.pushBlob(repository, content);
    expect((await remove(repository, "blobs", digest)).status).toBe(202);
    await registry.pushBlob(repository, content);
    const get = await registry.request("GET", `/v2/${repository}/blobs/${digest}`);
    expect(Buffer.compare(get.body, content)).toBe(0);
  });

  test("that is not there is 404, also if another repository has it", async () => {
    const repository = await registry.createRepository();
    const other = await registry.createRepository();
    const { digest } = await registry.pushBlob(other);
    expectError(await remove(repository, "blobs", unknownDigest()), 404, "BLOB_UNKNOWN");
    expectError(await remove(repository, "blobs", digest), 404, "BLOB_UNKNOWN");
    expect(await registry.has(other, "blobs", digest)).toBe(true);
  });

  test("is refused while an image needs it, and possible when the image is gone", async () => {
    const repository = await registry.createRepository();
    const image = await registry.pushImage(repository, "latest");
    const blobs = [image.config, ...image.layers];
    for (const { digest } of blobs) {
      const answer = await remove(repository, "blobs", digest);
      expectError(answer, [400, 403, 405, 409], ["DENIED", "UNSUPPORTED"]);
      expect(await registry.has(repository, "blobs", digest)).toBe(true);
    }

    expect((await remove(repository, "manifests", image.digest)).status).toBe(202);

    for (const { digest } of blobs) expect((await remove(repository, "blobs", digest)).status).toBe(202);
  });

  for (const digest of ["sha256:short", `sha256:${"A".repeat(64)}`, "latest"]) {
    test(`that cannot be one, '${digest.slice(0, 20)}', is refused`, async () => {
      const repository = await registry.createRepository();
      expectError(await remove(repository, "blobs", digest), [400, 404], ["DIGEST_INVALID", "BLOB_UNKNOWN"]);
    });
  }
});

describe("in a repository that does not exist", () => {
  for (const [kind, reference] of [
    ["manifests", "latest"],
    ["manifests", unknownDigest()],
    ["blobs", unknownDigest()],
  ] as const) {
    test(`DELETE of ${kind}/${reference.slice(0, 12)} is 404`, async () => {
      expectError(await remove(unique("missing"), kind, reference), 404, "NAME_UNKNOWN");
    });
  }
});
