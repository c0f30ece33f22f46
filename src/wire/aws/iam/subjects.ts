/** The user that an operation is about: the one that the input names, or the caller itself when it names none. */

import type { KeyOwner } from "../../../access/credentials/keys.ts";
import { getIdentity, type Identity } from "../../../access/identities/identities.ts";
import { rootArn } from "../../../lib/arn.ts";
import { type Fault, fault } from "../../../lib/faults.ts";
import type { Queryable } from "../../../store/database.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import { identityResource } from "./rows.ts";

type SubjectInput = { UserName?: string | undefined };

/** The name of the user, or undefined for the root, which is meant only when the root asks. Throws ValidationFailed. */
function subjectName({ caller }: Call, { UserName }: SubjectInput): string | undefined {
  if (UserName !== undefined) return UserName;
  const kind = caller.kind === "principal" ? caller.who.kind : undefined;
  if (caller.kind !== "principal" || (kind !== "user" && kind !== "root")) throw mustSayWho();
  return caller.userName;
}

function mustSayWho(): Fault {
  return fault("ValidationFailed", {
    reason: "Must specify userName when calling with non-User credentials",
  });
}

/** What the permission is asked about. Throws ValidationFailed. */
export async function subjectResource(call: Call, input: SubjectInput): Promise<readonly Resource[]> {
  const name = subjectName(call, input);
  const { accountId } = call;
  return name === undefined
    ? [{ arn: rootArn(accountId), accountId }]
    : [await identityResource(call, "user", name)];
}

/** The user, or undefined for the root. Throws NoSuchEntity and ValidationFailed. */
async function findSubject(db: Queryable, call: Call, input: SubjectInput): Promise<Identity | undefined> {
  const name = subjectName(call, input);
  return name === undefined ? undefined : getIdentity(db, { accountId: call.accountId, kind: "user", name });
}

/** Whose keys are meant. Faults as {@link subjectResource} and NoSuchEntity. */
export async function keyOwner(db: Queryable, call: Call, input: SubjectInput): Promise<KeyOwner> {
  return { accountId: call.accountId, user: await findSubject(db, call, input) };
}

/** The user, where a root cannot be meant. Faults as {@link keyOwner}. */
export async function userSubject(db: Queryable, call: Call, input: SubjectInput): Promise<Identity> {
  const user = await findSubject(db, call, input);
  if (!user) throw mustSayWho();
  return user;
}
