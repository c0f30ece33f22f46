/**
 * Authorization tokens: the password of `docker login`. A token is its claims and a signature of ours, so nothing is
 * stored for it; it dies with the key that it was made with, and what is revoked is in `token-revocations.ts`. It holds
 * neither ':' nor a line end, because the aws CLI splits at the one and terminals break at the other.
 */
import type { Clock } from "../../lib/clock.ts";
import type { Ids } from "../../lib/ids.ts";
import { limits } from "../../lib/limits.ts";
import type { Secrets } from "../../store/secrets.ts";
import type { Principal } from "../caller.ts";

export type TokenClaims = {
  id: string;
  principalArn: string;
  accountId: string;
  accessKeyId: string;
  region: string;
  /** Both in milliseconds since the epoch. */
  issuedAt: number;
  expiresAt: number;
};

const purpose = "authorization token";
const separator = ".";

type Making = { secrets: Secrets; clock: Clock; ids: Ids };

/**
 * A token that speaks for `principal` as long as ECR's, or for a shorter time that is asked for, and never longer than
 * the session that it is made in.
 */
export function makeToken(
  { secrets, clock, ids }: Making,
  {
    principal,
    region,
    durationSeconds = limits.tokenSeconds,
  }: { principal: Principal; region: string; durationSeconds?: number | undefined },
): { password: string; expiresAt: number } {
  const issuedAt = clock.now();
  const wantedEnd = issuedAt + Math.min(durationSeconds, limits.tokenSeconds) * 1000;
  const expiresAt = Math.min(wantedEnd, principal.session?.expiresAt ?? wantedEnd);
  const { arn: principalArn, accountId, accessKeyId } = principal;
  const claims = { id: ids.uuid(), principalArn, accountId, accessKeyId, region, issuedAt, expiresAt };
  return { password: issueToken(secrets, claims), expiresAt };
}

export function issueToken(secrets: Secrets, claims: TokenClaims): string {
  const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return body + separator + secrets.sign(purpose, body);
}

/** The claims of a token that this installation signed, expired or not; undefined for any other text. */
export function readToken(secrets: Secrets, token: string): TokenClaims | undefined {
  const [body = "", signature = "", ...rest] = token.split(separator);
  if (rest.length > 0 || !secrets.isSigned(purpose, body, signature)) return undefined;
  return JSON.parse(Buffer.from(body, "base64url").toString()) as TokenClaims;
}
