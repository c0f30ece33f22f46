/** IAM's operations on managed policies. */
import { type HolderFilter, holdersOf } from "../../../access/identities/attachments.ts";
import { putTags, removeTags, tagsOf } from "../../../access/identities/identity-tags.ts";
import * as policies from "../../../access/identities/managed-policies.ts";
import { iamArn, parseIamArn } from "../../../lib/arn.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import { anyResource, type Offered } from "../operation.ts";
import { checkDocument } from "./holders.ts";
import { paged, pagedInMemory, pageOf, requestKeys, tagList, tagsIn } from "./rows.ts";

type In<Name extends keyof IamOperations> = IamOperations[Name]["input"];
type Out<Name extends keyof IamOperations> = Promise<IamOperations[Name]["output"]>;
type Policy = NonNullable<Awaited<Out<"GetPolicy">>["Policy"]>;
type Version = NonNullable<Awaited<Out<"GetPolicyVersion">>["PolicyVersion"]>;

/** IAM API, CreatePolicy. */
async function createPolicy(call: Call, input: In<"CreatePolicy">): Out<"CreatePolicy"> {
  const { PolicyName: name, Path: path = "/", PolicyDocument: document, Description: description } = input;
  const { accountId } = call;
  checkDocument(document, "identity");
  const policy = await call.db.write(async (tx) => {
    const made = await policies.createManagedPolicy(tx, call, {
      accountId,
      name,
      path,
      description,
      document,
    });
    await putTags(tx, made.arn, tagsIn(input));
    return made;
  });
  return { Policy: await detailed(call, policy) };
}

/** IAM API, GetPolicy. */
async function getPolicy(call: Call, { PolicyArn }: In<"GetPolicy">): Out<"GetPolicy"> {
  return { Policy: await detailed(call, await policies.getManagedPolicy(call.db.read, PolicyArn)) };
}

/** IAM API, ListPolicies: without descriptions and tags. */
async function listPolicies(call: Call, input: In<"ListPolicies">): Out<"ListPolicies"> {
  const { Scope = "All", PathPrefix: pathPrefix = "/", OnlyAttached, PolicyUsageFilter } = input;
  const usedAs = PolicyUsageFilter ? usages[PolicyUsageFilter] : OnlyAttached ? "either" : undefined;
  const filter = { accountId: call.accountId, scope: Scope, pathPrefix, usedAs } as const;
  const page = pageOf(input);
  const limits = { after: page.after, limit: page.size + 1 };
  const { rows, end } = paged(
    await policies.listManagedPolicies(call.db.read, filter, limits),
    page,
    ({ key }) => key,
  );
  return { Policies: rows.map(({ policy, usage }) => plain(policy, usage)), ...end };
}

/** IAM API, DeletePolicy. */
async function deletePolicy(call: Call, { PolicyArn }: In<"DeletePolicy">): Out<"DeletePolicy"> {
  await call.db.write(async (tx) =>
    policies.deleteManagedPolicy(tx, await policies.getCustomerPolicy(tx, PolicyArn), call.accountId),
  );
  return {};
}

/** IAM API, CreatePolicyVersion. */
async function createPolicyVersion(
  call: Call,
  { PolicyArn, PolicyDocument: document, SetAsDefault = false }: In<"CreatePolicyVersion">,
): Out<"CreatePolicyVersion"> {
  checkDocument(document, "identity");
  const made = await call.db.write(async (tx) => {
    const policy = await policies.getCustomerPolicy(tx, PolicyArn);
    return policies.createVersion(tx, call, { policy, document, isDefault: SetAsDefault });
  });
  return { PolicyVersion: withoutDocument(made) };
}

/** IAM API, GetPolicyVersion: the document is as it was written. */
async function getPolicyVersion(
  call: Call,
  { PolicyArn, VersionId }: In<"GetPolicyVersion">,
): Out<"GetPolicyVersion"> {
  const policy = await policies.getManagedPolicy(call.db.read, PolicyArn);
  const version = await policies.getVersion(call.db.read, policy, VersionId);
  return { PolicyVersion: { Document: version.document, ...withoutDocument(version) } };
}

