/** What broken and hostile clients send over raw connections: it is refused with a reason, costs little, and nobody else waits. */
import { describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { InitiateLayerUploadCommand, UploadLayerPartCommand } from "@aws-sdk/client-ecr";
import { ecrOnce } from "../support/durability.ts";
import {
  type Answer,
  bytes,
  collect,
  connect,
  digestOf,
  endOfRange,
  eventually,
  expectError,
  header,
  mediaTypes,
  openSocket,
  parseRaw,
  pattern,
  registryForFile,
  requestHead,
  uniqueBytes,
  withQuery,
} from "../support/oci.ts";
import { basic, start } from "../support/server.ts";

const registry = registryForFile();
const MiB = 1024 * 1024;
/** What must be answered at once is answered within a second; the other is for a machine that does much besides. */
const soonMs = 2000;

/** Everything that comes back for these bytes, until the server closes or is silent for a while. */
async function converse(sent: string | Uint8Array, quietMs = 300): Promise<string> {
  const socket = await openSocket(registry.server);
  const parts: Buffer[] = [];
  let lastAt = Date.now();
  let isClosed = false;
  socket.on("data", (part: Buffer) => {
    parts.push(part);
    lastAt = Date.now();
  });
  socket.once("close", () => {
    isClosed = true;
  });
  socket.write(typeof sent === "string" ? Buffer.from(sent, "latin1") : sent);
  await eventually(
    async () =>
      isClosed || (parts.length > 0 && Date.now() - lastAt > quietMs) || Date.now() - lastAt > 3000
        ? true
        : undefined,
    30_000,
  );
  socket.destroy();
  return Buffer.concat(parts).toString("latin1");
}

/** The statuses of all answers in what came back. No body of ours says such a thing. */
function statuses(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map((match) => Number(match[1]));
}

async function expectServing(): Promise<void> {
  const startedAt = performance.now();
  const answer = await registry.request("GET", "/v2/");
  expect(answer.status).toBe(200);
  expect(performance.now() - startedAt).toBeLessThan(soonMs);
}

function sent(socket: Socket, content: Uint8Array): Promise<void> {
  return new Promise((done) => socket.write(content, () => done()));
}

async function heldBytes(location: string): Promise<number> {
  const last = endOfRange(await registry.request("GET", location));
  return last === 0 ? 0 : last + 1;
}

describe("an upload whose body is not what was said", () => {
  for (const close of ["end", "destroy"] as const) {
    test(`keeps what came when the connection breaks by ${close}, and goes on from the true offset`, async () => {
      const repository = await registry.createRepository();
      const content = pattern(200_000, 1);
      const location = await registry.beginUpload(repository);
      const socket = await openSocket(registry.server);
      const head = {
        method: "PATCH",
        target: location,
        headers: { "content-length": String(content.length) },
      };
      await sent(socket, requestHead(registry.server, head));
      await sent(socket, content.subarray(0, 120_000));
      await Bun.sleep(150);
      socket[close]();

      // Asked at once: the session is as it is, or still busy, but never beyond what was sent.
      const held = await eventually(async () => {
        const size = await heldBytes(location);
        expect(size).toBeLessThanOrEqual(120_000);
        return size > 0 ? size : undefined;
      });
      const rest = content.slice(held);
      const patched = await eventually(async () => {
        const answer = await registry.request("PATCH", location, {
          headers: { "content-range": `${held}-${content.length - 1}` },
          body: rest,
        });
        return answer.status === 409 ? undefined : answer;
      });
      expect(patched.status).toBe(202);
      const put = await registry.request("PUT", withQuery(location, { digest: digestOf(content) }));
      expect(put.status).toBe(201);
    });
  }

  test("makes no blob of a PUT that breaks off at a length where the digest is right", async () => {
    const repository = await registry.createRepository();
    const content = pattern(100_000, 2);
    const location = await registry.beginUpload(repository);
    const socket = await openSocket(registry.server);
    // All of the content comes, but more was announced: the sender did not mean this to be the end.
    const target = withQuery(location, { digest: digestOf(content) });
    const headers = { "content-length": String(content.length + 1) };
    await sent(socket, requestHead(registry.server, { method: "PUT", target, headers }));
    await sent(socket, content);
    await Bun.sleep(150);
    socket.destroy();
    await Bun.sleep(150);
    expect(await registry.has(repository, "blobs", digestOf(content))).toBe(false);
    expect(await heldBytes(location)).toBe(content.length);
    expect((await registry.request("PUT", target)).status).toBe(201);
  });

  test("makes no blob of a monolithic POST that breaks off, and lets it be repeated", async () => {
    const repository = await registry.createRepository();
    const content = pattern(300_000, 3);
    const target = withQuery(`/v2/${repository}/blobs/uploads/`, { digest: digestOf(content) });
    const socket = await openSocket(registry.server);
    const headers = { "content-length": String(content.length) };
    await sent(socket, requestHead(registry.server, { method: "POST", target, headers }));
    await sent(socket, content.subarray(0, 250_000));
    socket.destroy();
    expect(await registry.has(repository, "blobs", digestOf(content))).toBe(false);
    expect((await registry.request("POST", target, { body: content })).status).toBe(201);
  });

  test("is refused when Content-Range states another number of bytes, and is as before", async () => {
    const repository = await registry.createRepository();
    const location = await registry.beginUpload(repository);
    const first = pattern(1000, 4);
    expect((await registry.request("PATCH", location, { body: first })).status).toBe(202);
    for (const range of ["1000-1998", "1000-2000", "1000-1000"]) {
      const answer = await registry.request("PATCH", location, {
        headers: { "content-range": range },
        body: pattern(1000, 5),
      });
      expectError(answer, [400, 416], ["SIZE_INVALID", "BLOB_UPLOAD_INVALID"]);
      expect(await heldBytes(location)).toBe(1000);
    }
  });

  test("is refused with 416 when a chunk overlaps or leaves a gap, and is as before", async () => {
    const repository = await registry.createRepository();
    const content = pattern(3000, 6);
    const location = await registry.beginUpload(repository);
    const send = (first: number, last: number) =>
      registry.request("PATCH", location, {
        headers: { "content-range": `${first}-${last}` },
        body: content.slice(first, last + 1),
      });
    expect((await send(0, 999)).status).toBe(202);
    for (const [first, last] of [
      [0, 999],
      [999, 1999],
      [500, 1500],
      [1001, 1999],
      [2000, 2999],
    ] as const) {
      const answer = await send(first, last);
      expect(answer.status).toBe(416);
      expect(header(answer, "range")).toBe("0-999");
      expect(await heldBytes(location)).toBe(1000);
    }
    expect((await send(1000, 2999)).status).toBe(202);
    expect((await registry.request("PUT", withQuery(location, { digest: digestOf(content) }))).status).toBe(
      201,
    );
  });

  test("is unknown when nobody began it, and its body is not waited for", async () => {
    const repository = await registry.createRepository();
    const location = `/v2/${repository}/blobs/uploads/${crypto.randomUUID()}`;
    for (const method of ["GET", "PATCH", "PUT", "DELETE"]) {
      const target = method === "PUT" ? withQuery(location, { digest: digestOf(uniqueBytes()) }) : location;
      expectError(await registry.request(method, target), 404, "BLOB_UPLOAD_UNKNOWN");
    }
    const socket = await openSocket(registry.server);
    const answered = new Promise<string>((done) => socket.once("data", (data) => done(data.toString())));
    socket.write(
      requestHead(registry.server, {
        method: "PATCH",
        target: location,
        headers: { "content-length": String(100 * MiB) },
      }),
    );
    expect(await answered).toStartWith("HTTP/1.1 404 ");
    socket.destroy();
    await expectServing();
  });
});

describe("two requests to one upload at once", () => {
  test("do not mix: the second is told 409 and the first ends as if it were alone", async () => {
    const repository = await registry.createRepository();
    const content = pattern(2 * MiB, 7);
    const location = await registry.beginUpload(repository);
    const socket = await openSocket(registry.server);
    const answered = new Promise<string>((done) =>
      socket.once("data", (data) => done(data.toString("latin1"))),
    );
    const headers = { "content-length": String(content.length) };
    await sent(socket, requestHead(registry.server, { method: "PATCH", target: location, headers }));
    await sent(socket, content.subarray(0, MiB));
    await eventually(async () => ((await heldBytes(location)) > 0 ? true : undefined));

    const digest = digestOf(content);
    const others: readonly [method: string, target: string, body?: Uint8Array<ArrayBuffer>][] = [
      ["PATCH", location, pattern(1000, 8)],
      ["PATCH", location],
      ["PUT", withQuery(location, { digest }), pattern(1000, 9)],
      ["PUT", withQuery(location, { digest })],
      ["DELETE", location],
    ];
    for (const [method, target, body] of others) {
      const answer = await registry.request(method, target, body && { body });
      expectError(answer, 409, "BLOB_UPLOAD_INVALID");
    }
    await sent(socket, content.subarray(MiB));
    const answer = parseRaw(Buffer.from(await answered, "latin1"));
    socket.destroy();
    expect(answer.status).toBe(202);
    expect(answer.header("range")).toBe(`0-${content.length - 1}`);
    expect((await registry.request("PUT", withQuery(location, { digest }))).status).toBe(201);
  });

  test("that send the same chunk are one chunk, whichever comes first", async () => {
    const repository = await registry.createRepository();
    for (let time = 0; time < 25; time += 1) {
      const content = pattern(3000, 100 + time);
      const location = await registry.beginUpload(repository);
      for (let first = 0; first < content.length; first += 1000) {
        const answers = await Promise.all(
          Array.from({ length: 8 }, () =>
            registry.request("PATCH", location, {
              headers: { "content-range": `${first}-${first + 999}` },
              body: content.slice(first, first + 1000),
            }),
          ),
        );
        const outcome = answers.map(({ status }) => status).sort();
        expect(
          outcome.filter((status) => status === 202),
          `${outcome}`,
        ).toHaveLength(1);
        expect(outcome.filter((status) => status !== 202 && status !== 409 && status !== 416)).toEqual([]);
        expect(await heldBytes(location)).toBe(first + 1000);
      }
      const put = await registry.request("PUT", withQuery(location, { digest: digestOf(content) }));
      expect(put.status).toBe(201);
    }
  });

  test("that both end it make one blob, and none of them an error of the server", async () => {
    const repository = await registry.createRepository();
    for (let time = 0; time < 25; time += 1) {
      const content = uniqueBytes();
      const location = await registry.beginUpload(repository);
      expect((await registry.request("PATCH", location, { body: content })).status).toBe(202);
      const target = withQuery(location, { digest: digestOf(content) });
      const answers = await Promise.all(Array.from({ length: 6 }, () => registry.request("PUT", target)));
      const outcome = answers.map(({ status }) => status);
      expect(outcome, `${outcome}`).toContain(201);
      for (const status of outcome) expect(status, `${outcome}`).toBeOneOf([201, 404, 409]);
      expect(await registry.has(repository, "blobs", digestOf(content))).toBe(true);
    }
  });

  test("of which one cancels it leave nothing half done", async () => {
    const repository = await registry.createRepository();
    for (let time = 0; time < 25; time += 1) {
      const content = uniqueBytes();
      const location = await registry.beginUpload(repository);
      expect((await registry.request("PATCH", location, { body: content })).status).toBe(202);
      const target = withQuery(location, { digest: digestOf(content) });
      const [put, cancelled] = await Promise.all([
        registry.request("PUT", target),
        registry.request("DELETE", location),
      ]);
      expect(put.status, `DELETE ${cancelled.status}`).toBeOneOf([201, 404, 409]);
      expect(cancelled.status, `PUT ${put.status}`).toBeOneOf([204, 404, 409]);
      const isThere = await registry.has(repository, "blobs", digestOf(content));
      expect(isThere).toBe(put.status === 201);
      const fate = (await registry.request("GET", location)).status;
      expect(fate).toBe(put.status === 201 || cancelled.status === 204 ? 404 : 204);
    }
  });
});

describe("manifests made to hurt", () => {
  /** Refused soon, and a request of somebody else that comes meanwhile is answered soon, too. */
  async function expectRefused(
    manifest: Uint8Array<ArrayBuffer>,
    status: number,
    mediaType: string = mediaTypes.image,
  ): Promise<Answer> {
    const repository = await registry.createRepository();
    await registry.pushImage(repository, "other");
    const startedAt = performance.now();
    const refused = registry.putManifest(repository, "hurts", manifest, mediaType);
    await Bun.sleep(5);
    const askedAt = performance.now();
    const other = await registry.request("HEAD", `/v2/${repository}/manifests/other`);
    expect(other.status).toBe(200);
    expect(performance.now() - askedAt).toBeLessThan(soonMs);
    const answer = await refused;
    expect(answer.status, answer.text()).toBe(status);
    expect(performance.now() - startedAt).toBeLessThan(3 * soonMs);
    // What comes back is a sentence, whatever was sent.
    expect(answer.body.length).toBeLessThan(4096);
    expect(await registry.has(repository, "manifests", "hurts")).toBe(false);
    return answer;
  }

  const around = (inner: string) =>
    bytes(`{"schemaVersion":2,"mediaType":"${mediaTypes.image}","config":{},"layers":[],"x":${inner}}`);
  const index = (manifests: string) =>
    bytes(`{"schemaVersion":2,"mediaType":"${mediaTypes.index}","manifests":[${manifests}]}`);

  test("more than 4 MiB: 413, whether the length is said or not", async () => {
    const large = pattern(5 * MiB, 10);
    expectError(await expectRefused(large, 413), 413, "SIZE_INVALID");
    const repository = await registry.createRepository();
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await Bun.sleep(0);
        controller.enqueue(new Uint8Array(256 * 1024));
      },
    });
    const answer = await registry.request("PUT", `/v2/${repository}/manifests/endless`, {
      headers: { "content-type": mediaTypes.image },
      body: stream,
    });
    expectError(answer, 413, "SIZE_INVALID");
    await expectServing();
  });

  const nested = (open: string, close: string, depth: number) =>
    `${open.repeat(depth)}0${close.repeat(depth)}`;
  const descriptors = (count: number) =>
    Array.from(
      { length: count },
      (_, at) => `{"digest":"sha256:${at.toString(16).padStart(64, "0")}","size":1}`,
    ).join(",");
  const zeros = `sha256:${"0".repeat(64)}`;
  const rows: readonly [name: string, manifest: Uint8Array<ArrayBuffer>, mediaType?: string][] = [
    ["lists 100,000 deep", bytes(nested("[", "]", 100_000))],
    ["lists 100,000 deep inside of an image", around(nested("[", "]", 100_000))],
    ["objects 100,000 deep", bytes(nested('{"a":', "}", 100_000))],
    ["objects 100,000 deep inside of an image", around(nested('{"a":', "}", 100_000))],
    ["lists a million deep that do not end", bytes("[".repeat(1_000_000))],
    ["4 MiB of empty descriptors", index(`${"{},".repeat(1_390_000)}{}`), mediaTypes.index],
    ["4 MiB of numbers for descriptors", index(`${"1,".repeat(2_090_000)}1`), mediaTypes.index],
    ["4 MiB of small descriptors, each another", index(descriptors(43_000)), mediaTypes.index],
    [
      "4 MiB of small descriptors of an unknown kind",
      bytes(`{"mediaType":"application/x","manifests":[${descriptors(43_000)}]}`),
      "application/x",
    ],
    [
      "4 MiB of layers, each another",
      bytes(
        `{"schemaVersion":2,"mediaType":"${mediaTypes.image}","config":{"digest":"${zeros}","size":1},"layers":[${descriptors(43_000)}]}`,
      ),
    ],
    ["a digest of 3 MiB", index(`{"digest":"${"a".repeat(3 * MiB)}"}`), mediaTypes.index],
    ["a digest that is a list of lists", index(`{"digest":${nested("[", "]", 5_000)}}`), mediaTypes.index],
    [
      "a size of a thousand digits",
      index(`{"digest":"${zeros}","size":${"9".repeat(1000)}}`),
      mediaTypes.index,
    ],
    [
      "a size that is 3 MiB of text",
      index(`{"digest":"${zeros}","size":"${"9".repeat(3 * MiB)}"}`),
      mediaTypes.index,
    ],
    ["a media type of 3 MiB", bytes(`{"schemaVersion":2,"mediaType":"${"a/".repeat(1.5 * MiB)}"}`)],
    [
      "a member __proto__ for all that is needed",
      bytes(`{"__proto__":{"schemaVersion":2,"layers":[],"config":{}}}`),
    ],
    ["bytes that are no text", pattern(100_000, 11)],
    ["nothing", bytes("")],
  ];
  for (const [name, manifest, mediaType] of rows) {
    test(`${name}: 400`, async () => {
      expectError(await expectRefused(manifest, 400, mediaType), 400, "MANIFEST_INVALID");
      await expectServing();
    });
  }

  test("200,000 annotations are taken or refused, and nobody waits for it", async () => {
    const annotations = Array.from({ length: 200_000 }, (_, at) => `"key-${at}":"v"`).join(",");
    const repository = await registry.createRepository();
    const config = await registry.pushBlob(repository);
    const manifest = bytes(
      `{"schemaVersion":2,"mediaType":"${mediaTypes.image}","config":${JSON.stringify(config)},"layers":[],"annotations":{${annotations}}}`,
    );
    const asked = registry.putManifest(repository, "annotated", manifest);
    await expectServing();
    expect((await asked).status).toBeOneOf([201, 400]);
  });
});

