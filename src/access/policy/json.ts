/**
 * The JSON of a policy, read strictly: a member that stands twice is refused, because two readers would disagree about
 * which one counts; numbers keep their digits, because a condition compares them exactly; nesting and the number of
 * values are bounded, and every refusal says line and column.
 */
import { echo } from "../../lib/text.ts";

/** A number as it was written, such as `3600` or `0.10`. */
type JsonNumber = { readonly digits: string };
export type JsonObject = ReadonlyMap<string, Json>;
export type Json = null | boolean | string | JsonNumber | readonly Json[] | JsonObject;

type Bounds = { depth: number; values: number };
type Token = { text: string; at: number };
type Reader = { text: string; tokens: readonly Token[]; next: number; values: number; bounds: Bounds };

/** White space, or one of JSON's tokens. Texts hold no control characters but those that JSON does not call so. */
const token =
  /[\t\n\r ]+|"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{},:]/uy;

/** The value of `text`, or why there is none, in words such as `line 3, column 7: a member has no value`. */
export function readJson(text: string, bounds: Bounds): { value: Json } | { reason: string } {
  try {
    const reader: Reader = { text, tokens: tokensOf(text), next: 0, values: 0, bounds };
    const value = readValue(reader, 0);
    const rest = reader.tokens[reader.next];
    if (rest) refuse(text, rest.at, "the text goes on behind the end of its value");
    return { value };
  } catch (error) {
    // Made by `refuse` below; nothing else in here throws a SyntaxError.
    if (error instanceof SyntaxError) return { reason: error.message };
    throw error;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return value instanceof Map;
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The value as JSON on one line, cut to a bounded length, for messages. */
export function shown(value: Json | undefined): string {
  if (value === undefined || value === null) return "null";
  if (typeof value === "string") return JSON.stringify(echo(value));
  if (typeof value === "boolean") return String(value);
  if (isList(value)) return "a list";
  return isObject(value) ? "an object" : echo(value.digits);
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  for (let at = 0; at < text.length; at = token.lastIndex) {
    const match = token.exec(text);
    if (match === null) return refuse(text, at, describe(text, at));
    if (match[0].trim() !== "") tokens.push({ text: match[0], at });
  }
  return tokens;
}

function describe(text: string, at: number): string {
  const found = text.charAt(at);
  return found === '"'
    ? "a text does not end, or holds a control character or an escape that JSON does not have"
    : `'${echo(found)}' is not expected here`;
}

function readValue(reader: Reader, depth: number): Json {
  const { text, at } = take(reader, "a value is missing");
  reader.values += 1;
  if (reader.values > reader.bounds.values)
    return refuse(reader.text, at, `there are more than ${reader.bounds.values} values`);
  if (depth > reader.bounds.depth)
    return refuse(reader.text, at, `values are nested deeper than ${reader.bounds.depth} levels`);
  if (text === "{") return readObject(reader, depth + 1);
  if (text === "[") return readList(reader, depth + 1);
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  if (text.startsWith('"')) return unquoted(text);
  if (/^[-\d]/.test(text)) return { digits: text };
  return refuse(reader.text, at, `'${text}' is not expected here; a value is`);
}

function readObject(reader: Reader, depth: number): JsonObject {
  const members = new Map<string, Json>();
  if (isNext(reader, "}")) return members;
  for (;;) {
    const name = take(reader, "an object does not end");
    if (!name.text.startsWith('"'))
      return refuse(
        reader.text,
        name.at,
        `'${name.text}' is not expected here; a member's name in quotes is`,
      );
    const key = unquoted(name.text);
    if (members.has(key))
      return refuse(reader.text, name.at, `the member '${echo(key)}' stands twice in one object`);
    expectNext(reader, ":", `behind the name '${echo(key)}'`);
    members.set(key, readValue(reader, depth));
    if (isNext(reader, "}")) return members;
    expectNext(reader, ",", "between two members");
  }
}

function readList(reader: Reader, depth: number): readonly Json[] {
  const items: Json[] = [];
  if (isNext(reader, "]")) return items;
  for (;;) {
    items.push(readValue(reader, depth));
    if (isNext(reader, "]")) return items;
    expectNext(reader, ",", "between two items of a list");
  }
}

/** The token is well formed, so that this does not throw and has a string. */
function unquoted(text: string): string {
  return JSON.parse(text) as string;
}

function take(reader: Reader, otherwise: string): Token {
  const found = reader.tokens[reader.next];
  if (!found) return refuse(reader.text, reader.text.length, otherwise);
  reader.next += 1;
  return found;
}

function isNext(reader: Reader, text: string): boolean {
  const found = reader.tokens[reader.next]?.text === text;
  if (found) reader.next += 1;
  return found;
}

function expectNext(reader: Reader, text: string, where: string): void {
  const found = take(reader, `'${text}' is missing ${where}`);
  if (found.text !== text) refuse(reader.text, found.at, `'${text}' is missing ${where}`);
}

function refuse(text: string, at: number, reason: string): never {
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  throw new SyntaxError(`line ${line}, column ${at - before.lastIndexOf("\n")}: ${reason}`);
}