/** IAM API, ListPolicyVersions: the newest first, without documents. */
async function listPolicyVersions(call: Call, input: In<"ListPolicyVersions">): Out<"ListPolicyVersions"> {
  const policy = await policies.getManagedPolicy(call.db.read, input.PolicyArn);
  const { rows, end } = pagedInMemory(await policies.versionsOf(call.db.read, policy), input);
  return { Versions: rows.map(withoutDocument), ...end };
}

/** IAM API, SetDefaultPolicyVersion. */
async function setDefaultPolicyVersion(
  call: Call,
  { PolicyArn, VersionId }: In<"SetDefaultPolicyVersion">,
): Out<"SetDefaultPolicyVersion"> {
  await call.db.write(async (tx) =>
    policies.setDefaultVersion(tx, await policies.getCustomerPolicy(tx, PolicyArn), VersionId),
  );
  return {};
}

/** IAM API, DeletePolicyVersion. */
async function deletePolicyVersion(
  call: Call,
  { PolicyArn, VersionId }: In<"DeletePolicyVersion">,
): Out<"DeletePolicyVersion"> {
  await call.db.write(async (tx) =>
    policies.deleteVersion(tx, await policies.getCustomerPolicy(tx, PolicyArn), VersionId),
  );
  return {};
}

const kinds = { User: "user", Group: "group", Role: "role" } as const;
const usages = { PermissionsPolicy: "attachment", PermissionsBoundary: "boundary" } as const;

/** IAM API, ListEntitiesForPolicy. */
async function listEntitiesForPolicy(
  call: Call,
  input: In<"ListEntitiesForPolicy">,
): Out<"ListEntitiesForPolicy"> {
  const { PolicyArn: arn, EntityFilter, PathPrefix: pathPrefix = "/", PolicyUsageFilter } = input;
  await policies.getManagedPolicy(call.db.read, arn);
  const none = { PolicyUsers: [], PolicyGroups: [], PolicyRoles: [], IsTruncated: false };
  // The type has policies among the entities, and those have no policies.
  if (EntityFilter !== undefined && !(EntityFilter in kinds)) return none;
  const filter: HolderFilter = {
    accountId: call.accountId,
    arn,
    kind: EntityFilter && kinds[EntityFilter as keyof typeof kinds],
    pathPrefix,
    usedAs: PolicyUsageFilter && usages[PolicyUsageFilter],
  };
  const page = pageOf(input);
  const found = await holdersOf(call.db.read, filter, { after: page.after, limit: page.size + 1 });
  const { rows, end } = paged(found, page, ({ id }) => id);
  const of = (kind: string) => rows.filter((row) => row.kind === kind);
  return {
    PolicyUsers: of("user").map(({ id, name }) => ({ UserName: name, UserId: id })),
    PolicyGroups: of("group").map(({ id, name }) => ({ GroupName: name, GroupId: id })),
    PolicyRoles: of("role").map(({ id, name }) => ({ RoleName: name, RoleId: id })),
    ...end,
  };
}

/** IAM API, ListPolicyTags. */
async function listPolicyTags(call: Call, input: In<"ListPolicyTags">): Out<"ListPolicyTags"> {
  const { arn } = await policies.getManagedPolicy(call.db.read, input.PolicyArn);
  const { rows, end } = pagedInMemory(await tagsOf(call.db.read, arn), input);
  return { Tags: tagList(rows), ...end };
}

/** IAM API, TagPolicy. */
async function tagPolicy(call: Call, input: In<"TagPolicy">): Out<"TagPolicy"> {
  await call.db.write(async (tx) =>
    putTags(tx, (await policies.getCustomerPolicy(tx, input.PolicyArn)).arn, tagsIn(input)),
  );
  return {};
}

/** IAM API, UntagPolicy. */
async function untagPolicy(call: Call, input: In<"UntagPolicy">): Out<"UntagPolicy"> {
  await call.db.write(async (tx) =>
    removeTags(tx, (await policies.getCustomerPolicy(tx, input.PolicyArn)).arn, input.TagKeys),
  );
  return {};
}

