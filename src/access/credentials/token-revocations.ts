/**
 * Authorization tokens that count no more before their time: the rows of `token_revocations`. A row is about one token,
 * or about all that an access key or a principal was given up to a moment. What is issued later counts.
 */
import { parseIamArn } from "../../lib/arn.ts";
import type { Clock } from "../../lib/clock.ts";
import { limits } from "../../lib/limits.ts";
import { type Database, prepared, type Queryable, type Tx } from "../../store/database.ts";
import type { Principal } from "../caller.ts";
import { principalByArn } from "../principals.ts";

/**
 * What a revocation is about. A principal is told by its `aws:userid`, which stays when a user gets another name:
 * `AIDA…` for a user, `AROA…` for a role with all its sessions, `AROA…:NAME` for one of them, an account's id for its
 * root, `ACCOUNT:NAME` for a federated user.
 */
export type RevocationSubject = { kind: "token" | "key" | "principal"; id: string };

type Revocations = {
  token: number | null;
  key: number | null;
  principal: number | null;
  role: number | null;
};

/** One row whatever there is, because only rows are kept in memory, and nothing revoked is the rule. */
const revocationsOf = prepared<[string, string, string, string], Revocations>((db) =>
  db.selectNoFrom((select) => {
    const until = () =>
      select.selectFrom("token_revocations").select("issued_until").where("subject", "=", "");
    return [until().as("token"), until().as("key"), until().as("principal"), until().as("role")];
  }),
);

/** Why a token counts no more, in a sentence for who holds it; undefined when nobody revoked it. */
export async function revocationOf(
  db: Queryable,
  token: { id: string; issuedAt: number },
  { accessKeyId, userId, identityId = userId }: Principal,
): Promise<string | undefined> {
  const found = await revocationsOf(
    db,
    subjectOf({ kind: "token", id: token.id }),
    subjectOf({ kind: "key", id: accessKeyId }),
    subjectOf({ kind: "principal", id: userId }),
    subjectOf({ kind: "principal", id: identityId }),
  );
  const names = {
    token: "This authorization token was",
    key: `The authorization tokens of access key '${accessKeyId}' were`,
    principal: "The authorization tokens of this user, role or session were",
    role: "The authorization tokens of this user, role or session were",
  };
  for (const by of ["token", "key", "principal", "role"] as const) {
    const until = found?.[by] ?? undefined;
    // In one millisecond a token can be issued before and after; doubt gives less.
    if (until !== undefined && token.issuedAt <= until)
      return `${names[by]} revoked at ${new Date(until).toISOString()}.`;
  }
  return undefined;
}

/** The subject that an ARN in `accountId` means, a role's ARN all of its sessions; undefined when there is none. */
export async function principalSubject(
  db: Queryable,
  { accountId, arn }: { accountId: string; arn: string },
): Promise<RevocationSubject | undefined> {
  // A federated user is known by its sessions alone, so any name will do.
  const federated = /^arn:aws:sts::(\d{12}):federated-user\/([\w+=,.@-]+)$/.exec(arn);
  if (federated) {
    const [, account = "", name = ""] = federated;
    return account === accountId ? { kind: "principal", id: `${account}:${name}` } : undefined;
  }
  const principal = await principalByArn(db, arn);
  if (principal?.kind !== "principal" || principal.accountId !== accountId) return undefined;
  const { userId, identityId = userId } = principal;
  return { kind: "principal", id: parseIamArn(arn)?.kind === "role" ? identityId : userId };
}

/** Ends what was issued to `subject` until now; resolves with that moment. An earlier revocation is never shortened. */
export async function revokeTokens(tx: Tx, clock: Clock, subject: RevocationSubject): Promise<number> {
  const issuedUntil = clock.now();
  const forgetAt = issuedUntil + limits.revocationSeconds * 1000;
  await tx
    .insertInto("token_revocations")
    .values({ subject: subjectOf(subject), issued_until: issuedUntil, forget_at: forgetAt })
    .onConflict((conflict) =>
      conflict
        .column("subject")
        .doUpdateSet({ issued_until: issuedUntil, forget_at: forgetAt })
        .where("token_revocations.issued_until", "<", issuedUntil),
    )
    .execute();
  return issuedUntil;
}

/**
 * Removes revocations of tokens that are over by themselves, and with them the uploads that an expired token could still
 * end; resolves with how many there were.
 */
export async function forgetRevocations({ db, clock }: { db: Database; clock: Clock }): Promise<number> {
  let forgotten = 0;
  for (;;) {
    const step = await db.write(async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom("token_revocations")
        .where("subject", "in", (over) =>
          over
            .selectFrom("token_revocations")
            .select("subject")
            .where("forget_at", "<=", clock.now())
            .limit(limits.rowsPerStep),
        )
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    });
    forgotten += step;
    if (step < limits.rowsPerStep) return forgotten;
  }
}

function subjectOf({ kind, id }: RevocationSubject): string {
  return `${kind} ${id}`;
}
