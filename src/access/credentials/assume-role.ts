/** Taking on a role: which one, for how long, and what goes on from one session of a chain to the next. */

import { parseIamArn } from "../../lib/arn.ts";
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import type { Queryable } from "../../store/database.ts";
import type { Principal } from "../caller.ts";
import { arnOf, findIdentity, type Identity } from "../identities/identities.ts";

const defaultSeconds = 3_600;

/** The account in a role's ARN. Throws ValidationFailed for what is no such ARN. */
export function accountOfRole(arn: string): string {
  const parsed = parseIamArn(arn);
  if (parsed?.kind === "role" && parsed.accountId !== "aws") return parsed.accountId;
  throw fault("ValidationFailed", {
    reason: `Request ARN is invalid: '${echo(arn)}' is not the ARN of a role, such as arn:aws:iam::111122223333:role/NAME`,
  });
}

/** The role with exactly this ARN; undefined when there is none, or when its account is closed. */
export async function findRole(db: Queryable, arn: string): Promise<Identity | undefined> {
  const parsed = parseIamArn(arn);
  if (parsed?.kind !== "role") return undefined;
  const role = await findIdentity(db, { ...parsed, kind: "role" });
  if (!role || arnOf(role) !== arn) return undefined;
  const account = await db
    .selectFrom("accounts")
    .select("status")
    .where("id", "=", role.account_id)
    .executeTakeFirst();
  return account?.status === "ACTIVE" ? role : undefined;
}

/**
 * The length of a session of `role` in seconds, an hour unless asked for otherwise. Throws ValidationFailed when it is
 * longer than the role or a chain of roles allows (STS API, AssumeRole).
 */
export function roleSessionSeconds(
  role: Pick<Identity, "max_session_seconds">,
  { requested = defaultSeconds, isChained }: { requested: number | undefined; isChained: boolean },
): number {
  if (requested > (role.max_session_seconds ?? defaultSeconds)) {
    throw fault("ValidationFailed", {
      reason: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    });
  }
  if (isChained && requested > limits.chainedSessionSeconds) {
    throw fault("ValidationFailed", {
      reason:
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
    });
  }
  return requested;
}

/**
 * The source identity of a new session: once it is set, a chain keeps it. Throws AccessDenied for another one. IAM user
 * guide, "Monitor and control actions taken with assumed roles".
 */
export function sourceIdentityOf(caller: Principal, requested: string | undefined): string | undefined {
  const kept = caller.session?.sourceIdentity;
  if (kept !== undefined && requested !== undefined && requested !== kept) {
    throw fault("AccessDenied", {
      sentence: `The source identity of the calling session is '${kept}' and cannot be changed to '${echo(requested)}'`,
    });
  }
  return requested ?? kept;
}

/** Throws AccessDenied for those who cannot take on roles at all: STS API, AssumeRole and GetFederationToken. */
export function checkMayAssume({ who }: Principal): void {
  if (who.kind === "root") {
    throw fault("AccessDenied", { sentence: "Roles may not be assumed by root accounts." });
  }
  if (who.kind === "federated-user") {
    throw fault("AccessDenied", { sentence: "Cannot call AssumeRole with federated user credentials" });
  }
}
