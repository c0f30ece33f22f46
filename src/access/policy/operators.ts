/** The condition operators, one row each: whether it is negated, and how its values are compared. */
import { echo } from "../../lib/text.ts";
import { arnMatches, arnPatternOf, matches, patternOf } from "./match.ts";
import { type Context, fixedParts, resolve, type Template, templateOf, textOf } from "./templates.ts";
import {
  compareDecimals,
  isInRange,
  readAddress,
  readAddressRange,
  readBase64,
  readBoolean,
  readDate,
  readDecimal,
} from "./values.ts";

/** Whether one value of a request matches any of the policy's. */
export type Test = (value: string, context: Context) => boolean;

/** Makes the test from the policy's values, or says which of them is none of its kind. */
type Make = (wanted: readonly string[], options: { variables: boolean }) => Test | string;

type Row = { negated: boolean; make: Make };

/** Whether an order (negative, zero, positive) of a request's value and the policy's is the wanted one. */
type Order = (order: number) => boolean;

const orders: Readonly<Record<string, Order>> = {
  Equals: (order) => order === 0,
  LessThan: (order) => order < 0,
  LessThanEquals: (order) => order <= 0,
  GreaterThan: (order) => order > 0,
  GreaterThanEquals: (order) => order >= 0,
};

export const operators: ReadonlyMap<string, Row> = new Map([
  ...bothWays(
    ["StringEquals", "StringNotEquals"],
    exactly((text) => text),
  ),
  ...bothWays(
    ["StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"],
    exactly((text) => text.toLowerCase()),
  ),
  ...bothWays(["StringLike", "StringNotLike"], like),
  ...ordered("Numeric", numeric),
  ...ordered("Date", dated),
  ["Bool", { negated: false, make: boolean }] as const,
  ["BinaryEquals", { negated: false, make: binary }] as const,
  ...bothWays(["IpAddress", "NotIpAddress"], address),
  // IAM user guide, "ARN condition operators": Equals and Like behave identically.
  ...bothWays(["ArnEquals", "ArnNotEquals"], arn),
  ...bothWays(["ArnLike", "ArnNotLike"], arn),
]);

function bothWays([positive, negative]: readonly [string, string], make: Make): [string, Row][] {
  return [
    [positive, { negated: false, make }],
    [negative, { negated: true, make }],
  ];
}

function ordered(kind: string, make: (order: Order) => Make): [string, Row][] {
  const equals = make((order) => order === 0);
  return [
    ...Object.entries(orders).map(([name, order]): [string, Row] => [
      `${kind}${name}`,
      { negated: false, make: make(order) },
    ]),
    [`${kind}NotEquals`, { negated: true, make: equals }],
  ];
}

function exactly(fold: (text: string) => string): Make {
  return (wanted, { variables }) => {
    const templates = wanted.map((text) => templateOf({ text, wildcards: false, variables }));
    const { fixed, others } = divide(templates);
    const texts = fixed.map((parts) => fold(textOf(parts)));
    const [only] = texts;
    if (others.length === 0 && texts.length === 1) return (value) => fold(value) === only;
    const isAmong = amongThese(texts);
    if (others.length === 0) return (value) => isAmong(fold(value));
    return (value, context) => {
      const folded = fold(value);
      if (isAmong(folded)) return true;
      return others.some((template) => {
        const parts = resolve(template, { context, length: folded.length });
        return parts !== undefined && fold(textOf(parts)) === folded;
      });
    };
  };
}

/** A set finds one of many texts at once, and one of few later than comparing does. */
function amongThese(texts: readonly string[]): (text: string) => boolean {
  const few = 8;
  if (texts.length <= few) return (text) => texts.includes(text);
  const all = new Set(texts);
  return (text) => all.has(text);
}

function like(wanted: readonly string[], { variables }: { variables: boolean }): Test {
  const { fixed, others } = divide(wanted.map((text) => templateOf({ text, wildcards: true, variables })));
  const patterns = fixed.map(patternOf);
  return (value, context) =>
    patterns.some((pattern) => matches(pattern, value)) ||
    others.some((template) => {
      const parts = resolve(template, { context, length: value.length });
      return parts !== undefined && matches(patternOf(parts), value);
    });
}

function arn(wanted: readonly string[], { variables }: { variables: boolean }): Test {
  const { fixed, others } = divide(wanted.map((text) => templateOf({ text, wildcards: true, variables })));
  const patterns = fixed.map(arnPatternOf);
  return (value, context) =>
    patterns.some((pattern) => arnMatches(pattern, value)) ||
    others.some((template) => {
      const parts = resolve(template, { context, length: value.length });
      return parts !== undefined && arnMatches(arnPatternOf(parts), value);
    });
}

function numeric(isWanted: Order): Make {
  return (wanted) => {
    const numbers = allRead(wanted, { read: readDecimal, kind: "a number" });
    if (typeof numbers === "string") return numbers;
    return (value) => {
      const saw = sawDecimal(value);
      return saw !== undefined && numbers.some((number) => isWanted(compareDecimals(saw, number)));
    };
  };
}

function dated(isWanted: Order): Make {
  return (wanted) => {
    const kind = "a date such as 2026-01-31T12:00:00Z, or seconds since 1970";
    const dates = allRead(wanted, { read: readDate, kind });
    if (typeof dates === "string") return dates;
    return (value) => {
      const saw = sawDate(value);
      return saw !== undefined && dates.some((date) => isWanted(saw - date));
    };
  };
}

function boolean(wanted: readonly string[]): Test | string {
  const answers = allRead(wanted, { read: readBoolean, kind: "true or false" });
  if (typeof answers === "string") return answers;
  return (value) => answers.some((answer) => answer === readBoolean(value));
}

function binary(wanted: readonly string[]): Test | string {
  const bytes = allRead(wanted, { read: readBase64, kind: "bytes in base 64" });
  if (typeof bytes === "string") return bytes;
  return (value) => bytes.some((some) => some === readBase64(value));
}

function address(wanted: readonly string[]): Test | string {
  const kind = "an address such as 203.0.113.7 or a range such as 203.0.113.0/24 or 2001:db8::/32";
  const ranges = allRead(wanted, { read: readAddressRange, kind });
  if (typeof ranges === "string") return ranges;
  return (value) => {
    const saw = sawAddress(value);
    if (saw !== undefined) for (const range of ranges) if (isInRange(saw, range)) return true;
    return false;
  };
}

/** One value of a request is asked about by many statements, and reading it costs more than all the rest. */
const sawDecimal = remembering(readDecimal);
const sawDate = remembering(readDate);
const sawAddress = remembering(readAddress);

/** `read`, which is not asked twice in a row about the same text. */
function remembering<Value>(read: (text: string) => Value): (text: string) => Value {
  let last: { text: string; value: Value } | undefined;
  return (text) => {
    if (last?.text !== text) last = { text, value: read(text) };
    return last.value;
  };
}

/** All values as `read` understands them, or a sentence about the first that it does not. */
function allRead<Value>(
  wanted: readonly string[],
  { read, kind }: { read: (text: string) => Value | undefined; kind: string },
): readonly Value[] | string {
  const values: Value[] = [];
  for (const text of wanted) {
    const value = read(text);
    if (value === undefined) return `'${echo(text)}' is not ${kind}`;
    values.push(value);
  }
  return values;
}

function divide(templates: readonly Template[]) {
  const fixed = templates.flatMap((template) => {
    const parts = fixedParts(template);
    return parts === undefined ? [] : [parts];
  });
  return { fixed, others: templates.filter((template) => fixedParts(template) === undefined) };
}
