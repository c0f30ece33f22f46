/** STS: the sealed reasons that a refusal carries, and who can have them opened. */
import { describe, expect, test } from "bun:test";
import { InvalidAuthorizationMessageException } from "@aws-sdk/client-sts";
import { allow, expectDenied, expectModelled, iam, type Keys } from "../support/iam.ts";
import { registryForFile } from "../support/oci.ts";
import { organizations } from "../support/organizations.ts";
import { basic } from "../support/server.ts";
import { assume, ecr, login, makeRole, policy, sts } from "../support/sts.ts";
import { makeUser } from "../support/users.ts";

const registry = registryForFile();
const server = () => registry.server;
const account = "000000000000";

type Refusal = { encodedAuthorizationMessage?: string; Detail?: string };

/** What the call was refused with. */
async function sealedIn(call: Promise<unknown>): Promise<string> {
  const error = (await call.then(
    () => ({}),
    (reason: unknown) => reason,
  )) as Refusal;
  const sealed = error.encodedAuthorizationMessage ?? error.Detail ?? "";
  expect(sealed).toMatch(/^[\w-]{100,8192}$/);
  return sealed;
}

async function open(EncodedMessage: string, keys: Keys = server()): Promise<Record<string, unknown>> {
  const { DecodedMessage = "" } = await sts(server(), keys).decodeAuthorizationMessage({ EncodedMessage });
  return JSON.parse(DecodedMessage) as Record<string, unknown>;
}

const unreadable = {
  status: 400,
  message: "The message is not an authorization message of this registry for your account, or it was altered",
};

describe("a refusal", () => {
  test("by nobody's permission says which side lacks one", async () => {
    const user = await makeUser(server(), { name: "nothing-at-all" });
    const sealed = await sealedIn(
      ecr(server(), user.keys).describeRepositories({ repositoryNames: ["app"] }),
    );
    const resource = `arn:aws:ecr:us-east-1:${account}:repository/app`;
    const message = await open(sealed);
    expect(message).toMatchObject({
      allowed: false,
      explicitDeny: false,
      matchedStatements: { items: [] },
      failures: { items: [{ policyType: "identity", reason: "no statement allows" }] },
      context: {
        principal: { id: user.userId, name: user.name, arn: user.arn },
        action: "ecr:DescribeRepositories",
        resource,
      },
    });
    const { conditions } = message.context as {
      conditions: { items: { key: string; values: unknown }[] };
    };
    expect(conditions.items).toContainEqual({
      key: "aws:username",
      values: { items: [{ value: user.name }] },
    });
    expect(conditions.items).toContainEqual({
      key: "aws:SourceIp",
      values: { items: [{ value: "127.0.0.1" }] },
    });
  });

  test("by a denial names the statement", async () => {
    const user = await makeUser(server(), { actions: ["ecr:*"] });
    await iam(server()).putUserPolicy({
      UserName: user.name,
      PolicyName: "no-deletions",
      PolicyDocument: policy(
        { Action: "ecr:Get*", Resource: "*" },
        { Sid: "Keep", Effect: "Deny", Action: "ecr:Delete*", Resource: "*" },
      ),
    });
    const sealed = await sealedIn(ecr(server(), user.keys).deleteRepository({ repositoryName: "app" }));
    expect(await open(sealed)).toMatchObject({
      explicitDeny: true,
      matchedStatements: {
        items: [
          {
            statementId: "Keep",
            effect: "DENY",
            policyType: "identity",
            policy: `inline policy no-deletions of user ${user.name}`,
            statement: 2,
          },
        ],
      },
      failures: { items: [] },
    });
  });

  test("of the Query protocol and of the registry door has it, too", async () => {
    const user = await makeUser(server(), { actions: ["ecr:GetAuthorizationToken"] });
    const listing = await sealedIn(iam(server(), user.keys).listUsers({}));
    expect(await open(listing)).toMatchObject({ context: { action: "iam:ListUsers" } });
    const assuming = await sealedIn(
      assume(server(), user.keys, { RoleArn: `arn:aws:iam::${account}:role/x`, ExternalId: "given" }),
    );
    const { context } = (await open(assuming)) as { context: { conditions: { items: object[] } } };
    expect(context.conditions.items).toContainEqual({
      key: "sts:externalid",
      values: { items: [{ value: "given" }] },
    });
    const answer = await registry.request("GET", "/v2/app/tags/list", {
      authorization: await login(server(), user.keys),
    });
    expect(answer.status).toBe(403);
    const [error] = answer.json<{ errors: { message: string; detail: Refusal }[] }>().errors;
    expect(error?.message).toContain("is not authorized to perform: ecr:ListImages");
    expect(await open(error?.detail.encodedAuthorizationMessage ?? "")).toMatchObject({
      context: { action: "ecr:ListImages", principal: { arn: user.arn } },
    });
  });

  test("is bounded, however long the name of what was asked for is", async () => {
    const user = await makeUser(server(), { actions: ["ecr:GetAuthorizationToken"] });
    const authorization = await login(server(), user.keys);
    const answer = await registry.request("GET", `/v2/${"a".repeat(7_000)}/tags/list`, { authorization });
    const [error] = answer.json<{ errors: { detail: Refusal }[] }>().errors;
    const sealed = error?.detail.encodedAuthorizationMessage ?? "";
    expect(sealed.length).toBeLessThanOrEqual(8_192);
    expect(await open(sealed)).toMatchObject({ allowed: false });
  });

  test("of nobody carries none: it asks for credentials", async () => {
    const answer = await registry.request("GET", "/v2/app/tags/list", { authorization: null });
    expect(answer.status).toBe(401);
    expect(answer.text()).not.toContain("encodedAuthorizationMessage");
    const missing = await registry.request("GET", "/v2/app/tags/list", { authorization: basic });
    expect(missing.text()).not.toContain("encodedAuthorizationMessage");
  });
});

