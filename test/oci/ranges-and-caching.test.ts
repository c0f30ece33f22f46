/**
 * OCI distribution 1.1, "Pulling blobs": "A registry SHOULD support the `Range` request header in accordance with
 * RFC 9110". The conditions (`If-None-Match`, `If-Range`) are of the same RFC, sections 13 and 14.
 */
import { describe, expect, test } from "bun:test";
import { type Answer, bytes, pattern, registryForFile, uniqueBytes } from "../support/oci.ts";

const registry = registryForFile();

const size = 100_000;
const content = pattern(size, 7);

async function pushed(): Promise<{ path: string; digest: string }> {
  const repository = await registry.createRepository();
  const { digest } = await registry.pushBlob(repository, content);
  return { path: `/v2/${repository}/blobs/${digest}`, digest };
}

describe("a range that can be satisfied", () => {
  const rows: readonly { range: string; first: number; last: number }[] = [
    { range: "bytes=0-0", first: 0, last: 0 },
    { range: "bytes=0-9", first: 0, last: 9 },
    { range: "bytes=1-1", first: 1, last: 1 },
    { range: "bytes=500-65535", first: 500, last: 65_535 },
    { range: "bytes=65536-65537", first: 65_536, last: 65_537 },
    { range: `bytes=${size - 1}-${size - 1}`, first: size - 1, last: size - 1 },
    { range: `bytes=0-${size - 1}`, first: 0, last: size - 1 },
    { range: "bytes=0-", first: 0, last: size - 1 },
    { range: "bytes=99000-", first: 99_000, last: size - 1 },
    { range: `bytes=${size - 1}-`, first: size - 1, last: size - 1 },
    { range: "bytes=-1", first: size - 1, last: size - 1 },
    { range: "bytes=-500", first: size - 500, last: size - 1 },
    { range: `bytes=-${size}`, first: 0, last: size - 1 },
    { range: `bytes=-${size + 1}`, first: 0, last: size - 1 },
    { range: `bytes=99990-${size}`, first: 99_990, last: size - 1 },
    { range: "bytes=99990-99999999999999999999999999", first: 99_990, last: size - 1 },
    { range: "bytes=-99999999999999999999999999", first: 0, last: size - 1 },
  ];
  for (const { range, first, last } of rows) {
    test(range, async () => {
      const { path, digest } = await pushed();

      const answer = await registry.request("GET", path, { headers: { range } });

      expect(answer.status).toBe(206);
      expect(answer.headers.get("content-range")).toBe(`bytes ${first}-${last}/${size}`);
      expect(answer.headers.get("content-length")).toBe(String(last - first + 1));
      expect(answer.headers.get("docker-content-digest")).toBe(digest);
      expect(answer.headers.get("etag")).toBe(`"${digest}"`);
      expect(Buffer.compare(answer.body, content.subarray(first, last + 1))).toBe(0);
    });
  }

  test("pulls a blob piece by piece", async () => {
    const { path } = await pushed();
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < size; at += 33_333) {
      const answer = await registry.request("GET", path, {
        headers: { range: `bytes=${at}-${at + 33_332}` },
      });
      expect(answer.status).toBe(206);
      pieces.push(answer.body);
    }
    expect(Buffer.compare(Buffer.concat(pieces), content)).toBe(0);
  });
});

describe("a range that cannot be satisfied is 416 with the size", () => {
  const rows = [
    `bytes=${size}-`,
    `bytes=${size}-${size + 10}`,
    "bytes=99999999999999999999999999-",
    "bytes=-0",
  ];
  for (const range of rows) {
    test(range, async () => {
      const { path } = await pushed();
      const answer = await registry.request("GET", path, { headers: { range } });
      expect(answer.status).toBe(416);
      expect(answer.headers.get("content-range")).toBe(`bytes */${size}`);
    });
  }

  test("bytes=0- of nothing", async () => {
    const repository = await registry.createRepository();
    const { digest } = await registry.pushBlob(repository, bytes(""));
    const answer = await registry.request("GET", `/v2/${repository}/blobs/${digest}`, {
      headers: { range: "bytes=0-" },
    });
    expect(answer.status).toBe(416);
    expect(answer.headers.get("content-range")).toBe("bytes */0");
  });
});

