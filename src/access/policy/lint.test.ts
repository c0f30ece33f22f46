/** Advice: what is taken, and probably not meant. And that what would be refused is refused with what was meant. */
import { describe, expect, test } from "bun:test";
import type { AdviceCode } from "./advice.ts";
import { readPolicy } from "./document.ts";
import type { PolicyKind } from "./kinds.ts";
import { adviceOn } from "./lint.ts";
import { problemText } from "./problems.ts";

type Member = Readonly<Record<string, unknown>>;

const actions = [
  "ecr:ListImages",
  "ecr:BatchGetImage",
  "ecr:PutImage",
  "ecr:GetAuthorizationToken",
  "ecr:CreatePullThroughCacheRule",
  "ecr:PutRegistryPolicy",
  "ecr:ReplicateImage",
  "ecr:CreateRepository",
  "sts:AssumeRole",
  "sts:AssumeRoleWithWebIdentity",
  "sts:GetCallerIdentity",
];
const own = "111122223333";
const named = { AWS: `arn:aws:iam::${own}:root` };
const right: Readonly<Record<PolicyKind, Member>> = {
  identity: { Effect: "Allow", Action: "ecr:PutImage", Resource: "*" },
  boundary: { Effect: "Allow", Action: "ecr:PutImage", Resource: "*" },
  session: { Effect: "Allow", Action: "ecr:PutImage", Resource: "*" },
  scp: { Effect: "Allow", Action: "ecr:PutImage", Resource: "*" },
  repository: { Effect: "Allow", Action: "ecr:PutImage", Principal: named },
  registry: { Effect: "Allow", Action: "ecr:ReplicateImage", Principal: named, Resource: "*" },
  trust: { Effect: "Allow", Action: "sts:AssumeRole", Principal: named },
};

/** Advice about statements that are right for the kind but for each change. */
function advice(
  kind: PolicyKind,
  changes: Member | readonly Member[],
  version: string | undefined = "2012-10-17",
) {
  const statements = [changes].flat().map((change) => ({ ...right[kind], ...change }));
  const text = JSON.stringify({ Version: version, Statement: statements });
  const reading = readPolicy({ kind, name: "x", text, actions });
  if ("problems" in reading) throw new Error(reading.problems.map(problemText).join("\n"));
  return adviceOn(reading.policy, actions);
}

const codes = (...found: Parameters<typeof advice>) => advice(...found).map(({ code }) => code);

test("there is none about what is right", () => {
  for (const kind of Object.keys(right) as PolicyKind[]) expect(advice(kind, {})).toEqual([]);
});

describe("actions", () => {
  test("GetAuthorizationToken is taken in a repository policy, and grants nothing there", () => {
    expect(advice("repository", [{}, { Action: ["ecr:PutImage", "ecr:GetAuthorizationToken"] }])).toEqual([
      {
        code: "grants-nothing",
        statement: 2,
        path: "Statement[1].Action",
        text: "'ecr:GetAuthorizationToken' grants nothing in a repository policy; only an identity policy can grant it",
      },
    ]);
  });

  test.each<[kind: PolicyKind, change: Member, text: string]>([
    [
      "repository",
      { Action: "ECR:createrepository" },
      "'ECR:createrepository' grants nothing in a repository policy; only an identity policy or a registry policy can grant it",
    ],
    [
      "repository",
      { Action: "ecr:ReplicateImage" },
      "'ecr:ReplicateImage' grants nothing in a repository policy; only a registry policy can grant it",
    ],
    [
      "registry",
      { Action: "ecr:CreatePullThroughCacheRule" },
      "'ecr:CreatePullThroughCacheRule' grants nothing in a registry policy; only an identity policy can grant it",
    ],
    [
      "identity",
      { Action: "ecr:ReplicateImage" },
      "'ecr:ReplicateImage' grants nothing in an identity policy; only a registry policy can grant it",
    ],
    [
      "repository",
      { Action: "ecr:PutRegistryPolicy" },
      "'ecr:PutRegistryPolicy' is never asked about a repository",
    ],
    [
      "repository",
      { Effect: "Deny", Action: "ecr:PutRegistryPolicy" },
      "'ecr:PutRegistryPolicy' is never asked about a repository",
    ],
    [
      "identity",
      { Action: "ecr:GetAuthorizationToken", Resource: `arn:aws:ecr:*:${own}:repository/*` },
      `'ecr:GetAuthorizationToken' has no resource, so that only the resource "*" can match it`,
    ],
  ])("in a policy of kind %s: %j", (kind, change, text) => {
    expect(advice(kind, change)).toEqual([
      { code: "grants-nothing", statement: 1, path: "Statement[0].Action", text },
    ]);
  });

  test("that could be granted, or are denied or left out, get none", () => {
    expect(codes("identity", { Action: "ecr:CreateRepository" })).toEqual([]);
    expect(codes("repository", { Action: "ecr:*" })).toEqual([]);
    expect(codes("repository", { Action: undefined, NotAction: "ecr:GetAuthorizationToken" })).toEqual([]);
    expect(codes("identity", { Effect: "Deny", Action: "ecr:ReplicateImage" })).toEqual([]);
  });

  test("like none that exists never apply", () => {
    expect(advice("identity", { Action: ["ecr:Lst*", "s3:Lst*", "ecr:List*"] })).toEqual([
      {
        code: "never-applies",
        statement: 1,
        path: "Statement[0].Action",
        text: "'ecr:Lst*' is like no action that exists",
      },
    ]);
    expect(codes("identity", { Effect: "Deny", Action: undefined, NotAction: "ecr:Lst*" })).toEqual([
      "never-applies",
    ]);
  });

  test("with a slip are refused, with statement, path and what was meant", () => {
    const statements = [right.repository, { ...right.repository, Action: ["ecr:PutImage", "ecr:ListImage"] }];
    const text = JSON.stringify({ Version: "2012-10-17", Statement: statements });
    const reading = readPolicy({ kind: "repository", name: "x", text, actions });
    expect("problems" in reading && reading.problems).toEqual([
      {
        statement: 2,
        path: "Statement[1].Action",
        reason: "'ecr:ListImage' is not an action",
        suggestion: "ecr:ListImages",
      },
    ]);
    expect("problems" in reading && problemText(reading.problems[0])).toBe(
      "statement 2 (Statement[1].Action): 'ecr:ListImage' is not an action; did you mean 'ecr:ListImages'?",
    );
  });
});

