/** The forms in which one registry can be reached: by the default, by the path, and by the host. */
import { describe, expect, test } from "bun:test";
import {
  digestOf,
  exchange,
  expectError,
  header,
  imageManifest,
  mediaTypes,
  type RequestOptions,
  registryForFile,
  uniqueBytes,
  unknownDigest,
  withQuery,
} from "../support/oci.ts";

const domain = "registry.test";
const registry = registryForFile({ args: ["--domain", domain] });

const forms: readonly { name: string; prefix: string; host: string | undefined }[] = [
  { name: "the default registry", prefix: "/v2", host: undefined },
  { name: "the registry in the path", prefix: "/v2/000000000000.us-east-1", host: undefined },
  { name: "the registry in the host", prefix: "/v2", host: `000000000000.dkr.ecr.us-east-1.${domain}` },
  {
    name: "the registry in the host, with a port",
    prefix: "/v2",
    host: `000000000000.dkr.ecr.us-east-1.${domain}:5000`,
  },
  {
    name: "the registry in the host, in capitals",
    prefix: "/v2",
    host: `000000000000.DKR.ECR.us-east-1.${domain}`,
  },
  { name: "a host that is no registry's", prefix: "/v2", host: "images.example" },
];

for (const { name, prefix, host } of forms) {
  const options: RequestOptions = { headers: host === undefined ? {} : { host } };

  describe(name, () => {
    test("takes a push whose locations lead on, and gives it back", async () => {
      const repository = await registry.createRepository();
      const content = uniqueBytes();
      const layer = { mediaType: mediaTypes.layer, digest: digestOf(content), size: content.length };

      const begun = await registry.request("POST", `${prefix}/${repository}/blobs/uploads/`, options);
      expect(begun.status).toBe(202);
      const location = header(begun, "location");
      expect(location).toStartWith(`${prefix}/${repository}/blobs/uploads/`);
      const patched = await registry.request("PATCH", location, { ...options, body: content });
      expect(patched.status).toBe(202);
      const closed = await registry.request(
        "PUT",
        withQuery(header(patched, "location"), { digest: layer.digest }),
        options,
      );
      expect(closed.status).toBe(201);
      const blob = await registry.request("GET", header(closed, "location"), options);
      expect(Buffer.compare(blob.body, content)).toBe(0);

      const manifest = imageManifest(layer, [layer]);
      const put = await registry.request("PUT", `${prefix}/${repository}/manifests/latest`, {
        headers: { ...options.headers, "content-type": mediaTypes.image },
        body: manifest,
      });
      expect(put.status).toBe(201);
      const get = await registry.request("GET", header(put, "location"), options);
      expect(Buffer.compare(get.body, manifest)).toBe(0);
    });

    test("is the same registry as the others", async () => {
      const repository = await registry.createRepository();
      const { digest } = await registry.pushImage(repository, "latest");
      for (const reference of ["latest", digest]) {
        const get = await registry.request("GET", `${prefix}/${repository}/manifests/${reference}`, options);
        expect(get.status).toBe(200);
        expect(get.headers.get("docker-content-digest")).toBe(digest);
      }
    });

    test("answers to the version check, and challenges who is nobody", async () => {
      expect((await registry.request("GET", "/v2/", options)).status).toBe(200);
      const path = `${prefix}/some-repository/tags/list`;
      const answer = await registry.request("GET", path, { ...options, authorization: null });
      expectError(answer, 401, "UNAUTHORIZED");
      expect(header(answer, "www-authenticate")).toContain(`realm="http://${host ?? registry.server.host}/"`);
    });

    test("gives Links that stay in it", async () => {
      const repository = await registry.createRepository();
      await registry.pushImage(repository, "a");
      await registry.pushImage(repository, "b");
      const first = await registry.request("GET", `${prefix}/${repository}/tags/list?n=1`, options);
      expect(header(first, "link")).toStartWith(`<${prefix}/${repository}/tags/list?`);
      const target = /^<(.*)>/.exec(header(first, "link"))?.[1] ?? "";
      const second = await registry.request("GET", target, options);
      expect(second.json<{ tags: string[] }>().tags).toEqual(["b"]);
    });

    test("mounts from a repository by its name", async () => {
      const source = await registry.createRepository();
      const target = await registry.createRepository();
      const { digest } = await registry.pushBlob(source);
      const path = withQuery(`${prefix}/${target}/blobs/uploads/`, { mount: digest, from: source });
      expect((await registry.request("POST", path, options)).status).toBe(201);
    });

    test("does not know what nobody created", async () => {
      const path = `${prefix}/missing-repository/blobs/${unknownDigest()}`;
      expectError(await registry.request("GET", path, options), 404, "NAME_UNKNOWN");
    });
  });
}

describe("a registry of an account or region that is not there", () => {
  for (const [name, prefix, host] of [
    ["account in the path", "/v2/999999999999.us-east-1", undefined],
    ["region in the path", "/v2/000000000000.mars-north-1", undefined],
    ["account in the host", "/v2", `999999999999.dkr.ecr.us-east-1.${domain}`],
    ["region in the host", "/v2", `000000000000.dkr.ecr.mars-north-1.${domain}`],
  ] as const) {
    test(`is refused, and is not the default one: ${name}`, async () => {
      const repository = await registry.createRepository();
      await registry.pushImage(repository, "latest");
      const answer = await exchange(registry.server, {
        method: "GET",
        target: `${prefix}/${repository}/manifests/latest`,
        headers: host === undefined ? {} : { host },
      });
      expect(answer.status).toBeWithin(400, 500);
    });
  }
});

test("the host of another domain does not choose a registry", async () => {
  const repository = await registry.createRepository();
  await registry.pushImage(repository, "latest");
  const answer = await exchange(registry.server, {
    method: "GET",
    target: `/v2/${repository}/manifests/latest`,
    headers: { host: "999999999999.dkr.ecr.us-east-1.elsewhere.test" },
  });
  expect(answer.status).toBe(200);
});
