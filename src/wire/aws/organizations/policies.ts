/** Operations on policies, of which there are service control policies. */
import { findAccount } from "../../../access/accounts/accounts.ts";
import {
  attachToTarget,
  updatePolicy as changePolicy,
  detachFromTarget,
  findOrganization,
  getPolicy,
  createPolicy as insertPolicy,
  type Organization,
  type OrganizationPolicy,
  listPolicies as policiesAfter,
  policiesOf,
  deletePolicy as removePolicy,
  scpType,
  targetsOf,
} from "../../../access/accounts/organizations.ts";
import { putTags, removeAllTags } from "../../../access/identities/identity-tags.ts";
import { fault } from "../../../lib/faults.ts";
import type { Queryable } from "../../../store/database.ts";
import type { Call } from "../../call.ts";
import type { OrganizationsOperations } from "../contract/kept-operations.ts";
import { tagsIn } from "../iam/rows.ts";
import { arnOfId, paged, pageOf } from "./about.ts";
import { checkTags } from "./tags.ts";

type In<Name extends keyof OrganizationsOperations> = OrganizationsOperations[Name]["input"];
type Out<Name extends keyof OrganizationsOperations> = Promise<OrganizationsOperations[Name]["output"]>;
type PolicyOutput = NonNullable<OrganizationsOperations["DescribePolicy"]["output"]["Policy"]>;
type TargetOutput = NonNullable<OrganizationsOperations["ListTargetsForPolicy"]["output"]["Targets"]>[number];

export async function createPolicy(call: Call, input: In<"CreatePolicy">): Out<"CreatePolicy"> {
  const { Name, Description, Content, Type, Tags = [] } = input;
  if (Type !== scpType) throw fault("PolicyTypeNotAvailable", { type: Type });
  checkTags(Tags);
  const policy = await call.db.write(async (tx) => {
    const made = await insertPolicy(tx, call, { name: Name, description: Description, document: Content });
    await putTags(tx, made.id, tagsIn({ Tags }));
    return made;
  });
  return { Policy: await policyOutput(call, policy) };
}

export async function updatePolicy(call: Call, input: In<"UpdatePolicy">): Out<"UpdatePolicy"> {
  const { PolicyId, Name, Description, Content } = input;
  const policy = await call.db.write(async (tx) =>
    changePolicy(tx, await getPolicy(tx, PolicyId), {
      name: Name,
      description: Description,
      document: Content,
    }),
  );
  return { Policy: await policyOutput(call, policy) };
}

export async function deletePolicy(call: Call, { PolicyId }: In<"DeletePolicy">): Out<"DeletePolicy"> {
  await call.db.write(async (tx) => {
    await removePolicy(tx, await getPolicy(tx, PolicyId));
    await removeAllTags(tx, PolicyId);
  });
  return {};
}

export async function describePolicy(call: Call, { PolicyId }: In<"DescribePolicy">): Out<"DescribePolicy"> {
  return { Policy: await policyOutput(call, await getPolicy(call.db.read, PolicyId)) };
}

/** There are none of other types. */
export async function listPolicies(call: Call, input: In<"ListPolicies">): Out<"ListPolicies"> {
  const page = pageOf(input);
  if (input.Filter !== scpType) return { Policies: [] };
  const { rows, end } = paged(await policiesAfter(call.db.read, page), page, ({ id }) => id);
  const organization = await findOrganization(call.db.read);
  return { Policies: rows.map((policy) => summaryOf(organization, policy)), ...end };
}

export async function listPoliciesForTarget(
  call: Call,
  input: In<"ListPoliciesForTarget">,
): Out<"ListPoliciesForTarget"> {
  const page = pageOf(input);
  const organization = await findOrganization(call.db.read);
  await checkTarget(call.db.read, organization, input.TargetId);
  if (input.Filter !== scpType) return { Policies: [] };
  const attached = await policiesOf(call.db.read, input.TargetId);
  const { rows, end } = paged(
    attached.filter(({ id }) => id > page.after),
    page,
    ({ id }) => id,
  );
  return { Policies: rows.map((policy) => summaryOf(organization, policy)), ...end };
}

export async function listTargetsForPolicy(
  call: Call,
  input: In<"ListTargetsForPolicy">,
): Out<"ListTargetsForPolicy"> {
  const page = pageOf(input);
  await getPolicy(call.db.read, input.PolicyId);
  const organization = await findOrganization(call.db.read);
  const ids = await targetsOf(call.db.read, input.PolicyId, page);
  const { rows, end } = paged(ids, page, (id) => id);
  const Targets = await Promise.all(rows.map((id) => targetOutput(call.db.read, organization, id)));
  return { Targets, ...end };
}

export async function attachPolicy(
  call: Call,
  { PolicyId, TargetId }: In<"AttachPolicy">,
): Out<"AttachPolicy"> {
  await call.db.write(async (tx) => {
    await getPolicy(tx, PolicyId);
    await checkTarget(tx, await findOrganization(tx), TargetId);
    await attachToTarget(tx, { policyId: PolicyId, targetId: TargetId });
  });
  return {};
}

export async function detachPolicy(
  call: Call,
  { PolicyId, TargetId }: In<"DetachPolicy">,
): Out<"DetachPolicy"> {
  await call.db.write(async (tx) => {
    await getPolicy(tx, PolicyId);
    await checkTarget(tx, await findOrganization(tx), TargetId);
    await detachFromTarget(tx, { policyId: PolicyId, targetId: TargetId });
  });
  return {};
}

/** Throws TargetNotFound unless it is the root or an account. */
async function checkTarget(db: Queryable, { rootId }: Organization, id: string): Promise<void> {
  if (id !== rootId && !(await findAccount(db, id))) throw fault("TargetNotFound", { id });
}

async function targetOutput(db: Queryable, organization: Organization, id: string): Promise<TargetOutput> {
  const arn = arnOfId(organization, id);
  if (id === organization.rootId) return { TargetId: id, Arn: arn, Name: "Root", Type: "ROOT" };
  const account = await findAccount(db, id);
  return { TargetId: id, Arn: arn, Name: account?.name ?? id, Type: "ACCOUNT" };
}

async function policyOutput(call: Call, policy: OrganizationPolicy): Promise<PolicyOutput> {
  const organization = await findOrganization(call.db.read);
  return { PolicySummary: summaryOf(organization, policy), Content: policy.document };
}

function summaryOf(
  organization: Organization,
  { id, name, description, isAws }: OrganizationPolicy,
): NonNullable<PolicyOutput["PolicySummary"]> {
  return {
    Id: id,
    Arn: arnOfId(organization, id),
    Name: name,
    Description: description,
    Type: scpType,
    AwsManaged: isAws,
  };
}
