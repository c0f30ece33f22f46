/**
 * Secrets at rest and signatures of ours. One key of 32 bytes, kept outside of the database, encrypts stored secrets
 * (AES-256-GCM) and signs tokens and download URLs (HMAC-SHA-256), each purpose with a key derived for it alone.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { Ids } from "../lib/ids.ts";

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

export type Secrets = {
  /** Text that only {@link Secrets.decrypt} with the same key and `purpose` reads again. */
  encrypt: (purpose: string, plain: string) => string;
  /** Throws when the text was changed, or made with another key or purpose. */
  decrypt: (purpose: string, text: string) => string;
  /** base64url without padding. */
  sign: (purpose: string, text: string) => string;
  isSigned: (purpose: string, text: string, signature: string) => boolean;
};

/** `masterKey` is 32 bytes. */
export function makeSecrets(masterKey: Uint8Array, ids: Ids): Secrets {
  const derived = new Map<string, Buffer>();
  const keyFor = (use: string) => {
    let key = derived.get(use);
    if (!key) {
      key = Buffer.from(hkdfSync("sha256", masterKey, "", `lading ${use}`, keyBytes));
      derived.set(use, key);
    }
    return key;
  };
  const sign = (purpose: string, text: string) =>
    createHmac("sha256", keyFor(`sign ${purpose}`))
      .update(text)
      .digest();

  return {
    encrypt: (purpose, plain) => {
      const nonce = ids.bytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", keyFor(`encrypt ${purpose}`), nonce);
      const body = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64url");
    },
    decrypt: (purpose, text) => {
      const sealed = Buffer.from(text, "base64url");
      const decipher = createDecipheriv(
        "aes-256-gcm",
        keyFor(`encrypt ${purpose}`),
        sealed.subarray(0, nonceBytes),
      );
      decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
      return (
        decipher.update(sealed.subarray(nonceBytes + tagBytes), undefined, "utf8") + decipher.final("utf8")
      );
    },
    sign: (purpose, text) => sign(purpose, text).toString("base64url"),
    isSigned: (purpose, text, signature) => {
      const given = Buffer.from(signature, "base64url");
      const right = sign(purpose, text);
      // The text form is compared too: base64url has spare bits, and a token altered in them is still altered.
      return (
        given.length === right.length &&
        timingSafeEqual(given, right) &&
        right.toString("base64url") === signature
      );
    },
  };
}
