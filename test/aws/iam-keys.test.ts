/** IAM's access keys: every operation, what a key that is disabled or deleted still can, and when one was last used. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ECR } from "@aws-sdk/client-ecr";
import { InvalidInputException, LimitExceededException, NoSuchEntityException } from "@aws-sdk/client-iam";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import {
  allow,
  expectCode,
  expectDenied,
  expectModelled,
  iam,
  type Keys,
  newKey,
  userWithKey,
} from "../support/iam.ts";
import { registryForFile } from "../support/oci.ts";
import { root as rootKeys, start, type TestServer } from "../support/server.ts";

const data = await folderWithOtherAccount();
const registry = registryForFile({ data });
const server = () => registry.server;
const root = () => iam(server());
const user = (name: string) => `arn:aws:iam::000000000000:user/${name}`;
const noKey = (id: string) => ({ status: 404, message: `The Access Key with id ${id} cannot be found.` });
const invalidToken = {
  status: 403,
  code: "InvalidClientTokenId",
  message: "The security token included in the request is invalid.",
};

afterAll(() => rm(data, { recursive: true, force: true }));

const basic = ({ accessKeyId, secretAccessKey }: Keys) =>
  `Basic ${btoa(`${accessKeyId}:${secretAccessKey}`)}`;

function whoAmI(keys: Keys, on: TestServer = server()): Promise<{ Arn?: string }> {
  const { url, region } = on;
  return new STSClient({ endpoint: url, region, credentials: keys, maxAttempts: 1 }).send(
    new GetCallerIdentityCommand({}),
  );
}

/** What the registry door answers to a ping: the status, and the message of a refusal. */
async function ping(authorization: string): Promise<{ status: number; message?: string }> {
  const answer = await registry.request("GET", "/v2/", { authorization });
  if (answer.status === 200) return { status: 200 };
  const [error] = answer.json<{ errors: { message: string }[] }>().errors;
  return { status: answer.status, message: error?.message ?? "" };
}

/** The password of `docker login` for these keys. */
async function tokenOf(keys: Keys): Promise<string> {
  const { url, region } = server();
  const ecr = new ECR({ endpoint: url, region, credentials: keys, maxAttempts: 1 });
  const { authorizationData = [] } = await ecr.getAuthorizationToken({});
  return `Basic ${authorizationData[0]?.authorizationToken}`;
}

describe("a new key", () => {
  test("shows its secret once and works at once", async () => {
    await root().createUser({ UserName: "Key-User" });
    const { AccessKey: made } = await root().createAccessKey({ UserName: "key-user" });
    expect(made).toEqual({
      UserName: "Key-User",
      AccessKeyId: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/),
      SecretAccessKey: expect.stringMatching(/^[A-Za-z0-9/+]{40}$/),
      Status: "Active",
      CreateDate: expect.any(Date),
    });
    const { SecretAccessKey: secretAccessKey = "", ...listed } = made ?? {};
    const { AccessKeyMetadata, IsTruncated } = await root().listAccessKeys({ UserName: "key-user" });
    expect(AccessKeyMetadata).toEqual([listed as object]);
    expect(IsTruncated).toBe(false);
    expect(server().output()).not.toContain(secretAccessKey);
    const keys = { accessKeyId: made?.AccessKeyId ?? "", secretAccessKey };
    expect((await whoAmI(keys)).Arn).toBe(user("Key-User"));
  });

  test("is the first or the second of a user", async () => {
    const UserName = "two-keys";
    await userWithKey(server(), UserName);
    await newKey(server(), UserName);
    await expectModelled(root().createAccessKey({ UserName }), LimitExceededException, {
      status: 409,
      message: "Cannot exceed quota for AccessKeysPerUser: 2",
    });
    const first = await root().listAccessKeys({ UserName, MaxItems: 1 });
    expect(first.IsTruncated).toBe(true);
    const second = await root().listAccessKeys({ UserName, MaxItems: 1, Marker: first.Marker });
    expect(second.IsTruncated).toBe(false);
    const ids = [first, second].flatMap(({ AccessKeyMetadata = [] }) =>
      AccessKeyMetadata.map(({ AccessKeyId }) => AccessKeyId),
    );
    expect(new Set(ids).size).toBe(2);
  });

  test("is the caller's when nobody is named: the root's, or the user's", async () => {
    const keys = await newKey(server());
    expect((await whoAmI(keys)).Arn).toBe("arn:aws:iam::000000000000:root");
    const { AccessKeyMetadata = [] } = await root().listAccessKeys({});
    expect(AccessKeyMetadata.map(({ AccessKeyId }) => AccessKeyId).sort()).toEqual(
      [keys.accessKeyId, server().accessKeyId].sort(),
    );
    await expectModelled(root().createAccessKey({}), LimitExceededException, {
      status: 409,
      message: "Cannot exceed quota for AccessKeysPerUser: 2",
    });
    // With the second key the root removes it, and with the first it is still there.
    await iam(server(), keys).deleteAccessKey({ AccessKeyId: keys.accessKeyId });
    await expectCode(whoAmI(keys), invalidToken);

    const mine = await userWithKey(server(), "rotates");
    await allow(server(), "rotates", { Action: "iam:*AccessKey*", Resource: user("rotates") });
    const client = iam(server(), mine);
    const { AccessKey: next } = await client.createAccessKey({});
    expect(next?.UserName).toBe("rotates");
    await client.updateAccessKey({ AccessKeyId: next?.AccessKeyId, Status: "Inactive" });
    await client.deleteAccessKey({ AccessKeyId: next?.AccessKeyId });
    expect((await client.listAccessKeys({})).AccessKeyMetadata).toHaveLength(1);
  });
});

