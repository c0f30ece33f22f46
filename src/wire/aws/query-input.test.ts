import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { type Contract, iamContract, type QueryService, stsContract } from "./contract/contract.ts";
import { decodeQuery } from "./query-input.ts";

/** What the inputs of IAM and STS lack: maps, flattened collections, other names, booleans beside numbers, blobs, times. */
const other: Contract<"Do", QueryService> = {
  service: { protocol: "query", apiVersion: "2020-01-01", signingName: "other", xmlNamespace: "urn:other" },
  operations: { Do: { input: "Everything", output: "Unit", errors: [] } },
  shapes: {
    Everything: {
      type: "structure",
      members: {
        At: "At",
        Body: "Body",
        Counts: "Counts",
        Flat: "Flat",
        FlatCounts: "FlatCounts",
        Inner: "Everything",
        Is: "Is",
        Key: "Key",
        Named: "Key",
        Rows: "Rows",
        Score: "Score",
        Size: "Size",
        Things: "Things",
      },
      names: { Named: "other-name", Key: "Named" },
    },
    At: { type: "timestamp" },
    Body: { type: "blob" },
    Count: { type: "integer" },
    Counts: { type: "map", key: "Key", value: "Count" },
    Flat: { type: "list", member: "Key", flattened: true },
    FlatCounts: {
      type: "map",
      key: "Key",
      keyName: "Name",
      value: "Count",
      valueName: "Count",
      flattened: true,
    },
    Is: { type: "boolean" },
    Key: { type: "string" },
    Row: { type: "list", member: "Key" },
    Rows: { type: "list", member: "Row", memberName: "row" },
    Score: { type: "double" },
    Size: { type: "long" },
    Things: { type: "list", member: "Everything", max: 3 },
    Unit: { type: "structure", members: {} },
  },
};

const read = (query: string) => decodeQuery(other, "Do", new URLSearchParams(query));
const readUser = (query: string) => decodeQuery(iamContract, "CreateUser", new URLSearchParams(query));

function faultOf(action: () => unknown): { fault: string; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof Fault) return { fault: error.fault, message: error.message };
    throw error;
  }
  throw new Error("no fault");
}

describe("fields become an input", () => {
  test("members, lists of structures, and none of the fields that are no members", () => {
    const query =
      "Action=CreateUser&Version=2010-05-08&UserName=alice&Tags.member.1.Key=team&Tags.member.1.Value=&Tags.member.1.More=x&X-Amz-Date=1&userName=no&UserName.member.1=no&Tags.member.2.Key=b&Tags.member.2.Value=c%20d";
    expect(readUser(query)).toEqual({
      UserName: "alice",
      Tags: [
        { Key: "team", Value: "" },
        { Key: "b", Value: "c d" },
      ],
    });
  });

  test.each<[string, unknown]>([
    ["", {}],
    [
      "Counts.entry.1.key=a&Counts.entry.1.value=1&Counts.entry.2.key=b&Counts.entry.2.value=-2",
      { Counts: { a: 1, b: -2 } },
    ],
    ["Counts.entry.1.key=a&Counts.entry.2.value=2", { Counts: {} }],
    ["FlatCounts.1.Name=a&FlatCounts.1.Count=1", { FlatCounts: { a: 1 } }],
    ["Flat.1=a&Flat.2=b", { Flat: ["a", "b"] }],
    ["Rows.row.1.member.1=a&Rows.row.1.member.2=b&Rows.row.2.member.1=c", { Rows: [["a", "b"], ["c"]] }],
    ["Rows.member.1.member.1=a&Counts.1.key=c&Counts.entry.1.other=d", {}],
    ["Key=c&Named=a&other-name=b", { Key: "a", Named: "b" }],
    ["Is=true&Inner.Is=false", { Is: true, Inner: { Is: false } }],
    ["Size=9007199254740991&Score=-1.5e3", { Size: 9007199254740991, Score: -1500 }],
    ["At=2026-01-02T03:04:05Z", { At: new Date(Date.UTC(2026, 0, 2, 3, 4, 5)) }],
    ["At=2026-01-02T03:04:05.250%2B01:00", { At: new Date(Date.UTC(2026, 0, 2, 2, 4, 5, 250)) }],
    ["Body=aGk%3D", { Body: new TextEncoder().encode("hi") }],
    ["Key=&Named=&Things=&Counts=&Inner=", { Key: "", Things: [], Counts: {}, Inner: {} }],
    ["Named=first&Named=second", { Key: "first" }],
    ["Things.member.1=&Things.member.2.Is=true", { Things: [{}, { Is: true }] }],
  ])("%s", (query, input) => {
    expect(read(query)).toEqual(input);
  });

  test("items come in the order of their numbers, whatever the fields' order, and gaps close", () => {
    expect(read("Flat.30=c&Flat.4=b&Flat.999999999=d&Flat.1=a")).toEqual({ Flat: ["a", "b", "c", "d"] });
  });

  test("names that objects have by themselves are nothing special", () => {
    expect(read("__proto__=a&constructor=b&Inner.__proto__.Is=true&toString.x=1")).toEqual({});
    const counts = read("Counts.entry.1.key=__proto__&Counts.entry.1.value=1") as { Counts: object };
    expect(Object.entries(counts.Counts)).toEqual([["__proto__", 1]]);
  });

  test("a name with more parts than any input has is no member", () => {
    expect(read(`${"Inner.".repeat(31)}Is=true`)).toEqual(
      Array.from({ length: 31 }).reduce<object>((inner) => ({ Inner: inner }), { Is: true }),
    );
    expect(read(`${"Inner.".repeat(32)}Is=true`)).toEqual({});
    expect(read(`${"Inner.".repeat(100_000)}Is=true`)).toEqual({});
  });
});

