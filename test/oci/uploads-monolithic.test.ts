/** OCI distribution 1.1, "Pushing a blob monolithically": POST then PUT, and a single POST. */
import { describe, expect, test } from "bun:test";
import {
  type Algorithm,
  type Bytes,
  bytes,
  digestOf,
  errorMessage,
  exchange,
  expectError,
  header,
  pattern,
  registryForFile,
  streamOf,
  unique,
  uniqueBytes,
  unknownDigest,
  withQuery,
} from "../support/oci.ts";

const registry = registryForFile();
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

describe("POST of a new upload", () => {
  for (const path of ["blobs/uploads/", "blobs/uploads"]) {
    test(`to ${path} is 202 with a relative location that carries a UUID`, async () => {
      const repository = await registry.createRepository();

      const answer = await registry.request("POST", `/v2/${repository}/${path}`);

      expect(answer.status).toBe(202);
      const location = header(answer, "location");
      expect(location).toStartWith("/v2/");
      expect(location).toMatch(uuid);
      expect(location).toContain(header(answer, "docker-upload-uuid"));
      expect(answer.headers.get("range")).toBe("0-0");
      expect(answer.body).toBeEmpty();
    });
  }

  test("says no OCI-Chunk-Min-Length, because a chunk of any size will do", async () => {
    const repository = await registry.createRepository();
    const answer = await registry.request("POST", `/v2/${repository}/blobs/uploads/`);
    expect(answer.headers.get("oci-chunk-min-length")).toBeNull();
  });

  test("gives every upload a session of its own", async () => {
    const repository = await registry.createRepository();
    const locations = await Promise.all([1, 2, 3].map(() => registry.beginUpload(repository)));
    expect(new Set(locations).size).toBe(3);
  });

  test("accepts the Content-Length of 0 that a chunked upload must begin with", async () => {
    const repository = await registry.createRepository();
    const answer = await exchange(registry.server, {
      method: "POST",
      target: `/v2/${repository}/blobs/uploads/`,
      headers: { "content-length": "0" },
    });
    expect(answer.status).toBe(202);
  });

  test("to a repository that does not exist is 404, with ECR's sentence", async () => {
    const name = unique("missing");
    const answer = await registry.request("POST", `/v2/${name}/blobs/uploads/`);
    expectError(answer, 404, "NAME_UNKNOWN");
    expect(errorMessage(answer)).toBe(
      `The repository with name '${name}' does not exist in the registry with id '000000000000'`,
    );
  });
});

/** The ways to send a whole blob at once. Each gives the last answer. */
const ways = {
  "POST then PUT": async (repository: string, content: Bytes, digest: string) => {
    const location = await registry.beginUpload(repository);
    return registry.request("PUT", withQuery(location, { digest }), {
      headers: { "content-type": "application/octet-stream" },
      body: content,
    });
  },
  "a single POST": (repository: string, content: Bytes, digest: string) =>
    registry.request("POST", withQuery(`/v2/${repository}/blobs/uploads/`, { digest }), {
      headers: { "content-type": "application/octet-stream" },
      body: content,
    }),
  "a single POST without the last slash": (repository: string, content: Bytes, digest: string) =>
    registry.request("POST", withQuery(`/v2/${repository}/blobs/uploads`, { digest }), { body: content }),
  "POST then a PUT of unknown length": async (repository: string, content: Bytes, digest: string) => {
    const location = await registry.beginUpload(repository);
    return registry.request("PUT", withQuery(location, { digest }), { body: streamOf(content) });
  },
} as const;

const contents: readonly { name: string; content: () => Bytes; algorithm: Algorithm }[] = [
  { name: "text", content: uniqueBytes, algorithm: "sha256" },
  { name: "text, by sha512", content: uniqueBytes, algorithm: "sha512" },
  { name: "nothing", content: () => bytes(""), algorithm: "sha256" },
  { name: "nothing, by sha512", content: () => bytes(""), algorithm: "sha512" },
  { name: "two mebibytes", content: () => pattern(2 * 1024 * 1024, 3), algorithm: "sha256" },
];

