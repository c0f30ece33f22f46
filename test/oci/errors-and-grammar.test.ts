/** OCI distribution 1.1, "Error Codes" and "Endpoints", and the grammar of names. */
import { describe, expect, test } from "bun:test";
import { errorCode, errorMessage, exchange, expectError, header, registryForFile } from "../support/oci.ts";

const registry = registryForFile();
const zeros = `sha256:${"0".repeat(64)}`;
const nil = "00000000-0000-4000-8000-000000000000";

test("GET /v2/ is 200, an empty object, and names the version", async () => {
  for (const path of ["/v2/", "/v2"]) {
    const answer = await registry.request("GET", path);
    expect(answer.status).toBe(200);
    expect(answer.json<object>()).toEqual({});
    expect(header(answer, "content-type")).toStartWith("application/json");
    expect(answer.headers.get("docker-distribution-api-version")).toBe("registry/2.0");
  }
});

describe("an error", () => {
  /** One of each code that a request of the root can get. */
  const rows: readonly [
    code: string,
    method: string,
    path: (repository: string) => string,
    status: number,
  ][] = [
    ["BLOB_UNKNOWN", "GET", (r) => `/v2/${r}/blobs/${zeros}`, 404],
    ["BLOB_UPLOAD_UNKNOWN", "GET", (r) => `/v2/${r}/blobs/uploads/${nil}`, 404],
    ["DIGEST_INVALID", "GET", (r) => `/v2/${r}/referrers/sha256:x`, 400],
    ["MANIFEST_INVALID", "PUT", (r) => `/v2/${r}/manifests/latest`, 400],
    ["MANIFEST_UNKNOWN", "GET", (r) => `/v2/${r}/manifests/latest`, 404],
    ["NAME_INVALID", "GET", (r) => `/v2/${r}_/tags/list`, 400],
    ["NAME_UNKNOWN", "GET", (r) => `/v2/${r}-missing/tags/list`, 404],
    ["UNSUPPORTED", "POST", (r) => `/v2/${r}/tags/list`, 405],
  ];
  for (const [code, method, path, status] of rows) {
    test(`${code} is JSON with a code and a sentence`, async () => {
      const repository = await registry.createRepository();
      const answer = await registry.request(method, path(repository));
      expectError(answer, status, code);
      expect(header(answer, "content-type")).toMatch(/^application\/json(?:;\s*charset=utf-8)?$/);
      expect(header(answer, "content-length")).toBe(String(answer.body.length));
      const { errors, ...others } = answer.json<{ errors: Record<string, unknown>[] }>();
      expect(others).toEqual({});
      for (const error of errors) {
        expect(error.code).toMatch(/^[A-Z_]+$/);
        expect(error.message).toBeString();
        expect(error.message).not.toBeEmpty();
        expect(Object.keys(error).filter((key) => !["code", "message", "detail"].includes(key))).toBeEmpty();
      }
    });
  }

  test("quotes the caller's value without letting it out of the string", async () => {
    const answer = await registry.request("GET", "/v2/%22%7D%5D,%22x%22:%22%0A/tags/list");
    expectError(answer, [400, 404], ["NAME_INVALID", "UNSUPPORTED", "NAME_UNKNOWN"]);
    expect(Object.keys(answer.json<object>())).toEqual(["errors"]);
  });
});

