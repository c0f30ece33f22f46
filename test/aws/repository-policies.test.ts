/** SetRepositoryPolicy, GetRepositoryPolicy and DeleteRepositoryPolicy: the text is kept, and a bad one is explained. */
import { afterAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { InvalidParameterException, RepositoryPolicyNotFoundException } from "@aws-sdk/client-ecr";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import { client, expectError, invalid } from "../support/aws.ts";
import { iam } from "../support/iam.ts";
import { registryForFile } from "../support/oci.ts";
import { deleteUser, makeUser, type TestUser } from "../support/users.ts";

const data = await folderWithOtherAccount();
const registry = registryForFile({ data });
const ecr = () => client(registry.server);
const others = () => client(registry.server, { credentials: otherRoot });

afterAll(() => rm(data, { recursive: true, force: true }));

const registryId = "000000000000";

const notFound = (repositoryName: string) =>
  `Repository policy does not exist for the repository with name '${repositoryName}' in the registry with id '000000000000'`;

const pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
const push = [
  "ecr:BatchCheckLayerAvailability",
  "ecr:CompleteLayerUpload",
  "ecr:InitiateLayerUpload",
  "ecr:PutImage",
  "ecr:UploadLayerPart",
];
const allow = { Sid: "AllowPull", Effect: "Allow", Principal: "*", Action: pull };

/** One statement, which is right but for `change`. A member that is undefined is left out. */
function policy(change: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: [{ ...allow, ...change }] });
}

describe("a policy", () => {
  test("comes back byte for byte, from all three operations", async () => {
    const repositoryName = await registry.createRepository();
    const policyText = `\n{ "Statement" : [\t{"Action":"ecr:ListImages","Principal":{"AWS":"111122223333"},\r\n "Effect":"Allow", "Sid":"größe 🚢"} ],"Version":"2008-10-17"}  `;
    const members = { registryId: "000000000000", repositoryName, policyText };
    const { $metadata: _, ...set } = await ecr().setRepositoryPolicy({ repositoryName, policyText });
    expect(set).toEqual(members);
    const { $metadata: __, ...got } = await ecr().getRepositoryPolicy({ repositoryName });
    expect(got).toEqual(members);
    const { $metadata: ___, ...deleted } = await ecr().deleteRepositoryPolicy({ repositoryName });
    expect(deleted).toEqual(members);
    for (const ask of [
      () => ecr().getRepositoryPolicy({ repositoryName }),
      () => ecr().deleteRepositoryPolicy({ repositoryName }),
    ]) {
      await expectError(ask(), RepositoryPolicyNotFoundException, notFound(repositoryName));
    }
  });

  test("is replaced as a whole", async () => {
    const repositoryName = await registry.createRepository();
    for (const Sid of ["first", "second"]) {
      await ecr().setRepositoryPolicy({ repositoryName, policyText: policy({ Sid }), force: true });
    }
    const { policyText } = await ecr().getRepositoryPolicy({ repositoryName });
    expect(policyText).toBe(policy({ Sid: "second" }));
  });

  test("is not there at first, and belongs to its repository alone", async () => {
    const [one, two] = [await registry.createRepository(), await registry.createRepository()];
    await ecr().setRepositoryPolicy({ repositoryName: one, policyText: policy({}) });
    await expectError(
      ecr().getRepositoryPolicy({ repositoryName: two }),
      RepositoryPolicyNotFoundException,
      notFound(two),
    );
  });

  test("stays when a bad one is refused", async () => {
    const repositoryName = await registry.createRepository();
    await ecr().setRepositoryPolicy({ repositoryName, policyText: policy({}) });
    await expect(ecr().setRepositoryPolicy({ repositoryName, policyText: "{}" })).rejects.toBeInstanceOf(
      InvalidParameterException,
    );
    expect((await ecr().getRepositoryPolicy({ repositoryName })).policyText).toBe(policy({}));
  });
});

