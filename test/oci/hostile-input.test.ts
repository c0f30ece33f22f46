/** Requests that nobody sends by accident: paths that lead elsewhere, line ends in what comes back, and sheer length. */
import { describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  connect,
  digestOf,
  exchange,
  imageManifest,
  nextPage,
  type RawAnswer,
  registryForFile,
  unique,
  uniqueBytes,
  unknownDigest,
} from "../support/oci.ts";
import { start, type TestServer } from "../support/server.ts";

const registry = registryForFile();
const zeros = `sha256:${"0".repeat(64)}`;

/** What must never leave the folder that it is meant to name. Bytes as they stand in the request line. */
const payloads = [
  "..",
  "../..",
  "../../../../../../../../etc/passwd",
  "%2e%2e",
  "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd",
  "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
  ".%2e/%2e./etc/passwd",
  "%252e%252e%252fetc%252fpasswd",
  "..%5c..%5cetc%5cpasswd",
  "..\\..\\etc\\passwd",
  "..%00",
  "%00",
  "a%00b",
  "%c0%ae%c0%ae%c0%af",
  "%ff",
  "%",
  "%zz",
  "%2",
  "/etc/passwd",
  "%2fetc%2fpasswd",
  "file:%2f%2f%2fetc%2fpasswd",
  "sha256:..%2f..%2f..%2fetc%2fpasswd",
  "sha256:../../../etc/passwd",
  "~root",
  "a".repeat(8000),
] as const;

describe("a path that leads elsewhere is refused, in whatever place", () => {
  type Place = {
    name: string;
    method: string;
    target: (repository: string, payload: string) => string;
    body?: Uint8Array;
  };
  const body = new Uint8Array(10);
  const content = imageManifest({ mediaType: "application/x", digest: zeros, size: 1 }, []);
  const places: readonly Place[] = [
    { name: "the name, reading a manifest", method: "GET", target: (_, p) => `/v2/${p}/manifests/latest` },
    { name: "the name, reading a blob", method: "GET", target: (_, p) => `/v2/${p}/blobs/${zeros}` },
    { name: "the name, listing", method: "GET", target: (_, p) => `/v2/${p}/tags/list` },
    { name: "the name, listing referrers", method: "GET", target: (_, p) => `/v2/${p}/referrers/${zeros}` },
    { name: "the name, uploading", method: "POST", target: (_, p) => `/v2/${p}/blobs/uploads/`, body },
    {
      name: "the end of the name, uploading",
      method: "POST",
      target: (r, p) => `/v2/${r}/${p}/blobs/uploads/`,
      body,
    },
    { name: "the reference, reading", method: "GET", target: (r, p) => `/v2/${r}/manifests/${p}` },
    {
      name: "the reference, writing",
      method: "PUT",
      target: (r, p) => `/v2/${r}/manifests/${p}`,
      body: content,
    },
    { name: "the reference, deleting", method: "DELETE", target: (r, p) => `/v2/${r}/manifests/${p}` },
    { name: "the digest, reading", method: "GET", target: (r, p) => `/v2/${r}/blobs/${p}` },
    { name: "the digest, deleting", method: "DELETE", target: (r, p) => `/v2/${r}/blobs/${p}` },
    { name: "the digest, listing referrers", method: "GET", target: (r, p) => `/v2/${r}/referrers/${p}` },
    { name: "the upload, asking", method: "GET", target: (r, p) => `/v2/${r}/blobs/uploads/${p}` },
    { name: "the upload, writing", method: "PATCH", target: (r, p) => `/v2/${r}/blobs/uploads/${p}`, body },
    {
      name: "the upload, closing",
      method: "PUT",
      target: (r, p) => `/v2/${r}/blobs/uploads/${p}?digest=${zeros}`,
      body,
    },
    { name: "the upload, deleting", method: "DELETE", target: (r, p) => `/v2/${r}/blobs/uploads/${p}` },
    {
      name: "the digest of a whole upload",
      method: "POST",
      target: (r, p) => `/v2/${r}/blobs/uploads/?digest=${p}`,
      body,
    },
    {
      name: "the digest of a mount",
      method: "POST",
      target: (r, p) => `/v2/${r}/blobs/uploads/?mount=${p}&from=${r}`,
      body,
    },
  ];

  for (const { name, method, target, body } of places) {
    test(name, async () => {
      const repository = await registry.createRepository();
      await registry.pushImage(repository, "latest");
      for (const payload of payloads) {
        const answer = await exchange(registry.server, { method, target: target(repository, payload), body });
        expectRefused(answer, `${method} ${target(repository, payload).slice(0, 100)}`);
        expect(answer.body).not.toContain("root:");
      }
      expect((await registry.request("GET", `/v2/${repository}/tags/list`)).json<object>()).toEqual({
        name: repository,
        tags: ["latest"],
      });
    });
  }

  test("the digest that closes an upload", async () => {
    const repository = await registry.createRepository();
    const location = await registry.beginUpload(repository);
    for (const payload of payloads) {
      const target = `${location}${location.includes("?") ? "&" : "?"}digest=${payload}`;
      const answer = await exchange(registry.server, { method: "PUT", target, body: new Uint8Array(0) });
      expect(answer.status, payload.slice(0, 50)).toBeWithin(400, 500);
    }
    expect((await registry.request("GET", location)).status).toBe(204);
  });

  test("the source of a mount, which is then no source", async () => {
    const repository = await registry.createRepository();
    for (const payload of payloads) {
      const target = `/v2/${repository}/blobs/uploads/?mount=${unknownDigest()}&from=${payload}`;
      const answer = await exchange(registry.server, {
        method: "POST",
        target,
        headers: { "content-length": "0" },
      });
      expect(
        answer.status === 202 || (answer.status >= 400 && answer.status < 500),
        payload.slice(0, 50),
      ).toBe(true);
    }
  });

  test("and no file appears beside the data", async () => {
    const outer = await mkdtemp(join(tmpdir(), "lading-outer-"));
    const data = join(outer, "one", "two", "data");
    await mkdir(data, { recursive: true });
    try {
      await using server = await start({ data });
      await tryToEscape(server);
      expect(await readdir(outer)).toEqual(["one"]);
      expect(await readdir(join(outer, "one"))).toEqual(["two"]);
      expect(await readdir(join(outer, "one", "two"))).toEqual(["data"]);
    } finally {
      await rm(outer, { recursive: true, force: true });
    }
  });
});

