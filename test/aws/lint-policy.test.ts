/** LintPolicy of Lading's own service: what is wrong with a policy, and what is accepted and yet worth a word. */
import { describe, expect, test } from "bun:test";
import { policyOf, rootOf, type Statement, user } from "../support/access.ts";
import { answer } from "../support/answers.ts";
import { client } from "../support/aws.ts";
import { iam } from "../support/iam.ts";
import { registryForFile } from "../support/oci.ts";

const registry = registryForFile();

type Problem = { statement?: number; path: string; text: string };
type Advice = { code: string; statement: number; path: string; text: string };

const lint = (policyText: string, policyType = "repository") =>
  answer<{ problems: Problem[]; advice: Advice[] }>(registry.server, "LintPolicy", {
    input: { policyText, policyType },
  });

const allow = (more: Statement) => policyOf({ Effect: "Allow", Principal: "*", ...more });

describe("says what is wrong, where, and what was probably meant", () => {
  const cases: [name: string, text: string, kind: string, problems: Problem[]][] = [
    [
      "text that is not JSON",
      '{"Version": "2012-10-17",\n  Statement: []}',
      "repository",
      [{ path: "", text: "the text is not JSON: line 2, column 3: 'S' is not expected here" }],
    ],
    [
      "slips in an action and in an operator",
      policyOf(
        { Effect: "Allow", Principal: "*", Action: "ecr:BatchGetImage" },
        {
          Effect: "Allow",
          Principal: "*",
          Action: ["ecr:PutImage", "ecr:GetDownloadUrlsForLayer"],
          Condition: { StringLikes: { "ecr:ImageTag": "v*" } },
        },
      ),
      "repository",
      [
        {
          statement: 2,
          path: "Statement[1].Action",
          text: "statement 2 (Statement[1].Action): 'ecr:GetDownloadUrlsForLayer' is not an action; did you mean 'ecr:GetDownloadUrlForLayer'?",
        },
        {
          statement: 2,
          path: "Statement[1].Condition.StringLikes",
          text: "statement 2 (Statement[1].Condition.StringLikes): is not a condition operator; did you mean 'StringLike'?",
        },
      ],
    ],
    [
      "a principal who is not here",
      policyOf({
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::000000000000:user/nobody" },
        Action: "ecr:BatchGetImage",
      }),
      "repository",
      [
        {
          statement: 1,
          path: "Statement[0].Principal.AWS",
          text: 'statement 1 (Statement[0].Principal.AWS): there is no principal "AWS":"arn:aws:iam::000000000000:user/nobody"; accounts, users and roles have to exist in this installation',
        },
      ],
    ],
  ];
  for (const [name, text, kind, problems] of cases)
    test(name, async () => expect((await lint(text, kind)).problems).toEqual(problems));

  test("of an identity policy a principal, of a trust policy a resource", async () => {
    const statement = { Effect: "Allow", Principal: "*", Action: "sts:AssumeRole", Resource: "*" };
    for (const [kind, member] of [
      ["identity", "Principal"],
      ["trust", "Resource"],
    ] as const) {
      const { problems } = await lint(policyOf(statement), kind);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatchObject({ statement: 1, path: `Statement[0].${member}` });
    }
  });

  test("and the services refuse the same text with the same words", async () => {
    const text = allow({ Action: "ecr:BatchGetImages" });
    const { problems } = await lint(text);
    const ecr = client(registry.server);
    await ecr.createRepository({ repositoryName: "linted/app" });
    const put = ecr.setRepositoryPolicy({ repositoryName: "linted/app", policyText: text });
    await expect(put).rejects.toThrow(problems[0]?.text ?? "no problem");

    const someone = await user(registry.server, rootOf(registry.server));
    const identity = policyOf({ Effect: "Allow", Action: "ecr:BatchGetImage" });
    const [problem] = (await lint(identity, "identity")).problems;
    const attach = iam(registry.server).putUserPolicy({
      UserName: someone.name,
      PolicyName: "p",
      PolicyDocument: identity,
    });
    await expect(attach).rejects.toThrow(problem?.text ?? "no problem");
  });
});

describe("accepts, with advice", () => {
  /** As the pages of many vendors have it. */
  const eightActions = allow({
    Sid: "AllowPushPull",
    Principal: { AWS: "000000000000" },
    Action: [
      "ecr:GetAuthorizationToken",
      "ecr:BatchCheckLayerAvailability",
      "ecr:GetDownloadUrlForLayer",
      "ecr:BatchGetImage",
      "ecr:InitiateLayerUpload",
      "ecr:UploadLayerPart",
      "ecr:CompleteLayerUpload",
      "ecr:PutImage",
    ],
  });

  test("the eight actions that many copy, of which one has no place there", async () => {
    expect(await lint(eightActions)).toEqual({
      problems: [],
      advice: [
        {
          code: "grants-nothing",
          statement: 1,
          path: "Statement[0].Action",
          text: "'ecr:GetAuthorizationToken' grants nothing in a repository policy; only an identity policy can grant it",
        },
      ],
    });
  });

  test("what is open to everyone", async () => {
    const { problems, advice } = await lint(allow({ Action: "ecr:BatchGetImage" }));
    expect(problems).toEqual([]);
    expect(advice.map(({ code }) => code)).toEqual(["public"]);
  });

  test("a policy against which nothing is to be said", async () => {
    const text = policyOf({ Effect: "Allow", Action: "ecr:BatchGetImage", Resource: "*" });
    expect(await lint(text, "identity")).toEqual({ problems: [], advice: [] });
  });
});
