import { describe, expect, test } from "bun:test";
import * as cloudtrailSdk from "@aws-sdk/client-cloudtrail";
import * as ecrSdk from "@aws-sdk/client-ecr";
import * as iamSdk from "@aws-sdk/client-iam";
import * as organizationsSdk from "@aws-sdk/client-organizations";
import * as stsSdk from "@aws-sdk/client-sts";
import {
  type Contract,
  cloudtrailContract,
  ecrContract,
  iamContract,
  ladingContract,
  organizationsContract,
  type Shape,
  shapeOf,
  stsContract,
} from "./contract.ts";

type Exports = Readonly<Record<string, unknown>>;

const services: [string, Contract, Exports][] = [
  ["ecr", ecrContract, ecrSdk],
  ["iam", iamContract, iamSdk],
  ["sts", stsContract, stsSdk],
  ["organizations", organizationsContract, organizationsSdk],
  ["cloudtrail", cloudtrailContract, cloudtrailSdk],
];

/** Lading's own has no SDK beside it. */
const contracts: [string, Contract][] = [
  ...services.map(([service, contract]): [string, Contract] => [service, contract]),
  ["lading", ladingContract],
];

/** The keys that each type of shape may have, beside those of `Shape` that all have. */
const keysOf: Readonly<Record<Shape["type"], readonly string[]>> = {
  structure: ["members", "names", "required", "union", "exception", "error"],
  list: ["member", "memberName", "flattened", "min", "max"],
  map: ["key", "keyName", "value", "valueName", "flattened", "min", "max"],
  string: ["enum", "min", "max", "pattern", "sensitive"],
  integer: ["min", "max"],
  long: ["min", "max"],
  double: ["min", "max"],
  blob: ["min", "max", "sensitive"],
  boolean: [],
  timestamp: [],
};

function referencesOf(shape: Shape): readonly string[] {
  if (shape.type === "structure") return Object.values(shape.members);
  if (shape.type === "list") return [shape.member];
  return shape.type === "map" ? [shape.key, shape.value] : [];
}

/**
 * The SDK's own schema of something, which it exports as `NAME$`: a number for a scalar, a function where it comes later,
 * a pair where a member adds traits, else a tuple of a kind, a namespace, a name, traits, and what the kind has.
 */
type Schema = number | "unit" | readonly unknown[] | (() => Schema);

function resolved(schema: Schema): Schema {
  if (typeof schema === "function") return resolved(schema());
  return Array.isArray(schema) && schema.length === 2 ? resolved(schema[0] as Schema) : schema;
}

/** Paths at which the contract's shape and the SDK's schema have other members or other kinds of value. */
function differences(contract: Contract, shapeName: string, schema: Schema, path: string): string[] {
  const shape = shapeOf(contract, shapeName);
  const sdk = resolved(schema);
  const children = Array.isArray(sdk) ? sdk.slice(4) : [];
  const isOf = (kind: number) => Array.isArray(sdk) && Math.abs(Number(sdk[0])) === kind;
  switch (shape.type) {
    case "structure": {
      if (shapeName === "Unit") return sdk === "unit" ? [] : [path];
      if (!isOf(shape.union ? 4 : 3)) return [path];
      const [names, schemas] = children as [string[], Schema[]];
      const own = Object.keys(shape.members);
      return [
        ...names.filter((name) => !own.includes(name)).map((name) => `${path}.${name} is missing`),
        ...own.flatMap((name) => {
          const index = names.indexOf(name);
          const member = schemas[index];
          if (index === -1 || member === undefined) return [`${path}.${name} is unknown`];
          return differences(contract, shape.members[name] ?? "", member, `${path}.${name}`);
        }),
      ];
    }
    case "list":
      // Lists and maps of plain scalars are numbers.
      if (typeof sdk === "number") return (sdk & 64) === 64 ? [] : [path];
      return isOf(1) ? differences(contract, shape.member, children[0] as Schema, `${path}[]`) : [path];
    case "map":
      if (typeof sdk === "number") return (sdk & 128) === 128 ? [] : [path];
      return isOf(2) ? differences(contract, shape.value, children[1] as Schema, `${path}{}`) : [path];
    default:
      return typeof sdk === "number" || isOf(0) ? [] : [path];
  }
}

test("the contract of ECR has the 62 operations for which the SDK exports a command", () => {
  const commands = Object.keys(ecrSdk)
    .filter((name) => name.endsWith("Command") && name !== "$Command")
    .map((name) => name.slice(0, -"Command".length));
  expect(Object.keys(ecrContract.operations)).toHaveLength(62);
  expect(Object.keys(ecrContract.operations)).toEqual(commands.sort());
});

test.each(services.slice(1))(
  "the contract of %s has the operations of its list",
  async (service, contract) => {
    const list = await Bun.file(`${import.meta.dir}/${service}-kept.txt`).text();
    const names = list.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(Object.keys(contract.operations)).toEqual(names.sort());
  },
);