describe("a repository name", () => {
  const long = (length: number) =>
    "a/"
      .repeat(length)
      .slice(0, length - 1)
      .concat("z");
  const legal = [
    "aa",
    "00",
    "a/b",
    "a.b",
    "a_b",
    "a__b",
    "a-b",
    "a--b",
    "a-----b",
    "a.b_c__d-e--f/g.h",
    "library/ubuntu",
    "1/2/3/4/5/6/7/8/9",
    "a".repeat(256),
    long(255),
  ];
  for (const name of legal) {
    test(`may be ${name.slice(0, 40)}${name.length > 40 ? ` of ${name.length}` : ""}`, async () => {
      // It is looked for, and not found.
      expectError(await registry.request("GET", `/v2/${name}/tags/list`), 404, "NAME_UNKNOWN");
      const head = await registry.request("HEAD", `/v2/${name}/manifests/latest`);
      expect(head.status).toBe(404);
    });
  }

  const illegal = [
    "Aa",
    "aB",
    "a/B",
    "-a",
    "a-",
    ".a",
    "a.",
    "_a",
    "a_",
    "a..b",
    "a___b",
    "a.-b",
    "a-.b",
    "a._b",
    "a/-b",
    "a/b-",
    "a//b",
    "a b",
    "a%20b",
    "a:b",
    "a@b",
    "a+b",
    "a~b",
    "a,b",
    "a%25b",
    "%C3%A4%C3%B6",
    "a%5Cb",
    "a".repeat(257),
    "a".repeat(5000),
    long(300),
  ];
  const paths = ["tags/list", "manifests/latest", `blobs/${zeros}`, `referrers/${zeros}`] as const;
  for (const name of illegal) {
    test(`may not be ${name.slice(0, 40)}${name.length > 40 ? ` of ${name.length}` : ""}`, async () => {
      for (const path of paths) {
        const answer = await exchange(registry.server, {
          method: "GET",
          target: `/v2/${name.replaceAll(" ", "%20")}/${path}`,
        });
        expect(answer.status).toBe(400);
        expect(answer.body).toContain('"NAME_INVALID"');
      }
      const push = await exchange(registry.server, {
        method: "POST",
        target: `/v2/${name.replaceAll(" ", "%20")}/blobs/uploads/`,
        headers: { "content-length": "0" },
      });
      expect(push.status).toBe(400);
      expect(push.body).toContain('"NAME_INVALID"');
    });
  }

  for (const name of ["a%2Fb", "a%2Fb%2F", "a%00b", "a%0Ab", "a%0D%0Ab"]) {
    test(`may not hide a slash or a control character: ${name}`, async () => {
      for (const path of paths) {
        // Whether that is a wrong name or no path at all is a matter of taste.
        const answer = await registry.request("GET", `/v2/${name}/${path}`);
        expectError(answer, [400, 404], ["NAME_INVALID", "UNSUPPORTED"]);
      }
    });
  }

  test("of one letter is legal for OCI and too short for ECR", async () => {
    expectError(
      await registry.request("GET", "/v2/a/tags/list"),
      [400, 404],
      ["NAME_INVALID", "NAME_UNKNOWN"],
    );
  });

  test("is told with what would be right when it is wrong", async () => {
    const answer = await registry.request("GET", "/v2/Wrong-Name/tags/list");
    expectError(answer, 400, "NAME_INVALID");
    expect(errorMessage(answer)).toContain("Wrong-Name");
  });

  const confusing = [
    "team/tags",
    "tags/list",
    "team/manifests",
    "manifests/latest",
    "blobs/uploads",
    "a/blobs/uploads/b",
    "x/referrers/y",
    "v2/v2",
    "manifests/manifests",
    "team/tags/list",
  ];
  for (const name of confusing) {
    test(`may be made of the words of the protocol: ${name}`, async () => {
      await registry.createRepository(name);
      const image = await registry.pushImage(name, "list");
      const layer = image.layers[0]?.digest ?? "";

      const tags = await registry.request("GET", `/v2/${name}/tags/list`);
      expect(tags.json<object>()).toEqual({ name, tags: ["list"] });
      const manifest = await registry.request("GET", `/v2/${name}/manifests/list`);
      expect(manifest.headers.get("docker-content-digest")).toBe(image.digest);
      expect(await registry.has(name, "blobs", layer)).toBe(true);
      const referrers = await registry.request("GET", `/v2/${name}/referrers/${image.digest}`);
      expect(referrers.status).toBe(200);
      const location = await registry.beginUpload(name);
      expect((await registry.request("DELETE", location)).status).toBe(204);
    });
  }
});

describe("a method that a path does not have is 405 with those that it has", () => {
  const rows: readonly [path: string, allowed: readonly string[], refused: readonly string[]][] = [
    ["/v2/", ["GET"], ["POST", "PUT", "PATCH", "DELETE"]],
    ["/v2/_catalog", ["GET"], ["POST", "PUT", "PATCH", "DELETE"]],
    ["tags/list", ["GET"], ["POST", "PUT", "PATCH", "DELETE"]],
    ["manifests/latest", ["GET", "HEAD", "PUT", "DELETE"], ["POST", "PATCH"]],
    [`blobs/${zeros}`, ["GET", "HEAD", "DELETE"], ["POST", "PUT", "PATCH"]],
    ["blobs/uploads/", ["POST"], ["GET", "PUT", "PATCH", "DELETE"]],
    [`blobs/uploads/${nil}`, ["GET", "PATCH", "PUT", "DELETE"], ["POST"]],
    [`referrers/${zeros}`, ["GET"], ["POST", "PUT", "PATCH", "DELETE"]],
  ];
  for (const [path, allowed, refused] of rows) {
    for (const method of refused) {
      test(`${method} ${path}`, async () => {
        const repository = await registry.createRepository();
        const answer = await registry.request(
          method,
          path.startsWith("/") ? path : `/v2/${repository}/${path}`,
        );
        expectError(answer, 405, "UNSUPPORTED");
        const allow = header(answer, "allow").split(/\s*,\s*/);
        expect(allow).toEqual(expect.arrayContaining([...allowed]));
        expect(allow).not.toContain(method);
      });
    }
  }
});

describe("a path that is none is 404", () => {
  const rows = [
    "",
    "manifests",
    "manifests/",
    "blobs",
    "blobs/",
    "tags",
    "tags/",
    "tags/list/",
    "tags/other",
    "referrers",
    "referrers/",
    `blobs/uploads/${nil}/more`,
    "manifests/a/b",
    "nothing",
    "_catalog",
  ];
  for (const row of rows) {
    test(`/v2/REPOSITORY/${row}`, async () => {
      const repository = await registry.createRepository();
      const answer = await registry.request("GET", `/v2/${repository}/${row}`);
      // Some read as the path of another repository, whose name is then unknown or none.
      expect(answer.status).toBeOneOf([400, 404]);
      expect(errorCode(answer)).not.toBeEmpty();
    });
  }

  for (const path of ["/v2/_nothing", "/v2/list", "/v2//", "/v1/", "/v2x/", "/v3/"]) {
    test(path, async () => {
      const answer = await exchange(registry.server, { method: "GET", target: path });
      expect(answer.status).toBeOneOf([400, 401, 404]);
    });
  }
});
