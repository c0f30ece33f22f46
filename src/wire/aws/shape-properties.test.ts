import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Fault } from "../../lib/faults.ts";
import { wholeValuePattern } from "./constraints.ts";
import { type Contract, ecrContract, shapeOf } from "./contract/contract.ts";
import { decode, encode } from "./shape.ts";

/** The kinds of member of which ECR's inputs and outputs have few or none. */
const other: Contract = {
  service: {
    protocol: "json",
    apiVersion: "2020-01-01",
    jsonVersion: "1.1",
    signingName: "other",
    targetPrefix: "Other",
  },
  operations: {},
  shapes: {
    Everything: {
      type: "structure",
      members: { at: "At", score: "Score", size: "Size", body: "Body", named: "Named" },
    },
    Named: { type: "map", key: "Key", value: "Rows" },
    Rows: { type: "list", member: "Row" },
    Row: { type: "list", member: "Key" },
    Key: { type: "string" },
    At: { type: "timestamp" },
    Score: { type: "double" },
    Size: { type: "long" },
    Body: { type: "blob" },
  },
};

/** JSON of values that keep all constraints of the shape. */
function valid(contract: Contract, shapeName: string): fc.Arbitrary<unknown> {
  const shape = shapeOf(contract, shapeName);
  switch (shape.type) {
    case "structure": {
      const members: Record<string, fc.Arbitrary<unknown>> = Object.fromEntries(
        Object.entries(shape.members).map(([name, member]) => [name, valid(contract, member)]),
      );
      return fc.record(members, {
        requiredKeys: [...(shape.required ?? [])],
        noNullPrototype: true,
      });
    }
    case "list":
      return fc.array(valid(contract, shape.member), {
        minLength: shape.min ?? 0,
        maxLength: Math.min(shape.max ?? 4, 4),
      });
    case "map":
      return fc.dictionary(valid(contract, shape.key) as fc.Arbitrary<string>, valid(contract, shape.value), {
        maxKeys: 2,
        noNullPrototype: true,
      });
    case "string": {
      const { min = 0, max = 5_000, pattern } = shape;
      if (shape.enum !== undefined) return fc.constantFrom(...shape.enum);
      if (pattern === undefined)
        return fc.string({ unit: "binary", minLength: min, maxLength: Math.min(max, min + 8) });
      // fast-check does not know an alternative that is an anchor.
      const drawn = fc.stringMatching(wholeValuePattern(pattern.replace("^$|", "")));
      return drawn.filter((value) => value.length >= min && value.length <= max);
    }
    case "blob":
      return fc.uint8Array({ maxLength: Math.min(shape.max ?? 9, 9) }).map((bytes) => bytes.toBase64());
    case "boolean":
      return fc.boolean();
    case "timestamp":
      // Years 68 to 9892; much further out, seconds in a double have no exact milliseconds.
      return fc.integer({ min: -6e13, max: 2.5e14 }).map((milliseconds) => milliseconds / 1000 + 0);
    case "double":
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
    case "integer":
      return fc.integer({ min: shape.min ?? -(2 ** 31), max: shape.max ?? 2 ** 31 - 1 });
    case "long":
      return fc.maxSafeInteger().filter((value) => value >= (shape.min ?? value));
  }
}

/** JSON whose members have the shape's names and anything for values. */
function garbage(shapeName: string): fc.Arbitrary<unknown> {
  const shape = shapeOf(ecrContract, shapeName);
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.string({ maxLength: 300, size: "max" }),
    fc.integer(),
    fc.constant(""),
  );
  if (shape.type === "list")
    return fc.oneof(anything, fc.array(garbage(shape.member), { maxLength: 120, size: "+1" }));
  if (shape.type !== "structure") return anything;
  const members = Object.entries(shape.members).map(([name, member]) => [name, garbage(member)]);
  return fc.oneof(
    { weight: 1, arbitrary: anything },
    { weight: 9, arbitrary: fc.record(Object.fromEntries(members), { requiredKeys: [] }) },
  );
}

// On failure fast-check prints the seed and the path that repeat it.
describe("whatever comes", () => {
  const operations = Object.entries(ecrContract.operations);

  test.each(operations)("%s answers garbage with a value or a fault", (_, { input }) => {
    fc.assert(
      fc.property(garbage(input), (json) => {
        try {
          decode(ecrContract, input, json);
        } catch (error) {
          if (!(error instanceof Fault)) throw error;
          expect(error.message.length).toBeLessThan(20_000);
        }
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ...operations.flatMap(
      ([, { input, output }]) =>
        [
          [input, ecrContract],
          [output, ecrContract],
        ] as const,
    ),
    ["Everything", other] as const,
  ])("%s comes out of decode and encode as it went in", (shapeName, contract) => {
    fc.assert(
      fc.property(valid(contract, shapeName), (json) => {
        expect(encode(contract, shapeName, decode(contract, shapeName, json))).toEqual(json);
      }),
      { numRuns: 15 },
    );
  });
});