test("the contracts are for the services that clients address", () => {
  const json = (signingName: string, apiVersion: string, targetPrefix: string) => {
    return { protocol: "json", signingName, apiVersion, jsonVersion: "1.1", targetPrefix } as const;
  };
  const query = (signingName: string, apiVersion: string) => {
    const xmlNamespace = `https://${signingName}.amazonaws.com/doc/${apiVersion}/`;
    return { protocol: "query", signingName, apiVersion, xmlNamespace } as const;
  };
  const cloudtrailTarget = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
  expect(ecrContract.service).toEqual(json("ecr", "2015-09-21", "AmazonEC2ContainerRegistry_V20150921"));
  expect(iamContract.service).toEqual(query("iam", "2010-05-08"));
  expect(stsContract.service).toEqual(query("sts", "2011-06-15"));
  expect(organizationsContract.service).toEqual(
    json("organizations", "2016-11-28", "AWSOrganizationsV20161128"),
  );
  expect(cloudtrailContract.service).toEqual(json("cloudtrail", "2013-11-01", cloudtrailTarget));
});

test("AssumeRoleWithWebIdentity is the one operation without a signature", () => {
  const unsigned = services.flatMap(([, contract]) =>
    Object.entries(contract.operations).flatMap(([name, operation]) => (operation.unsigned ? [name] : [])),
  );
  expect(unsigned).toEqual(["AssumeRoleWithWebIdentity"]);
});

test("no operation has an input that is called like one of Query's own fields", () => {
  for (const contract of [iamContract, stsContract]) {
    for (const { input } of Object.values(contract.operations)) {
      const shape = shapeOf(contract, input);
      expect(shape.type === "structure" && ("Action" in shape.members || "Version" in shape.members)).toBe(
        false,
      );
    }
  }
});

describe.each(services)("the contract of %s", (_service, contract, sdk) => {
  const operations = Object.entries(contract.operations);
  const isQuery = contract.service.protocol === "query";

  test.each(operations)("takes and gives in %s what the SDK sends and expects", (name, { input, output }) => {
    const [, , , , sdkInput, sdkOutput] = sdk[`${name}$`] as readonly Schema[];
    expect([
      ...differences(contract, input, sdkInput ?? 0, "input"),
      ...differences(contract, output, sdkOutput ?? 0, "output"),
    ]).toEqual([]);
  });

  test("gives every operation structures, with a wrapper where Query has a result", () => {
    for (const [name, { input, output, resultWrapper }] of operations) {
      expect([shapeOf(contract, input).type, shapeOf(contract, output).type]).toEqual([
        "structure",
        "structure",
      ]);
      expect(resultWrapper).toBe(isQuery && output !== "Unit" ? `${name}Result` : undefined);
    }
  });

  test("has exceptions that the SDK has classes for, with the codes and statuses that it knows", () => {
    for (const error of operations.flatMap(([, { errors }]) => errors)) {
      const shape = shapeOf(contract, error);
      expect(shape).toHaveProperty("exception", true);
      expect(Object.keys(sdk)).toContain(error);
      const [, , , traits] = sdk[`${error}$`] as [number, string, string, Record<string, unknown>];
      const known = shape.type === "structure" ? shape.error : undefined;
      if (isQuery) expect(traits).toMatchObject({ awsQueryError: [known?.code, known?.status] });
      else expect(traits.error).toBe(known?.status === 500 ? "server" : "client");
    }
  });
});

describe.each(contracts)("the contract of %s", (_service, contract) => {
  const operations = Object.entries(contract.operations);
  const shapes = Object.entries(contract.shapes);
  const isQuery = contract.service.protocol === "query";

  test.each(shapes)("%s has only what its type of shape has, and leads to shapes that exist", (_, shape) => {
    const { type, ...rest } = shape;
    expect(Object.keys(keysOf)).toContain(type);
    expect(keysOf[type]).toEqual(expect.arrayContaining(Object.keys(rest)));
    for (const reference of referencesOf(shape)) expect(contract.shapes).toHaveProperty([reference]);
    if (shape.type === "structure") {
      expect(Object.keys(shape.members)).toEqual(expect.arrayContaining([...(shape.required ?? [])]));
      // Only the Query protocol's reader and writer know other names.
      if (!isQuery) expect(shape.names).toBeUndefined();
    }
  });

  test("has no shape that nothing uses", () => {
    const used = new Set([
      ...operations.flatMap(([, { input, output, errors }]) => [input, output, ...errors]),
      ...shapes.flatMap(([, shape]) => referencesOf(shape)),
    ]);
    expect(shapes.map(([name]) => name).filter((name) => !used.has(name))).toEqual([]);
  });

  test("refuses a shape that it lacks", () => {
    const service = contract.service.signingName;
    expect(() => shapeOf(contract, "Nothing")).toThrow(`The contract of ${service} has no shape Nothing`);
  });
});
