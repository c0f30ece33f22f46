/**
 * Policies and requests that somebody made to hurt: each is answered, and soon. Five seconds are there to notice what
 * does not end; all of it together takes less than one.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { type PolicySource, readPolicy } from "./document.ts";
import { type AccessRequest, decide, type Policies } from "./evaluate.ts";
import { explain } from "./explain.ts";
import type { PolicyKind } from "./kinds.ts";
import { adviceOn } from "./lint.ts";
import { problemText } from "./problems.ts";

type Member = Readonly<Record<string, unknown>>;

const own = "111122223333";
const longest = 10_240;
const longMs = 5_000;
const repository = `arn:aws:ecr:us-east-1:${own}:repository/team-a/service`;
const right: Member = { Effect: "Allow", Principal: "*", Action: "ecr:PutImage" };
const known = ["ecr:PutImage", "ecr:ListImages", "ecr:BatchGetImage", "sts:AssumeRole"];

const read = (text: string, options: Partial<PolicySource> = {}) =>
  readPolicy({ kind: "repository", name: "x", text, actions: known, ...options });

function readOne(statement: Member, kind: PolicyKind = "repository", version = "2012-10-17") {
  const reading = read(JSON.stringify({ Version: version, Statement: statement }), { kind });
  if ("problems" in reading) throw new Error(problemText(reading.problems[0]));
  return reading.policy;
}

function requestWith(change: Partial<AccessRequest>): AccessRequest {
  return {
    principal: {
      kind: "user",
      arn: `arn:aws:iam::${own}:user/ann`,
      accountId: own,
      uniqueId: "AIDAEXAMPLE12345",
    },
    action: "ecr:PutImage",
    resource: repository,
    resourceAccountId: own,
    context: new Map(),
    ...change,
  };
}

/** Decides a few times over, and explains and advises once. */
function isAllowed(policies: Partial<Policies>, change: Partial<AccessRequest> = {}): boolean {
  const request = requestWith(change);
  const all: Policies = { identity: [], scps: [], resource: [], ...policies };
  const startedAt = performance.now();
  const decisions = [decide(request, all), decide(request, all), explain(request, all).decision];
  for (const policy of [...all.identity, ...all.scps.flat(), ...all.resource]) adviceOn(policy, known);
  expect(performance.now() - startedAt).toBeLessThan(longMs);
  return decisions.every(({ allowed }) => allowed);
}

const byRepository = (statement: Member, change: Partial<AccessRequest> = {}) =>
  isAllowed({ resource: [readOne({ ...right, ...statement })] }, change);

/** `piece` as often as it has room in a policy beside the rest of a statement. */
const filled = (piece: string) => piece.repeat(Math.floor((longest - 300) / piece.length));
const context = (values: Readonly<Record<string, readonly string[]>>) => ({
  context: new Map(Object.entries(values)),
});

describe("wildcards", () => {
  const value = `${"a".repeat(8_192)}b`;
  test.each<[name: string, pattern: string, isLike: boolean]>([
    ["stars", filled("*"), true],
    ["stars and letters", `${filled("*a")}*`, true],
    ["stars and letters, and what does not come", `${filled("*a")}*c`, false],
    ["question marks", filled("?"), false],
    ["stars and question marks", `${"*?".repeat(4_000)}*`, true],
    ["letters and stars that nearly fit", `${"a*".repeat(4_000)}aab*b`, false],
    ["long pieces that nearly fit", `*${`${"a".repeat(1_000)}c*`.repeat(9)}`, false],
    ["holes in long pieces", `*${"?a".repeat(2_000)}c*`, false],
  ])("%s", (_, pattern, isLike) => {
    const saw = context({ "aws:useragent": [value] });
    expect(byRepository({ Condition: { StringLike: { "aws:UserAgent": pattern } } }, saw)).toBe(isLike);
    expect(byRepository({ Condition: { StringNotLike: { "aws:UserAgent": pattern } } }, saw)).toBe(!isLike);
    const arn = `arn:aws:iam::${own}:${value}`;
    const wanted = `arn:aws:iam::${own}:${pattern}`.slice(0, longest - 300);
    byRepository(
      { Condition: { ArnLike: { "aws:UserAgent": wanted } } },
      context({ "aws:useragent": [arn] }),
    );
  });

  test("in actions and resources", () => {
    for (const piece of ["*", "?", "*a", "a*", "*?", "?*a"]) {
      const action = `ecr:${filled(piece)}`;
      expect(byRepository({ Action: [action, "ecr:PutImage"] })).toBe(true);
      expect(byRepository({ Action: action })).toBe(piece === "*");
      const Resource = `arn:aws:ecr:*:*:repository/${filled(piece)}`;
      isAllowed({ scps: [[readOne({ Effect: "Allow", Action: "*", Resource }, "scp")]] });
    }
  });

  test("in many short patterns", () => {
    const patterns = Array.from({ length: 900 }, (_, at) => `*a*${at}*`);
    const saw = context({ "aws:useragent": [value] });
    expect(byRepository({ Condition: { StringLike: { "aws:UserAgent": patterns } } }, saw)).toBe(false);
  });
});

