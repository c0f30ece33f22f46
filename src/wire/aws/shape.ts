/**
 * JSON to the input of an operation, and its output to JSON, by the shapes of a {@link Contract}.
 *
 * An input is read in two passes, as AWS does it: the types of all members first, where the first wrong one ends the
 * request (AWS's SerializationException), then the constraints, whose failures are collected into one answer.
 * The sentences are those that AWS's services print; the types' have the member's path added, which AWS leaves out.
 */
import { type Fault, fault } from "../../lib/faults.ts";
import { echo } from "../../lib/text.ts";
import { type Contract, type Shape, shapeOf } from "./contract/contract.ts";
import { failuresOf, itemPath, memberPath } from "./validate.ts";

/**
 * The input of shape `shapeName` that `value`, as parsed from JSON, is: members that the shape has and nothing else,
 * blobs as bytes, timestamps as dates, null and absent both absent. No value at all is an empty structure.
 *
 * Throws the faults MalformedInput (a wrong type), ConstraintsFailed (all broken constraints), and InvalidParameter
 * (the first of those that ECR words itself).
 */
export function decode(contract: Contract, shapeName: string, value: unknown): unknown {
  const input = read(contract, shapeName, value ?? {}, "");
  const { framework, service } = failuresOf(contract, shapeName, input);
  if (framework.length > 0) throw fault("ConstraintsFailed", { failures: framework });
  if (service[0] !== undefined) throw fault("InvalidParameter", service[0]);
  return input;
}

/**
 * The JSON of `value`, an output of shape `shapeName`: members that the shape has, dates as epoch seconds, bytes as
 * Base64, absent members left out. Throws a plain error, which is a defect of ours, where the value is not of the shape.
 */
export function encode(contract: Contract, shapeName: string, value: unknown): unknown {
  const shape = shapeOf(contract, shapeName);
  switch (shape.type) {
    case "structure": {
      if (!isObject(value)) throw notOfShape(shapeName, value);
      return mapMembers(shape.members, value, (memberShape, member) => encode(contract, memberShape, member));
    }
    case "list":
      if (!Array.isArray(value)) throw notOfShape(shapeName, value);
      return value.map((item) => encode(contract, shape.member, item));
    case "map": {
      if (!isObject(value)) throw notOfShape(shapeName, value);
      const entries = Object.entries(value).filter(([, entry]) => isPresent(entry));
      return Object.fromEntries(entries.map(([key, entry]) => [key, encode(contract, shape.value, entry)]));
    }
    case "timestamp":
      if (!(value instanceof Date) || Number.isNaN(value.getTime())) throw notOfShape(shapeName, value);
      return value.getTime() / 1000;
    case "blob":
      if (!(value instanceof Uint8Array)) throw notOfShape(shapeName, value);
      return value.toBase64();
    default:
      if (typeof value !== jsonTypes[shape.type]) throw notOfShape(shapeName, value);
      return value;
  }
}

const jsonTypes = {
  string: "string",
  boolean: "boolean",
  integer: "number",
  long: "number",
  double: "number",
} as const;

function notOfShape(shapeName: string, value: unknown): Error {
  return new TypeError(`A value of type ${typeof value} is not of the shape ${shapeName}`);
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object of those `members` that `value` has of its own, each turned by `turn`. */
function mapMembers(
  members: Readonly<Record<string, string>>,
  value: Readonly<Record<string, unknown>>,
  turn: (memberShape: string, member: unknown, name: string) => unknown,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, memberShape] of Object.entries(members)) {
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    if (isPresent(member)) result[name] = turn(memberShape, member, name);
  }
  return result;
}

/** The first pass: types. `at` is the path of `value`, empty for the input itself. */
function read(contract: Contract, shapeName: string, value: unknown, at: string): unknown {
  const shape = shapeOf(contract, shapeName);
  switch (shape.type) {
    case "structure":
      if (!isObject(value)) throw mismatch(shape, value, at);
      return mapMembers(shape.members, value, (memberShape, member, name) =>
        read(contract, memberShape, member, memberPath(at, name)),
      );
    case "list":
      if (!Array.isArray(value)) throw mismatch(shape, value, at);
      return itemsWorthReading(value, shape.max).map((item, index) =>
        read(contract, shape.member, item, itemPath(at, index)),
      );
    case "map": {
      if (!isObject(value)) throw mismatch(shape, value, at);
      const entries = Object.entries(value).filter(([, entry]) => isPresent(entry));
      // Unlike an assignment, `fromEntries` makes an own property of the key "__proto__", too.
      return Object.fromEntries(
        entries.map(([key, entry]) => [key, read(contract, shape.value, entry, memberPath(at, echo(key)))]),
      );
    }
    case "string":
    case "boolean":
      if (typeof value !== shape.type) throw mismatch(shape, value, at);
      return value;
    case "blob":
      if (typeof value !== "string") throw mismatch(shape, value, at);
      return readBase64(value) ?? fail(mismatch(shape, value, at, ": it is not Base64 with its padding"));
    case "timestamp": {
      const time = new Date(typeof value === "number" ? Math.round(value * 1000) : Number.NaN);
      return Number.isNaN(time.getTime()) ? fail(mismatch(shape, value, at)) : time;
    }
    default:
      if (typeof value !== "number" || !fits(shape.type, value)) throw mismatch(shape, value, at);
      // JSON has a negative zero, which no number of ours should be.
      return value + 0;
  }
}

/**
 * The items of a list without nulls, which AWS's deserializer drops. One more than `max` is enough for the list to be
 * refused as too long, so a megabyte of `{}` costs no more than that.
 */
function itemsWorthReading(items: readonly unknown[], max = Number.MAX_SAFE_INTEGER): readonly unknown[] {
  return items.filter(isPresent).slice(0, max + 1);
}

function fail(error: Error): never {
  throw error;
}

/** A long beyond 2^53 has lost digits when JSON was parsed, so it is refused rather than taken for another number. */
function fits(type: "integer" | "long" | "double", value: number): boolean {
  if (type === "double") return Number.isFinite(value);
  return type === "integer" ? value === (value | 0) : Number.isSafeInteger(value);
}

function readBase64(value: string): Uint8Array | undefined {
  // RFC 4648 has no white space in Base64, and `fromBase64` skips it.
  if (/\s/.test(value)) return undefined;
  try {
    return Uint8Array.fromBase64(value, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

const typeWords: Readonly<Record<Shape["type"], string>> = {
  structure: "structure",
  list: "list",
  map: "map",
  string: "a String",
  boolean: "a Boolean",
  integer: "an Integer",
  long: "a Long",
  double: "a Double",
  blob: "a Blob",
  timestamp: "milliseconds since epoch",
};

/** The JSON token of a scalar, in the words of AWS's parser: STRING_VALUE, TRUE_VALUE. */
function tokenOf(value: unknown): string {
  return `${typeof value === "boolean" ? value : typeof value}_VALUE`.toUpperCase();
}

function mismatch(shape: Shape, value: unknown, at: string, detail = ""): Fault {
  const where = at === "" ? "" : ` at '${at}'`;
  return fault("MalformedInput", { reason: `${mismatchSentence(shape, value)}${where}${detail}` });
}

function mismatchSentence(shape: Shape, value: unknown): string {
  if (Array.isArray(value)) return "Start of list found where not expected";
  if (isObject(value)) return "Start of structure or map found where not expected";
  const words = typeWords[shape.type];
  const isCollection = shape.type === "structure" || shape.type === "list" || shape.type === "map";
  return isCollection ? `Expected ${words} or null` : `${tokenOf(value)} can not be converted to ${words}`;
}
