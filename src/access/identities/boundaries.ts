/** Permissions boundaries: the managed policy that bounds what a user or a role can be allowed. IAM user guide. */
import { fault } from "../../lib/faults.ts";
import type { Queryable, Tx } from "../../store/database.ts";
import { type Identity, updateIdentity } from "./identities.ts";
import { findUsablePolicy, isForServicesOnly } from "./managed-policies.ts";

/** Throws EntityNotFound, and PolicyNotAttachable for what only a service-linked role has. */
export async function checkBoundary(
  db: Queryable,
  { accountId, arn }: { accountId: string; arn: string },
): Promise<void> {
  const policy = await findUsablePolicy(db, { accountId, arn });
  if (!policy) {
    throw fault("EntityNotFound", { reason: `Scope ARN: ${arn} does not exist or is not attachable.` });
  }
  if (isForServicesOnly(policy)) {
    throw fault("PolicyNotAttachable", { reason: `Policy ${arn} cannot be a permissions boundary.` });
  }
}

/** Sets or replaces it. Faults as {@link checkBoundary}. */
export async function putBoundary(tx: Tx, identity: Identity, arn: string): Promise<void> {
  await checkBoundary(tx, { accountId: identity.account_id, arn });
  await updateIdentity(tx, identity, { boundary_arn: arn });
}

/** One that is not there is no error. */
export async function deleteBoundary(tx: Tx, identity: Identity): Promise<void> {
  await updateIdentity(tx, identity, { boundary_arn: null });
}
