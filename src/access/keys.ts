/** Access keys: who signs with them, and their secrets. */
import { rootArn } from "../lib/arn.ts";
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/ids.ts";
import { prepared, type Queryable, type Tx } from "../store/database.ts";
import type { Secrets } from "../store/secrets.ts";

type AccessKey = {
  id: string;
  accountId: string;
  principalArn: string;
  /** Encrypted; see {@link secretOf}. */
  secret: string;
  status: string;
};

export type NewKey = { accessKeyId: string; secretAccessKey: string };

const purpose = "access key";
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const keyById = prepared<[string], AccessKey>((db) =>
  db
    .selectFrom("access_keys")
    .select(["id", "account_id as accountId", "principal_arn as principalArn", "secret", "status"])
    .where("id", "=", ""),
);

/** The key with this id, active or not. */
export function findKey(db: Queryable, accessKeyId: string): Promise<AccessKey | undefined> {
  return keyById(db, accessKeyId);
}

export function secretOf(secrets: Secrets, key: AccessKey): string {
  return secrets.decrypt(purpose, key.secret);
}

/** A new id and secret of the lengths that AWS's have: 20 and 40 characters. */
export function generateKey(ids: Ids): NewKey {
  const letters = Array.from(ids.bytes(16), (byte) => alphabet[byte % alphabet.length]).join("");
  return { accessKeyId: `AKIA${letters}`, secretAccessKey: Buffer.from(ids.bytes(30)).toString("base64") };
}

/** Stores a key of the account's root; one with the same id gets the new secret. */
export async function storeRootKey(
  tx: Tx,
  { secrets, clock, accountId, key }: { secrets: Secrets; clock: Clock; accountId: string; key: NewKey },
): Promise<void> {
  const row = {
    account_id: accountId,
    principal_arn: rootArn(accountId),
    secret: secrets.encrypt(purpose, key.secretAccessKey),
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
  const stored = await findKey(db, key.accessKeyId);
  if (stored?.principalArn !== rootArn(accountId) || stored.status !== "Active") return false;
  return secretOf(secrets, stored) === key.secretAccessKey;
}

/** Whether stored secrets can be read, which takes the secret key that they were stored with. True when there are none. */
export async function areKeysReadable(db: Queryable, secrets: Secrets): Promise<boolean> {
  const row = await db.selectFrom("access_keys").select("secret").limit(1).executeTakeFirst();
  try {
    if (row) secrets.decrypt(purpose, row.secret);
    return true;
  } catch {
    return false;
  }
}