/** As guides and documents print them, with accounts and principals that there are. */
const published: readonly [name: string, document: object][] = [
  [
    "push and pull for users of the account",
    {
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "AllowPushPull",
          Effect: "Allow",
          Principal: {
            AWS: ["arn:aws:iam::111122223333:root", "000000000000"],
          },
          Action: [...pull, ...push],
        },
      ],
    },
  ],
  [
    "push for another account",
    {
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "AllowCrossAccountPush",
          Effect: "Allow",
          Principal: { AWS: "arn:aws:iam::111122223333:root" },
          Action: push,
        },
      ],
    },
  ],
  ["pull for everybody", { Version: "2012-10-17", Statement: [{ ...allow, Sid: "AllowPull" }] }],
  [
    "deny outside of an address range, with numbers and booleans in conditions",
    {
      Version: "2012-10-17",
      Id: "ECRPolicyId1",
      Statement: [
        {
          Sid: "IPAllow",
          Effect: "Deny",
          Principal: "*",
          Action: "ecr:*",
          Condition: {
            NotIpAddress: { "aws:SourceIp": "54.240.143.0/24" },
            IpAddress: { "aws:SourceIp": ["54.240.143.188/32", "2001:db8::/32"] },
            Bool: { "aws:SecureTransport": false },
            NumericLessThanIfExists: { "aws:MultiFactorAuthAge": 3600 },
            Null: { "aws:SourceVpce": "true" },
          },
        },
      ],
    },
  ],
  [
    "pull for a service with its project",
    {
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "CodeBuildAccess",
          Effect: "Allow",
          Principal: { Service: "codebuild.amazonaws.com" },
          Action: pull,
          Condition: {
            ArnLike: { "aws:SourceArn": "arn:aws:codebuild:us-east-1:123456789012:project/project-name" },
            StringEquals: { "aws:SourceAccount": "123456789012" },
          },
        },
      ],
    },
  ],
  [
    "functions of another account",
    {
      Version: "2008-10-17",
      Statement: [
        {
          Sid: "CrossAccountPermission",
          Effect: "Allow",
          Principal: { AWS: "arn:aws:iam::111122223333:root" },
          Action: pull,
        },
        {
          Sid: "LambdaECRImageCrossAccountRetrievalPolicy",
          Effect: "Allow",
          Principal: { Service: ["lambda.amazonaws.com"] },
          Action: pull,
          Condition: { StringLike: { "aws:sourceARN": "arn:aws:lambda:us-east-1:111122223333:function:*" } },
        },
      ],
    },
  ],
  [
    "the console's, for an organisation",
    {
      Version: "2008-10-17",
      Statement: [
        {
          Sid: "new statement",
          Effect: "Allow",
          Principal: "*",
          Action: ["ecr:Describe*", "ecr:List*", "ecr:BatchGet?mage"],
          Condition: { "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": ["o-a1b2c3d4e5/*"] } },
        },
        { Sid: "new statement", Effect: "Allow", Principal: { AWS: "*" }, Action: "ecr:ListTagsForResource" },
      ],
    },
  ],
  [
    "with ecr:GetAuthorizationToken, which many guides list",
    {
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "AllowPushPull",
          Effect: "Allow",
          Principal: { AWS: ["111122223333", "arn:aws:sts::111122223333:federated-user/deploy+er@team"] },
          Action: ["ecr:GetAuthorizationToken", ...pull, ...push],
        },
      ],
    },
  ],
  [
    "a statement alone, without a version, with what is not meant",
    {
      Statement: {
        Effect: "Deny",
        NotPrincipal: {
          AWS: ["arn:aws:sts::111122223333:assumed-role/ci/build-7", "arn:aws:iam::111122223333:root"],
        },
        NotAction: "ecr:ListImages",
        Resource: "*",
      },
    },
  ],
  [
    "of the three actions that are permissions alone, in any case",
    {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Federated: "cognito-identity.amazonaws.com" },
          Action: ["ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ECR:putimage", "*"],
        },
      ],
    },
  ],
];

