/**
 * Tokens of identity providers: OpenID Connect Core 1.0, "ID Token Validation". What a token says counts after its
 * signature is verified with a key of the provider itself, which the role's account has registered.
 */
import { compactVerify, decodeJwt, errors } from "jose";
import type { Clock } from "../../lib/clock.ts";
import { fault } from "../../lib/faults.ts";
import { parseJson } from "../../lib/json.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import type { Queryable } from "../../store/database.ts";
import { findOidcProvider, oidcProviderArn } from "../identities/oidc-providers.ts";
import { isIssuer, type KeySet, keySetOf } from "./provider-keys.ts";
import type { PassedTags } from "./session-tags.ts";

type VerifiedToken = {
  issuer: string;
  subject: string;
  /** The one that the provider is registered for. */
  audience: string;
  providerArn: string;
  /** Condition keys in lower case: `aws:federatedprovider`, and the claims as `ISSUER:claim`. */
  keys: ReadonlyMap<string, readonly string[]>;
  /** Session tags and source identity that the token brings along. */
  passed: PassedTags;
  sourceIdentity: string | undefined;
};

/** Those that AWS takes. `none` and what is signed with a shared secret are not among them. */
const algorithms = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"];

type Claims = Readonly<Record<string, unknown>>;

const notAToken =
  "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";

/**
 * Verifies `token` for a role of `accountId`. Throws InvalidIdentityToken, ExpiredIdentityToken, IdpRejectedClaim for a
 * token that is not valid yet, and IdpCommunicationError.
 */
export async function verifyWebIdentity(
  { db, clock }: { db: { read: Queryable }; clock: Clock },
  { token, accountId }: { token: string; accountId: string },
): Promise<VerifiedToken> {
  const issuer = issuerOf(token);
  const provider = await findProvider(db.read, accountId, issuer);
  const claims = await verifiedClaims(token, issuer, clock.now());
  checkTimes(claims, Math.floor(clock.now() / 1000));
  const subject = claims.sub;
  if (typeof subject !== "string" || subject === "") throw missing("sub");
  const audiences = textsOf(claims.aud) ?? [];
  const party = typeof claims.azp === "string" ? claims.azp : undefined;
  if (audiences.length === 0) throw missing("aud");
  const audience = [...(party === undefined ? [] : [party]), ...audiences].find((some) =>
    provider.clientIds.includes(some),
  );
  if (audience === undefined) throw invalid("Incorrect token audience");
  return {
    issuer,
    subject,
    audience,
    providerArn: provider.arn,
    keys: keysOf(claims, { provider, subject, audiences: party === undefined ? audiences : [party] }),
    passed: tagsIn(claims),
    sourceIdentity: sourceIdentityIn(claims),
  };
}

/** Read before the signature is verified: it says only whose key is needed. */
function issuerOf(token: string): string {
  let issuer: unknown;
  try {
    issuer = decodeJwt(token).iss;
  } catch (error) {
    if (error instanceof errors.JOSEError) throw invalid(notAToken);
    throw error;
  }
  if (typeof issuer !== "string") throw missing("iss");
  if (!isIssuer(issuer)) {
    throw invalid(`The token's issuer '${echo(issuer)}' is not an address that begins with https://`);
  }
  return issuer;
}

/** AWS registers providers without their scheme, and often without the slash that some issuers end with. */
async function findProvider(db: Queryable, accountId: string, issuer: string) {
  const url = issuer.replace(/^https?:\/\//, "");
  const provider =
    (await findOidcProvider(db, oidcProviderArn(accountId, url))) ??
    (await findOidcProvider(db, oidcProviderArn(accountId, url.replace(/\/$/, ""))));
  if (!provider) throw invalid(`No OpenIDConnect provider found in your account for ${echo(issuer)}`);
  return provider;
}

async function verifiedClaims(token: string, issuer: string, now: number): Promise<Claims> {
  let result = await tryKeys(token, await keySetOf(issuer, { now, isUnknownKey: false }));
  // The provider may have changed its keys since they were read.
  if (result === "unknown key") {
    result = await tryKeys(token, await keySetOf(issuer, { now, isUnknownKey: true }));
  }
  if (result === "unknown key") {
    throw invalid(
      "Couldn't retrieve verification key from your identity provider: no key of its key set has the token's kid and alg",
    );
  }
  // The text was read before, and it is the one that is signed.
  return parseJson(result, limits.identityTokenClaims * limits.resourceTags) as Claims;
}

async function tryKeys(token: string, keySet: KeySet): Promise<Uint8Array | "unknown key"> {
  try {
    return (await compactVerify(token, keySet, { algorithms })).payload;
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return "unknown key";
    if (error instanceof errors.JWKSMultipleMatchingKeys) return tryEach(token, error);
    throw refusal(error);
  }
}

/** A token without a `kid` can be of any key of its kind. */
async function tryEach(token: string, several: errors.JWKSMultipleMatchingKeys): Promise<Uint8Array> {
  for await (const key of several) {
    try {
      return (await compactVerify(token, key, { algorithms })).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw refusal(error);
    }
  }
  throw refusal(new errors.JWSSignatureVerificationFailed());
}

function refusal(error: unknown): unknown {
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return invalid(`The token must be signed with one of ${algorithms.join(", ")}`);
  }
  if (error instanceof errors.JWSInvalid) return invalid(notAToken);
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return invalid("The token's signature is not one by a key of its issuer");
  }
  // Whatever else jose or the runtime's cryptography does not like about a token or the provider's key.
  if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException) {
    return invalid("The token's signature cannot be verified with the key of its issuer");
  }
  return error;
}

