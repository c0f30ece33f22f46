/** Whom a credential speaks for: WhoAmI of Lading's own service for AWS keys, and `GET /whoami` for docker's. */
import { beforeAll, describe, expect, test } from "bun:test";
import {
  account,
  allowing,
  assume,
  ecrOf,
  everyoneIn,
  loginOf,
  type Person,
  region,
  role,
  rootOf,
  sts,
  user,
} from "../support/access.ts";
import { answer } from "../support/answers.ts";
import { lading } from "../support/lading.ts";
import { registryForFile } from "../support/oci.ts";

const registry = registryForFile();
const server = () => registry.server;

let owner: Person;

beforeAll(async () => {
  owner = await account(server(), "222222222222");
});

const whoAmI = (as?: Pick<Person, "keys">) =>
  answer<Record<string, unknown>>(server(), "WhoAmI", { input: {}, as, region });

async function byDocker(authorization?: string, method = "GET") {
  const headers = { ...(authorization !== undefined && { authorization }) };
  const response = await fetch(`${server().url}/whoami`, { method, headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

describe("AWS keys", () => {
  test("of a root and of a user without any right", async () => {
    const root = rootOf(server());
    expect(await whoAmI(root)).toEqual({
      arn: root.arn,
      account: root.accountId,
      userId: root.accountId,
      accessKeyId: root.keys.accessKeyId,
      region,
      registry: `${server().host}/${root.accountId}.${region}`,
    });
    const own = await user(server(), owner);
    expect(await whoAmI(own)).toMatchObject({ arn: own.arn, account: owner.accountId, userId: own.id });
  });

  test("of a session, with its end", async () => {
    const holder = await role(server(), owner, { trusts: everyoneIn(owner.accountId) });
    const keys = await assume(server(), owner, { RoleArn: holder.arn });
    const { Arn, UserId } = await sts(server(), { keys }).getCallerIdentity({});
    const { arn, userId, expiresAt } = await whoAmI({ keys });
    expect({ arn, userId }).toEqual({ arn: Arn, userId: UserId });
    expect(Math.abs(Number(expiresAt) - Date.now() / 1000 - 3_600)).toBeLessThan(60);
  });

  test("that are nobody's", async () => {
    const refused = await lading(server(), "WhoAmI", {
      accessKeyId: "AKIA0000000000000000",
      secretAccessKey: "x",
    });
    expect(refused).toMatchObject({ status: 403, type: "UnrecognizedClientException" });
  });
});

describe("docker's credentials", () => {
  test("an access key, which has no end", async () => {
    const own = await user(server(), owner);
    const { status, text } = await byDocker(await loginOf(server(), own));
    expect(status).toBe(200);
    const identity: object = JSON.parse(text);
    expect(identity).toEqual({
      arn: own.arn,
      account: owner.accountId,
      accessKeyId: own.keys.accessKeyId,
      region: server().region,
      registry: `${server().host}/${owner.accountId}.${server().region}`,
    });
  });

  test("a token, with its end and the region that it was made in", async () => {
    const own = await user(server(), owner, { policies: [allowing("ecr:GetAuthorizationToken")] });
    const { authorizationData } = await ecrOf(server(), own).getAuthorizationToken({});
    const [{ authorizationToken = "", expiresAt = new Date(0) } = {}] = authorizationData ?? [];
    const { status, text } = await byDocker(`Basic ${authorizationToken}`);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      arn: own.arn,
      region,
      expiresAt: Math.floor(expiresAt.getTime() / 1000),
    });
  });

  test("a token of a session, which ends with the session", async () => {
    const holder = await role(server(), owner, {
      trusts: everyoneIn(owner.accountId),
      policies: [allowing("ecr:GetAuthorizationToken")],
    });
    const keys = await assume(server(), owner, { RoleArn: holder.arn, DurationSeconds: 900 });
    const { text } = await byDocker(await loginOf(server(), { keys }));
    const { arn, expiresAt } = JSON.parse(text);
    expect(arn).toBe(`arn:aws:sts::${owner.accountId}:assumed-role/${holder.name}/session`);
    expect(Math.abs(expiresAt - Date.now() / 1000 - 900)).toBeLessThan(60);
  });

  test("none, and wrong ones, with the reason", async () => {
    const cases = [
      [undefined, "No credentials were sent."],
      ["Basic Og==", "No credentials were sent."],
      ["Bearer x", "The Authorization header is not 'Basic' with base64 of USER:PASSWORD."],
      [
        `Basic ${btoa("AWS:nonsense")}`,
        "The password is not an authorization token of this registry, or it was altered.",
      ],
      [
        `Basic ${btoa(`${owner.keys.accessKeyId}:wrong`)}`,
        `The password is not the secret of access key '${owner.keys.accessKeyId}'.`,
      ],
    ] as const;
    for (const [authorization, reason] of cases) {
      const { status, text } = await byDocker(authorization);
      expect({ status, text: text.trim() }).toEqual({ status: 401, text: reason });
    }
  });

  test("asked for by GET alone", async () => {
    expect((await byDocker(undefined, "DELETE")).status).toBe(404);
  });
});
