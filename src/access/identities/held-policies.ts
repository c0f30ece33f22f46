/** The policies that an identity has, its own and those of its groups, with where each comes from. */

import type { Queryable } from "../../store/database.ts";
import { type Compiled, compile } from "../decisions/compiled.ts";
import { policyNames } from "../decisions/policy-names.ts";
import { attachedPolicies } from "./attachments.ts";
import type { Identity, IdentityKind } from "./identities.ts";
import { inlinePoliciesOf } from "./inline-policies.ts";
import { getManagedPolicy, getVersion } from "./managed-policies.ts";

type Holder = { id: string; kind: IdentityKind; name: string };

export type HeldPolicy = {
  holder: Holder;
  name: string;
  /** Absent for an inline policy. */
  arn: string | undefined;
  document: string;
  policy: Compiled["policy"];
};

/** In the order: its own, then those of its groups; inline before managed. */
export async function heldPolicies(db: Queryable, identity: Identity): Promise<HeldPolicy[]> {
  const own: Holder = { id: identity.id, kind: identity.kind as IdentityKind, name: identity.name };
  const held: HeldPolicy[] = [];
  for (const holder of [own, ...(await groupsOf(db, identity.id))]) {
    for (const { name, document } of await inlinePoliciesOf(db, holder.id)) {
      const policy = read(policyNames.inline(name, holder), document);
      held.push({ holder, name, arn: undefined, document, policy });
    }
    for (const { arn, name } of await attachedPolicies(db, holder.id)) {
      const document = await defaultDocument(db, arn);
      held.push({ holder, name, arn, document, policy: read(policyNames.managed(arn), document) });
    }
  }
  return held;
}

/** The document of a managed policy in the version that counts. Throws EntityNotFound. */
export async function defaultDocument(db: Queryable, arn: string): Promise<string> {
  const policy = await getManagedPolicy(db, arn);
  return (await getVersion(db, policy, policy.defaultVersionId)).document;
}

/** Whether a statement of the policy allows an action of the service, such as `ecr`, whatever else it says. */
export function allowsService({ policy }: Pick<HeldPolicy, "policy">, service: string): boolean {
  const prefix = service.toLowerCase();
  return policy.statements.some(({ effect, actions }) => {
    if (effect !== "Allow") return false;
    const services = actions.texts.map((text) => text.toLowerCase().split(":"));
    const isAll = services.some(
      ([own = "", name = "*"]) => own === "*" || (own === prefix && /^\*+$/.test(name)),
    );
    if (actions.negated) return !isAll;
    return isAll || services.some(([own]) => own === prefix);
  });
}

/** The groups of a user in the order of their names; none for what is no user. */
export function groupsOf(db: Queryable, userId: string): Promise<Holder[]> {
  return db
    .selectFrom("group_members as m")
    .innerJoin("identities as g", "g.id", "m.group_id")
    .select(["g.id", "g.name"])
    .where("m.user_id", "=", userId)
    .orderBy("g.name_key")
    .execute()
    .then((rows) => rows.map((row) => ({ ...row, kind: "group" as const })));
}

const read = (name: string, text: string) => compile({ kind: "identity", name, text }).policy;
