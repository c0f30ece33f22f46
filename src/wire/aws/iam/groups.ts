/** IAM's operations on groups and on who is in them. */

import {
  addMember,
  listGroupsOf,
  listMembers,
  removeMember,
} from "../../../access/identities/group-members.ts";
import { createGroup, deleteGroup } from "../../../access/identities/groups.ts";
import { arnOf, getIdentity, type Identity, listIdentities } from "../../../access/identities/identities.ts";
import { iamArn } from "../../../lib/arn.ts";
import type { Queryable } from "../../../store/database.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import type { Offered } from "../operation.ts";
import { rename, renamingResources } from "./renaming.ts";
import { identityResource, listResource, paged, pageOf } from "./rows.ts";
import { userItem } from "./users.ts";

type In<Name extends keyof IamOperations> = IamOperations[Name]["input"];
type Out<Name extends keyof IamOperations> = Promise<IamOperations[Name]["output"]>;

function groupItem(group: Identity) {
  return {
    Path: group.path,
    GroupName: group.name,
    GroupId: group.id,
    Arn: arnOf(group),
    CreateDate: new Date(group.created_at),
  };
}

const theGroup = async (call: Call, { GroupName }: { GroupName: string }) => [
  await identityResource(call, "group", GroupName),
];

const getGroup = (db: Queryable, { accountId }: Call, { GroupName }: { GroupName: string }) =>
  getIdentity(db, { accountId, kind: "group", name: GroupName });

const getUser = (db: Queryable, { accountId }: Call, { UserName }: { UserName: string }) =>
  getIdentity(db, { accountId, kind: "user", name: UserName });

/** The group that there will be. */
function newGroup({ accountId }: Call, { name, path }: { name: string; path: string }): Resource {
  return { arn: iamArn({ accountId, kind: "group", path, name }), accountId };
}

/** IAM API, CreateGroup. */
async function create(call: Call, input: In<"CreateGroup">): Out<"CreateGroup"> {
  const { accountId } = call;
  const { GroupName: name, Path: path = "/" } = input;
  const group = await call.db.write((tx) => createGroup(tx, call, { accountId, name, path }));
  return { Group: groupItem(group) };
}

/** IAM API, GetGroup: the group with a page of its users. */
async function get(call: Call, input: In<"GetGroup">): Out<"GetGroup"> {
  const page = pageOf(input);
  const group = await getGroup(call.db.read, call, input);
  const members = await listMembers(call.db.read, group.id, { after: page.after, limit: page.size + 1 });
  const { rows, end } = paged(members, page, ({ name_key }) => name_key);
  return { Group: groupItem(group), Users: rows.map(userItem), ...end };
}

/** IAM API, ListGroups. */
async function list(call: Call, input: In<"ListGroups">): Out<"ListGroups"> {
  const page = pageOf(input);
  const found = await listIdentities(call.db.read, {
    accountId: call.accountId,
    kind: "group",
    pathPrefix: input.PathPrefix,
    after: page.after,
    limit: page.size + 1,
  });
  const { rows, end } = paged(found, page, ({ name_key }) => name_key);
  return { Groups: rows.map(groupItem), ...end };
}

/** IAM API, ListGroupsForUser. */
async function listForUser(call: Call, input: In<"ListGroupsForUser">): Out<"ListGroupsForUser"> {
  const page = pageOf(input);
  const user = await getUser(call.db.read, call, input);
  const found = await listGroupsOf(call.db.read, user.id, { after: page.after, limit: page.size + 1 });
  const { rows, end } = paged(found, page, ({ name_key }) => name_key);
  return { Groups: rows.map(groupItem), ...end };
}

/** IAM API, UpdateGroup. */
async function update(call: Call, input: In<"UpdateGroup">): Out<"UpdateGroup"> {
  const { NewGroupName: newName, NewPath: newPath } = input;
  await call.db.write(async (tx) => rename(tx, await getGroup(tx, call, input), { newName, newPath }));
  return {};
}

/** The group and the user of a membership. Throws NoSuchEntity. */
async function membership(db: Queryable, call: Call, input: { GroupName: string; UserName: string }) {
  return { group: await getGroup(db, call, input), user: await getUser(db, call, input) };
}

export const groupOperations: Offered<IamOperations> = {
  AddUserToGroup: {
    actions: () => ["iam:AddUserToGroup"],
    resources: theGroup,
    run: async (call, input) => {
      await call.db.write(async (tx) => addMember(tx, await membership(tx, call, input)));
      return {};
    },
  },
  CreateGroup: {
    actions: () => ["iam:CreateGroup"],
    resources: (call, { GroupName: name, Path: path = "/" }) => [newGroup(call, { name, path })],
    run: create,
  },
  DeleteGroup: {
    actions: () => ["iam:DeleteGroup"],
    resources: theGroup,
    run: async (call, { GroupName: name }) => {
      await call.db.write((tx) => deleteGroup(tx, { accountId: call.accountId, name }));
      return {};
    },
  },
  GetGroup: { actions: () => ["iam:GetGroup"], resources: theGroup, run: get },
  ListGroups: {
    actions: () => ["iam:ListGroups"],
    resources: (call, input) => [listResource(call, "group", input.PathPrefix)],
    run: list,
  },
  ListGroupsForUser: {
    actions: () => ["iam:ListGroupsForUser"],
    resources: async (call, input) => [await identityResource(call, "user", input.UserName)],
    run: listForUser,
  },
  RemoveUserFromGroup: {
    actions: () => ["iam:RemoveUserFromGroup"],
    resources: theGroup,
    run: async (call, input) => {
      await call.db.write(async (tx) => removeMember(tx, await membership(tx, call, input)));
      return {};
    },
  },
  UpdateGroup: {
    actions: () => ["iam:UpdateGroup"],
    resources: (call, { GroupName: name, NewGroupName: newName, NewPath: newPath }) =>
      renamingResources(call, "group", { name, newName, newPath }),
    run: update,
  },
};
