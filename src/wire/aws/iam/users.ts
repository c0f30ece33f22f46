/** IAM's operations on users and their tags. */

import { aliasOf } from "../../../access/accounts/accounts.ts";
import { arnOf, getIdentity, type Identity, listIdentities } from "../../../access/identities/identities.ts";
import { type IdentityTag, putTags, removeTags, tagsOf } from "../../../access/identities/identity-tags.ts";
import { createUser, deleteUser } from "../../../access/identities/users.ts";
import { iamArn, rootArn } from "../../../lib/arn.ts";
import type { Queryable } from "../../../store/database.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import type { Offered } from "../operation.ts";
import { rename, renamingResources } from "./renaming.ts";
import {
  identityResource,
  listResource,
  paged,
  pagedInMemory,
  pageOf,
  requestKeys,
  tagList,
  tagsIn,
} from "./rows.ts";
import { keyOwner, subjectResource } from "./subjects.ts";

type In<Name extends keyof IamOperations> = IamOperations[Name]["input"];
type Out<Name extends keyof IamOperations> = Promise<IamOperations[Name]["output"]>;

/** A user as lists have it: without tags and boundary (IAM API, ListUsers). */
export function userItem(user: Identity) {
  return {
    Path: user.path,
    UserName: user.name,
    UserId: user.id,
    Arn: arnOf(user),
    CreateDate: new Date(user.created_at),
    ...(user.password_last_used_at !== null && { PasswordLastUsed: new Date(user.password_last_used_at) }),
  };
}

function userDetail(user: Identity, tags: readonly IdentityTag[]) {
  return {
    ...userItem(user),
    ...(user.boundary_arn !== null && {
      PermissionsBoundary: {
        PermissionsBoundaryType: "PermissionsBoundaryPolicy" as const,
        PermissionsBoundaryArn: user.boundary_arn,
      },
    }),
    ...(tags.length > 0 && { Tags: tagList(tags) }),
  };
}

function named(call: Call, { UserName }: { UserName: string }) {
  return { accountId: call.accountId, kind: "user" as const, name: UserName };
}

const getUserNamed = (db: Queryable, call: Call, input: { UserName: string }) =>
  getIdentity(db, named(call, input));

const theUser = async (call: Call, input: { UserName: string }) => [
  await identityResource(call, "user", input.UserName),
];

/** The user that there will be. */
function newUser(
  { accountId }: Call,
  { name, path = "/" }: { name: string; path?: string | undefined },
): Resource {
  return { arn: iamArn({ accountId, kind: "user", path, name }), accountId };
}

/** IAM API, CreateUser. */
async function create(call: Call, input: In<"CreateUser">): Out<"CreateUser"> {
  const tags = tagsIn(input);
  const user = await call.db.write((tx) =>
    createUser(tx, call, {
      accountId: call.accountId,
      name: input.UserName,
      path: input.Path ?? "/",
      boundaryArn: input.PermissionsBoundary,
      tags,
    }),
  );
  return { User: userDetail(user, tags) };
}

/** IAM API, GetUser: without a name the caller itself. A root has its account's id and alias for id and name. */
async function get(call: Call, input: In<"GetUser">): Out<"GetUser"> {
  const { db, accountId } = call;
  const { user } = await keyOwner(db.read, call, input);
  if (user) return { User: userDetail(user, await tagsOf(db.read, user.id)) };
  const { createdAt } = await db.read
    .selectFrom("accounts")
    .select("created_at as createdAt")
    .where("id", "=", accountId)
    .executeTakeFirstOrThrow();
  return {
    User: {
      Path: undefined,
      UserName: await aliasOf(db.read, accountId),
      UserId: accountId,
      Arn: rootArn(accountId),
      CreateDate: new Date(createdAt),
    },
  };
}

/** IAM API, ListUsers. */
async function list(call: Call, input: In<"ListUsers">): Out<"ListUsers"> {
  const page = pageOf(input);
  const found = await listIdentities(call.db.read, {
    accountId: call.accountId,
    kind: "user",
    pathPrefix: input.PathPrefix,
    after: page.after,
    limit: page.size + 1,
  });
  const { rows, end } = paged(found, page, ({ name_key }) => name_key);
  return { Users: rows.map(userItem), ...end };
}

/** IAM API, UpdateUser. */
async function update(call: Call, input: In<"UpdateUser">): Out<"UpdateUser"> {
  const { NewUserName: newName, NewPath: newPath } = input;
  await call.db.write(async (tx) => rename(tx, await getUserNamed(tx, call, input), { newName, newPath }));
  return {};
}

/** IAM API, ListUserTags. */
async function listTags(call: Call, input: In<"ListUserTags">): Out<"ListUserTags"> {
  const { id } = await getUserNamed(call.db.read, call, input);
  const { rows, end } = pagedInMemory(await tagsOf(call.db.read, id), input);
  return { Tags: tagList(rows), ...end };
}

export const userOperations: Offered<IamOperations> = {
  CreateUser: {
    actions: ({ Tags = [] }) => ["iam:CreateUser", ...(Tags.length > 0 ? (["iam:TagUser"] as const) : [])],
    resources: (call, input) => [
      { ...newUser(call, { name: input.UserName, path: input.Path }), keys: requestKeys(input) },
    ],
    run: create,
  },
  DeleteUser: {
    actions: () => ["iam:DeleteUser"],
    resources: theUser,
    run: async (call, input) => {
      await call.db.write((tx) => deleteUser(tx, named(call, input)));
      return {};
    },
  },
  GetUser: { actions: () => ["iam:GetUser"], resources: subjectResource, run: get },
  ListUsers: {
    actions: () => ["iam:ListUsers"],
    resources: (call, input) => [listResource(call, "user", input.PathPrefix)],
    run: list,
  },
  UpdateUser: {
    actions: () => ["iam:UpdateUser"],
    resources: (call, { UserName: name, NewUserName: newName, NewPath: newPath }) =>
      renamingResources(call, "user", { name, newName, newPath }),
    run: update,
  },
  ListUserTags: { actions: () => ["iam:ListUserTags"], resources: theUser, run: listTags },
  TagUser: {
    actions: () => ["iam:TagUser"],
    resources: async (call, input) => [
      { ...(await identityResource(call, "user", input.UserName)), keys: requestKeys(input) },
    ],
    run: async (call, input) => {
      await call.db.write(async (tx) => putTags(tx, (await getUserNamed(tx, call, input)).id, tagsIn(input)));
      return {};
    },
  },
  UntagUser: {
    actions: () => ["iam:UntagUser"],
    resources: async (call, input) => [
      { ...(await identityResource(call, "user", input.UserName)), keys: requestKeys(input) },
    ],
    run: async (call, input) => {
      await call.db.write(async (tx) =>
        removeTags(tx, (await getUserNamed(tx, call, input)).id, input.TagKeys),
      );
      return {};
    },
  },
};