describe("a key that is disabled", () => {
  test("stops at the next request on both doors, with its tokens, and comes back", async () => {
    const UserName = "paused";
    const keys = await userWithKey(server(), UserName);
    await allow(server(), UserName, { Action: ["ecr:GetAuthorizationToken"] });
    const AccessKeyId = keys.accessKeyId;
    const token = await tokenOf(keys);
    expect(await ping(basic(keys))).toEqual({ status: 200 });
    expect(await ping(token)).toEqual({ status: 200 });

    await root().updateAccessKey({ UserName, AccessKeyId, Status: "Inactive" });
    await expectCode(whoAmI(keys), invalidToken);
    for (const authorization of [basic(keys), token]) {
      const { status, message } = await ping(authorization);
      expect(status).toBe(401);
      expect(message).toStartWith(
        `The access key '${AccessKeyId}' that these credentials were made with is disabled.`,
      );
    }
    const { AccessKeyMetadata } = await root().listAccessKeys({ UserName });
    expect(AccessKeyMetadata?.[0]?.Status).toBe("Inactive");

    await root().updateAccessKey({ UserName, AccessKeyId, Status: "Active" });
    expect((await whoAmI(keys)).Arn).toBe(user(UserName));
    expect(await ping(token)).toEqual({ status: 200 });
  });
});

describe("a key that is deleted", () => {
  test("stops at the next request on both doors, and so does one whose user goes", async () => {
    const UserName = "removed";
    const keys = await userWithKey(server(), UserName);
    await allow(server(), UserName, { Action: ["ecr:GetAuthorizationToken"] });
    const token = await tokenOf(keys);
    expect(await ping(basic(keys))).toEqual({ status: 200 });
    await root().deleteAccessKey({ UserName, AccessKeyId: keys.accessKeyId });
    await root().deleteUserPolicy({ UserName, PolicyName: "test" });
    await root().deleteUser({ UserName });
    await expectCode(whoAmI(keys), invalidToken);
    for (const authorization of [basic(keys), token]) expect((await ping(authorization)).status).toBe(401);

    // Another user of the same name has nothing of it.
    const other = await userWithKey(server(), UserName);
    expect((await ping(token)).status).toBe(401);
    expect((await whoAmI(other)).Arn).toBe(user(UserName));
  });
});

