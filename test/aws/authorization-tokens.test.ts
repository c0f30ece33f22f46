/** GetAuthorizationToken, and what its password opens. */
import { afterAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { InvalidParameterException } from "@aws-sdk/client-ecr";
import { type Credentials, STS } from "@aws-sdk/client-sts";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import { client, expectError, failedConstraints } from "../support/aws.ts";
import type { Keys } from "../support/iam.ts";
import { lading } from "../support/lading.ts";
import {
  connect,
  digestOf,
  expectError as expectOciError,
  registryForFile,
  uniqueBytes,
  withQuery,
} from "../support/oci.ts";
import { start, type TestServer } from "../support/server.ts";
import { makeUser } from "../support/users.ts";

const data = await folderWithOtherAccount();
const registry = registryForFile({ data });

afterAll(() => rm(data, { recursive: true, force: true }));

/** The token as it comes, and the password in it. */
async function token(server: TestServer = registry.server, ecr = client(server)) {
  const { authorizationData } = await ecr.getAuthorizationToken({});
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
  const other = password.at(-4) === "A" ? "B" : "A";
  const wrong = [
    `aws:${password}`,
    `root:${password}`,
    `:${password}`,
    `AWS:${password.slice(0, -1)}`,
    `AWS:${password.slice(0, -4)}${other}${password.slice(-3)}`,
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

test("it is refused when any of its bytes is another", async () => {
  const { password } = await token();
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
  const answers = await Promise.all(
    [...password].map((character, at) => {
      // The next of the alphabet, so that bits at the end that base64 does not need are changed too.
      const other = alphabet[(alphabet.indexOf(character) + 1) % alphabet.length];
      const altered = `${password.slice(0, at)}${other}${password.slice(at + 1)}`;
      return registry.request("GET", "/v2/", { authorization: `Basic ${btoa(`AWS:${altered}`)}` });
    }),
  );
  expect(answers.length).toBeGreaterThan(100);
  for (const answer of answers) {
    expectOciError(answer, 401, "UNAUTHORIZED");
    expect(answer.text()).toContain("is not an authorization token of this registry, or it was altered");
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

  await expectError(
    client(registry.server).getAuthorizationToken({ registryIds: ["000000000000", "999999999999"] }),
    InvalidParameterException,
    "There is no account '999999999999' with a registry in region 'us-east-1' in this installation",
  );

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

test("it opens the registries of its account in every region", async () => {
  const { authorizationToken } = await token(
    registry.server,
    client(registry.server, { region: "eu-west-1" }),
  );
  const authorization = `Basic ${authorizationToken}`;
  const repository = await registry.createRepository();
  const answer = await registry.request("GET", `/v2/${repository}/tags/list`, { authorization });
  expect(answer.status).toBe(200);
});

test("it opens another account's repository as far as that one's policy lets it", async () => {
  const { authorizationToken } = await token(
    registry.server,
    client(registry.server, { credentials: otherRoot }),
  );
  const authorization = `Basic ${authorizationToken}`;
  const repositoryName = await registry.createRepository();
  await registry.pushImage(repositoryName, "latest");
  const pull = async () => {
    const path = `/v2/000000000000.us-east-1/${repositoryName}/manifests/latest`;
    return (await registry.request("GET", path, { authorization })).status;
  };
  expect(await pull()).toBe(403);
  const statement = {
    Effect: "Allow",
    Principal: { AWS: otherRoot.accountId },
    Action: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
  };
  const policyText = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  await client(registry.server).setRepositoryPolicy({ repositoryName, policyText });
  expect(await pull()).toBe(200);
  await client(registry.server).deleteRepositoryPolicy({ repositoryName });
  expect(await pull()).toBe(403);
});

describe("a token that is asked for with a length of its own", () => {
  type Created = {
    authorizationData: { authorizationToken: string; expiresAt: number; proxyEndpoint: string }[];
  };
  const create = (input: object) => lading<Created>(registry.server, "CreateAuthorizationToken", { input });

  test.each([60, 3600, 43_200])(
    "of %d seconds opens the door and says when it ends",
    async (durationSeconds) => {
      const { output } = await create({ durationSeconds });
      const [data] = output.authorizationData;
      const seconds = (data?.expiresAt ?? 0) - Date.now() / 1000;
      expect(seconds).toBeLessThanOrEqual(durationSeconds + 1);
      expect(seconds).toBeGreaterThan(durationSeconds - 30);
      expect(data?.proxyEndpoint).toBe(registry.server.url);
      const authorization = `Basic ${data?.authorizationToken}`;
      expect((await registry.request("GET", "/v2/", { authorization })).status).toBe(200);
    },
  );

  test("is one for all of registryIds, and without a length as long as ECR's", async () => {
    const { output } = await create({ registryIds: ["000000000000", otherRoot.accountId] });
    expect(output.authorizationData).toHaveLength(2);
    expect(new Set(output.authorizationData.map((data) => data.authorizationToken)).size).toBe(1);
    expect((output.authorizationData[0]?.expiresAt ?? 0) - Date.now() / 1000).toBeGreaterThan(43_000);
  });

  test.each([
    [59, "greater than or equal to 60"],
    [43_201, "less than or equal to 43200"],
  ])("is refused for %d seconds", async (durationSeconds, bound) => {
    const answer = await create({ durationSeconds });
    expect(answer).toMatchObject({
      status: 400,
      type: "InvalidParameterException",
      message: failedConstraints(
        `Value '${durationSeconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value ${bound}`,
      ),
    });
  });

  test("is refused for an account that there is not", async () => {
    const answer = await create({ registryIds: ["999999999999"] });
    expect(answer.message).toStartWith("There is no account '999999999999'");
  });
});

describe("who may have one", () => {
  const getToken = "ecr:GetAuthorizationToken";
  const sts = (keys: Keys) =>
    new STS({ endpoint: registry.server.url, region: "us-east-1", credentials: keys, maxAttempts: 1 });
  const keysOf = ({
    AccessKeyId = "",
    SecretAccessKey = "",
    SessionToken = "",
  }: Partial<Credentials> = {}) => {
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  };
  const askAs = (keys: Keys) => client(registry.server, { credentials: keys }).getAuthorizationToken({});

  /** The status at the door, and when the token ends. */
  async function tokenOf(keys: Keys) {
    const { authorizationData } = await askAs(keys);
    const [data] = authorizationData ?? [];
    const authorization = `Basic ${data?.authorizationToken}`;
    const { status } = await registry.request("GET", "/v2/", { authorization });
    return { status, authorization, endsAt: data?.expiresAt?.getTime() ?? 0 };
  }

  test("is a user with the right to it, and no other", async () => {
    const user = await makeUser(registry.server, { actions: [getToken] });
    const { status, authorization } = await tokenOf(user.keys);
    expect(status).toBe(200);
    const repository = await registry.createRepository();
    const list = await registry.request("GET", `/v2/${repository}/tags/list`, { authorization });
    expectOciError(list, 403, "DENIED");
    expect(list.text()).toContain(`User: ${user.arn} is not authorized to perform: ecr:ListImages`);

    const other = await makeUser(registry.server, { actions: ["ecr:ListImages"] });
    const message = `User: ${other.arn} is not authorized to perform: ${getToken} on resource: * because no identity-based policy allows the ${getToken} action`;
    await expect(askAs(other.keys)).rejects.toHaveProperty("message", message);
    const shorter = await lading(registry.server, "CreateAuthorizationToken", other.keys);
    expect(shorter).toMatchObject({ status: 400, type: "AccessDeniedException", message });
  });

  test("is not given it by a policy of a repository or the registry", async () => {
    const user = await makeUser(registry.server);
    const statement = { Effect: "Allow", Principal: { AWS: user.arn }, Action: getToken };
    const policyText = JSON.stringify({ Statement: [{ ...statement, Resource: "*" }] });
    await client(registry.server).putRegistryPolicy({ policyText });
    await expect(askAs(user.keys)).rejects.toHaveProperty("name", "AccessDeniedException");
    await client(registry.server).deleteRegistryPolicy({});
  });

  test("is a session, for as long as it lasts", async () => {
    const user = await makeUser(registry.server, { actions: [getToken, "sts:GetFederationToken"] });
    const statement = { Effect: "Allow", Action: getToken, Resource: "*" };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    const sessions = [
      sts(user.keys).getSessionToken({ DurationSeconds: 900 }),
      sts(user.keys).getFederationToken({ Name: "guest", DurationSeconds: 900, Policy }),
      sts(registry.server).getSessionToken({ DurationSeconds: 900 }),
    ];
    for (const { Credentials } of await Promise.all(sessions)) {
      const { status, endsAt } = await tokenOf(keysOf(Credentials));
      expect(status).toBe(200);
      const sessionEndsAt = Credentials?.Expiration?.getTime() ?? 0;
      expect(endsAt).toBeLessThan(sessionEndsAt + 1000);
      expect(endsAt).toBeGreaterThan(sessionEndsAt - 1000);
    }
  });

  test("a federated user without a policy has no right to one", async () => {
    const user = await makeUser(registry.server, { actions: [getToken, "sts:GetFederationToken"] });
    const { Credentials } = await sts(user.keys).getFederationToken({ Name: "nobody" });
    await expect(askAs(keysOf(Credentials))).rejects.toHaveProperty("name", "AccessDeniedException");
  });

  test("a temporary key itself is no login, and the answer says what is", async () => {
    const { Credentials } = await sts(registry.server).getSessionToken({ DurationSeconds: 900 });
    const { accessKeyId, secretAccessKey } = keysOf(Credentials);
    const authorization = `Basic ${btoa(`${accessKeyId}:${secretAccessKey}`)}`;
    const answer = await registry.request("GET", "/v2/", { authorization });
    expectOciError(answer, 401, "UNAUTHORIZED");
    expect(answer.text()).toContain(
      `'${accessKeyId}' is a temporary access key, whose session token has no place here; log in with an authorization token.`,
    );
  });
});
