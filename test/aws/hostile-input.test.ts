/** Requests of little worth that ask for much: they cost bounded memory, and hold up nobody else. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { call, client, signed } from "../support/aws.ts";
import { connect, imageManifest, openSocket, pattern, registryForFile, requestHead } from "../support/oci.ts";
import { start, type TestServer } from "../support/server.ts";

const registry = registryForFile();

const MiB = 1024 * 1024;

/** The most memory that the server ever had (proc(5), VmHWM), in bytes. */
async function peakBytes(server: TestServer): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

test("senders who begin large bodies and stop hold up nobody, least of all with a signature that is wrong", async () => {
  const { server } = registry;
  const repositoryName = await registry.createRepository();
  const { uploadId } = await client(server).initiateLayerUpload({ repositoryName });
  const { headers } = await signed(server, {
    operation: "UploadLayerPart",
    secretAccessKey: "whoever-knows-the-id-knows-no-secret",
  });
  const sockets: Socket[] = [];
  try {
    for (let count = 0; count < 16; count += 1) {
      const socket = await openSocket(server);
      const length = { "content-length": String(20 * MiB) };
      socket.write(requestHead(server, { method: "POST", target: "/", headers: { ...headers, ...length } }));
      socket.write(`{"repositoryName":`);
      sockets.push(socket);
    }
    await Bun.sleep(200);
    const content = pattern(6 * MiB, 1);
    const sent = client(server).uploadLayerPart({
      repositoryName,
      uploadId,
      partFirstByte: 0,
      partLastByte: content.length - 1,
      layerPartBlob: content,
    });
    const outcome = await Promise.race([
      sent.then(({ lastByteReceived }) => `received up to ${lastByteReceived}`),
      Bun.sleep(4000).then(() => "is still waiting"),
    ]);
    expect(outcome).toBe(`received up to ${content.length - 1}`);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test("a hundred times the same large manifest is not a hundred manifests in memory", async () => {
  await using server = await start();
  const { repository, config, layer } = await connect(server).prepareImage();
  const filling = "x".repeat(4 * MiB - 1000);
  const manifest = imageManifest(config, [layer], { annotations: { filling } });
  expect((await connect(server).putManifest(repository, "v1", manifest)).status).toBe(201);
  const before = await peakBytes(server);

  const imageIds = Array.from({ length: 100 }, () => ({ imageTag: "v1" }));
  const { headers, body } = await signed(server, {
    operation: "BatchGetImage",
    body: JSON.stringify({ repositoryName: repository, imageIds }),
  });
  const response = await fetch(`${server.url}/`, { method: "POST", headers, body });
  for await (const _ of response.body ?? []) {
    // Only the server's memory matters here.
  }
  expect((await peakBytes(server)) - before).toBeLessThan(300 * MiB);
});

test("millions of small values in a large body are refused without building them", async () => {
  await using server = await start();
  const before = await peakBytes(server);
  const body = `{"surprise":[${"[],".repeat(9_000_000)}[]]}`;
  expect((await call(server, { operation: "PutImage", body })).status).toBe(400);
  expect((await peakBytes(server)) - before).toBeLessThan(300 * MiB);
});

test("tens of thousands of keys to untag are taken as they come", async () => {
  const { server } = registry;
  const repositoryName = await registry.createRepository();
  const resourceArn = `arn:aws:ecr:us-east-1:000000000000:repository/${repositoryName}`;
  const tags = [
    { Key: "key-99999", Value: "" },
    { Key: "kept", Value: "" },
  ];
  await client(server).tagResource({ resourceArn, tags });
  const tagKeys = Array.from({ length: 100_000 }, (_, index) => `key-${index}`).slice(40_000);
  await client(server).untagResource({ resourceArn, tagKeys });
  expect((await client(server).listTagsForResource({ resourceArn })).tags).toEqual([
    { Key: "kept", Value: "" },
  ]);
});
