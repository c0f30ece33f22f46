/** Opaque page tokens that hold the last key of a page (keyset pagination, never offsets). */
import { fault } from "./faults.ts";

/** A token after which the next page begins. `key` is the last row's key. */
function pageToken(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** The key in a token of `length` parts. Throws InvalidParameter for anything {@link pageToken} did not make. */
export function parsePageToken(token: string, length: number): readonly string[] {
  try {
    const key: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (Array.isArray(key) && key.length === length && key.every((part) => typeof part === "string"))
      return key;
  } catch {
    // Falls through: a token that cannot be read and one with other content are the same mistake.
  }
  throw fault("InvalidParameter", { at: "nextToken", reason: "Invalid token" });
}

/** Cuts rows that were read with a limit of `size + 1` to a page and the token of the next one, if there is one. */
export function cutPage<Row>(
  rows: readonly Row[],
  size: number,
  key: (row: Row) => readonly string[],
): { rows: readonly Row[]; nextToken?: string } {
  const last = rows[size - 1];
  return rows.length > size && last !== undefined
    ? { rows: rows.slice(0, size), nextToken: pageToken(key(last)) }
    : { rows };
}
