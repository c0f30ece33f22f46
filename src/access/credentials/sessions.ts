/** Sessions: temporary credentials of STS, with what they carry. A session is of its role or user, and dies with it. */
import { createHash } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import type { Ids } from "../../lib/ids.ts";
import { limits } from "../../lib/limits.ts";
import type { Database } from "../../store/database.ts";
import type { Secrets } from "../../store/secrets.ts";
import type { CallerSession } from "../caller.ts";
import { accessKeyPurpose, generateKey, type NewKey } from "./keys.ts";

/** What opening a session needs of the program. */
export type SessionServices = { db: Database; secrets: Secrets; ids: Ids; clock: Clock };

export type NewSession = {
  /** Whom it speaks for; `user` and `root` are those themselves, by GetSessionToken. */
  kind: "role" | "user" | "root" | "federated-user";
  accountId: string;
  /** The role, or the user who asked; undefined when a root did. */
  identityId: string | undefined;
  /** The session's name or the federated user's; empty for `user` and `root`. */
  name: string;
  durationSeconds: number;
  /** STS API, MinimumSessionTokenSize. */
  minimumTokenSize?: number | undefined;
} & Partial<Omit<CallerSession, "issuedAt" | "expiresAt">>;

export type SessionCredentials = NewKey & {
  sessionToken: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
};

const tokenBytes = 48;

/** Makes the credentials. Neither the secret nor the token can be read again. */
export async function openSession(
  { db, secrets, ids, clock }: SessionServices,
  session: NewSession,
): Promise<SessionCredentials> {
  const key = generateKey(ids, "ASIA");
  const size = Math.max(tokenBytes, Math.ceil(((session.minimumTokenSize ?? 0) * 3) / 4));
  const sessionToken = Buffer.from(ids.bytes(size)).toString("base64");
  const issuedAt = clock.now();
  const expiresAt = issuedAt + session.durationSeconds * 1000;
  const row = {
    access_key_id: key.accessKeyId,
    account_id: session.accountId,
    kind: session.kind,
    identity_id: session.identityId ?? null,
    name: session.name,
    secret: secrets.encrypt(accessKeyPurpose, key.secretAccessKey),
    token_hash: createHash("sha256").update(sessionToken).digest("hex"),
    policies: session.policies ? JSON.stringify(session.policies) : null,
    tags: JSON.stringify(session.tags ?? {}),
    transitive_tag_keys: JSON.stringify(session.transitiveTagKeys ?? []),
    source_identity: session.sourceIdentity ?? null,
    federated_provider: session.federatedProvider ?? null,
    issued_at: issuedAt,
    expires_at: expiresAt,
  };
  await db.write((tx) => tx.insertInto("sessions").values(row).execute());
  return { ...key, sessionToken, expiresAt };
}

/** Removes sessions that ended some time ago: until then a refusal can say that they are over. */
export async function sweepSessions({ db, clock }: Pick<SessionServices, "db" | "clock">): Promise<void> {
  const endedBefore = clock.now() - limits.endedSessionSeconds * 1000;
  for (;;) {
    const ended = await db.read
      .selectFrom("sessions")
      .select("access_key_id as id")
      .where("expires_at", "<", endedBefore)
      .limit(limits.rowsPerStep)
      .execute();
    if (ended.length === 0) return;
    const ids = ended.map(({ id }) => id);
    await db.write((tx) => tx.deleteFrom("sessions").where("access_key_id", "in", ids).execute());
  }
}
