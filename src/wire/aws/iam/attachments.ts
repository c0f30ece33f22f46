/** IAM's operations on which managed policies users, groups and roles have. */
import { attachedPolicies, attachPolicy, detachPolicy } from "../../../access/identities/attachments.ts";
import type { Call } from "../../call.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import type { Offered } from "../operation.ts";
import { type HolderInput, holderIn, modifiableHolderIn, onHolder } from "./holders.ts";
import { pagedInMemory } from "./rows.ts";

type Attaching = HolderInput & { PolicyArn: string };
type Listing = HolderInput & {
  PathPrefix?: string | undefined;
  Marker?: string | undefined;
  MaxItems?: number | undefined;
};

/** IAM API, AttachUserPolicy, AttachGroupPolicy, AttachRolePolicy. */
async function attach(call: Call, input: Attaching): Promise<object> {
  await call.db.write(async (tx) =>
    attachPolicy(tx, await modifiableHolderIn(tx, call, input), input.PolicyArn),
  );
  return {};
}

/** IAM API, DetachUserPolicy, DetachGroupPolicy, DetachRolePolicy. */
async function detach(call: Call, input: Attaching): Promise<object> {
  await call.db.write(async (tx) =>
    detachPolicy(tx, await modifiableHolderIn(tx, call, input), input.PolicyArn),
  );
  return {};
}

/** IAM API, ListAttachedUserPolicies, ListAttachedGroupPolicies, ListAttachedRolePolicies. */
async function list(call: Call, input: Listing) {
  const { PathPrefix = "/" } = input;
  const holder = await holderIn(call.db.read, call, input);
  const attached = await attachedPolicies(call.db.read, holder.id);
  const { rows, end } = pagedInMemory(
    attached.filter(({ path }) => path.startsWith(PathPrefix)),
    input,
  );
  return { AttachedPolicies: rows.map(({ name, arn }) => ({ PolicyName: name, PolicyArn: arn })), ...end };
}

export const attachmentOperations: Offered<IamOperations> = {
  AttachUserPolicy: onHolder("iam:AttachUserPolicy", attach),
  AttachGroupPolicy: onHolder("iam:AttachGroupPolicy", attach),
  AttachRolePolicy: onHolder("iam:AttachRolePolicy", attach),
  DetachUserPolicy: onHolder("iam:DetachUserPolicy", detach),
  DetachGroupPolicy: onHolder("iam:DetachGroupPolicy", detach),
  DetachRolePolicy: onHolder("iam:DetachRolePolicy", detach),
  ListAttachedUserPolicies: onHolder("iam:ListAttachedUserPolicies", list),
  ListAttachedGroupPolicies: onHolder("iam:ListAttachedGroupPolicies", list),
  ListAttachedRolePolicies: onHolder("iam:ListAttachedRolePolicies", list),
};
