/** GetAuthorizationToken, and what its password opens. */
import { expect, test } from "bun:test";
import { InvalidParameterException } from "@aws-sdk/client-ecr";
import { client, expectError, failedConstraints } from "../support/aws.ts";
import {
  connect,
  digestOf,
  expectError as expectOciError,
  registryForFile,
  uniqueBytes,
  withQuery,
} from "../support/oci.ts";
import { start, type TestServer } from "../support/server.ts";

const registry = registryForFile();

/** The token as it comes, and the password in it. */
async function token(server: TestServer = registry.server) {
  const { authorizationData } = await client(server).getAuthorizationToken({});
  const authorizationToken = authorizationData?.[0]?.authorizationToken ?? "";
  const [user, ...password] = Buffer.from(authorizationToken, "base64").toString().split(":");
  expect(user).toBe("AWS");
  return { authorizationToken, password: password.join(":") };
}

test("a token is base64 of AWS and a password that clients can split and send", async () => {
  const { authorizationToken, password } = await token();
  expect(authorizationToken).toMatch(/^[A-Za-z0-9+/]+=*$/);
  expect(Buffer.from(authorizationToken, "base64").toString("base64")).toBe(authorizationToken);
  // No ":" and no line end, and nothing else that a shell or a header could trip over.
  expect(password).toMatch(/^[A-Za-z0-9+/=._~-]+$/);
  expect(authorizationToken.length).toBeLessThan(4096);
});

test("it lives for twelve hours, and says where to log in", async () => {
  const { authorizationData } = await client(registry.server).getAuthorizationToken({});
  expect(authorizationData).toHaveLength(1);
  const [data] = authorizationData ?? [];
  const hours = ((data?.expiresAt?.getTime() ?? 0) - Date.now()) / 3_600_000;
  expect(hours).toBeGreaterThan(11.9);
  expect(hours).toBeLessThanOrEqual(12.01);
  expect(data?.proxyEndpoint).toBe(registry.server.url);
});

test("it opens the registry door as it is, for a push and a pull", async () => {
  const { authorizationToken } = await token();
  const authorization = `Basic ${authorizationToken}`;
  expect((await registry.request("GET", "/v2/", { authorization })).status).toBe(200);

  const repository = await registry.createRepository();
  const body = uniqueBytes();
  const digest = digestOf(body);
  const upload = withQuery(`/v2/${repository}/blobs/uploads/`, { digest });
  expect((await registry.request("POST", upload, { authorization, body })).status).toBe(201);
  const pulled = await registry.request("GET", `/v2/${repository}/blobs/${digest}`, { authorization });
  expect(pulled.body).toEqual(body);
});

test("it is the password of AWS alone, and whole", async () => {
  const { password } = await token();
  const last = password.endsWith("A") ? "B" : "A";
  const wrong = [
    `aws:${password}`,
    `root:${password}`,
    `:${password}`,
    `AWS:${password.slice(0, -1)}`,
    `AWS:${password.slice(0, -4)}${last}${password.slice(-3)}`,
    `AWS:${password}x`,
    `AWS:x${password}`,
    `AWS:${password}\n`,
    `AWS:${password}:`,
    "AWS:",
    "AWS",
  ];
  for (const credentials of wrong) {
    const authorization = `Basic ${btoa(credentials)}`;
    const answer = await registry.request("GET", "/v2/", { authorization });
    expectOciError(answer, 401, "UNAUTHORIZED");
    expect(answer.headers.get("www-authenticate")).toStartWith("Basic realm=");
  }
});

test("registryIds get an entry each, and are one to ten", async () => {
  const ids = ["000000000000", "111122223333", "000000000000"];
  const { authorizationData = [] } = await client(registry.server).getAuthorizationToken({
    registryIds: ids,
  });
  expect(authorizationData.map(({ proxyEndpoint }) => proxyEndpoint)).toEqual(
    ids.map(() => registry.server.url),
  );
  expect(new Set(authorizationData.map(({ authorizationToken }) => authorizationToken)).size).toBe(1);

  const eleven = Array.from({ length: 11 }, () => "000000000000");
  await expectError(
    client(registry.server).getAuthorizationToken({ registryIds: eleven }),
    InvalidParameterException,
    failedConstraints(
      `Value '[${eleven.join(", ")}]' at 'registryIds' failed to satisfy constraint: Member must have length less than or equal to 10`,
    ),
  );
});

test("it opens nothing at another account's registry", async () => {
  const { authorizationToken } = await token();
  const authorization = `Basic ${authorizationToken}`;
  const path = "/v2/111122223333.us-east-1/team/app/manifests/latest";
  const answer = await registry.request("GET", path, { authorization });
  expectOciError(answer, 403, "DENIED");
  expect(answer.text()).toContain(
    "User: arn:aws:iam::000000000000:root is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:111122223333:repository/team/app",
  );
});

test("it is worth nothing at another installation", async () => {
  await using other = await start();
  const { authorizationToken } = await token();
  const answer = await connect(other).request("GET", "/v2/", {
    authorization: `Basic ${authorizationToken}`,
  });
  expectOciError(answer, 401, "UNAUTHORIZED");
});

test("it outlives a restart of the server", async () => {
  await using first = await start();
  const { authorizationToken } = await token(first);
  expect(await first.stop()).toBe(0);
  await using second = await start({ data: first.data });
  const authorization = `Basic ${authorizationToken}`;
  expect((await connect(second).request("GET", "/v2/", { authorization })).status).toBe(200);
});
