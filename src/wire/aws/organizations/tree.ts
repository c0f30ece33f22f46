/** Operations on the organization and its tree, which is flat: all accounts are in the root. */
import { findAccount, getAccount, listAccounts } from "../../../access/accounts/accounts.ts";
import {
  disableScps,
  enableScps,
  findOrganization,
  type Organization,
  scpType,
} from "../../../access/accounts/organizations.ts";
import { fault } from "../../../lib/faults.ts";
import type { Call } from "../../call.ts";
import type { OrganizationsOperations } from "../contract/kept-operations.ts";
import { arnOfId, paged, pageOf } from "./about.ts";
import { accountOutput } from "./accounts.ts";

type In<Name extends keyof OrganizationsOperations> = OrganizationsOperations[Name]["input"];
type Out<Name extends keyof OrganizationsOperations> = Promise<OrganizationsOperations[Name]["output"]>;
type RootOutput = NonNullable<OrganizationsOperations["EnablePolicyType"]["output"]["Root"]>;

/** Every account of the installation is in its organization from the first start on. */
export async function createOrganization(): Out<"CreateOrganization"> {
  throw fault("AlreadyInOrganization");
}

export async function describeOrganization(call: Call): Out<"DescribeOrganization"> {
  const organization = await findOrganization(call.db.read);
  const { id, managementAccountId, scpEnabled } = organization;
  const { email } = await getAccount(call.db.read, managementAccountId);
  return {
    Organization: {
      Id: id,
      Arn: `arn:aws:organizations::${managementAccountId}:organization/${id}`,
      FeatureSet: "ALL",
      MasterAccountArn: arnOfId(organization, managementAccountId),
      MasterAccountId: managementAccountId,
      ...(email !== null && { MasterAccountEmail: email }),
      AvailablePolicyTypes: scpEnabled === 1 ? [{ Type: scpType, Status: "ENABLED" }] : [],
    },
  };
}

export async function listRoots(call: Call, input: In<"ListRoots">): Out<"ListRoots"> {
  const { after } = pageOf(input);
  const organization = await findOrganization(call.db.read);
  return { Roots: after === "" ? [rootOutput(organization)] : [] };
}

export async function listParents(call: Call, input: In<"ListParents">): Out<"ListParents"> {
  const { after } = pageOf(input);
  const { rootId } = await findOrganization(call.db.read);
  if (!(await findAccount(call.db.read, input.ChildId))) throw fault("ChildNotFound", { id: input.ChildId });
  return { Parents: after === "" ? [{ Id: rootId, Type: "ROOT" }] : [] };
}

export async function listChildren(call: Call, input: In<"ListChildren">): Out<"ListChildren"> {
  await checkParent(call, input.ParentId);
  if (input.ChildType === "ORGANIZATIONAL_UNIT") return { Children: [] };
  const page = pageOf(input);
  const { rows, end } = paged(await listAccounts(call.db.read, page), page, ({ id }) => id);
  return { Children: rows.map(({ id }) => ({ Id: id, Type: "ACCOUNT" })), ...end };
}

export async function listAccountsForParent(
  call: Call,
  input: In<"ListAccountsForParent">,
): Out<"ListAccountsForParent"> {
  const organization = await checkParent(call, input.ParentId);
  const page = pageOf(input);
  const { rows, end } = paged(await listAccounts(call.db.read, page), page, ({ id }) => id);
  return { Accounts: rows.map((account) => accountOutput(organization, account)), ...end };
}

export async function listOrganizationalUnitsForParent(
  call: Call,
  input: In<"ListOrganizationalUnitsForParent">,
): Out<"ListOrganizationalUnitsForParent"> {
  await checkParent(call, input.ParentId);
  return { OrganizationalUnits: [] };
}

export async function describeOrganizationalUnit(
  _: Call,
  { OrganizationalUnitId: id }: In<"DescribeOrganizationalUnit">,
): Out<"DescribeOrganizationalUnit"> {
  throw fault("OrganizationalUnitNotFound", { id });
}

/** Organizations API, MoveAccount. There is one place for an account to be in, and it is there already. */
export async function moveAccount(
  call: Call,
  { AccountId, SourceParentId, DestinationParentId }: In<"MoveAccount">,
): Out<"MoveAccount"> {
  const { id: accountId } = await getAccount(call.db.read, AccountId);
  const { rootId } = await findOrganization(call.db.read);
  if (SourceParentId !== rootId) throw fault("SourceParentNotFound", { id: SourceParentId });
  if (DestinationParentId !== rootId) throw fault("DestinationParentNotFound", { id: DestinationParentId });
  throw fault("DuplicateAccount", { accountId, id: rootId });
}

export async function enablePolicyType(
  call: Call,
  { RootId, PolicyType }: In<"EnablePolicyType">,
): Out<"EnablePolicyType"> {
  await checkRoot(call, RootId);
  if (PolicyType !== scpType) throw fault("PolicyTypeNotAvailable", { type: PolicyType });
  await call.db.write(enableScps);
  return { Root: rootOutput(await findOrganization(call.db.read)) };
}

export async function disablePolicyType(
  call: Call,
  { RootId, PolicyType }: In<"DisablePolicyType">,
): Out<"DisablePolicyType"> {
  await checkRoot(call, RootId);
  if (PolicyType !== scpType) throw fault("PolicyTypeNotEnabled", { type: PolicyType });
  await call.db.write(disableScps);
  return { Root: rootOutput(await findOrganization(call.db.read)) };
}

function rootOutput(organization: Organization): RootOutput {
  return {
    Id: organization.rootId,
    Arn: arnOfId(organization, organization.rootId),
    Name: "Root",
    PolicyTypes: organization.scpEnabled === 1 ? [{ Type: scpType, Status: "ENABLED" }] : [],
  };
}

async function checkParent(call: Call, id: string): Promise<Organization> {
  const organization = await findOrganization(call.db.read);
  if (organization.rootId !== id) throw fault("ParentNotFound", { id });
  return organization;
}

async function checkRoot(call: Call, id: string): Promise<void> {
  const { rootId } = await findOrganization(call.db.read);
  if (rootId !== id) throw fault("RootNotFound", { id });
}
