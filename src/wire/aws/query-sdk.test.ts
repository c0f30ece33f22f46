/**
 * The contracts, readers and writers against the real clients: what the AWS SDK sends is read as what it was given, and
 * what is written for it is read by it as what was meant, for random values of every kept operation.
 */
import { describe, expect, test } from "bun:test";
import * as cloudtrailSdk from "@aws-sdk/client-cloudtrail";
import * as iamSdk from "@aws-sdk/client-iam";
import * as organizationsSdk from "@aws-sdk/client-organizations";
import * as stsSdk from "@aws-sdk/client-sts";
import fc from "fast-check";
import { wholeValuePattern } from "./constraints.ts";
import {
  type Contract,
  cloudtrailContract,
  iamContract,
  organizationsContract,
  type QueryService,
  type Shape,
  shapeOf,
  stsContract,
} from "./contract/contract.ts";
import { decodeQuery } from "./query-input.ts";
import { encodeQuery, encodeQueryError } from "./query-output.ts";
import { decode, encode } from "./shape.ts";

type Sent = { headers: Readonly<Record<string, string>>; body: string };
type Answer = { status: number; body: string };

/** A client's `requestHandler` that sends nothing: the last request, and the answer to the next one. */
const wire = {
  sent: undefined as Sent | undefined,
  answer: { status: 200, body: "" } as Answer,
  handle: async (request: { headers: Record<string, string>; body: string | Uint8Array }) => {
    const body = typeof request.body === "string" ? request.body : new TextDecoder().decode(request.body);
    wire.sent = { headers: request.headers, body };
    const bytes = new TextEncoder().encode(wire.answer.body);
    return { response: { statusCode: wire.answer.status, headers: {}, body: bytes } };
  },
};

const settings = {
  region: "us-east-1",
  endpoint: "http://localhost",
  credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret" },
  requestHandler: wire,
  maxAttempts: 1,
};

type Command = new (input: unknown) => unknown;
type Client = { send: (command: unknown) => Promise<Record<string, unknown>> };
type Service = { contract: Contract; exports: Readonly<Record<string, unknown>>; client: Client };

const services: [string, Service][] = [
  ["iam", { contract: iamContract, exports: iamSdk, client: new iamSdk.IAMClient(settings) as Client }],
  ["sts", { contract: stsContract, exports: stsSdk, client: new stsSdk.STSClient(settings) as Client }],
  [
    "organizations",
    {
      contract: organizationsContract,
      exports: organizationsSdk,
      client: new organizationsSdk.OrganizationsClient(settings) as Client,
    },
  ],
  [
    "cloudtrail",
    {
      contract: cloudtrailContract,
      exports: cloudtrailSdk,
      client: new cloudtrailSdk.CloudTrailClient(settings) as Client,
    },
  ],
];

async function call({ exports, client }: Service, operation: string, input: unknown) {
  const { $metadata, ...output } = await client.send(new (exports[`${operation}Command`] as Command)(input));
  return output;
}

function isQuery(contract: Contract): contract is Contract<string, QueryService> {
  return contract.service.protocol === "query";
}

function inputOf(contract: Contract, operation: string): unknown {
  const body = wire.sent?.body ?? "";
  if (isQuery(contract)) return decodeQuery(contract, operation, new URLSearchParams(body));
  return decode(contract, contract.operations[operation]?.input ?? "", JSON.parse(body));
}

function answerOf(contract: Contract, operation: string, output: unknown): string {
  if (isQuery(contract)) return encodeQuery(contract, operation, output, "request-1");
  return JSON.stringify(encode(contract, contract.operations[operation]?.output ?? "", output));
}

/** Characters that need care in a form, in XML or in JSON, among others. */
const anyCharacter = fc.oneof(
  fc.constantFrom("<", "&", ">", '"', "'", "\r", "\n", "\t", " ", "+", "%", "=", "\u{1f600}", "\u0085"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
);

/** A pattern that is one class of characters, repeated: fast-check would take long to find strings of the right length. */
const oneClass = /^\^?\(?(\[(?:\\.|[^\]\\])*\])[+*]\)?\$?$/;

function strings(shape: Shape & { type: "string" }): fc.Arbitrary<string> {
  const { min = 0, max = 5_000, pattern } = shape;
  if (shape.enum !== undefined) return fc.constantFrom(...shape.enum);
  const isOfLength = (value: string) => {
    const { length } = [...value];
    return length >= min && length <= max;
  };
  const lengths = { minLength: min, maxLength: Math.min(max, min + 12) };
  const characters = oneClass.exec(pattern ?? "")?.[1];
  if (pattern === undefined) return fc.string({ unit: anyCharacter, ...lengths }).filter(isOfLength);
  if (characters?.includes("\\p{"))
    return fc.string({ unit: fc.constantFrom(..."aZ9é日 _.:/=+-@"), ...lengths });
  if (characters !== undefined) {
    return fc
      .string({ unit: fc.stringMatching(wholeValuePattern(characters)), ...lengths })
      .filter(isOfLength);
  }
  // fast-check does not know what looks ahead.
  return fc.stringMatching(wholeValuePattern(pattern.replace("-(?!-)", "-[a-z0-9]"))).filter(isOfLength);
}

