import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Policy, readPolicy } from "../policy/document.ts";
import { type AccessRequest, decide, type Policies } from "../policy/evaluate.ts";
import type { PolicyKind } from "../policy/kinds.ts";
import type { Context } from "../policy/templates.ts";
import { standingOf } from "./standing.ts";

type Json = Readonly<Record<string, unknown>>;

function policyOf(kind: PolicyKind, statements: readonly Json[]): Policy {
  const text = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  const reading = readPolicy({ kind, name: `the ${kind} policy`, text });
  if ("problems" in reading) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

const user = { kind: "user", arn: "arn:aws:iam::111122223333:user/ci", accountId: "111122223333" } as const;

function requestWith(context: Context): AccessRequest {
  return {
    principal: { ...user, uniqueId: "AIDAEXAMPLE" },
    action: "ecr:BatchGetImage",
    resource: "arn:aws:ecr:us-east-1:111122223333:repository/app",
    resourceAccountId: "111122223333",
    context,
  };
}

const allow = { Effect: "Allow", Action: "ecr:*", Resource: "*" };
const deny = { ...allow, Effect: "Deny" };
const none: Policies = { identity: [], scps: [], resource: [] };
const isFixed = (key: string) => key === "aws:username";
const ci: Context = new Map([["aws:username", ["ci"]]]);

const standing = (policies: Partial<Policies>) =>
  standingOf({ request: requestWith(ci), policies: { ...none, ...policies } }, isFixed);
const identity = (...statements: readonly Json[]) => ({ identity: [policyOf("identity", statements)] });

describe("what is fixed about who asks", () => {
  test("decides, and is no condition", () => {
    const named = (name: string) => ({ ...allow, Condition: { StringEquals: { "aws:username": name } } });
    expect(standing(identity(named("ci")))?.conditions).toEqual([]);
    expect(standing(identity(named("other")))).toBeUndefined();
  });

  test("is open where it is compared with what is open", () => {
    const Condition = { StringEquals: { "aws:username": `\${aws:SourceIdentity}` } };
    expect(standing(identity({ ...allow, Condition }))?.conditions).toEqual([
      `StringEquals aws:username \${aws:SourceIdentity}`,
    ]);
  });
});

describe("what a request brings", () => {
  const tagged = (tag: string) => ({ Condition: { StringEquals: { "ecr:ImageTag": tag } } });

  test("is a condition of a permission, and one that is not needed is none", () => {
    expect(standing(identity({ ...allow, ...tagged("a") }))?.conditions).toEqual([
      "StringEquals ecr:ImageTag a",
    ]);
    expect(standing(identity({ ...allow, ...tagged("a") }, allow))).toMatchObject({
      conditions: [],
      through: [{ statement: 2 }],
    });
  });

  test("of a denial says when there is no permission, and a denial without any ends it", () => {
    expect(standing(identity(allow, { ...deny, ...tagged("a") }))?.conditions).toEqual([
      "unless StringEquals ecr:ImageTag a",
    ]);
    expect(standing(identity(allow, deny))).toBeUndefined();
  });

  test("stands once for each side that needs it", () => {
    const boundary = policyOf("boundary", [{ ...allow, ...tagged("b") }]);
    const found = standing({ ...identity({ ...allow, ...tagged("a") }), boundary });
    expect(found?.conditions).toEqual(["StringEquals ecr:ImageTag a", "StringEquals ecr:ImageTag b"]);
    expect(found?.through.map(({ side }) => side)).toEqual(["identity", "boundary"]);
  });

  test("stands for each level of the organization", () => {
    const level = (tag: string, name: string) => [
      { ...policyOf("scp", [{ ...allow, ...tagged(tag) }]), name },
    ];
    const found = standing({ ...identity(allow), scps: [level("a", "upper"), level("b", "lower")] });
    expect(found?.conditions).toEqual(["StringEquals ecr:ImageTag a and StringEquals ecr:ImageTag b"]);
  });
});

test("agrees with the engine about every request", () => {
  const values = ["a", "b"];
  const condition = fc.constantFrom(
    {},
    ...["ecr:ImageTag", "aws:SourceIdentity", "aws:username"].flatMap((key) =>
      ["StringEquals", "StringNotEquals", "StringEqualsIfExists"].map((operator) => ({
        Condition: { [operator]: { [key]: key === "aws:username" ? "ci" : "a" } },
      })),
    ),
  );
  const statement = fc.tuple(fc.constantFrom("Allow", "Deny"), condition).map(([Effect, more]) => ({
    ...allow,
    Effect,
    ...more,
  }));
  const statements = fc.array(statement, { minLength: 1, maxLength: 4 });
  const onResource = ({ Resource: _, ...rest }: typeof allow) => ({ ...rest, Principal: { AWS: user.arn } });
  const contexts = [undefined, ...values].flatMap((tag) =>
    [undefined, ...values].map(
      (source) =>
        new Map([
          ["aws:username", ["ci"]],
          ...(tag === undefined ? [] : [["ecr:imagetag", [tag]] as const]),
          ...(source === undefined ? [] : [["aws:sourceidentity", [source]] as const]),
        ]),
    ),
  );
  fc.assert(
    fc.property(statements, fc.option(statements), fc.option(statements), (own, bounds, theirs) => {
      const policies: Policies = {
        identity: [policyOf("identity", own)],
        ...(bounds && { boundary: policyOf("boundary", bounds) }),
        scps: [],
        resource: theirs ? [policyOf("repository", theirs.map(onResource))] : [],
      };
      const found = standingOf({ request: requestWith(ci), policies }, isFixed);
      const allowed = contexts.map((context) => decide(requestWith(context), policies).allowed);
      if (found === undefined) expect(allowed).not.toContain(true);
      else if (found.conditions.length === 0) expect(allowed).not.toContain(false);
      else expect(found.conditions.every((text) => /\S/.test(text) && text !== "unless ")).toBe(true);
    }),
    { numRuns: 500 },
  );
});