/**
 * Dot segments may be resolved before the registry sees them (RFC 3986, "Remove Dot Segments"), and can so lead to the
 * version check, which says nothing. Everything else must be refused.
 */
function expectRefused(answer: RawAnswer, request: string): void {
  if (answer.status === 200 && answer.body === "{}") return;
  expect(answer.status, request).toBeWithin(400, 500);
}

async function tryToEscape(server: TestServer): Promise<void> {
  const client = connect(server);
  const repository = await client.createRepository();
  const content = uniqueBytes();
  for (const payload of [
    "..",
    "../..",
    "../escaped",
    "..%2f..%2fescaped",
    "%2e%2e/escaped",
    "../../../escaped",
  ]) {
    for (const [method, target] of [
      ["POST", `/v2/${payload}/blobs/uploads/?digest=${digestOf(content)}`],
      ["POST", `/v2/${repository}/${payload}/blobs/uploads/?digest=${digestOf(content)}`],
      ["POST", `/v2/${repository}/blobs/uploads/?digest=sha256:${payload}`],
      ["PUT", `/v2/${repository}/manifests/${payload}`],
      ["PATCH", `/v2/${repository}/blobs/uploads/${payload}`],
      ["PUT", `/v2/${repository}/blobs/uploads/${payload}?digest=${digestOf(content)}`],
      ["DELETE", `/v2/${repository}/blobs/uploads/${payload}`],
    ] as const) {
      const answer = await exchange(server, { method, target, body: content });
      expect(answer.status, `${method} ${target}`).toBeWithin(400, 500);
    }
  }
}