/** A GET as text; `lines` are more headers. */
function get(target: string, ...lines: string[]): string {
  const head = [`GET ${target} HTTP/1.1`, `host: ${registry.server.host}`, `authorization: ${basic}`];
  return [...head, ...lines, "", ""].join("\r\n");
}

describe("requests at the edge of HTTP", () => {
  test("HTTP/1.0 without Host is answered, and the connection closed", async () => {
    for (const target of ["/healthz", "/v2/"]) {
      const received = await converse(`GET ${target} HTTP/1.0\r\nauthorization: ${basic}\r\n\r\n`);
      expect(statuses(received)).toEqual([200]);
    }
    const repository = await registry.createRepository();
    const image = await registry.pushImage(repository, "old");
    const received = await converse(
      `GET /v2/${repository}/manifests/old HTTP/1.0\r\nauthorization: ${basic}\r\n\r\n`,
    );
    expect(received).toContain(image.digest);
    expect(received).toEndWith(new TextDecoder().decode(image.manifest));
    const upload = await converse(
      `POST /v2/${repository}/blobs/uploads/ HTTP/1.0\r\nauthorization: ${basic}\r\ncontent-length: 0\r\n\r\n`,
    );
    expect(statuses(upload)).toEqual([202]);
  });

  test("HTTP/1.1 without Host is refused", async () => {
    expect(statuses(await converse("GET /healthz HTTP/1.1\r\n\r\n"))).toEqual([400]);
  });

  test("HTTP/1.1 with two Hosts is refused (RFC 9112, 3.2)", async () => {
    const received = await converse(get("/v2/", "host: elsewhere.example"));
    expect(statuses(received)).toEqual([400]);
  });

  test("a Host that is none is not repeated in the answer", async () => {
    for (const host of ["a b", "x/../y", "x\ty", '"><script>', "x@y", "x:y:z", "%00", "x,y"]) {
      const received = await converse(`GET /v2/ HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
      expect(statuses(received)[0], host).toBeOneOf([400, 401]);
      expect(received.toLowerCase()).not.toContain(`//${host}`);
    }
  });

  test("an absolute-form URI means its path, and not its host", async () => {
    const repository = await registry.createRepository();
    await registry.pushImage(repository, "absolute");
    const received = await converse(
      get(`http://elsewhere.example/v2/${repository}/manifests/absolute`, "connection: close"),
    );
    expect(statuses(received)).toEqual([200]);
    expect(received).not.toContain("elsewhere.example");
    const plain = await converse(get("http://elsewhere.example", "connection: close"));
    expect(statuses(plain)[0]).toBeWithin(400, 500);
    await expectServing();
  });

  test("odd targets are refused", async () => {
    for (const target of [
      "*",
      "healthz",
      "?",
      "//",
      "http://",
      "file:///etc/passwd",
      "#",
      "/\x01",
      "/\xff",
    ]) {
      const received = await converse(get(target, "connection: close"));
      for (const status of statuses(received)) expect(status, target).toBeWithin(400, 506);
      expect(received).not.toContain("root:");
    }
    await expectServing();
  });

  test("a header of 100 KiB is refused with 431", async () => {
    expect(statuses(await converse(get("/v2/", `x-large: ${"a".repeat(100 * 1024)}`)))).toEqual([431]);
    await expectServing();
  });

  test("10,000 headers are refused with 431", async () => {
    const lines = Array.from({ length: 10_000 }, (_, at) => `x-${at}: a`);
    expect(statuses(await converse(get("/v2/", ...lines)))).toEqual([431]);
    await expectServing();
  });

  test("headers that never end are refused before they fill memory", async () => {
    const socket = await openSocket(registry.server);
    const closed = new Promise<string>((done) => socket.once("close", () => done("closed")));
    const feeding = (async () => {
      await sent(socket, Buffer.from("GET /v2/ HTTP/1.1\r\nhost: x\r\n"));
      for (let count = 0; count < 20_000 && !socket.destroyed; count += 1)
        await sent(socket, Buffer.from(`x-${count}: ${"a".repeat(1000)}\r\n`));
      await Bun.sleep(5000);
      return "still open";
    })();
    expect(await Promise.race([closed, feeding])).toBe("closed");
    await expectServing();
  });

  test("invalid percent-encoding and NUL in a path are refused", async () => {
    const repository = await registry.createRepository();
    for (const target of [
      "/v2/%zz/tags/list",
      "/v2/%/tags/list",
      "/v2/%c3%28/tags/list",
      `/v2/${repository}%00/tags/list`,
      `/v2/${repository}/manifests/a%00b`,
      `/v2/${repository}/tags/list%0a`,
      `/v2/${repository}\0/tags/list`,
      "/\0",
    ]) {
      const received = await converse(get(target, "connection: close"));
      expect(statuses(received)[0], JSON.stringify(target)).toBeWithin(400, 506);
    }
    for (const query of ["n=%zz", "n=1&last=%", "last=%c3%28"]) {
      const answer = await converse(get(`/v2/${repository}/tags/list?${query}`, "connection: close"));
      expect(statuses(answer)[0], query).toBeLessThan(500);
    }
    await expectServing();
  });

  /**
   * Bun closes a connection on which a request comes while the answer to the one before is not ready
   * (oven-sh/bun#38128). That is allowed, and clients send again; what may not happen is an answer out of its order.
   */
  function expectInOrder(received: string, expected: readonly number[]): void {
    const answered = statuses(received);
    expect(answered).toEqual(expected.slice(0, answered.length));
  }

  test("pipelined requests are answered in their order, as far as they are", async () => {
    const repository = await registry.createRepository();
    const image = await registry.pushImage(repository, "piped");
    const requests =
      get(`/v2/${repository}/manifests/piped`) +
      get(`/v2/${repository}/manifests/none`) +
      get("/v2/") +
      get("/healthz", "connection: close");
    expectInOrder(await converse(requests), [200, 404, 200, 200]);
    // The manifest is in memory now, and nothing has to wait.
    const received = await converse(requests);
    expectInOrder(received, [200, 404, 200, 200]);
    if (received.includes("MANIFEST_UNKNOWN"))
      expect(received.indexOf(image.digest)).toBeLessThan(received.indexOf("MANIFEST_UNKNOWN"));
    await expectServing();
  });

  test("a pipelined upload and its end are one blob or can be sent again", async () => {
    const repository = await registry.createRepository();
    const content = pattern(50_000, 12);
    const location = await registry.beginUpload(repository);
    const target = withQuery(location, { digest: digestOf(content) });
    const { server } = registry;
    const received = await converse(
      Buffer.concat([
        requestHead(server, { method: "PATCH", target: location, body: content }),
        content,
        requestHead(server, {
          method: "PUT",
          target,
          headers: { "content-length": "0", connection: "close" },
        }),
      ]),
    );
    expectInOrder(received, [202, 201]);
    if (!statuses(received).includes(201)) {
      const held = await eventually(async () => {
        const size = await heldBytes(location);
        return size === 0 ? undefined : size;
      });
      expect(held).toBe(content.length);
      expect((await registry.request("PUT", target)).status).toBe(201);
    }
    expect(await registry.has(repository, "blobs", digestOf(content))).toBe(true);
  });

  test("Expect: 100-continue is answered before the body comes", async () => {
    const repository = await registry.createRepository();
    const content = pattern(10_000, 13);
    const location = await registry.beginUpload(repository);
    const socket = await openSocket(registry.server);
    const received = collect(socket);
    const went = new Promise<string>((done) => socket.once("data", (data) => done(data.toString("latin1"))));
    const headers = {
      expect: "100-continue",
      connection: "close",
      "content-length": String(content.length),
    };
    const target = withQuery(location, { digest: digestOf(content) });
    socket.write(requestHead(registry.server, { method: "PUT", target, headers }));
    expect(await went).toStartWith("HTTP/1.1 100 Continue\r\n\r\n");
    socket.write(content);
    expect(parseRaw(await received).status).toBe(201);
  });
});

describe("request smuggling", () => {
  /** A second request hidden in the body of the first: it must never be answered with what only it asks for. */
  const hidden = () => get("/v2/");
  const post = (target: string, lines: readonly string[], body: string) =>
    [
      `POST ${target} HTTP/1.1`,
      `host: ${registry.server.host}`,
      `authorization: ${basic}`,
      ...lines,
      "",
      body,
    ].join("\r\n");

  const refused: readonly [name: string, lines: (length: number) => readonly string[]][] = [
    ["Content-Length and Transfer-Encoding", (n) => [`content-length: ${n}`, "transfer-encoding: chunked"]],
    ["Transfer-Encoding and Content-Length", (n) => ["transfer-encoding: chunked", `content-length: ${n}`]],
    ["two Content-Lengths that differ", (n) => [`content-length: ${n}`, "content-length: 3"]],
    ["a list of Content-Lengths that differ", (n) => [`content-length: ${n}, 3`]],
    ["a Content-Length with a sign", (n) => [`content-length: +${n}`]],
    ["a negative Content-Length", () => ["content-length: -1"]],
    ["a hexadecimal Content-Length", () => ["content-length: 0x5"]],
    ["a Content-Length that is empty", () => ["content-length: "]],
    ["a Content-Length past all numbers", () => [`content-length: ${"9".repeat(30)}`]],
    ["a transfer coding that is none", () => ["transfer-encoding: xchunked"]],
    ["chunked that is not the last coding", () => ["transfer-encoding: chunked, identity"]],
    ["Transfer-Encoding twice", () => ["transfer-encoding: chunked", "transfer-encoding: identity"]],
    ["a blank before the colon", () => ["transfer-encoding : chunked"]],
    ["a folded header", () => ["transfer-encoding:", " chunked"]],
    ["a header without a colon", () => ["transfer-encoding chunked"]],
    ["a NUL in a header", () => ["x: a\0b"]],
    ["a line feed for an end of line", () => ["x: a\nx-more: b"]],
  ];
  for (const [name, lines] of refused) {
    test(`${name}: refused, and what follows is not read as a request`, async () => {
      const repository = await registry.createRepository();
      const body = `0\r\n\r\n${hidden()}`;
      const received = await converse(post(`/v2/${repository}/blobs/uploads/`, lines(body.length), body));
      const answered = statuses(received);
      expect(answered.length, received).toBe(1);
      expect(answered[0], received).toBeWithin(400, 502);
    });
  }

  test("a Content-Length that is said twice is one, and the body is the body", async () => {
    const repository = await registry.createRepository();
    const body = hidden();
    const lines = [`content-length: ${body.length}`, `content-length: ${body.length}`];
    const target = withQuery(`/v2/${repository}/blobs/uploads/`, { digest: digestOf(bytes(body)) });
    expect(statuses(await converse(post(target, lines, body)))[0]).toBeOneOf([201, 400]);
    expect(statuses(await converse(post(target, lines, body)))).toHaveLength(1);
  });

  test("a body that nobody asked for is not read as a request", async () => {
    const body = hidden();
    for (const target of ["/v2/", "/healthz", "/v2/unknown/name/tags/list"]) {
      const received = await converse(
        [
          `GET ${target} HTTP/1.1`,
          `host: ${registry.server.host}`,
          `content-length: ${body.length}`,
          "",
          body,
        ].join("\r\n"),
      );
      expect(statuses(received), target).toHaveLength(1);
    }
  });

  test("the body of a request that was refused early is not read as a request", async () => {
    const repository = await registry.createRepository();
    const body = bytes(hidden().repeat(2000));
    const targets = [
      `/v2/${repository}/blobs/uploads/${crypto.randomUUID()}`,
      "/v2/not/there/blobs/uploads/1",
      "/elsewhere",
    ];
    for (const target of targets) {
      const socket = await openSocket(registry.server);
      const received: Buffer[] = [];
      socket.on("data", (part: Buffer) => received.push(part));
      const headers = { "content-length": String(body.length) };
      await sent(socket, requestHead(registry.server, { method: "PATCH", target, headers }));
      await eventually(async () => (received.length > 0 || socket.destroyed ? true : undefined));
      for (let at = 0; at < body.length && !socket.destroyed; at += 10_000)
        await sent(socket, body.subarray(at, at + 10_000));
      await Bun.sleep(100);
      // If the connection lives on, the next request on it is the next request.
      await sent(socket, Buffer.from(get("/healthz")));
      await Bun.sleep(300);
      socket.destroy();
      const answered = statuses(Buffer.concat(received).toString("latin1"));
      expect(answered[0], target).toBe(404);
      expect(answered.slice(1), target).toBeOneOf([[], [200]]);
    }
  });

  test("a chunk that is not what it says ends the connection, and the upload keeps only whole bytes of it", async () => {
    const repository = await registry.createRepository();
    for (const body of [
      "zz\r\nabc\r\n0\r\n\r\n",
      "fffffffffffffffff\r\nabc",
      "-1\r\nabc\r\n0\r\n\r\n",
      "3\r\nabcXX0\r\n\r\n",
    ]) {
      const location = await registry.beginUpload(repository);
      const head = requestHead(registry.server, {
        method: "PATCH",
        target: location,
        headers: { "transfer-encoding": "chunked" },
      });
      const received = await converse(Buffer.concat([head, Buffer.from(`${body}${hidden()}`)]));
      for (const status of statuses(received)) expect(status, `${body}: ${received}`).toBeWithin(400, 502);
      expect(await heldBytes(location)).toBeLessThanOrEqual(3);
    }
    await expectServing();
  });
});

describe("clients that hold on", () => {
  test("slow senders to the AWS door do not keep others from sending parts", async () => {
    await using server = await start();
    const client = connect(server);
    const repositoryName = await client.createRepository();
    const sdk = ecrOnce(server);
    const part = pattern(2 * MiB, 14);
    const sendPart = async () => {
      const { uploadId } = await sdk.send(new InitiateLayerUploadCommand({ repositoryName }));
      const input = { repositoryName, uploadId, partFirstByte: 0, partLastByte: part.length - 1 };
      await sdk.send(new UploadLayerPartCommand({ ...input, layerPartBlob: part }));
    };
    await sendPart();

    // Requests as a client with a key of this registry would begin them; then nothing comes any more.
    const scope = `${server.accessKeyId}/20261121/us-east-1/ecr/aws4_request`;
    const sockets = await Promise.all(
      Array.from({ length: 16 }, async () => {
        const socket = await openSocket(server);
        const now = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
        socket.write(
          requestHead(server, {
            method: "POST",
            target: "/",
            headers: {
              authorization: `AWS4-HMAC-SHA256 Credential=${scope.replace("20261121", now.slice(0, 8))}, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=${"0".repeat(64)}`,
              "x-amz-date": now,
              "x-amz-target": "AmazonEC2ContainerRegistry_V20150921.UploadLayerPart",
              "content-type": "application/x-amz-json-1.1",
              "content-length": String(20 * MiB),
            },
          }),
        );
        await sent(socket, Buffer.from("{"));
        return socket;
      }),
    );
    await Bun.sleep(300);
    try {
      const outcome = await Promise.race([
        sendPart().then(() => "sent"),
        Bun.sleep(8000).then(() => "it waits for those who send nothing"),
      ]);
      expect(outcome).toBe("sent");
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});
