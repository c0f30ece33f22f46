/** OCI distribution 1.1: "Pulling blobs" and "Checking if content exists in the registry", for blobs. */
import { describe, expect, test } from "bun:test";
import {
  type Algorithm,
  type Bytes,
  bytes,
  expectError,
  pattern,
  registryForFile,
  unique,
  uniqueBytes,
  unknownDigest,
} from "../support/oci.ts";

const registry = registryForFile();

const contents: readonly { name: string; content: () => Bytes; algorithm: Algorithm }[] = [
  { name: "text", content: uniqueBytes, algorithm: "sha256" },
  { name: "text, by sha512", content: uniqueBytes, algorithm: "sha512" },
  { name: "nothing", content: () => bytes(""), algorithm: "sha256" },
  { name: "nothing, by sha512", content: () => bytes(""), algorithm: "sha512" },
  { name: "one byte", content: () => bytes("x"), algorithm: "sha256" },
  {
    name: "every byte value",
    content: () => Uint8Array.from({ length: 256 }, (_, at) => at),
    algorithm: "sha256",
  },
  { name: "three mebibytes and a byte", content: () => pattern(3 * 1024 * 1024 + 1, 1), algorithm: "sha256" },
  { name: "a mebibyte, by sha512", content: () => pattern(1024 * 1024, 2), algorithm: "sha512" },
];

describe("GET of a blob", () => {
  for (const { name, content, algorithm } of contents) {
    test(`gives ${name} as it was pushed`, async () => {
      const repository = await registry.createRepository();
      const pushed = content();
      const { digest } = await registry.pushBlob(repository, pushed, { algorithm });

      const answer = await registry.request("GET", `/v2/${repository}/blobs/${digest}`);

      expect(answer.status).toBe(200);
      expect(answer.headers.get("docker-content-digest")).toBe(digest);
      expect(answer.headers.get("content-length")).toBe(String(pushed.length));
      expect(answer.headers.get("content-type")).toBe("application/octet-stream");
      expect(Buffer.compare(answer.body, pushed)).toBe(0);
    });
  }

  test("does not encode the content, whatever the client could decode", async () => {
    const repository = await registry.createRepository();
    const content = bytes(`${unique("compressible")} `.repeat(2000));
    const { digest } = await registry.pushBlob(repository, content);

    const answer = await registry.request("GET", `/v2/${repository}/blobs/${digest}`, {
      headers: { "accept-encoding": "gzip, deflate, br, zstd" },
    });

    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-encoding")).toBeNull();
    expect(answer.headers.get("content-length")).toBe(String(content.length));
    expect(Buffer.compare(answer.body, content)).toBe(0);
  });
});

describe("HEAD of a blob", () => {
  for (const { name, content, algorithm } of contents) {
    test(`says that ${name} is there, with size and digest and without body`, async () => {
      const repository = await registry.createRepository();
      const pushed = content();
      const { digest } = await registry.pushBlob(repository, pushed, { algorithm });

      const answer = await registry.request("HEAD", `/v2/${repository}/blobs/${digest}`);

      expect(answer.status).toBe(200);
      expect(answer.headers.get("docker-content-digest")).toBe(digest);
      expect(answer.headers.get("content-length")).toBe(String(pushed.length));
      expect(answer.body).toBeEmpty();
    });
  }
});

describe("a blob that is not in the repository", () => {
  for (const algorithm of ["sha256", "sha512"] as const) {
    test(`is 404 by an unknown ${algorithm}`, async () => {
      const repository = await registry.createRepository();
      const path = `/v2/${repository}/blobs/${unknownDigest(algorithm)}`;

      expectError(await registry.request("GET", path), 404, "BLOB_UNKNOWN");
      const head = await registry.request("HEAD", path);
      expect(head.status).toBe(404);
      expect(head.body).toBeEmpty();
    });
  }

  test("is 404 although another repository has it", async () => {
    const owner = await registry.createRepository();
    const other = await registry.createRepository();
    const { digest } = await registry.pushBlob(owner);

    expectError(await registry.request("GET", `/v2/${other}/blobs/${digest}`), 404, "BLOB_UNKNOWN");
    expect(await registry.has(other, "blobs", digest)).toBe(false);
    expect(await registry.has(owner, "blobs", digest)).toBe(true);
  });

  test("is 404 in a repository that does not exist", async () => {
    const path = `/v2/${unique("missing")}/blobs/${unknownDigest()}`;
    expectError(await registry.request("GET", path), 404, "NAME_UNKNOWN");
    expect((await registry.request("HEAD", path)).status).toBe(404);
  });
});

describe("a malformed digest", () => {
  const hex = "a".repeat(64);
  const rows = [
    ["no algorithm", hex],
    ["an unknown algorithm", `md5:${"a".repeat(32)}`],
    ["an algorithm of the right length but unknown", `sha224:${hex}`],
    ["too few digits", `sha256:${hex.slice(1)}`],
    ["too many digits", `sha256:${hex}a`],
    ["sha256 digits under sha512", `sha512:${hex}`],
    ["upper-case digits", `sha256:${hex.toUpperCase()}`],
    ["an upper-case algorithm", `SHA256:${hex}`],
    ["digits that are none", `sha256:${"g".repeat(64)}`],
    ["no digits", "sha256:"],
    ["a space before the digits", `sha256:%20${hex.slice(1)}`],
  ] as const;
  for (const [name, digest] of rows) {
    test(`is refused: ${name}`, async () => {
      const repository = await registry.createRepository();
      const path = `/v2/${repository}/blobs/${digest}`;
      // The specification has 404 for what is not found and nothing for what cannot be; both say "not here".
      expectError(await registry.request("GET", path), [400, 404], ["DIGEST_INVALID", "BLOB_UNKNOWN"]);
      expect((await registry.request("HEAD", path)).status).toBeOneOf([400, 404]);
    });
  }
});
