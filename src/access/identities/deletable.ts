/** What stands in the way when a user or a group is deleted: nothing of it goes by itself. */
import { fault } from "../../lib/faults.ts";
import type { Queryable } from "../../store/database.ts";
import { countUserKeys } from "../credentials/keys.ts";
import { hasAttachedPolicies } from "./attachments.ts";
import { hasMemberships } from "./group-members.ts";
import type { Identity } from "./identities.ts";
import { hasInlinePolicies } from "./inline-policies.ts";

/** Throws DeleteConflict while a policy is attached to the identity or is in it. IAM API, DeleteUser. */
export async function checkNoPolicies(db: Queryable, { id }: Identity): Promise<void> {
  if (await hasAttachedPolicies(db, id)) throw conflict("must detach all policies first");
  if (await hasInlinePolicies(db, id)) throw conflict("must delete policies first");
}

/** Throws DeleteConflict while a user is in a group, or a group has users. */
export async function checkNoMemberships(db: Queryable, identity: Identity): Promise<void> {
  if (await hasMemberships(db, identity)) throw conflict("must remove users from group first");
}

/** Throws DeleteConflict while a user has an access key or a password. */
export async function checkNoCredentials(db: Queryable, user: Identity): Promise<void> {
  if ((await countUserKeys(db, user)) > 0) throw conflict("must delete access keys first");
  if (user.password_hash !== null) throw conflict("must delete login profile first");
}

function conflict(what: string) {
  return fault("DeleteConflict", { reason: `Cannot delete entity, ${what}.` });
}