describe("a message", () => {
  test("is opened by whom a policy lets", async () => {
    const user = await makeUser(server());
    const sealed = await sealedIn(ecr(server(), user.keys).describeRegistry({}));
    await expectDenied(sts(server(), user.keys).decodeAuthorizationMessage({ EncodedMessage: sealed }), {
      user: user.arn,
      action: "sts:DecodeAuthorizationMessage",
      resource: "*",
    });
    await allow(server(), user.name, { Action: "sts:DecodeAuthorizationMessage" });
    expect(await open(sealed, user.keys)).toMatchObject({ allowed: false });
  });

  test("altered in any character is none", async () => {
    const user = await makeUser(server());
    const sealed = await sealedIn(ecr(server(), user.keys).describeRegistry({}));
    const decode = (EncodedMessage: string) => sts(server()).decodeAuthorizationMessage({ EncodedMessage });
    for (let at = 0; at < sealed.length; at += 7) {
      const altered = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
      await expectModelled(decode(altered), InvalidAuthorizationMessageException, unreadable);
    }
    const last = sealed.at(-1) === "A" ? "B" : "A";
    for (const text of [
      sealed.slice(0, -1) + last,
      `${sealed}A`,
      `${sealed}=`,
      sealed.slice(1),
      "x",
      "é",
      "A".repeat(10_240),
    ]) {
      await expectModelled(decode(text), InvalidAuthorizationMessageException, unreadable);
    }
  });

  test("is for the account of who was refused, and names no policy of another", async () => {
    const { AccountId = "" } =
      (await organizations(server()).createAccount({ AccountName: "other", Email: "other@example.com" }))
        .CreateAccountStatus ?? {};
    const admin = await makeUser(server(), { actions: ["sts:AssumeRole"] });
    const other = await assume(server(), admin.keys, {
      RoleArn: `arn:aws:iam::${AccountId}:role/OrganizationAccountAccessRole`,
    });
    await ecr(server(), server()).createRepository({ repositoryName: "guarded" });
    await ecr(server(), server()).setRepositoryPolicy({
      repositoryName: "guarded",
      policyText: policy(
        { Principal: "*", Action: "ecr:ListImages" },
        { Sid: "secret-reasons", Effect: "Deny", Principal: { AWS: AccountId }, Action: "ecr:ListImages" },
      ),
    });
    const sealed = await sealedIn(
      ecr(server(), other).listImages({ registryId: account, repositoryName: "guarded" }),
    );
    await expectModelled(
      sts(server()).decodeAuthorizationMessage({ EncodedMessage: sealed }),
      InvalidAuthorizationMessageException,
      unreadable,
    );
    const message = await open(sealed, other);
    expect(message).toMatchObject({ explicitDeny: true, matchedStatements: { items: [] } });
    expect(JSON.stringify(message)).not.toContain("secret-reasons");
  });

  test("of a role that nobody trusts is for who asked", async () => {
    const user = await makeUser(server(), { actions: ["sts:AssumeRole"] });
    const role = await makeRole(server(), {
      trust: [{ Principal: { Service: "ecr.amazonaws.com" }, Action: "sts:AssumeRole" }],
    });
    const sealed = await sealedIn(assume(server(), user.keys, { RoleArn: role.arn }));
    expect(await open(sealed)).toMatchObject({
      failures: { items: [{ policyType: "trust", reason: "no statement allows" }] },
    });
  });
});