describe("variables", () => {
  const saw = context({ "aws:useragent": ["a".repeat(8_192)], "aws:username": ["ann"] });

  test("do not make a text as long as their number and a value's length together", () => {
    for (const operator of ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnLike"]) {
      const wanted = filled(`\${aws:UserAgent}`);
      expect(byRepository({ Condition: { [operator]: { "aws:UserAgent": wanted } } }, saw)).toBe(false);
    }
    const Resource = `arn:aws:ecr:*:*:${filled(`\${aws:UserAgent}*`)}`;
    isAllowed({ scps: [[readOne({ Effect: "Allow", Action: "*", Resource }, "scp")]] }, saw);
    expect(byRepository({ Condition: { StringEquals: { "aws:UserAgent": `\${aws:UserAgent}` } } }, saw)).toBe(
      true,
    );
  });

  test("that do not end, are empty, or stand in each other are text or nothing", () => {
    for (const piece of [`\${`, `\${}`, "$", `\${\${`, `\${a,'`, `\${a, 'b'`, `\${a,''}`, `\${*}`, "{}$"]) {
      const wanted = filled(piece);
      expect(byRepository({ Condition: { StringEquals: { "aws:username": wanted } } }, saw)).toBe(false);
    }
  });
});

describe("conditions", () => {
  const operators = [
    "StringEquals",
    "StringLike",
    "ArnLike",
    "StringNotEquals",
    "Null",
    "ForAllValues:StringEquals",
  ];

  test("many operators and keys", () => {
    const keys = Object.fromEntries(Array.from({ length: 90 }, (_, at) => [`k${at}`, "true"]));
    const Condition = Object.fromEntries(operators.map((operator) => [operator, keys]));
    expect(byRepository({ Condition })).toBe(false);
  });

  test("thousands of values, in the policy and in the request", () => {
    const wanted = Array.from({ length: 2_000 }, (_, at) => at % 10);
    const values = Array.from({ length: 5_000 }, (_, at) => `value-${at}`);
    for (const operator of ["StringEquals", "StringLike", "NumericEquals", "ForAllValues:StringLike"])
      expect(
        byRepository(
          { Condition: { [operator]: { "aws:TagKeys": wanted } } },
          context({ "aws:tagkeys": values }),
        ),
      ).toBe(false);
  });

  test("values that are no numbers, dates, addresses or bytes, however long", () => {
    const long = [..."19:.-+eETZ/=A"].flatMap((c) => [c.repeat(20_000), `1${c.repeat(20_000)}`]);
    const rows = {
      NumericLessThan: "5",
      DateGreaterThan: "2026-01-01",
      IpAddress: "10.0.0.0/8",
      BinaryEquals: "QQ==",
    };
    for (const [operator, wanted] of Object.entries(rows))
      for (const value of long)
        byRepository({ Condition: { [operator]: { k: wanted } } }, context({ k: [value] }));
  });

  test("numbers of any size are compared exactly", () => {
    const huge = "9".repeat(4_000);
    const compare = (operator: string, wanted: string, saw: string) =>
      byRepository({ Condition: { [operator]: { k: wanted } } }, context({ k: [saw] }));
    expect(compare("NumericLessThan", `${huge}1`, `${huge}0`)).toBe(true);
    expect(compare("NumericEquals", `${huge}.0`, huge)).toBe(true);
    expect(compare("NumericGreaterThan", "1e999999", "1e999998")).toBe(false);
    expect(compare("NumericGreaterThan", "-1e999999", "-1e-999999")).toBe(true);
    const json = `{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Condition":{"NumericLessThan":{"k":1e400}}}}`;
    expect("policy" in read(json)).toBe(true);
  });
});

