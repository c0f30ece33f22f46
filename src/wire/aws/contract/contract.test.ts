import { describe, expect, test } from "bun:test";
import * as sdk from "@aws-sdk/client-ecr";
import { ecrContract, type Shape, shapeOf } from "./contract.ts";

const names = Object.keys(ecrContract.operations);
const shapes = Object.entries(ecrContract.shapes);

/** The keys that each type of shape may have, beside those of `Shape` that all have. */
const keysOf: Readonly<Record<Shape["type"], readonly string[]>> = {
  structure: ["members", "required", "exception"],
  list: ["member", "min", "max"],
  map: ["key", "value", "min", "max"],
  string: ["enum", "min", "max", "pattern"],
  integer: ["min", "max"],
  long: ["min", "max"],
  double: ["min", "max"],
  blob: ["min", "max"],
  boolean: [],
  timestamp: [],
};

function referencesOf(shape: Shape): readonly string[] {
  if (shape.type === "structure") return Object.values(shape.members);
  if (shape.type === "list") return [shape.member];
  return shape.type === "map" ? [shape.key, shape.value] : [];
}

describe("the contract of ECR", () => {
  test("has the 62 operations for which the SDK exports a command", () => {
    const commands = Object.keys(sdk)
      .filter((name) => name.endsWith("Command") && name !== "$Command")
      .map((name) => name.slice(0, -"Command".length));
    expect(names).toHaveLength(62);
    expect(names).toEqual(commands.sort());
  });

  test("is for the service that clients of ECR address", () => {
    expect(ecrContract.service).toEqual({
      apiVersion: "2015-09-21",
      jsonVersion: "1.1",
      signingName: "ecr",
      targetPrefix: "AmazonEC2ContainerRegistry_V20150921",
    });
  });

  test("gives every operation structures, and exceptions that the SDK has classes for", () => {
    for (const { input, output, errors } of Object.values(ecrContract.operations)) {
      expect([shapeOf(ecrContract, input).type, shapeOf(ecrContract, output).type]).toEqual([
        "structure",
        "structure",
      ]);
      for (const error of errors) {
        expect(shapeOf(ecrContract, error)).toHaveProperty("exception", true);
        expect(Object.keys(sdk)).toContain(error);
      }
    }
  });

  test.each(shapes)("%s has only what its type of shape has, and leads to shapes that exist", (_, shape) => {
    const { type, ...rest } = shape;
    expect(Object.keys(keysOf)).toContain(type);
    expect(keysOf[type]).toEqual(expect.arrayContaining(Object.keys(rest)));
    for (const reference of referencesOf(shape)) expect(ecrContract.shapes).toHaveProperty([reference]);
    if (shape.type === "structure") {
      expect(Object.keys(shape.members)).toEqual(expect.arrayContaining([...(shape.required ?? [])]));
    }
  });

  test("has no shape that nothing uses", () => {
    const used = new Set([
      ...Object.values(ecrContract.operations).flatMap(({ input, output, errors }) => [
        input,
        output,
        ...errors,
      ]),
      ...shapes.flatMap(([, shape]) => referencesOf(shape)),
    ]);
    expect(shapes.map(([name]) => name).filter((name) => !used.has(name))).toEqual([]);
  });

  test("refuses a shape that it lacks", () => {
    expect(() => shapeOf(ecrContract, "Nothing")).toThrow("The contract of ecr has no shape Nothing");
  });
});
