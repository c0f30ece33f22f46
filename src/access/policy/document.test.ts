/** What is taken as a policy of which kind, and in which words the rest is refused. */
import { describe, expect, test } from "bun:test";
import { type PolicySource, readPolicy, repositoryPolicyProblem } from "./document.ts";
import type { PolicyKind } from "./kinds.ts";
import { identitiesIn } from "./principals.ts";
import { problemText } from "./problems.ts";

const actions = [
  "ecr:ListImages",
  "ecr:BatchGetImage",
  "ecr:PutImage",
  "ecr:GetAuthorizationToken",
  "ecr:ReplicateImage",
  "ecr:CreateRepository",
  "ecr:BatchImportUpstreamImage",
  "iam:CreateUser",
  "sts:AssumeRole",
];

const textOf = (document: unknown) => (typeof document === "string" ? document : JSON.stringify(document));

/** All problems of a document of `kind`, in words. */
function problems(
  kind: PolicyKind,
  document: unknown,
  options: Partial<PolicySource> = {},
): readonly string[] {
  const reading = readPolicy({ kind, name: "x", text: textOf(document), actions, ...options });
  return "problems" in reading ? reading.problems.map(problemText) : [];
}

/** A statement that is right for each kind. */
const right: Readonly<Record<PolicyKind, Readonly<Record<string, unknown>>>> = {
  identity: { Effect: "Allow", Action: "ecr:ListImages", Resource: "*" },
  boundary: { Effect: "Allow", Action: "ecr:ListImages", Resource: "*" },
  session: { Effect: "Allow", Action: "ecr:ListImages", Resource: "*" },
  scp: { Effect: "Deny", NotAction: "ecr:ListImages", Resource: "*" },
  repository: { Effect: "Allow", Principal: "*", Action: "ecr:ListImages" },
  registry: {
    Effect: "Allow",
    Principal: { AWS: "111122223333" },
    Action: "ecr:ReplicateImage",
    Resource: "*",
  },
  trust: { Effect: "Allow", Principal: { AWS: "111122223333" }, Action: "sts:AssumeRole" },
};
const kinds = Object.keys(right) as PolicyKind[];

/** The problems of one statement that is right for `kind` but for `change`. */
function changed(
  kind: PolicyKind,
  change: Readonly<Record<string, unknown>>,
  options?: Partial<PolicySource>,
) {
  return problems(kind, { Version: "2012-10-17", Statement: [{ ...right[kind], ...change }] }, options);
}

const one = (path: string, reason: string) => [`statement 1 (Statement[0]${path}): ${reason}`];

test.each(kinds)("a %s policy is taken, alone and in a list", (kind) => {
  expect(problems(kind, { Statement: right[kind] })).toEqual([]);
  expect(problems(kind, { Version: "2012-10-17", Id: "a b", Statement: [right[kind], right[kind]] })).toEqual(
    [],
  );
});

describe("taken as the policy of a repository", () => {
  const good = { Sid: "new statement", Effect: "Allow", Principal: "*", Action: "ecr:ListImages" };
  const rows: Readonly<Record<string, unknown>> = {
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
    "a name twice, with a space and a ship": {
      Statement: [good, { ...good, Sid: "new statement" }, { ...good, Sid: "🚢" }],
    },
    "principals of every kind": {
      Statement: {
        ...good,
        Principal: {
          AWS: [
            "*",
            "arn:aws:iam::111122223333:user/division/ann",
            "arn:aws:iam::111122223333:role/service-role/a+b=c,d.e@f-g",
            "arn:aws:sts::111122223333:assumed-role/role/session",
            "arn:aws:sts::111122223333:federated-user/ann",
            "AIDAEXAMPLEEXAMPLE123",
            "AROAEXAMPLEEXAMPLE123",
          ],
          Service: ["lambda.amazonaws.com"],
          Federated: [
            "accounts.example.com",
            "arn:aws:iam::111122223333:oidc-provider/example.com:8443/id/A",
          ],
        },
      },
    },
  };
  for (const [name, document] of Object.entries(rows))
    test(name, () => expect(repositoryPolicyProblem(textOf(document), actions)).toBeUndefined());
});