test.each(published)("a published policy is taken: %s", async (_, document) => {
  const repositoryName = await registry.createRepository();
  const policyText = JSON.stringify(document, null, 2);
  await ecr().setRepositoryPolicy({ repositoryName, policyText });
  expect((await ecr().getRepositoryPolicy({ repositoryName })).policyText).toBe(policyText);
});

const noPrincipal = (text: string) =>
  `'${text}' is not a principal; it must be "*", 12 digits, or the ARN of an account's root, a user, a role or a session, without wildcards`;
const inStatement = (path: string, reason: string) => `statement 1 (Statement[0]${path}): ${reason}`;

const refused: readonly [name: string, policyText: string, problem: string][] = [
  ["that is a list", "[]", "the document must be a JSON object"],
  ["that is null", "null", "the document must be a JSON object"],
  ["of nothing", "{}", "the document has no Statement"],
  ["without statements", `{"Statement":[]}`, "Statement is empty"],
  [
    "with a strange member",
    `{"Statement":[],"Statements":[]}`,
    "'Statements' is not a member of a policy; members are Version, Id, Statement",
  ],
  [
    "of another version",
    `{"Version":"2012-10-18","Statement":[]}`,
    `Version must be one of 2008-10-17, 2012-10-17, not "2012-10-18"`,
  ],
  ["whose statement is text", `{"Statement":"Allow"}`, inStatement("", "must be a JSON object")],
  [
    "with a strange member in a statement",
    policy({ Actions: "ecr:*" }),
    inStatement(
      ".Actions",
      "is not a member of a statement; members are Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition",
    ),
  ],
  ["with a number for a Sid", policy({ Sid: 1 }), inStatement(".Sid", "must be text")],
  [
    "without an effect",
    policy({ Effect: undefined }),
    inStatement(".Effect", `must be "Allow" or "Deny", not null`),
  ],
  [
    "that allows in small letters",
    policy({ Effect: "allow" }),
    inStatement(".Effect", `must be "Allow" or "Deny", not "allow"`),
  ],
  ["for nobody", policy({ Principal: undefined }), inStatement("", "has neither Principal nor NotPrincipal")],
  [
    "for and not for somebody",
    policy({ NotPrincipal: "*" }),
    inStatement("", "has both Principal and NotPrincipal"),
  ],
  [
    "for an ARN without its kind",
    policy({ Principal: "arn:aws:iam::111122223333:root" }),
    inStatement(".Principal", `must be "*" or an object such as {"AWS": "arn:aws:iam::111122223333:root"}`),
  ],
  [
    "for a kind that is none",
    policy({ Principal: { Aws: "*" } }),
    inStatement(
      ".Principal.Aws",
      "is not a kind of principal; kinds are AWS, Service, Federated, CanonicalUser",
    ),
  ],
  [
    "for users by a wildcard",
    policy({ Principal: { AWS: "arn:aws:iam::111122223333:user/*" } }),
    inStatement(".Principal.AWS", noPrincipal("arn:aws:iam::111122223333:user/*")),
  ],
  [
    "for eleven digits",
    policy({ Principal: { AWS: ["*", "11112222333"] } }),
    inStatement(".Principal.AWS", noPrincipal("11112222333")),
  ],
  [
    "for a number",
    policy({ Principal: { AWS: 111122223333 } }),
    inStatement(".Principal.AWS", "must be text or a list of texts"),
  ],
  ["without an action", policy({ Action: undefined }), inStatement("", "has neither Action nor NotAction")],
  ["with no actions", policy({ Action: [] }), inStatement(".Action", "must be text or a list of texts")],
  [
    "with another service's action",
    policy({ Action: ["ecr:ListImages", "s3:GetObject"] }),
    inStatement(".Action", "'s3:GetObject' is not an action on a repository; those begin with 'ecr:'"),
  ],
  [
    "with an action that is none",
    policy({ Action: "ecr:BatchGetImages" }),
    inStatement(".Action", "'ecr:BatchGetImages' is not an action; did you mean 'ecr:BatchGetImage'?"),
  ],
  [
    "with an action without its service",
    policy({ Action: "PutImage" }),
    inStatement(".Action", "'PutImage' is not an action on a repository; those begin with 'ecr:'"),
  ],
  [
    "about another resource",
    policy({ Resource: "arn:aws:ecr:us-east-1:000000000000:repository/other" }),
    inStatement(
      ".Resource",
      `a repository policy is about its repository; leave Resource out or make it "*"`,
    ),
  ],
  [
    "about all but a resource",
    policy({ NotResource: "*" }),
    inStatement(".NotResource", "a repository policy is about its repository; leave it out"),
  ],
  [
    "with a condition that is none",
    policy({ Condition: { StringIs: { "aws:username": "a" } } }),
    inStatement(".Condition.StringIs", "is not a condition operator"),
  ],
  [
    "with a condition without a key",
    policy({ Condition: { StringEquals: "a" } }),
    inStatement(".Condition.StringEquals", "must be an object of condition keys and values"),
  ],
  [
    "with a condition on an object",
    policy({ Condition: { StringEquals: { "aws:username": { a: 1 } } } }),
    inStatement(
      ".Condition.StringEquals.aws:username",
      "must be text, a number, a boolean, or a list of these",
    ),
  ],
  [
    "whose third statement is bad",
    JSON.stringify({ Statement: [allow, allow, { ...allow, Effect: "Forbid" }, {}] }),
    `statement 3 (Statement[2].Effect): must be "Allow" or "Deny", not "Forbid"`,
  ],
];

