/** What happens to groups. Their rows are in `identities`, and who is in them in `group_members`. */
import type { Clock } from "../../lib/clock.ts";
import { fault } from "../../lib/faults.ts";
import type { Ids } from "../../lib/ids.ts";
import { limits } from "../../lib/limits.ts";
import type { Tx } from "../../store/database.ts";
import { checkNoMemberships, checkNoPolicies } from "./deletable.ts";
import { countIdentities, deleteIdentity, getIdentity, type Identity, insertIdentity } from "./identities.ts";

/** IAM API, CreateGroup. Throws EntityAlreadyExists and EntityLimitExceeded. */
export async function createGroup(
  tx: Tx,
  made: { ids: Ids; clock: Clock },
  { accountId, name, path }: { accountId: string; name: string; path: string },
): Promise<Identity> {
  const group = await insertIdentity(tx, made, { accountId, kind: "group", name, path });
  if ((await countIdentities(tx, accountId, "group")) > limits.groupsPerAccount) {
    throw fault("EntityLimitExceeded", {
      reason: `Cannot exceed quota for GroupsPerAccount: ${limits.groupsPerAccount}`,
    });
  }
  return group;
}

/** IAM API, DeleteGroup. Throws NoSuchEntity, and DeleteConflict while it has users or policies. */
export async function deleteGroup(
  tx: Tx,
  { accountId, name }: { accountId: string; name: string },
): Promise<void> {
  const group = await getIdentity(tx, { accountId, kind: "group", name });
  await checkNoMemberships(tx, group);
  await checkNoPolicies(tx, group);
  await deleteIdentity(tx, group.id);
}
