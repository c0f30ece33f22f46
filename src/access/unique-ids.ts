/** Ids of the form that IAM's have: four letters that say what it is, and letters and digits of base32. */
import type { Ids } from "../lib/ids.ts";

/** IAM user guide, "IAM identifiers", unique ids and their prefixes. */
type Prefix = "AIDA" | "AGPA" | "AROA" | "ANPA" | "AKIA" | "ASIA";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const keyLetters = 16;
const identityLetters = 17;

/** 20 characters for keys and 21 for what else there is, as AWS's have. */
export function uniqueId(ids: Ids, prefix: Prefix): string {
  const count = prefix === "AKIA" || prefix === "ASIA" ? keyLetters : identityLetters;
  return prefix + Array.from(ids.bytes(count), (byte) => alphabet[byte % alphabet.length]).join("");
}

/** Lower-case letters and digits, as ids of Organizations have. */
export function lowerCaseId(ids: Ids, prefix: "o-" | "r-" | "p-" | "car-", count: number): string {
  return (
    prefix +
    Array.from(ids.bytes(count), (byte) => (alphabet[byte % alphabet.length] ?? "").toLowerCase()).join("")
  );
}