describe("everyone", () => {
  const everyone = "Everyone, with or without an account, may do this";
  test("without a condition on the caller", () => {
    for (const Principal of ["*", { AWS: "*" }, { AWS: [own, "*"] }])
      expect(advice("repository", { Principal })).toEqual([
        {
          code: "public",
          statement: 1,
          path: "Statement[0].Principal",
          text: `${everyone}. Unless that is meant, name principals, or add a condition on who asks, such as aws:PrincipalOrgID`,
        },
      ]);
    expect(advice("trust", { Principal: "*" })[0]?.text).toStartWith("Everyone may assume this role. ");
  });

  test.each<[condition: Member, isPublic: boolean]>([
    [{ StringEquals: { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }, false],
    [{ "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*" } }, false],
    [{ IpAddress: { "aws:SourceIp": "10.0.0.0/8" } }, false],
    [{ ArnLike: { "AWS:principalarn": `arn:aws:iam::${own}:role/*` } }, false],
    [{ StringEquals: { "token.example.com:sub": "me" } }, false],
    [{ Bool: { "aws:SecureTransport": "true" } }, true],
    [{ StringEquals: { "ecr:ResourceTag/public": "true" } }, true],
    [{ StringNotEquals: { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }, true],
    [{ StringEqualsIfExists: { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }, true],
    [{ Null: { "aws:PrincipalArn": "false" } }, true],
  ])("with %j: %p", (Condition, isPublic) => {
    expect(codes("repository", { Principal: "*", Condition }).includes("public")).toBe(isPublic);
  });

  test("may be denied", () => {
    expect(codes("repository", { Effect: "Deny", Principal: "*" })).toEqual([]);
  });
});

describe("each code is given", () => {
  const role = `arn:aws:iam::${own}:role/ci`;
  const cases: Readonly<Record<AdviceCode, Parameters<typeof advice>>> = {
    "allow-not-principal": ["repository", { Principal: undefined, NotPrincipal: named }],
    "always-denied": ["identity", [{}, { Effect: "Deny", Action: "ecr:*" }]],
    "deleted-identity": ["repository", { Principal: { AWS: "AROAEXAMPLEEXAMPLE123" } }],
    deputy: ["repository", { Principal: { Service: "lambda.amazonaws.com" } }],
    "grants-nothing": ["repository", { Action: "ecr:GetAuthorizationToken" }],
    "never-applies": ["identity", { Action: "ecr:Got*" }],
    "no-set-operator": ["identity", { Condition: { StringEquals: { "aws:TagKeys": "team" } } }],
    "not-principal-account": [
      "repository",
      { Effect: "Deny", Principal: undefined, NotPrincipal: { AWS: role } },
    ],
    "older-version": [
      "identity",
      { Resource: `arn:aws:ecr:*:*:repository/\${aws:username}/*` },
      "2008-10-17",
    ],
    operator: ["identity", { Condition: { StringEquals: { "aws:PrincipalArn": "arn:aws:iam::*:role/ci" } } }],
    public: ["repository", { Principal: "*" }],
    "set-operator": ["identity", { Condition: { "ForAllValues:StringEquals": { "aws:username": "ann" } } }],
    "unknown-key": ["identity", { Condition: { StringEquals: { "aws:SourceIP4": "10.0.0.1" } } }],
  };

  test.each(Object.entries(cases))("%s", (code, found) => {
    const given = advice(...found);
    expect(given.map((one) => one.code)).toEqual([code as AdviceCode]);
    expect(given[0]?.path).toStartWith("Statement[0]");
  });
});

test("what a user wrote is cut in advice", () => {
  const long = "x".repeat(2_000);
  const found = advice("repository", {
    Action: [`ecr:${long}*`, "ecr:PutImage"],
    Condition: {
      StringEquals: { [`aws:${long}`]: `${long}*` },
      ArnEquals: { "aws:SourceArn": long },
    },
  });
  expect(found.length).toBeGreaterThan(2);
  for (const { text, path } of found) {
    expect(text.length).toBeLessThan(700);
    expect(path.length).toBeLessThan(700);
  }
});
