/** Access keys: who signs with them, and their secrets. */
import { rootArn } from "../lib/arn.ts";
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/ids.ts";
import type { Queryable, Tx } from "../store/database.ts";
import type { Secrets } from "../store/secrets.ts";
import { uniqueId } from "./unique-ids.ts";

export type NewKey = { accessKeyId: string; secretAccessKey: string };

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

/** Whether the account's root has a key. */
export async function hasRootKey(db: Queryable, accountId: string): Promise<boolean> {
  const row = await db
    .selectFrom("access_keys")
    .select("id")
    .where("account_id", "=", accountId)
    .where("principal_arn", "=", rootArn(accountId))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
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
