/** OCI distribution 1.1, "Pushing a blob in chunks", with the status and the end of a session. */
import { describe, expect, test } from "bun:test";
import {
  type Answer,
  type Bytes,
  bytes,
  digestOf,
  endOfRange,
  errorMessage,
  expectError,
  header,
  pattern,
  registryForFile,
  streamOf,
  unknownDigest,
  withQuery,
} from "../support/oci.ts";

const registry = registryForFile();

/** PATCHes one chunk. `range` is its Content-Range; without one the chunk goes where the session ends. */
function patch(location: string, chunk: Bytes | ReadableStream<Uint8Array>, range?: string): Promise<Answer> {
  return registry.request("PATCH", location, {
    headers: {
      "content-type": "application/octet-stream",
      ...(range === undefined ? {} : { "content-range": range }),
    },
    body: chunk,
  });
}

function close(
  location: string,
  digest: string,
  options: { body?: Bytes; range?: string } = {},
): Promise<Answer> {
  return registry.request("PUT", withQuery(location, { digest }), {
    headers: options.range === undefined ? {} : { "content-range": options.range },
    body: options.body,
  });
}

/** Asserts that a session is there and has exactly `size` bytes, and returns the location it names. */
async function expectStatus(location: string, size: number): Promise<string> {
  const answer = await registry.request("GET", location);
  expect(answer.status).toBe(204);
  expect(endOfRange(answer)).toBe(Math.max(size - 1, 0));
  expect(header(answer, "location")).toContain(header(answer, "docker-upload-uuid"));
  expect(answer.body).toBeEmpty();
  return header(answer, "location");
}

async function expectPulled(answer: Answer, content: Bytes): Promise<void> {
  expect(answer.status).toBe(201);
  expect(answer.headers.get("docker-content-digest")).toBe(digestOf(content));
  const pulled = await registry.request("GET", header(answer, "location"));
  expect(pulled.status).toBe(200);
  expect(Buffer.compare(pulled.body, content)).toBe(0);
}

describe("a blob in chunks", () => {
  const rows: readonly { name: string; sizes: readonly number[] }[] = [
    { name: "one chunk", sizes: [5000] },
    { name: "one byte after another", sizes: [1, 1, 1, 1] },
    { name: "chunks of unlike sizes", sizes: [1, 1000, 17, 65_536, 65_537, 3] },
    { name: "a small chunk before a large one", sizes: [10, 2 * 1024 * 1024] },
    { name: "chunks beyond any part size of a store", sizes: [6 * 1024 * 1024, 6 * 1024 * 1024 + 1, 11] },
  ];
  const endings = ["after a last PATCH", "with the last chunk"] as const;
  const ranges = ["with Content-Range", "streamed"] as const;
  for (const { name, sizes } of rows) {
    for (const ending of endings) {
      for (const mode of ranges) {
        test(`${name}, ${mode}, closed ${ending}`, async () => {
          const repository = await registry.createRepository();
          const total = sizes.reduce((sum, size) => sum + size, 0);
          const content = pattern(total, total);
          const digest = digestOf(content);
          const inPatches = ending === "with the last chunk" ? sizes.slice(0, -1) : sizes;

          let location = await registry.beginUpload(repository);
          let at = 0;
          for (const size of inPatches) {
            const chunk = content.slice(at, at + size);
            const answer =
              mode === "streamed"
                ? await patch(location, streamOf(chunk))
                : await patch(location, chunk, `${at}-${at + size - 1}`);
            at += size;
            expect(answer.status).toBe(202);
            expect(answer.headers.get("range")).toBe(`0-${at - 1}`);
            expect(answer.body).toBeEmpty();
            location = header(answer, "location");
          }
          await expectStatus(location, at);

          const rest = content.slice(at);
          const answer =
            rest.length === 0
              ? await close(location, digest)
              : await close(location, digest, {
                  body: rest,
                  ...(mode === "streamed" ? {} : { range: `${at}-${total - 1}` }),
                });

          await expectPulled(answer, content);
        });
      }
    }
  }

  test("is not there before the session is closed", async () => {
    const repository = await registry.createRepository();
    const content = pattern(3000, 4);
    const location = header(await patch(await registry.beginUpload(repository), content), "location");
    expect(await registry.has(repository, "blobs", digestOf(content))).toBe(false);
    await expectPulled(await close(location, digestOf(content)), content);
  });

  test("can be an empty one, with an empty PATCH or with none", async () => {
    const repository = await registry.createRepository();
    const nothing = bytes("");
    await expectPulled(await close(await registry.beginUpload(repository), digestOf(nothing)), nothing);

    const patched = await patch(await registry.beginUpload(repository), nothing);
    expect(patched.status).toBe(202);
    await expectPulled(await close(header(patched, "location"), digestOf(nothing)), nothing);
  });

  test("can be one of several uploads that go on side by side", async () => {
    const repository = await registry.createRepository();
    const contents = [11, 12, 13].map((seed) => pattern(4000, seed));
    const locations = await Promise.all(contents.map(() => registry.beginUpload(repository)));
    for (const [first, last] of [
      [0, 1999],
      [2000, 3999],
    ] as const) {
      await Promise.all(
        contents.map(async (content, at) => {
          const location = locations[at] ?? "";
          const answer = await patch(location, content.slice(first, last + 1), `${first}-${last}`);
          expect(answer.status).toBe(202);
          locations[at] = header(answer, "location");
        }),
      );
    }
    for (const [at, content] of contents.entries()) {
      await expectPulled(await close(locations[at] ?? "", digestOf(content)), content);
    }
  });
});

