/** Text from outside, made fit to be shown. */
import { limits } from "./limits.ts";

/** `value` cut to a bounded length and with control characters escaped, for messages and logs. */
export function echo(value: string): string {
  const cut = value.length > limits.echoedCharacters ? `${value.slice(0, limits.echoedCharacters)}…` : value;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
  return cut.replace(/[\u0000-\u001f\u007f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** RFC 3986: everything but letters, digits and "-._~". Half a surrogate pair, which cannot be encoded, becomes U+FFFD. */
export function percentEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
