/** IAM's policy simulator: it says what the registry would say, and why. */
import { afterAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import {
  type EvaluationResult,
  InvalidInputException,
  NoSuchEntityException,
  type SimulateCustomPolicyCommandInput,
  type SimulatePrincipalPolicyCommandInput,
} from "@aws-sdk/client-iam";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import { client } from "../support/aws.ts";
import { expectDenied, expectModelled, iam, userWithKey } from "../support/iam.ts";
import { registryForFile, unique } from "../support/oci.ts";

const data = await folderWithOtherAccount();
const registry = registryForFile({ data });
const server = () => registry.server;
const root = () => iam(server());
const arn = (rest: string) => `arn:aws:iam::000000000000:${rest}`;
const repository = (name: string, account = "000000000000") =>
  `arn:aws:ecr:us-east-1:${account}:repository/${name}`;

afterAll(() => rm(data, { recursive: true, force: true }));

type Statement = Readonly<Record<string, unknown>>;

const policy = (...statements: Statement[]) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: statements.map((statement) => ({
      Effect: "Allow",
      Action: "ecr:*",
      ...(!("Principal" in statement) && { Resource: "*" }),
      ...statement,
    })),
  });

type Custom = Omit<SimulateCustomPolicyCommandInput, "PolicyInputList" | "ActionNames"> &
  Partial<SimulateCustomPolicyCommandInput>;

async function custom(input: Custom): Promise<EvaluationResult> {
  const given = { PolicyInputList: [policy({})], ActionNames: ["ecr:PutImage"], ...input };
  const { EvaluationResults = [] } = await root().simulateCustomPolicy(given);
  const [only, ...others] = EvaluationResults;
  if (only === undefined || others.length > 0) throw new Error(`${EvaluationResults.length} results`);
  return only;
}

type Asked = Omit<SimulatePrincipalPolicyCommandInput, "ActionNames"> &
  Partial<SimulatePrincipalPolicyCommandInput>;

async function simulated(input: Asked): Promise<EvaluationResult> {
  const given = { ActionNames: ["ecr:PutImage"], ...input };
  const { EvaluationResults: [only] = [] } = await root().simulatePrincipalPolicy(given);
  if (only === undefined) throw new Error("There is no result");
  return only;
}

const decision = async (result: Promise<EvaluationResult>) => (await result).EvalDecision;
const sources = ({ MatchedStatements = [] }: EvaluationResult) =>
  MatchedStatements.map(({ SourcePolicyId, SourcePolicyType }) => `${SourcePolicyType} ${SourcePolicyId}`);

const trust = (principal: unknown) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: principal, Action: "sts:AssumeRole" }],
  });

