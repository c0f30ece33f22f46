/** The accounts of this installation. */
import type { Clock } from "../lib/clock.ts";
import { prepared, type Queryable, type Tx } from "../store/database.ts";
import { joinOrganization } from "./organizations.ts";

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
