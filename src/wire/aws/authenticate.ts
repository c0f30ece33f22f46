/** Who signed a request on the AWS door. */
import type { Principal } from "../../access/caller.ts";
import {
  type Credentials,
  findCredentials,
  isSameHash,
  secretOf,
} from "../../access/credentials/credentials.ts";
import { readSignature, type SignedRequest, verifySignature } from "../../access/credentials/sigv4.ts";
import { fault } from "../../lib/faults.ts";
import type { Services } from "../../registry/context.ts";
import type { Spool, Spooled } from "../../store/spool.ts";
import { bodyOf } from "../body.ts";
import type { Incoming } from "../call.ts";

export type Authenticated = {
  caller: Principal;
  /** Of the signature's scope. */
  region: string;
  service: string;
  /** To be closed by who asked. */
  body: Spooled;
};

/**
 * Takes the body and verifies the signature over it. The key is looked up before the body is taken, and a large body
 * waits in a file, so strangers make nobody hold megabytes. Throws the faults of `access/credentials/sigv4.ts`, UnrecognizedClient
 * and RequestTooLarge.
 */
export async function authenticate(
  { db, secrets, clock, keyUses }: Services,
  spool: Spool,
  incoming: Incoming,
  expected: { services: readonly string[]; bodyLimitBytes: number },
): Promise<Authenticated> {
  const { request, method, path, query } = incoming;
  const unhashed: SignedRequest = { method, path, query, headers: request.headers, bodySha256: "" };
  const signature = readSignature(unhashed);
  const { services, bodyLimitBytes } = expected;
  if (!services.includes(signature.service)) {
    const names = services.map((name) => `'${name}'`).join(" or ");
    throw fault("InvalidSignature", { reason: `Credential should be scoped to correct service: ${names}.` });
  }
  if (!isRegion(signature.region)) {
    throw fault("InvalidSignature", {
      reason: `Credential should be scoped to a valid region, not '${signature.region}'.`,
    });
  }
  const credentials = await findCredentials(db.read, signature.accessKeyId);
  if (
    !credentials ||
    credentials.refusal !== undefined ||
    !hasItsToken(credentials, signature.sessionToken)
  ) {
    throw fault("UnrecognizedClient");
  }
  const { principal } = credentials;
  if (principal.session !== undefined && principal.session.expiresAt <= clock.now())
    throw fault("ExpiredToken");
  if (Number(request.headers.get("content-length") ?? 0) > bodyLimitBytes) {
    throw fault("RequestTooLarge", { limitBytes: bodyLimitBytes });
  }
  const body = await spool.receive(bodyOf(request), bodyLimitBytes);
  try {
    const signed = { ...unhashed, bodySha256: body.sha256 };
    verifySignature(signature, signed, secretOf(secrets, credentials), clock.now());
  } catch (error) {
    await body.close();
    throw error;
  }
  const { region, service } = signature;
  keyUses.note(principal, { at: clock.now(), service, region });
  return { caller: principal, region, service, body };
}

/** Temporary credentials come with the token of their session, others with none. */
function hasItsToken({ sessionTokenHash }: Credentials, sessionToken: string | undefined): boolean {
  if (sessionTokenHash === undefined || sessionToken === undefined) return sessionTokenHash === sessionToken;
  return isSameHash(sessionTokenHash, sessionToken);
}

/** ECR API, Region. Any text of this form is a region here; each has registries of its own. */
function isRegion(text: string): boolean {
  return /^[0-9a-z-]{2,25}$/.test(text);
}
