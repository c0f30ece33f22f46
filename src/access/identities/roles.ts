/** Roles: identities that are assumed. Who may do so says their trust policy, which is kept as it was written. */
import type { Clock } from "../../lib/clock.ts";
import { fault } from "../../lib/faults.ts";
import type { Ids } from "../../lib/ids.ts";
import { limits } from "../../lib/limits.ts";
import type { Queryable, Tx } from "../../store/database.ts";
import type { Policy } from "../policy/document.ts";
import { detachAllPolicies, insertAttachment } from "./attachments.ts";
import { checkBoundary } from "./boundaries.ts";
import { checkNoPolicies } from "./deletable.ts";
import {
  countIdentities,
  deleteIdentity,
  findIdentity,
  getIdentity,
  type Identity,
  insertIdentity,
  updateIdentity,
} from "./identities.ts";
import { type IdentityTag, putTags, removeAllTags } from "./identity-tags.ts";
import { withDeletedPrincipals } from "./policy-principals.ts";
import { checkPrincipals, policySize } from "./policy-text.ts";
import {
  checkModifiable,
  getLinkedService,
  isServiceLinked,
  pathOf,
  serviceRolePath,
} from "./service-linked-roles.ts";

/** IAM API, CreateRole, MaxSessionDuration. */
const defaultSessionSeconds = 3_600;

type Context = { ids: Ids; clock: Clock };

/** A trust policy as it was written, and as it was read. */
type TrustPolicy = { text: string; policy: Policy };

type NewRole = {
  accountId: string;
  name: string;
  path: string;
  trust: TrustPolicy;
  description: string | undefined;
  maxSessionSeconds: number | undefined;
  boundaryArn: string | undefined;
  tags: readonly IdentityTag[];
};

/**
 * Throws EntityAlreadyExists, InvalidInput for the path of service-linked roles, EntityLimitExceeded, and
 * MalformedPolicyDocument when the trust policy names somebody who is not there.
 */
export async function createRole(tx: Tx, context: Context, role: NewRole): Promise<Identity> {
  const { accountId, name, path, description = null, boundaryArn = null } = role;
  if (path.startsWith(serviceRolePath)) {
    throw fault("InvalidInput", {
      reason: `The path ${path} is for service-linked roles; CreateServiceLinkedRole makes those`,
    });
  }
  if ((await countIdentities(tx, accountId, "role")) >= limits.rolesPerAccount) {
    throw fault("EntityLimitExceeded", {
      reason: `Cannot exceed quota for RolesPerAccount: ${limits.rolesPerAccount}`,
    });
  }
  if (boundaryArn !== null) await checkBoundary(tx, { accountId, arn: boundaryArn });
  const row = await insertIdentity(tx, context, {
    accountId,
    kind: "role",
    name,
    path,
    description,
    boundary_arn: boundaryArn,
    max_session_seconds: role.maxSessionSeconds ?? defaultSessionSeconds,
    ...(await trustColumns(tx, role.trust)),
  });
  await putTags(tx, row.id, role.tags);
  return row;
}

/** Throws InvalidInput for a service without such a role, and when the account has it. */
export async function createServiceLinkedRole(
  tx: Tx,
  context: Context,
  {
    accountId,
    service,
    description,
  }: { accountId: string; service: string; description?: string | undefined },
): Promise<Identity> {
  const linked = getLinkedService(service);
  const named = { accountId, kind: "role", name: linked.roleName } as const;
  if (await findIdentity(tx, named)) {
    throw fault("InvalidInput", {
      reason: `Service role name ${linked.roleName} has been taken in this account, please try a different suffix.`,
    });
  }
  const row = await insertIdentity(tx, context, {
    ...named,
    path: pathOf(linked),
    description: description ?? null,
    max_session_seconds: defaultSessionSeconds,
    trust_policy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
    }),
  });
  await insertAttachment(tx, row.id, linked.policyArn);
  return row;
}

/** Throws NoSuchEntity. */
export function getRole(db: Queryable, accountId: string, name: string): Promise<Identity> {
  return getIdentity(db, { accountId, kind: "role", name });
}

/** A role that its account may change. Throws NoSuchEntity, and UnmodifiableEntity for a service-linked one. */
export async function getModifiableRole(tx: Tx, accountId: string, name: string): Promise<Identity> {
  const role = await getRole(tx, accountId, name);
  checkModifiable(role);
  return role;
}

/** A description that is absent stays. Throws UnmodifiableEntity for more than the description of a service-linked role. */
export async function updateRole(
  tx: Tx,
  role: Identity,
  change: { description?: string | undefined; maxSessionSeconds?: number | undefined },
): Promise<Identity> {
  const { description, maxSessionSeconds } = change;
  if (maxSessionSeconds !== undefined) checkModifiable(role);
  return updateIdentity(tx, role, {
    description: description ?? role.description,
    max_session_seconds: maxSessionSeconds ?? role.max_session_seconds,
  });
}

/** Throws MalformedPolicyDocument when the policy names somebody who is not there. */
export async function updateTrustPolicy(tx: Tx, role: Identity, trust: TrustPolicy): Promise<void> {
  await updateIdentity(tx, role, await trustColumns(tx, trust));
}

/** The trust policy as it reads today: an identity that is gone is there by its unique id. */
export async function trustPolicyOf(db: Queryable, role: Identity): Promise<string> {
  return withDeletedPrincipals(db, role.trust_policy ?? "", role.trust_principal_ids);
}

/** Throws DeleteConflict while it has policies. Its sessions end with it. */
export async function deleteRole(tx: Tx, role: Identity): Promise<void> {
  await checkNoPolicies(tx, role);
  await removeAllTags(tx, role.id);
  await deleteIdentity(tx, role.id);
}

/** Throws NoSuchEntity for a role that is none of a service. What the service gave it goes with it. */
export async function deleteServiceLinkedRole(tx: Tx, role: Identity): Promise<void> {
  if (!isServiceLinked(role)) {
    throw fault("NoSuchEntity", { kind: "service-linked role", name: role.name });
  }
  await detachAllPolicies(tx, role.id);
  await deleteRole(tx, role);
}

async function trustColumns(
  tx: Tx,
  { text, policy }: TrustPolicy,
): Promise<Pick<Identity, "trust_policy" | "trust_principal_ids">> {
  if (policySize(text) > limits.trustPolicyCharacters) {
    throw fault("EntityLimitExceeded", {
      reason: `Cannot exceed quota for ACLSizePerRole: ${limits.trustPolicyCharacters}`,
    });
  }
  return { trust_policy: text, trust_principal_ids: await checkPrincipals(tx, policy) };
}
