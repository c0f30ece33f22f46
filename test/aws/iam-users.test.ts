/** IAM's users: every operation on them and on their tags, by the SDK. */
import { afterAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import {
  DeleteConflictException,
  EntityAlreadyExistsException,
  InvalidInputException,
  LimitExceededException,
  NoSuchEntityException,
  type User,
} from "@aws-sdk/client-iam";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import { allow, expectCode, expectDenied, expectModelled, iam, userWithKey } from "../support/iam.ts";
import { registryForFile, unique } from "../support/oci.ts";

const data = await folderWithOtherAccount();
const registry = registryForFile({ data });
const server = () => registry.server;
const root = () => iam(server());
const arn = (rest: string) => `arn:aws:iam::000000000000:user/${rest}`;
const noUser = (name: string) => ({ status: 404, message: `The user with name ${name} cannot be found.` });

afterAll(() => rm(data, { recursive: true, force: true }));

/** Every user of a list, page by page, and how long the pages were. */
async function pages(input: { PathPrefix?: string; MaxItems?: number }) {
  const users: User[] = [];
  const sizes: number[] = [];
  let Marker: string | undefined;
  do {
    const page = await root().listUsers({ ...input, Marker });
    users.push(...(page.Users ?? []));
    sizes.push(page.Users?.length ?? -1);
    expect(page.IsTruncated).toBe(page.Marker !== undefined);
    Marker = page.Marker;
  } while (Marker !== undefined);
  return { users, sizes };
}

describe("a new user", () => {
  test("has a path, a unique id, an ARN, a boundary and tags, and comes back so", async () => {
    const before = Date.now();
    const { User: made } = await root().createUser({
      UserName: "Ada",
      Path: "/people/math/",
      PermissionsBoundary: "arn:aws:iam::aws:policy/AdministratorAccess",
      Tags: [
        { Key: "team", Value: "engines" },
        { Key: "empty", Value: "" },
      ],
    });
    expect(made).toEqual({
      UserName: "Ada",
      Path: "/people/math/",
      UserId: expect.stringMatching(/^AIDA[A-Z2-7]{17}$/),
      Arn: arn("people/math/Ada"),
      CreateDate: expect.any(Date),
      PermissionsBoundary: {
        PermissionsBoundaryType: "PermissionsBoundaryPolicy",
        PermissionsBoundaryArn: "arn:aws:iam::aws:policy/AdministratorAccess",
      },
      Tags: expect.arrayContaining([
        { Key: "team", Value: "engines" },
        { Key: "empty", Value: "" },
      ]),
    });
    expect(made?.CreateDate?.getTime()).toBeGreaterThanOrEqual(before - 1000);
    const { User: found } = await root().getUser({ UserName: "aDA" });
    const tags = [
      { Key: "empty", Value: "" },
      { Key: "team", Value: "engines" },
    ];
    expect(found).toEqual({ ...(made as User), Tags: tags });
    const { Users } = await root().listUsers({ PathPrefix: "/people/" });
    const { PermissionsBoundary: _, Tags: __, ...listed } = made as User;
    expect(Users).toEqual([listed as User]);
  });

  test("needs no path, and gets the slash", async () => {
    const { User: user } = await root().createUser({ UserName: "plain" });
    expect(user).toMatchObject({ Path: "/", Arn: arn("plain") });
    expect(user?.Tags).toBeUndefined();
  });

  test("cannot have a name that differs from another one by case only", async () => {
    await root().createUser({ UserName: "Grace" });
    await expectModelled(
      root().createUser({ UserName: "gRACE", Path: "/x/" }),
      EntityAlreadyExistsException,
      {
        status: 409,
        message: "User with name gRACE already exists.",
      },
    );
    await iam(server(), otherRoot).createUser({ UserName: "Grace" });
  });

  test("needs a boundary that exists, and tags that are allowed; else there is no user", async () => {
    const UserName = "nobody-yet";
    const boundary = "arn:aws:iam::000000000000:policy/none";
    await expectModelled(
      root().createUser({ UserName, PermissionsBoundary: boundary }),
      NoSuchEntityException,
      { status: 404, message: `Scope ARN: ${boundary} does not exist or is not attachable.` },
    );
    const twice = [
      { Key: "a", Value: "1" },
      { Key: "A", Value: "2" },
    ];
    await expectModelled(root().createUser({ UserName, Tags: twice }), InvalidInputException, {
      status: 400,
      message: "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    });
    await expectModelled(root().getUser({ UserName }), NoSuchEntityException, noUser(UserName));
  });

  test("has a name and a path of IAM's form", async () => {
    await expectCode(root().createUser({ UserName: "a/b" }), {
      status: 400,
      code: "ValidationError",
      message:
        "1 validation error detected: Value 'a/b' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+",
    });
    await expectCode(root().createUser({ UserName: "a", Path: "no-slash" }), {
      status: 400,
      code: "ValidationError",
      message:
        "1 validation error detected: Value 'no-slash' at 'path' failed to satisfy constraint: Member must satisfy regular expression pattern: (\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)",
    });
  });
});

describe("a list of users", () => {
  test("comes in pages in the order of names, of one path and what is below it", async () => {
    const names = ["zoe", "Yan", "xi", "Abe", "bea"];
    for (const [index, UserName] of names.entries()) {
      await root().createUser({ UserName: `list-${UserName}`, Path: index % 2 ? "/list/a/" : "/list/" });
    }
    const all = await pages({ PathPrefix: "/list/", MaxItems: 2 });
    expect(all.users.map(({ UserName }) => UserName)).toEqual([
      "list-Abe",
      "list-bea",
      "list-xi",
      "list-Yan",
      "list-zoe",
    ]);
    expect(all.sizes).toEqual([2, 2, 1]);
    expect((await pages({ PathPrefix: "/list/a/" })).users.map(({ UserName }) => UserName)).toEqual([
      "list-Abe",
      "list-Yan",
    ]);
    expect((await pages({ PathPrefix: "/list/nothing" })).users).toEqual([]);
    expect((await pages({ PathPrefix: "/list/", MaxItems: 5 })).sizes).toEqual([5]);
  });

  test("knows its own markers only", async () => {
    await expectCode(root().listUsers({ Marker: "made-up" }), {
      status: 400,
      code: "ValidationError",
      message:
        "1 validation error detected: Value at 'marker' failed to satisfy constraint: Member must be a marker of this list",
    });
    await expectCode(root().listUsers({ MaxItems: 1001 }), {
      status: 400,
      code: "ValidationError",
      message:
        "1 validation error detected: Value '1001' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000",
    });
  });

  test("is of one account", async () => {
    await iam(server(), otherRoot).createUser({ UserName: "their-own" });
    expect((await pages({})).users.map(({ UserName }) => UserName)).not.toContain("their-own");
    await expectModelled(
      root().getUser({ UserName: "their-own" }),
      NoSuchEntityException,
      noUser("their-own"),
    );
  });
});

describe("GetUser without a name", () => {
  test("is about the caller: a user, or the root", async () => {
    const keys = await userWithKey(server(), "self");
    await allow(server(), "self", { Action: "iam:GetUser", Resource: arn("self") });
    const { User: self } = await iam(server(), keys).getUser({});
    expect(self).toMatchObject({ UserName: "self", Arn: arn("self") });
    const { User: itself } = await root().getUser({});
    expect(itself).toMatchObject({ UserId: "000000000000", Arn: "arn:aws:iam::000000000000:root" });
    expect(itself?.CreateDate).toBeInstanceOf(Date);
  });
});

describe("UpdateUser", () => {
  test("renames, and the id, the keys and what the user may stay", async () => {
    const keys = await userWithKey(server(), "old-name");
    await allow(server(), "old-name", { Action: "iam:GetUser" });
    const { User: before } = await root().getUser({ UserName: "old-name" });
    await root().updateUser({ UserName: "old-name", NewUserName: "New-Name", NewPath: "/moved/" });
    const { User: after } = await iam(server(), keys).getUser({});
    expect(after).toEqual({
      ...(before as User),
      UserName: "New-Name",
      Path: "/moved/",
      Arn: arn("moved/New-Name"),
    });
    await expectModelled(root().getUser({ UserName: "old-name" }), NoSuchEntityException, noUser("old-name"));
    await expectDenied(iam(server(), keys).listUsers({}), {
      user: arn("moved/New-Name"),
      action: "iam:ListUsers",
      resource: arn(""),
    });
  });

  test("can change the case alone, and takes no name that is taken", async () => {
    await root().createUser({ UserName: "case" });
    await root().createUser({ UserName: "taken" });
    await root().updateUser({ UserName: "case", NewUserName: "CASE" });
    expect((await root().getUser({ UserName: "case" })).User?.UserName).toBe("CASE");
    await expectModelled(
      root().updateUser({ UserName: "case", NewUserName: "TAKEN" }),
      EntityAlreadyExistsException,
      { status: 409, message: "User with name TAKEN already exists." },
    );
    await root().updateUser({ UserName: "case" });
    await expectModelled(
      root().updateUser({ UserName: "none", NewPath: "/x/" }),
      NoSuchEntityException,
      noUser("none"),
    );
  });

  test("needs the right to the user that is and to the one that will be", async () => {
    const keys = await userWithKey(server(), "renamer");
    await root().createUser({ UserName: "from", Path: "/mine/" });
    await allow(server(), "renamer", { Action: "iam:UpdateUser", Resource: arn("mine/*") });
    const renamer = iam(server(), keys);
    await expectDenied(renamer.updateUser({ UserName: "from", NewPath: "/yours/" }), {
      user: arn("renamer"),
      action: "iam:UpdateUser",
      resource: arn("yours/from"),
    });
    await renamer.updateUser({ UserName: "from", NewUserName: "to" });
    expect((await root().getUser({ UserName: "to" })).User?.Arn).toBe(arn("mine/to"));
  });
});

describe("tags of a user", () => {
  const tag = (Key: string, Value: string) => ({ Key, Value });

  test("are added, replaced without regard to case, listed in pages and removed", async () => {
    const UserName = "tagged";
    await root().createUser({ UserName });
    await root().tagUser({ UserName, Tags: [tag("Team", "a"), tag("größe", "1"), tag("b", "2")] });
    await root().tagUser({ UserName, Tags: [tag("TEAM", "b")] });
    const listed: unknown[] = [];
    let Marker: string | undefined;
    do {
      const page = await root().listUserTags({ UserName, MaxItems: 2, Marker });
      listed.push(page.Tags);
      Marker = page.Marker;
    } while (Marker !== undefined);
    expect(listed).toEqual([[tag("Team", "b"), tag("b", "2")], [tag("größe", "1")]]);
    await root().untagUser({ UserName, TagKeys: ["team", "none"] });
    expect((await root().listUserTags({ UserName })).Tags).toEqual([tag("b", "2"), tag("größe", "1")]);
  });

  test("are 50 at most, and none begins with aws:", async () => {
    const UserName = "many-tags";
    const Tags = Array.from({ length: 50 }, (_, index) => tag(`k${index}`, ""));
    await root().createUser({ UserName, Tags });
    await expectModelled(root().tagUser({ UserName, Tags: [tag("one-more", "")] }), LimitExceededException, {
      status: 409,
      message: "Cannot exceed quota for TagsPerResource: 50",
    });
    await expectModelled(root().tagUser({ UserName, Tags: [tag("AWS:x", "")] }), InvalidInputException, {
      status: 400,
      message: "The tag key 'AWS:x' begins with 'aws:', which is reserved",
    });
    expect((await root().listUserTags({ UserName })).Tags).toHaveLength(50);
  });

  test("are of users that are there", async () => {
    const UserName = "none";
    for (const ask of [
      () => root().tagUser({ UserName, Tags: [tag("a", "b")] }),
      () => root().untagUser({ UserName, TagKeys: ["a"] }),
      () => root().listUserTags({ UserName }),
    ]) {
      await expectModelled(ask(), NoSuchEntityException, noUser(UserName));
    }
  });
});

describe("DeleteUser", () => {
  test("waits until nothing hangs on the user, and says what does", async () => {
    const UserName = "leaving";
    const GroupName = "leaving-group";
    const PolicyArn = "arn:aws:iam::aws:policy/AdministratorAccess";
    const { accessKeyId: AccessKeyId } = await userWithKey(server(), UserName);
    await root().createGroup({ GroupName });
    await root().addUserToGroup({ GroupName, UserName });
    await root().attachUserPolicy({ UserName, PolicyArn });
    await allow(server(), UserName, { Action: "iam:GetUser" });
    await root().createLoginProfile({ UserName, Password: "Long-enough-1" });
    const refused = (what: string) =>
      expectModelled(root().deleteUser({ UserName }), DeleteConflictException, {
        status: 409,
        message: `Cannot delete entity, ${what}.`,
      });
    await refused("must remove users from group first");
    await root().removeUserFromGroup({ GroupName, UserName });
    await refused("must detach all policies first");
    await root().detachUserPolicy({ UserName, PolicyArn });
    await refused("must delete policies first");
    await root().deleteUserPolicy({ UserName, PolicyName: "test" });
    await refused("must delete access keys first");
    await root().deleteAccessKey({ UserName, AccessKeyId });
    await refused("must delete login profile first");
    await root().deleteLoginProfile({ UserName });
    await root().deleteUser({ UserName });
    await expectModelled(root().deleteUser({ UserName }), NoSuchEntityException, noUser(UserName));
  });

  test("makes place for another user of the name, who has another id and no tags", async () => {
    const UserName = "again";
    const { User: first } = await root().createUser({ UserName, Tags: [{ Key: "a", Value: "b" }] });
    await root().deleteUser({ UserName });
    const { User: second } = await root().createUser({ UserName });
    expect(second?.UserId).not.toBe(first?.UserId);
    expect((await root().listUserTags({ UserName })).Tags).toEqual([]);
  });
});

describe("a user without rights", () => {
  test("may do nothing, neither with others nor with itself, there or not", async () => {
    const keys = await userWithKey(server(), "powerless");
    const client = iam(server(), keys);
    const user = arn("powerless");
    const Tags = [{ Key: "a", Value: "b" }];
    const asks: readonly [Promise<unknown>, string, string][] = [
      [client.createUser({ UserName: "x", Path: "/p/" }), "CreateUser", arn("p/x")],
      [client.deleteUser({ UserName: "powerless" }), "DeleteUser", user],
      [client.getUser({}), "GetUser", user],
      [client.getUser({ UserName: "never-was" }), "GetUser", arn("never-was")],
      [client.listUsers({}), "ListUsers", arn("")],
      [client.updateUser({ UserName: "never-was" }), "UpdateUser", arn("never-was")],
      [client.listUserTags({ UserName: "powerless" }), "ListUserTags", user],
      [client.tagUser({ UserName: "powerless", Tags }), "TagUser", user],
      [client.untagUser({ UserName: "powerless", TagKeys: ["a"] }), "UntagUser", user],
    ];
    for (const [ask, action, resource] of asks) {
      await expectDenied(ask, { user, action: `iam:${action}`, resource });
    }
  });

  test("needs iam:TagUser, too, to create a user with tags", async () => {
    const keys = await userWithKey(server(), "creator");
    await allow(server(), "creator", { Action: "iam:CreateUser" });
    const client = iam(server(), keys);
    await client.createUser({ UserName: unique("created") });
    await expectDenied(client.createUser({ UserName: "with-tags", Tags: [{ Key: "a", Value: "b" }] }), {
      user: arn("creator"),
      action: "iam:TagUser",
      resource: arn("with-tags"),
    });
  });

  test("has rights to users with a tag as long as they have it", async () => {
    const keys = await userWithKey(server(), "by-tag");
    const UserName = "with-a-tag";
    await root().createUser({ UserName, Tags: [{ Key: "Team", Value: "red" }] });
    await allow(server(), "by-tag", {
      Action: "iam:*User*",
      Condition: { StringEquals: { "iam:ResourceTag/team": "red", "aws:ResourceTag/team": "red" } },
    });
    const client = iam(server(), keys);
    await client.getUser({ UserName });
    await client.untagUser({ UserName, TagKeys: ["team"] });
    await expectDenied(client.getUser({ UserName }), {
      user: arn("by-tag"),
      action: "iam:GetUser",
      resource: arn(UserName),
    });
  });

  test("is held to the boundary and the tags that a condition wants", async () => {
    const boundary = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";
    const keys = await userWithKey(server(), "delegate");
    await allow(server(), "delegate", {
      Action: ["iam:CreateUser", "iam:TagUser"],
      Condition: {
        StringEquals: { "iam:PermissionsBoundary": boundary, "aws:RequestTag/Team": "red" },
        "ForAllValues:StringEquals": { "aws:TagKeys": ["team"] },
      },
    });
    const client = iam(server(), keys);
    const bounded = { PermissionsBoundary: boundary };
    const red = { Key: "team", Value: "red" };
    const denied = (UserName: string, more: object) =>
      expectDenied(client.createUser({ UserName, ...more }), {
        user: arn("delegate"),
        action: "iam:CreateUser",
        resource: arn(UserName),
      });
    await denied("d1", {});
    await denied("d2", { Tags: [red] });
    await denied("d3", { ...bounded, Tags: [{ Key: "team", Value: "blue" }] });
    await denied("d4", { ...bounded, Tags: [red, { Key: "more", Value: "" }] });
    await client.createUser({ UserName: "d5", ...bounded, Tags: [red] });
  });
});
