/** What a change of a name or a path is, of users and of groups alike: IAM API, UpdateUser and UpdateGroup. */
import { type Identity, type IdentityKind, updateIdentity } from "../../../access/identities/identities.ts";
import { iamArn } from "../../../lib/arn.ts";
import type { Tx } from "../../../store/database.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import { identityResource } from "./rows.ts";

type Renaming = { newName: string | undefined; newPath: string | undefined };

/** Who renames needs the right to do so with the one that is and with the one that will be. */
export async function renamingResources(
  call: Call,
  kind: IdentityKind,
  { name, newName, newPath }: Renaming & { name: string },
): Promise<readonly Resource[]> {
  const source = await identityResource(call, kind, name);
  if (newName === undefined && newPath === undefined) return [source];
  const { accountId } = call;
  const path = newPath ?? source.arn.slice(source.arn.indexOf("/"), source.arn.lastIndexOf("/") + 1);
  return [source, { arn: iamArn({ accountId, kind, path, name: newName ?? name }), accountId }];
}

/** Throws EntityAlreadyExists. */
export async function rename(tx: Tx, identity: Identity, { newName, newPath }: Renaming): Promise<void> {
  if (newName === undefined && newPath === undefined) return;
  await updateIdentity(tx, identity, {
    ...(newName !== undefined && { name: newName }),
    ...(newPath !== undefined && { path: newPath }),
  });
}
