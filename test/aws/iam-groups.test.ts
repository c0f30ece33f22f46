/** IAM's groups: every operation on them and on who is in them, by the SDK. */
import { describe, expect, test } from "bun:test";
import {
  DeleteConflictException,
  EntityAlreadyExistsException,
  type Group,
  LimitExceededException,
  NoSuchEntityException,
} from "@aws-sdk/client-iam";
import { allow, expectDenied, expectModelled, iam, userWithKey } from "../support/iam.ts";
import { registryForFile } from "../support/oci.ts";

const registry = registryForFile();
const server = () => registry.server;
const root = () => iam(server());
const arn = (rest: string) => `arn:aws:iam::000000000000:group/${rest}`;
const noGroup = (name: string) => ({ status: 404, message: `The group with name ${name} cannot be found.` });
const noUser = (name: string) => ({ status: 404, message: `The user with name ${name} cannot be found.` });
const names = (groups: readonly Group[] | undefined) => groups?.map(({ GroupName }) => GroupName);

describe("a group", () => {
  test("has a path, a unique id and an ARN, and comes back so", async () => {
    const { Group: made } = await root().createGroup({ GroupName: "Pushers", Path: "/ci/" });
    expect(made).toEqual({
      GroupName: "Pushers",
      Path: "/ci/",
      GroupId: expect.stringMatching(/^AGPA[A-Z2-7]{17}$/),
      Arn: arn("ci/Pushers"),
      CreateDate: expect.any(Date),
    });
    const { Group: found, Users } = await root().getGroup({ GroupName: "pushers" });
    expect(found).toEqual(made as Group);
    expect(Users).toEqual([]);
    expect((await root().listGroups({ PathPrefix: "/ci/" })).Groups).toEqual([made as Group]);
  });

  test("has a name of its own, whatever its case; users have other names", async () => {
    await root().createGroup({ GroupName: "Same" });
    await root().createUser({ UserName: "Same" });
    await expectModelled(root().createGroup({ GroupName: "same" }), EntityAlreadyExistsException, {
      status: 409,
      message: "Group with name same already exists.",
    });
  });

  test("is listed in pages in the order of names", async () => {
    for (const GroupName of ["l-c", "L-b", "l-a"]) await root().createGroup({ GroupName, Path: "/list/" });
    const first = await root().listGroups({ PathPrefix: "/list/", MaxItems: 2 });
    expect(names(first.Groups)).toEqual(["l-a", "L-b"]);
    expect(first.IsTruncated).toBe(true);
    const second = await root().listGroups({ PathPrefix: "/list/", MaxItems: 2, Marker: first.Marker });
    expect(names(second.Groups)).toEqual(["l-c"]);
    expect(second.IsTruncated).toBe(false);
    expect(second.Marker).toBeUndefined();
  });

  test("can be renamed and moved, and keeps its users", async () => {
    const { Group: before } = await root().createGroup({ GroupName: "rename-me" });
    await root().createUser({ UserName: "stays" });
    await root().addUserToGroup({ GroupName: "rename-me", UserName: "stays" });
    await root().updateGroup({ GroupName: "rename-me", NewGroupName: "Renamed", NewPath: "/there/" });
    const { Group: after, Users } = await root().getGroup({ GroupName: "renamed" });
    expect(after).toEqual({
      ...(before as Group),
      GroupName: "Renamed",
      Path: "/there/",
      Arn: arn("there/Renamed"),
    });
    expect(Users?.map(({ UserName }) => UserName)).toEqual(["stays"]);
    await root().createGroup({ GroupName: "in-the-way" });
    await expectModelled(
      root().updateGroup({ GroupName: "renamed", NewGroupName: "In-The-Way" }),
      EntityAlreadyExistsException,
      { status: 409, message: "Group with name In-The-Way already exists." },
    );
  });

  test("that is not there is missed by every operation", async () => {
    const GroupName = "none";
    await root().createUser({ UserName: "somebody" });
    for (const ask of [
      () => root().getGroup({ GroupName }),
      () => root().updateGroup({ GroupName, NewGroupName: "x" }),
      () => root().deleteGroup({ GroupName }),
      () => root().addUserToGroup({ GroupName, UserName: "somebody" }),
      () => root().removeUserFromGroup({ GroupName, UserName: "somebody" }),
    ]) {
      await expectModelled(ask(), NoSuchEntityException, noGroup(GroupName));
    }
  });

  test("is deleted when nothing is in it and nothing is attached", async () => {
    const GroupName = "going";
    const PolicyArn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    const PolicyDocument = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "iam:GetUser", Resource: "*" }],
    });
    await root().createGroup({ GroupName });
    await root().createUser({ UserName: "member" });
    await root().addUserToGroup({ GroupName, UserName: "member" });
    await root().attachGroupPolicy({ GroupName, PolicyArn });
    await root().putGroupPolicy({ GroupName, PolicyName: "p", PolicyDocument });
    const refused = (what: string) =>
      expectModelled(root().deleteGroup({ GroupName }), DeleteConflictException, {
        status: 409,
        message: `Cannot delete entity, ${what}.`,
      });
    await refused("must remove users from group first");
    await root().removeUserFromGroup({ GroupName, UserName: "member" });
    await refused("must detach all policies first");
    await root().detachGroupPolicy({ GroupName, PolicyArn });
    await refused("must delete policies first");
    await root().deleteGroupPolicy({ GroupName, PolicyName: "p" });
    await root().deleteGroup({ GroupName });
    await expectModelled(root().getGroup({ GroupName }), NoSuchEntityException, noGroup(GroupName));
  });
});

