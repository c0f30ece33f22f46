/** A disk that is full: writes are refused with a reason, all that was there is served, and with space it goes on. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import {
  BatchGetImageCommand,
  CompleteLayerUploadCommand,
  CreateRepositoryCommand,
  type ECRClient,
  InitiateLayerUploadCommand,
  PutImageCommand,
  UploadLayerPartCommand,
} from "@aws-sdk/client-ecr";
import {
  contentOf,
  ecrOnce,
  mountSmallDisk,
  runToEnd,
  type SmallDisk,
  suiteWithMounts,
} from "../support/durability.ts";
import {
  type Answer,
  type Bytes,
  bytes,
  connect,
  digestOf,
  endOfRange,
  header,
  type Image,
  type Registry,
  streamOf,
  withQuery,
} from "../support/oci.ts";
import { start, type TestServer } from "../support/server.ts";

const MiB = 1024 * 1024;
const diskBytes = 24 * MiB;
/** Larger than what the tests leave free, and smaller than the empty disk. */
const largeLayer = contentOf(1, 8 * MiB);
const repository = "disk/full";
/** So many requests that write to the database alone fill what little space its log has left. */
const mostTags = 900;

setDefaultTimeout(60_000);

suiteWithMounts("a full disk", () => {
  let disk: SmallDisk;
  let server: TestServer;
  let registry: Registry;
  let sdk: ECRClient;
  let image: Image;

  const data = () => join(disk.path, "data");

  beforeEach(async () => {
    disk = await mountSmallDisk(diskBytes);
    server = await start({ data: data() });
    registry = connect(() => server);
    sdk = ecrOnce(server);
    await registry.createRepository(repository);
    image = await registry.pushImage(repository, "before", {
      layers: [await registry.pushBlob(repository, contentOf(2, MiB))],
    });
  });
  afterEach(async () => {
    await server?.[Symbol.asyncDispose]();
    await disk?.[Symbol.asyncDispose]();
  });

  function expectNoSpace(answer: Answer): void {
    expect(answer.status, answer.text()).toBe(507);
    expect(answer.headers.get("content-type")).toBe("application/json");
    const [error] = answer.json<{ errors: { code: string; message: string }[] }>().errors;
    expect(error?.message).toContain("no space");
  }

  async function expectServerException(call: Promise<unknown>): Promise<void> {
    const error = await call.then(
      () => new Error("It succeeded"),
      (failure: Error) => failure,
    );
    expect(`${error.name}: ${error.message}`).toMatch(/^ServerException: .*no space/);
  }

  /** The server works, and what was answered before is served whole. */
  async function expectIntact(): Promise<void> {
    for (const path of ["/healthz", "/readyz"])
      expect((await registry.request("GET", path, { authorization: null })).status).toBe(200);
    const manifest = await registry.request("GET", `/v2/${repository}/manifests/before`);
    expect(manifest.status).toBe(200);
    expect(manifest.headers.get("docker-content-digest")).toBe(image.digest);
    expect(digestOf(manifest.body)).toBe(image.digest);
    for (const { digest } of [image.config, ...image.layers]) {
      const blob = await registry.request("GET", `/v2/${repository}/blobs/${digest}`);
      expect(blob.status).toBe(200);
      expect(digestOf(blob.body)).toBe(digest);
    }
    const { images } = await sdk.send(
      new BatchGetImageCommand({ repositoryName: repository, imageIds: [{ imageTag: "before" }] }),
    );
    expect(images?.[0]?.imageManifest).toBe(new TextDecoder().decode(image.manifest));
  }

  async function expectPulled(content: Bytes): Promise<void> {
    const answer = await registry.request("GET", `/v2/${repository}/blobs/${digestOf(content)}`);
    expect(answer.status).toBe(200);
    expect(digestOf(answer.body)).toBe(digestOf(content));
  }

  async function expectScrubbed(): Promise<void> {
    const { code, stdout } = await runToEnd(["scrub", "--data", data()]);
    expect(JSON.parse(stdout)).toMatchObject({ missing: [], damaged: [] });
    expect(code).toBe(0);
  }

  type Way = { name: string; send: (content: Bytes) => Promise<Answer> };
  const uploads = `/v2/${repository}/blobs/uploads/`;
  const ways: readonly Way[] = [
    {
      name: "in one POST",
      send: (content) =>
        registry.request("POST", withQuery(uploads, { digest: digestOf(content) }), { body: content }),
    },
    {
      name: "in one POST of unknown length",
      send: (content) =>
        registry.request("POST", withQuery(uploads, { digest: digestOf(content) }), {
          body: streamOf(content),
        }),
    },
    {
      name: "in a PUT",
      send: async (content) => {
        const location = await registry.beginUpload(repository);
        return registry.request("PUT", withQuery(location, { digest: digestOf(content) }), { body: content });
      },
    },
    {
      name: "in a PATCH",
      send: async (content) => {
        const location = await registry.beginUpload(repository);
        const patched = await registry.request("PATCH", location, { body: content });
        if (patched.status !== 202) return patched;
        return registry.request("PUT", withQuery(location, { digest: digestOf(content) }));
      },
    },
  ];
  for (const { name, send } of ways) {
    test(`refuses a layer that is larger than what is left, sent ${name}, and takes it when there is space`, async () => {
      await disk.fill(4 * MiB);
      expectNoSpace(await send(largeLayer));
      expect(await registry.has(repository, "blobs", digestOf(largeLayer))).toBe(false);
      await expectIntact();
      await disk.empty();
      expect((await send(largeLayer)).status).toBe(201);
      await expectPulled(largeLayer);
      await expectIntact();
      await expectScrubbed();
    });
  }

  test("keeps what came of an upload, which goes on from there when there is space", async () => {
    const location = await registry.beginUpload(repository);
    const first = largeLayer.slice(0, 2 * MiB);
    expect((await registry.request("PATCH", location, { body: first })).status).toBe(202);
    await disk.fill(3 * MiB);
    expectNoSpace(await registry.request("PATCH", location, { body: largeLayer.slice(first.length) }));
    const status = await registry.request("GET", location);
    expect(status.status).toBe(204);
    const held = endOfRange(status) + 1;
    expect(held).toBeWithin(first.length, largeLayer.length);

    await disk.empty();
    const rest = largeLayer.slice(held);
    const patched = await registry.request("PATCH", header(status, "location"), {
      headers: { "content-range": `${held}-${largeLayer.length - 1}` },
      body: rest,
    });
    expect(patched.status).toBe(202);
    const put = withQuery(header(patched, "location"), { digest: digestOf(largeLayer) });
    expect((await registry.request("PUT", put)).status).toBe(201);
    await expectPulled(largeLayer);
  });

  test("says ServerException on the AWS door wherever the space ends, and the part can be sent again", async () => {
    const first = largeLayer.slice(0, 5 * MiB);
    const second = largeLayer.slice(5 * MiB);
    const { uploadId } = await sdk.send(new InitiateLayerUploadCommand({ repositoryName: repository }));
    const sendPart = (firstByte: number, part: Bytes) =>
      sdk.send(
        new UploadLayerPartCommand({
          repositoryName: repository,
          uploadId,
          partFirstByte: firstByte,
          partLastByte: firstByte + part.length - 1,
          layerPartBlob: part,
        }),
      );
    await sendPart(0, first);
    // The part has 3 MiB, and 4 MiB as it travels. The space ends at its beginning, middle and end in either form.
    for (const leftMiB of [0, 0.3, 1, 2, 2.9, 3, 3.9, 4, 5, 6, 6.9]) {
      await disk.fill(leftMiB * MiB);
      const outcome = await sendPart(first.length, second).then(
        () => "It succeeded",
        (error: Error) => `${error.name}: ${error.message}`,
      );
      if (outcome === "It succeeded") throw new Error(`${leftMiB} MiB were enough; the test shows nothing`);
      expect(outcome, `with ${leftMiB} MiB left`).toMatch(/^ServerException: .*no space/);
      await disk.empty();
    }
    await expectIntact();
    const { lastByteReceived } = await sendPart(first.length, second);
    expect(lastByteReceived).toBe(largeLayer.length - 1);
    await sdk.send(
      new CompleteLayerUploadCommand({
        repositoryName: repository,
        uploadId,
        layerDigests: [digestOf(largeLayer)],
      }),
    );
    await expectPulled(largeLayer);
  });

  test("refuses a manifest by both doors, and takes it when there is space", async () => {
    const manifest = bytes(
      JSON.stringify({
        ...JSON.parse(new TextDecoder().decode(image.manifest)),
        annotations: { padding: "x".repeat(3 * MiB) },
      }),
    );
    const put = () => registry.putManifest(repository, "large", manifest);
    const putImage = () =>
      sdk.send(
        new PutImageCommand({
          repositoryName: repository,
          imageManifest: new TextDecoder().decode(manifest),
          imageTag: "large-by-aws",
        }),
      );
    await disk.fill(MiB);
    expectNoSpace(await put());
    await expectServerException(putImage());
    expect(await registry.has(repository, "manifests", "large")).toBe(false);
    await expectIntact();
    await disk.empty();
    expect((await put()).status).toBe(201);
    expect((await putImage()).image?.imageId?.imageDigest).toBe(digestOf(manifest));
    await expectIntact();
    await expectScrubbed();
  });

  /** Fills the disk to the last page, then tags until the database has no space either. Resolves with the tags. */
  async function tagUntilFull(): Promise<string[]> {
    await disk.fill(0);
    const done: string[] = [];
    for (let count = 0; count < mostTags; count += 1) {
      const answer = await registry.putManifest(repository, `tag-${count}`, image.manifest);
      if (answer.status !== 201) {
        expectNoSpace(answer);
        return done;
      }
      done.push(`tag-${count}`);
    }
    throw new Error(`${mostTags} tags did not fill the disk`);
  }

  async function expectTags(tags: readonly string[]): Promise<void> {
    const listed = await registry.request("GET", `/v2/${repository}/tags/list`);
    expect(listed.json<{ tags: string[] }>().tags.sort()).toEqual(["before", ...tags].sort());
  }

  test("refuses what the database has no space for, by both doors, and forgets nothing that it took", async () => {
    const tags = await tagUntilFull();
    await expectTags(tags);
    await expectServerException(
      sdk.send(new CreateRepositoryCommand({ repositoryName: `disk/${"x".repeat(200)}` })),
    );
    expectNoSpace(await registry.request("POST", uploads));
    await expectServerException(sdk.send(new InitiateLayerUploadCommand({ repositoryName: repository })));
    await expectIntact();

    await disk.empty();
    const location = await registry.beginUpload(repository);
    const digest = digestOf(largeLayer);
    expect(
      (await registry.request("PUT", withQuery(location, { digest }), { body: largeLayer })).status,
    ).toBe(201);
    for (const tag of ["later", ...tags.slice(-2)])
      expect((await registry.putManifest(repository, tag, image.manifest)).status).toBe(201);
    await expectTags(["later", ...tags]);
    await expectIntact();
    await expectScrubbed();
  });

  test("starts on a full disk after a crash and serves, and writes when there is space", async () => {
    const tags = await tagUntilFull();
    await server.kill();
    server = await start({ data: data() });
    sdk = ecrOnce(server);
    await expectTags(tags);
    await expectIntact();
    await disk.empty();
    expect((await registry.putManifest(repository, "later", image.manifest)).status).toBe(201);
    await expectTags(["later", ...tags]);
    await expectScrubbed();
  });

  test("stops on a full disk as it should, and starts again with everything", async () => {
    const tags = await tagUntilFull();
    expect(await server.stop()).toBe(0);
    await disk.empty();
    server = await start({ data: data() });
    sdk = ecrOnce(server);
    await expectTags(tags);
    await expectIntact();
    await expectScrubbed();
  });
});
