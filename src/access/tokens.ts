/**
 * Authorization tokens of GetAuthorizationToken: the password of `docker login`. A token is its claims and a signature
 * of ours, so nothing is stored for it; it dies with the key that it was made with. It holds neither ':' nor a line end,
 * because the aws CLI splits at the one and terminals break at the other.
 */
import type { Secrets } from "../store/secrets.ts";

type TokenClaims = {
  principalArn: string;
  accountId: string;
  accessKeyId: string;
  region: string;
  /** Seconds since the epoch. */
  expiresAt: number;
};

const purpose = "authorization token";
const separator = ".";

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
