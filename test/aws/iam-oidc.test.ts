/** IAM's OpenID Connect providers, by the SDK. */
import { afterAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import {
  EntityAlreadyExistsException,
  InvalidInputException,
  LimitExceededException,
  NoSuchEntityException,
} from "@aws-sdk/client-iam";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import { allow, expectCode, expectDenied, expectModelled, iam, userWithKey } from "../support/iam.ts";
import { registryForFile, unique } from "../support/oci.ts";

const data = await folderWithOtherAccount();
const registry = registryForFile({ data });
const server = () => registry.server;
const root = () => iam(server());
const arn = (rest: string) => `arn:aws:iam::000000000000:${rest}`;
const thumbprint = "6938fd4d98bab03faadb97b34396831e3780aea1";

afterAll(() => rm(data, { recursive: true, force: true }));

async function newProvider(host = `${unique("issuer")}.example`): Promise<string> {
  const { OpenIDConnectProviderArn } = await root().createOpenIDConnectProvider({ Url: `https://${host}` });
  return OpenIDConnectProviderArn ?? "";
}

describe("a provider", () => {
  test("has all that was given, and comes back so", async () => {
    const made = await root().createOpenIDConnectProvider({
      Url: "https://token.actions.example/tenant/1",
      ClientIDList: ["sts.amazonaws.com", "lading", "lading"],
      ThumbprintList: [thumbprint, thumbprint.toUpperCase()],
      Tags: [{ Key: "team", Value: "ci" }],
    });
    const OpenIDConnectProviderArn = arn("oidc-provider/token.actions.example/tenant/1");
    expect(made).toMatchObject({ OpenIDConnectProviderArn, Tags: [{ Key: "team", Value: "ci" }] });
    const { $metadata: _, ...found } = await root().getOpenIDConnectProvider({ OpenIDConnectProviderArn });
    expect(found).toEqual({
      Url: "token.actions.example/tenant/1",
      ClientIDList: ["sts.amazonaws.com", "lading"],
      ThumbprintList: [thumbprint, thumbprint.toUpperCase()],
      CreateDate: expect.any(Date),
      Tags: [{ Key: "team", Value: "ci" }],
    });
  });

  test("needs an address alone, and is listed in its account", async () => {
    const OpenIDConnectProviderArn = await newProvider("plain.example:8443");
    expect(OpenIDConnectProviderArn).toBe(arn("oidc-provider/plain.example:8443"));
    expect(await root().getOpenIDConnectProvider({ OpenIDConnectProviderArn })).toMatchObject({
      ClientIDList: [],
      ThumbprintList: [],
    });
    const { OpenIDConnectProviderList } = await root().listOpenIDConnectProviders({});
    expect(OpenIDConnectProviderList).toContainEqual({ Arn: OpenIDConnectProviderArn });
    const theirs = await iam(server(), otherRoot).listOpenIDConnectProviders({});
    expect(theirs.OpenIDConnectProviderList).toEqual([]);
  });

  test("is there once", async () => {
    await newProvider("once.example");
    await expectModelled(
      root().createOpenIDConnectProvider({ Url: "https://once.example" }),
      EntityAlreadyExistsException,
      { status: 409, message: "Provider with url https://once.example already exists." },
    );
    await iam(server(), otherRoot).createOpenIDConnectProvider({ Url: "https://once.example" });
    await iam(server(), otherRoot).deleteOpenIDConnectProvider({
      OpenIDConnectProviderArn: `arn:aws:iam::${otherRoot.accountId}:oidc-provider/once.example`,
    });
  });

  test.each([
    "http://issuer.example",
    "issuer.example",
    "https://issuer.example?tenant=1",
    "https://issuer.example/#1",
    "https://user@issuer.example",
    "https://",
    "https://issuer.example:99999",
    "https://issuer.example/a b",
  ])("is not at '%s'", async (Url) => {
    await expectModelled(root().createOpenIDConnectProvider({ Url }), InvalidInputException, {
      status: 400,
      message: `Invalid Open ID Connect Provider URL '${Url}': it must begin with https:// and have neither a query string nor a fragment`,
    });
  });

  test("has at most five thumbprints, which are hexadecimal", async () => {
    const OpenIDConnectProviderArn = await newProvider();
    const five = Array.from({ length: 5 }, (_, index) => thumbprint.replace(/.$/, String(index)));
    await root().updateOpenIDConnectProviderThumbprint({ OpenIDConnectProviderArn, ThumbprintList: five });
    const wrong = [
      { ThumbprintList: [...five, thumbprint], message: "Thumbprint list must contain at most 5 entries." },
      {
        ThumbprintList: ["g".repeat(40)],
        message: `Invalid thumbprint '${"g".repeat(40)}': it must be 40 hexadecimal digits`,
      },
    ];
    for (const { ThumbprintList, message } of wrong) {
      const invalid = { status: 400, message };
      await expectModelled(
        root().updateOpenIDConnectProviderThumbprint({ OpenIDConnectProviderArn, ThumbprintList }),
        InvalidInputException,
        invalid,
      );
      await expectModelled(
        root().createOpenIDConnectProvider({ Url: `https://${unique("x")}.example`, ThumbprintList }),
        InvalidInputException,
        invalid,
      );
    }
    const { ThumbprintList } = await root().getOpenIDConnectProvider({ OpenIDConnectProviderArn });
    expect(ThumbprintList).toEqual(five);
  });

  test("has up to a hundred client ids, which come and go", async () => {
    const OpenIDConnectProviderArn = await newProvider();
    const ids = async () =>
      (await root().getOpenIDConnectProvider({ OpenIDConnectProviderArn })).ClientIDList;
    const add = (ClientID: string) =>
      root().addClientIDToOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID });
    const remove = (ClientID: string) =>
      root().removeClientIDFromOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID });
    for (const id of ["b", "a", "b"]) await add(id);
    expect(await ids()).toEqual(["b", "a"]);
    for (const id of ["b", "b", "nothing"]) await remove(id);
    expect(await ids()).toEqual(["a"]);

    const tooMany = {
      status: 409,
      message: "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100",
    };
    const hundred = Array.from({ length: 100 }, (_, index) => `client-${index}`);
    await expectModelled(
      root().createOpenIDConnectProvider({
        Url: "https://many.example",
        ClientIDList: [...hundred, "one-more"],
      }),
      LimitExceededException,
      tooMany,
    );
    const many = await root().createOpenIDConnectProvider({
      Url: "https://many.example",
      ClientIDList: hundred,
    });
    await expectModelled(
      root().addClientIDToOpenIDConnectProvider({
        OpenIDConnectProviderArn: many.OpenIDConnectProviderArn,
        ClientID: "one-more",
      }),
      LimitExceededException,
      tooMany,
    );
  });

  test("has tags", async () => {
    const OpenIDConnectProviderArn = await newProvider();
    const Tags = ["c", "a", "b"].map((Key) => ({ Key, Value: Key }));
    await root().tagOpenIDConnectProvider({ OpenIDConnectProviderArn, Tags });
    await root().untagOpenIDConnectProvider({ OpenIDConnectProviderArn, TagKeys: ["C"] });
    const first = await root().listOpenIDConnectProviderTags({ OpenIDConnectProviderArn, MaxItems: 1 });
    expect(first).toMatchObject({ Tags: [{ Key: "a", Value: "a" }], IsTruncated: true });
    const second = await root().listOpenIDConnectProviderTags({
      OpenIDConnectProviderArn,
      Marker: first.Marker,
    });
    expect(second).toMatchObject({ Tags: [{ Key: "b", Value: "b" }], IsTruncated: false });
  });

  test("is deleted, also twice, with its tags", async () => {
    const OpenIDConnectProviderArn = await newProvider("gone.example");
    await root().tagOpenIDConnectProvider({ OpenIDConnectProviderArn, Tags: [{ Key: "a", Value: "b" }] });
    for (const _ of ["there", "gone"]) await root().deleteOpenIDConnectProvider({ OpenIDConnectProviderArn });
    const missing = {
      status: 404,
      message: `OpenIDConnect Provider not found for arn ${OpenIDConnectProviderArn}`,
    };
    for (const call of [
      () => root().getOpenIDConnectProvider({ OpenIDConnectProviderArn }),
      () => root().addClientIDToOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID: "a" }),
      () => root().removeClientIDFromOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID: "a" }),
      () => root().updateOpenIDConnectProviderThumbprint({ OpenIDConnectProviderArn, ThumbprintList: [] }),
      () => root().listOpenIDConnectProviderTags({ OpenIDConnectProviderArn }),
      () => root().tagOpenIDConnectProvider({ OpenIDConnectProviderArn, Tags: [] }),
      () => root().untagOpenIDConnectProvider({ OpenIDConnectProviderArn, TagKeys: [] }),
    ]) {
      await expectModelled(call(), NoSuchEntityException, missing);
    }
    await newProvider("gone.example");
    expect((await root().getOpenIDConnectProvider({ OpenIDConnectProviderArn })).Tags).toEqual([]);
  });

  test("has an ARN of a provider", async () => {
    for (const OpenIDConnectProviderArn of [arn("user/somebody"), arn("oidc-provider/")]) {
      await expectModelled(
        root().getOpenIDConnectProvider({ OpenIDConnectProviderArn }),
        InvalidInputException,
        { status: 400, message: `Invalid ARN: ${OpenIDConnectProviderArn}` },
      );
    }
  });

  test("can be named by a trust policy before it is there", async () => {
    await root().createRole({
      RoleName: unique("role"),
      AssumeRolePolicyDocument: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { Federated: arn("oidc-provider/later.example") },
            Action: "sts:AssumeRoleWithWebIdentity",
            Condition: { StringEquals: { "later.example:aud": "sts.amazonaws.com" } },
          },
        ],
      }),
    });
  });
});

