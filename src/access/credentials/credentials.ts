/**
 * Whom an access key speaks for: a root or a user by a key of its own, or anybody by the temporary key of a session. The
 * answer is of this moment, so credentials die with the key, the session, the identity and the account.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { prepared, type Queryable } from "../../store/database.ts";
import type { Secrets } from "../../store/secrets.ts";
import type { CallerSession, Principal } from "../caller.ts";
import { itself, sessionPrincipal } from "../principals.ts";
import { accessKeyPurpose } from "./keys.ts";

export type Credentials = {
  principal: Principal;
  /** Encrypted; see {@link secretOf}. */
  secret: string;
  /** Why they count no more, in a sentence for who holds them; undefined when they do. */
  refusal: string | undefined;
  /** SHA-256 in hex of the token that must come with them; undefined for long-lived keys. */
  sessionTokenHash: string | undefined;
};

type KeyRow = {
  id: string;
  accountId: string;
  accountStatus: string;
  secret: string;
  status: string;
  identityId: string | null;
  name: string | null;
  path: string | null;
};

type SessionRow = {
  id: string;
  accountId: string;
  accountStatus: string;
  secret: string;
  kind: string;
  sessionName: string;
  tokenHash: string;
  policies: string | null;
  tags: string;
  transitiveTagKeys: string;
  sourceIdentity: string | null;
  federatedProvider: string | null;
  issuedAt: number;
  expiresAt: number;
  identityId: string | null;
  /** Null when the identity is gone. */
  name: string | null;
  path: string | null;
};

const keyRow = prepared<[string], KeyRow>((db) =>
  db
    .selectFrom("access_keys as k")
    .innerJoin("accounts as a", "a.id", "k.account_id")
    .leftJoin("identities as i", "i.id", "k.identity_id")
    .select([
      "k.id",
      "k.account_id as accountId",
      "a.status as accountStatus",
      "k.secret",
      "k.status",
      "k.identity_id as identityId",
      "i.name",
      "i.path",
    ])
    .where("k.id", "=", ""),
);

const sessionRow = prepared<[string], SessionRow>((db) =>
  db
    .selectFrom("sessions as s")
    .innerJoin("accounts as a", "a.id", "s.account_id")
    .leftJoin("identities as i", "i.id", "s.identity_id")
    .select([
      "s.access_key_id as id",
      "s.account_id as accountId",
      "a.status as accountStatus",
      "s.secret",
      "s.kind",
      "s.name as sessionName",
      "s.token_hash as tokenHash",
      "s.policies",
      "s.tags",
      "s.transitive_tag_keys as transitiveTagKeys",
      "s.source_identity as sourceIdentity",
      "s.federated_provider as federatedProvider",
      "s.issued_at as issuedAt",
      "s.expires_at as expiresAt",
      "s.identity_id as identityId",
      "i.name",
      "i.path",
    ])
    .where("s.access_key_id", "=", ""),
);

const read = new WeakMap<KeyRow | SessionRow, Credentials>();

/** The credentials with this id, valid or not; undefined when there are none or their identity is gone. */
export async function findCredentials(db: Queryable, accessKeyId: string): Promise<Credentials | undefined> {
  const isSession = accessKeyId.startsWith("ASIA");
  const row = isSession ? await sessionRow(db, accessKeyId) : await keyRow(db, accessKeyId);
  if (!row || (row.identityId !== null && row.name === null)) return undefined;
  // The same row comes back until the next commit, so its reading is kept with it.
  let credentials = read.get(row);
  if (!credentials) {
    credentials = "kind" in row ? ofSession(row) : ofKey(row);
    read.set(row, credentials);
  }
  return credentials;
}

/** Whether `token` has the SHA-256 that was stored for it. The time that this takes tells nothing about the token. */
export function isSameHash(storedHash: string, token: string): boolean {
  return timingSafeEqual(Buffer.from(storedHash, "hex"), createHash("sha256").update(token).digest());
}

export function secretOf(secrets: Secrets, { secret }: Credentials): string {
  return secrets.decrypt(accessKeyPurpose, secret);
}

function ofKey(row: KeyRow): Credentials {
  const refusal =
    row.status === "Active"
      ? refusedBy(row)
      : `The access key '${row.id}' that these credentials were made with is disabled.`;
  return {
    principal: itself({ ...row, accessKeyId: row.id }),
    secret: row.secret,
    refusal,
    sessionTokenHash: undefined,
  };
}

function ofSession(row: SessionRow): Credentials {
  return {
    principal: { ...sessionPrincipal({ ...row, accessKeyId: row.id }), session: sessionOf(row) },
    secret: row.secret,
    refusal: refusedBy(row),
    sessionTokenHash: row.tokenHash,
  };
}

function sessionOf(row: SessionRow): CallerSession {
  // Written by ourselves, so their form is known.
  return {
    issuedAt: row.issuedAt,
    expiresAt: row.expiresAt,
    policies: row.policies === null ? undefined : (JSON.parse(row.policies) as CallerSession["policies"]),
    tags: JSON.parse(row.tags) as Record<string, string>,
    transitiveTagKeys: JSON.parse(row.transitiveTagKeys) as string[],
    sourceIdentity: row.sourceIdentity ?? undefined,
    federatedProvider: row.federatedProvider ?? undefined,
  };
}

function refusedBy({
  accountId,
  accountStatus,
}: {
  accountId: string;
  accountStatus: string;
}): string | undefined {
  return accountStatus === "ACTIVE" ? undefined : `The account ${accountId} of these credentials is closed.`;
}