describe("a key that is not the user's", () => {
  test("is not there", async () => {
    const { accessKeyId: AccessKeyId } = await userWithKey(server(), "owner");
    await root().createUser({ UserName: "stranger" });
    const UserName = "stranger";
    const theirs = otherRoot.accessKeyId;
    for (const [ask, id] of [
      [root().deleteAccessKey({ UserName, AccessKeyId }), AccessKeyId],
      [root().updateAccessKey({ UserName, AccessKeyId, Status: "Inactive" }), AccessKeyId],
      // Without a user the root's own are meant.
      [root().deleteAccessKey({ AccessKeyId }), AccessKeyId],
      [root().deleteAccessKey({ AccessKeyId: theirs }), theirs],
      [root().getAccessKeyLastUsed({ AccessKeyId: theirs }), theirs],
      [root().getAccessKeyLastUsed({ AccessKeyId: "AKIANOBODYHASTHISKEY" }), "AKIANOBODYHASTHISKEY"],
    ] as const) {
      await expectModelled(ask, NoSuchEntityException, noKey(id));
    }
  });

  test("has no user that is not there", async () => {
    const UserName = "none";
    const AccessKeyId = server().accessKeyId;
    for (const ask of [
      () => root().createAccessKey({ UserName }),
      () => root().listAccessKeys({ UserName }),
      () => root().deleteAccessKey({ UserName, AccessKeyId }),
      () => root().updateAccessKey({ UserName, AccessKeyId, Status: "Active" }),
    ]) {
      await expectModelled(ask(), NoSuchEntityException, {
        status: 404,
        message: "The user with name none cannot be found.",
      });
    }
  });

  test("expires by no request", async () => {
    const { accessKeyId: AccessKeyId } = await userWithKey(server(), "expires");
    await expectModelled(
      root().updateAccessKey({ UserName: "expires", AccessKeyId, Status: "Expired" }),
      InvalidInputException,
      { status: 400, message: "A key's status can be set to Active or Inactive, not to Expired" },
    );
  });
});

describe("a key's last use", () => {
  test("is known at once: when, in which service and region", async () => {
    const UserName = "used";
    const keys = await userWithKey(server(), UserName);
    const AccessKeyId = keys.accessKeyId;
    const last = async () => {
      const { $metadata: _, ...answer } = await root().getAccessKeyLastUsed({ AccessKeyId });
      return answer;
    };
    expect(await last()).toEqual({
      UserName,
      AccessKeyLastUsed: { ServiceName: "N/A", Region: "N/A" },
    });
    await whoAmI(keys);
    const { AccessKeyLastUsed: sts } = await last();
    expect(sts).toEqual({ LastUsedDate: expect.any(Date), ServiceName: "sts", Region: "us-east-1" });
    expect(Math.abs((sts?.LastUsedDate?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    // A refusal is a use, too.
    await iam(server(), keys, "eu-west-1")
      .listUsers({})
      .catch(() => {});
    expect((await last()).AccessKeyLastUsed).toMatchObject({ ServiceName: "iam", Region: "eu-west-1" });
    await ping(basic(keys));
    expect((await last()).AccessKeyLastUsed).toMatchObject({ ServiceName: "ecr", Region: "us-east-1" });
    await whoAmI({ ...keys, secretAccessKey: "wrong" }).catch(() => {});
    expect((await last()).AccessKeyLastUsed).toMatchObject({ ServiceName: "ecr" });
  });

  test("outlives a restart", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lading-test-"));
    try {
      let keys: Keys;
      {
        await using first = await start({ data: folder });
        keys = await userWithKey(first, "restarted");
        await whoAmI(keys, first);
        expect(await first.stop()).toBe(0);
      }
      await using second = await start({ data: folder });
      const { AccessKeyLastUsed } = await iam(second, rootKeys).getAccessKeyLastUsed({
        AccessKeyId: keys.accessKeyId,
      });
      expect(AccessKeyLastUsed).toEqual({
        LastUsedDate: expect.any(Date),
        ServiceName: "sts",
        Region: "us-east-1",
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("a user without rights", () => {
  test("may do nothing with keys, its own included", async () => {
    const keys = await userWithKey(server(), "powerless");
    const client = iam(server(), keys);
    const AccessKeyId = keys.accessKeyId;
    const me = user("powerless");
    const asks: readonly [Promise<unknown>, string, string][] = [
      [client.createAccessKey({}), "CreateAccessKey", me],
      [client.createAccessKey({ UserName: "other" }), "CreateAccessKey", user("other")],
      [client.deleteAccessKey({ AccessKeyId }), "DeleteAccessKey", me],
      [client.listAccessKeys({}), "ListAccessKeys", me],
      [client.updateAccessKey({ AccessKeyId, Status: "Inactive" }), "UpdateAccessKey", me],
      [client.getAccessKeyLastUsed({ AccessKeyId }), "GetAccessKeyLastUsed", me],
      [
        client.getAccessKeyLastUsed({ AccessKeyId: server().accessKeyId }),
        "GetAccessKeyLastUsed",
        "arn:aws:iam::000000000000:root",
      ],
      [client.getAccessKeyLastUsed({ AccessKeyId: otherRoot.accessKeyId }), "GetAccessKeyLastUsed", "*"],
    ];
    for (const [ask, action, resource] of asks) {
      await expectDenied(ask, { user: me, action: `iam:${action}`, resource });
    }
  });
});