describe("a simulation of policies that are passed", () => {
  test("says what they decide, and which statements did", async () => {
    const text = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}`;
    expect(await custom({ PolicyInputList: [text] })).toEqual({
      EvalActionName: "ecr:PutImage",
      EvalResourceName: "*",
      EvalDecision: "allowed",
      MatchedStatements: [
        {
          SourcePolicyId: "PolicyInputList.1",
          SourcePolicyType: "none",
          StartPosition: { Line: 1, Column: 37 },
          EndPosition: { Line: 1, Column: 87 },
        },
      ],
      MissingContextValues: [],
    });
    const deny = policy({ Action: "ecr:Get*" }, { Effect: "Deny", Action: "ecr:Put*" });
    const lines = JSON.stringify(JSON.parse(deny), null, 2);
    const denied = await custom({ PolicyInputList: [policy({}), lines] });
    expect(denied.EvalDecision).toBe("explicitDeny");
    expect(denied.MatchedStatements).toEqual([
      {
        SourcePolicyId: "PolicyInputList.2",
        SourcePolicyType: "none",
        StartPosition: { Line: 9, Column: 5 },
        EndPosition: { Line: 13, Column: 6 },
      },
    ]);
    expect(await custom({ ActionNames: ["s3:GetObject"] })).toMatchObject({
      EvalDecision: "implicitDeny",
      MatchedStatements: [],
    });
  });

  test("answers every action with every resource, in pages", async () => {
    const ActionNames = ["ecr:PutImage", "ecr:BatchGetImage", "sts:GetCallerIdentity"];
    const ResourceArns = [repository("a"), repository("b")];
    const PolicyInputList = [policy({ Action: "ecr:Put*", Resource: repository("a") })];
    const found: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await root().simulateCustomPolicy({
        PolicyInputList,
        ActionNames,
        ResourceArns,
        MaxItems: 4,
        Marker,
      });
      expect(page.IsTruncated).toBe(page.Marker !== undefined);
      for (const result of page.EvaluationResults ?? []) {
        const { EvalActionName, EvalResourceName, EvalDecision, ResourceSpecificResults } = result;
        found.push(`${EvalActionName} ${EvalResourceName?.slice(-1)} ${EvalDecision}`);
        expect(ResourceSpecificResults).toMatchObject([
          { EvalResourceName, EvalResourceDecision: EvalDecision },
        ]);
      }
      Marker = page.Marker;
    } while (Marker !== undefined);
    expect(found).toEqual([
      "ecr:PutImage a allowed",
      "ecr:PutImage b implicitDeny",
      "ecr:BatchGetImage a implicitDeny",
      "ecr:BatchGetImage b implicitDeny",
      "sts:GetCallerIdentity a implicitDeny",
      "sts:GetCallerIdentity b implicitDeny",
    ]);
  });

  test("takes the context from its entries, and says what is missing", async () => {
    const PolicyInputList = [
      policy({
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy language
        Resource: "arn:aws:ecr:*:*:repository/${aws:username}/*",
        Condition: {
          IpAddress: { "aws:SourceIp": "10.0.0.0/8" },
          "ForAnyValue:StringLike": { "ECR:ImageTag": "prod-*" },
          DateGreaterThan: { "aws:CurrentTime": "2020-01-01T00:00:00Z" },
        },
      }),
      policy({ Action: "s3:*", Condition: { Bool: { "s3:other": "true" } } }),
    ];
    const ResourceArns = [repository("ada/app")];
    const entries: NonNullable<Custom["ContextEntries"]> = [
      { ContextKeyName: "aws:username", ContextKeyType: "string", ContextKeyValues: ["ada"] },
      { ContextKeyName: "aws:sourceIP", ContextKeyType: "ip", ContextKeyValues: ["10.1.2.3"] },
      { ContextKeyName: "ecr:ImageTag", ContextKeyType: "stringList", ContextKeyValues: ["x", "prod-1"] },
    ];
    const missing = await custom({ PolicyInputList, ResourceArns, ContextEntries: entries.slice(1, 2) });
    expect(missing.EvalDecision).toBe("implicitDeny");
    const names = ["aws:username", "ECR:ImageTag"];
    expect(missing.MissingContextValues).toEqual(names);
    expect(missing.ResourceSpecificResults?.[0]?.MissingContextValues).toEqual(names);
    const whole = await custom({ PolicyInputList, ResourceArns, ContextEntries: entries });
    expect(whole).toMatchObject({ EvalDecision: "allowed", MissingContextValues: [] });
  });

  test("knows boundaries and the levels of an organization", async () => {
    const reading = policy({ Action: "ecr:BatchGetImage" });
    const bounded = await custom({ PermissionsBoundaryPolicyInputList: [reading] });
    expect(bounded).toMatchObject({
      EvalDecision: "implicitDeny",
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false },
      MatchedStatements: [],
    });
    expect(bounded.OrganizationsDecisionDetail).toBeUndefined();
    const levels = (...lists: string[][]) =>
      custom({
        OrderedOrganizationPolicyInputList: lists.map((list) => ({ ServiceControlPolicyInputList: list })),
      });
    expect(await levels([policy({ Action: "*" })], [reading])).toMatchObject({
      EvalDecision: "implicitDeny",
      OrganizationsDecisionDetail: { AllowedByOrganizations: false },
    });
    expect(await levels([reading, policy({})], [policy({})])).toMatchObject({
      EvalDecision: "allowed",
      OrganizationsDecisionDetail: { AllowedByOrganizations: true },
    });
    const denied = await levels([policy({ Effect: "Deny" })]);
    expect(denied.EvalDecision).toBe("explicitDeny");
    expect(sources(denied)).toEqual([
      "none OrderedOrganizationPolicyInputList.1.ServiceControlPolicyInputList.1",
    ]);
  });

  test("knows the resource's policy, and the sides of two accounts", async () => {
    const ada = arn("user/ada");
    const theirs = {
      CallerArn: ada,
      ResourceArns: [repository("shared", otherRoot.accountId)],
      ResourcePolicy: policy({ Principal: { AWS: ada }, Action: "ecr:BatchGetImage" }),
    };
    const allowed = await custom({ ...theirs, ActionNames: ["ecr:BatchGetImage"] });
    expect(allowed).toMatchObject({
      EvalDecision: "allowed",
      EvalDecisionDetails: { "IAM Policy": "allowed", "Resource Policy": "allowed" },
    });
    expect(sources(allowed).toSorted()).toEqual(["none PolicyInputList.1", "resource ResourcePolicy"]);
    expect(await custom(theirs)).toMatchObject({
      EvalDecision: "implicitDeny",
      EvalDecisionDetails: { "IAM Policy": "allowed", "Resource Policy": "implicitDeny" },
    });
    // Within one account either is enough, and the sides are not told apart.
    const nothing = [policy({ Action: "s3:*" })];
    const own = await custom({
      ...theirs,
      PolicyInputList: nothing,
      ResourceArns: [repository("own")],
      ActionNames: ["ecr:BatchGetImage"],
    });
    expect(own.EvalDecision).toBe("allowed");
    expect(own.EvalDecisionDetails).toBeUndefined();
    const elsewhere = { ...theirs, ResourceArns: undefined, ResourceOwner: otherRoot.accountId };
    expect(await decision(custom({ ...elsewhere, ActionNames: ["ecr:BatchGetImage"] }))).toBe("allowed");
    expect(await decision(custom(elsewhere))).toBe("implicitDeny");

    const assume = {
      CallerArn: ada,
      PolicyInputList: [policy({ Action: "sts:AssumeRole" })],
      ActionNames: ["sts:AssumeRole"],
      ResourceArns: [arn("role/r")],
    };
    expect(await decision(custom({ ...assume, ResourcePolicy: trust({ AWS: ada }) }))).toBe("allowed");
    expect(await decision(custom({ ...assume, ResourcePolicy: trust({ AWS: arn("user/eve") }) }))).toBe(
      "implicitDeny",
    );
  });

  const wrong: readonly [name: string, input: Custom, message: string][] = [
    ["a wildcard as action", { ActionNames: ["ecr:*"] }, "Invalid Entity Action: ecr:*"],
    ["an action that is none", { ActionNames: ["ecr:PutImages"] }, "Invalid Entity Action: ecr:PutImages"],
    ["an action without a service", { ActionNames: ["PutImage"] }, "Invalid Entity Action: PutImage"],
    [
      "a policy that is none",
      { PolicyInputList: [policy({}), policy({ Effect: "Maybe" })] },
      'Invalid policy PolicyInputList.2: statement 1 (Statement[0].Effect): must be "Allow" or "Deny", not "Maybe"',
    ],
    [
      "a resource's policy without principals",
      { ResourcePolicy: policy({}), CallerArn: arn("user/ada") },
      "Invalid policy ResourcePolicy: statement 1 (Statement[0]): has neither Principal nor NotPrincipal",
    ],
    [
      "a resource's policy without a caller",
      { ResourcePolicy: policy({ Principal: "*" }) },
      "A ResourcePolicy needs the CallerArn that its principals mean",
    ],
    [
      "a caller that is none",
      { CallerArn: "arn:aws:sts::000000000000:assumed-role/r/s" },
      "The CallerArn arn:aws:sts::000000000000:assumed-role/r/s must be the ARN of a user, a group or a role",
    ],
    [
      "an owner that is none",
      { ResourceOwner: "somebody" },
      "The ResourceOwner somebody is no account; it must be 12 digits",
    ],
    [
      "two boundaries",
      { PermissionsBoundaryPolicyInputList: [policy({}), policy({})] },
      "PermissionsBoundaryPolicyInputList can have one policy, and there are 2",
    ],
    [
      "a value too many",
      {
        ContextEntries: [
          { ContextKeyName: "aws:username", ContextKeyType: "string", ContextKeyValues: ["a", "b"] },
        ],
      },
      "The context key aws:username has 2 values, and its type string is for one",
    ],
    [
      "too much at once",
      { ActionNames: Array(101).fill("ecr:PutImage"), ResourceArns: Array(100).fill("*") },
      "There are more than 10000 pairs of an action and a resource; ask for fewer at a time",
    ],
  ];
  test.each(wrong)("refuses %s", async (_, input, message) => {
    await expectModelled(custom(input), InvalidInputException, { status: 400, message });
  });
});

describe("a simulation of a principal", () => {
  test("has the policies of a user and its groups, and says where each comes from", async () => {
    const name = unique("sim");
    await root().createUser({ UserName: name });
    await root().createGroup({ GroupName: name });
    await root().addUserToGroup({ UserName: name, GroupName: name });
    const { Policy: own } = await root().createPolicy({ PolicyName: name, PolicyDocument: policy({}) });
    const powerUser = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser";
    await root().putUserPolicy({ UserName: name, PolicyName: "in", PolicyDocument: policy({}) });
    await root().putGroupPolicy({ GroupName: name, PolicyName: "in", PolicyDocument: policy({}) });
    await root().attachGroupPolicy({ GroupName: name, PolicyArn: powerUser });
    await root().attachUserPolicy({ UserName: name, PolicyArn: own?.Arn });
    const PolicySourceArn = arn(`user/${name}`);
    const all = await simulated({ PolicySourceArn, PolicyInputList: [policy({})] });
    expect(all.EvalDecision).toBe("allowed");
    expect(sources(all).toSorted()).toEqual(
      [
        `user user_${name}_in`,
        `group group_${name}_in`,
        "aws-managed AmazonEC2ContainerRegistryPowerUser",
        `user-managed ${name}`,
        "none PolicyInputList.1",
      ].toSorted(),
    );
    expect(all.MatchedStatements?.every(({ StartPosition }) => StartPosition?.Line === 1)).toBe(true);
    const group = await simulated({ PolicySourceArn: arn(`group/${name}`) });
    expect(sources(group).toSorted()).toEqual([
      "aws-managed AmazonEC2ContainerRegistryPowerUser",
      `group group_${name}_in`,
    ]);

    const without = async (PolicyExclusionList: Asked["PolicyExclusionList"]) =>
      sources(await simulated({ PolicySourceArn, PolicyExclusionList })).toSorted();
    expect(await without([{ PolicyType: "inline" }, { PolicyType: "user-managed" }])).toEqual([
      "aws-managed AmazonEC2ContainerRegistryPowerUser",
    ]);
    expect(
      await without([
        { PolicyArn: "arn:aws:iam::aws:policy/Amazon*" },
        { InlinePolicyIdentifier: { PolicyName: "in", AttachmentType: "group", AttachmentName: name } },
      ]),
    ).toEqual([`user user_${name}_in`, `user-managed ${name}`]);
  });

  test("is bound by what the principal is bound by", async () => {
    const UserName = unique("bound");
    await root().createUser({
      UserName,
      PermissionsBoundary: "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
    });
    await root().putUserPolicy({ UserName, PolicyName: "in", PolicyDocument: policy({}) });
    const PolicySourceArn = arn(`user/${UserName}`);
    expect(await simulated({ PolicySourceArn })).toMatchObject({
      EvalDecision: "implicitDeny",
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false },
    });
    expect(await simulated({ PolicySourceArn, ActionNames: ["ecr:ListImages"] })).toMatchObject({
      EvalDecision: "allowed",
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: true },
    });
    const other = await simulated({
      PolicySourceArn,
      PermissionsBoundaryPolicyInputList: [policy({ Effect: "Deny" })],
    });
    expect(other.EvalDecision).toBe("explicitDeny");
    expect(sources(other)).toEqual(["none PermissionsBoundaryPolicyInputList.1"]);
    const unbound = await simulated({
      PolicySourceArn,
      PolicyExclusionList: [{ PolicyType: "permission-boundary" }],
    });
    expect(unbound.EvalDecision).toBe("allowed");
    expect(unbound.PermissionsBoundaryDecisionDetail).toBeUndefined();
  });

  test("tells the service control policies that bind its account", async () => {
    const UserName = unique("member");
    await root().createUser({ UserName });
    await root().putUserPolicy({ UserName, PolicyName: "in", PolicyDocument: policy({}) });
    expect(await simulated({ PolicySourceArn: arn(`user/${UserName}`) })).toMatchObject({
      EvalDecision: "allowed",
      OrganizationsDecisionDetail: { AllowedByOrganizations: true },
    });
    const excluded = await simulated({
      PolicySourceArn: arn(`user/${UserName}`),
      PolicyExclusionList: [{ PolicyType: "scp" }],
    });
    expect(excluded.OrganizationsDecisionDetail).toBeUndefined();
    // The management account is bound by none. It is that of the first start.
    const theirs = iam(server(), otherRoot);
    await theirs.createUser({ UserName });
    const { EvaluationResults } = await theirs.simulatePrincipalPolicy({
      PolicySourceArn: `arn:aws:iam::${otherRoot.accountId}:user/${UserName}`,
      ActionNames: ["ecr:PutImage"],
    });
    expect(EvaluationResults?.[0]?.OrganizationsDecisionDetail).toBeUndefined();
  });

  test("knows who the principal is, and the tags of both; not where the caller of the simulator sits", async () => {
    const UserName = unique("tagged");
    await root().createUser({ UserName, Tags: [{ Key: "team", Value: "engines" }] });
    await client(server()).createRepository({
      repositoryName: "simulated",
      tags: [{ Key: "team", Value: "engines" }],
    });
    const PolicyDocument = policy({
      Condition: {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy language
        StringEquals: { "aws:ResourceTag/team": "${aws:PrincipalTag/team}", "aws:username": UserName },
        Bool: { "aws:SecureTransport": "true" },
      },
    });
    await root().putUserPolicy({ UserName, PolicyName: "in", PolicyDocument });
    const PolicySourceArn = arn(`user/${UserName}`);
    const asked = { PolicySourceArn, ResourceArns: [repository("simulated")] };
    expect(await simulated(asked)).toMatchObject({
      EvalDecision: "implicitDeny",
      MissingContextValues: ["aws:SecureTransport"],
    });
    const secure = {
      ContextKeyName: "aws:SecureTransport",
      ContextKeyType: "boolean" as const,
      ContextKeyValues: ["true"],
    };
    expect(await decision(simulated({ ...asked, ContextEntries: [secure] }))).toBe("allowed");
    const somebodyElse = { ContextKeyName: "aws:username", ContextKeyValues: ["eve"] };
    expect(await decision(simulated({ ...asked, ContextEntries: [secure, somebodyElse] }))).toBe(
      "implicitDeny",
    );
    const elsewhere = { ...asked, ResourceArns: [repository("nowhere")], ContextEntries: [secure] };
    expect((await simulated(elsewhere)).MissingContextValues).toEqual(["aws:ResourceTag/team"]);
  });

  test("leaves the resource's own policy out unless nothing could be said without", async () => {
    const UserName = unique("shared");
    await root().createUser({ UserName });
    const PolicySourceArn = arn(`user/${UserName}`);
    const repositoryName = unique("shared");
    const own = client(server());
    const { accessKeyId, secretAccessKey } = otherRoot;
    const theirs = client(server(), { credentials: { accessKeyId, secretAccessKey } });
    const policyText = policy({ Principal: { AWS: PolicySourceArn } });
    for (const one of [own, theirs]) {
      await one.createRepository({ repositoryName });
      await one.setRepositoryPolicy({ repositoryName, policyText });
    }
    const asked = { PolicySourceArn, ResourceArns: [repository(repositoryName)] };
    expect(await decision(simulated(asked))).toBe("implicitDeny");
    expect(await decision(simulated({ ...asked, ResourcePolicy: policyText }))).toBe("allowed");

    await root().putUserPolicy({ UserName, PolicyName: "in", PolicyDocument: policy({}) });
    const ResourceArns = [repository(repositoryName, otherRoot.accountId)];
    expect(await simulated({ PolicySourceArn, ResourceArns })).toMatchObject({
      EvalDecision: "allowed",
      EvalDecisionDetails: { "IAM Policy": "allowed", "Resource Policy": "allowed" },
    });
    await theirs.deleteRepositoryPolicy({ repositoryName });
    expect(await decision(simulated({ PolicySourceArn, ResourceArns }))).toBe("implicitDeny");

    const RoleName = unique("assumed");
    await root().createRole({ RoleName, AssumeRolePolicyDocument: trust({ AWS: PolicySourceArn }) });
    const assume = {
      PolicySourceArn,
      ActionNames: ["sts:AssumeRole"],
      ResourceArns: [arn(`role/${RoleName}`)],
    };
    expect(await decision(simulated(assume))).toBe("allowed");
  });

  test("can be asked as another caller, with a role, and about somebody who is there", async () => {
    const RoleName = unique("role");
    const UserName = unique("caller");
    await root().createRole({ RoleName, AssumeRolePolicyDocument: trust({ AWS: "000000000000" }) });
    await root().createUser({ UserName });
    const PolicyDocument = policy({ Condition: { StringEquals: { "aws:username": UserName } } });
    await root().putRolePolicy({ RoleName, PolicyName: "in", PolicyDocument });
    const PolicySourceArn = arn(`role/${RoleName}`);
    const role = await simulated({ PolicySourceArn });
    expect(role).toMatchObject({ EvalDecision: "implicitDeny", MissingContextValues: ["aws:username"] });
    const asCaller = await simulated({ PolicySourceArn, CallerArn: arn(`user/${UserName}`) });
    expect(asCaller.EvalDecision).toBe("allowed");
    expect(sources(asCaller)).toEqual([`role role_${RoleName}_in`]);

    const nobody = arn("user/nobody");
    const missing = { status: 404, message: `Invalid Entity Arn: ${nobody} cannot be found.` };
    await expectModelled(simulated({ PolicySourceArn: nobody }), NoSuchEntityException, missing);
    await expectModelled(simulated({ PolicySourceArn, CallerArn: nobody }), NoSuchEntityException, missing);
    const provider = arn("oidc-provider/x");
    await expectModelled(simulated({ PolicySourceArn: provider }), InvalidInputException, {
      status: 400,
      message: `Invalid Entity Arn: ${provider} does not clearly define entity type and name.`,
    });
    await expectModelled(
      simulated({ PolicySourceArn, PolicyExclusionList: [{ PolicyArn: `${provider}-malformed` }] }),
      InvalidInputException,
      { status: 400, message: `ARN ${provider}-malformed is not valid.` },
    );
  });
});

describe("the context keys of policies", () => {
  const first = policy({
    // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of the policy language
    Resource: "arn:aws:ecr:*:*:repository/${aws:username}/${*}",
    Condition: {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of the policy language
      StringLike: { "aws:PrincipalTag/team": "${aws:RequestTag/team, 'none'}", "AWS:UserName": "x" },
    },
  });

  test("are those of conditions and variables, each once", async () => {
    const { ContextKeyNames } = await root().getContextKeysForCustomPolicy({
      PolicyInputList: [first, policy({ Condition: { Bool: { "aws:SecureTransport": "true" } } })],
    });
    expect(ContextKeyNames?.map((name) => name.toLowerCase())).toEqual([
      "aws:principaltag/team",
      "aws:requesttag/team",
      "aws:securetransport",
      "aws:username",
    ]);
    // Without the newer version a variable is text.
    const older = first.replace("2012-10-17", "2008-10-17");
    const { ContextKeyNames: fewer } = await root().getContextKeysForCustomPolicy({
      PolicyInputList: [older],
    });
    expect(fewer?.map((name) => name.toLowerCase())).toEqual(["aws:principaltag/team", "aws:username"]);
  });

  test("are those of a principal with its groups, and of the policies passed", async () => {
    const name = unique("keys");
    await root().createUser({ UserName: name });
    await root().createGroup({ GroupName: name });
    await root().addUserToGroup({ UserName: name, GroupName: name });
    const conditioned = (key: string) => policy({ Condition: { Null: { [key]: "true" } } });
    await root().putUserPolicy({ UserName: name, PolicyName: "p", PolicyDocument: conditioned("aws:a") });
    await root().putGroupPolicy({ GroupName: name, PolicyName: "p", PolicyDocument: conditioned("aws:b") });
    const { ContextKeyNames } = await root().getContextKeysForPrincipalPolicy({
      PolicySourceArn: arn(`user/${name}`),
      PolicyInputList: [conditioned("aws:c")],
    });
    expect(ContextKeyNames).toEqual(["aws:a", "aws:b", "aws:c"]);
    await expectModelled(
      root().getContextKeysForPrincipalPolicy({ PolicySourceArn: arn("user/nobody") }),
      NoSuchEntityException,
      { status: 404, message: `Invalid Entity Arn: ${arn("user/nobody")} cannot be found.` },
    );
    await expectModelled(
      root().getContextKeysForCustomPolicy({ PolicyInputList: ["{}"] }),
      InvalidInputException,
      { status: 400, message: "Invalid policy PolicyInputList.1: the document has no Statement" },
    );
  });
});

describe("permission", () => {
  test("is asked on the principal, or on everything", async () => {
    const UserName = unique("user");
    const somebody = iam(server(), await userWithKey(server(), UserName));
    const user = arn(`user/${UserName}`);
    const PolicyInputList = [policy({})];
    const ActionNames = ["ecr:PutImage"];
    const calls: [string, string, Promise<unknown>][] = [
      ["SimulateCustomPolicy", "*", somebody.simulateCustomPolicy({ PolicyInputList, ActionNames })],
      [
        "SimulatePrincipalPolicy",
        user,
        somebody.simulatePrincipalPolicy({ PolicySourceArn: user, ActionNames }),
      ],
      ["GetContextKeysForCustomPolicy", "*", somebody.getContextKeysForCustomPolicy({ PolicyInputList })],
      [
        "GetContextKeysForPrincipalPolicy",
        user,
        somebody.getContextKeysForPrincipalPolicy({ PolicySourceArn: user }),
      ],
    ];
    for (const [name, resource, call] of calls)
      await expectDenied(call, { user, action: `iam:${name}`, resource });
  });
});
