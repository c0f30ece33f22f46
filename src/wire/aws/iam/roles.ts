/** IAM's operations on roles. */
import { arnOf, type Identity, listIdentities } from "../../../access/identities/identities.ts";
import { putTags, removeTags, tagsOf } from "../../../access/identities/identity-tags.ts";
import * as roles from "../../../access/identities/roles.ts";
import { getLinkedService, pathOf } from "../../../access/identities/service-linked-roles.ts";
import { iamArn } from "../../../lib/arn.ts";
import { fault } from "../../../lib/faults.ts";
import { echo } from "../../../lib/text.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import type { Offered } from "../operation.ts";
import { checkDocument } from "./holders.ts";
import { identityResource, paged, pagedInMemory, pageOf, requestKeys, tagList, tagsIn } from "./rows.ts";

type In<Name extends keyof IamOperations> = IamOperations[Name]["input"];
type Out<Name extends keyof IamOperations> = Promise<IamOperations[Name]["output"]>;
type Role = Awaited<Out<"GetRole">>["Role"] & {};

/** IAM API, CreateRole. */
async function createRole(call: Call, input: In<"CreateRole">): Out<"CreateRole"> {
  const text = input.AssumeRolePolicyDocument;
  const policy = checkDocument(text, "trust");
  const role = await call.db.write((tx) =>
    roles.createRole(tx, call, {
      accountId: call.accountId,
      name: input.RoleName,
      path: input.Path ?? "/",
      trust: { text, policy },
      description: input.Description,
      maxSessionSeconds: input.MaxSessionDuration,
      boundaryArn: input.PermissionsBoundary,
      tags: tagsIn(input),
    }),
  );
  return { Role: await detailed(call, role) };
}

/** IAM API, GetRole. */
async function getRole(call: Call, { RoleName }: In<"GetRole">): Out<"GetRole"> {
  const role = await roles.getRole(call.db.read, call.accountId, RoleName);
  const lastUsed = {
    ...(role.last_used_at !== null && { LastUsedDate: new Date(role.last_used_at) }),
    ...(role.last_used_region !== null && { Region: role.last_used_region }),
  };
  return { Role: { ...(await detailed(call, role)), RoleLastUsed: lastUsed } };
}

/** IAM API, ListRoles: without tags, boundaries and when a role was last used. */
async function listRoles(call: Call, input: In<"ListRoles">): Out<"ListRoles"> {
  const page = pageOf(input);
  const found = await listIdentities(call.db.read, {
    accountId: call.accountId,
    kind: "role",
    pathPrefix: input.PathPrefix,
    after: page.after,
    limit: page.size + 1,
  });
  const { rows, end } = paged(found, page, (row) => row.name_key);
  return { Roles: await Promise.all(rows.map((row) => plain(call, row))), ...end };
}

/** IAM API, UpdateRole. */
async function updateRole(call: Call, input: In<"UpdateRole">): Out<"UpdateRole"> {
  await call.db.write(async (tx) => {
    const role = await roles.getRole(tx, call.accountId, input.RoleName);
    await roles.updateRole(tx, role, {
      description: input.Description,
      maxSessionSeconds: input.MaxSessionDuration,
    });
  });
  return {};
}

/** IAM API, UpdateRoleDescription. */
async function updateRoleDescription(
  call: Call,
  input: In<"UpdateRoleDescription">,
): Out<"UpdateRoleDescription"> {
  const updated = await call.db.write(async (tx) => {
    const role = await roles.getRole(tx, call.accountId, input.RoleName);
    return roles.updateRole(tx, role, { description: input.Description });
  });
  return { Role: await plain(call, updated) };
}

/** IAM API, UpdateAssumeRolePolicy. */
async function updateAssumeRolePolicy(
  call: Call,
  { RoleName, PolicyDocument: text }: In<"UpdateAssumeRolePolicy">,
): Out<"UpdateAssumeRolePolicy"> {
  const policy = checkDocument(text, "trust");
  await call.db.write(async (tx) => {
    const role = await roles.getModifiableRole(tx, call.accountId, RoleName);
    await roles.updateTrustPolicy(tx, role, { text, policy });
  });
  return {};
}

