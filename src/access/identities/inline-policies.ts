/** Policies that belong to one user, group or role: the rows of `inline_policies`. Documents are kept as they were written. */
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import type { Queryable, Tx } from "../../store/database.ts";
import type { Identity, IdentityKind } from "./identities.ts";
import { policySize } from "./policy-text.ts";

type InlinePolicy = { name: string; document: string };
type Holder = Pick<Identity, "id" | "kind" | "name">;

/** Adds a policy, or replaces the one of that name. Throws EntityLimitExceeded when all of them are too large together. */
export async function putInlinePolicy(
  tx: Tx,
  identity: Holder,
  { name, document }: InlinePolicy,
): Promise<void> {
  const kind = identity.kind as IdentityKind;
  const others = (await inlinePoliciesOf(tx, identity.id)).filter((policy) => policy.name !== name);
  const most = limits.inlinePolicyCharacters[kind];
  if (policySize(document, ...others.map((policy) => policy.document)) > most) {
    throw fault("EntityLimitExceeded", {
      reason: `Maximum policy size of ${most} bytes exceeded for ${kind} ${identity.name}`,
    });
  }
  await tx
    .insertInto("inline_policies")
    .values({ identity_id: identity.id, name, document })
    .onConflict((conflict) => conflict.columns(["identity_id", "name"]).doUpdateSet({ document }))
    .execute();
}

/** All of them in the order of their names: together they are no larger than a quota. */
export function inlinePoliciesOf(db: Queryable, identityId: string): Promise<InlinePolicy[]> {
  return db
    .selectFrom("inline_policies")
    .select(["name", "document"])
    .where("identity_id", "=", identityId)
    .orderBy("name")
    .execute();
}

/** Throws NoSuchEntity. */
export async function getInlinePolicy(db: Queryable, identity: Holder, name: string): Promise<InlinePolicy> {
  const found = await db
    .selectFrom("inline_policies")
    .select(["name", "document"])
    .where("identity_id", "=", identity.id)
    .where("name", "=", name)
    .executeTakeFirst();
  if (!found) throw missing(identity, name);
  return found;
}

/** Throws NoSuchEntity. */
export async function deleteInlinePolicy(tx: Tx, identity: Holder, name: string): Promise<void> {
  const deleted = await tx
    .deleteFrom("inline_policies")
    .where("identity_id", "=", identity.id)
    .where("name", "=", name)
    .returning("name")
    .executeTakeFirst();
  if (!deleted) throw missing(identity, name);
}

export async function hasInlinePolicies(db: Queryable, identityId: string): Promise<boolean> {
  const row = await db
    .selectFrom("inline_policies")
    .select("name")
    .where("identity_id", "=", identityId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

const missing = ({ kind }: Holder, name: string) => fault("NoSuchEntity", { kind: `${kind} policy`, name });