describe("a policy is refused", () => {
  test.each(refused)("%s", async (_, policyText, problem) => {
    const repositoryName = await registry.createRepository();
    await expectError(
      ecr().setRepositoryPolicy({ repositoryName, policyText }),
      InvalidParameterException,
      invalid("PolicyText", `Invalid repository policy provided: ${problem}`),
    );
    await expectError(
      ecr().getRepositoryPolicy({ repositoryName }),
      RepositoryPolicyNotFoundException,
      notFound(repositoryName),
    );
  });

  test.each(["", "Allow", `{"Statement":[}`, "{'Statement':[]}", `${"[".repeat(10_000)}`])(
    "that is no JSON (%#)",
    async (policyText) => {
      const repositoryName = await registry.createRepository();
      const error: unknown = await ecr()
        .setRepositoryPolicy({ repositoryName, policyText })
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidParameterException);
      expect(String(error)).toStartWith(
        "InvalidParameterException: Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided: the text is not JSON: ",
      );
      expect(String(error).length).toBeLessThan(1000);
    },
  );
});

/** What the other account may do to the repository by a statement that names it. */
function statement(change: Readonly<Record<string, unknown>>): object {
  return { Effect: "Allow", Principal: { AWS: otherRoot.accountId }, Action: "ecr:*", ...change };
}

const document = (...statements: readonly object[]) => JSON.stringify({ Statement: statements });

describe("a principal that there is not", () => {
  const inAccount = `arn:aws:iam::${otherRoot.accountId}`;
  const rows: readonly [name: string, principal: string][] = [
    ["an account", "999999999999"],
    ["the root of an account", "arn:aws:iam::999999999999:root"],
    ["a user", `${inAccount}:user/nobody`],
    ["a role with a path", `${inAccount}:role/service-role/nobody`],
    ["a session in an account", "arn:aws:sts::999999999999:assumed-role/ci/build-7"],
    ["a unique id", "AROA1234567890EXAMPLE"],
  ];
  test.each(rows)("%s is not found", async (_, principal) => {
    const repositoryName = await registry.createRepository();
    const policyText = policy({ Principal: { AWS: ["000000000000", principal] } });
    await expectError(
      ecr().setRepositoryPolicy({ repositoryName, policyText, force: true }),
      InvalidParameterException,
      invalid(
        "PolicyText",
        `Principal not found: "AWS":"${principal}"; accounts, users and roles have to exist in this installation`,
      ),
    );
    await expect(ecr().getRepositoryPolicy({ repositoryName })).rejects.toBeInstanceOf(
      RepositoryPolicyNotFoundException,
    );
  });
});

