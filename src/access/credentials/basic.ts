/**
 * Credentials of the registry door: HTTP Basic with `AWS` and an authorization token, or with an access key id and its
 * secret. ECR takes `AWS` only; keys are a convenience of ours. The answer says which of many things was wrong, because
 * "no basic auth credentials" has cost people days.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Clock } from "../../lib/clock.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import type { Queryable } from "../../store/database.ts";
import type { Secrets } from "../../store/secrets.ts";
import { anonymous, type Caller, type Principal } from "../caller.ts";
import { findCredentials, secretOf } from "./credentials.ts";
import { revocationOf } from "./token-revocations.ts";
import { readToken, type TokenClaims } from "./tokens.ts";

export type Authentication =
  | { caller: Caller }
  /** A token of ours whose time is over. An upload that its principal began may still be ended with it. */
  | { expired: Principal; reason: string }
  | { refused: string };

/** What a header proved by itself, before the state of the key is looked at. `token` is undefined for a key's secret. */
type Verified = {
  accessKeyId: string;
  token: TokenTimes | undefined;
  /** The principal for whom the token was seen not to be revoked; another transaction makes another object of it. */
  valid?: Principal;
};
type TokenTimes = Pick<TokenClaims, "id" | "issuedAt" | "expiresAt">;

/** Verified headers are kept in memory, so that a client's next request costs one look at its key. */
export type BasicAuthenticator = (db: Queryable, authorization: string | null) => Promise<Authentication>;

export function makeBasicAuthenticator(secrets: Secrets, clock: Clock): BasicAuthenticator {
  const verified = new LRUCache<string, Verified>({ max: limits.credentialCacheEntries });

  const verify = async (db: Queryable, authorization: string): Promise<Verified | string> => {
    const pair = decodeBasic(authorization);
    if (pair === undefined) {
      return `The Authorization header is not 'Basic' with base64 of USER:PASSWORD.`;
    }
    if (pair.user === "AWS") {
      const claims = readToken(secrets, pair.password);
      if (!claims) return `The password is not an authorization token of this registry, or it was altered.`;
      const { accessKeyId, id, issuedAt, expiresAt } = claims;
      return { accessKeyId, token: { id, issuedAt, expiresAt } };
    }
    if (!accessKeyForm.test(pair.user)) {
      return `The user must be AWS with an authorization token, or an access key id; '${echo(pair.user)}' is neither.`;
    }
    const credentials = await findCredentials(db, pair.user);
    if (!credentials) return `There is no access key '${echo(pair.user)}' here.`;
    if (credentials.sessionTokenHash !== undefined)
      return `'${echo(pair.user)}' is a temporary access key, whose session token has no place here; log in with an authorization token.`;
    if (!sameSecret(pair.password, secretOf(secrets, credentials)))
      return `The password is not the secret of access key '${pair.user}'.`;
    return { accessKeyId: pair.user, token: undefined };
  };

  return async (db, authorization) => {
    if (authorization === null || authorization === emptyBasic) return { caller: anonymous };
    let proof = verified.get(authorization);
    if (!proof) {
      const result = await verify(db, authorization);
      if (typeof result === "string") return { refused: result };
      proof = result;
      verified.set(authorization, proof);
    }
    const { accessKeyId, token } = proof;
    const credentials = await findCredentials(db, accessKeyId);
    if (!credentials) return { refused: whyGone(proof, clock.now()) };
    if (credentials.refusal !== undefined) return { refused: credentials.refusal };
    const { principal } = credentials;
    if (!token) return { caller: principal };
    // Before the time: an upload may be ended with a token that ran out, and not with one that was revoked.
    if (proof.valid !== principal) {
      const revocation = await revocationOf(db, token, principal);
      if (revocation !== undefined) return { refused: revocation };
      proof.valid = principal;
    }
    const expiresAt = Math.min(token.expiresAt, principal.session?.expiresAt ?? token.expiresAt);
    if (expiresAt <= clock.now()) return { expired: principal, reason: expiredAt(expiresAt) };
    return { caller: principal };
  };
}

/** A key that is not there any more. Sessions are forgotten some time after their end, when their tokens are over. */
function whyGone({ accessKeyId, token }: Verified, now: number): string {
  if (token && token.expiresAt <= now) return expiredAt(token.expiresAt);
  return accessKeyId.startsWith("ASIA")
    ? `The session of the temporary access key '${accessKeyId}' that this token was made with has ended, or its user or role is deleted.`
    : `The access key '${accessKeyId}' that these credentials were made with is deleted, or its user is.`;
}

function expiredAt(at: number): string {
  return `Your authorization token has expired at ${new Date(at).toISOString()}. Reauthenticate and try again.`;
}

/** IAM API, accessKeyIdType. */
const accessKeyForm = /^\w{16,128}$/;

/** `:` alone: what some clients send when they have no credentials at all. */
const emptyBasic = "Basic Og==";

function decodeBasic(authorization: string): { user: string; password: string } | undefined {
  const match = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization);
  if (!match?.[1]) return undefined;
  const text = Buffer.from(match[1], "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Compares hashes, which have one length, so the time tells nothing about the secret. */
function sameSecret(given: string, right: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(right));
}
