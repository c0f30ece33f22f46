/** Every condition operator, with every prefix and suffix, on values that are there, missing, empty and several. */
import { describe, expect, test } from "bun:test";
import { holds as conditionHolds, readConditions } from "./conditions.ts";
import { readJson } from "./json.ts";

type Value = string | number | boolean;
type Values = Value | readonly Value[];

function read(condition: unknown, variables = true) {
  const json = readJson(JSON.stringify(condition), { depth: 10, values: 100_000 });
  if ("reason" in json) throw new Error(json.reason);
  const problems: string[] = [];
  const report = (path: string, reason: string, suggestion?: string) =>
    problems.push(`${path}: ${reason}${suggestion ? ` (${suggestion})` : ""}`);
  return { conditions: readConditions(json.value, { variables, report }), problems };
}

type Context = Readonly<Record<string, readonly string[]>>;

function holds(operator: string, wanted: Values, context: Context, variables = true): boolean {
  const { conditions, problems } = read({ [operator]: { k: wanted } }, variables);
  expect(problems).toEqual([]);
  return conditions.every((condition) => conditionHolds(condition, new Map(Object.entries(context))));
}

const operators: readonly [operator: string, wanted: Values, saw: string, expected: boolean][] = [
  ["StringEquals", "a", "a", true],
  ["StringEquals", "a", "A", false],
  ["StringEquals", "a*", "ab", false],
  ["StringEquals", "a*", "a*", true],
  ["StringEquals", ["a", "b"], "b", true],
  ["StringEquals", [], "b", false],
  ["StringEquals", 5, "5", true],
  ["StringEquals", true, "true", true],
  ["StringNotEquals", "a", "b", true],
  ["StringNotEquals", ["a", "b"], "b", false],
  ["StringNotEquals", [], "b", true],
  ["StringEqualsIgnoreCase", "ÄbC", "äBc", true],
  ["StringEqualsIgnoreCase", "a", "b", false],
  ["StringNotEqualsIgnoreCase", "ABC", "abc", false],
  ["StringNotEqualsIgnoreCase", "ABC", "abd", true],
  ["StringLike", "a*", "ab", true],
  ["StringLike", "a?", "ab", true],
  ["StringLike", "A*", "ab", false],
  ["StringLike", ["x", "*b"], "ab", true],
  ["StringNotLike", "a*", "ab", false],
  ["StringNotLike", ["x*", "y*"], "ab", true],
  ["NumericEquals", "1.0", "1", true],
  ["NumericEquals", 3600, "3600", true],
  ["NumericEquals", "12345678901234567890", "12345678901234567891", false],
  ["NumericEquals", "1", "one", false],
  ["NumericNotEquals", "1", "1.00", false],
  ["NumericNotEquals", "1", "one", true],
  ["NumericLessThan", "10", "9", true],
  ["NumericLessThan", "10", "10", false],
  ["NumericLessThan", ["10", "5"], "7", true],
  ["NumericLessThanEquals", "10", "10", true],
  ["NumericLessThanEquals", "10", "10.1", false],
  ["NumericGreaterThan", "10", "10.0001", true],
  ["NumericGreaterThan", "10", "10", false],
  ["NumericGreaterThanEquals", "10", "10", true],
  ["NumericGreaterThanEquals", "10", "-11", false],
  ["DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", true],
  ["DateEquals", "1767225600", "2026-01-01T00:00:00Z", true],
  ["DateNotEquals", "2026-01-01", "2026-01-01T00:00:00Z", false],
  ["DateLessThan", "2026-01-01", "2025-12-31T23:59:59Z", true],
  ["DateLessThan", "2026-01-01", "2026-01-01", false],
  ["DateLessThanEquals", "2026-01-01", "2026-01-01", true],
  ["DateGreaterThan", "2026-01-01", "2026-01-01T00:00:00.001Z", true],
  ["DateGreaterThan", "2026-01-01", "yesterday", false],
  ["DateGreaterThanEquals", "2026-01-01", "1767225600", true],
  ["Bool", "true", "true", true],
  ["Bool", true, "True", true],
  ["Bool", "false", "true", false],
  ["Bool", ["true", "false"], "false", true],
  ["Bool", "true", "1", false],
  ["BinaryEquals", "QmluYXJ5", "QmluYXJ5", true],
  ["BinaryEquals", "QmluYXJ5", "qmluYXJ5", false],
  ["IpAddress", "203.0.113.0/24", "203.0.113.9", true],
  ["IpAddress", ["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", true],
  ["IpAddress", "203.0.113.0/24", "::ffff:203.0.113.9", true],
  ["IpAddress", "203.0.113.0/24", "not an address", false],
  ["NotIpAddress", "203.0.113.0/24", "203.0.113.9", false],
  ["NotIpAddress", "203.0.113.0/24", "2001:db8::1", true],
  ["ArnEquals", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/a", true],
  ["ArnEquals", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/A", false],
  ["ArnLike", "arn:aws:*:1:x", "arn:aws:s3:eu:1:x", false],
  ["ArnLike", ["arn:aws:s3:::a", "arn:aws:s3:::b*"], "arn:aws:s3:::bc", true],
  ["ArnNotEquals", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/a", false],
  ["ArnNotEquals", "arn:aws:iam::1:role/*", "arn:aws:iam::2:role/a", true],
  ["ArnNotLike", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/a", false],
  ["ArnNotLike", "arn:aws:iam::1:role/*", "arn:aws:iam::1:user/a", true],
];

test.each(operators)("%s %p on %p: %p", (operator, wanted, saw, expected) => {
  expect(holds(operator, wanted, { k: [saw] })).toBe(expected);
  expect(holds(`${operator}IfExists`, wanted, { k: [saw] })).toBe(expected);
  // With one value of a request, both set operators ask what the plain one asks.
  expect(holds(`ForAllValues:${operator}`, wanted, { k: [saw] })).toBe(expected);
  expect(holds(`ForAnyValue:${operator}IfExists`, wanted, { k: [saw] })).toBe(expected);
});

describe("a key without a value", () => {
  const names = [...new Set(operators.map(([operator]) => operator))];
  const wanted = Object.fromEntries(operators.map(([operator, values]) => [operator, values]));

  test.each(names)("%s", (operator) => {
    const isNegated = /Not/.test(operator);
    const contexts: readonly Context[] = [{}, { k: [] }, { other: ["a"] }];
    for (const context of contexts) {
      expect(holds(operator, wanted[operator] ?? "", context)).toBe(isNegated);
      expect(holds(`${operator}IfExists`, wanted[operator] ?? "", context)).toBe(true);
      expect(holds(`ForAllValues:${operator}`, wanted[operator] ?? "", context)).toBe(true);
      expect(holds(`ForAnyValue:${operator}`, wanted[operator] ?? "", context)).toBe(false);
      expect(holds(`ForAnyValue:${operator}IfExists`, wanted[operator] ?? "", context)).toBe(true);
    }
  });

  test.each([
    ["true", undefined, true],
    ["false", undefined, false],
    ["true", ["a"], false],
    ["false", ["a"], true],
    ["false", [""], true],
    ["true", [], true],
    [true, undefined, true],
    [["true", "false"], ["a"], true],
  ] as const)("Null %p on %p: %p", (wanted, saw, expected) => {
    const context: Context = saw === undefined ? {} : { k: saw };
    expect(holds("Null", typeof wanted === "object" ? [...wanted] : wanted, context)).toBe(expected);
    expect(holds("ForAnyValue:Null", typeof wanted === "object" ? [...wanted] : wanted, context)).toBe(
      expected,
    );
  });
});

describe("several values of a request", () => {
  const rows: readonly [operator: string, saw: readonly string[], expected: boolean][] = [
    ["StringLike", ["key1:a", "x"], true],
    ["StringNotLike", ["key1:a", "x"], false],
    ["StringNotLike", ["x", "y"], true],
    // IAM user guide, "Multivalued context key examples".
    ["ForAllValues:StringLike", ["key1:a", "key2:b"], true],
    ["ForAllValues:StringLike", ["key1:a", "x"], false],
    ["ForAllValues:StringNotLike", ["key1:a", "x"], false],
    ["ForAllValues:StringNotLike", ["x", "y"], true],
    ["ForAnyValue:StringLike", ["key1:a", "x"], true],
    ["ForAnyValue:StringLike", ["x", "y"], false],
    ["ForAnyValue:StringNotLike", ["key1:a", "x"], true],
    ["ForAnyValue:StringNotLike", ["key1:a", "key2:b"], false],
    // An empty set: nothing but empty values.
    ["ForAllValues:StringLike", ["", ""], true],
    ["ForAllValues:StringNotLike", [""], true],
    ["ForAnyValue:StringNotLike", [""], false],
    ["ForAnyValue:StringNotLike", ["", "x"], true],
  ];
  test.each(rows)("%s on %p: %p", (operator, saw, expected) => {
    expect(holds(operator, ["key1*", "key2*"], { k: saw })).toBe(expected);
  });
});

describe("variables", () => {
  const context = {
    "aws:username": ["ann"],
    "aws:principaltag/team": ["blue*"],
    "aws:tagkeys": ["a", "b"],
    "aws:empty": [""],
    "aws:sourcearn": ["arn:aws:s3:::x"],
  };
  const like = (operator: string, wanted: Values, saw: string, variables = true) =>
    holds(operator, wanted, { ...context, k: [saw] }, variables);

  test.each<[operator: string, wanted: Values, saw: string, expected: boolean]>([
    ["StringEquals", `\${aws:username}`, "ann", true],
    ["StringEquals", `\${AWS:UserName}`, "ann", true],
    ["StringEquals", `\${ aws:username }`, "ann", true],
    ["StringEquals", `x-\${aws:username}-y`, "x-ann-y", true],
    ["StringEqualsIgnoreCase", `\${aws:username}`, "ANN", true],
    ["StringLike", `\${aws:username}/*`, "ann/b", true],
    ["StringLike", `\${aws:PrincipalTag/team}`, "blue*", true],
    // What a variable brings in is no wildcard.
    ["StringLike", `\${aws:PrincipalTag/team}`, "blues", false],
    ["StringLike", `\${*}`, "*", true],
    ["StringLike", `\${*}`, "a", false],
    ["StringLike", `\${?}`, "a", false],
    ["StringEquals", `\${$}{aws:username}`, `\${aws:username}`, true],
    ["StringEquals", `\${*}\${?}\${$}`, "*?$", true],
    // Several values, or none: like nothing, and unlike everything.
    ["StringLike", `*\${aws:TagKeys}`, "a", false],
    ["StringEquals", `\${aws:missing}`, "", false],
    ["StringNotEquals", `\${aws:missing}`, "a", true],
    ["StringNotLike", `\${aws:missing}*`, "a", true],
    ["ArnNotLike", `arn:aws:s3:::\${aws:missing}`, "arn:aws:s3:::x", true],
    ["StringEquals", [`\${aws:missing}`, "a"], "a", true],
    ["StringEquals", `\${aws:empty}`, "", true],
    ["StringEquals", `\${aws:missing, 'nobody'}`, "nobody", true],
    ["StringEquals", `\${aws:missing,'nobody'}`, "nobody", true],
    ["StringLike", `\${aws:missing, 'a*'}`, "ab", false],
    ["StringEquals", `\${aws:username, 'nobody'}`, "nobody", false],
    ["StringEquals", `\${aws:missing, ''}`, "", true],
    ["StringEquals", `\${aws:TagKeys, 'a'}`, "a", false],
    ["ArnEquals", `\${aws:SourceArn}`, "arn:aws:s3:::x", true],
    ["ArnLike", `arn:aws:iam::1:user/\${aws:username}`, "arn:aws:iam::1:user/ann", true],
    // What is no variable stays as it is.
    ["StringEquals", `\${aws:username`, `\${aws:username`, true],
    ["StringEquals", `\${}`, `\${}`, true],
    ["StringEquals", "$aws:username", "$aws:username", true],
  ])("%s %p on %p: %p", (operator, wanted, saw, expected) => {
    expect(like(operator, wanted, saw)).toBe(expected);
  });

  test("are none in the older version", () => {
    expect(like("StringEquals", `\${aws:username}`, "ann", false)).toBe(false);
    expect(like("StringEquals", `\${aws:username}`, `\${aws:username}`, false)).toBe(true);
    expect(like("StringLike", `\${*}`, `\${anything}`, false)).toBe(true);
  });
});

test("keys are found without case, and all conditions have to hold", () => {
  const context = new Map([
    ["aws:sourceip", ["10.1.2.3"]],
    ["aws:resourcetag/team", ["blue"]],
  ]);
  const all = (condition: object) =>
    read(condition).conditions.every((condition) => conditionHolds(condition, context));
  expect(
    all({ IpAddress: { "AWS:SourceIP": "10.0.0.0/8" }, StringEquals: { "aws:resourceTag/Team": "blue" } }),
  ).toBe(true);
  expect(
    all({ IpAddress: { "AWS:SourceIP": "10.0.0.0/8" }, StringEquals: { "aws:resourceTag/Team": "red" } }),
  ).toBe(false);
  expect(all({ StringEquals: { "aws:resourceTag/team": "blue", "aws:username": "ann" } })).toBe(false);
});

test.each<[name: string, condition: unknown, problem: string]>([
  ["no object", [], ".Condition: must be a JSON object"],
  [
    "an operator's slip",
    { StringEqual: {} },
    ".Condition.StringEqual: is not a condition operator (StringEquals)",
  ],
  [
    "another case",
    { stringequals: {} },
    ".Condition.stringequals: is not a condition operator (StringEquals)",
  ],
  ["Null if it exists", { NullIfExists: {} }, ".Condition.NullIfExists: is not a condition operator"],
  [
    "two sets",
    { "ForAllValues:ForAnyValue:Bool": {} },
    ".Condition.ForAllValues:ForAnyValue:Bool: is not a condition operator",
  ],
  ["no keys", { Bool: "true" }, ".Condition.Bool: must be an object of condition keys and values"],
  [
    "a null",
    { Bool: { k: null } },
    ".Condition.Bool.k: must be text, a number, a boolean, or a list of these",
  ],
  [
    "a list in a list",
    { Bool: { k: [["true"]] } },
    ".Condition.Bool.k: must be text, a number, a boolean, or a list of these",
  ],
  ["no number", { NumericEquals: { k: ["1", "two"] } }, ".Condition.NumericEquals.k: 'two' is not a number"],
  ["no answer", { Bool: { k: "yes" } }, ".Condition.Bool.k: 'yes' is not true or false"],
  ["no answer to Null", { Null: { k: "" } }, ".Condition.Null.k: '' must be true or false"],
  [
    "no date",
    { DateLessThan: { k: "soon" } },
    ".Condition.DateLessThan.k: 'soon' is not a date such as 2026-01-31T12:00:00Z, or seconds since 1970",
  ],
  ["no bytes", { BinaryEquals: { k: "?" } }, ".Condition.BinaryEquals.k: '?' is not bytes in base 64"],
  [
    "no range",
    { NotIpAddress: { k: "10.0.0.0/64" } },
    ".Condition.NotIpAddress.k: '10.0.0.0/64' is not an address such as 203.0.113.7 or a range such as 203.0.113.0/24 or 2001:db8::/32",
  ],
])("refused: %s", (_, condition, problem) => {
  expect(read(condition).problems[0]).toStartWith(problem);
});

test("a thousand values cost what one costs", () => {
  const wanted = Array.from({ length: 50_000 }, (_, at) => `value-${at}`);
  const { conditions } = read({ StringEquals: { k: wanted } });
  const context = new Map([["k", ["value-x"]]]);
  const startedAt = performance.now();
  for (let round = 0; round < 10_000; round += 1)
    expect(conditions.every((condition) => conditionHolds(condition, context))).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