describe("members", () => {
  test("are added once, listed in pages from both sides, and removed once", async () => {
    await root().createGroup({ GroupName: "crew" });
    for (const UserName of ["m-c", "M-b", "m-a"]) {
      await root().createUser({ UserName });
      await root().addUserToGroup({ GroupName: "Crew", UserName: UserName.toUpperCase() });
      await root().addUserToGroup({ GroupName: "crew", UserName });
    }
    const first = await root().getGroup({ GroupName: "crew", MaxItems: 2 });
    expect(first.Users?.map(({ UserName }) => UserName)).toEqual(["m-a", "M-b"]);
    expect(first.IsTruncated).toBe(true);
    const second = await root().getGroup({ GroupName: "crew", Marker: first.Marker });
    expect(second.Users?.map(({ UserName }) => UserName)).toEqual(["m-c"]);
    expect(second.IsTruncated).toBe(false);

    for (const GroupName of ["crew-2", "Crew-1"]) {
      await root().createGroup({ GroupName });
      await root().addUserToGroup({ GroupName, UserName: "m-a" });
    }
    const groups = await root().listGroupsForUser({ UserName: "m-a", MaxItems: 2 });
    expect(names(groups.Groups)).toEqual(["crew", "Crew-1"]);
    const more = await root().listGroupsForUser({ UserName: "m-a", Marker: groups.Marker });
    expect(names(more.Groups)).toEqual(["crew-2"]);

    await root().removeUserFromGroup({ GroupName: "crew", UserName: "m-a" });
    await expectModelled(
      root().removeUserFromGroup({ GroupName: "crew", UserName: "m-a" }),
      NoSuchEntityException,
      { status: 404, message: "User m-a is not in group crew." },
    );
  });

  test("are users that are there", async () => {
    const [GroupName, UserName] = ["empty", "no-member"];
    await root().createGroup({ GroupName });
    for (const ask of [
      () => root().addUserToGroup({ GroupName, UserName }),
      () => root().removeUserFromGroup({ GroupName, UserName }),
      () => root().listGroupsForUser({ UserName }),
    ]) {
      await expectModelled(ask(), NoSuchEntityException, noUser(UserName));
    }
  });

  test("are in ten groups at most", async () => {
    const UserName = "joiner";
    await root().createUser({ UserName });
    for (let index = 0; index <= 10; index += 1) await root().createGroup({ GroupName: `ten-${index}` });
    for (let index = 0; index < 10; index += 1) {
      await root().addUserToGroup({ GroupName: `ten-${index}`, UserName });
    }
    await root().addUserToGroup({ GroupName: "ten-0", UserName });
    await expectModelled(root().addUserToGroup({ GroupName: "ten-10", UserName }), LimitExceededException, {
      status: 409,
      message: "Cannot exceed quota for GroupsPerUser: 10",
    });
  });

  test("have the rights of their group as long as they are in it", async () => {
    const GroupName = "readers";
    const keys = await userWithKey(server(), "reader");
    await root().createGroup({ GroupName });
    await root().attachGroupPolicy({ GroupName, PolicyArn: "arn:aws:iam::aws:policy/IAMReadOnlyAccess" });
    const ask = () => iam(server(), keys).getGroup({ GroupName });
    const denied = {
      user: "arn:aws:iam::000000000000:user/reader",
      action: "iam:GetGroup",
      resource: arn(GroupName),
    };
    await expectDenied(ask(), denied);
    await root().addUserToGroup({ GroupName, UserName: "reader" });
    await ask();
    await root().removeUserFromGroup({ GroupName, UserName: "reader" });
    await expectDenied(ask(), denied);
  });
});

describe("a user without rights", () => {
  test("may do nothing with groups", async () => {
    const client = iam(server(), await userWithKey(server(), "powerless"));
    const user = "arn:aws:iam::000000000000:user/powerless";
    const both = { GroupName: "g", UserName: "powerless" };
    await root().createGroup({ GroupName: "g", Path: "/p/" });
    const asks: readonly [Promise<unknown>, string, string][] = [
      [client.addUserToGroup(both), "AddUserToGroup", arn("p/g")],
      [client.removeUserFromGroup(both), "RemoveUserFromGroup", arn("p/g")],
      [client.createGroup({ GroupName: "new" }), "CreateGroup", arn("new")],
      [client.deleteGroup({ GroupName: "g" }), "DeleteGroup", arn("p/g")],
      [client.getGroup({ GroupName: "g" }), "GetGroup", arn("p/g")],
      [client.listGroups({ PathPrefix: "/p/" }), "ListGroups", arn("p/")],
      [client.listGroupsForUser({ UserName: "powerless" }), "ListGroupsForUser", user],
      [client.updateGroup({ GroupName: "g", NewGroupName: "h" }), "UpdateGroup", arn("p/g")],
    ];
    for (const [ask, action, resource] of asks) {
      await expectDenied(ask, { user, action: `iam:${action}`, resource });
    }
  });

  test("renames only within what it has a right to", async () => {
    const client = iam(server(), await userWithKey(server(), "group-admin"));
    await allow(server(), "group-admin", { Action: "iam:UpdateGroup", Resource: arn("mine-*") });
    await root().createGroup({ GroupName: "mine-a" });
    await expectDenied(client.updateGroup({ GroupName: "mine-a", NewGroupName: "theirs" }), {
      user: "arn:aws:iam::000000000000:user/group-admin",
      action: "iam:UpdateGroup",
      resource: arn("theirs"),
    });
    await client.updateGroup({ GroupName: "mine-a", NewGroupName: "mine-b" });
  });
});
