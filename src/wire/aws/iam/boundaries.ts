/** IAM's operations on permissions boundaries. */
import { deleteBoundary, putBoundary } from "../../../access/identities/boundaries.ts";
import type { Call } from "../../call.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import type { Offered } from "../operation.ts";
import { type HolderInput, modifiableHolderIn, onHolder } from "./holders.ts";

/** IAM API, PutUserPermissionsBoundary and PutRolePermissionsBoundary. */
async function put(call: Call, input: HolderInput & { PermissionsBoundary: string }): Promise<object> {
  await call.db.write(async (tx) =>
    putBoundary(tx, await modifiableHolderIn(tx, call, input), input.PermissionsBoundary),
  );
  return {};
}

/** IAM API, DeleteUserPermissionsBoundary and DeleteRolePermissionsBoundary. */
async function remove(call: Call, input: HolderInput): Promise<object> {
  await call.db.write(async (tx) => deleteBoundary(tx, await modifiableHolderIn(tx, call, input)));
  return {};
}

export const boundaryOperations: Offered<IamOperations> = {
  PutUserPermissionsBoundary: onHolder("iam:PutUserPermissionsBoundary", put),
  PutRolePermissionsBoundary: onHolder("iam:PutRolePermissionsBoundary", put),
  DeleteUserPermissionsBoundary: onHolder("iam:DeleteUserPermissionsBoundary", remove),
  DeleteRolePermissionsBoundary: onHolder("iam:DeleteRolePermissionsBoundary", remove),
};
