/**
 * The operations of Organizations. They are the management account's: its root has the right, and its users and roles
 * have it by policy. Every member may ask which organization it is in.
 */
import { type Fault, fault } from "../../../lib/faults.ts";
import type { OrganizationsOperationName, OrganizationsOperations } from "../contract/kept-operations.ts";
import { anyResource, type Row } from "../operation.ts";
import { managed, withTagging } from "./about.ts";
import {
  closeAccount,
  createAccount,
  describeAccount,
  describeCreateAccountStatus,
  listAccounts,
  removeAccountFromOrganization,
} from "./accounts.ts";
import {
  attachPolicy,
  createPolicy,
  deletePolicy,
  describePolicy,
  detachPolicy,
  listPolicies,
  listPoliciesForTarget,
  listTargetsForPolicy,
  updatePolicy,
} from "./policies.ts";
import { listAWSServiceAccessForOrganization, listDelegatedAdministrators } from "./services.ts";
import { listTagsForResource, tagResource, untagResource } from "./tags.ts";
import {
  createOrganization,
  describeOrganization,
  describeOrganizationalUnit,
  disablePolicyType,
  enablePolicyType,
  listAccountsForParent,
  listChildren,
  listOrganizationalUnitsForParent,
  listParents,
  listRoots,
  moveAccount,
} from "./tree.ts";

/** Organizations has one exception for every value that is wrong (Organizations API, InvalidInputException). */
export function organizationsFault(problem: Fault): Fault {
  const isOfInput = problem.fault === "ConstraintsFailed" || problem.fault === "InvalidParameter";
  return isOfInput ? fault("InvalidInput", { reason: problem.message }) : problem;
}

const account = ({ AccountId }: { AccountId: string }) => [AccountId];
const parent = ({ ParentId }: { ParentId: string }) => [ParentId];
const policy = ({ PolicyId }: { PolicyId: string }) => [PolicyId];
const attachment = ({ PolicyId, TargetId }: { PolicyId: string; TargetId: string }) => [PolicyId, TargetId];
const root = ({ RootId }: { RootId: string }) => [RootId];
const resource = ({ ResourceId }: { ResourceId: string }) => [ResourceId];

export const organizationsOperations: {
  readonly [Name in OrganizationsOperationName]: Row<
    OrganizationsOperations[Name]["input"],
    OrganizationsOperations[Name]["output"]
  >;
} = {
  AttachPolicy: managed("organizations:AttachPolicy", { ids: attachment, run: attachPolicy }),
  CloseAccount: managed("organizations:CloseAccount", { ids: account, run: closeAccount }),
  CreateAccount: managed(withTagging("organizations:CreateAccount"), { run: createAccount }),
  CreateOrganization: {
    actions: () => ["organizations:CreateOrganization"],
    resources: anyResource,
    run: createOrganization,
  },
  CreatePolicy: managed(withTagging("organizations:CreatePolicy"), { run: createPolicy }),
  DeletePolicy: managed("organizations:DeletePolicy", { ids: policy, run: deletePolicy }),
  DescribeAccount: managed("organizations:DescribeAccount", { ids: account, run: describeAccount }),
  DescribeCreateAccountStatus: managed("organizations:DescribeCreateAccountStatus", {
    run: describeCreateAccountStatus,
  }),
  DescribeOrganization: {
    actions: () => ["organizations:DescribeOrganization"],
    resources: anyResource,
    run: describeOrganization,
  },
  DescribeOrganizationalUnit: managed("organizations:DescribeOrganizationalUnit", {
    ids: ({ OrganizationalUnitId }) => [OrganizationalUnitId],
    run: describeOrganizationalUnit,
  }),
  DescribePolicy: managed("organizations:DescribePolicy", { ids: policy, run: describePolicy }),
  DetachPolicy: managed("organizations:DetachPolicy", { ids: attachment, run: detachPolicy }),
  DisablePolicyType: managed("organizations:DisablePolicyType", { ids: root, run: disablePolicyType }),
  EnablePolicyType: managed("organizations:EnablePolicyType", { ids: root, run: enablePolicyType }),
  ListAWSServiceAccessForOrganization: managed("organizations:ListAWSServiceAccessForOrganization", {
    run: listAWSServiceAccessForOrganization,
  }),
  ListAccounts: managed("organizations:ListAccounts", { run: listAccounts }),
  ListAccountsForParent: managed("organizations:ListAccountsForParent", {
    ids: parent,
    run: listAccountsForParent,
  }),
  ListChildren: managed("organizations:ListChildren", { ids: parent, run: listChildren }),
  ListDelegatedAdministrators: managed("organizations:ListDelegatedAdministrators", {
    run: listDelegatedAdministrators,
  }),
  ListOrganizationalUnitsForParent: managed("organizations:ListOrganizationalUnitsForParent", {
    ids: parent,
    run: listOrganizationalUnitsForParent,
  }),
  ListParents: managed("organizations:ListParents", {
    ids: ({ ChildId }) => [ChildId],
    run: listParents,
  }),
  ListPolicies: managed("organizations:ListPolicies", { run: listPolicies }),
  ListPoliciesForTarget: managed("organizations:ListPoliciesForTarget", {
    ids: ({ TargetId }) => [TargetId],
    run: listPoliciesForTarget,
  }),
  ListRoots: managed("organizations:ListRoots", { run: listRoots }),
  ListTagsForResource: managed("organizations:ListTagsForResource", {
    ids: resource,
    run: listTagsForResource,
  }),
  ListTargetsForPolicy: managed("organizations:ListTargetsForPolicy", {
    ids: policy,
    run: listTargetsForPolicy,
  }),
  MoveAccount: managed("organizations:MoveAccount", {
    ids: ({ AccountId, SourceParentId, DestinationParentId }) => [
      AccountId,
      SourceParentId,
      DestinationParentId,
    ],
    run: moveAccount,
  }),
  RemoveAccountFromOrganization: managed("organizations:RemoveAccountFromOrganization", {
    ids: account,
    run: removeAccountFromOrganization,
  }),
  TagResource: managed("organizations:TagResource", { ids: resource, run: tagResource }),
  UntagResource: managed("organizations:UntagResource", { ids: resource, run: untagResource }),
  UpdatePolicy: managed("organizations:UpdatePolicy", { ids: policy, run: updatePolicy }),
};