/** Times are seconds since the epoch. A clock that is a little ahead of ours is forgiven, one that is behind is not. */
function checkTimes(claims: Claims, now: number): void {
  const at = (claim: string) => {
    const value = claims[claim];
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw invalid(`The token's claim '${claim}' is not a number`);
  };
  const expiresAt = at("exp");
  const issuedAt = at("iat");
  const notBefore = at("nbf") ?? now;
  if (expiresAt === undefined) throw missing("exp");
  if (issuedAt === undefined) throw missing("iat");
  if (now >= expiresAt) throw fault("ExpiredIdentityToken", { now, expiresAt });
  const latest = now + limits.identityTokenSkewSeconds;
  if (issuedAt > latest || notBefore > latest) {
    const claim = issuedAt > latest ? "iat" : "nbf";
    throw fault("IdpRejectedClaim", {
      reason: `The token is not valid yet: current date/time ${now} must not be before its claim '${claim}'`,
    });
  }
}

/** IAM user guide, "Available keys for AWS OIDC federation", and each other claim that is text, a number or a list of texts. */
function keysOf(
  claims: Claims,
  { provider, subject, audiences }: { provider: Provider; subject: string; audiences: readonly string[] },
): VerifiedToken["keys"] {
  const name = (claim: string) => `${provider.url}:${claim}`.toLowerCase();
  const keys = new Map<string, readonly string[]>();
  for (const [claim, value] of Object.entries(claims).slice(0, limits.identityTokenClaims)) {
    const values = textsOf(value);
    if (values) keys.set(name(claim), values);
  }
  // Last, so that no claim such as `SUB` stands in for those.
  keys.set(name("sub"), [subject.slice(0, longestValue)]);
  keys.set(name("aud"), audiences);
  keys.set(name("oaud"), textsOf(claims.aud) ?? []);
  for (const claim of ["amr", "azp"]) {
    const values = textsOf(claims[claim]);
    if (values) keys.set(name(claim), values);
    else keys.delete(name(claim));
  }
  keys.set("aws:federatedprovider", [provider.arn]);
  return keys;
}

type Provider = { arn: string; url: string };

/** Longer values are cut, as those of every condition key are. */
const longestValue = 2_048;

function textsOf(value: unknown): readonly string[] | undefined {
  const list = Array.isArray(value) ? value.slice(0, limits.resourceTags) : [value];
  const texts = list.flatMap((item) => {
    if (typeof item === "string") return [item.slice(0, longestValue)];
    return typeof item === "number" || typeof item === "boolean" ? [String(item)] : [];
  });
  return texts.length === 0 ? undefined : texts;
}

/** IAM user guide, "Passing session tags using AssumeRoleWithWebIdentity". */
const tagsClaim = "https://aws.amazon.com/tags";
const sourceIdentityClaim = "https://aws.amazon.com/source_identity";

const tagKey = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;
const tagValue = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;

function tagsIn(claims: Claims): PassedTags {
  const claim = claims[tagsClaim];
  if (claim === undefined) return { tags: [], transitiveTagKeys: [] };
  const { principal_tags = {}, transitive_tag_keys = [] } = asObject(claim, tagsClaim);
  const tags = Object.entries(asObject(principal_tags, tagsClaim)).map(([key, value]) => {
    const [text, ...more] = Array.isArray(value) ? value : [value];
    const isTag = tagKey.test(key) && typeof text === "string" && tagValue.test(text) && more.length === 0;
    if (!isTag) throw invalid(`The token's claim '${tagsClaim}' has a tag '${echo(key)}' that is none`);
    return { key, value: text };
  });
  if (!Array.isArray(transitive_tag_keys) || !transitive_tag_keys.every((key) => typeof key === "string")) {
    throw invalid(`The token's claim '${tagsClaim}' has transitive_tag_keys that are no list of texts`);
  }
  return { tags, transitiveTagKeys: transitive_tag_keys };
}

function sourceIdentityIn(claims: Claims): string | undefined {
  const claim = claims[sourceIdentityClaim];
  if (claim === undefined) return undefined;
  if (typeof claim === "string" && /^[\w+=,.@-]{2,64}$/.test(claim)) return claim;
  throw invalid(`The token's claim '${sourceIdentityClaim}' is no source identity`);
}

function asObject(value: unknown, claim: string): Claims {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Claims;
  throw invalid(`The token's claim '${claim}' is not an object as it must be`);
}

function missing(claim: string): Error {
  return invalid(`Missing a required claim: ${claim}`);
}

function invalid(reason: string): Error {
  return fault("InvalidIdentityToken", { reason });
}
