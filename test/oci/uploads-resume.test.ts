/** OCI distribution 1.1, "Resumable Push": what an interrupted upload keeps, and that it goes on from there. */
import { describe, expect, test } from "bun:test";
import {
  type Answer,
  collect,
  connect,
  digestOf,
  endOfRange,
  eventually,
  header,
  openSocket,
  parseRaw,
  pattern,
  type Registry,
  registryForFile,
  requestHead,
  withQuery,
} from "../support/oci.ts";
import { start } from "../support/server.ts";

const registry = registryForFile();

/**
 * Begins a request whose body is to be `content`, sends its first `sent` bytes and breaks the connection as soon as
 * the server holds some of them.
 */
async function breakOff(
  client: Registry,
  request: {
    method: "PATCH" | "PUT";
    target: string;
    content: Uint8Array;
    sent: number;
    coding: Coding;
    range?: string;
  },
): Promise<void> {
  const socket = await openSocket(client.server);
  const part = request.content.subarray(0, request.sent);
  const [headers, body] =
    request.coding === "of known length"
      ? [{ "content-length": String(request.content.length) }, part]
      : [
          { "transfer-encoding": "chunked" },
          Buffer.concat([Buffer.from(`${request.content.length.toString(16)}\r\n`), part]),
        ];
  const range: Record<string, string> = request.range === undefined ? {} : { "content-range": request.range };
  socket.write(requestHead(client.server, { ...request, headers: { ...headers, ...range } }));
  await new Promise<void>((done) => socket.write(body, () => done()));
  // Time for the server to read what was sent; what it kept is asked afterwards, so nothing depends on how long.
  await Bun.sleep(150);
  socket.destroy();
}

type Coding = "of known length" | "of unknown length";

/** Sends what the session lacks from where it says it is, trying again while the server still waits for the broken request. */
async function finish(client: Registry, location: string, content: Uint8Array): Promise<Answer> {
  const digest = digestOf(content);
  return eventually(async () => {
    const status = await client.request("GET", location);
    expect(status.status).toBe(204);
    const end = endOfRange(status);
    // `0-0` is an empty session or one of a single byte. The first is what a broken connection leaves, if anything.
    const at = end === 0 ? 0 : end + 1;
    expect(at).toBeLessThanOrEqual(content.length);
    const chunk = new Uint8Array(content.subarray(at));
    const patched = await client.request("PATCH", header(status, "location"), {
      headers: { "content-range": `${at}-${content.length - 1}` },
      body: chunk,
    });
    if (patched.status !== 202) return undefined;
    expect(patched.headers.get("range")).toBe(`0-${content.length - 1}`);
    return client.request("PUT", withQuery(header(patched, "location"), { digest }));
  });
}

async function expectPulled(client: Registry, answer: Answer, content: Uint8Array): Promise<void> {
  expect(answer.status).toBe(201);
  const pulled = await client.request("GET", header(answer, "location"));
  expect(pulled.status).toBe(200);
  expect(Buffer.compare(pulled.body, content)).toBe(0);
}

describe("after a broken connection", () => {
  for (const method of ["PATCH", "PUT"] as const) {
    for (const coding of ["of known length", "of unknown length"] as const) {
      test(`in a ${method} ${coding} the upload goes on from what was kept`, async () => {
        const repository = await registry.createRepository();
        const content = pattern(1024 * 1024, 31);
        const location = await registry.beginUpload(repository);
        const target = method === "PUT" ? withQuery(location, { digest: digestOf(content) }) : location;

        await breakOff(registry, { method, target, content, sent: 600_000, coding });

        expect(await registry.has(repository, "blobs", digestOf(content))).toBe(false);
        await expectPulled(registry, await finish(registry, location, content), content);
      });
    }
  }

  test("what was sent before is not lost: a PATCH keeps what came", async () => {
    const repository = await registry.createRepository();
    const content = pattern(8 * 1024 * 1024, 32);
    const location = await registry.beginUpload(repository);

    await breakOff(registry, {
      method: "PATCH",
      target: location,
      content,
      sent: 7 * 1024 * 1024,
      coding: "of known length",
    });

    const kept = await eventually(async () => {
      const end = endOfRange(await registry.request("GET", location));
      return end === 0 ? undefined : end + 1;
    });
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThanOrEqual(7 * 1024 * 1024);
    await expectPulled(registry, await finish(registry, location, content), content);
  });

  test("a chunk that was acknowledged before is kept whatever became of the next", async () => {
    const repository = await registry.createRepository();
    const content = pattern(300_000, 33);
    const location = await registry.beginUpload(repository);
    const first = await registry.request("PATCH", location, { body: content.slice(0, 100_000) });
    expect(first.status).toBe(202);

    await breakOff(registry, {
      method: "PATCH",
      target: header(first, "location"),
      content: content.subarray(100_000),
      sent: 50_000,
      coding: "of known length",
    });

    const status = await registry.request("GET", location);
    expect(endOfRange(status)).toBeGreaterThanOrEqual(99_999);
    await expectPulled(registry, await finish(registry, location, content), content);
  });

  test("several times over, the blob is whole in the end", async () => {
    const repository = await registry.createRepository();
    const content = pattern(900_000, 34);
    const location = await registry.beginUpload(repository);
    for (let time = 0; time < 3; time += 1) {
      const end = endOfRange(await registry.request("GET", location));
      const at = end === 0 ? 0 : end + 1;
      await breakOff(registry, {
        method: "PATCH",
        target: location,
        content: content.subarray(at),
        sent: Math.min(200_000, content.length - at),
        coding: "of known length",
        range: `${at}-${content.length - 1}`,
      });
    }
    await expectPulled(registry, await finish(registry, location, content), content);
  });

  test("the session can be cancelled", async () => {
    const repository = await registry.createRepository();
    const content = pattern(200_000, 35);
    const location = await registry.beginUpload(repository);
    await breakOff(registry, {
      method: "PATCH",
      target: location,
      content,
      sent: 100_000,
      coding: "of known length",
    });
    await eventually(async () =>
      (await registry.request("DELETE", location)).status === 204 ? true : undefined,
    );
    expect((await registry.request("GET", location)).status).toBe(404);
  });
});