/** IAM API, DeleteRole. */
async function deleteRole(call: Call, { RoleName }: In<"DeleteRole">): Out<"DeleteRole"> {
  await call.db.write(async (tx) =>
    roles.deleteRole(tx, await roles.getModifiableRole(tx, call.accountId, RoleName)),
  );
  return {};
}

/** IAM API, ListRoleTags. */
async function listRoleTags(call: Call, input: In<"ListRoleTags">): Out<"ListRoleTags"> {
  const role = await roles.getRole(call.db.read, call.accountId, input.RoleName);
  const { rows, end } = pagedInMemory(await tagsOf(call.db.read, role.id), input);
  return { Tags: tagList(rows), ...end };
}

/** IAM API, TagRole. */
async function tagRole(call: Call, input: In<"TagRole">): Out<"TagRole"> {
  await call.db.write(async (tx) =>
    putTags(tx, (await roles.getRole(tx, call.accountId, input.RoleName)).id, tagsIn(input)),
  );
  return {};
}

/** IAM API, UntagRole. */
async function untagRole(call: Call, input: In<"UntagRole">): Out<"UntagRole"> {
  await call.db.write(async (tx) =>
    removeTags(tx, (await roles.getRole(tx, call.accountId, input.RoleName)).id, input.TagKeys),
  );
  return {};
}

/** IAM API, ListInstanceProfilesForRole: there are no instances here, and so no profiles. */
async function listInstanceProfilesForRole(
  call: Call,
  { RoleName }: In<"ListInstanceProfilesForRole">,
): Out<"ListInstanceProfilesForRole"> {
  await roles.getRole(call.db.read, call.accountId, RoleName);
  return { InstanceProfiles: [], IsTruncated: false };
}

/** IAM API, CreateServiceLinkedRole. */
async function createServiceLinkedRole(
  call: Call,
  { AWSServiceName: service, Description, CustomSuffix }: In<"CreateServiceLinkedRole">,
): Out<"CreateServiceLinkedRole"> {
  getLinkedService(service);
  if (CustomSuffix !== undefined) {
    throw fault("InvalidInput", { reason: `Custom suffix is not allowed for ${service}` });
  }
  const role = await call.db.write((tx) =>
    roles.createServiceLinkedRole(tx, call, {
      accountId: call.accountId,
      service,
      description: Description,
    }),
  );
  return { Role: await plain(call, role) };
}

/** IAM API, DeleteServiceLinkedRole. It is done when the task's id is answered. */
async function deleteServiceLinkedRole(
  call: Call,
  { RoleName }: In<"DeleteServiceLinkedRole">,
): Out<"DeleteServiceLinkedRole"> {
  const role = await call.db.write(async (tx) => {
    const found = await roles.getRole(tx, call.accountId, RoleName);
    await roles.deleteServiceLinkedRole(tx, found);
    return found;
  });
  return { DeletionTaskId: `task${role.path}${role.name}/${call.ids.uuid()}` };
}

/** The role that an id of DeleteServiceLinkedRole is about. */
const deletionTask = /^task(\/aws-service-role\/[\w.]+\/)([\w+=,.@-]+)\/[0-9a-f-]{36}$/;

/** IAM API, GetServiceLinkedRoleDeletionStatus. */
async function getServiceLinkedRoleDeletionStatus(
  _: Call,
  { DeletionTaskId }: In<"GetServiceLinkedRoleDeletionStatus">,
): Out<"GetServiceLinkedRoleDeletionStatus"> {
  if (deletionTask.test(DeletionTaskId)) return { Status: "SUCCEEDED" };
  throw fault("EntityNotFound", { reason: `Deletion task ${echo(DeletionTaskId)} cannot be found.` });
}

/** What every answer has of a role. */
async function plain({ db }: Call, role: Identity): Promise<Role> {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: arnOf(role),
    CreateDate: new Date(role.created_at),
    AssumeRolePolicyDocument: await roles.trustPolicyOf(db.read, role),
    ...(role.description !== null && { Description: role.description }),
    MaxSessionDuration: role.max_session_seconds ?? undefined,
  };
}

