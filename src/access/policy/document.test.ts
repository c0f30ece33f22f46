import { describe, expect, test } from "bun:test";
import { repositoryPolicyProblem } from "./document.ts";

const actions = ["ecr:ListImages", "ecr:BatchGetImage", "ecr:PutImage", "ecr:GetAuthorizationToken"];
const good = { Sid: "new statement", Effect: "Allow", Principal: "*", Action: "ecr:ListImages" };
const problem = (document: unknown) =>
  repositoryPolicyProblem(typeof document === "string" ? document : JSON.stringify(document), actions);
const withStatement = (statement: unknown) =>
  problem({ Version: "2008-10-17", Statement: [good, statement] });

describe("accepted", () => {
  const rows: Readonly<Record<string, unknown>> = {
    "a single statement without a list": { Statement: good },
    "the ARN of another account's root": {
      Version: "2012-10-17",
      Id: "x",
      Statement: [{ ...good, Principal: { AWS: ["arn:aws:iam::111122223333:root", "444455556666"] } }],
    },
    "a service with conditions": {
      Statement: {
        ...good,
        Principal: { Service: "codebuild.amazonaws.com" },
        Condition: {
          StringEquals: { "aws:SourceAccount": "111122223333" },
          "ForAnyValue:StringLikeIfExists": { k: ["a"] },
        },
      },
    },
    "actions in any case and with wildcards": {
      Statement: { ...good, Action: ["ECR:listimages", "ecr:Batch*", "*"] },
    },
    "GetAuthorizationToken, which published guides contain": {
      Statement: { ...good, Action: "ecr:GetAuthorizationToken" },
    },
    "a resource of everything": { Statement: { ...good, Resource: "*" } },
    "NotPrincipal and NotAction": {
      Statement: { Effect: "Deny", NotPrincipal: { AWS: "111122223333" }, NotAction: ["ecr:ListImages"] },
    },
  };
  for (const [name, document] of Object.entries(rows))
    test(name, () => expect(problem(document)).toBeUndefined());
});

describe("refused, with the place and the reason", () => {
  const rows: readonly [name: string, found: string | undefined, expected: string][] = [
    ["text that is not JSON", problem("{"), "not JSON"],
    ["no object", problem([]), "must be a JSON object"],
    ["no statement", problem({ Version: "2012-10-17" }), "no Statement"],
    ["an empty list", problem({ Statement: [] }), "Statement is empty"],
    ["another version", problem({ Version: "2020-01-01", Statement: good }), '"2020-01-01"'],
    ["a member that is none", problem({ Statment: [] }), "'Statment'"],
    [
      "an effect in lower case",
      withStatement({ ...good, Effect: "allow" }),
      "statement 2 (Statement[1].Effect)",
    ],
    [
      "an unknown action",
      withStatement({ ...good, Action: "ecr:ListImage" }),
      "did you mean 'ecr:ListImages'?",
    ],
    ["another service's action", withStatement({ ...good, Action: "s3:GetObject" }), "'s3:GetObject'"],
    ["no principal", withStatement({ ...good, Principal: undefined }), "neither Principal nor NotPrincipal"],
    ["both principals", withStatement({ ...good, NotPrincipal: "*" }), "both Principal and NotPrincipal"],
    [
      "a wildcard in a principal's ARN",
      withStatement({ ...good, Principal: { AWS: "arn:aws:iam::1:user/*" } }),
      "Principal.AWS",
    ],
    ["an unknown kind of principal", withStatement({ ...good, Principal: { Aws: "*" } }), "Principal.Aws"],
    [
      "a resource",
      withStatement({ ...good, Resource: "arn:aws:ecr:us-east-1:1:repository/x" }),
      "Statement[1].Resource",
    ],
    [
      "an unknown operator",
      withStatement({ ...good, Condition: { StringEqual: { a: "b" } } }),
      "Condition.StringEqual",
    ],
    [
      "a condition value that is an object",
      withStatement({ ...good, Condition: { Bool: { a: {} } } }),
      "Condition.Bool.a",
    ],
  ];
  for (const [name, found, expected] of rows) test(name, () => expect(found).toContain(expected));
});