describe("a chunk out of order is 416, tells where to go on, and changes nothing", () => {
  const content = pattern(300, 20);
  const rows: readonly { name: string; before: number; range: string }[] = [
    { name: "the first chunk does not begin with 0", before: 0, range: "1-100" },
    { name: "a later chunk leaves a gap", before: 100, range: "101-200" },
    { name: "a chunk comes a second time", before: 100, range: "0-99" },
    { name: "a chunk overlaps the last", before: 100, range: "99-199" },
  ];
  for (const method of ["PATCH", "PUT"] as const) {
    for (const { name, before, range } of rows) {
      test(`${method}: ${name}`, async () => {
        const repository = await registry.createRepository();
        let location = await registry.beginUpload(repository);
        if (before > 0) {
          location = header(await patch(location, content.slice(0, before), `0-${before - 1}`), "location");
        }
        const [first = 0, last = 0] = range.split("-").map(Number);
        const chunk = content.slice(first, last + 1);

        const answer =
          method === "PATCH"
            ? await patch(location, chunk, range)
            : await close(location, digestOf(content), { body: chunk, range });

        expectError(answer, 416, "BLOB_UPLOAD_INVALID");
        expect(endOfRange(answer)).toBe(Math.max(before - 1, 0));
        expect(errorMessage(answer)).toContain(String(before));
        location = await expectStatus(header(answer, "location"), before);

        const rest = await patch(location, content.slice(before), `${before}-${content.length - 1}`);
        expect(rest.status).toBe(202);
        await expectPulled(await close(header(rest, "location"), digestOf(content)), content);
      });
    }
  }
});

describe("a Content-Range that does not fit its chunk is refused, and the session stays where it was", () => {
  const content = pattern(200, 21);
  const rows: readonly { name: string; range: string; length: number }[] = [
    { name: "it says more than comes", range: "100-199", length: 50 },
    { name: "it says less than comes", range: "100-149", length: 100 },
    { name: "it says one byte less", range: "100-198", length: 100 },
    { name: "it ends before it begins", range: "100-99", length: 100 },
    { name: "it has another unit", range: "items 100-199", length: 100 },
    { name: "it has two ranges", range: "100-149,150-199", length: 100 },
    { name: "it has no end", range: "100-", length: 100 },
    { name: "it has no beginning", range: "-199", length: 100 },
    { name: "it is one number", range: "100", length: 100 },
    { name: "it is not of numbers", range: "first-last", length: 100 },
    { name: "it is hexadecimal", range: "0x64-0xc7", length: 100 },
    { name: "it has signs", range: "+100-+199", length: 100 },
    { name: "it is past all numbers", range: "100-99999999999999999999999999", length: 100 },
  ];
  for (const { name, range, length } of rows) {
    for (const method of ["PATCH", "PUT"] as const) {
      test(`${method}: ${name}`, async () => {
        const repository = await registry.createRepository();
        const started = await patch(await registry.beginUpload(repository), content.slice(0, 100), "0-99");
        let location = header(started, "location");
        const chunk = content.slice(100, 100 + length);

        const answer =
          method === "PATCH"
            ? await patch(location, chunk, range)
            : await close(location, digestOf(content), { body: chunk, range });

        expectError(answer, [400, 416], ["BLOB_UPLOAD_INVALID", "SIZE_INVALID"]);
        location = await expectStatus(location, 100);
        await expectPulled(
          await close(location, digestOf(content), { body: content.slice(100), range: "100-199" }),
          content,
        );
      });
    }
  }
});

