/** `lastRecordedPullTime`: what counts as a pull, and that a server which stops in order forgets none. */
import { expect, test } from "bun:test";
import { client } from "../support/aws.ts";
import { connect, descriptorOf, imageIndex, mediaTypes } from "../support/oci.ts";
import { start, type TestServer } from "../support/server.ts";

const repositoryName = "pulled";

/** The pull times of the repository's images by digest, in milliseconds. */
async function pullTimes(server: TestServer): Promise<Map<string, number | undefined>> {
  const { imageDetails = [] } = await client(server).describeImages({ repositoryName });
  return new Map(
    imageDetails.map(({ imageDigest = "", lastRecordedPullTime }) => [
      imageDigest,
      lastRecordedPullTime?.getTime(),
    ]),
  );
}

test("an image remembers when it was last pulled, by either door, after a restart, too", async () => {
  await using first = await start();
  const registry = connect(first);
  await registry.createRepository(repositoryName);
  const byTag = await registry.pushImage(repositoryName, "by-tag");
  const byDigest = await registry.pushImage(repositoryName);
  const byJson = await registry.pushImage(repositoryName, "by-json");
  const looked = await registry.pushImage(repositoryName, "looked-at");
  const child = await registry.pushImage(repositoryName);
  const list = imageIndex([child.descriptor]);
  await registry.putManifest(repositoryName, "list", list, mediaTypes.index);
  const { digest: listDigest } = descriptorOf(list, mediaTypes.index);
  expect([...(await pullTimes(first)).values()]).toEqual(Array.from({ length: 6 }, () => undefined));

  const before = Date.now();
  const get = (reference: string) => registry.request("GET", `/v2/${repositoryName}/manifests/${reference}`);
  for (const reference of ["by-tag", byDigest.digest, "list"])
    expect((await get(reference)).status).toBe(200);
  await client(first).batchGetImage({ repositoryName, imageIds: [{ imageTag: "by-json" }] });
  // None of these is a pull.
  expect(await registry.has(repositoryName, "manifests", "looked-at")).toBe(true);
  expect((await get("missing")).status).toBe(404);
  await client(first).describeImages({ repositoryName, imageIds: [{ imageTag: "looked-at" }] });
  await client(first).listImages({ repositoryName });
  expect(await first.stop()).toBe(0);
  const after = Date.now();

  await using second = await start({ data: first.data });
  const times = await pullTimes(second);
  for (const digest of [byTag.digest, byDigest.digest, byJson.digest, listDigest]) {
    expect(times.get(digest)).toBeGreaterThanOrEqual(before - 1);
    expect(times.get(digest)).toBeLessThanOrEqual(after + 1);
  }
  for (const { digest } of [looked, child]) {
    expect(times.has(digest)).toBe(true);
    expect(times.get(digest)).toBeUndefined();
  }

  await connect(second).request("GET", `/v2/${repositoryName}/manifests/by-tag`);
  expect(await second.stop()).toBe(0);
  await using third = await start({ data: first.data });
  const later = await pullTimes(third);
  expect(later.get(byTag.digest)).toBeGreaterThan(times.get(byTag.digest) ?? Number.POSITIVE_INFINITY);
  for (const digest of [byDigest.digest, byJson.digest, listDigest]) {
    expect(later.get(digest)).toBe(times.get(digest) ?? 0);
  }
});
