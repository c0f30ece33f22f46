/**
 * The constraints of a contract held against an input whose types are right: all failures, in AWS's sentences, each
 * with the path of its member and its value. The type assertions here rest on the first pass (`shape.ts`), which makes
 * nothing but values of the types of their shapes.
 */
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import { brokenConstraints, type Constraint, constraintsOf, serviceWording } from "./constraints.ts";
import {
  type Contract,
  type ListShape,
  type MapShape,
  type Shape,
  type StructureShape,
  shapeOf,
} from "./contract/contract.ts";

/** Failures after which no more are looked for, so that an answer is bounded. DynamoDB stops at 10, too. */
const failuresPerRequest = 10;

type Failures = {
  /** Whole sentences of the framework, at most 10. */
  framework: string[];
  /** Failures that ECR words itself, with what the fault InvalidParameter needs, at most 10. */
  service: { at: string; reason: string }[];
};

type Run = { contract: Contract; failures: Failures };

/** A value on the way: the name of its shape, and its path, which is empty for the input itself. */
type Place = { shapeName: string; value: unknown; at: string };

/** Holds `input`, of shape `shapeName` and with the types of that shape, to all constraints. */
export function failuresOf(contract: Contract, shapeName: string, input: unknown): Failures {
  const failures: Failures = { framework: [], service: [] };
  check({ contract, failures }, { shapeName, value: input, at: "" });
  return failures;
}

/** AWS prints members with a small first letter, also the `Key` and `Value` of ECR's tags. */
export function memberPath(at: string, name: string): string {
  const member = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
  return at === "" ? member : `${at}.${member}`;
}

/** AWS counts from one: `imageIds.1.member`. */
export function itemPath(at: string, index: number): string {
  return `${at}.${index + 1}.member`;
}

function check(run: Run, place: Place): void {
  const shape = shapeOf(run.contract, place.shapeName);
  const wording = serviceWording(place.shapeName, shape);
  for (const { kind, sentence } of brokenConstraints(shape, place.value)) {
    if (kind === "pattern" && wording !== undefined) reportService(run, place.at, wording);
    else report(run, place, sentence);
  }
  if (shape.type === "structure") checkMembers(run, shape, place);
  if (shape.type === "list") checkItems(run, shape, place);
  if (shape.type === "map") checkEntries(run, shape, place);
}

function checkMembers(run: Run, shape: StructureShape, { value, at }: Place): void {
  const members = value as Readonly<Record<string, unknown>>;
  for (const [name, shapeName] of Object.entries(shape.members)) {
    const place = { shapeName, value: members[name], at: memberPath(at, name) };
    if (place.value !== undefined) check(run, place);
    else if (shape.required?.includes(name)) report(run, place, "Member must not be null");
  }
}

function checkItems(run: Run, shape: ListShape, place: Place): void {
  const items = place.value as readonly unknown[];
  if (isScalar(run.contract, shape.member)) {
    checkTogether(run, { shapeName: shape.member, values: items, of: "Member" }, place);
    return;
  }
  for (const [index, value] of items.entries()) {
    if (isFull(run)) return;
    check(run, { shapeName: shape.member, value, at: itemPath(place.at, index) });
  }
}

function checkEntries(run: Run, shape: MapShape, place: Place): void {
  const entries = place.value as Readonly<Record<string, unknown>>;
  checkTogether(run, { shapeName: shape.key, values: Object.keys(entries), of: "Map keys" }, place);
  if (isScalar(run.contract, shape.value)) {
    checkTogether(run, { shapeName: shape.value, values: Object.values(entries), of: "Map value" }, place);
    return;
  }
  for (const [key, value] of Object.entries(entries)) {
    if (isFull(run)) return;
    check(run, { shapeName: shape.value, value, at: `${memberPath(place.at, echo(key))}.member` });
  }
}

/** Scalars in a collection fail together, at the collection, with all constraints that each of them should keep. */
function checkTogether(
  run: Run,
  { shapeName, values, of }: { shapeName: string; values: readonly unknown[]; of: string },
  place: Place,
): void {
  const shape = shapeOf(run.contract, shapeName);
  const wording = serviceWording(shapeName, shape);
  const isServices = ({ kind }: Constraint) => kind === "pattern" && wording !== undefined;
  const broken = new Set(values.flatMap((value) => brokenConstraints(shape, value)));
  if ([...broken].some((constraint) => !isServices(constraint))) {
    const framework = constraintsOf(shape).filter((constraint) => !isServices(constraint));
    report(
      run,
      place,
      `${of} must satisfy constraint: [${framework.map(({ sentence }) => sentence).join(", ")}]`,
    );
  }
  if (wording !== undefined && [...broken].some(isServices)) reportService(run, place.at, wording);
}

function isScalar(contract: Contract, shapeName: string): boolean {
  const { type } = shapeOf(contract, shapeName);
  return type !== "structure" && type !== "list" && type !== "map";
}

function isFull({ failures }: Run): boolean {
  return failures.framework.length >= failuresPerRequest;
}

function report(run: Run, place: Place, sentence: string): void {
  if (isFull(run)) return;
  run.failures.framework.push(
    `Value${echoed(run.contract, place)} at '${place.at}' failed to satisfy constraint: ${sentence}`,
  );
}

/** AWS leaves out a value that is sensitive: `Value at 'password' failed to satisfy constraint`. */
function echoed(contract: Contract, place: Place): string {
  if (place.value === undefined) return " null";
  if (isSensitive(shapeOf(contract, place.shapeName))) return "";
  return ` '${echo(shown(contract, place, limits.echoedCharacters))}'`;
}

function isSensitive(shape: Shape): boolean {
  return "sensitive" in shape && shape.sensitive === true;
}

function reportService(run: Run, at: string, reason: string): void {
  if (run.failures.service.length < failuresPerRequest) run.failures.service.push({ at, reason });
}

/**
 * A value as AWS prints it: `[a, b]`, `{key=value}`, `ImageIdentifier(imageTag=a)`, and what its SDKs print in place of
 * what is sensitive. Nothing more is built once there are more than `room` characters.
 */
function shown(contract: Contract, { shapeName, value }: Omit<Place, "at">, room: number): string {
  const shape = shapeOf(contract, shapeName);
  if (isSensitive(shape)) return "***Sensitive Data Redacted***";
  switch (shape.type) {
    case "structure": {
      const members = Object.entries(value as object);
      const text = joined(members, room, ([name, member], left) => {
        const memberShape = shape.members[name] ?? "";
        return `${name}=${shown(contract, { shapeName: memberShape, value: member }, left)}`;
      });
      return `${shapeName}(${text})`;
    }
    case "list": {
      const items = value as readonly unknown[];
      return `[${joined(items, room, (item, left) => shown(contract, { shapeName: shape.member, value: item }, left))}]`;
    }
    case "map": {
      const entries = Object.entries(value as object);
      const text = joined(entries, room, ([key, entry], left) => {
        return `${key.slice(0, room)}=${shown(contract, { shapeName: shape.value, value: entry }, left)}`;
      });
      return `{${text}}`;
    }
    case "blob":
      return `${(value as Uint8Array).length} bytes`;
    case "timestamp":
      return (value as Date).toISOString();
    default:
      // One more than there is room for, so that the reader of the message sees that it was cut.
      return String(value).slice(0, limits.echoedCharacters + 1);
  }
}

function joined<T>(items: readonly T[], room: number, text: (item: T, left: number) => string): string {
  let line = "";
  for (const [index, item] of items.entries()) {
    if (line.length > room) break;
    line += `${index === 0 ? "" : ", "}${text(item, room - line.length)}`;
  }
  return line;
}
