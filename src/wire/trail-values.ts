/** Inputs and outputs as the audit keeps them: in CloudTrail's spelling, bounded, and without anything secret. */
import { limits } from "../lib/limits.ts";

const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";

/** Members whose values are never written, in lower case. */
const secretMembers = new Set([
  "secretaccesskey",
  "password",
  "newpassword",
  "oldpassword",
  "sessiontoken",
  "authorizationtoken",
  "webidentitytoken",
  "samlassertion",
  "tokencode",
  "layerpartblob",
  "encodedmessage",
  "decodedmessage",
  "downloadurl",
]);

class TooLarge extends Error {}

/**
 * `value` without secrets and in plain JSON: members begin with a small letter, times are written as CloudTrail writes
 * them. What is too large as a whole is left out, as CloudTrail does ("CloudTrail record contents", `omitted`).
 */
export function recordable(value: unknown): unknown {
  const room = { characters: limits.recordPartCharacters };
  try {
    return shown(value, "", room);
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    return { omitted: true, reason: `It has more than ${limits.recordPartCharacters} characters` };
  }
}

function shown(value: unknown, name: string, room: { characters: number }): unknown {
  if (value === undefined || value === null) return undefined;
  if (secretMembers.has(name.toLowerCase())) return hidden;
  if (typeof value === "string") return shownText(value, room);
  if (value instanceof Date) return shownTime(value);
  if (value instanceof Uint8Array) return `(${value.length} bytes)`;
  take(room, 8);
  if (Array.isArray(value)) return value.map((item) => shown(item, "", room));
  if (typeof value !== "object") return value;
  const entries = Object.entries(value).flatMap(([key, member]) => {
    const text = shown(member, key, room);
    take(room, key.length);
    return text === undefined ? [] : [[`${key.charAt(0).toLowerCase()}${key.slice(1)}`, text] as const];
  });
  return Object.fromEntries(entries);
}

function shownText(text: string, room: { characters: number }): string {
  if (text.length > limits.recordPartCharacters) return `(${text.length} characters)`;
  take(room, text.length);
  return text;
}

function take(room: { characters: number }, characters: number): void {
  room.characters -= characters;
  if (room.characters < 0) throw new TooLarge();
}

const format = new Intl.DateTimeFormat("en-US", {
  timeZone: "UTC",
  month: "short",
  day: "numeric",
  year: "numeric",
  hour: "numeric",
  minute: "2-digit",
  second: "2-digit",
});

/** `Jul 11, 2018, 10:17:44 PM`, which CloudTrail writes without the second comma. */
function shownTime(time: Date): string {
  return format
    .format(time)
    .replace(/(\d{4}),/, "$1")
    .replace("\u202f", " ");
}
