/**
 * The contract of an AWS service: its operations, and the shapes of what goes in and out. The JSON beside this file
 * comes from `scripts/contract.ts` and is not edited by hand.
 */
import ecr from "./ecr.json";
import type { EcrOperationName } from "./ecr-operations.ts";

export type StructureShape = {
  type: "structure";
  /** Names of members that an input must have. */
  required?: readonly string[];
  /** Shape names by member name. */
  members: Readonly<Record<string, string>>;
  exception?: true;
};

/** `min` and `max` are numbers of items. */
export type ListShape = { type: "list"; member: string; min?: number; max?: number };

/** `min` and `max` are numbers of entries. */
export type MapShape = { type: "map"; key: string; value: string; min?: number; max?: number };

/** `min` and `max` are numbers of characters; `pattern` is for the whole value, with or without `^…$`. */
type StringShape = {
  type: "string";
  enum?: readonly string[];
  min?: number;
  max?: number;
  pattern?: string;
};

/** `min` and `max` are values. */
type NumberShape = { type: "integer" | "long" | "double"; min?: number; max?: number };

/** `min` and `max` are numbers of bytes. */
type BlobShape = { type: "blob"; min?: number; max?: number };

type BooleanShape = { type: "boolean" };

/** Epoch seconds on the wire, a `Date` inside. */
type TimestampShape = { type: "timestamp" };

export type Shape =
  | StructureShape
  | ListShape
  | MapShape
  | StringShape
  | NumberShape
  | BlobShape
  | BooleanShape
  | TimestampShape;

/** Shape names of the input, the output and the modelled errors. */
type OperationContract = { input: string; output: string; errors: readonly string[] };

export type Contract<OperationName extends string = string> = {
  service: {
    apiVersion: string;
    jsonVersion: string;
    /** The service's name in a SigV4 credential scope. */
    signingName: string;
    /** The part of `X-Amz-Target` before the dot. */
    targetPrefix: string;
  };
  operations: Readonly<Record<OperationName, OperationContract>>;
  shapes: Readonly<Record<string, Shape>>;
};

type OperationNameInFile = keyof typeof ecr.operations;

/** `true`, or the names that only one side has, so that the compiler's message says which. */
type Agree<Left, Right> = [Left, Right] extends [Right, Left]
  ? true
  : Exclude<Left, Right> | Exclude<Right, Left>;

true satisfies Agree<OperationNameInFile, EcrOperationName>;

/** ECR 2015-09-21, with all operations of the SDK. */
// The compiler widens a JSON file's literals ("structure" to string); `contract.test.ts` holds the file to the type.
export const ecrContract = ecr as unknown as Contract<EcrOperationName>;

/** The shape `name`. A name that the contract lacks is a defect of ours, not of a request. */
export function shapeOf(contract: Contract, name: string): Shape {
  const shape = contract.shapes[name];
  if (shape === undefined)
    throw new Error(`The contract of ${contract.service.signingName} has no shape ${name}`);
  return shape;
}
