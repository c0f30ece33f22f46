/** The accounts of this installation. */
import type { Selectable } from "kysely";
import type { Clock } from "../../lib/clock.ts";
import { fault } from "../../lib/faults.ts";
import { prepared, type Queryable, type Tx } from "../../store/database.ts";
import type { Tables } from "../../store/tables.ts";
import { joinOrganization } from "./organizations.ts";

export type Account = Selectable<Tables["accounts"]>;

/** Makes the account unless it exists. */
export async function ensureAccount(
  tx: Tx,
  clock: Clock,
  account: { id: string; name: string },
): Promise<void> {
  await tx
    .insertInto("accounts")
    .values({ ...account, created_at: clock.now() })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
  await joinOrganization(tx, account.id);
}

const accountById = prepared<[string], { id: string }>((db) =>
  db.selectFrom("accounts").select("id").where("id", "=", ""),
);

export async function accountExists(db: Queryable, id: string): Promise<boolean> {
  return (await accountById(db, id)) !== undefined;
}

export function findAccount(db: Queryable, id: string): Promise<Account | undefined> {
  return db.selectFrom("accounts").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Throws AccountNotFound. */
export async function getAccount(db: Queryable, id: string): Promise<Account> {
  const found = await findAccount(db, id);
  if (!found) throw fault("AccountNotFound", { accountId: id });
  return found;
}

/** One page in the order of ids. `after` is the last id of the page before. */
export function listAccounts(
  db: Queryable,
  { after, limit }: { after: string; limit: number },
): Promise<Account[]> {
  return db.selectFrom("accounts").selectAll().where("id", ">", after).orderBy("id").limit(limit).execute();
}

/** The account with this address, which is compared without case: one address has one account. */
export function findAccountByEmail(db: Queryable, email: string): Promise<Pick<Account, "id"> | undefined> {
  return db
    .selectFrom("accounts")
    .select("id")
    .where((where) => where(where.fn<string>("lower", ["email"]), "=", email.toLowerCase()))
    .executeTakeFirst();
}

/** The id has to be free. */
export async function insertAccount(
  tx: Tx,
  clock: Clock,
  account: { id: string; name: string; email: string },
): Promise<Account> {
  const row = await tx
    .insertInto("accounts")
    .values({ ...account, created_at: clock.now() })
    .returningAll()
    .executeTakeFirstOrThrow();
  await joinOrganization(tx, account.id);
  return row;
}

/** Closes an account: nobody of it can sign any more. What it has stays. */
export async function suspendAccount(tx: Tx, id: string): Promise<void> {
  await tx.updateTable("accounts").set({ status: "SUSPENDED" }).where("id", "=", id).execute();
}

/** The account's name in sign-in addresses. */
export async function aliasOf(db: Queryable, accountId: string): Promise<string | undefined> {
  const row = await db.selectFrom("accounts").select("alias").where("id", "=", accountId).executeTakeFirst();
  return row?.alias ?? undefined;
}

/** An account has one alias, so it takes the place of another. Throws EntityExists when another account has it. */
export async function setAlias(tx: Tx, accountId: string, alias: string): Promise<void> {
  const holder = await tx.selectFrom("accounts").select("id").where("alias", "=", alias).executeTakeFirst();
  if (holder && holder.id !== accountId) {
    throw fault("EntityExists", { reason: `The account alias ${alias} already exists.` });
  }
  await tx.updateTable("accounts").set({ alias }).where("id", "=", accountId).execute();
}

/** Throws EntityNotFound when the account has another alias or none. */
export async function removeAlias(tx: Tx, accountId: string, alias: string): Promise<void> {
  if ((await aliasOf(tx, accountId)) !== alias) {
    throw fault("EntityNotFound", { reason: `The account alias with name ${alias} cannot be found.` });
  }
  await tx.updateTable("accounts").set({ alias: null }).where("id", "=", accountId).execute();
}
