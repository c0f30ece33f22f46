/** IAM's operations that tell what everybody may do: GetAccountAuthorizationDetails, ListPoliciesGrantingServiceAccess. */
import { attachedPolicies } from "../../../access/identities/attachments.ts";
import {
  allowsService,
  groupsOf,
  type HeldPolicy,
  heldPolicies,
} from "../../../access/identities/held-policies.ts";
import {
  arnOf,
  findIdentity,
  type Identity,
  type IdentityKind,
  listIdentities,
} from "../../../access/identities/identities.ts";
import { tagsOf } from "../../../access/identities/identity-tags.ts";
import { inlinePoliciesOf } from "../../../access/identities/inline-policies.ts";
import {
  type ListedPolicy,
  listManagedPolicies,
  versionsOf,
} from "../../../access/identities/managed-policies.ts";
import { trustPolicyOf } from "../../../access/identities/roles.ts";
import { parseIamArn } from "../../../lib/arn.ts";
import { fault } from "../../../lib/faults.ts";
import { echo } from "../../../lib/text.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import { anyResource, type Offered } from "../operation.ts";
import { paged, pagedInMemory, pageOf, tagList } from "./rows.ts";

type In<Name extends keyof IamOperations> = IamOperations[Name]["input"];
type Out<Name extends keyof IamOperations> = Promise<IamOperations[Name]["output"]>;

/** The parts of the list in their order, and which filter asks for each. */
const parts = [
  { letter: "a", kind: "user", filter: "User" },
  { letter: "b", kind: "group", filter: "Group" },
  { letter: "c", kind: "role", filter: "Role" },
  { letter: "d", kind: "own policies", filter: "LocalManagedPolicy" },
  { letter: "e", kind: "policies of AWS", filter: "AWSManagedPolicy" },
] as const;

type Part = (typeof parts)[number];
type Entry = { key: string } & ({ identity: Identity } | { listed: ListedPolicy });

/** IAM API, GetAccountAuthorizationDetails: of AWS's policies those that are used. */
async function details(
  call: Call,
  input: In<"GetAccountAuthorizationDetails">,
): Out<"GetAccountAuthorizationDetails"> {
  const page = pageOf(input);
  const found: Entry[] = [];
  for (const part of parts) {
    if (input.Filter !== undefined && input.Filter.length > 0 && !input.Filter.includes(part.filter))
      continue;
    const limit = page.size + 1 - found.length;
    if (limit <= 0 || part.letter < page.after.slice(0, 1)) continue;
    const after = part.letter === page.after.slice(0, 1) ? page.after.slice(1) : "";
    found.push(...(await entriesOf(call, part, { after, limit })));
  }
  const { rows, end } = paged(found, page, ({ key }) => key);
  const identities = rows.flatMap((row) => ("identity" in row ? [row.identity] : []));
  const listed = rows.flatMap((row) => ("listed" in row ? [row.listed] : []));
  const of = (kind: IdentityKind) => identities.filter((identity) => identity.kind === kind);
  return {
    UserDetailList: await Promise.all(of("user").map((user) => userDetail(call, user))),
    GroupDetailList: await Promise.all(of("group").map((group) => groupDetail(call, group))),
    RoleDetailList: await Promise.all(of("role").map((role) => roleDetail(call, role))),
    Policies: await Promise.all(listed.map((policy) => policyDetail(call, policy))),
    ...end,
  };
}

async function entriesOf(
  { db, accountId }: Call,
  { letter, kind }: Part,
  { after, limit }: { after: string; limit: number },
): Promise<Entry[]> {
  if (kind === "user" || kind === "group" || kind === "role") {
    const rows = await listIdentities(db.read, { accountId, kind, after, limit });
    return rows.map((identity) => ({ key: letter + identity.name_key, identity }));
  }
  const isOwn = kind === "own policies";
  const filter = {
    accountId,
    scope: isOwn ? "Local" : "AWS",
    pathPrefix: "/",
    usedAs: isOwn ? undefined : "either",
  } as const;
  const rows = await listManagedPolicies(db.read, filter, { after, limit });
  return rows.map((listed) => ({ key: letter + listed.key, listed }));
}

async function userDetail(call: Call, user: Identity) {
  const groups = await groupsOf(call.db.read, user.id);
  return {
    UserName: user.name,
    UserId: user.id,
    ...(await common(call, user)),
    UserPolicyList: await inlineList(call, user),
    GroupList: groups.map(({ name }) => name),
    ...(await boundaryAndTags(call, user)),
  };
}

async function groupDetail(call: Call, group: Identity) {
  return {
    GroupName: group.name,
    GroupId: group.id,
    ...(await common(call, group)),
    GroupPolicyList: await inlineList(call, group),
  };
}