describe("a Range that is malformed, of another unit or of several parts is passed over", () => {
  const rows = [
    "bytes=9-1",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=1-b",
    "bytes=1.5-2",
    "bytes=--1",
    "bytes=0x0-0x9",
    "bytes",
    "0-9",
    "items=0-9",
    "bytes=0-1,5-6",
    "bytes=0-1,-1",
    "bytes=0-,9999999-",
  ];
  for (const range of rows) {
    test(range, async () => {
      const { path } = await pushed();
      const answer = await registry.request("GET", path, { headers: { range } });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-range")).toBeNull();
      expect(answer.body.length).toBe(size);
    });
  }

  test("and so is one on HEAD, for which RFC 9110 knows no ranges", async () => {
    const { path } = await pushed();
    const answer = await registry.request("HEAD", path, { headers: { range: "bytes=0-9" } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-length")).toBe(String(size));
  });
});

describe("If-Range", () => {
  test("lets the range through while the entity tag is the blob's", async () => {
    const { path, digest } = await pushed();
    const answer = await registry.request("GET", path, {
      headers: { range: "bytes=5-9", "if-range": `"${digest}"` },
    });
    expect(answer.status).toBe(206);
    expect(answer.body.length).toBe(5);
  });

  for (const validator of ['"something else"', "Mon, 01 Jan 2001 00:00:00 GMT"]) {
    test(`gives the whole blob for ${validator}`, async () => {
      const { path } = await pushed();
      const answer = await registry.request("GET", path, {
        headers: { range: "bytes=5-9", "if-range": validator },
      });
      expect(answer.status).toBe(200);
      expect(answer.body.length).toBe(size);
    });
  }
});

/** The resources with an entity tag, each made anew. */
const tagged: readonly { name: string; make: () => Promise<{ path: string; digest: string }> }[] = [
  { name: "a blob", make: pushed },
  {
    name: "an empty blob",
    make: async () => {
      const repository = await registry.createRepository();
      const { digest } = await registry.pushBlob(repository, bytes(""));
      return { path: `/v2/${repository}/blobs/${digest}`, digest };
    },
  },
  {
    name: "a manifest by its digest",
    make: async () => {
      const repository = await registry.createRepository();
      const { digest } = await registry.pushImage(repository);
      return { path: `/v2/${repository}/manifests/${digest}`, digest };
    },
  },
  {
    name: "a manifest by its tag",
    make: async () => {
      const repository = await registry.createRepository();
      const { digest } = await registry.pushImage(repository, "latest");
      return { path: `/v2/${repository}/manifests/latest`, digest };
    },
  },
];

/** What an answer tells about the content, without what is of the moment or the connection. */
function lasting(answer: Answer): Record<string, string> {
  const passing = new Set(["date", "connection", "keep-alive", "transfer-encoding", "x-request-id"]);
  return Object.fromEntries([...answer.headers].filter(([name]) => !passing.has(name)).sort());
}

for (const { name, make } of tagged) {
  describe(name, () => {
    test("has its digest for a strong entity tag", async () => {
      const { path, digest } = await make();
      const answer = await registry.request("GET", path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("etag")).toBe(`"${digest}"`);
      expect(answer.headers.get("docker-content-digest")).toBe(digest);
    });

    test("answers HEAD with the headers of GET", async () => {
      const { path } = await make();
      const get = await registry.request("GET", path);
      const head = await registry.request("HEAD", path);
      expect(head.status).toBe(200);
      expect(head.body).toBeEmpty();
      expect(lasting(head)).toEqual(lasting(get));
      expect(head.headers.get("content-length")).toBe(String(get.body.length));
    });

    for (const method of ["GET", "HEAD"]) {
      const matching: readonly [string, (digest: string) => string][] = [
        ["its tag", (digest) => `"${digest}"`],
        ["its tag, weak", (digest) => `W/"${digest}"`],
        ["its tag in a list", (digest) => `"other", "${digest}", "third"`],
        ["any tag", () => "*"],
      ];
      for (const [condition, value] of matching) {
        test(`is 304 on ${method} with If-None-Match of ${condition}`, async () => {
          const { path, digest } = await make();
          const answer = await registry.request(method, path, {
            headers: { "if-none-match": value(digest) },
          });
          expect(answer.status).toBe(304);
          expect(answer.headers.get("etag")).toBe(`"${digest}"`);
          expect(answer.body).toBeEmpty();
        });
      }

      test(`is 200 on ${method} with If-None-Match of another tag`, async () => {
        const { path } = await make();
        const answer = await registry.request(method, path, {
          headers: { "if-none-match": '"sha256:other"' },
        });
        expect(answer.status).toBe(200);
      });
    }
  });
}

test("a blob says that it can be had in ranges of bytes", async () => {
  const { path } = await pushed();
  for (const method of ["GET", "HEAD"]) {
    const answer = await registry.request(method, path);
    expect(answer.headers.get("accept-ranges")).toBe("bytes");
  }
});

test("If-None-Match does not turn a missing blob into 304", async () => {
  const { path } = await pushed();
  const missing = path.replace(/sha256:.*/, `sha256:${"0".repeat(64)}`);
  expect((await registry.request("GET", missing, { headers: { "if-none-match": "*" } })).status).toBe(404);
});

test("a moved tag is no longer 304 with the entity tag of before", async () => {
  const repository = await registry.createRepository();
  const before = await registry.pushImage(repository, "moving");
  const after = await registry.pushImage(repository, "moving", {
    layers: [await registry.pushBlob(repository, uniqueBytes())],
  });

  const answer = await registry.request("GET", `/v2/${repository}/manifests/moving`, {
    headers: { "if-none-match": `"${before.digest}"` },
  });

  expect(answer.status).toBe(200);
  expect(answer.headers.get("docker-content-digest")).toBe(after.digest);
});