test("two requests never write to one upload at the same time", async () => {
  const repository = await registry.createRepository();
  const content = pattern(200_000, 36);
  const location = await registry.beginUpload(repository);
  const socket = await openSocket(registry.server);
  const received = collect(socket);
  socket.write(
    requestHead(registry.server, {
      method: "PATCH",
      target: location,
      headers: { "content-length": String(content.length), connection: "close" },
    }),
  );
  socket.write(content.subarray(0, 100_000));
  await Bun.sleep(150);

  const second = await registry.request("PATCH", location, { body: pattern(1000, 37) });
  expect(second.status).toBeWithin(400, 500);

  socket.write(content.subarray(100_000));
  const first = parseRaw(await received);
  expect(first.status).toBe(202);
  expect(first.header("range")).toBe(`0-${content.length - 1}`);
  const answer = await registry.request("PUT", withQuery(location, { digest: digestOf(content) }));
  await expectPulled(registry, answer, content);
});

describe("after a restart", () => {
  const ends = { "that was asked for": "stop", "by kill -9": "kill" } as const;
  for (const [name, end] of Object.entries(ends)) {
    test(`${name}, everything acknowledged is there and the upload goes on`, async () => {
      await using before = await start();
      const content = pattern(500_000, 38);
      const client = connect(before);
      const repository = await client.createRepository();
      const image = await client.pushImage(repository, "kept");
      const blob = await client.pushBlob(repository);
      const patched = await client.request("PATCH", await client.beginUpload(repository), {
        body: content.slice(0, 300_000),
      });
      expect(patched.status).toBe(202);
      await before[end]();

      await using after = await start({ data: before.data });
      const again = connect(after);

      const status = await again.request("GET", header(patched, "location"));
      expect(status.status).toBe(204);
      expect(endOfRange(status)).toBe(299_999);
      await expectPulled(again, await finish(again, header(status, "location"), content), content);
      expect(await again.has(repository, "blobs", blob.digest)).toBe(true);
      const manifest = await again.request("GET", `/v2/${repository}/manifests/kept`);
      expect(manifest.headers.get("docker-content-digest")).toBe(image.digest);
      expect(Buffer.compare(manifest.body, image.manifest)).toBe(0);
    });
  }

  test("by kill -9 in the middle of a PATCH, the upload goes on from what was kept", async () => {
    await using before = await start();
    const content = pattern(500_000, 39);
    const client = connect(before);
    const repository = await client.createRepository();
    const location = await client.beginUpload(repository);
    const first = await client.request("PATCH", location, { body: content.slice(0, 100_000) });
    expect(first.status).toBe(202);
    const socket = await openSocket(before);
    socket.write(
      requestHead(before, { method: "PATCH", target: location, headers: { "content-length": "400000" } }),
    );
    socket.write(content.subarray(100_000, 300_000));
    await Bun.sleep(150);
    await before.kill();

    await using after = await start({ data: before.data });
    const again = connect(after);
    const status = await again.request("GET", location);
    expect(endOfRange(status)).toBeGreaterThanOrEqual(99_999);
    await expectPulled(again, await finish(again, location, content), content);
  });
});