for (const [way, push] of Object.entries(ways)) {
  describe(way, () => {
    for (const { name, content, algorithm } of contents) {
      test(`stores ${name}: 201 with a location from which it can be pulled`, async () => {
        const repository = await registry.createRepository();
        const sent = content();
        const digest = digestOf(sent, algorithm);

        const answer = await push(repository, sent, digest);

        expect(answer.status).toBe(201);
        expect(answer.headers.get("docker-content-digest")).toBe(digest);
        const pulled = await registry.request("GET", header(answer, "location"));
        expect(pulled.status).toBe(200);
        expect(Buffer.compare(pulled.body, sent)).toBe(0);
        expect(await registry.has(repository, "blobs", digest)).toBe(true);
      });
    }

    test("refuses content of another digest, and stores it under neither", async () => {
      const repository = await registry.createRepository();
      const sent = uniqueBytes();
      const claimed = unknownDigest();

      expectError(await push(repository, sent, claimed), 400, "DIGEST_INVALID");

      expect(await registry.has(repository, "blobs", claimed)).toBe(false);
      expect(await registry.has(repository, "blobs", digestOf(sent))).toBe(false);
    });

    for (const digest of [
      "",
      "latest",
      `md5:${"0".repeat(32)}`,
      "sha256:short",
      `sha256:${"A".repeat(64)}`,
    ]) {
      test(`refuses the malformed digest '${digest}'`, async () => {
        const repository = await registry.createRepository();
        expectError(await push(repository, uniqueBytes(), digest), 400, "DIGEST_INVALID");
      });
    }

    test("accepts what the repository has already", async () => {
      const repository = await registry.createRepository();
      const content = uniqueBytes();
      const { digest } = await registry.pushBlob(repository, content);
      expect((await push(repository, content, digest)).status).toBe(201);
    });

    test("accepts what another repository has, and lets this one pull it", async () => {
      const other = await registry.createRepository();
      const repository = await registry.createRepository();
      const content = uniqueBytes();
      const { digest } = await registry.pushBlob(other, content);

      expect((await push(repository, content, digest)).status).toBe(201);
      expect(await registry.has(repository, "blobs", digest)).toBe(true);
    });

    test("accepts the same blob from two clients at the same time", async () => {
      const repository = await registry.createRepository();
      const content = uniqueBytes();
      const digest = digestOf(content);
      const answers = await Promise.all([1, 2, 3, 4].map(() => push(repository, content, digest)));
      expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201, 201]);
      expect(await registry.has(repository, "blobs", digest)).toBe(true);
    });
  });
}

test("a single POST to a repository that does not exist is 404", async () => {
  const content = uniqueBytes();
  const path = withQuery(`/v2/${unique("missing")}/blobs/uploads/`, { digest: digestOf(content) });
  expectError(await registry.request("POST", path, { body: content }), 404, "NAME_UNKNOWN");
});

test("a PUT without a digest is refused, and can be sent again with one", async () => {
  const repository = await registry.createRepository();
  const content = uniqueBytes();
  const location = await registry.beginUpload(repository);

  expectError(await registry.request("PUT", location), 400, "DIGEST_INVALID");
  expectError(await registry.request("PUT", withQuery(location, { digest: "" })), 400, "DIGEST_INVALID");

  const answer = await registry.request("PUT", withQuery(location, { digest: digestOf(content) }), {
    body: content,
  });
  expect(answer.status).toBe(201);
});

test("a client that asks to continue gets its upload through", async () => {
  const repository = await registry.createRepository();
  const content = uniqueBytes();
  const answer = await exchange(registry.server, {
    method: "POST",
    target: `/v2/${repository}/blobs/uploads/?digest=${digestOf(content)}`,
    headers: { expect: "100-continue" },
    body: content,
  });
  expect(answer.status).toBe(201);
});