describe("who would be locked out", () => {
  const arn = (repositoryName: string) => `arn:aws:ecr:us-east-1:000000000000:repository/${repositoryName}`;
  const refusal = (repositoryName: string, reason: string) =>
    invalid(
      "PolicyText",
      `This policy would keep you from setting another one: User: arn:aws:iam::${otherRoot.accountId}:root is not authorized to perform: ecr:SetRepositoryPolicy on resource: ${arn(repositoryName)} ${reason}. With force it is set all the same`,
    );

  /** A repository whose policies the other account may set. */
  async function shared(): Promise<string> {
    const repositoryName = await registry.createRepository();
    await ecr().setRepositoryPolicy({ repositoryName, policyText: document(statement({})) });
    return repositoryName;
  }

  test("has to say force when nothing would allow it any more", async () => {
    const repositoryName = await shared();
    const policyText = document(statement({ Action: pull }));
    await expectError(
      others().setRepositoryPolicy({ registryId, repositoryName, policyText }),
      InvalidParameterException,
      refusal(repositoryName, "because no resource-based policy allows the ecr:SetRepositoryPolicy action"),
    );
    expect((await ecr().getRepositoryPolicy({ repositoryName })).policyText).toBe(document(statement({})));
    await others().setRepositoryPolicy({ registryId, repositoryName, policyText, force: true });
    expect((await ecr().getRepositoryPolicy({ repositoryName })).policyText).toBe(policyText);
    await expect(
      others().setRepositoryPolicy({ registryId, repositoryName, policyText, force: true }),
    ).rejects.toHaveProperty("name", "AccessDeniedException");
  });

  test("has to say force when it would be denied", async () => {
    const repositoryName = await shared();
    const deny = statement({ Effect: "Deny", Action: "ecr:Set*" });
    await expectError(
      others().setRepositoryPolicy({
        registryId,
        repositoryName,
        policyText: document(statement({}), deny),
      }),
      InvalidParameterException,
      refusal(repositoryName, "with an explicit deny in a resource-based policy"),
    );
  });

  test("by the tags of the repository is told by the tags that it has", async () => {
    const repositoryName = await shared();
    const tags = [{ Key: "team", Value: "blue" }];
    await ecr().tagResource({ resourceArn: arn(repositoryName), tags });
    const forTeam = (team: string) =>
      document(statement({ Condition: { StringEquals: { "aws:ResourceTag/team": team } } }));
    await expect(
      others().setRepositoryPolicy({ registryId, repositoryName, policyText: forTeam("red") }),
    ).rejects.toBeInstanceOf(InvalidParameterException);
    await others().setRepositoryPolicy({ registryId, repositoryName, policyText: forTeam("blue") });
  });

  test("is not the root of the owner, who can always repair", async () => {
    const repositoryName = await registry.createRepository();
    const deny = { Effect: "Deny", Principal: "*", Action: "ecr:*" };
    await ecr().setRepositoryPolicy({ repositoryName, policyText: document(deny) });
    await expect(ecr().listImages({ repositoryName })).rejects.toHaveProperty(
      "name",
      "AccessDeniedException",
    );
    expect((await ecr().getRepositoryPolicy({ repositoryName })).policyText).toBe(document(deny));
    await ecr().deleteRepositoryPolicy({ repositoryName });
    expect((await ecr().listImages({ repositoryName })).imageIds).toEqual([]);
  });

  test("counts the registry's policy too", async () => {
    const repositoryName = await shared();
    const forAll = document(statement({ Action: "ecr:SetRepositoryPolicy", Resource: "*" }));
    await ecr().putRegistryPolicy({ policyText: forAll });
    try {
      const policyText = document(statement({ Action: pull }));
      await others().setRepositoryPolicy({ registryId, repositoryName, policyText });
    } finally {
      await ecr().deleteRegistryPolicy({});
    }
  });
});

