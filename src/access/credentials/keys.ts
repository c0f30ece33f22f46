/** Access keys: who signs with them, and their secrets. */
import type { Selectable } from "kysely";
import { rootArn } from "../../lib/arn.ts";
import type { Clock } from "../../lib/clock.ts";
import { fault } from "../../lib/faults.ts";
import type { Ids } from "../../lib/ids.ts";
import { limits } from "../../lib/limits.ts";
import type { Queryable, Tx } from "../../store/database.ts";
import type { Secrets } from "../../store/secrets.ts";
import type { Tables } from "../../store/tables.ts";
import { arnOf, type Identity } from "../identities/identities.ts";
import { uniqueId } from "../unique-ids.ts";

export type NewKey = { accessKeyId: string; secretAccessKey: string };
export type AccessKey = Selectable<Tables["access_keys"]>;

/** Whose key it is: a user's, or the account's root's. */
export type KeyOwner = { accountId: string; user: Identity | undefined };

/** What secrets of keys are encrypted for, those of sessions too. */
export const accessKeyPurpose = "access key";

/** A new id and secret of the lengths that AWS's have: 20 and 40 characters. `ASIA` for temporary credentials. */
export function generateKey(ids: Ids, prefix: "AKIA" | "ASIA" = "AKIA"): NewKey {
  return {
    accessKeyId: uniqueId(ids, prefix),
    secretAccessKey: Buffer.from(ids.bytes(30)).toString("base64"),
  };
}

/** Stores a key of the account's root; one with the same id gets the new secret. */
export async function storeRootKey(
  tx: Tx,
  { secrets, clock, accountId, key }: { secrets: Secrets; clock: Clock; accountId: string; key: NewKey },
): Promise<void> {
  const row = {
    account_id: accountId,
    principal_arn: rootArn(accountId),
    identity_id: null,
    secret: secrets.encrypt(accessKeyPurpose, key.secretAccessKey),
    status: "Active",
  };
  await tx
    .insertInto("access_keys")
    .values({ id: key.accessKeyId, ...row, created_at: clock.now() })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
    .execute();
}

/** Whether `key` is stored as it is for the account's root. */
export async function isRootKey(
  db: Queryable,
  { secrets, accountId, key }: { secrets: Secrets; accountId: string; key: NewKey },
): Promise<boolean> {
  const stored = await db
    .selectFrom("access_keys")
    .select("secret")
    .where("id", "=", key.accessKeyId)
    .where("principal_arn", "=", rootArn(accountId))
    .where("status", "=", "Active")
    .executeTakeFirst();
  return stored !== undefined && secrets.decrypt(accessKeyPurpose, stored.secret) === key.secretAccessKey;
}

/** Whether stored secrets can be read, which takes the secret key that they were stored with. True when there are none. */
export async function areKeysReadable(db: Queryable, secrets: Secrets): Promise<boolean> {
  const row = await db.selectFrom("access_keys").select("secret").limit(1).executeTakeFirst();
  try {
    if (row) secrets.decrypt(accessKeyPurpose, row.secret);
    return true;
  } catch {
    return false;
  }
}

/** Makes a key for its owner, with a secret that nobody can read again. Throws EntityLimitExceeded. */
export async function insertKey(
  tx: Tx,
  { secrets, clock, owner, key }: { secrets: Secrets; clock: Clock; owner: KeyOwner; key: NewKey },
): Promise<AccessKey> {
  const { accountId, user } = owner;
  if ((await keysOf(tx, owner)).length >= limits.accessKeysPerUser) {
    throw fault("EntityLimitExceeded", {
      reason: `Cannot exceed quota for AccessKeysPerUser: ${limits.accessKeysPerUser}`,
    });
  }
  return tx
    .insertInto("access_keys")
    .values({
      id: key.accessKeyId,
      account_id: accountId,
      principal_arn: user ? arnOf(user) : rootArn(accountId),
      identity_id: user?.id ?? null,
      secret: secrets.encrypt(accessKeyPurpose, key.secretAccessKey),
      status: "Active",
      created_at: clock.now(),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** All of them, which are few, in the order of their ids. */
export function keysOf(db: Queryable, { accountId, user }: KeyOwner): Promise<AccessKey[]> {
  return db
    .selectFrom("access_keys")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("identity_id", user ? "=" : "is", user?.id ?? null)
    .orderBy("id")
    .execute();
}

export async function countUserKeys(db: Queryable, user: Identity): Promise<number> {
  return (await keysOf(db, { accountId: user.account_id, user })).length;
}

/** The key, whoever has it. */
export function findKey(db: Queryable, id: string): Promise<AccessKey | undefined> {
  return db.selectFrom("access_keys").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Throws EntityNotFound when the owner has no such key. */
export async function setKeyStatus(
  tx: Tx,
  owner: KeyOwner,
  { id, status }: { id: string; status: "Active" | "Inactive" },
): Promise<void> {
  await checkOwner(tx, owner, id);
  await tx.updateTable("access_keys").set({ status }).where("id", "=", id).execute();
}

/** Throws EntityNotFound when the owner has no such key. */
export async function deleteKey(tx: Tx, owner: KeyOwner, id: string): Promise<void> {
  await checkOwner(tx, owner, id);
  await tx.deleteFrom("access_keys").where("id", "=", id).execute();
}

/** When keys were last used. One that is gone is left out. */
export async function setKeyUses(
  tx: Tx,
  uses: readonly { id: string; at: number; region: string; service: string }[],
): Promise<void> {
  for (const { id, at, region, service } of uses) {
    await tx
      .updateTable("access_keys")
      .set({ last_used_at: at, last_used_region: region, last_used_service: service })
      .where("id", "=", id)
      .execute();
  }
}

async function checkOwner(tx: Tx, { accountId, user }: KeyOwner, id: string): Promise<void> {
  const key = await findKey(tx, id);
  if (key?.account_id === accountId && key.identity_id === (user?.id ?? null)) return;
  throw fault("EntityNotFound", { reason: `The Access Key with id ${id} cannot be found.` });
}