describe("permission", () => {
  test("is asked for each operation, on the provider", async () => {
    const UserName = unique("user");
    const somebody = iam(server(), await userWithKey(server(), UserName));
    const user = arn(`user/${UserName}`);
    const OpenIDConnectProviderArn = await newProvider();
    const provider = { OpenIDConnectProviderArn };
    const calls: [string, Promise<unknown>][] = [
      ["GetOpenIDConnectProvider", somebody.getOpenIDConnectProvider(provider)],
      ["DeleteOpenIDConnectProvider", somebody.deleteOpenIDConnectProvider(provider)],
      [
        "AddClientIDToOpenIDConnectProvider",
        somebody.addClientIDToOpenIDConnectProvider({ ...provider, ClientID: "a" }),
      ],
      [
        "RemoveClientIDFromOpenIDConnectProvider",
        somebody.removeClientIDFromOpenIDConnectProvider({ ...provider, ClientID: "a" }),
      ],
      [
        "UpdateOpenIDConnectProviderThumbprint",
        somebody.updateOpenIDConnectProviderThumbprint({ ...provider, ThumbprintList: [] }),
      ],
      ["ListOpenIDConnectProviderTags", somebody.listOpenIDConnectProviderTags(provider)],
      ["TagOpenIDConnectProvider", somebody.tagOpenIDConnectProvider({ ...provider, Tags: [] })],
      ["UntagOpenIDConnectProvider", somebody.untagOpenIDConnectProvider({ ...provider, TagKeys: [] })],
    ];
    for (const [name, call] of calls)
      await expectDenied(call, { user, action: `iam:${name}`, resource: OpenIDConnectProviderArn });
    await expectDenied(somebody.createOpenIDConnectProvider({ Url: "https://x.example" }), {
      user,
      action: "iam:CreateOpenIDConnectProvider",
      resource: arn("oidc-provider/x.example"),
    });
    await expectDenied(somebody.listOpenIDConnectProviders({}), {
      user,
      action: "iam:ListOpenIDConnectProviders",
      resource: arn("oidc-provider/*"),
    });
    await allow(server(), UserName, { Action: "iam:CreateOpenIDConnectProvider" });
    const Tags = [{ Key: "a", Value: "b" }];
    await expectDenied(somebody.createOpenIDConnectProvider({ Url: "https://x.example", Tags }), {
      user,
      action: "iam:TagOpenIDConnectProvider",
      resource: arn("oidc-provider/x.example"),
    });
  });

  test("ends at the account", async () => {
    const OpenIDConnectProviderArn = await newProvider();
    await expectCode(iam(server(), otherRoot).getOpenIDConnectProvider({ OpenIDConnectProviderArn }), {
      status: 403,
      code: "AccessDenied",
      message: `User: arn:aws:iam::${otherRoot.accountId}:root is not authorized to perform: iam:GetOpenIDConnectProvider on resource: ${OpenIDConnectProviderArn} because no resource-based policy allows the iam:GetOpenIDConnectProvider action`,
    });
  });
});