function plain(policy: policies.ManagedPolicy, { attachments, boundaries }: policies.Usage): Policy {
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersionId,
    AttachmentCount: attachments,
    PermissionsBoundaryUsageCount: boundaries,
    IsAttachable: true,
    CreateDate: new Date(policy.createdAt),
    UpdateDate: new Date(policy.updatedAt),
  };
}

async function detailed({ db, accountId }: Call, policy: policies.ManagedPolicy): Promise<Policy> {
  return {
    ...plain(policy, await policies.usageOf(db.read, accountId, policy.arn)),
    ...(policy.description !== null && { Description: policy.description }),
    Tags: tagList(await tagsOf(db.read, policy.arn)),
  };
}

function withoutDocument({ versionId, isDefault, createdAt }: policies.PolicyVersion): Version {
  return { VersionId: versionId, IsDefaultVersion: isDefault, CreateDate: new Date(createdAt) };
}

type PolicyInput = { PolicyArn: string; Tags?: In<"TagPolicy">["Tags"]; TagKeys?: string[] };

/** A policy of AWS belongs to every account; one of another account is asked about there. */
function policyResource({ accountId }: Call, input: PolicyInput): readonly Resource[] {
  const owner = parseIamArn(input.PolicyArn)?.accountId ?? "aws";
  return [{ arn: input.PolicyArn, accountId: owner === "aws" ? accountId : owner, keys: requestKeys(input) }];
}

function newPolicyResource({ accountId }: Call, input: In<"CreatePolicy">): readonly Resource[] {
  const { PolicyName: name, Path: path = "/" } = input;
  return [{ arn: iamArn({ accountId, kind: "policy", path, name }), accountId, keys: requestKeys(input) }];
}

export const managedPolicyOperations: Offered<IamOperations> = {
  CreatePolicy: {
    // Tags on creation need the right to tag: IAM user guide, "Tagging customer managed policies".
    actions: ({ Tags = [] }) =>
      Tags.length > 0 ? ["iam:CreatePolicy", "iam:TagPolicy"] : ["iam:CreatePolicy"],
    resources: newPolicyResource,
    run: createPolicy,
  },
  GetPolicy: { actions: () => ["iam:GetPolicy"], resources: policyResource, run: getPolicy },
  ListPolicies: { actions: () => ["iam:ListPolicies"], resources: anyResource, run: listPolicies },
  DeletePolicy: { actions: () => ["iam:DeletePolicy"], resources: policyResource, run: deletePolicy },
  CreatePolicyVersion: {
    actions: () => ["iam:CreatePolicyVersion"],
    resources: policyResource,
    run: createPolicyVersion,
  },
  GetPolicyVersion: {
    actions: () => ["iam:GetPolicyVersion"],
    resources: policyResource,
    run: getPolicyVersion,
  },
  ListPolicyVersions: {
    actions: () => ["iam:ListPolicyVersions"],
    resources: policyResource,
    run: listPolicyVersions,
  },
  SetDefaultPolicyVersion: {
    actions: () => ["iam:SetDefaultPolicyVersion"],
    resources: policyResource,
    run: setDefaultPolicyVersion,
  },
  DeletePolicyVersion: {
    actions: () => ["iam:DeletePolicyVersion"],
    resources: policyResource,
    run: deletePolicyVersion,
  },
  ListEntitiesForPolicy: {
    actions: () => ["iam:ListEntitiesForPolicy"],
    resources: policyResource,
    run: listEntitiesForPolicy,
  },
  ListPolicyTags: { actions: () => ["iam:ListPolicyTags"], resources: policyResource, run: listPolicyTags },
  TagPolicy: { actions: () => ["iam:TagPolicy"], resources: policyResource, run: tagPolicy },
  UntagPolicy: { actions: () => ["iam:UntagPolicy"], resources: policyResource, run: untagPolicy },
};