describe("refused in every kind", () => {
  test.each(kinds)("%s", (kind) => {
    expect(problems(kind, [])).toEqual(["the document must be a JSON object"]);
    expect(problems(kind, {})).toEqual(["the document has no Statement"]);
    expect(problems(kind, { Statement: [] })).toEqual(["Statement is empty"]);
    expect(problems(kind, { Statement: [null] })).toEqual(one("", "must be a JSON object"));
    expect(problems(kind, { Version: 2012, Id: 1, Statment: 1, Statement: right[kind] })).toEqual([
      "'Statment' is not a member of a policy; members are Version, Id, Statement",
      "Version must be one of 2008-10-17, 2012-10-17, not 2012",
      "Id must be text",
    ]);
    expect(changed(kind, { effect: "Allow", Effect: "allow" })).toEqual([
      "statement 1 (Statement[0].effect): is not a member of a statement; members are Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition",
      ...one(".Effect", `must be "Allow" or "Deny", not "allow"`),
    ]);
    expect(changed(kind, { Action: undefined, NotAction: undefined })).toEqual(
      one("", "has neither Action nor NotAction"),
    );
  });
});

describe("JSON", () => {
  const row = (name: string, text: string, reason: string) =>
    [name, text, `the text is not JSON: ${reason}`] as const;
  test.each([
    row("nothing", "", "line 1, column 1: a value is missing"),
    row("an open object", "{", "line 1, column 2: an object does not end"),
    row(
      "a comma too many",
      `{"a":1,}`,
      "line 1, column 8: '}' is not expected here; a member's name in quotes is",
    ),
    row("no comma", `{"a":1\n "b":2}`, "line 2, column 2: ',' is missing between two members"),
    row("no colon", `{"a" 1}`, "line 1, column 6: ':' is missing behind the name 'a'"),
    row("single quotes", `{'a':1}`, "line 1, column 2: ''' is not expected here"),
    row("a comment", "// x\n{}", "line 1, column 1: '/' is not expected here"),
    row("a leading zero", `{"a":01}`, "line 1, column 7: ',' is missing between two members"),
    row(
      "an open text",
      `{"a":"b`,
      "line 1, column 6: a text does not end, or holds a control character or an escape that JSON does not have",
    ),
    row(
      "a line break in a text",
      `{"a":"b\nc"}`,
      "line 1, column 6: a text does not end, or holds a control character or an escape that JSON does not have",
    ),
    row("two documents", "{}\n{}", "line 2, column 1: the text goes on behind the end of its value"),
    row("a byte order mark", "\ufeff{}", "line 1, column 1: '\ufeff' is not expected here"),
    row(
      "a member twice",
      `{"Statement":[],"Statement":[]}`,
      "line 1, column 17: the member 'Statement' stands twice in one object",
    ),
    row(
      "a member twice by an escape",
      `{"Id":"","I\\u0064":""}`,
      "line 1, column 10: the member 'Id' stands twice in one object",
    ),
    row("too deep", "[".repeat(10_000), "line 1, column 12: values are nested deeper than 10 levels"),
    row(
      "too many values",
      `[${"0,".repeat(8_000)}0]`,
      "line 1, column 16000: there are more than 8000 values",
    ),
  ])("%s", (_, text, reason) => {
    const [problem = ""] = problems("scp", text, { maxCharacters: 100_000 });
    expect(problem).toBe(reason);
  });

  test("members of every object's prototype are members like others", () => {
    expect(problems("repository", `{"__proto__":1,"Statement":${textOf(right.repository)}}`)).toEqual([
      "'__proto__' is not a member of a policy; members are Version, Id, Statement",
    ]);
    expect(changed("repository", { Condition: JSON.parse(`{"constructor":{"a":"b"}}`) })).toEqual(
      one(".Condition.constructor", "is not a condition operator"),
    );
  });
});

describe("size", () => {
  const padded = (kind: PolicyKind, characters: number) => {
    const text = textOf({ Statement: { ...right[kind], Resource: undefined, Sid: "" } });
    return text.replace(`"Sid":""`, `"Sid":"${"a".repeat(characters - text.length)}"`);
  };

  test("of a repository's policy counts every character", () => {
    expect(problems("repository", padded("repository", 10_240))).toEqual([]);
    expect(problems("repository", ` ${padded("repository", 10_240)}`)).toEqual([
      "the document has 10241 characters; 10240 are the most",
    ]);
  });

  test("of IAM's policies counts no white space", () => {
    expect(problems("trust", `\n\t ${padded("trust", 4_096)}\r\n`)).toEqual([]);
    expect(problems("trust", padded("trust", 4_097))).toEqual([
      "the document has 4097 characters; 4096 are the most",
    ]);
    expect(problems("trust", padded("trust", 4_097), { maxCharacters: 5_000 })).toEqual([]);
    expect(problems("trust", " ".repeat(131_073))).toEqual(["the text has more than 131072 characters"]);
  });

  test("of a list of problems is bounded", () => {
    const bad = Array.from({ length: 100 }, () => ({}));
    expect(problems("repository", { Statement: bad })).toHaveLength(20);
  });
});

