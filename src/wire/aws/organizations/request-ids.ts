/**
 * Ids of requests to create an account. An id holds the request's outcome and a signature of ours, so nothing is stored
 * for it, and nobody can make one up.
 */
import type { Secrets } from "../../../store/secrets.ts";

type Failure = { reason: "EMAIL_ALREADY_EXISTS"; at: number };
type Outcome = { accountId: string } | Failure;

const purpose = "create account status";

/** Organizations API, CreateAccountRequestId: `car-` and at most 32 small letters and digits. */
const length = 32;

/** The only reason there is, `e`; the time in milliseconds in base 36. */
const form = /^car-(s(\d{12})|e([0-9a-z]{9}))[0-9a-f]+$/;

export function makeRequestId(secrets: Secrets, outcome: Outcome): string {
  const body =
    "accountId" in outcome ? `s${outcome.accountId}` : `e${outcome.at.toString(36).padStart(9, "0")}`;
  const signature = Buffer.from(secrets.sign(purpose, body), "base64url").toString("hex");
  return `car-${body}${signature}`.slice(0, "car-".length + length);
}

/** Undefined for what {@link makeRequestId} has not made. */
export function readRequestId(secrets: Secrets, id: string): Outcome | undefined {
  const match = form.exec(id);
  if (!match) return undefined;
  const [, , accountId, at = ""] = match;
  const outcome: Outcome =
    accountId === undefined ? { reason: "EMAIL_ALREADY_EXISTS", at: Number.parseInt(at, 36) } : { accountId };
  return makeRequestId(secrets, outcome) === id ? outcome : undefined;
}