describe("names that every object has", () => {
  const members = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype"];
  const inJson = (member: string, value: string) =>
    `{"Statement":{"Effect":"Allow","Principal":"*","Action":"ecr:PutImage","${member}":${value}}}`;

  test.each(members)("%s", (member) => {
    const reasons = (text: string) => {
      const reading = read(text);
      return "problems" in reading ? reading.problems.map(problemText) : [];
    };
    expect(reasons(`{"${member}":{},"Statement":${JSON.stringify(right)}}`)).toHaveLength(1);
    expect(reasons(inJson(member, "1"))).toHaveLength(1);
    expect(reasons(inJson("Condition", `{"${member}":{"a":"b"}}`))).toHaveLength(1);
    expect(reasons(inJson("NotPrincipal", `{"${member}":"*"}`)).length).toBeGreaterThan(0);
    expect(reasons(inJson("NotAction", `"ecr:${member}"`)).length).toBeGreaterThan(0);
    // As a condition's key they are keys like others.
    const Condition = JSON.parse(`{"StringEquals":{"${member}":"x"}}`);
    expect(byRepository({ Condition })).toBe(false);
    expect(byRepository({ Condition }, context({ [member.toLowerCase()]: ["x"] }))).toBe(true);
    const variable = { Condition: { StringEquals: { k: `\${${member}}` } } };
    expect(byRepository(variable, context({ k: ["x"] }))).toBe(false);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe("text", () => {
  test("of halves of characters is compared as it is, and IAM takes none", () => {
    const half = "\ud83d";
    const Condition = { StringEquals: { k: `${half}x` } };
    expect(byRepository({ Condition }, context({ k: [`${half}x`] }))).toBe(true);
    expect(byRepository({ Condition }, context({ k: ["\udea2x"] }))).toBe(false);
    expect(byRepository({ Condition: { StringLike: { k: `${half}?` } } }, context({ k: ["🚢"] }))).toBe(true);
    const raw = `{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecr:*:*:${half}"}}`;
    const [problem] = ((reading) => ("problems" in reading ? reading.problems : []))(
      read(raw, { kind: "identity" }),
    );
    expect(problem?.reason).toContain("U+D83D");
    expect(byRepository({ Sid: half })).toBe(true);
  });

  test("nested, opened and repeated without end", () => {
    const startedAt = performance.now();
    for (const piece of [
      "[",
      "{",
      '{"a":',
      '["',
      '"',
      "\\",
      '{"Statement":[',
      "[{},",
      "1",
      "-",
      "e",
      "\u0000",
      " ",
    ]) {
      const text = piece.repeat(131_072 / piece.length);
      for (const kind of ["repository", "scp", "trust"] as const)
        expect("problems" in read(text, { kind, maxCharacters: 131_072 })).toBe(true);
    }
    expect(performance.now() - startedAt).toBeLessThan(longMs);
  });

  test("with members twice is refused, however they are spelled", () => {
    for (const twice of [
      `"Effect":"Deny"`,
      `"\\u0045ffect":"Deny"`,
      `"Action":"*"`,
      `"Principal":{"AWS":"*"}`,
    ]) {
      const reading = read(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*",${twice}}}`);
      expect("problems" in reading && reading.problems[0].reason).toContain("stands twice in one object");
    }
    const keys = `{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Condition":{"Bool":{"k":"true","k":"false"}}}}`;
    expect("problems" in read(keys)).toBe(true);
    // Keys that differ in case are one key with two conditions, both of which have to hold.
    const Condition = { StringEquals: { k: "a", K: "b" } };
    expect(byRepository({ Condition }, context({ k: ["a"] }))).toBe(false);
    expect(byRepository({ Condition }, context({ k: ["a", "b"] }))).toBe(true);
  });

  test("with hundreds of slips is refused with twenty problems", () => {
    const startedAt = performance.now();
    const Action = Array.from({ length: 500 }, (_, at) => `ecr:PutImag${at}`);
    const reading = read(JSON.stringify({ Statement: { ...right, Action } }));
    expect("problems" in reading && reading.problems.length).toBe(20);
    expect(performance.now() - startedAt).toBeLessThan(longMs);
  });

  test("that is broken anywhere is read or refused, and never throws", () => {
    const whole = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "A",
          Effect: "Allow",
          Principal: { AWS: [own, `arn:aws:iam::${own}:role/ci`], Service: "lambda.amazonaws.com" },
          Action: ["ecr:Batch*", "ecr:PutImage"],
          Condition: {
            "ForAnyValue:StringLikeIfExists": { "aws:TagKeys": [`\${aws:username, 'a'}*`, "b?"] },
            IpAddress: { "aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"] },
            NumericLessThan: { k: 3600 },
            DateLessThan: { "aws:CurrentTime": "2026-01-31T12:00:00Z" },
          },
        },
        { Effect: "Deny", NotPrincipal: "*", NotAction: "ecr:*" },
      ],
    });
    const pieces = fc.constantFrom(
      ..."\"\\{}[],:*?$'/0-1eE \n\u0000\ud800é",
      '"Statement":',
      "null",
      "true",
      "${",
      "__proto__",
      "1e999999",
    );
    const cut = fc.record({ at: fc.nat({ max: whole.length }), length: fc.nat({ max: 12 }), piece: pieces });
    const request = requestWith(context({ "aws:tagkeys": ["a"], "aws:sourceip": ["10.1.1.1"], k: ["5"] }));
    let taken = 0;
    fc.assert(
      fc.property(fc.array(cut, { minLength: 1, maxLength: 3 }), (cuts) => {
        const text = cuts.reduce(
          (so, { at, length, piece }) => so.slice(0, at) + piece + so.slice(at + length),
          whole,
        );
        const reading = read(text);
        if ("problems" in reading) return;
        taken += 1;
        adviceOn(reading.policy, known);
        explain(request, { identity: [], scps: [], resource: [reading.policy] });
      }),
      { numRuns: 10_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});

test("no regular expression is made from a text", () => {
  const sources = readdirSync(import.meta.dir).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
  );
  expect(sources.length).toBeGreaterThan(15);
  const makes = /\bRegExp\b|\.(?:match|matchAll|search)\((?!\s*(?:\/|variable\b))|\beval\b|\bFunction\(/;
  for (const name of sources)
    for (const line of readFileSync(join(import.meta.dir, name), "utf8").split("\n"))
      expect(makes.test(line) ? `${name}: ${line.trim()}` : "").toBe("");
});