describe("refused for its kind", () => {
  const noPrincipal = (about: string) => `${about} has no Principal; it means whom it is attached to`;
  test.each<[kind: PolicyKind, change: Readonly<Record<string, unknown>>, path: string, reason: string]>([
    ["identity", { Principal: "*" }, ".Principal", noPrincipal("an identity policy")],
    ["boundary", { Principal: "*" }, ".Principal", noPrincipal("a permissions boundary")],
    ["session", { Principal: "*" }, ".Principal", noPrincipal("a session policy")],
    ["scp", { Principal: "*" }, ".Principal", noPrincipal("a service control policy")],
    ["identity", { Resource: undefined }, "", "has neither Resource nor NotResource"],
    ["identity", { NotResource: "*" }, "", "has both Resource and NotResource"],
    ["identity", { Resource: [] }, ".Resource", "must be text or a list of texts"],
    [
      "identity",
      { Resource: "team-a/*" },
      ".Resource",
      `'team-a/*' is not a resource; it must be "*" or an ARN such as arn:aws:ecr:us-east-1:111122223333:repository/name`,
    ],
    [
      "identity",
      { Resource: "arn:aws:ecr:repository/x" },
      ".Resource",
      `'arn:aws:ecr:repository/x' is not a resource; it must be "*" or an ARN such as arn:aws:ecr:us-east-1:111122223333:repository/name`,
    ],
    ["identity", { Sid: "not letters" }, ".Sid", "'not letters' must have letters and digits alone"],
    [
      "identity",
      { Action: "ecr:ListImage" },
      ".Action",
      "'ecr:ListImage' is not an action; did you mean 'ecr:ListImages'?",
    ],
    [
      "identity",
      { Action: "iam:CreateUsers" },
      ".Action",
      "'iam:CreateUsers' is not an action; did you mean 'iam:CreateUser'?",
    ],
    [
      "identity",
      { Action: "ListImages" },
      ".Action",
      `'ListImages' is not an action; it must be "*", or a service, a colon and a name`,
    ],
    [
      "identity",
      { Action: "e*:ListImages" },
      ".Action",
      `'e*:ListImages' is not an action; it must be "*", or a service, a colon and a name`,
    ],
    [
      "identity",
      { Action: "ecr:List:Images" },
      ".Action",
      `'ecr:List:Images' is not an action; it must be "*", or a service, a colon and a name`,
    ],
    ["identity", { Action: [] }, ".Action", "must be text or a list of texts"],
    ["identity", { NotAction: "*" }, "", "has both Action and NotAction"],
    ["repository", { Principal: undefined }, "", "has neither Principal nor NotPrincipal"],
    ["repository", { NotPrincipal: "*" }, "", "has both Principal and NotPrincipal"],
    ["repository", { Principal: {} }, ".Principal", "is empty"],
    ["repository", { Principal: { AWS: [] } }, ".Principal.AWS", "must be text or a list of texts"],
    [
      "repository",
      { Principal: { Aws: "*" } },
      ".Principal.Aws",
      "is not a kind of principal; kinds are AWS, Service, Federated, CanonicalUser",
    ],
    [
      "repository",
      { Principal: { CanonicalUser: "79a59df900b949e55d96a1e698fbaced" } },
      ".Principal.CanonicalUser",
      "canonical user ids belong to S3; name the account's root, a user or a role as AWS",
    ],
    [
      "repository",
      { Principal: { Service: "*" } },
      ".Principal.Service",
      "'*' is not a service; it must be a name such as lambda.amazonaws.com",
    ],
    [
      "repository",
      { Action: "s3:GetObject" },
      ".Action",
      "'s3:GetObject' is not an action on a repository; those begin with 'ecr:'",
    ],
    [
      "repository",
      { Resource: "arn:aws:ecr:us-east-1:1:repository/x" },
      ".Resource",
      `a repository policy is about its repository; leave Resource out or make it "*"`,
    ],
    [
      "repository",
      { NotResource: "*" },
      ".NotResource",
      "a repository policy is about its repository; leave it out",
    ],
    ["registry", { Resource: undefined }, "", "has neither Resource nor NotResource"],
    [
      "registry",
      { Resource: "arn:aws:s3:::x" },
      ".Resource",
      `'arn:aws:s3:::x' is not in a registry; it must be "*" or the ARN of repositories`,
    ],
    ["trust", { Resource: "*" }, ".Resource", "a role trust policy is about its role; leave it out"],
    [
      "trust",
      { Action: "sts:GetCallerIdentity" },
      ".Action",
      "'sts:GetCallerIdentity' is not an action of a role trust policy",
    ],
    [
      "trust",
      { Action: "sts:AsumeRole" },
      ".Action",
      "'sts:AsumeRole' is not an action of a role trust policy; did you mean 'sts:AssumeRole'?",
    ],
    ["trust", { Action: "*" }, ".Action", "'*' is not an action of a role trust policy"],
    [
      "trust",
      { Principal: undefined, NotPrincipal: "*" },
      ".NotPrincipal",
      "a role trust policy names its principals; use Principal",
    ],
    [
      "trust",
      { Action: undefined, NotAction: "sts:TagSession" },
      ".NotAction",
      "a role trust policy names its actions; use Action",
    ],
  ])("%s with %p", (kind, change, path, reason) => {
    expect(changed(kind, change)).toEqual(one(path, reason));
  });

  test.each([
    "arn:aws:iam::111122223333:user/*",
    "arn:aws:iam::111122223333:role/a?c",
    "arn:aws:iam::*:root",
    "arn:aws:iam::111122223333:group/g",
    "arn:aws:iam::11112222333:root",
    "arn:aws:iam::111122223333",
    "111122223333:root",
    "arn:aws:sts::111122223333:assumed-role/role",
    "arn:aws:sts::111122223333:assumed-role/path/role/session",
    "arn:aws-cn:iam::111122223333:root",
    "arn:AWS:iam::111122223333:root",
    "arn:aws:iam::111122223333:user/",
    "arn:aws:iam::111122223333:user/a b",
    " 111122223333",
    "**",
    "",
    "AKIAEXAMPLEEXAMPLE123",
    "anonymous",
  ])("%p is no principal", (name) => {
    expect(changed("repository", { Principal: { AWS: name } })).toEqual(
      one(
        ".Principal.AWS",
        `'${name}' is not a principal; it must be "*", 12 digits, or the ARN of an account's root, a user, a role or a session, without wildcards`,
      ),
    );
  });

  test("IAM takes no name of a statement twice, and Latin letters alone", () => {
    const named = { ...right.identity, Sid: "A" };
    expect(problems("identity", { Statement: [named, { ...named, Sid: "B" }, named] })).toEqual([
      "statement 3 (Statement[2].Sid): 'A' stands twice",
    ]);
    expect(changed("identity", { Resource: "arn:aws:ecr:*:*:repository/ü" })).toEqual([]);
    expect(changed("identity", { Resource: "arn:aws:ecr:*:*:repository/🚢" })).toEqual([
      "the character U+1F6A2 is not one of U+0020 to U+00FF, which IAM takes",
    ]);
  });

  test("scope V1 of a registry has three actions", () => {
    const inV1 = (change: Readonly<Record<string, unknown>>) => changed("registry", change, { scope: "V1" });
    const refused = (text: string) =>
      `'${text}' cannot stand in a registry policy of scope V1; it may name ecr:ReplicateImage, ecr:BatchImportUpstreamImage, ecr:CreateRepository`;
    expect(inV1({ Action: ["ecr:ReplicateImage", "ecr:createrepository", "ecr:BatchImport*"] })).toEqual([]);
    expect(inV1({ Action: ["ecr:BatchGetImage"] })).toEqual(one(".Action", refused("ecr:BatchGetImage")));
    expect(inV1({ Action: "ecr:*" })).toEqual(one(".Action", refused("ecr:*")));
    expect(inV1({ Action: "*" })).toEqual(one(".Action", refused("*")));
    expect(inV1({ Action: undefined, NotAction: "ecr:PutImage" })).toEqual(
      one(".NotAction", refused("ecr:PutImage")),
    );
    expect(changed("registry", { Action: "ecr:*" })).toEqual([]);
  });
});

test("actions of services that are not listed, and all actions without a list, are taken as they are", () => {
  expect(changed("identity", { Action: ["s3:Whatever", "*:*", "secretsmanager:GetSecretValue"] })).toEqual(
    [],
  );
  expect(changed("identity", { Action: "ecr:Whatever" }, { actions: undefined })).toEqual([]);
});

test("what a user wrote is cut in messages", () => {
  const long = "x".repeat(5_000);
  for (const change of [
    { Action: `ecr:${long}` },
    { Effect: long },
    { [long]: 1 },
    { Principal: { AWS: long } },
  ])
    for (const problem of changed("repository", change)) expect(problem.length).toBeLessThan(600);
});

test("the users and roles of a policy are found, so that their unique ids can be kept", () => {
  const names = [
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:user/ann",
    "arn:aws:iam::111122223333:role/p/ci",
  ];
  const reading = readPolicy({
    kind: "repository",
    name: "x",
    text: textOf({ Statement: { ...right.repository, Principal: { AWS: names, Service: "a.example" } } }),
  });
  if ("problems" in reading) throw new Error("refused");
  const { principals } = reading.policy.statements[0] ?? {};
  expect(principals && identitiesIn(principals)).toEqual(names.slice(1));
});
