/**
 * Passwords of users: what they have to be like, and their hashes. Whoever hashes does it before a transaction begins:
 * a hash is made to be slow.
 */
import { scrypt, timingSafeEqual } from "node:crypto";
import { fault } from "../../lib/faults.ts";
import type { Ids } from "../../lib/ids.ts";
import { limits } from "../../lib/limits.ts";
import { makeTurns } from "../../lib/turns.ts";

/** IAM user guide, "Setting an account password policy", the default password policy. */
const minimumLength = 8;
const kindsNeeded = 3;
const kinds = [/[A-Z]/, /[a-z]/, /[0-9]/, /[!@#$%^&*()_+\-=[\]{}|']/];

/** Throws PasswordPolicyViolation. */
export function checkPassword(password: string): void {
  const isMixed = kinds.filter((kind) => kind.test(password)).length >= kindsNeeded;
  if (password.length >= minimumLength && isMixed) return;
  throw fault("PasswordPolicyViolation", {
    reason: `Password does not conform to the account password policy: it must have at least ${minimumLength} characters, and at least ${kindsNeeded} of upper-case letters, lower-case letters, digits and symbols.`,
  });
}

/** OWASP password storage cheat sheet: scrypt with N = 2^15, r = 8 and p = 3, which takes 32 MiB. */
const costs = { logN: 15, r: 8, p: 3 } as const;
const saltBytes = 16;
const hashBytes = 32;
/** Node refuses to take more than this; scrypt needs 128 × N × r and a little. */
const memoryBytes = 64 * 1024 * 1024;

const inTurns = makeTurns(limits.passwordHashesAtOnce);

/** `scrypt$LOG_N$R$P$SALT$HASH`, both in base64url: what is stored of a password. */
export async function hashPassword(ids: Ids, password: string): Promise<string> {
  const { logN, r, p } = costs;
  const salt = ids.bytes(saltBytes);
  const hash = await derive(password, { logN, r, p, salt });
  return ["scrypt", logN, r, p, Buffer.from(salt).toString("base64url"), hash.toString("base64url")].join(
    "$",
  );
}

/** Whether `stored` was made of `password`. */
export async function isPassword(stored: string, password: string): Promise<boolean> {
  const [, logN, r, p, salt = "", hash = ""] = stored.split("$");
  const derived = await derive(password, {
    logN: Number(logN),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, "base64url"),
  });
  return timingSafeEqual(derived, Buffer.from(hash, "base64url"));
}

type Derivation = { logN: number; r: number; p: number; salt: Uint8Array };

function derive(password: string, { logN, r, p, salt }: Derivation): Promise<Buffer> {
  return inTurns(
    () =>
      new Promise((done, fail) => {
        const options = { N: 2 ** logN, r, p, maxmem: memoryBytes };
        scrypt(password, salt, hashBytes, options, (error, key) => (error ? fail(error) : done(key)));
      }),
  );
}
