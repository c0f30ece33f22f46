/**
 * The conditions of a statement: IAM user guide, "Condition operators" and "Set operators for multivalued context keys".
 * A condition is one operator with one key; all of a statement's have to hold.
 */
import { echo } from "../../lib/text.ts";
import { isList, isObject, type Json } from "./json.ts";
import { operators, type Test } from "./operators.ts";
import { poolOf } from "./pool.ts";
import { nearest, type Report } from "./problems.ts";
import type { Context } from "./templates.ts";
import { readBoolean } from "./values.ts";

export type Condition = {
  /** As the policy has it, such as `ForAnyValue:StringLikeIfExists`. */
  operator: string;
  /** As the policy has it, such as `aws:SourceIp`. */
  key: string;
  wanted: readonly string[];
  lowerKey: string;
  /** Whether a value of the request matches any of the wanted. */
  test: Test;
  negated: boolean;
  set: SetOperator | undefined;
  /** What it says when the request has no value. */
  holdsWithout: boolean;
};

type SetOperator = "ForAllValues" | "ForAnyValue";
type Operator = { base: string; set: SetOperator | undefined; ifExists: boolean };

/** The conditions of a statement; what is wrong goes to `report`. `variables`: whether the version knows variables. */
export function readConditions(
  value: Json | undefined,
  { variables, report }: { variables: boolean; report: Report },
): readonly Condition[] {
  if (value === undefined) return [];
  if (!isObject(value)) {
    report(".Condition", "must be a JSON object");
    return [];
  }
  const conditions: Condition[] = [];
  for (const [name, keys] of value) {
    const path = `.Condition.${echo(name)}`;
    const operator = readOperator(name);
    if (operator === undefined) report(path, "is not a condition operator", nearest(name, allNames()));
    else if (!isObject(keys)) report(path, "must be an object of condition keys and values");
    else
      for (const [key, values] of keys) {
        const found = readCondition({ name, operator, key, values, variables });
        if ("reason" in found) report(`${path}.${echo(key)}`, found.reason);
        else conditions.push(found);
      }
  }
  return conditions;
}

/**
 * Without a set operator, a negated operator is the opposite of the positive one. With one, each value of the request
 * is asked alone. IAM user guide, "Set operators": no value, or empty ones only, is an empty set, for which ForAllValues
 * holds and ForAnyValue does not.
 */
export function holds(condition: Condition, context: Context): boolean {
  const { test, negated, set } = condition;
  const saw = seenBy(condition, context);
  if (saw === undefined) return condition.holdsWithout;
  if (set === undefined) {
    for (const value of saw) if (test(value, context)) return !negated;
    return negated;
  }
  const isForAll = set === "ForAllValues";
  if (saw.every((value) => value === "")) return isForAll;
  const fits = (value: string) => test(value, context) !== negated;
  return isForAll ? saw.every(fits) : saw.some(fits);
}

/** The values that the request has under the condition's key; undefined rather than none. */
export function seenBy({ lowerKey }: Condition, context: Context): readonly string[] | undefined {
  const saw = context.get(lowerKey);
  return saw !== undefined && saw.length > 0 ? saw : undefined;
}

/** IAM user guide: every operator but Null takes IfExists, and every operator takes a set operator. */
function readOperator(name: string): Operator | undefined {
  const match = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(name);
  if (match === null) return undefined;
  const [, set, base = "", ifExists] = match;
  if (base === "Null" ? ifExists !== undefined : !operators.has(base)) return undefined;
  return { base, set: set as SetOperator | undefined, ifExists: ifExists !== undefined };
}

function allNames(): readonly string[] {
  const bases = [...operators.keys()];
  return ["Null", ...bases, ...bases.map((base) => `${base}IfExists`)];
}

type Source = {
  name: string;
  operator: Operator;
  key: string;
  values: Json;
  variables: boolean;
};

const conditions = poolOf<Condition | { reason: string }>();
const lowerKeys = poolOf<string>();

function readCondition(source: Source): Condition | { reason: string } {
  const { name, key, values, variables } = source;
  const wanted = textsOf(values);
  if (wanted === undefined) return { reason: "must be text, a number, a boolean, or a list of these" };
  return conditions(JSON.stringify([name, key, variables, wanted]), () => makeCondition(source, wanted));
}

function makeCondition(
  { name, operator, key, variables }: Source,
  wanted: readonly string[],
): Condition | { reason: string } {
  const named = { operator: name, key, wanted, lowerKey: lowerKeys(key, () => key.toLowerCase()) };
  if (operator.base === "Null") {
    const wrong = wanted.find((text) => readBoolean(text) === undefined);
    if (wrong !== undefined) return { reason: `'${echo(wrong)}' must be true or false` };
    const answers = wanted.map(readBoolean);
    const holdsWith = answers.includes(false);
    return {
      ...named,
      test: () => holdsWith,
      negated: false,
      // With a set operator it asks the same, as a key either has values or has none.
      set: undefined,
      holdsWithout: answers.includes(true),
    };
  }
  const row = operators.get(operator.base);
  // readOperator has found it.
  if (row === undefined) return { reason: "is not a condition operator" };
  const test = row.make(wanted, { variables });
  if (typeof test === "string") return { reason: test };
  const { negated } = row;
  const { set, ifExists } = operator;
  const holdsWithout = ifExists || set === "ForAllValues" || (set === undefined && negated);
  return { ...named, test, negated, set, holdsWithout };
}

/** Text, numbers and booleans all count as text. */
function textsOf(values: Json): readonly string[] | undefined {
  const texts: string[] = [];
  for (const value of isList(values) ? values : [values]) {
    if (typeof value === "string") texts.push(value);
    else if (typeof value === "boolean") texts.push(String(value));
    else if (value !== null && "digits" in value) texts.push(value.digits);
    else return undefined;
  }
  return texts;
}
