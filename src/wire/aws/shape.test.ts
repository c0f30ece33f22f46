import { describe, expect, test } from "bun:test";
import { Fault } from "../../lib/faults.ts";
import { type Contract, ecrContract } from "./contract/contract.ts";
import { decode, encode } from "./shape.ts";

/** What ECR's inputs lack: maps, timestamps, doubles, a required member in a list's structure. */
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
      members: {
        counts: "Counts",
        rows: "Rows",
        at: "At",
        score: "Score",
        size: "Size",
        named: "Named",
        body: "Body",
      },
    },
    Counts: { type: "map", key: "Key", value: "Count", max: 2 },
    Rows: { type: "list", member: "Row" },
    Row: { type: "list", member: "Key", max: 2 },
    Named: { type: "map", key: "Key", value: "Item" },
    Item: { type: "structure", required: ["Key"], members: { Key: "Key" } },
    Body: { type: "blob", max: 3 },
    Key: { type: "string", min: 1, max: 3 },
    Count: { type: "integer", min: 0 },
    At: { type: "timestamp" },
    Score: { type: "double" },
    Size: { type: "long" },
  },
};

function inputShape(operation: string): string {
  const found = Object.entries(ecrContract.operations).find(([name]) => name === operation);
  if (found === undefined) throw new Error(`no operation ${operation}`);
  return found[1].input;
}

