/**
 * The contract of an AWS service: its operations, and the shapes of what goes in and out. The JSON beside this file
 * comes from `scripts/contract.ts` and is not edited by hand, but for `lading.json`, whose service is our own.
 */
import cloudtrail from "./cloudtrail.json";
import ecr from "./ecr.json";
import type { EcrOperationName } from "./ecr-operations.ts";
import iam from "./iam.json";
import type {
  CloudTrailOperationName,
  IamOperationName,
  OrganizationsOperationName,
  StsOperationName,
} from "./kept-operations.ts";
import lading from "./lading.json";
import type { LadingOperationName } from "./lading-operations.ts";
import organizations from "./organizations.json";
import sts from "./sts.json";

export type StructureShape = {
  type: "structure";
  /** Names of members that an input must have. */
  required?: readonly string[];
  /** Shape names by member name. */
  members: Readonly<Record<string, string>>;
  /** Names on the wire of the members that have another there. */
  names?: Readonly<Record<string, string>>;
  /** A value is meant to have exactly one of the members. */
  union?: true;
  exception?: true;
  /** Of an exception: its code on the wire where that is not the shape's name, and its status where that is not 400. */
  error?: { code: string; status: number };
};

/** `min` and `max` are numbers of items. */
export type ListShape = {
  type: "list";
  member: string;
  /** The name on the wire of each item, `member` when absent (Query). */
  memberName?: string;
  /** The items have no element around them (Query). */
  flattened?: true;
  min?: number;
  max?: number;
};

/** `min` and `max` are numbers of entries. */
export type MapShape = {
  type: "map";
  key: string;
  value: string;
  /** The names on the wire of each key and each value, `key` and `value` when absent (Query). */
  keyName?: string;
  valueName?: string;
  /** The entries have no element around them (Query). */
  flattened?: true;
  min?: number;
  max?: number;
};

/** `min` and `max` are numbers of characters; `pattern` is for the whole value, with or without `^…$`. */
type StringShape = {
  type: "string";
  enum?: readonly string[];
  min?: number;
  max?: number;
  pattern?: string;
  /** The value is not to be shown, in messages or in logs. */
  sensitive?: true;
};

/** `min` and `max` are values. */
type NumberShape = { type: "integer" | "long" | "double"; min?: number; max?: number };

/** `min` and `max` are numbers of bytes. */
type BlobShape = { type: "blob"; min?: number; max?: number; sensitive?: true };

type BooleanShape = { type: "boolean" };

/** On the wire epoch seconds (JSON) or ISO 8601 (Query), a `Date` inside. */
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

/** Shape names of the input, the output and the modelled errors. `Unit` is the shape of what an operation does not have. */
export type OperationContract = {
  input: string;
  output: string;
  /** The element around the output's members (Query). Absent where there is no output. */
  resultWrapper?: string;
  /** Requests carry no signature. */
  unsigned?: true;
  errors: readonly string[];
};

type JsonService = {
  protocol: "json";
  apiVersion: string;
  jsonVersion: string;
  /** The service's name in a SigV4 credential scope. */
  signingName: string;
  /**
   * The part of `X-Amz-Target` before the operation's dot. Some clients send only what follows its own last dot:
   * `CloudTrail_20131101` in place of `com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101`.
   */
  targetPrefix: string;
};

export type QueryService = {
  protocol: "query";
  /** Requests name it as `Version`. */
  apiVersion: string;
  /** The service's name in a SigV4 credential scope. */
  signingName: string;
  xmlNamespace: string;
};

export type Contract<
  OperationName extends string = string,
  Service extends JsonService | QueryService = JsonService | QueryService,
> = {
  service: Service;
  operations: Readonly<Record<OperationName, OperationContract>>;
  shapes: Readonly<Record<string, Shape>>;
};

type OperationNameInFile = keyof typeof ecr.operations;

/** `true`, or the names that only one side has, so that the compiler's message says which. */
type Agree<Left, Right> = [Left, Right] extends [Right, Left]
  ? true
  : Exclude<Left, Right> | Exclude<Right, Left>;

true satisfies Agree<OperationNameInFile, EcrOperationName>;
true satisfies Agree<keyof typeof lading.operations, LadingOperationName>;

// The compiler widens a JSON file's literals ("structure" to string); `contract.test.ts` holds the files to the types.

/** ECR 2015-09-21, with all operations of the SDK. */
export const ecrContract = ecr as unknown as Contract<EcrOperationName, JsonService>;

/** IAM 2010-05-08, with the operations of `iam-kept.txt`. */
export const iamContract = iam as unknown as Contract<IamOperationName, QueryService>;

/** STS 2011-06-15, with the operations of `sts-kept.txt`. */
export const stsContract = sts as unknown as Contract<StsOperationName, QueryService>;

/** Organizations 2016-11-28, with the operations of `organizations-kept.txt`. */
export const organizationsContract = organizations as unknown as Contract<
  OrganizationsOperationName,
  JsonService
>;

/** CloudTrail 2013-11-01, with the operations of `cloudtrail-kept.txt`. */
export const cloudtrailContract = cloudtrail as unknown as Contract<CloudTrailOperationName, JsonService>;

/** Our own service, for what no service of AWS has. */
export const ladingContract = lading as unknown as Contract<LadingOperationName, JsonService>;

/** The shape `name`. A name that the contract lacks is a defect of ours, not of a request. */
export function shapeOf(contract: Contract, name: string): Shape {
  const shape = contract.shapes[name];
  if (shape === undefined)
    throw new Error(`The contract of ${contract.service.signingName} has no shape ${name}`);
  return shape;
}