async function detailed(call: Call, role: Identity): Promise<Role> {
  const tags = tagList(await tagsOf(call.db.read, role.id));
  return {
    ...(await plain(call, role)),
    ...(role.boundary_arn !== null && {
      PermissionsBoundary: {
        PermissionsBoundaryType: "PermissionsBoundaryPolicy",
        PermissionsBoundaryArn: role.boundary_arn,
      },
    }),
    ...(tags.length > 0 && { Tags: tags }),
  };
}

type RoleInput = { RoleName: string; Tags?: In<"TagRole">["Tags"]; TagKeys?: string[] };

const roleResource = async (call: Call, input: RoleInput): Promise<readonly Resource[]> => [
  { ...(await identityResource(call, "role", input.RoleName)), keys: requestKeys(input) },
];

function newRoleResource(call: Call, input: In<"CreateRole">): readonly Resource[] {
  const { accountId } = call;
  const { RoleName: name, Path: path = "/" } = input;
  return [{ arn: iamArn({ accountId, kind: "role", path, name }), accountId, keys: requestKeys(input) }];
}

function linkedRoleResource(
  { accountId }: Call,
  { AWSServiceName }: In<"CreateServiceLinkedRole">,
): readonly Resource[] {
  const linked = getLinkedService(AWSServiceName);
  const arn = iamArn({ accountId, kind: "role", path: pathOf(linked), name: linked.roleName });
  return [{ arn, accountId, keys: new Map([["iam:awsservicename", [AWSServiceName]]]) }];
}

function deletedRoleResource(
  { accountId }: Call,
  { DeletionTaskId }: In<"GetServiceLinkedRoleDeletionStatus">,
): readonly Resource[] {
  const [, path = "/", name = "*"] = deletionTask.exec(DeletionTaskId) ?? [];
  return [{ arn: iamArn({ accountId, kind: "role", path, name }), accountId }];
}

export const roleOperations: Offered<IamOperations> = {
  CreateRole: {
    // Tags on creation need the right to tag: IAM user guide, "Tagging IAM roles".
    actions: ({ Tags = [] }) => (Tags.length > 0 ? ["iam:CreateRole", "iam:TagRole"] : ["iam:CreateRole"]),
    resources: newRoleResource,
    run: createRole,
  },
  GetRole: { actions: () => ["iam:GetRole"], resources: roleResource, run: getRole },
  ListRoles: {
    actions: () => ["iam:ListRoles"],
    resources: ({ accountId }, { PathPrefix: path = "/" }) => [
      { arn: iamArn({ accountId, kind: "role", path, name: "" }), accountId },
    ],
    run: listRoles,
  },
  UpdateRole: { actions: () => ["iam:UpdateRole"], resources: roleResource, run: updateRole },
  UpdateRoleDescription: {
    actions: () => ["iam:UpdateRoleDescription"],
    resources: roleResource,
    run: updateRoleDescription,
  },
  UpdateAssumeRolePolicy: {
    actions: () => ["iam:UpdateAssumeRolePolicy"],
    resources: roleResource,
    run: updateAssumeRolePolicy,
  },
  DeleteRole: { actions: () => ["iam:DeleteRole"], resources: roleResource, run: deleteRole },
  ListRoleTags: { actions: () => ["iam:ListRoleTags"], resources: roleResource, run: listRoleTags },
  TagRole: { actions: () => ["iam:TagRole"], resources: roleResource, run: tagRole },
  UntagRole: { actions: () => ["iam:UntagRole"], resources: roleResource, run: untagRole },
  ListInstanceProfilesForRole: {
    actions: () => ["iam:ListInstanceProfilesForRole"],
    resources: roleResource,
    run: listInstanceProfilesForRole,
  },
  CreateServiceLinkedRole: {
    actions: () => ["iam:CreateServiceLinkedRole"],
    resources: linkedRoleResource,
    run: createServiceLinkedRole,
  },
  DeleteServiceLinkedRole: {
    actions: () => ["iam:DeleteServiceLinkedRole"],
    resources: roleResource,
    run: deleteServiceLinkedRole,
  },
  GetServiceLinkedRoleDeletionStatus: {
    actions: () => ["iam:GetServiceLinkedRoleDeletionStatus"],
    resources: deletedRoleResource,
    run: getServiceLinkedRoleDeletionStatus,
  },
};
