/**
 * Memory and files do not grow with what is sent, and end with the connections. The layers have 256 MiB each;
 * `LADING_TEST_LAYER_MIB=1024` makes them larger.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import {
  closesFiles,
  contentOf,
  forgetPeak,
  makeRandom,
  memoryBytes,
  openFiles,
  seedFor,
} from "../support/durability.ts";
import {
  connect,
  digestOf,
  eventually,
  header,
  openSocket,
  type Registry,
  requestHead,
  withQuery,
} from "../support/oci.ts";
import { basic, start, type TestServer } from "../support/server.ts";

const MiB = 1024 * 1024;
const layerBytes = Number(process.env.LADING_TEST_LAYER_MIB ?? 256) * MiB;
const mostBytes = 150 * MiB;
const slowConnections = 200;
const abortedTransfers = 300;
const repository = "memory/layers";

setDefaultTimeout(600_000);

let server: TestServer;
let registry: Registry;
/** What the server has open when nobody is connected, and some leeway for what its runtime opens now and then. */
let filesAtRest: number;
let memoryAtRest: number;

beforeAll(async () => {
  server = await start();
  registry = connect(server);
  await registry.createRepository(repository);
  await registry.pushImage(repository, "warm");
  await forgetConnections();
  filesAtRest = (await openFiles(server.pid)) + 4;
  memoryAtRest = (await memoryBytes(server.pid, "VmRSS")) + 60 * MiB;
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** The connections that fetch keeps for later would count as the server's files. */
async function forgetConnections(): Promise<void> {
  const answer = await registry.request("GET", "/healthz", { headers: { connection: "close" } });
  expect(answer.status).toBe(200);
}

/** Pieces of a layer that is too large to be held: each differs from the others and between layers. */
function* piecesOf(layer: number): Generator<Buffer> {
  const piece = Buffer.from(contentOf(layer, MiB));
  for (let index = 0; index < layerBytes / MiB; index += 1) {
    piece.writeUInt32LE(index, 0);
    yield piece;
  }
}

function layerDigest(layer: number): string {
  const hash = createHash("sha256");
  for (const piece of piecesOf(layer)) hash.update(piece);
  return `sha256:${hash.digest("hex")}`;
}

function send(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((done, fail) => socket.write(bytes, (error) => (error ? fail(error) : done())));
}

/** The status of the answer; the connection ends with it. */
function statusOf(socket: Socket): Promise<number> {
  return new Promise((done, fail) => {
    socket.once("data", (data: Buffer) => {
      done(Number(data.toString("latin1").split(" ")[1]));
      socket.destroy();
    });
    socket.once("close", () => fail(new Error("The connection closed without an answer")));
  });
}

/** One request with the whole layer, of known length or in chunks of transfer coding. */
async function pushLayer(layer: number, digest: string, coding: "known" | "chunked"): Promise<void> {
  const location = await registry.beginUpload(repository);
  const target = withQuery(location, { digest });
  const socket = await openSocket(server);
  const status = statusOf(socket);
  const length: Record<string, string> =
    coding === "known" ? { "content-length": String(layerBytes) } : { "transfer-encoding": "chunked" };
  await send(socket, requestHead(server, { method: "PUT", target, headers: length }));
  for (const piece of piecesOf(layer)) {
    if (coding === "chunked") await send(socket, Buffer.from(`${piece.length.toString(16)}\r\n`));
    await send(socket, piece);
    if (coding === "chunked") await send(socket, Buffer.from("\r\n"));
  }
  if (coding === "chunked") await send(socket, Buffer.from("0\r\n\r\n"));
  expect(await status).toBe(201);
}

async function pullLayer(digest: string): Promise<void> {
  const response = await fetch(`${server.url}/v2/${repository}/blobs/${digest}`, {
    headers: { authorization: basic, connection: "close" },
  });
  expect(response.status).toBe(200);
  const hash = createHash("sha256");
  for await (const chunk of response.body ?? []) hash.update(chunk);
  expect(`sha256:${hash.digest("hex")}`).toBe(digest);
}

async function expectSmall(what: string): Promise<void> {
  const peak = await memoryBytes(server.pid, "VmHWM");
  console.log(`${what}: at most ${Math.round(peak / MiB)} MiB in memory`);
  expect(peak, what).toBeLessThanOrEqual(mostBytes);
}

/** Somebody else is served in the meantime, and soon. */
async function expectOthersServed(): Promise<void> {
  const startedAt = performance.now();
  const answer = await registry.request("HEAD", `/v2/${repository}/manifests/warm`, {
    headers: { connection: "close" },
  });
  expect(answer.status).toBe(200);
  expect(performance.now() - startedAt).toBeLessThan(1000);
}

/** Files and memory are what they were before anybody came. Memory takes a moment: it is collected when there is time. */
async function expectAtRest(): Promise<void> {
  await forgetConnections();
  await closesFiles(server.pid, filesAtRest);
  await eventually(
    async () => ((await memoryBytes(server.pid, "VmRSS")) <= memoryAtRest ? true : undefined),
    20_000,
  ).catch(async () => {
    const now = Math.round((await memoryBytes(server.pid, "VmRSS")) / MiB);
    throw new Error(`The server keeps ${now} MiB in memory; at most ${memoryAtRest / MiB} were expected`);
  });
}

test(`two layers of ${layerBytes / MiB} MiB at once go in and out within 150 MiB of memory`, async () => {
  const digests = [layerDigest(1), layerDigest(2)] as const;
  await forgetPeak(server.pid);
  await Promise.all([pushLayer(1, digests[0], "known"), pushLayer(2, digests[1], "chunked")]);
  await expectSmall("two pushes");
  await Promise.all(digests.map(pullLayer));
  await expectSmall("and two pulls");
  await Promise.all([pullLayer(digests[0]), pushLayer(3, layerDigest(3), "known")]);
  await expectSmall("and one of each");
  await expectAtRest();
});

test(`${slowConnections} clients that ask for a blob and read nothing cost little and hold nobody up`, async () => {
  const { digest } = await registry.pushBlob(repository, contentOf(4, 8 * MiB));
  await forgetPeak(server.pid);
  const target = `/v2/${repository}/blobs/${digest}`;
  const sockets = await Promise.all(
    Array.from({ length: slowConnections }, async () => {
      const socket = await openSocket(server);
      socket.pause();
      await send(socket, requestHead(server, { method: "GET", target }));
      return socket;
    }),
  );
  await Bun.sleep(1000);
  await expectOthersServed();
  await expectSmall(`${slowConnections} clients that do not read`);
  for (const socket of sockets) socket.destroy();
  await expectAtRest();
});

test(`${slowConnections} clients that send a byte now and then cost little and hold nobody up`, async () => {
  await forgetPeak(server.pid);
  const locations: string[] = [];
  while (locations.length < slowConnections) locations.push(await registry.beginUpload(repository));
  const sockets = await Promise.all(
    locations.map(async (target) => {
      const socket = await openSocket(server);
      await send(
        socket,
        requestHead(server, { method: "PATCH", target, headers: { "content-length": String(MiB) } }),
      );
      return socket;
    }),
  );
  for (let byte = 0; byte < 10; byte += 1) {
    await Promise.all(sockets.map((socket) => send(socket, Buffer.from("x"))));
    await Bun.sleep(100);
  }
  await expectOthersServed();
  await expectSmall(`${slowConnections} clients that send slowly`);
  for (const socket of sockets) socket.destroy();
  await expectAtRest();
  // Each upload can go on from the ten bytes.
  const status = await registry.request("GET", locations[0] ?? "");
  expect(header(status, "range")).toBe("0-9");
});

test(`${abortedTransfers} transfers that break off in either direction leave nothing open`, async () => {
  const random = makeRandom(seedFor("transfers that break off"));
  const content = contentOf(5, 2 * MiB);
  const { digest } = await registry.pushBlob(repository, content);
  const location = `/v2/${repository}/blobs/uploads/`;
  const other = contentOf(6, 2 * MiB);

  const breakUpload = async () => {
    const socket = await openSocket(server);
    const target = withQuery(location, { digest: digestOf(other) });
    const headers = { "content-length": String(other.length) };
    await send(socket, requestHead(server, { method: "POST", target, headers }));
    await send(socket, other.subarray(0, random.between(0, other.length - 1)));
    await Bun.sleep(random.between(0, 20));
    socket.destroy();
  };
  const breakDownload = async () => {
    const socket = await openSocket(server);
    await send(socket, requestHead(server, { method: "GET", target: `/v2/${repository}/blobs/${digest}` }));
    const enough = random.between(1, content.length - 1);
    let got = 0;
    await new Promise<void>((done) => {
      socket.on("data", (data: Buffer) => {
        got += data.length;
        if (got >= enough) done();
      });
    });
    socket.destroy();
  };

  let left = abortedTransfers;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      while (left > 0) {
        left -= 1;
        await (random.next() < 0.5 ? breakUpload() : breakDownload());
      }
    }),
  );
  await expectAtRest();
  expect(await registry.has(repository, "blobs", digestOf(other))).toBe(false);
  await registry.pushBlob(repository, other);
  await expectOthersServed();
});