test("a Content-Range as HTTP writes it, with unit and total, is understood too", async () => {
  const repository = await registry.createRepository();
  const content = pattern(300, 30);
  let location = await registry.beginUpload(repository);
  for (const [first, range] of [
    [0, "bytes 0-99/300"],
    [100, "bytes 100-199/*"],
    [200, "bytes 200-299"],
  ] as const) {
    const answer = await patch(location, content.slice(first, first + 100), range);
    expect(answer.status).toBe(202);
    expect(endOfRange(answer)).toBe(first + 99);
    location = header(answer, "location");
  }
  await expectPulled(await close(location, digestOf(content)), content);
});

describe("the digest at the end", () => {
  test("that is of the last chunk only is refused", async () => {
    const repository = await registry.createRepository();
    const content = pattern(1000, 22);
    const location = header(
      await patch(await registry.beginUpload(repository), content.slice(0, 500)),
      "location",
    );
    const last = content.slice(500);
    expectError(await close(location, digestOf(last), { body: last }), 400, "DIGEST_INVALID");
    expect(await registry.has(repository, "blobs", digestOf(last))).toBe(false);
  });

  test("that is wrong is refused, and the right one can be sent after it", async () => {
    const repository = await registry.createRepository();
    const content = pattern(1000, 23);
    const location = header(await patch(await registry.beginUpload(repository), content), "location");
    const wrong = unknownDigest();

    expectError(await close(location, wrong), 400, "DIGEST_INVALID");

    expect(await registry.has(repository, "blobs", wrong)).toBe(false);
    await expectPulled(await close(await expectStatus(location, content.length), digestOf(content)), content);
  });

  test("can be of sha512", async () => {
    const repository = await registry.createRepository();
    const content = pattern(1000, 24);
    const digest = digestOf(content, "sha512");
    const location = header(
      await patch(await registry.beginUpload(repository), content.slice(0, 400)),
      "location",
    );
    const answer = await close(location, digest, { body: content.slice(400) });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("docker-content-digest")).toBe(digest);
    expect(await registry.has(repository, "blobs", digest)).toBe(true);
  });
});

describe("the status of a session", () => {
  test("is 204 with Range 0-0 before the first byte", async () => {
    const repository = await registry.createRepository();
    await expectStatus(await registry.beginUpload(repository), 0);
  });

  test("is the same however often it is asked, and asking changes nothing", async () => {
    const repository = await registry.createRepository();
    const content = pattern(700, 25);
    let location = header(await patch(await registry.beginUpload(repository), content), "location");
    for (let time = 0; time < 3; time += 1) location = await expectStatus(location, 700);
    await expectPulled(await close(location, digestOf(content)), content);
  });
});

/** Every request that an upload that is not there must answer with 404. */
const requests = ["GET", "PATCH", "PUT", "DELETE"] as const;

async function expectGone(location: string): Promise<void> {
  const content = pattern(10, 26);
  for (const method of requests) {
    const target = method === "PUT" ? withQuery(location, { digest: digestOf(content) }) : location;
    const body = method === "GET" || method === "DELETE" ? undefined : content;
    expectError(await registry.request(method, target, { body }), 404, "BLOB_UPLOAD_UNKNOWN");
  }
}

describe("a session that is not there is 404 to GET, PATCH, PUT and DELETE", () => {
  const unknown = [
    "00000000-0000-4000-8000-000000000000",
    "00000000-0000-4000-8000-00000000000",
    "not-a-uuid",
    "1",
    "A".repeat(300),
  ];
  for (const id of unknown) {
    test(`never begun: ${id.slice(0, 40)}`, async () => {
      const repository = await registry.createRepository();
      await expectGone(`/v2/${repository}/blobs/uploads/${id}`);
    });
  }

  test("cancelled", async () => {
    const repository = await registry.createRepository();
    const location = header(
      await patch(await registry.beginUpload(repository), pattern(100, 27)),
      "location",
    );

    const answer = await registry.request("DELETE", location);

    expect(answer.status).toBe(204);
    expect(answer.body).toBeEmpty();
    await expectGone(location);
  });

  test("closed", async () => {
    const repository = await registry.createRepository();
    const content = pattern(100, 28);
    const location = header(await patch(await registry.beginUpload(repository), content), "location");
    expect((await close(location, digestOf(content))).status).toBe(201);
    await expectGone(location);
  });

  test("begun in another repository, where it goes on undisturbed", async () => {
    const repository = await registry.createRepository();
    const other = await registry.createRepository();
    const content = pattern(100, 29);
    const location = header(
      await patch(await registry.beginUpload(repository), content.slice(0, 50)),
      "location",
    );

    await expectGone(location.replace(`/v2/${repository}/`, `/v2/${other}/`));

    await expectStatus(location, 50);
    await expectPulled(await close(location, digestOf(content), { body: content.slice(50) }), content);
  });
});