/** Values that keep all constraints of the shape. */
function values(contract: Contract, shapeName: string): fc.Arbitrary<unknown> {
  const shape = shapeOf(contract, shapeName);
  switch (shape.type) {
    case "structure": {
      const members: Record<string, fc.Arbitrary<unknown>> = Object.fromEntries(
        Object.entries(shape.members).map(([name, member]) => [name, values(contract, member)]),
      );
      if (shape.union)
        return fc.oneof(...Object.entries(members).map(([name, member]) => fc.record({ [name]: member })));
      const requiredKeys = [...(shape.required ?? [])];
      return fc.record(members, { requiredKeys, noNullPrototype: true });
    }
    case "list":
      return fc.array(values(contract, shape.member), {
        minLength: shape.min ?? 0,
        maxLength: Math.min(shape.max ?? 3, 3),
      });
    case "map":
      return fc.dictionary(
        values(contract, shape.key) as fc.Arbitrary<string>,
        values(contract, shape.value),
        {
          maxKeys: 3,
          noNullPrototype: true,
        },
      );
    case "string":
      // The SDK takes text of nothing but white space for the indentation of an element.
      return strings(shape).filter((value) => value === "" || value.trim() !== "");
    case "blob":
      return fc.uint8Array({ maxLength: 9 });
    case "boolean":
      return fc.boolean();
    case "timestamp":
      return fc.integer({ min: 0, max: 2 ** 32 }).map((seconds) => new Date(seconds * 1000));
    case "double":
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    default:
      return fc.integer({ min: shape.min ?? -(2 ** 31), max: shape.max ?? 2 ** 31 - 1 });
  }
}

/** Whether Query can say a value: within a list, it has no field for a structure without members. */
function isSayable(value: unknown, isItem = false): boolean {
  if (Array.isArray(value)) return value.every((item) => isSayable(item, true));
  if (typeof value !== "object" || value === null || value instanceof Date || value instanceof Uint8Array)
    return true;
  const members = Object.values(value);
  return (members.length > 0 || !isItem) && members.every((member) => isSayable(member));
}

/** `output` as the SDK gives it, with its policies decoded: IAM encodes them, and the SDK leaves that to its caller. */
function plain(contract: Contract, shapeName: string, value: unknown): unknown {
  const shape = shapeOf(contract, shapeName);
  if (shapeName === "policyDocumentType") return decodeURIComponent(String(value));
  if (shape.type === "list") return (value as unknown[]).map((item) => plain(contract, shape.member, item));
  if (shape.type !== "structure") return value;
  return Object.fromEntries(
    Object.entries(value as object).map(([name, member]) => [
      name,
      plain(contract, shape.members[name] ?? "", member),
    ]),
  );
}

// On failure fast-check prints the seed and the path that repeat it.
describe.each(services)("the SDK's client of %s", (_name, service) => {
  const { contract, exports } = service;
  const operations = Object.entries(contract.operations);

  test.each(operations)("is understood: %s", async (operation, { input }) => {
    wire.answer = { status: 200, body: answerOf(contract, operation, {}) };
    await fc.assert(
      fc.asyncProperty(
        values(contract, input).filter((value) => !isQuery(contract) || isSayable(value)),
        async (value) => {
          await call(service, operation, value);
          expect(inputOf(contract, operation)).toEqual(value);
        },
      ),
      { numRuns: 12 },
    );
  });

  test.each(operations)("understands the answer to %s", async (operation, { output }) => {
    const minimal = fc.sample(values(contract, contract.operations[operation]?.input ?? ""), {
      numRuns: 1,
      seed: 1,
    })[0];
    await fc.assert(
      fc.asyncProperty(values(contract, output), async (value) => {
        wire.answer = { status: 200, body: answerOf(contract, operation, value) };
        expect(plain(contract, output, await call(service, operation, minimal))).toEqual(value);
      }),
      { numRuns: 12 },
    );
  });

  const errors = [...new Set(operations.flatMap(([, operation]) => operation.errors))];
  if (isQuery(contract)) {
    test.each(errors)("understands the error %s", async (name) => {
      const shape = shapeOf(contract, name);
      const { code, status } = (shape.type === "structure" && shape.error) || { code: name, status: 400 };
      const error = { code, status, message: "It is <so> & not otherwise." };
      wire.answer = { status, body: encodeQueryError(contract, error, "request-2") };
      const [operation = ""] = operations.find(([, { errors }]) => errors.includes(name)) ?? [];
      const thrown: unknown = await call(service, operation, {}).catch((reason) => reason);
      expect(thrown).toBeInstanceOf(exports[name] as new () => Error);
      expect(thrown).toMatchObject({
        message: error.message,
        $fault: status < 500 ? "client" : "server",
        $metadata: { httpStatusCode: status },
      });
    });
  } else {
    test("addresses the service by the last part of its target prefix", async () => {
      const [operation = ""] = operations[0] ?? [];
      wire.answer = { status: 200, body: "{}" };
      await call(service, operation, {});
      const prefix = "targetPrefix" in contract.service ? contract.service.targetPrefix : "";
      expect(wire.sent?.headers["x-amz-target"]).toBe(`${prefix.split(".").at(-1)}.${operation}`);
    });
  }
});