describe("what is wrong is refused", () => {
  test.each([
    ["Flat.0=a", "Flat.0"],
    ["Flat.-1=a", "Flat.-1"],
    ["Flat.01=a", "Flat.01"],
    ["Flat.x=a", "Flat.x"],
    ["Flat.=a", "Flat."],
    ["Flat.1000000000=a", "Flat.1000000000"],
    ["Things.member.1e1.Is=true", "Things.member.1e1.Is"],
    ["Counts.entry.0.key=a", "Counts.entry.0.key"],
  ])("an item without a number: %s", (query, field) => {
    expect(faultOf(() => read(query))).toEqual({
      fault: "MalformedInput",
      message: `The field '${field}' has no number where a list or a map has one: 1 or more, without leading zeros`,
    });
  });

  test.each([
    ["Is=True", "STRING_VALUE can not be converted to a Boolean at 'is'"],
    [
      "Counts.entry.1.key=a&Counts.entry.1.value=1.5",
      "STRING_VALUE can not be converted to an Integer at 'counts.a'",
    ],
    ["Size=", "STRING_VALUE can not be converted to a Long at 'size'"],
    ["Size=9007199254740993", "NUMBER_VALUE can not be converted to a Long at 'size'"],
    ["Score=NaN", "STRING_VALUE can not be converted to a Double at 'score'"],
    ["Score=1e999", "NUMBER_VALUE can not be converted to a Double at 'score'"],
    ["At=1767323045", "STRING_VALUE can not be converted to milliseconds since epoch at 'at'"],
    ["At=2026-13-02T03:04:05Z", "NUMBER_VALUE can not be converted to milliseconds since epoch at 'at'"],
    ["Body=hi", "STRING_VALUE can not be converted to a Blob at 'body': it is not Base64 with its padding"],
    ["Things=a", "Expected list or null at 'things'"],
    ["Counts=a", "Expected map or null at 'counts'"],
    ["Inner=a", "Expected structure or null at 'inner'"],
  ])("a wrong type: %s", (query, message) => {
    expect(faultOf(() => read(query))).toEqual({ fault: "MalformedInput", message });
  });

  test.each([
    [
      "UserName=a%20b",
      "1 validation error detected: Value 'a b' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+",
    ],
    [
      "",
      "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null",
    ],
    [
      "UserName=a&Tags.member.1.Key=k&Tags.member.1.Value=D%26T",
      "1 validation error detected: Value 'D&T' at 'tags.1.member.value' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*",
    ],
    [
      "UserName=&Tags.member.7.Value=v",
      "3 validation errors detected: Value '' at 'userName' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+; Value null at 'tags.1.member.key' failed to satisfy constraint: Member must not be null",
    ],
  ])("a broken constraint, in IAM's words: %s", (query, message) => {
    expect(faultOf(() => readUser(query))).toEqual({ fault: "ConstraintsFailed", message });
  });

  test("a password is not shown", () => {
    const query = new URLSearchParams({ UserName: "alice", Password: "пароль" });
    expect(faultOf(() => decodeQuery(iamContract, "CreateLoginProfile", query)).message).toBe(
      "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
    );
  });
});

/** Names that are members, almost members, or nothing. */
const part = fc.oneof(
  fc.constantFrom(...Object.keys(other.shapes.Everything as { members: object }), "other-name", "row"),
  fc.constantFrom("member", "entry", "key", "value", "Name", "Count", "", "__proto__", "constructor"),
  fc.constantFrom("0", "1", "2", "3", "01", "-1", "1e9", "999999999", "9999999999", "٣"),
  fc.string({ unit: "binary", maxLength: 5 }),
);
const text = fc.oneof(
  fc.constantFrom(
    "",
    "true",
    "1",
    "-0",
    "1e400",
    "2026-01-01T00:00:00Z",
    "9999-99-99T99:99:99Z",
    "aGk=",
    "null",
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const garbage = fc.array(
  fc.tuple(
    fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(".")),
    text,
  ),
  { maxLength: 30 },
);

// On failure fast-check prints the seed and the path that repeat it.
describe("whatever comes", () => {
  test("is an input or a fault", () => {
    fc.assert(
      fc.property(garbage, (pairs) => {
        try {
          read(new URLSearchParams(pairs).toString());
        } catch (error) {
          if (!(error instanceof Fault)) throw error;
          expect(error.message.length).toBeLessThan(20_000);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  const fields = (count: number, name: (index: number) => string) =>
    new URLSearchParams(Array.from({ length: count }, (_, index) => [name(index), "a"]));

  test.each<[string, (index: number) => string]>([
    ["items", (index) => `TransitiveTagKeys.member.${index + 1}`],
    ["items of structures", (index) => `Tags.member.${index + 1}.Key`],
    ["items far apart", (index) => `Tags.member.${index * 9_999 + 1}.Value`],
    ["items backwards", (index) => `Tags.member.${100_000 - index}.Key`],
    ["unknown fields", (index) => `Nothing.${index}`],
    ["parts", (index) => `${"a.".repeat(50)}${index}`],
    ["the same field", () => "RoleArn"],
  ])("100,000 fields cost less than two seconds of a processor, which may be busy: %s", (_, name) => {
    const many = fields(100_000, name);
    const before = process.cpuUsage();
    const { message } = faultOf(() => decodeQuery(stsContract, "AssumeRole", many));
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(2_000_000);
    expect(message.length).toBeLessThan(20_000);
  });

  test("more fields than a request may have are refused unread", () => {
    const many = fields(limits.requestValues + 1, () => "a");
    expect(faultOf(() => readUser(many.toString()))).toEqual({
      fault: "MalformedInput",
      message: "A request can have at most 500000 fields",
    });
  });
});