function failureOf(action: () => unknown): Fault {
  try {
    action();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const namePattern = "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*";
const one = "1 validation error detected: ";
const failed = "failed to satisfy constraint: Member must";
const images = (count: number) => Array.from({ length: count }, () => ({ imageTag: "a" }));

type Row = readonly [operation: string, input: unknown, sentence: string];

const constraintRows: readonly Row[] = [
  ["CreateRepository", {}, `${one}Value null at 'repositoryName' ${failed} not be null`],
  ["CreateRepository", null, `${one}Value null at 'repositoryName' ${failed} not be null`],
  [
    "CreateRepository",
    { repositoryName: null },
    `${one}Value null at 'repositoryName' ${failed} not be null`,
  ],
  [
    "CreateRepository",
    { repositoryName: "a" },
    `${one}Value 'a' at 'repositoryName' ${failed} have length greater than or equal to 2`,
  ],
  [
    "CreateRepository",
    { repositoryName: "a".repeat(257) },
    `${one}Value '${"a".repeat(256)}…' at 'repositoryName' ${failed} have length less than or equal to 256`,
  ],
  [
    "CreateRepository",
    { repositoryName: "ab", imageTagMutability: "X" },
    `${one}Value 'X' at 'imageTagMutability' ${failed} satisfy enum value set: [MUTABLE, IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION]`,
  ],
  [
    "CreateRepository",
    { repositoryName: "a", registryId: "1\n'" },
    `2 validation errors detected: Value '1\\u000a'' at 'registryId' ${failed} satisfy regular expression pattern: [0-9]{12}; Value 'a' at 'repositoryName' ${failed} have length greater than or equal to 2`,
  ],
  [
    "CreateRepository",
    { repositoryName: "ab", tags: [{ Key: "a", Value: "" }, { Value: "b" }] },
    `${one}Value null at 'tags.2.member.key' ${failed} not be null`,
  ],
  [
    "CreateRepository",
    { repositoryName: "ab", encryptionConfiguration: { kmsKey: "k" } },
    `${one}Value null at 'encryptionConfiguration.encryptionType' ${failed} not be null`,
  ],
  [
    "BatchGetImage",
    { repositoryName: "ab", imageIds: [] },
    `${one}Value '[]' at 'imageIds' ${failed} have length greater than or equal to 1`,
  ],
  [
    "BatchGetImage",
    { repositoryName: "ab", imageIds: [{ imageTag: "a" }, { imageTag: "", imageDigest: "b" }] },
    `${one}Value '' at 'imageIds.2.member.imageTag' ${failed} have length greater than or equal to 1`,
  ],
  [
    "DescribeImages",
    { repositoryName: "ab", maxResults: 1001 },
    `${one}Value '1001' at 'maxResults' ${failed} have value less than or equal to 1000`,
  ],
  [
    "DescribeImages",
    { repositoryName: "ab", maxResults: 0 },
    `${one}Value '0' at 'maxResults' ${failed} have value greater than or equal to 1`,
  ],
  [
    "GetAuthorizationToken",
    { registryIds: ["1", "123456789012"] },
    `${one}Value '[1, 123456789012]' at 'registryIds' ${failed} satisfy constraint: [Member must satisfy regular expression pattern: [0-9]{12}]`,
  ],
  [
    "DescribeRepositories",
    { repositoryNames: ["a"] },
    `${one}Value '[a]' at 'repositoryNames' ${failed} satisfy constraint: [Member must have length less than or equal to 256, Member must have length greater than or equal to 2]`,
  ],
  [
    "UploadLayerPart",
    { repositoryName: "ab", uploadId: "x", partFirstByte: -1, partLastByte: 0, layerPartBlob: "YQ==" },
    `2 validation errors detected: Value 'x' at 'uploadId' ${failed} satisfy regular expression pattern: [0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}; Value '-1' at 'partFirstByte' ${failed} have value greater than or equal to 0`,
  ],
];

const serviceRows: readonly Row[] = [
  [
    "CreateRepository",
    { repositoryName: "Ab" },
    `Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '${namePattern}''`,
  ],
  [
    "DescribeRepositories",
    { repositoryNames: ["ab", "a b"] },
    `Invalid parameter at 'repositoryNames' failed to satisfy constraint: 'must satisfy regular expression '${namePattern}''`,
  ],
];

const typeRows: readonly Row[] = [
  [
    "DeleteRepository",
    { repositoryName: "ab", force: "true" },
    "STRING_VALUE can not be converted to a Boolean at 'force'",
  ],
  [
    "DeleteRepository",
    { repositoryName: 1 },
    "NUMBER_VALUE can not be converted to a String at 'repositoryName'",
  ],
  [
    "DeleteRepository",
    { repositoryName: true },
    "TRUE_VALUE can not be converted to a String at 'repositoryName'",
  ],
  ["DeleteRepository", { repositoryName: [] }, "Start of list found where not expected at 'repositoryName'"],
  [
    "DeleteRepository",
    { repositoryName: {} },
    "Start of structure or map found where not expected at 'repositoryName'",
  ],
  ["DeleteRepository", [], "Start of list found where not expected"],
  ["DeleteRepository", "ab", "Expected structure or null"],
  ["BatchGetImage", { imageIds: "a" }, "Expected list or null at 'imageIds'"],
  [
    "BatchGetImage",
    { imageIds: { a: 1 } },
    "Start of structure or map found where not expected at 'imageIds'",
  ],
  ["BatchGetImage", { imageIds: [{}, 1] }, "Expected structure or null at 'imageIds.2.member'"],
  ["DescribeImages", { maxResults: "1" }, "STRING_VALUE can not be converted to an Integer at 'maxResults'"],
  ["DescribeImages", { maxResults: 1.5 }, "NUMBER_VALUE can not be converted to an Integer at 'maxResults'"],
  [
    "DescribeImages",
    { maxResults: 2 ** 31 },
    "NUMBER_VALUE can not be converted to an Integer at 'maxResults'",
  ],
  [
    "UploadLayerPart",
    { partLastByte: 2 ** 53 },
    "NUMBER_VALUE can not be converted to a Long at 'partLastByte'",
  ],
  ...["YQ", "YR==", "Y Q==", "YQ==\n", "_-==", "a"].map(
    (layerPartBlob): Row => [
      "UploadLayerPart",
      { layerPartBlob },
      "STRING_VALUE can not be converted to a Blob at 'layerPartBlob': it is not Base64 with its padding",
    ],
  ),
];

describe("decode", () => {
  test.each(constraintRows)("%s of %j breaks constraints", (operation, input, sentence) => {
    const { fault, message } = failureOf(() => decode(ecrContract, inputShape(operation), input));
    expect({ fault, message }).toEqual({ fault: "ConstraintsFailed", message: sentence });
  });

  test.each(serviceRows)("%s of %j breaks what ECR words itself", (operation, input, sentence) => {
    const { fault, message } = failureOf(() => decode(ecrContract, inputShape(operation), input));
    expect({ fault, message }).toEqual({ fault: "InvalidParameter", message: sentence });
  });

  test.each(typeRows)("%s of %j has a wrong type", (operation, input, sentence) => {
    const { fault, message } = failureOf(() => decode(ecrContract, inputShape(operation), input));
    expect({ fault, message }).toEqual({ fault: "MalformedInput", message: sentence });
  });

  test("counts the items of a list that is too long, and shows it cut", () => {
    const input = { repositoryName: "ab", imageIds: images(101) };
    const { message } = failureOf(() => decode(ecrContract, "BatchGetImageRequest", input));
    expect(message).toStartWith(`${one}Value '[ImageIdentifier(imageTag=a), ImageIdentifier(imageTag=a), `);
    expect(message).toEndWith(`…' at 'imageIds' ${failed} have length less than or equal to 100`);
    expect(message.length).toBeLessThan(500);
    expect(() =>
      decode(ecrContract, "BatchGetImageRequest", { ...input, imageIds: images(100) }),
    ).not.toThrow();
  });

  test("names at most ten failures, whatever comes", () => {
    const input = { resourceArn: "a", tags: Array.from({ length: 50_000 }, () => ({ Key: "k" })) };
    const { message } = failureOf(() => decode(ecrContract, "TagResourceRequest", input));
    expect(message).toStartWith("10 validation errors detected: Value null at 'tags.1.member.value' ");
    expect(message).toContain("'tags.10.member.value'");
    expect(message).not.toContain("'tags.11.member.value'");
  });

  test("drops what the shape does not have, and takes null as absent", () => {
    const json =
      '{"repositoryName":"ab","registryId":null,"more":1,"__proto__":{"force":true},"toString":"x"}';
    expect(decode(ecrContract, "DeleteRepositoryRequest", JSON.parse(json))).toEqual({
      repositoryName: "ab",
    });
    const input = { repositoryName: "ab", imageIds: [null, { imageTag: "a" }, null] };
    expect(decode(ecrContract, "BatchGetImageRequest", input)).toEqual({
      repositoryName: "ab",
      imageIds: [{ imageTag: "a" }],
    });
  });

  test("takes an absent body for an empty structure", () => {
    expect(decode(ecrContract, "DescribeRegistryRequest", undefined)).toEqual({});
  });

  test("counts characters as Unicode does", () => {
    const described = (description: string) => ({ prefix: "ab", appliedFor: [], description });
    const decoded = (description: string) =>
      decode(ecrContract, "CreateRepositoryCreationTemplateRequest", described(description));
    expect(() => decoded("🚢".repeat(256))).not.toThrow();
    expect(() => decoded("🚢".repeat(257))).toThrow(
      `'description' ${failed} have length less than or equal to 256`,
    );
  });

  test("reads blobs, timestamps and maps, also with keys that JavaScript finds special", () => {
    const json =
      '{"at":1563223656.5,"score":-0,"size":9007199254740991,"body":"YWI=","named":{"__proto__":{"Key":"a"}}}';
    // "__proto__" is longer than a key may be, which is told like every other failure.
    expect(failureOf(() => decode(other, "Everything", JSON.parse(json))).message).toBe(
      `${one}Value '{__proto__=Item(Key=a)}' at 'named' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 3, Member must have length greater than or equal to 1]`,
    );
    expect(decode(other, "Everything", { ...JSON.parse(json), named: { k: { Key: "a" } } })).toEqual({
      at: new Date(1563223656500),
      score: 0,
      size: Number.MAX_SAFE_INTEGER,
      body: new Uint8Array([97, 98]),
      named: { k: { Key: "a" } },
    });
  });

  test.each([
    [
      { counts: { a: -1 } },
      "Value '{a=-1}' at 'counts' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value greater than or equal to 0]",
    ],
    [
      { counts: { a: 1, b: 1, c: 1 } },
      `Value '{a=1, b=1, c=1}' at 'counts' ${failed} have length less than or equal to 2`,
    ],
    [{ named: { k: {} } }, `Value null at 'named.k.member.key' ${failed} not be null`],
    [
      { rows: [["a"], ["a", "b", "c"]] },
      `Value '[a, b, c]' at 'rows.2.member' ${failed} have length less than or equal to 2`,
    ],
    [{ body: "YWJjZA==" }, `Value '4 bytes' at 'body' ${failed} have length less than or equal to 3`],
  ])("%j breaks a constraint that ECR has none of", (input, sentence) => {
    expect(failureOf(() => decode(other, "Everything", input)).message).toBe(one + sentence);
  });

  test.each([
    [{ at: "2020-01-01" }, "STRING_VALUE can not be converted to milliseconds since epoch at 'at'"],
    [{ at: 1e300 }, "NUMBER_VALUE can not be converted to milliseconds since epoch at 'at'"],
    [{ score: Number.POSITIVE_INFINITY }, "NUMBER_VALUE can not be converted to a Double at 'score'"],
    [{ counts: 1 }, "Expected map or null at 'counts'"],
    [{ counts: { "\u0000": "x" } }, "STRING_VALUE can not be converted to an Integer at 'counts.\\u0000'"],
  ])("%j has a type that is wrong", (input, sentence) => {
    expect(failureOf(() => decode(other, "Everything", input)).message).toBe(sentence);
  });

  test("refuses a shape that the contract lacks, as a defect of ours", () => {
    expect(() => decode(ecrContract, "Nothing", {})).toThrow("The contract of ecr has no shape Nothing");
  });
});

describe("encode", () => {
  test("writes only members of the shape, and nothing for what is absent", () => {
    const repository = {
      repositoryName: "ab",
      createdAt: new Date(1563223656500),
      registryId: undefined,
      secret: 1,
    };
    expect(encode(ecrContract, "CreateRepositoryResponse", { repository, $metadata: {} })).toEqual({
      repository: { repositoryName: "ab", createdAt: 1563223656.5 },
    });
  });

  test("writes bytes as Base64 and keeps every key of a map", () => {
    const counts = Object.fromEntries([["__proto__", 1]]);
    const text = JSON.stringify(encode(other, "Everything", { body: new Uint8Array([97]), counts }));
    expect(text).toBe('{"counts":{"__proto__":1},"body":"YQ=="}');
  });

  test.each([
    { at: "2020-01-01" },
    { at: new Date(Number.NaN) },
    { body: "YQ==" },
    { rows: {} },
    { score: "1" },
    "a",
    1,
  ])("does not let %j out", (value) => {
    expect(() => encode(other, "Everything", value)).toThrow(TypeError);
  });
});
