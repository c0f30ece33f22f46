/** Which managed policies users, groups and roles have: the rows of `policy_attachments`. */
import { parseIamArn } from "../../lib/arn.ts";
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import type { Queryable, Tx } from "../../store/database.ts";
import type { Identity, IdentityKind } from "./identities.ts";
import { checkPolicyArn, findUsablePolicy, isForServicesOnly } from "./managed-policies.ts";

type AttachedPolicy = { arn: string; name: string; path: string };

const quotas = { user: "PoliciesPerUser", group: "PoliciesPerGroup", role: "PoliciesPerRole" } as const;

/**
 * Attaches a policy; one that is attached stays so. Throws EntityNotFound, PolicyNotAttachable for what only a
 * service-linked role has, and EntityLimitExceeded.
 */
export async function attachPolicy(tx: Tx, identity: Identity, arn: string): Promise<void> {
  const policy = await findUsablePolicy(tx, { accountId: identity.account_id, arn });
  if (!policy) {
    throw fault("EntityNotFound", { reason: `Policy ${arn} does not exist or is not attachable.` });
  }
  if (isForServicesOnly(policy)) {
    throw fault("PolicyNotAttachable", {
      reason: "Cannot attach a Service Role Policy to a Customer Role.",
    });
  }
  const attached = await attachedPolicies(tx, identity.id);
  if (attached.some((some) => some.arn === arn)) return;
  if (attached.length >= limits.attachedPolicies) {
    throw fault("EntityLimitExceeded", {
      reason: `Cannot exceed quota for ${quotas[identity.kind as IdentityKind]}: ${limits.attachedPolicies}`,
    });
  }
  await insertAttachment(tx, identity.id, arn);
}

/** Attaches without a question: what a service-linked role is made with. */
export async function insertAttachment(tx: Tx, identityId: string, arn: string): Promise<void> {
  await tx.insertInto("policy_attachments").values({ identity_id: identityId, policy_arn: arn }).execute();
}

/** Throws EntityNotFound when it is not attached. */
export async function detachPolicy(tx: Tx, identity: Identity, arn: string): Promise<void> {
  checkPolicyArn(arn);
  const detached = await tx
    .deleteFrom("policy_attachments")
    .where("identity_id", "=", identity.id)
    .where("policy_arn", "=", arn)
    .returning("policy_arn")
    .executeTakeFirst();
  if (!detached) throw fault("EntityNotFound", { reason: `Policy ${arn} was not found.` });
}

/** For an identity that goes with all that it has. */
export async function detachAllPolicies(tx: Tx, identityId: string): Promise<void> {
  await tx.deleteFrom("policy_attachments").where("identity_id", "=", identityId).execute();
}

/** In the order of their names; a quota bounds them. */
export async function attachedPolicies(db: Queryable, identityId: string): Promise<AttachedPolicy[]> {
  const rows = await db
    .selectFrom("policy_attachments")
    .select("policy_arn as arn")
    .where("identity_id", "=", identityId)
    .orderBy("policy_arn")
    .execute();
  return rows
    .map(({ arn }) => ({ arn, name: parseIamArn(arn)?.name ?? arn, path: parseIamArn(arn)?.path ?? "/" }))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

export async function hasAttachedPolicies(db: Queryable, identityId: string): Promise<boolean> {
  const row = await db
    .selectFrom("policy_attachments")
    .select("policy_arn")
    .where("identity_id", "=", identityId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export type HolderFilter = {
  accountId: string;
  arn: string;
  kind: IdentityKind | undefined;
  pathPrefix: string;
  /** Absent: both. */
  usedAs: "attachment" | "boundary" | undefined;
};

/** Those that have the policy, in the order of their ids. `after` is the last id of the page before. */
export function holdersOf(
  db: Queryable,
  { accountId, arn, kind, pathPrefix, usedAs }: HolderFilter,
  { after, limit }: { after: string; limit: number },
): Promise<Pick<Identity, "id" | "kind" | "name">[]> {
  return db
    .selectFrom("identities as i")
    .select(["i.id", "i.kind", "i.name"])
    .where("i.account_id", "=", accountId)
    .where("i.id", ">", after)
    .where("i.path", ">=", pathPrefix)
    .where("i.path", "<", `${pathPrefix}\u007f`)
    .where((where) => {
      const attached = where("i.id", "in", (sub) =>
        sub.selectFrom("policy_attachments").select("identity_id").where("policy_arn", "=", arn),
      );
      const bounded = where("i.boundary_arn", "=", arn);
      if (usedAs === "attachment") return attached;
      return usedAs === "boundary" ? bounded : where.or([attached, bounded]);
    })
    .$if(kind !== undefined, (query) => query.where("i.kind", "=", kind ?? ""))
    .orderBy("i.id")
    .limit(limit)
    .execute();
}
