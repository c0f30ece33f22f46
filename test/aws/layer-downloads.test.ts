/** GetDownloadUrlForLayer, and the URL that it answers: it needs no credentials, and is for one layer alone. */
import { describe, expect, test } from "bun:test";
import { LayersNotFoundException } from "@aws-sdk/client-ecr";
import { client, expectError, inRegistry } from "../support/aws.ts";
import { eventually, pattern, registryForFile, uniqueBytes, unknownDigest } from "../support/oci.ts";
import { start } from "../support/server.ts";

const registry = registryForFile();
const ecr = () => client(registry.server);

const content = pattern(100_000, 7);

/** A repository that has the content, and the URL for it. */
async function prepare(layer = content) {
  const repositoryName = await registry.createRepository();
  const { digest } = await registry.pushBlob(repositoryName, layer);
  const { downloadUrl = "", layerDigest } = await ecr().getDownloadUrlForLayer({
    repositoryName,
    layerDigest: digest,
  });
  expect(layerDigest).toBe(digest);
  return { repositoryName, digest, url: downloadUrl };
}

/** Without any credentials. */
function get(url: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  return fetch(url, { method, headers, redirect: "manual" });
}

async function body(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

describe("the URL", () => {
  test("is at the host that the caller asked, and gives the layer to anybody", async () => {
    const { digest, url } = await prepare();
    expect(url).toStartWith(`${registry.server.url}/`);
    const response = await get(url);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe(String(content.length));
    expect(response.headers.get("docker-content-digest")).toBe(digest);
    expect(response.headers.get("accept-ranges")).toBe("bytes");
    expect(await body(response)).toEqual(content);
  });

  test("lives for about an hour", async () => {
    const { url } = await prepare();
    const seconds = Number(new URL(url).searchParams.get("expires")) - Date.now() / 1000;
    expect(seconds).toBeGreaterThan(3500);
    expect(seconds).toBeLessThanOrEqual(3600);
  });

  test("works again and again, and with credentials that it does not need", async () => {
    const { url } = await prepare();
    for (const _ of [1, 2]) expect(await body(await get(url))).toEqual(content);
    const authorization = `Basic ${btoa("nobody:nothing")}`;
    expect(await body(await get(url, { authorization }))).toEqual(content);
  });

  test("answers HEAD with the length and without the layer", async () => {
    const { url } = await prepare();
    const response = await get(url, {}, "HEAD");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe(String(content.length));
    expect(await body(response)).toHaveLength(0);
  });

  const ranges: readonly [range: string, first: number, last: number][] = [
    ["bytes=0-9", 0, 9],
    ["bytes=5-5", 5, 5],
    ["bytes=99990-", 99_990, 99_999],
    ["bytes=99990-200000", 99_990, 99_999],
    ["bytes=-10", 99_990, 99_999],
    ["bytes=-200000", 0, 99_999],
  ];
  test.each(ranges)("serves %s", async (range, first, last) => {
    const { url } = await prepare();
    const response = await get(url, { range });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${first}-${last}/100000`);
    expect(response.headers.get("content-length")).toBe(String(last - first + 1));
    expect(await body(response)).toEqual(content.slice(first, last + 1));
  });

  test.each(["bytes=100000-", "bytes=100000-100001", "bytes=-0"])("cannot serve %s", async (range) => {
    const { url } = await prepare();
    const response = await get(url, { range });
    expect(response.status).toBe(416);
    expect(response.headers.get("content-range")).toBe("bytes */100000");
    expect(await response.text()).toBe(
      `The range '${range}' lies outside of the content, which has 100000 bytes\n`,
    );
  });

  test("says that a client has the layer already", async () => {
    const { url } = await prepare();
    const etag = (await get(url, {}, "HEAD")).headers.get("etag") ?? "";
    expect((await get(url, { "if-none-match": etag })).status).toBe(304);
    expect((await get(url, { "if-none-match": `"other"` })).status).toBe(200);
  });

  test.each(["POST", "PUT", "DELETE"])("does nothing on %s", async (method) => {
    const { repositoryName, digest, url } = await prepare();
    expect((await get(url, {}, method)).status).toBe(404);
    expect(await registry.has(repositoryName, "blobs", digest)).toBe(true);
  });
});

describe("a URL that was altered", () => {
  const altered = "The download URL is not one of this registry, or it was altered\n";

  function change(name: string, value: (before: string) => string | undefined) {
    return (url: string) => {
      const changed = new URL(url);
      const next = value(changed.searchParams.get(name) ?? "");
      if (next === undefined) changed.searchParams.delete(name);
      else changed.searchParams.set(name, next);
      expect(changed.href).not.toBe(url);
      return changed.href;
    };
  }

  const changes: readonly [name: string, change: (url: string) => string][] = [
    [
      "in its signature",
      change("signature", (before) => `${before.startsWith("A") ? "B" : "A"}${before.slice(1)}`),
    ],
    ["in the end of its signature", change("signature", (before) => before.slice(0, -4))],
    ["to have an empty signature", change("signature", () => "")],
    ["to have no signature", change("signature", () => undefined)],
    ["to live longer", change("expires", (before) => String(Number(before) + 3600))],
    ["to live for ever", change("expires", () => "Infinity")],
    ["to have no end", change("expires", () => undefined)],
    ["to be for another repository", change("repository", (before) => String(Number(before) - 1))],
    ["to have no query", (url) => url.replace(/\?.*/, "")],
    ["to be for no layer", (url) => url.replace(/sha256:[0-9a-f]+/, "")],
  ];
  test.each(changes)("%s is refused", async (_, alter) => {
    await prepare();
    const { url } = await prepare();
    const response = await get(alter(url));
    expect(response.ok).toBe(false);
    expect(await response.text()).toBe(altered);
  });

  test("is forbidden, which is 403 to every client and cache", async () => {
    const { url } = await prepare();
    expect((await get(`${url}x`)).status).toBe(403);
  });

  test("to be for another layer of the same repository is refused", async () => {
    const { repositoryName, digest, url } = await prepare();
    const other = await registry.pushBlob(repositoryName, uniqueBytes());
    for (const to of [other.digest, unknownDigest()]) {
      const response = await get(url.replace(digest, to));
      expect(response.ok).toBe(false);
      expect(await response.text()).toBe(altered);
    }
  });

  test("to be at another installation is refused", async () => {
    await using other = await start();
    const { url } = await prepare();
    const response = await get(url.replace(registry.server.url, other.url));
    expect(response.ok).toBe(false);
    expect(await response.text()).toBe(altered);
  });
});

test("the URL of a layer whose repository was deleted finds nothing, also when the name is there again", async () => {
  const { repositoryName, digest, url } = await prepare();
  await ecr().deleteRepository({ repositoryName, force: true });
  await ecr().createRepository({ repositoryName });
  await registry.pushBlob(await registry.createRepository(), content);
  await eventually(async () => (await get(url)).status === 404 || undefined);
  expect(await registry.has(repositoryName, "blobs", digest)).toBe(false);
});

describe("GetDownloadUrlForLayer", () => {
  const missing = (digest: string, repositoryName: string) =>
    `The layer with digest ${digest} does not exist within the ${inRegistry(repositoryName)}`;

  test("has no URL for a layer that is nowhere, or in another repository only", async () => {
    const repositoryName = await registry.createRepository();
    const elsewhere = await prepare();
    for (const layerDigest of [unknownDigest(), elsewhere.digest, "sha256:abc"]) {
      await expectError(
        ecr().getDownloadUrlForLayer({ repositoryName, layerDigest }),
        LayersNotFoundException,
        missing(layerDigest, repositoryName),
      );
    }
  });

  test("has no URL for a layer that was deleted", async () => {
    const { repositoryName, digest, url } = await prepare();
    const deleted = await registry.request("DELETE", `/v2/${repositoryName}/blobs/${digest}`);
    expect(deleted.status).toBe(202);
    await expectError(
      ecr().getDownloadUrlForLayer({ repositoryName, layerDigest: digest }),
      LayersNotFoundException,
      missing(digest, repositoryName),
    );
    expect((await get(url)).status).toBe(404);
  });
});
