/**
 * The constraints that a contract puts on one value, with the sentences that AWS has for them. The framework's sentences
 * ("Member must have length …") are the same in all AWS services.
 */
import type { Shape } from "./contract/contract.ts";

export type Constraint = {
  kind: "max" | "min" | "pattern" | "enum";
  /** Such as `Member must have length greater than or equal to 2`. */
  sentence: string;
  /** Whether `value`, which has the shape's type, keeps the constraint. */
  holds: (value: unknown) => boolean;
};

/**
 * Patterns of the models that take exponential time on a value which almost matches, each with one for the same
 * language that is linear. Every other pattern of the contract is held to linear time by `constraints.test.ts`.
 */
const linearPatterns: Readonly<Record<string, string>> = {
  // In `(?:[x/]?[x]+)*` a run of x can be divided in 2^n ways, and all of them are tried when the value ends badly.
  "^[a-z0-9*](?:[._\\-/a-z0-9*]?[a-z0-9*]+)*$": "[a-z0-9*]+(?:[._\\-/][a-z0-9*]+)*",
};

/**
 * Patterns whose failure ECR itself reports, after the framework's checks, as `Invalid parameter at '…'`: the shape's
 * name and ECR's words for its pattern, as clients of ECR have printed them.
 */
const serviceWordings: Readonly<Record<string, (pattern: string) => string>> = {
  RepositoryName: (pattern) => `must satisfy regular expression '${pattern.replaceAll("\\/", "/")}'`,
  PullThroughCacheRuleRepositoryPrefix: (pattern) =>
    `Member must satisfy regular expression pattern: ${pattern}`,
};

/** ECR's own words for the pattern of the shape `name`, or undefined where the framework reports its failure. */
export function serviceWording(name: string, shape: Shape): string | undefined {
  if (shape.type !== "string" || shape.pattern === undefined || !Object.hasOwn(serviceWordings, name))
    return undefined;
  return serviceWordings[name]?.(shape.pattern);
}

/** The expression that accepts exactly the whole values that a model means by `pattern`, in linear time. */
export function wholeValuePattern(pattern: string): RegExp {
  const linear = Object.hasOwn(linearPatterns, pattern) ? linearPatterns[pattern] : pattern;
  // Without the flag, JavaScript reads the class of letters `\p{L}` as the letter p; with it, some escapes that other
  // patterns have are errors.
  return new RegExp(`^(?:${linear})$`, linear?.includes("\\p{") ? "u" : "");
}

/** Smithy 2.0, "length trait": a string is as long as its Unicode scalar values are many. */
function characters(value: string): number {
  let count = 0;
  for (const _ of value) count++;
  return count;
}

// A character is one or two code units, so a string must be counted only when its code units leave it open.
function isAtMost(value: unknown, max: number): boolean {
  if (typeof value !== "string") return sizeOf(value) <= max;
  return value.length <= max || (value.length <= 2 * max && characters(value) <= max);
}

function isAtLeast(value: unknown, min: number): boolean {
  if (typeof value !== "string") return sizeOf(value) >= min;
  return value.length >= 2 * min || (value.length >= min && characters(value) >= min);
}

/** A number's value, a blob's bytes, a list's items, a map's entries. */
function sizeOf(value: unknown): number {
  if (typeof value === "number") return value;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  return Object.keys(value as object).length;
}

function rangeOf(shape: { min?: number; max?: number }, measure: "length" | "value"): Constraint[] {
  const { min, max } = shape;
  const constraints: Constraint[] = [];
  if (max !== undefined) {
    const sentence = `Member must have ${measure} less than or equal to ${max}`;
    constraints.push({ kind: "max", sentence, holds: (value) => isAtMost(value, max) });
  }
  if (min !== undefined) {
    const sentence = `Member must have ${measure} greater than or equal to ${min}`;
    constraints.push({ kind: "min", sentence, holds: (value) => isAtLeast(value, min) });
  }
  return constraints;
}

function buildConstraints(shape: Shape): Constraint[] {
  switch (shape.type) {
    case "string": {
      const constraints = rangeOf(shape, "length");
      if (shape.pattern !== undefined) {
        const expression = wholeValuePattern(shape.pattern);
        const sentence = `Member must satisfy regular expression pattern: ${shape.pattern}`;
        constraints.push({ kind: "pattern", sentence, holds: (value) => expression.test(String(value)) });
      }
      if (shape.enum !== undefined) {
        const values: ReadonlySet<unknown> = new Set(shape.enum);
        const sentence = `Member must satisfy enum value set: [${shape.enum.join(", ")}]`;
        constraints.push({ kind: "enum", sentence, holds: (value) => values.has(value) });
      }
      return constraints;
    }
    case "integer":
    case "long":
    case "double":
      return rangeOf(shape, "value");
    case "list":
    case "map":
    case "blob":
      return rangeOf(shape, "length");
    default:
      return [];
  }
}

const built = new WeakMap<Shape, readonly Constraint[]>();

/** The constraints of `shape` on the value itself, not on what it contains, in the order in which AWS names them. */
export function constraintsOf(shape: Shape): readonly Constraint[] {
  const known = built.get(shape);
  if (known !== undefined) return known;
  const constraints = buildConstraints(shape);
  built.set(shape, constraints);
  return constraints;
}

/** Those constraints of `shape` that `value` breaks. A value that is too long is not held against a pattern. */
export function brokenConstraints(shape: Shape, value: unknown): readonly Constraint[] {
  const broken: Constraint[] = [];
  for (const constraint of constraintsOf(shape)) {
    if (constraint.holds(value)) continue;
    broken.push(constraint);
    if (constraint.kind === "max") break;
  }
  return broken;
}
