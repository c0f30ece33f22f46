/** The one place that makes random ids and keys, so that tests can be exact. */
import { randomBytes, randomUUID } from "node:crypto";

export type Ids = {
  /** A version 4 UUID: request ids, upload ids. */
  uuid(): string;
  /** `n` random bytes of cryptographic quality. */
  bytes(n: number): Uint8Array;
};

export const randomIds: Ids = { uuid: () => randomUUID(), bytes: (n) => randomBytes(n) };
