/** The one place that makes random ids and keys, so that tests can be exact. */
import { randomBytes, randomUUID } from "node:crypto";

export type Ids = {
  /** A version 4 UUID: request ids, upload ids. */
  uuid(): string;
  /** A version 7 UUID, which begins with the time (milliseconds): request ids, ids of audit records. */
  timeUuid(at: number): string;
  /** `n` random bytes of cryptographic quality. */
  bytes(n: number): Uint8Array;
};

export const randomIds: Ids = {
  uuid: () => randomUUID(),
  timeUuid: (at) => Bun.randomUUIDv7("hex", at),
  bytes: (n) => randomBytes(n),
};

/** The time in a version 7 UUID, in milliseconds since the epoch; undefined when `id` is none. */
export function timeOfUuid(id: string): number | undefined {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.exec(id);
  return match ? Number.parseInt(`${match[1]}${match[2]}`, 16) : undefined;
}
