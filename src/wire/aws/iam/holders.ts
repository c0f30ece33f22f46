/** What the operations on policies of users, groups and roles share: an input names one of them. */
import type { Action } from "../../../access/decisions/authority.ts";
import {
  findIdentity,
  getIdentity,
  type Identity,
  type IdentityKind,
} from "../../../access/identities/identities.ts";
import { checkPolicy } from "../../../access/identities/policy-text.ts";
import { checkModifiable } from "../../../access/identities/service-linked-roles.ts";
import type { PolicyKind } from "../../../access/policy/kinds.ts";
import type { Queryable, Tx } from "../../../store/database.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import { knownActions } from "../known-actions.ts";
import type { Operation } from "../operation.ts";
import { identityResource } from "./rows.ts";

export type HolderInput = { UserName: string } | { GroupName: string } | { RoleName: string };

function named(input: HolderInput): { kind: IdentityKind; name: string } {
  if ("UserName" in input) return { kind: "user", name: input.UserName };
  return "GroupName" in input
    ? { kind: "group", name: input.GroupName }
    : { kind: "role", name: input.RoleName };
}

/** Throws NoSuchEntity. */
export function holderIn(db: Queryable, call: Call, input: HolderInput): Promise<Identity> {
  return getIdentity(db, { accountId: call.accountId, ...named(input) });
}

/** The same, to be changed. Throws NoSuchEntity, and UnmodifiableEntity for a service-linked role. */
export async function modifiableHolderIn(tx: Tx, call: Call, input: HolderInput): Promise<Identity> {
  const holder = await holderIn(tx, call, input);
  if (holder.kind === "role") checkModifiable(holder);
  return holder;
}

/**
 * The holder as a permission is asked about it, with the keys that IAM has for changes of its policies: its permissions
 * boundary, and the policy that is attached or detached (service authorization reference, IAM).
 */
async function holderResource(
  call: Call,
  input: HolderInput & { PolicyArn?: string; PermissionsBoundary?: string },
): Promise<Resource> {
  const { kind, name } = named(input);
  const holder = await findIdentity(call.db.read, { accountId: call.accountId, kind, name });
  const keys = new Map<string, readonly string[]>();
  if (input.PolicyArn !== undefined) keys.set("iam:policyarn", [input.PolicyArn]);
  const boundary = input.PermissionsBoundary ?? holder?.boundary_arn ?? undefined;
  if (boundary !== undefined) keys.set("iam:permissionsboundary", [boundary]);
  return { ...(await identityResource(call, kind, name)), keys };
}

/** A row that asks for `action` on the holder. */
export function onHolder<Input extends HolderInput, Output>(
  action: Action,
  run: Operation<Input, Output>["run"],
): Operation<Input, Output> {
  return {
    actions: () => [action],
    resources: async (call, input) => [await holderResource(call, input)],
    run,
  };
}

/** Throws MalformedPolicyDocument with the first thing that is wrong. */
export function checkDocument(text: string, kind: Extract<PolicyKind, "identity" | "trust">) {
  return checkPolicy({ text, kind, name: "", actions: knownActions });
}