describe("line ends in what the caller sends make no header", () => {
  const injected = "x%0d%0aX-Injected:%20yes%0d%0a%0d%0a<p>";
  const rows: readonly [name: string, method: string, target: (repository: string) => string][] = [
    ["digest of an upload", "POST", (r) => `/v2/${r}/blobs/uploads/?digest=${injected}`],
    ["digest of a mount", "POST", (r) => `/v2/${r}/blobs/uploads/?mount=${injected}&from=${r}`],
    ["source of a mount", "POST", (r) => `/v2/${r}/blobs/uploads/?mount=${zeros}&from=${injected}`],
    ["last, with a next page", "GET", (r) => `/v2/${r}/tags/list?n=1&last=A${injected}`],
    ["n", "GET", (r) => `/v2/${r}/tags/list?n=1${injected}`],
    ["another parameter of a list", "GET", (r) => `/v2/${r}/tags/list?n=1&x${injected}=${injected}`],
    ["last of the catalog", "GET", () => `/v2/_catalog?n=1&last=${injected}`],
    ["artifactType", "GET", (r) => `/v2/${r}/referrers/${zeros}?artifactType=${injected}`],
    ["repository", "GET", () => `/v2/${injected}/tags/list`],
    ["tag", "GET", (r) => `/v2/${r}/manifests/${injected}`],
    ["digest of a blob", "GET", (r) => `/v2/${r}/blobs/${injected}`],
    ["upload", "GET", (r) => `/v2/${r}/blobs/uploads/${injected}`],
  ];
  for (const [name, method, target] of rows) {
    test(name, async () => {
      const repository = await registry.createRepository();
      await registry.pushImage(repository, "y1");
      await registry.pushImage(repository, "y2");
      const answer = await exchange(registry.server, {
        method,
        target: target(repository).replaceAll("<", "%3c").replaceAll(">", "%3e"),
        ...(method === "POST" ? { headers: { "content-length": "0" } } : {}),
      });
      expect(answer.status).toBeLessThan(500);
      expectNoInjection(answer);
    });
  }

  test("nor does a Content-Type that comes back with a manifest", async () => {
    const repository = await registry.createRepository();
    for (const mediaType of ["text/html", "application/vnd.x\tX-Injected: yes", 'application/x"; y="z']) {
      const answer = await exchange(registry.server, {
        method: "PUT",
        target: `/v2/${repository}/manifests/latest`,
        headers: { "content-type": mediaType },
        body: new TextEncoder().encode('{"hello":"world"}'),
      });
      expect(answer.status).toBeOneOf([201, 400]);
      const get = await exchange(registry.server, {
        method: "GET",
        target: `/v2/${repository}/manifests/latest`,
      });
      expectNoInjection(get);
    }
  });

  test("and a Link to a next page says what was asked, encoded", async () => {
    const repository = await registry.createRepository();
    for (const tag of ["a", "b", "c"]) await registry.pushImage(repository, tag);
    const first = await registry.request("GET", `/v2/${repository}/tags/list?n=1&last=%00%3E%22`);
    expect(first.status).toBeOneOf([200, 400]);
    if (first.status === 200) expect((await registry.request("GET", nextPage(first) ?? "")).status).toBe(200);
  });
});

function expectNoInjection(answer: RawAnswer): void {
  expect(answer.header("x-injected")).toBeUndefined();
  for (const line of answer.lines) expect(line).toMatch(/^[A-Za-z0-9-]+: ?[\t\x20-\x7e\x80-\xff]*$/);
}

test("a request that is hardly one does not stop the server", async () => {
  const repository = await registry.createRepository();
  const query = `?${"a=b&".repeat(2000)}`;
  for (const target of [`/v2/${repository}/tags/list${query}`, `/v2/${"a/".repeat(4000)}tags/list`]) {
    const answer = await exchange(registry.server, { method: "GET", target });
    expect(answer.status).toBeLessThan(500);
  }
  for (const name of [unique("x-long"), "range", "accept", "if-none-match", "content-range"]) {
    const answer = await exchange(registry.server, {
      method: "GET",
      target: `/v2/${repository}/tags/list`,
      headers: { [name]: ",".repeat(6000) },
    });
    expect(answer.status).toBeLessThan(500);
  }
  expect((await registry.request("GET", "/v2/")).status).toBe(200);
});
