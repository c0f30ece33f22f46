/**
 * The keys of an identity provider, by OpenID Connect Discovery 1.0: the issuer's configuration names the address of its
 * key set. Only providers that somebody registered are asked, and what they answer is bounded in time and size.
 */
import { type CompactVerifyGetKey, createLocalJWKSet, errors, type JSONWebKeySet } from "jose";
import { LRUCache } from "lru-cache";
import { Fault, fault } from "../../lib/faults.ts";
import { parseJson } from "../../lib/json.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";

/** Finds the key that a token's header means. Throws jose's errors for none or several. */
export type KeySet = CompactVerifyGetKey;

type Kept = { askedAt: number; keys: Promise<KeySet>; hasFailed: boolean };

const kept = new LRUCache<string, Kept>({ max: limits.keySetsInMemory });

/** Values of a provider's documents: a configuration has some fifty, and a key a dozen. */
const documentValues = 10_000;

/**
 * Whether tokens of this issuer can be verified at all: `https`, or `http` on this machine's own loopback address, without
 * credentials, query and fragment (OpenID Connect Discovery 1.0, "Issuer Identifier").
 */
export function isIssuer(issuer: string): boolean {
  return isFetchable(issuer) && !/[?#@\s]/.test(issuer);
}

/**
 * The keys of `issuer`, from memory where they are fresh. `now` in milliseconds since the epoch. Throws
 * IdpCommunicationError. With `isUnknownKey`, asks again unless that was done a moment ago: providers change their keys.
 */
export function keySetOf(
  issuer: string,
  { now, isUnknownKey }: { now: number; isUnknownKey: boolean },
): Promise<KeySet> {
  const known = kept.get(issuer);
  if (known && now - known.askedAt < 1000 * secondsToKeep(known, isUnknownKey)) return known.keys;
  const entry: Kept = { askedAt: now, keys: fetchKeys(issuer), hasFailed: false };
  kept.set(issuer, entry);
  // Whoever waits for the keys hears of the failure; here it is noted only.
  entry.keys.catch(() => {
    entry.hasFailed = true;
  });
  return entry.keys;
}

/** Strangers send tokens, so neither a provider that is down nor an unknown key lets them make us ask without end. */
function secondsToKeep({ hasFailed }: Kept, isUnknownKey: boolean): number {
  if (hasFailed) return limits.keySetFailureSeconds;
  return isUnknownKey ? limits.keySetPauseSeconds : limits.keySetSeconds;
}

async function fetchKeys(issuer: string): Promise<KeySet> {
  const signal = AbortSignal.timeout(limits.providerDocumentSeconds * 1000);
  const configuration = await fetchDocument(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, {
    issuer,
    signal,
  });
  if (configuration.issuer !== issuer) {
    throw failed(issuer, "its configuration has another issuer");
  }
  const address = configuration.jwks_uri;
  if (typeof address !== "string" || !isFetchable(address)) {
    throw failed(issuer, "its configuration has no jwks_uri that begins with https://");
  }
  const document = await fetchDocument(address, { issuer, signal });
  const { keys } = document;
  if (Array.isArray(keys) && keys.length > limits.providerKeys) {
    throw failed(issuer, `its key set has more than ${limits.providerKeys} keys`);
  }
  try {
    return createLocalJWKSet(document as unknown as JSONWebKeySet);
  } catch (error) {
    if (error instanceof errors.JWKSInvalid) throw failed(issuer, "its key set is malformed");
    throw error;
  }
}

type Document = Readonly<Record<string, unknown>>;

async function fetchDocument(
  url: string,
  { issuer, signal }: { issuer: string; signal: AbortSignal },
): Promise<Document> {
  const where = `GET ${echo(url)}`;
  let bytes: Uint8Array | undefined;
  try {
    // What is compressed could be much larger than it seems, and these documents are small.
    const response = await fetch(url, {
      redirect: "manual",
      signal,
      decompress: false,
      headers: { accept: "application/json", "accept-encoding": "identity" },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw failed(issuer, `${where} answered ${response.status}`);
    }
    bytes = await bytesOf(response);
  } catch (error) {
    if (error instanceof Fault) throw error;
    // All else that fetch throws is the network or the provider.
    const isLate = error instanceof Error && error.name === "TimeoutError";
    throw failed(
      issuer,
      isLate ? `${where} took longer than ${limits.providerDocumentSeconds} seconds` : `${where} failed`,
    );
  }
  if (!bytes) throw failed(issuer, `${where} answered more than ${limits.providerDocumentBytes} bytes`);
  const document = readObject(bytes);
  if (!document) throw failed(issuer, `${where} answered no JSON object`);
  return document;
}

/** Undefined when there are more than a document may have. */
async function bytesOf({ body }: Response): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > limits.providerDocumentBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function readObject(bytes: Uint8Array): Document | undefined {
  try {
    const value = parseJson(bytes, documentValues);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Document)
      : undefined;
  } catch {
    // No JSON, no UTF-8 or too much of it: all the same to who asks.
    return undefined;
  }
}

function isFetchable(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname));
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function failed(issuer: string, reason: string): Fault {
  return fault("IdpCommunicationError", { issuer: echo(issuer), reason });
}