test("a policy is in force with the next request, and gone with it", async () => {
  const repositoryName = await registry.createRepository();
  const list = () => others().listImages({ registryId, repositoryName });
  await expect(list()).rejects.toHaveProperty("name", "AccessDeniedException");
  await ecr().setRepositoryPolicy({
    repositoryName,
    policyText: document(statement({ Action: "ecr:ListImages" })),
  });
  expect((await list()).imageIds).toEqual([]);
  await ecr().deleteRepositoryPolicy({ repositoryName });
  await expect(list()).rejects.toHaveProperty("name", "AccessDeniedException");
});

describe("a user that a policy names", () => {
  const direct = (arn: string) =>
    document({ Effect: "Allow", Principal: { AWS: arn }, Action: "ecr:ListImages" });
  const list = (user: TestUser, repositoryName: string) =>
    client(registry.server, { credentials: user.keys }).listImages({ repositoryName });

  test("is shown as its unique id when it is deleted, and one of the same name is another", async () => {
    const repositoryName = await registry.createRepository();
    const first = await makeUser(registry.server, { name: "phoenix" });
    const policyText = direct(first.arn);
    await ecr().setRepositoryPolicy({ repositoryName, policyText });
    expect((await list(first, repositoryName)).imageIds).toEqual([]);
    expect((await ecr().getRepositoryPolicy({ repositoryName })).policyText).toBe(policyText);

    await deleteUser(registry.server, first);
    const second = await makeUser(registry.server, { name: "phoenix" });
    expect(second.arn).toBe(first.arn);
    await expect(list(second, repositoryName)).rejects.toHaveProperty("name", "AccessDeniedException");
    const shown = direct(first.userId);
    expect((await ecr().getRepositoryPolicy({ repositoryName })).policyText).toBe(shown);
    await expectError(
      ecr().setRepositoryPolicy({ repositoryName, policyText: shown }),
      InvalidParameterException,
      invalid(
        "PolicyText",
        `Principal not found: "AWS":"${first.userId}"; accounts, users and roles have to exist in this installation`,
      ),
    );

    // Written anew, the same text means the user of today.
    await ecr().setRepositoryPolicy({ repositoryName, policyText });
    expect((await list(second, repositoryName)).imageIds).toEqual([]);
    await deleteUser(registry.server, second);
    expect((await ecr().deleteRepositoryPolicy({ repositoryName })).policyText).toBe(direct(second.userId));
  });

  test("keeps what the policy gives it under another name", async () => {
    const repositoryName = await registry.createRepository();
    const user = await makeUser(registry.server, { name: "before" });
    await ecr().setRepositoryPolicy({ repositoryName, policyText: direct(user.arn) });
    await iam(registry.server).updateUser({ UserName: "before", NewUserName: "after" });
    expect((await list(user, repositoryName)).imageIds).toEqual([]);
    expect((await ecr().getRepositoryPolicy({ repositoryName })).policyText).toBe(
      direct(user.arn.replace("before", "after")),
    );
  });

  test("is locked out by losing what it may do by the policy alone", async () => {
    const repositoryName = await registry.createRepository();
    const user = await makeUser(registry.server);
    const grant = (Action: string) => document({ Effect: "Allow", Principal: { AWS: user.arn }, Action });
    await ecr().setRepositoryPolicy({ repositoryName, policyText: grant("ecr:*") });
    const own = client(registry.server, { credentials: user.keys });
    await expect(
      own.setRepositoryPolicy({ repositoryName, policyText: grant("ecr:List*") }),
    ).rejects.toHaveProperty(
      "message",
      expect.stringContaining(
        `This policy would keep you from setting another one: User: ${user.arn} is not authorized to perform: ecr:SetRepositoryPolicy`,
      ),
    );
    await own.setRepositoryPolicy({ repositoryName, policyText: grant("ecr:Set*") });
  });
});
