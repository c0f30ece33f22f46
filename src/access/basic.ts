/**
 * Credentials of the registry door: HTTP Basic with `AWS` and an authorization token, or with an access key id and its
 * secret. ECR takes `AWS` only; keys are a convenience of ours. The answer says which of many things was wrong, because
 * "no basic auth credentials" has cost people days.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Clock } from "../lib/clock.ts";
import { limits } from "../lib/limits.ts";
import { echo } from "../lib/text.ts";
import type { Queryable } from "../store/database.ts";
import type { Secrets } from "../store/secrets.ts";
import { anonymous, type Caller, type Principal } from "./caller.ts";
import { findCredentials, secretOf } from "./credentials.ts";
import { readToken } from "./tokens.ts";

export type Authentication =
  | { caller: Caller }
  /** A token of ours whose time is over. An upload that its principal began may still be ended with it. */
  | { expired: Principal; reason: string }
  | { refused: string };

/** What a header proved by itself, before the state of the key is looked at. */
type Verified = { accessKeyId: string; expiresAt?: number };

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
      return claims ?? `The password is not an authorization token of this registry, or it was altered.`;
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
    return { accessKeyId: pair.user };
  };

  return async (db, authorization) => {
    if (authorization === null || authorization === emptyBasic) return { caller: anonymous };
    let proof = verified.get(authorization);
    if (!proof) {
      const result = await verify(db, authorization);
      if (typeof result === "string") return { refused: result };
      proof = {
        accessKeyId: result.accessKeyId,
        ...(result.expiresAt !== undefined && { expiresAt: result.expiresAt }),
      };
      verified.set(authorization, proof);
    }
    const credentials = await findCredentials(db, proof.accessKeyId);
    if (!credentials)
      return {
        refused: `The access key '${proof.accessKeyId}' that these credentials were made with is deleted.`,
      };
    if (credentials.refusal !== undefined) return { refused: credentials.refusal };
    const { principal } = credentials;
    const expiresAt = Math.min(
      proof.expiresAt === undefined ? Number.POSITIVE_INFINITY : proof.expiresAt * 1000,
      principal.session?.expiresAt ?? Number.POSITIVE_INFINITY,
    );
    if (expiresAt <= clock.now()) {
      const at = new Date(expiresAt).toISOString();
      return {
        expired: principal,
        reason: `Your authorization token has expired at ${at}. Reauthenticate and try again.`,
      };
    }
    return { caller: principal };
  };
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
