/** Which users are in which groups: the rows of `group_members`. */
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import type { Queryable, Tx } from "../../store/database.ts";
import type { Identity } from "./identities.ts";

type Membership = { group: Identity; user: Identity };
type PageOfNames = { after: string; limit: number };

/** A user who is in the group stays in it. Throws EntityLimitExceeded. */
export async function addMember(tx: Tx, { group, user }: Membership): Promise<void> {
  await tx
    .insertInto("group_members")
    .values({ group_id: group.id, user_id: user.id })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { count } = await tx
    .selectFrom("group_members")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("user_id", "=", user.id)
    .executeTakeFirstOrThrow();
  if (count > limits.groupsPerUser) {
    throw fault("EntityLimitExceeded", {
      reason: `Cannot exceed quota for GroupsPerUser: ${limits.groupsPerUser}`,
    });
  }
}

/** Throws EntityNotFound when the user is not in the group. */
export async function removeMember(tx: Tx, { group, user }: Membership): Promise<void> {
  const { numDeletedRows } = await tx
    .deleteFrom("group_members")
    .where("group_id", "=", group.id)
    .where("user_id", "=", user.id)
    .executeTakeFirst();
  if (numDeletedRows === 0n) {
    throw fault("EntityNotFound", { reason: `User ${user.name} is not in group ${group.name}.` });
  }
}

/** Whether a user or a group has a membership that stands in the way of its deletion. */
export async function hasMemberships(db: Queryable, { id, kind }: Identity): Promise<boolean> {
  const row = await db
    .selectFrom("group_members")
    .select("user_id")
    .where(kind === "group" ? "group_id" : "user_id", "=", id)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** One page of a group's users in the order of names. `after` is the last name before in lower case. */
export function listMembers(
  db: Queryable,
  groupId: string,
  { after, limit }: PageOfNames,
): Promise<Identity[]> {
  return db
    .selectFrom("group_members as m")
    .innerJoin("identities as i", "i.id", "m.user_id")
    .selectAll("i")
    .where("m.group_id", "=", groupId)
    .where("i.name_key", ">", after)
    .orderBy("i.name_key")
    .limit(limit)
    .execute();
}

/** One page of a user's groups, as {@link listMembers}. */
export function listGroupsOf(
  db: Queryable,
  userId: string,
  { after, limit }: PageOfNames,
): Promise<Identity[]> {
  return db
    .selectFrom("group_members as m")
    .innerJoin("identities as i", "i.id", "m.group_id")
    .selectAll("i")
    .where("m.user_id", "=", userId)
    .where("i.name_key", ">", after)
    .orderBy("i.name_key")
    .limit(limit)
    .execute();
}
