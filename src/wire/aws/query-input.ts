/**
 * Form fields to the input of an operation, in the Query protocol (Smithy 2.0, "AWS Query protocol"). A field's name is
 * the way to its value: `Tags.member.1.Key`, `Counts.entry.1.value`. The fields become the JSON that the same input has
 * in AWS's other protocol, and from there on all inputs are read alike (`shape.ts`).
 */
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import {
  type Contract,
  type QueryService,
  type Shape,
  type StructureShape,
  shapeOf,
} from "./contract/contract.ts";
import { decode } from "./shape.ts";

/** Names with more parts than this lead to no member of any input, and are not divided any further. */
const partsPerName = 32;

/** What the fields say about one place: its own text, or its members, items or entries. */
type Branch = { text?: string; parts?: Map<string, Branch> };

/**
 * The input of `operation` that `fields` are. Fields that are none of its members, such as `Action`, are ignored; of two
 * with the same name the first is taken. Items stand in the order of their numbers, which may have gaps.
 *
 * Throws the faults MalformedInput (a wrong type, or an item without a number) and ConstraintsFailed, as `decode` does.
 */
export function decodeQuery<OperationName extends string>(
  contract: Contract<OperationName, QueryService>,
  operation: OperationName,
  fields: URLSearchParams,
): unknown {
  if (fields.size > limits.requestValues) {
    throw fault("MalformedInput", { reason: `A request can have at most ${limits.requestValues} fields` });
  }
  const { input } = contract.operations[operation];
  const root: Branch = {};
  for (const [name, text] of fields) {
    const way = wayOf(contract, input, name);
    if (way !== undefined) put(root, way, text);
  }
  return decode(contract, input, jsonOf(contract, input, root));
}

/** The members, numbers and `key` or `value` that lead to the field `name`, or undefined where the shape has none such. */
function wayOf(contract: Contract, shapeName: string, name: string): readonly string[] | undefined {
  const parts = name.split(".", partsPerName + 1);
  if (parts.length > partsPerName) return undefined;
  const way: string[] = [];
  let shape = shapeOf(contract, shapeName);
  while (parts.length > 0) {
    const step = stepInto(shape, parts, name);
    if (step === undefined) return undefined;
    way.push(...step.way);
    shape = shapeOf(contract, step.shapeName);
  }
  return way;
}

type Step = { way: readonly string[]; shapeName: string };

/** One step from a value of `shape` to one within it, by the first of `parts`, which it takes away. */
function stepInto(shape: Shape, parts: string[], name: string): Step | undefined {
  switch (shape.type) {
    case "structure": {
      const member = memberNamed(shape, parts.shift() ?? "");
      return member && { way: [member[0]], shapeName: member[1] };
    }
    case "list": {
      if (!shape.flattened && parts.shift() !== (shape.memberName ?? "member")) return undefined;
      const number = takeNumber(parts, name);
      return number === undefined ? undefined : { way: [number], shapeName: shape.member };
    }
    case "map": {
      if (!shape.flattened && parts.shift() !== "entry") return undefined;
      const number = takeNumber(parts, name);
      const side = parts.shift();
      if (number === undefined) return undefined;
      if (side === (shape.keyName ?? "key")) return { way: [number, "key"], shapeName: shape.key };
      if (side === (shape.valueName ?? "value")) return { way: [number, "value"], shapeName: shape.value };
      return undefined;
    }
    default:
      return undefined;
  }
}

/** The member that is called `part` on the wire, with its shape's name. */
function memberNamed({ members, names = {} }: StructureShape, part: string): [string, string] | undefined {
  const renamed = Object.keys(names).find((name) => names[name] === part);
  const name = renamed ?? (Object.hasOwn(names, part) ? undefined : part);
  if (name === undefined || !Object.hasOwn(members, name)) return undefined;
  return [name, members[name] ?? ""];
}

/** A number that is left out would silently leave out the caller's item, so one that is wrong is refused. */
function takeNumber(parts: string[], name: string): string | undefined {
  const number = parts.shift();
  if (number === undefined || /^[1-9][0-9]{0,8}$/.test(number)) return number;
  throw fault("MalformedInput", {
    reason: `The field '${echo(name)}' has no number where a list or a map has one: 1 or more, without leading zeros`,
  });
}

function put(root: Branch, way: readonly string[], text: string): void {
  let branch = root;
  for (const part of way) {
    branch.parts ??= new Map();
    let next = branch.parts.get(part);
    if (next === undefined) {
      next = {};
      branch.parts.set(part, next);
    }
    branch = next;
  }
  branch.text ??= text;
}

/** The JSON of a branch. What has the wrong type stays text, for `decode` to refuse. */
function jsonOf(contract: Contract, shapeName: string, branch: Branch): unknown {
  const shape = shapeOf(contract, shapeName);
  const { parts } = branch;
  if (parts === undefined) return jsonOfText(shape, branch.text ?? "");
  switch (shape.type) {
    case "structure":
      return Object.fromEntries(
        [...parts].map(([name, part]) => [name, jsonOf(contract, shape.members[name] ?? "", part)]),
      );
    case "list":
      return inOrder(parts).map((item) => jsonOf(contract, shape.member, item));
    case "map":
      return Object.fromEntries(
        inOrder(parts).flatMap(({ parts: sides }) => {
          const key = sides?.get("key")?.text;
          const value = sides?.get("value");
          return key === undefined || value === undefined
            ? []
            : [[key, jsonOf(contract, shape.value, value)]];
        }),
      );
    default:
      throw new Error(`The shape ${shapeName} is a scalar, and a field was put inside of it`);
  }
}

function inOrder(parts: ReadonlyMap<string, Branch>): readonly Branch[] {
  return [...parts].sort(([a], [b]) => Number(a) - Number(b)).map(([, branch]) => branch);
}

const wholeNumberForm = /^-?[0-9]{1,19}$/;
const numberForm = /^-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,3})?$/;
/** Smithy 2.0, "timestampFormat trait": `date-time`. */
const dateTimeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[-+]\d\d:\d\d)$/;

function jsonOfText(shape: Shape, text: string): unknown {
  switch (shape.type) {
    // A collection without items is a field without text: clients send `Tags=` for an empty list.
    case "structure":
    case "map":
      return text === "" ? {} : text;
    case "list":
      return text === "" ? [] : text;
    case "boolean":
      return text === "true" || text === "false" ? text === "true" : text;
    case "integer":
    case "long":
      return wholeNumberForm.test(text) ? Number(text) : text;
    case "double":
      return numberForm.test(text) ? Number(text) : text;
    case "timestamp":
      return dateTimeForm.test(text) ? Date.parse(text) / 1000 : text;
    default:
      return text;
  }
}
