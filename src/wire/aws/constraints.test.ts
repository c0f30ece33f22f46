import { describe, expect, test } from "bun:test";
import { wholeValuePattern } from "./constraints.ts";
import {
  type Contract,
  cloudtrailContract,
  ecrContract,
  iamContract,
  organizationsContract,
  shapeOf,
  stsContract,
} from "./contract/contract.ts";

const contracts: readonly Contract[] = [
  ecrContract,
  iamContract,
  stsContract,
  organizationsContract,
  cloudtrailContract,
];

/** The shapes that `shapeName` leads to, itself included. */
function reachable(contract: Contract, shapeName: string, reached = new Set<string>()): ReadonlySet<string> {
  if (reached.has(shapeName)) return reached;
  reached.add(shapeName);
  const shape = shapeOf(contract, shapeName);
  if (shape.type === "list") reachable(contract, shape.member, reached);
  if (shape.type === "map") for (const name of [shape.key, shape.value]) reachable(contract, name, reached);
  if (shape.type === "structure")
    for (const name of Object.values(shape.members)) reachable(contract, name, reached);
  return reached;
}

/** Each pattern of an input once, with the name and the length of the longest shape that has it. No output is matched. */
const longest = new Map<string, { name: string; pattern: string; max: number }>();
const inputShapes = contracts.flatMap((contract) =>
  Object.values(contract.operations).flatMap(({ input }) =>
    [...reachable(contract, input)].map((name) => [name, shapeOf(contract, name)] as const),
  ),
);
for (const [name, shape] of inputShapes) {
  if (shape.type !== "string" || shape.pattern === undefined) continue;
  const { pattern, max = 4 * 1024 * 1024 } = shape;
  if (max > (longest.get(pattern)?.max ?? -1)) longest.set(pattern, { name, pattern, max });
}
const patterned = [...longest.values()];

/** All strings over `alphabet` of at most `length` characters. */
function* strings(alphabet: string, length: number): Generator<string> {
  yield "";
  if (length === 0) return;
  for (const rest of strings(alphabet, length - 1)) {
    if (rest.length === length - 1) for (const character of alphabet) yield rest + character;
    else yield rest;
  }
}

/** Words that almost match something: repeated, they are what makes a backtracking expression slow. */
const pumps = [
  "a",
  "0",
  "a-",
  "/a",
  "a@",
  "é",
  "a.",
  "a/",
  "a_",
  "--",
  "*",
  "a*",
  "*.",
  "__a",
  "A",
  ":",
  "-a",
  "=",
  " ",
];
const prefixes = [
  "",
  "a",
  "arn:aws",
  "arn:aws:secretsmanager:",
  "arn:aws:iam::123456789012:role/",
  "sha256:",
  "ROOT",
  "arn:aws:organizations::123456789012:policy/o-abcdefghij/",
];

describe("patterns of the contracts", () => {
  // The lengths grow slowly, so that an exponential pattern fails here at some thirty characters and does not hang.
  test.each(patterned)(
    "$name answers at once whatever the value is",
    ({ pattern, max }) => {
      const expression = wholeValuePattern(pattern);
      const lengths = [16, 20, 24, 26, 28, 30, 64, 128, 256, 1024, 65_536, max].filter(
        (length) => length <= max,
      );
      for (const length of lengths) {
        for (const prefix of prefixes) {
          for (const pump of pumps) {
            const value = `${prefix}${pump.repeat(Math.ceil(length / pump.length))}`.slice(0, length - 1);
            const begun = performance.now();
            expression.test(`${value}!`);
            expression.test(`${value}\n`);
            const milliseconds = performance.now() - begun;
            if (milliseconds > 1_000)
              throw new Error(`${pattern} took ${milliseconds} ms for ${length} characters`);
          }
        }
      }
    },
    60_000,
  );

  test.each(patterned)("$name is replaced, if it is, by one for the same values", ({ pattern }) => {
    const expression = wholeValuePattern(pattern);
    const original = new RegExp(`^(?:${pattern})$`, expression.flags);
    if (expression.source === original.source) return;
    for (const value of strings("a0*._-/A", 6)) {
      if (original.test(value) !== expression.test(value)) throw new Error(`${pattern} differs for ${value}`);
    }
  });

  test.each([
    ["[0-9]{12}", "123456789012", true],
    ["[0-9]{12}", "1234567890123", false],
    ["[0-9]{12}", "123456789012\n", false],
    ["^$|arn:aws[a-z0-9-]*:kms", "", true],
    ["^$|arn:aws[a-z0-9-]*:kms", "arn:aws:kms", true],
    ["^$|arn:aws[a-z0-9-]*:kms", "arn:aws:kms:", false],
    ["a|b", "ab", false],
    ["[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*", "Größe 1_é日本-", true],
    ["[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*", "p{L}", false],
    ["[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*", "a(b)", false],
  ])("%s on %j is %j", (pattern, value, accepted) => {
    expect(wholeValuePattern(pattern).test(value)).toBe(accepted);
  });
});
