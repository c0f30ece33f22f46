/** OCI distribution 1.1, "Mounting a blob from another repository". */
import { describe, expect, test } from "bun:test";
import {
  type Answer,
  bytes,
  digestOf,
  expectError,
  header,
  registryForFile,
  unique,
  uniqueBytes,
  unknownDigest,
  withQuery,
} from "../support/oci.ts";

const registry = registryForFile();

function mount(repository: string, digest: string, from?: string): Promise<Answer> {
  const query: Record<string, string> = from === undefined ? { mount: digest } : { mount: digest, from };
  return registry.request("POST", withQuery(`/v2/${repository}/blobs/uploads/`, query));
}

/** Asserts on 201 and that the blob can be pulled from where the answer says. */
async function expectMounted(answer: Answer, repository: string, content: Uint8Array): Promise<void> {
  expect(answer.status).toBe(201);
  const location = header(answer, "location");
  expect(location).toContain(`/v2/${repository}/blobs/`);
  const pulled = await registry.request("GET", location);
  expect(pulled.status).toBe(200);
  expect(Buffer.compare(pulled.body, content)).toBe(0);
  expect(answer.headers.get("docker-content-digest")).toBe(header(pulled, "docker-content-digest"));
}

/** Asserts on 202 and that the session that began can be used. */
async function expectSession(answer: Answer, repository: string): Promise<void> {
  expect(answer.status).toBe(202);
  expect(header(answer, "docker-upload-uuid")).not.toBeEmpty();
  const content = uniqueBytes();
  const location = withQuery(header(answer, "location"), { digest: digestOf(content) });
  expect((await registry.request("PUT", location, { body: content })).status).toBe(201);
  expect(await registry.has(repository, "blobs", digestOf(content))).toBe(true);
}

describe("a blob that the source has", () => {
  const rows = [
    { name: "by sha256", content: uniqueBytes, algorithm: "sha256" },
    { name: "by sha512", content: uniqueBytes, algorithm: "sha512" },
    { name: "that is empty", content: () => bytes(""), algorithm: "sha256" },
  ] as const;
  for (const { name, content, algorithm } of rows) {
    test(`${name} is mounted`, async () => {
      const source = await registry.createRepository();
      const target = await registry.createRepository();
      const pushed = content();
      const { digest } = await registry.pushBlob(source, pushed, { algorithm });
      expect(await registry.has(target, "blobs", digest)).toBe(false);

      await expectMounted(await mount(target, digest, source), target, pushed);
    });
  }

  test("is mounted by a client that leaves the last slash out", async () => {
    const source = await registry.createRepository();
    const target = await registry.createRepository();
    const content = uniqueBytes();
    const { digest } = await registry.pushBlob(source, content);
    const path = withQuery(`/v2/${target}/blobs/uploads`, { mount: digest, from: source });
    await expectMounted(await registry.request("POST", path), target, content);
  });

  test("is mounted whether or not an image uses it there", async () => {
    const source = await registry.createRepository();
    const target = await registry.createRepository();
    const content = uniqueBytes();
    const layer = await registry.pushBlob(source, content);
    await registry.pushImage(source, "latest", { layers: [layer] });
    await expectMounted(await mount(target, layer.digest, source), target, content);
  });

  test("is mounted from the repository itself, and a second time", async () => {
    const repository = await registry.createRepository();
    const content = uniqueBytes();
    const { digest } = await registry.pushBlob(repository, content);
    await expectMounted(await mount(repository, digest, repository), repository, content);
    await expectMounted(await mount(repository, digest, repository), repository, content);
  });

  test("stays in the target when the source deletes it", async () => {
    const source = await registry.createRepository();
    const target = await registry.createRepository();
    const { digest } = await registry.pushBlob(source);
    expect((await mount(target, digest, source)).status).toBe(201);

    expect((await registry.request("DELETE", `/v2/${source}/blobs/${digest}`)).status).toBe(202);

    expect(await registry.has(source, "blobs", digest)).toBe(false);
    expect(await registry.has(target, "blobs", digest)).toBe(true);
  });

  test("makes an image of the target complete", async () => {
    const source = await registry.createRepository();
    const target = await registry.createRepository();
    const layer = await registry.pushBlob(source);
    expect((await mount(target, layer.digest, source)).status).toBe(201);
    await registry.pushImage(target, "latest", { layers: [layer] });
  });
});

describe("without a source", () => {
  test("a blob that any repository has is found and mounted", async () => {
    const owner = await registry.createRepository();
    const target = await registry.createRepository();
    const content = uniqueBytes();
    const { digest } = await registry.pushBlob(owner, content);
    await expectMounted(await mount(target, digest), target, content);
  });

  test("a blob that nobody has begins an upload", async () => {
    const target = await registry.createRepository();
    await expectSession(await mount(target, unknownDigest()), target);
  });
});

describe("what cannot be mounted begins an upload", () => {
  test("a blob that nobody has", async () => {
    const source = await registry.createRepository();
    const target = await registry.createRepository();
    const digest = unknownDigest();
    await expectSession(await mount(target, digest, source), target);
    expect(await registry.has(target, "blobs", digest)).toBe(false);
  });

  test("a blob of a source that does not exist", async () => {
    const target = await registry.createRepository();
    await expectSession(await mount(target, unknownDigest(), unique("missing")), target);
  });
});

describe("a mount that cannot be meant is refused", () => {
  const digests = ["latest", "sha256:short", `md5:${"0".repeat(32)}`, `sha256:${"A".repeat(64)}`];
  for (const digest of digests) {
    test(`the digest '${digest.slice(0, 20)}'`, async () => {
      const source = await registry.createRepository();
      const target = await registry.createRepository();
      expectError(await mount(target, digest, source), 400, "DIGEST_INVALID");
    });
  }

  test("a target that does not exist", async () => {
    const source = await registry.createRepository();
    const { digest } = await registry.pushBlob(source);
    expectError(await mount(unique("missing"), digest, source), 404, "NAME_UNKNOWN");
  });
});
