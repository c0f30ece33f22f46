/** What happens to users. Their rows are in `identities`. */
import type { Clock } from "../../lib/clock.ts";
import { fault } from "../../lib/faults.ts";
import type { Ids } from "../../lib/ids.ts";
import { limits } from "../../lib/limits.ts";
import type { Tx } from "../../store/database.ts";
import { checkBoundary } from "./boundaries.ts";
import { checkNoCredentials, checkNoMemberships, checkNoPolicies } from "./deletable.ts";
import { countIdentities, deleteIdentity, getIdentity, type Identity, insertIdentity } from "./identities.ts";
import { type IdentityTag, putTags, removeAllTags } from "./identity-tags.ts";

type NewUser = {
  accountId: string;
  name: string;
  path: string;
  boundaryArn: string | undefined;
  tags: readonly IdentityTag[];
};

/**
 * IAM API, CreateUser. Throws EntityAlreadyExists, EntityLimitExceeded, and the faults of {@link checkBoundary} and
 * {@link putTags}.
 */
export async function createUser(
  tx: Tx,
  made: { ids: Ids; clock: Clock },
  { accountId, name, path, boundaryArn, tags }: NewUser,
): Promise<Identity> {
  if (boundaryArn !== undefined) await checkBoundary(tx, { accountId, arn: boundaryArn });
  const user = await insertIdentity(tx, made, {
    accountId,
    kind: "user",
    name,
    path,
    boundary_arn: boundaryArn ?? null,
  });
  await putTags(tx, user.id, tags);
  if ((await countIdentities(tx, accountId, "user")) > limits.usersPerAccount) {
    throw fault("EntityLimitExceeded", {
      reason: `Cannot exceed quota for UsersPerAccount: ${limits.usersPerAccount}`,
    });
  }
  return user;
}

/** IAM API, DeleteUser. Throws NoSuchEntity, and DeleteConflict while anything hangs on the user. */
export async function deleteUser(
  tx: Tx,
  { accountId, name }: { accountId: string; name: string },
): Promise<void> {
  const user = await getIdentity(tx, { accountId, kind: "user", name });
  await checkNoMemberships(tx, user);
  await checkNoPolicies(tx, user);
  await checkNoCredentials(tx, user);
  await removeAllTags(tx, user.id);
  await deleteIdentity(tx, user.id);
}
