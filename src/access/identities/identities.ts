/** Users, groups and roles: the rows of `identities`. Names are unique in an account without regard to case. */
import type { Selectable, Updateable } from "kysely";
import { iamArn } from "../../lib/arn.ts";
import type { Clock } from "../../lib/clock.ts";
import { fault } from "../../lib/faults.ts";
import type { Ids } from "../../lib/ids.ts";
import type { Queryable, Tx } from "../../store/database.ts";
import type { Tables } from "../../store/tables.ts";
import { uniqueId } from "../unique-ids.ts";

export type IdentityKind = "user" | "group" | "role";
export type Identity = Selectable<Tables["identities"]>;

type Named = { accountId: string; kind: IdentityKind; name: string };

const prefixes = { user: "AIDA", group: "AGPA", role: "AROA" } as const;

export function arnOf({
  account_id,
  kind,
  path,
  name,
}: Pick<Identity, "account_id" | "kind" | "path" | "name">): string {
  return iamArn({ accountId: account_id, kind, path, name });
}

/** Throws EntityAlreadyExists. */
export async function insertIdentity(
  tx: Tx,
  { ids, clock }: { ids: Ids; clock: Clock },
  { accountId, kind, name, path, ...more }: Named & { path: string } & Partial<Identity>,
): Promise<Identity> {
  const row = await tx
    .insertInto("identities")
    .values({
      ...more,
      id: uniqueId(ids, prefixes[kind]),
      account_id: accountId,
      kind,
      name,
      name_key: name.toLowerCase(),
      path,
      created_at: clock.now(),
    })
    .onConflict((conflict) => conflict.columns(["account_id", "kind", "name_key"]).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!row) throw fault("EntityAlreadyExists", { kind, name });
  return row;
}

export function findIdentity(db: Queryable, { accountId, kind, name }: Named): Promise<Identity | undefined> {
  return db
    .selectFrom("identities")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("kind", "=", kind)
    .where("name_key", "=", name.toLowerCase())
    .executeTakeFirst();
}

export function findIdentityById(db: Queryable, id: string): Promise<Identity | undefined> {
  return db.selectFrom("identities").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Throws NoSuchEntity. */
export async function getIdentity(db: Queryable, named: Named): Promise<Identity> {
  const found = await findIdentity(db, named);
  if (!found) throw fault("NoSuchEntity", named);
  return found;
}

/** Its ARN if it exists, else the one that it would have at the root: what a permission to ask is asked about. */
export async function arnOfNamed(db: Queryable, named: Named): Promise<string> {
  const found = await findIdentity(db, named);
  return found ? arnOf(found) : iamArn({ ...named, path: "/" });
}

/** One page in the order of names. `after` is the last name of the page before in lower case. */
export function listIdentities(
  db: Queryable,
  page: {
    accountId: string;
    kind: IdentityKind;
    pathPrefix?: string | undefined;
    after: string;
    limit: number;
  },
): Promise<Identity[]> {
  const { accountId, kind, pathPrefix = "/", after, limit } = page;
  return (
    db
      .selectFrom("identities")
      .selectAll()
      .where("account_id", "=", accountId)
      .where("kind", "=", kind)
      .where("name_key", ">", after)
      .where("path", ">=", pathPrefix)
      // Paths have printable ASCII only, so this is behind all that begin with the prefix.
      .where("path", "<", `${pathPrefix}\u007f`)
      .orderBy("name_key")
      .limit(limit)
      .execute()
  );
}

export async function countIdentities(db: Queryable, accountId: string, kind: IdentityKind): Promise<number> {
  const row = await db
    .selectFrom("identities")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .where("kind", "=", kind)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Throws EntityAlreadyExists when `change` has a name that another one has. */
export async function updateIdentity(
  tx: Tx,
  identity: Identity,
  change: Omit<Updateable<Tables["identities"]>, "id" | "account_id" | "kind" | "name_key">,
): Promise<Identity> {
  const { name } = change;
  const kind = identity.kind as IdentityKind;
  if (name !== undefined && name.toLowerCase() !== identity.name_key) {
    const other = await findIdentity(tx, { accountId: identity.account_id, kind, name });
    if (other) throw fault("EntityAlreadyExists", { kind, name });
  }
  return tx
    .updateTable("identities")
    .set({ ...change, ...(name !== undefined && { name_key: name.toLowerCase() }) })
    .where("id", "=", identity.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** When roles were last used; `id` is the role's. One that is gone is left out. */
export async function setRoleUses(
  tx: Tx,
  uses: readonly { id: string; at: number; region: string }[],
): Promise<void> {
  for (const { id, at, region } of uses) {
    await tx
      .updateTable("identities")
      .set({ last_used_at: at, last_used_region: region })
      .where("id", "=", id)
      .execute();
  }
}

/** What hangs on it has to be gone; the verbs of users, groups and roles see to that. */
export async function deleteIdentity(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom("identities").where("id", "=", id).execute();
}