async function roleDetail(call: Call, role: Identity) {
  return {
    RoleName: role.name,
    RoleId: role.id,
    ...(await common(call, role)),
    AssumeRolePolicyDocument: await trustPolicyOf(call.db.read, role),
    InstanceProfileList: [],
    RolePolicyList: await inlineList(call, role),
    ...(await boundaryAndTags(call, role)),
    RoleLastUsed: {
      ...(role.last_used_at !== null && { LastUsedDate: new Date(role.last_used_at) }),
      ...(role.last_used_region !== null && { Region: role.last_used_region }),
    },
  };
}

async function policyDetail({ db }: Call, { policy, usage }: ListedPolicy) {
  const versions = await versionsOf(db.read, policy);
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersionId,
    AttachmentCount: usage.attachments,
    PermissionsBoundaryUsageCount: usage.boundaries,
    IsAttachable: true,
    ...(policy.description !== null && { Description: policy.description }),
    CreateDate: new Date(policy.createdAt),
    UpdateDate: new Date(policy.updatedAt),
    PolicyVersionList: versions.map(({ versionId, document, createdAt, isDefault }) => ({
      Document: document,
      VersionId: versionId,
      IsDefaultVersion: isDefault,
      CreateDate: new Date(createdAt),
    })),
  };
}

async function common({ db }: Call, identity: Identity) {
  const attached = await attachedPolicies(db.read, identity.id);
  return {
    Path: identity.path,
    Arn: arnOf(identity),
    CreateDate: new Date(identity.created_at),
    AttachedManagedPolicies: attached.map(({ name, arn }) => ({ PolicyName: name, PolicyArn: arn })),
  };
}

async function inlineList({ db }: Call, identity: Identity) {
  const policies = await inlinePoliciesOf(db.read, identity.id);
  return policies.map(({ name, document }) => ({ PolicyName: name, PolicyDocument: document }));
}

async function boundaryAndTags({ db }: Call, identity: Identity) {
  return {
    ...(identity.boundary_arn !== null && {
      PermissionsBoundary: {
        PermissionsBoundaryType: "PermissionsBoundaryPolicy" as const,
        PermissionsBoundaryArn: identity.boundary_arn,
      },
    }),
    Tags: tagList(await tagsOf(db.read, identity.id)),
  };
}

/** IAM API, ListPoliciesGrantingServiceAccess: what a user's groups have counts for the user. */
async function grantingServiceAccess(
  call: Call,
  input: In<"ListPoliciesGrantingServiceAccess">,
): Out<"ListPoliciesGrantingServiceAccess"> {
  const held = await heldPolicies(call.db.read, await identityByArn(call, input.Arn));
  const { rows, end } = pagedInMemory(input.ServiceNamespaces, { Marker: input.Marker });
  return {
    PoliciesGrantingServiceAccess: rows.map((service) => ({
      ServiceNamespace: service,
      Policies: held.filter((policy) => allowsService(policy, service)).map(granting),
    })),
    ...end,
  };
}

const entityTypes = { user: "USER", group: "GROUP", role: "ROLE" } as const;

/** IAM API, PolicyGrantingServiceAccess: an inline policy is told with whom it belongs to, a managed one with its ARN. */
function granting({ name, arn, holder }: HeldPolicy) {
  return arn === undefined
    ? {
        PolicyName: name,
        PolicyType: "INLINE" as const,
        EntityType: entityTypes[holder.kind],
        EntityName: holder.name,
      }
    : { PolicyName: name, PolicyType: "MANAGED" as const, PolicyArn: arn };
}

/** The user, group or role that an ARN names. Throws InvalidInput and EntityNotFound. */
export async function identityByArn(call: Call, arn: string): Promise<Identity> {
  const parsed = parseIamArn(arn);
  if (!parsed || parsed.kind === "policy") {
    throw fault("InvalidInput", {
      reason: `Invalid Entity Arn: ${echo(arn)} does not clearly define entity type and name.`,
    });
  }
  const { accountId, kind, name, path } = parsed;
  const found = await findIdentity(call.db.read, { accountId, kind: kind as IdentityKind, name });
  if (found?.path === path) return found;
  throw fault("EntityNotFound", { reason: `Invalid Entity Arn: ${echo(arn)} cannot be found.` });
}

/** What an ARN names, as a permission is asked about it. */
export function resourceOfArn(call: Call, arn: string): readonly Resource[] {
  const owner = /^arn:aws:iam::(\d{12}):/.exec(arn)?.[1];
  return [{ arn, accountId: owner ?? call.accountId }];
}

export const authorizationDetailOperations: Offered<IamOperations> = {
  GetAccountAuthorizationDetails: {
    actions: () => ["iam:GetAccountAuthorizationDetails"],
    resources: anyResource,
    run: details,
  },
  ListPoliciesGrantingServiceAccess: {
    actions: () => ["iam:ListPoliciesGrantingServiceAccess"],
    resources: (call, { Arn }) => resourceOfArn(call, Arn),
    run: grantingServiceAccess,
  },
};
