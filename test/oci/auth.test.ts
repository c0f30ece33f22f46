/**
 * Who is let in at `/v2/`: the challenge, the credentials that docker clients send, and what is said of wrong ones.
 * OCI distribution 1.1 leaves it to RFC 7235 and RFC 7617, and names the code `UNAUTHORIZED`.
 */
import { describe, expect, test } from "bun:test";
import { GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import {
  type Answer,
  connect,
  digestOf,
  ecr,
  errorMessage,
  exchange,
  expectError,
  header,
  registryForFile,
  uniqueBytes,
  unknownDigest,
  withQuery,
} from "../support/oci.ts";
import { basic, root, start } from "../support/server.ts";

const registry = registryForFile();

function login(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}

async function authorizationToken(server = registry.server): Promise<string> {
  const answer = await ecr(server).send(new GetAuthorizationTokenCommand({}));
  const token = answer.authorizationData?.[0]?.authorizationToken;
  if (token === undefined) throw new Error("GetAuthorizationToken gave no token");
  return token;
}

function expectChallenge(answer: Answer): void {
  expect(answer.status).toBe(401);
  expect(answer.headers.get("www-authenticate")).toBe(
    `Basic realm="http://${registry.server.host}/",service="ecr.amazonaws.com"`,
  );
  expect(answer.headers.get("docker-distribution-api-version")).toBe("registry/2.0");
}

describe("credentials that open the door", () => {
  const rows: readonly [name: string, make: () => Promise<string>][] = [
    ["an access key's id and secret", async () => login(root.accessKeyId, root.secretAccessKey)],
    ["a token as GetAuthorizationToken gives it", async () => `Basic ${await authorizationToken()}`],
    [
      "the user AWS and the password of a token, as docker login sends them",
      async () => {
        const [user, ...password] = atob(await authorizationToken()).split(":");
        expect(user).toBe("AWS");
        // Clients split at the first colon and some at each, so there must be one.
        expect(password).toHaveLength(1);
        return login("AWS", password[0] ?? "");
      },
    ],
    ["the scheme in lower case", async () => basic.replace("Basic", "basic")],
    ["the scheme in upper case", async () => basic.replace("Basic", "BASIC")],
  ];
  for (const [name, make] of rows) {
    test(name, async () => {
      const authorization = await make();
      const answer = await registry.request("GET", "/v2/", { authorization });
      expect(answer.status).toBe(200);
      expect(answer.json<object>()).toEqual({});
      expect(answer.headers.get("www-authenticate")).toBeNull();
      expect(answer.headers.get("docker-distribution-api-version")).toBe("registry/2.0");
    });

    test(`${name}: push and pull`, async () => {
      const authorization = await make();
      const repository = await registry.createRepository();
      const content = uniqueBytes();
      const path = withQuery(`/v2/${repository}/blobs/uploads/`, { digest: digestOf(content) });
      const pushed = await registry.request("POST", path, { authorization, body: content });
      expect(pushed.status).toBe(201);
      const pulled = await registry.request("GET", header(pushed, "location"), { authorization });
      expect(pulled.status).toBe(200);
      expect(Buffer.compare(pulled.body, content)).toBe(0);
    });
  }
});

/** Credentials that let nobody in, by the cause that the answer must tell apart from the others. */
const wrong: readonly { cause: string; name: string; authorization: () => Promise<string | null> }[] = [
  { cause: "none", name: "none at all", authorization: async () => null },
  { cause: "none", name: "an empty user with an empty password", authorization: async () => "Basic Og==" },
  {
    cause: "user",
    name: "a user that is neither AWS nor a key",
    authorization: async () => login("admin", "admin"),
  },
  { cause: "form", name: "Basic without anything", authorization: async () => "Basic" },
  { cause: "form", name: "what is no base64", authorization: async () => "Basic !!!!" },
  { cause: "form", name: "base64 without a colon", authorization: async () => `Basic ${btoa("AWS")}` },
  { cause: "scheme", name: "a bearer token", authorization: async () => "Bearer abc.def.ghi" },
  { cause: "scheme", name: "another scheme", authorization: async () => "Digest username=x" },
  {
    cause: "key",
    name: "a key that nobody has",
    authorization: async () => login("AKIALADINGTESTNOBODY", root.secretAccessKey),
  },
  {
    cause: "secret",
    name: "a key with the secret of another",
    authorization: async () => login(root.accessKeyId, "wrong/secret+access+key+of+40+characters"),
  },
  { cause: "secret", name: "a key without secret", authorization: async () => login(root.accessKeyId, "") },
  {
    cause: "secret",
    name: "a key with its secret and a line end",
    authorization: async () => login(root.accessKeyId, `${root.secretAccessKey}\n`),
  },
  {
    cause: "token",
    name: "AWS with a password that is no token",
    authorization: async () => login("AWS", "password"),
  },
  {
    cause: "token",
    name: "AWS with a token whose last part was changed",
    authorization: async () => {
      const password = atob(await authorizationToken()).slice("AWS:".length);
      const end = password.replace(/=+$/, "").length - 12;
      const changed = password[end] === "A" ? "B" : "A";
      return login("AWS", `${password.slice(0, end)}${changed}${password.slice(end + 1)}`);
    },
  },
  {
    cause: "token",
    name: "AWS with half a token",
    authorization: async () => {
      const password = atob(await authorizationToken()).slice("AWS:".length);
      return login("AWS", password.slice(0, password.length / 2));
    },
  },
];

describe("credentials that do not", () => {
  for (const { name, authorization } of wrong) {
    test(`${name}: 401 with the challenge and a sentence`, async () => {
      const answer = await registry.request("GET", "/v2/", { authorization: await authorization() });
      expectChallenge(answer);
      expectError(answer, 401, "UNAUTHORIZED");
      expect(errorMessage(answer)).not.toBeEmpty();
    });

    test(`${name}: HEAD is 401 with the challenge and no body`, async () => {
      const repository = await registry.createRepository();
      const answer = await registry.request("HEAD", `/v2/${repository}/manifests/latest`, {
        authorization: await authorization(),
      });
      expectChallenge(answer);
      expect(answer.body).toBeEmpty();
    });
  }

  test("are told apart: none, form, user name, key, secret and token have sentences of their own", async () => {
    const sentences = new Map<string, string>();
    for (const { cause, authorization } of wrong) {
      if (sentences.has(cause)) continue;
      const answer = await registry.request("GET", "/v2/", { authorization: await authorization() });
      // What is quoted from the request does not make two sentences different.
      sentences.set(cause, errorMessage(answer).replaceAll(/'[^']*'/g, "''"));
    }
    const { scheme: _, ...told } = Object.fromEntries(sentences);
    expect(new Set(Object.values(told)).size).toBe(Object.keys(told).length);
  });

  test("do not come back in the answer", async () => {
    const secret = "wrong/secret+access+key+of+40+characters";
    for (const authorization of [
      login(root.accessKeyId, secret),
      login("AWS", secret),
      login("admin", secret),
    ]) {
      const answer = await registry.request("GET", "/v2/", { authorization });
      expect(answer.text()).not.toContain(secret);
    }
  });
});

describe("an authorization token", () => {
  test("outlives a restart", async () => {
    await using before = await start();
    const authorization = `Basic ${await authorizationToken(before)}`;
    await before.stop();
    await using after = await start({ data: before.data });
    expect((await connect(after).request("GET", "/v2/", { authorization })).status).toBe(200);
  });

  test("of another installation opens nothing, though account, region and key are the same", async () => {
    await using other = await start();
    const authorization = `Basic ${await authorizationToken(other)}`;
    expect((await connect(other).request("GET", "/v2/", { authorization })).status).toBe(200);
    expectChallenge(await registry.request("GET", "/v2/", { authorization }));
  });
});

describe("no path is open without credentials", () => {
  const digest = unknownDigest();
  const upload = "00000000-0000-4000-8000-000000000000";
  const rows: readonly [method: string, path: string][] = [
    ["GET", "/v2/"],
    ["GET", "/v2"],
    ["GET", "/v2/_catalog"],
    ["GET", "/v2/REPOSITORY/tags/list"],
    ["GET", "/v2/REPOSITORY/manifests/latest"],
    ["HEAD", "/v2/REPOSITORY/manifests/latest"],
    ["PUT", "/v2/REPOSITORY/manifests/latest"],
    ["DELETE", "/v2/REPOSITORY/manifests/latest"],
    ["GET", `/v2/REPOSITORY/blobs/${digest}`],
    ["HEAD", `/v2/REPOSITORY/blobs/${digest}`],
    ["DELETE", `/v2/REPOSITORY/blobs/${digest}`],
    ["POST", "/v2/REPOSITORY/blobs/uploads/"],
    ["POST", "/v2/REPOSITORY/blobs/uploads"],
    ["POST", `/v2/REPOSITORY/blobs/uploads/?digest=${digest}`],
    ["POST", `/v2/REPOSITORY/blobs/uploads/?mount=${digest}&from=REPOSITORY`],
    ["GET", `/v2/REPOSITORY/blobs/uploads/${upload}`],
    ["PATCH", `/v2/REPOSITORY/blobs/uploads/${upload}`],
    ["PUT", `/v2/REPOSITORY/blobs/uploads/${upload}?digest=${digest}`],
    ["DELETE", `/v2/REPOSITORY/blobs/uploads/${upload}`],
    ["GET", `/v2/REPOSITORY/referrers/${digest}`],
    ["GET", "/v2/missing-repository/tags/list"],
    ["GET", "/v2/Wrong-Name/tags/list"],
    ["GET", "/v2/REPOSITORY/nothing"],
    ["GET", "/v2/000000000000.us-east-1/REPOSITORY/tags/list"],
    ["GET", "/v2/999999999999.us-east-1/REPOSITORY/tags/list"],
  ];
  for (const [method, path] of rows) {
    test(`${method} ${path.replace(digest, "DIGEST").replace(upload, "UPLOAD")}`, async () => {
      const repository = await registry.createRepository();
      await registry.pushImage(repository, "latest");
      const answer = await registry.request(method, path.replaceAll("REPOSITORY", repository), {
        authorization: null,
      });
      expectChallenge(answer);
      if (method !== "HEAD") expectError(answer, 401, "UNAUTHORIZED");
    });
  }

  test("and nothing is done without them", async () => {
    const repository = await registry.createRepository();
    const image = await registry.pushImage(repository, "latest");
    const location = await registry.beginUpload(repository);
    const content = uniqueBytes();
    const rows: readonly [method: string, path: string][] = [
      ["DELETE", `/v2/${repository}/manifests/latest`],
      ["DELETE", `/v2/${repository}/manifests/${image.digest}`],
      ["PUT", `/v2/${repository}/manifests/other`],
      ["POST", withQuery(`/v2/${repository}/blobs/uploads/`, { digest: digestOf(content) })],
      ["PATCH", location],
      ["PUT", withQuery(location, { digest: digestOf(content) })],
      ["DELETE", location],
    ];
    for (const [method, path] of rows) {
      const body = method === "DELETE" ? undefined : path.includes("manifests") ? image.manifest : content;
      const answer = await registry.request(method, path, { authorization: null, body });
      expect(answer.status).toBe(401);
    }
    const tags = await registry.request("GET", `/v2/${repository}/tags/list`);
    expect(tags.json<object>()).toEqual({ name: repository, tags: ["latest"] });
    expect(await registry.has(repository, "blobs", digestOf(content))).toBe(false);
    const status = await registry.request("GET", location);
    expect(status.status).toBe(204);
    expect(status.headers.get("range")).toBe("0-0");
  });
});

describe("the realm", () => {
  test("names the host that the client called", async () => {
    const answer = await exchange(registry.server, {
      method: "GET",
      target: "/v2/",
      headers: { host: "images.example:8443", authorization: "Basic Og==" },
    });
    expect(answer.status).toBe(401);
    expect(answer.header("www-authenticate")).toBe(
      'Basic realm="http://images.example:8443/",service="ecr.amazonaws.com"',
    );
  });

  for (const host of ['a",error="x', "a b", "a\\", "a\tb", "<a>", "a/../b", "a@b"]) {
    test(`is not made of a Host that is none: ${host}`, async () => {
      const answer = await exchange(registry.server, {
        method: "GET",
        target: "/v2/",
        headers: { host, authorization: "Basic Og==" },
      });
      expect(answer.status).toBeOneOf([400, 401]);
      if (answer.status === 401) {
        expect(answer.header("www-authenticate")).toMatch(
          /^Basic realm="https?:\/\/[A-Za-z0-9.:[\]-]*\/",service="ecr\.amazonaws\.com"$/,
        );
      }
    });
  }
});
