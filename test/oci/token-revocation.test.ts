/** RevokeAuthorizationTokens of Lading's own service: what is revoked opens nothing from the next request on. */
import { afterAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { STS } from "@aws-sdk/client-sts";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import { client } from "../support/aws.ts";
import { iam, type Keys, newKey } from "../support/iam.ts";
import { lading } from "../support/lading.ts";
import {
  connect,
  digestOf,
  errorMessage,
  expectError,
  header,
  registryForFile,
  uniqueBytes,
  withQuery,
} from "../support/oci.ts";
import { basic, root, start, type TestServer } from "../support/server.ts";
import { deleteUser, makeUser } from "../support/users.ts";

const data = await folderWithOtherAccount();
const registry = registryForFile({ data });

afterAll(() => rm(data, { recursive: true, force: true }));

const rootArn = `arn:aws:iam::${root.accountId}:root`;
const otherRootArn = `arn:aws:iam::${otherRoot.accountId}:root`;

/** A token as GetAuthorizationToken gives it. */
async function tokenOf(
  { accessKeyId, secretAccessKey, sessionToken }: Keys = root,
  server: TestServer = registry.server,
): Promise<string> {
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  const ecr = client(server, { credentials });
  const { authorizationData } = await ecr.getAuthorizationToken({});
  return authorizationData?.[0]?.authorizationToken ?? "";
}

async function ask(token: string) {
  return registry.request("GET", "/v2/", { authorization: `Basic ${token}` });
}

async function opens(token: string): Promise<boolean> {
  return (await ask(token)).status === 200;
}

type Signer = { accessKeyId?: string; secretAccessKey?: string };

/** Revokes, and waits until the clock shows a later moment: what is issued within the same one is revoked too. */
async function revoke(input: object, signer: Signer = {}, server = registry.server): Promise<void> {
  const { accessKeyId, secretAccessKey } = signer;
  const answer = await lading<{ issuedUntil: number }>(server, "RevokeAuthorizationTokens", {
    input,
    ...(accessKeyId !== undefined && { accessKeyId }),
    ...(secretAccessKey !== undefined && { secretAccessKey }),
  });
  expect(answer.status).toBe(200);
  expect(Math.abs(answer.output.issuedUntil * 1000 - Date.now())).toBeLessThan(60_000);
  while (Date.now() <= answer.output.issuedUntil * 1000) await Bun.sleep(1);
}

async function expectRefused(input: object, message: string, signer: Signer = {}): Promise<void> {
  const answer = await lading(registry.server, "RevokeAuthorizationTokens", { input, ...signer });
  expect(answer).toMatchObject({ status: 400, type: "InvalidParameterException", message });
}

const invalid = (at: string, reason: string) =>
  `Invalid parameter at '${at}' failed to satisfy constraint: '${reason}'`;

describe("a revoked token", () => {
  test("is refused with a challenge and the moment, and no other token is", async () => {
    const [one, two] = [await tokenOf(), await tokenOf()];
    expect([await opens(one), await opens(two)]).toEqual([true, true]);
    await revoke({ authorizationToken: one });
    const answer = await ask(one);
    expectError(answer, 401, "UNAUTHORIZED");
    expect(answer.headers.get("www-authenticate")).toStartWith("Basic realm=");
    expect(errorMessage(answer)).toMatch(
      /^This authorization token was revoked at 20\d\d-\d\d-\d\dT[\d:.]+Z\. Log in with: /,
    );
    expect([await opens(two), await opens(await tokenOf())]).toEqual([true, true]);
  });

  test("may be given as the password that docker has", async () => {
    const token = await tokenOf();
    await revoke({ authorizationToken: atob(token).slice("AWS:".length) });
    expect(await opens(token)).toBe(false);
  });

  test("may be revoked by anybody who holds it, and twice", async () => {
    const token = await tokenOf();
    await revoke({ authorizationToken: token }, otherRoot);
    await revoke({ authorizationToken: token });
    expect(await opens(token)).toBe(false);
  });

  test("cannot go on with the upload that it began", async () => {
    const token = await tokenOf();
    const authorization = `Basic ${token}`;
    const repository = await registry.createRepository();
    const begun = await registry.request("POST", `/v2/${repository}/blobs/uploads/`, { authorization });
    const location = header(begun, "location");
    const body = uniqueBytes();
    expect((await registry.request("PATCH", location, { authorization, body })).status).toBe(202);
    await revoke({ authorizationToken: token });
    const end = withQuery(location, { digest: digestOf(body) });
    expectError(await registry.request("PUT", end, { authorization }), 401, "UNAUTHORIZED");
    expect(await registry.has(repository, "blobs", digestOf(body))).toBe(false);
    // Somebody who may can still end it.
    expect((await registry.request("PUT", end)).status).toBe(201);
  });

  test("stays revoked after a restart", async () => {
    await using first = await start();
    const token = await tokenOf(root, first);
    await revoke({ authorizationToken: token }, {}, first);
    expect(await first.stop()).toBe(0);
    await using second = await start({ data: first.data });
    const answer = await connect(second).request("GET", "/v2/", { authorization: `Basic ${token}` });
    expect(errorMessage(answer)).toStartWith("This authorization token was revoked at ");
  });
});

describe("all tokens until now", () => {
  test("of an access key end, and later ones and the key itself do not", async () => {
    const [one, two, foreign] = [await tokenOf(), await tokenOf(), await tokenOf(otherRoot)];
    await revoke({ accessKeyId: root.accessKeyId });
    for (const token of [one, two]) {
      expect(errorMessage(await ask(token))).toStartWith(
        `The authorization tokens of access key '${root.accessKeyId}' were revoked at `,
      );
    }
    expect([await opens(await tokenOf()), await opens(foreign)]).toEqual([true, true]);
    expect((await registry.request("GET", "/v2/", { authorization: basic })).status).toBe(200);
  });

  test("of a principal end, and later ones do not", async () => {
    const token = await tokenOf(otherRoot);
    await revoke({ principalArn: otherRootArn }, otherRoot);
    expect(errorMessage(await ask(token))).toStartWith(
      "The authorization tokens of this user, role or session were revoked at ",
    );
    expect(await opens(await tokenOf(otherRoot))).toBe(true);
  });
});

describe("a revocation is refused", () => {
  test("for nothing, and for two things at once", async () => {
    const of = (count: number) =>
      invalid(
        "authorizationToken",
        `Exactly one of authorizationToken, accessKeyId and principalArn must be given, not ${count}`,
      );
    await expectRefused({}, of(0));
    await expectRefused({ accessKeyId: root.accessKeyId, principalArn: rootArn }, of(2));
    // A token that is held gives no right to what comes with it.
    await expectRefused(
      { authorizationToken: await tokenOf(otherRoot), principalArn: rootArn },
      of(2),
      otherRoot,
    );
  });

  test("for what is no token of this registry, without showing it", async () => {
    const token = await tokenOf();
    for (const authorizationToken of [
      "x",
      "AWS:x",
      btoa("AWS:x"),
      `${token.slice(0, -8)}AAAA${token.slice(-4)}`,
    ]) {
      await expectRefused(
        { authorizationToken },
        invalid("authorizationToken", "It is not an authorization token of this registry, or it was altered"),
      );
    }
    expect(await opens(token)).toBe(true);
  });

  test("for keys and principals of another account", async () => {
    const token = await tokenOf();
    const { accessKeyId } = root;
    await expectRefused(
      { accessKeyId },
      invalid(
        "accessKeyId",
        `There is no access key '${accessKeyId}' in account ${otherRoot.accountId}; the tokens of a deleted key have ended with it`,
      ),
      otherRoot,
    );
    for (const principalArn of [
      rootArn,
      `arn:aws:iam::${otherRoot.accountId}:user/nobody`,
      `arn:aws:sts::${root.accountId}:federated-user/bob`,
      "arn:aws:ecr:us-east-1:111122223333:repository/app",
    ]) {
      await expectRefused(
        { principalArn },
        invalid(
          "principalArn",
          `There is no principal '${principalArn}' in account ${otherRoot.accountId}; give the ARN of its root, a user, a role or a session`,
        ),
        otherRoot,
      );
    }
    expect(await opens(token)).toBe(true);
  });
});

describe("a user's token", () => {
  const getToken = "ecr:GetAuthorizationToken";
  const revokeAll = "lading:RevokeAuthorizationTokens";

  test("dies at once with its key, and with its user", async () => {
    const user = await makeUser(registry.server, { actions: [getToken] });
    const token = await tokenOf(user.keys);
    expect(await opens(token)).toBe(true);
    const key = { UserName: user.name, AccessKeyId: user.keys.accessKeyId };
    await iam(registry.server).updateAccessKey({ ...key, Status: "Inactive" });
    expect(errorMessage(await ask(token))).toStartWith(
      `The access key '${key.AccessKeyId}' that these credentials were made with is disabled. Log in with: `,
    );
    await iam(registry.server).updateAccessKey({ ...key, Status: "Active" });
    expect(await opens(token)).toBe(true);
    await deleteUser(registry.server, user);
    expect(errorMessage(await ask(token))).toStartWith(
      `The access key '${key.AccessKeyId}' that these credentials were made with is deleted, or its user is. Log in with: `,
    );
  });

  test("of a session dies at once with its user", async () => {
    const user = await makeUser(registry.server, { actions: [getToken] });
    const { url: endpoint, region } = registry.server;
    const { Credentials: made } = await new STS({
      endpoint,
      region,
      credentials: user.keys,
    }).getSessionToken({});
    const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = made ?? {};
    const session = {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
    };
    const token = await tokenOf(session);
    expect(await opens(token)).toBe(true);
    await deleteUser(registry.server, user);
    expect(errorMessage(await ask(token))).toStartWith(
      `The session of the temporary access key '${AccessKeyId}' that this token was made with has ended, or its user or role is deleted. Log in with: `,
    );
  });

  test("is revoked by who may, and stays so under another name", async () => {
    const admin = await makeUser(registry.server, { actions: [revokeAll] });
    const user = await makeUser(registry.server, { actions: [getToken], name: "once" });
    const token = await tokenOf(user.keys);

    const refused = await lading(registry.server, "RevokeAuthorizationTokens", {
      input: { principalArn: admin.arn },
      ...user.keys,
    });
    expect(refused).toMatchObject({
      status: 400,
      type: "AccessDeniedException",
      message: `User: ${user.arn} is not authorized to perform: ${revokeAll} on resource: * because no identity-based policy allows the ${revokeAll} action`,
    });

    await revoke({ principalArn: user.arn }, admin.keys);
    expect(await opens(token)).toBe(false);
    await iam(registry.server).updateUser({ UserName: "once", NewUserName: "now" });
    expect(await opens(token)).toBe(false);
    expect(await opens(await tokenOf(user.keys))).toBe(true);
  });

  test("is revoked with its key, while its other key's tokens stay", async () => {
    const user = await makeUser(registry.server, { actions: [getToken] });
    const second = await newKey(registry.server, user.name);
    const [one, two] = [await tokenOf(user.keys), await tokenOf(second)];
    await revoke({ accessKeyId: user.keys.accessKeyId });
    expect([await opens(one), await opens(two)]).toEqual([false, true]);
  });

  test("is revoked by the user, who holds it and has no right to anything else", async () => {
    const user = await makeUser(registry.server, { actions: [getToken] });
    const token = await tokenOf(user.keys);
    await revoke({ authorizationToken: token }, user.keys);
    expect(await opens(token)).toBe(false);
  });
});

describe("a role's tokens", () => {
  const Statement = [
    { Effect: "Allow", Action: "sts:AssumeRole", Principal: { AWS: `arn:aws:iam::${root.accountId}:root` } },
  ];
  const permissions = [{ Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" }];

  /** A role that users with the right to assume it can, and what deletes it. */
  async function makeRole(RoleName: string) {
    const client = iam(registry.server);
    const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
    const { Role } = await client.createRole({ RoleName, AssumeRolePolicyDocument });
    const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: permissions });
    await client.putRolePolicy({ RoleName, PolicyName: "test", PolicyDocument });
    const remove = async () => {
      await client.deleteRolePolicy({ RoleName, PolicyName: "test" });
      await client.deleteRole({ RoleName });
    };
    return { arn: Role?.Arn ?? "", remove };
  }

  async function sessionToken(RoleArn: string, RoleSessionName: string): Promise<string> {
    const user = await makeUser(registry.server, { actions: ["sts:AssumeRole"] });
    const { url: endpoint, region } = registry.server;
    const sts = new STS({ endpoint, region, credentials: user.keys });
    const { Credentials: made } = await sts.assumeRole({ RoleArn, RoleSessionName });
    const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = made ?? {};
    return tokenOf({
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
    });
  }

  test("end session by session, or all with the role's ARN, or with the role", async () => {
    const { arn, remove } = await makeRole("deployer");
    const tokens = [await sessionToken(arn, "one"), await sessionToken(arn, "two")];
    const open = async () => Promise.all(tokens.map(opens));
    expect(await open()).toEqual([true, true]);
    await revoke({ principalArn: `arn:aws:sts::${root.accountId}:assumed-role/deployer/one` });
    expect(await open()).toEqual([false, true]);
    await revoke({ principalArn: arn });
    expect(await open()).toEqual([false, false]);
    const later = await sessionToken(arn, "one");
    expect(await opens(later)).toBe(true);
    await remove();
    expect(errorMessage(await ask(later))).toContain("has ended, or its user or role is deleted.");
  });
});
