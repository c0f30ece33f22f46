/** JSON from outside. A parser turns a few bytes into many objects, so the number of values is bounded too. */

/** Below this size no text can hold enough values to matter, and counting them is saved. */
const harmlessBytes = 128 * 1024;

/**
 * The value of a JSON text in UTF-8. Throws a RangeError when it would have more than about `maxValues` values, and a
 * SyntaxError or TypeError when it is no JSON or no UTF-8. A byte order mark is no JSON.
 */
export function parseJson(bytes: Uint8Array, maxValues: number): unknown {
  if (bytes.length > harmlessBytes && countValues(bytes) > maxValues) {
    throw new RangeError(`The JSON has more than ${maxValues} values`);
  }
  return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const openBrace = 0x7b;

/** Every value but the first follows one of `,`, `[` and `{`; names of members follow them too, before their values. */
function countValues(bytes: Uint8Array): number {
  let count = 0;
  let inText = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (inText) {
      if (byte === backslash) at += 1;
      else if (byte === quote) inText = false;
    } else if (byte === quote) inText = true;
    else if (byte === comma || byte === openBracket || byte === openBrace) count += 1;
  }
  return count;
}
