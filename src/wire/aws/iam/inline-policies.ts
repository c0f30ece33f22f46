/** IAM's operations on the policies that belong to one user, group or role. */
import {
  deleteInlinePolicy,
  getInlinePolicy,
  inlinePoliciesOf,
  putInlinePolicy,
} from "../../../access/identities/inline-policies.ts";
import type { Call } from "../../call.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import type { Offered } from "../operation.ts";
import { checkDocument, type HolderInput, holderIn, modifiableHolderIn, onHolder } from "./holders.ts";
import { pagedInMemory } from "./rows.ts";

type Named = HolderInput & { PolicyName: string };
type Listing = HolderInput & { Marker?: string | undefined; MaxItems?: number | undefined };

/** IAM API, PutUserPolicy, PutGroupPolicy, PutRolePolicy. */
async function put(call: Call, input: Named & { PolicyDocument: string }): Promise<object> {
  const { PolicyName: name, PolicyDocument: document } = input;
  checkDocument(document, "identity");
  await call.db.write(async (tx) =>
    putInlinePolicy(tx, await modifiableHolderIn(tx, call, input), { name, document }),
  );
  return {};
}

/** IAM API, GetUserPolicy and so on: the document is as it was written. */
async function get(call: Call, input: Named) {
  const holder = await holderIn(call.db.read, call, input);
  const { name, document } = await getInlinePolicy(call.db.read, holder, input.PolicyName);
  return { holder: holder.name, policy: { PolicyName: name, PolicyDocument: document } };
}

/** IAM API, ListUserPolicies and so on. */
async function list(call: Call, input: Listing) {
  const holder = await holderIn(call.db.read, call, input);
  const { rows, end } = pagedInMemory(await inlinePoliciesOf(call.db.read, holder.id), input);
  return { PolicyNames: rows.map(({ name }) => name), ...end };
}

/** IAM API, DeleteUserPolicy and so on. */
async function remove(call: Call, input: Named): Promise<object> {
  await call.db.write(async (tx) =>
    deleteInlinePolicy(tx, await modifiableHolderIn(tx, call, input), input.PolicyName),
  );
  return {};
}

export const inlinePolicyOperations: Offered<IamOperations> = {
  PutUserPolicy: onHolder("iam:PutUserPolicy", put),
  PutGroupPolicy: onHolder("iam:PutGroupPolicy", put),
  PutRolePolicy: onHolder("iam:PutRolePolicy", put),
  GetUserPolicy: onHolder("iam:GetUserPolicy", async (call, input) => {
    const { holder, policy } = await get(call, input);
    return { UserName: holder, ...policy };
  }),
  GetGroupPolicy: onHolder("iam:GetGroupPolicy", async (call, input) => {
    const { holder, policy } = await get(call, input);
    return { GroupName: holder, ...policy };
  }),
  GetRolePolicy: onHolder("iam:GetRolePolicy", async (call, input) => {
    const { holder, policy } = await get(call, input);
    return { RoleName: holder, ...policy };
  }),
  ListUserPolicies: onHolder("iam:ListUserPolicies", list),
  ListGroupPolicies: onHolder("iam:ListGroupPolicies", list),
  ListRolePolicies: onHolder("iam:ListRolePolicies", list),
  DeleteUserPolicy: onHolder("iam:DeleteUserPolicy", remove),
  DeleteGroupPolicy: onHolder("iam:DeleteGroupPolicy", remove),
  DeleteRolePolicy: onHolder("iam:DeleteRolePolicy", remove),
};
