/** STS: roles, who may take them on, what their sessions may do, and temporary credentials of users and roots. */
import { describe, expect, test } from "bun:test";
import { IAMServiceException } from "@aws-sdk/client-iam";
import { MalformedPolicyDocumentException, PackedPolicyTooLargeException } from "@aws-sdk/client-sts";
import { expectCode, expectModelled, iam, type Keys } from "../support/iam.ts";
import { registryForFile } from "../support/oci.ts";
import { assume, ecr, keysOf, login, makeRole, policy, sts } from "../support/sts.ts";
import { makeUser } from "../support/users.ts";

const registry = registryForFile();
const server = () => registry.server;
const account = "000000000000";
const accountRoot = `arn:aws:iam::${account}:root`;
const trustRoot = { Principal: { AWS: accountRoot }, Action: "sts:AssumeRole" };
const assumer = { actions: ["sts:AssumeRole"] };

const whoIs = (keys: Keys) => sts(server(), keys).getCallerIdentity({});

const invalidToken = {
  status: 403,
  code: "InvalidClientTokenId",
  message: "The security token included in the request is invalid.",
};

const invalid = (message: string) => ({ status: 400, code: "ValidationError", message });
const denied = (message: string) => ({ status: 403, code: "AccessDenied", message });

function refused(arn: string, role: string, why: string, action = "sts:AssumeRole") {
  return denied(`User: ${arn} is not authorized to perform: ${action} on resource: ${role} ${why}`);
}

const noTrust = "because no role trust policy allows the sts:AssumeRole action";

describe("a role", () => {
  test("is taken on by a user that it trusts, and speaks for itself", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustRoot], actions: ["ecr:*"] });
    const answer = await sts(server(), user.keys).assumeRole({ RoleArn: role.arn, RoleSessionName: "ci-1" });
    const arn = `arn:aws:sts::${account}:assumed-role/${role.name}/ci-1`;
    expect(answer.AssumedRoleUser).toEqual({ Arn: arn, AssumedRoleId: `${role.id}:ci-1` });
    expect(answer.Credentials).toEqual({
      AccessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/),
      SecretAccessKey: expect.stringMatching(/^[A-Za-z0-9/+]{40}$/),
      SessionToken: expect.stringMatching(/^[A-Za-z0-9/+]{64}$/),
      Expiration: expect.any(Date),
    });
    const left = Number(answer.Credentials?.Expiration) - Date.now();
    expect(left).toBeLessThanOrEqual(3_600_000);
    expect(left).toBeGreaterThan(3_590_000);
    expect(answer.SessionTokenSize).toBe(64);
    expect(answer.PackedPolicySize).toBeUndefined();
    const { $metadata, ...identity } = await whoIs(keysOf(answer.Credentials));
    expect(identity).toEqual({ Arn: arn, UserId: `${role.id}:ci-1`, Account: account });
  });

  test("gives its rights on both doors, and no more", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), {
      trust: [trustRoot],
      actions: ["ecr:GetAuthorizationToken", "ecr:DescribeRepositories"],
    });
    const keys = await assume(server(), user.keys, { RoleArn: role.arn });
    await ecr(server(), keys).describeRepositories({});
    const authorization = await login(server(), keys);
    expect((await registry.request("GET", "/v2/", { authorization })).status).toBe(200);
    const name = await registry.createRepository();
    const upload = await registry.request("POST", `/v2/${name}/blobs/uploads/`, { authorization });
    expect(upload.status).toBe(403);
    expect(upload.text()).toContain(`assumed-role/${role.name}/session is not authorized to perform`);
  });

  test("that does not trust the user is refused as one that is not there", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), {
      trust: [{ Principal: { Service: "ecr.amazonaws.com" }, Action: "sts:AssumeRole" }],
    });
    for (const arn of [role.arn, `arn:aws:iam::${account}:role/nobody`]) {
      await expectCode(assume(server(), user.keys, { RoleArn: arn }), refused(user.arn, arn, noTrust));
    }
  });

  test("that trusts the account leaves the decision to the user's policies", async () => {
    const user = await makeUser(server());
    const role = await makeRole(server(), { trust: [trustRoot] });
    const why = "because no identity-based policy allows the sts:AssumeRole action";
    await expectCode(assume(server(), user.keys, { RoleArn: role.arn }), refused(user.arn, role.arn, why));
  });

  test("that names the user needs no policy of the user", async () => {
    const user = await makeUser(server());
    const role = await makeRole(server(), { trust: [{ ...trustRoot, Principal: { AWS: user.arn } }] });
    expect((await whoIs(await assume(server(), user.keys, { RoleArn: role.arn }))).Account).toBe(account);
    const other = await makeUser(server(), assumer);
    await expectCode(
      assume(server(), other.keys, { RoleArn: role.arn }),
      refused(other.arn, role.arn, noTrust),
    );
  });

  test("has one spelling, so that a denial cannot be passed by", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustRoot] });
    await iam(server()).putUserPolicy({
      UserName: user.name,
      PolicyName: "not-this-one",
      PolicyDocument: policy({ Effect: "Deny", Action: "sts:AssumeRole", Resource: role.arn }),
    });
    const why = "with an explicit deny in an identity-based policy";
    await expectCode(assume(server(), user.keys, { RoleArn: role.arn }), refused(user.arn, role.arn, why));
    for (const arn of [
      role.arn.replace(role.name, role.name.toUpperCase()),
      role.arn.replace("role/", "role/a/"),
    ]) {
      await expectCode(assume(server(), user.keys, { RoleArn: arn }), refused(user.arn, arn, noTrust));
    }
  });

  test.each([
    "arn:aws:iam::000000000000:user/somebody",
    "arn:aws:iam::000000000000:role/",
    "arn:aws:sts::000000000000:assumed-role/a/b",
    "this is no ARN at all",
  ])("is not '%s'", async (RoleArn) => {
    const user = await makeUser(server(), assumer);
    await expectCode(
      assume(server(), user.keys, { RoleArn }),
      invalid(
        `Request ARN is invalid: '${RoleArn}' is not the ARN of a role, such as arn:aws:iam::111122223333:role/NAME`,
      ),
    );
  });

  test("is not for roots", async () => {
    const role = await makeRole(server(), { trust: [trustRoot] });
    const answer = denied("Roles may not be assumed by root accounts.");
    await expectCode(assume(server(), server(), { RoleArn: role.arn }), answer);
    const { Credentials } = await sts(server()).getSessionToken({});
    await expectCode(assume(server(), keysOf(Credentials), { RoleArn: role.arn }), answer);
  });

  test("can ask for an external id, so that a service is not used for somebody else", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), {
      trust: [{ ...trustRoot, Condition: { StringEquals: { "sts:ExternalId": "customer-1" } } }],
    });
    await assume(server(), user.keys, { RoleArn: role.arn, ExternalId: "customer-1" });
    for (const ExternalId of [undefined, "customer-2", "CUSTOMER-1"]) {
      await expectCode(
        assume(server(), user.keys, { RoleArn: role.arn, ExternalId }),
        refused(user.arn, role.arn, noTrust),
      );
    }
  });

  test("can ask for the session's name", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy language
      trust: [{ ...trustRoot, Condition: { StringEquals: { "sts:RoleSessionName": "${aws:username}" } } }],
    });
    await assume(server(), user.keys, { RoleArn: role.arn, RoleSessionName: user.name });
    await expectCode(
      assume(server(), user.keys, { RoleArn: role.arn, RoleSessionName: "somebody-else" }),
      refused(user.arn, role.arn, noTrust),
    );
  });

  test("takes on itself only when it trusts itself", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [{ ...trustRoot, Principal: { AWS: user.arn } }] });
    const keys = await assume(server(), user.keys, { RoleArn: role.arn });
    const arn = `arn:aws:sts::${account}:assumed-role/${role.name}/session`;
    await expectCode(assume(server(), keys, { RoleArn: role.arn }), refused(arn, role.arn, noTrust));
    await iam(server()).updateAssumeRolePolicy({
      RoleName: role.name,
      PolicyDocument: policy({ ...trustRoot, Principal: { AWS: [user.arn, role.arn] } }),
    });
    await assume(server(), keys, { RoleArn: role.arn });
  });

  test("that is deleted takes its sessions with it, and one of the same name is another", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustRoot] });
    const keys = await assume(server(), user.keys, { RoleArn: role.arn });
    await iam(server()).deleteRole({ RoleName: role.name });
    await expectCode(whoIs(keys), invalidToken);
    await iam(server()).createRole({
      RoleName: role.name,
      AssumeRolePolicyDocument: policy(trustRoot),
    });
    await expectCode(whoIs(keys), invalidToken);
  });

  test("that is not offered with MFA says so", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustRoot] });
    const mfa = { SerialNumber: `arn:aws:iam::${account}:mfa/phone`, TokenCode: "123456" };
    const message =
      "MultiFactorAuthentication failed: this installation has no MFA devices, so it cannot check SerialNumber and TokenCode. Leave them out.";
    await expectCode(assume(server(), user.keys, { RoleArn: role.arn, ...mfa }), denied(message));
    await expectCode(sts(server(), user.keys).getSessionToken(mfa), denied(message));
    await expectCode(
      assume(server(), user.keys, {
        RoleArn: role.arn,
        ProvidedContexts: [{ ProviderArn: "arn:aws:iam::aws:contextProvider/IdentityCenter" }],
      }),
      invalid("ProvidedContexts are not offered by this registry: it has no context providers"),
    );
  });
});

describe("the time of a session", () => {
  test("is at most the role's", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustRoot] });
    const long = await makeRole(server(), { trust: [trustRoot], seconds: 43_200 });
    await assume(server(), user.keys, { RoleArn: role.arn, DurationSeconds: 900 });
    await assume(server(), user.keys, { RoleArn: long.arn, DurationSeconds: 43_200 });
    await expectCode(
      assume(server(), user.keys, { RoleArn: role.arn, DurationSeconds: 3_601 }),
      invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
    );
    await expectCode(
      assume(server(), user.keys, { RoleArn: role.arn, DurationSeconds: 899 }),
      invalid(
        "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
      ),
    );
  });

  test("is an hour at most in a chain of roles", async () => {
    const user = await makeUser(server(), assumer);
    const first = await makeRole(server(), { trust: [trustRoot], actions: ["sts:*"] });
    const second = await makeRole(server(), { trust: [trustRoot], seconds: 43_200 });
    const keys = await assume(server(), user.keys, { RoleArn: first.arn });
    await assume(server(), keys, { RoleArn: second.arn, DurationSeconds: 3_600 });
    await expectCode(
      assume(server(), keys, { RoleArn: second.arn, DurationSeconds: 3_601 }),
      invalid(
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
      ),
    );
  });
});

describe("session policies", () => {
  test("limit what the role may do", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustRoot], actions: ["ecr:*"] });
    const limited = await sts(server(), user.keys).assumeRole({
      RoleArn: role.arn,
      RoleSessionName: "limited",
      Policy: policy({ Action: ["ecr:DescribeRepositories", "iam:*"], Resource: "*" }),
    });
    expect(limited.PackedPolicySize).toBeGreaterThan(0);
    const keys = keysOf(limited.Credentials);
    const arn = `arn:aws:sts::${account}:assumed-role/${role.name}/limited`;
    await ecr(server(), keys).describeRepositories({});
    expect(
      await ecr(server(), keys)
        .describeRegistry({})
        .catch((error: Error) => error.message),
    ).toBe(
      `User: ${arn} is not authorized to perform: ecr:DescribeRegistry on resource: * because no session policy allows the ecr:DescribeRegistry action`,
    );
    // What the role itself may not do, no session policy gives.
    await expectCode(iam(server(), keys).listUsers({}), {
      status: 403,
      code: "AccessDenied",
      message: `User: ${arn} is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::${account}:user/ because no identity-based policy allows the iam:ListUsers action`,
    });
  });

  test("can be managed ones, of AWS and of the role's account", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustRoot], actions: ["ecr:*"] });
    const own = await iam(server()).createPolicy({
      PolicyName: "session-own",
      PolicyDocument: policy({ Action: "ecr:DescribeRegistry", Resource: "*" }),
    });
    const readOnly = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";
    const keys = await assume(server(), user.keys, {
      RoleArn: role.arn,
      PolicyArns: [{ arn: readOnly }, { arn: own.Policy?.Arn }],
    });
    await ecr(server(), keys).describeRepositories({});
    await ecr(server(), keys).describeRegistry({});
    await expect(ecr(server(), keys).createRepository({ repositoryName: "no" })).rejects.toThrow(
      "because no session policy allows the ecr:CreateRepository action",
    );
    for (const arn of [
      `arn:aws:iam::${account}:policy/nobody`,
      "arn:aws:iam::999988887777:policy/other",
      "arn:aws:iam::aws:policy/Nothing",
    ]) {
      await expectCode(assume(server(), user.keys, { RoleArn: role.arn, PolicyArns: [{ arn }] }), {
        status: 400,
        code: "InvalidParameterValue",
        message: `The policy '${arn}' does not exist, or is neither AWS's nor of the account ${account}`,
      });
    }
    await expectCode(
      assume(server(), user.keys, { RoleArn: role.arn, PolicyArns: Array(11).fill({ arn: readOnly }) }),
      invalid(
        "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10",
      ),
    );
  });

  test("are checked", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustRoot] });
    const assumeWith = (Policy: string) => assume(server(), user.keys, { RoleArn: role.arn, Policy });
    await expectModelled(assumeWith("{"), MalformedPolicyDocumentException, {
      status: 400,
      message: "the text is not JSON: line 1, column 2: an object does not end",
    });
    await expect(assumeWith(policy({ Action: "ecr:*", Resource: "*", Principal: "*" }))).rejects.toThrow(
      "statement 1",
    );
    const large = policy({ Action: "ecr:*", Resource: `arn:aws:ecr:*:*:repository/${"a".repeat(2_000)}` });
    await expect(assumeWith(large)).rejects.toThrow("2048 are the most");
    await expectModelled(
      sts(server(), (await makeUser(server(), { actions: ["sts:*"] })).keys).assumeRole({
        RoleArn: (
          await makeRole(server(), {
            trust: [{ ...trustRoot, Action: ["sts:AssumeRole", "sts:TagSession"] }],
          })
        ).arn,
        RoleSessionName: "too-much",
        Tags: Array.from({ length: 40 }, (_, at) => ({ Key: `k${at}`, Value: "v".repeat(250) })),
      }),
      PackedPolicyTooLargeException,
      {
        status: 400,
        message:
          "The session's policies and tags together take 124% of the allowed space; pass fewer or shorter ones",
      },
    );
  });
});

describe("session tags", () => {
  const tagging = { actions: ["sts:AssumeRole", "sts:TagSession"] };
  const trustTags = { ...trustRoot, Action: ["sts:AssumeRole", "sts:TagSession"] };

  test("need sts:TagSession on both sides", async () => {
    const Tags = [{ Key: "team", Value: "blue" }];
    const user = await makeUser(server(), tagging);
    const plain = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustTags] });
    const untagged = await makeRole(server(), { trust: [trustRoot] });
    await assume(server(), user.keys, { RoleArn: role.arn, Tags });
    await expectCode(
      assume(server(), plain.keys, { RoleArn: role.arn, Tags }),
      refused(
        plain.arn,
        role.arn,
        "because no identity-based policy allows the sts:TagSession action",
        "sts:TagSession",
      ),
    );
    await expectCode(
      assume(server(), user.keys, { RoleArn: untagged.arn, Tags }),
      refused(
        user.arn,
        untagged.arn,
        "because no role trust policy allows the sts:TagSession action",
        "sts:TagSession",
      ),
    );
  });

  test("are what policies see as the principal's, in place of the role's", async () => {
    const user = await makeUser(server(), tagging);
    const role = await makeRole(server(), { trust: [trustTags] });
    await iam(server()).tagRole({ RoleName: role.name, Tags: [{ Key: "Team", Value: "red" }] });
    await iam(server()).putRolePolicy({
      RoleName: role.name,
      PolicyName: "abac",
      PolicyDocument: policy({
        Action: "ecr:*",
        Resource: "*",
        Condition: { StringEquals: { "aws:PrincipalTag/team": "blue" } },
      }),
    });
    const asRole = await assume(server(), user.keys, { RoleArn: role.arn });
    await expect(ecr(server(), asRole).describeRepositories({})).rejects.toThrow("not authorized");
    const asTagged = await assume(server(), user.keys, {
      RoleArn: role.arn,
      Tags: [{ Key: "TEAM", Value: "blue" }],
    });
    await ecr(server(), asTagged).describeRepositories({});
  });

  test("can be asked for by the trust policy", async () => {
    const user = await makeUser(server(), tagging);
    const role = await makeRole(server(), {
      trust: [
        {
          ...trustTags,
          Condition: {
            StringEquals: { "aws:RequestTag/Team": "blue" },
            "ForAllValues:StringEquals": {
              "aws:TagKeys": ["team", "stage"],
              "sts:TransitiveTagKeys": ["team"],
            },
          },
        },
      ],
    });
    const withTags = (tags: Readonly<Record<string, string>>, TransitiveTagKeys?: string[]) =>
      assume(server(), user.keys, {
        RoleArn: role.arn,
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        TransitiveTagKeys,
      });
    await withTags({ team: "blue" });
    await withTags({ team: "blue", stage: "test" }, ["team"]);
    for (const wrong of [
      () => withTags({}),
      () => withTags({ team: "red" }),
      () => withTags({ team: "blue", more: "x" }),
      () => withTags({ team: "blue", stage: "test" }, ["stage"]),
    ]) {
      await expectCode(wrong(), refused(user.arn, role.arn, noTrust));
    }
  });

  test("that are transitive go on in a chain, and nobody changes them", async () => {
    const user = await makeUser(server(), tagging);
    const first = await makeRole(server(), { trust: [trustTags], actions: ["sts:*"] });
    const second = await makeRole(server(), { trust: [trustTags], actions: ["sts:*"] });
    const untagged = await makeRole(server(), { trust: [trustRoot] });
    await iam(server()).putRolePolicy({
      RoleName: second.name,
      PolicyName: "abac",
      PolicyDocument: policy({
        Action: "ecr:*",
        Resource: "*",
        Condition: {
          StringEquals: { "aws:PrincipalTag/team": "blue" },
          Null: { "aws:PrincipalTag/stage": "true" },
        },
      }),
    });
    const keys = await assume(server(), user.keys, {
      RoleArn: first.arn,
      Tags: [
        { Key: "Team", Value: "blue" },
        { Key: "stage", Value: "test" },
      ],
      TransitiveTagKeys: ["team"],
    });
    const chained = await assume(server(), keys, { RoleArn: second.arn });
    await ecr(server(), chained).describeRepositories({});
    // The tag goes on from the second to the third as well, and needs the permission there.
    const again = await assume(server(), chained, { RoleArn: second.arn });
    await ecr(server(), again).describeRepositories({});
    await expect(assume(server(), chained, { RoleArn: untagged.arn })).rejects.toThrow(
      "because no role trust policy allows the sts:TagSession action",
    );
    for (const Key of ["Team", "team", "TEAM"]) {
      await expectCode(assume(server(), keys, { RoleArn: second.arn, Tags: [{ Key, Value: "red" }] }), {
        status: 400,
        code: "InvalidParameterValue",
        message: `One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session: '${Key}'.`,
      });
    }
  });

  test("have keys that stand once, without case, and are not AWS's", async () => {
    const user = await makeUser(server(), tagging);
    const role = await makeRole(server(), { trust: [trustTags] });
    const wrong: [object, string][] = [
      [
        {
          Tags: [
            { Key: "a", Value: "1" },
            { Key: "A", Value: "2" },
          ],
        },
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
      ],
      [{ Tags: [{ Key: "AWS:a", Value: "1" }] }, "The tag key 'AWS:a' begins with 'aws:', which is reserved"],
      [
        { TransitiveTagKeys: ["b"] },
        "The specified transitive tag key must be included in the requested tags: 'b'.",
      ],
    ];
    for (const [input, message] of wrong) {
      await expectCode(assume(server(), user.keys, { RoleArn: role.arn, ...input }), {
        status: 400,
        code: "InvalidParameterValue",
        message,
      });
    }
  });
});

describe("the source identity", () => {
  const both = ["sts:AssumeRole", "sts:SetSourceIdentity"];

  test("stays in a chain, can be asked for, and nobody changes it", async () => {
    const user = await makeUser(server(), { actions: both });
    const first = await makeRole(server(), { trust: [{ ...trustRoot, Action: both }], actions: both });
    const second = await makeRole(server(), {
      trust: [{ ...trustRoot, Action: both, Condition: { StringEquals: { "sts:SourceIdentity": "ada" } } }],
    });
    const answer = await sts(server(), user.keys).assumeRole({
      RoleArn: first.arn,
      RoleSessionName: "one",
      SourceIdentity: "ada",
    });
    expect(answer.SourceIdentity).toBe("ada");
    const keys = keysOf(answer.Credentials);
    const chained = await sts(server(), keys).assumeRole({ RoleArn: second.arn, RoleSessionName: "two" });
    expect(chained.SourceIdentity).toBe("ada");
    await assume(server(), keys, { RoleArn: second.arn, SourceIdentity: "ada" });
    await expectCode(
      assume(server(), keys, { RoleArn: second.arn, SourceIdentity: "eve" }),
      denied("The source identity of the calling session is 'ada' and cannot be changed to 'eve'"),
    );
    // Without it the second role is not to be had.
    const plain = await assume(server(), user.keys, { RoleArn: first.arn });
    await expect(assume(server(), plain, { RoleArn: second.arn })).rejects.toThrow(noTrust);
  });

  test("needs sts:SetSourceIdentity", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustRoot] });
    await expectCode(
      assume(server(), user.keys, { RoleArn: role.arn, SourceIdentity: "ada" }),
      refused(
        user.arn,
        role.arn,
        "because no role trust policy allows the sts:SetSourceIdentity action",
        "sts:SetSourceIdentity",
      ),
    );
  });
});

describe("a session token", () => {
  test("is needed whole, and belongs to its key", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustRoot] });
    const keys = await assume(server(), user.keys, { RoleArn: role.arn });
    const other = await assume(server(), user.keys, { RoleArn: role.arn });
    const { sessionToken, ...bare } = keys;
    await expectCode(whoIs(bare), invalidToken);
    await expectCode(whoIs({ ...bare, sessionToken: other.sessionToken }), invalidToken);
    await expectCode(whoIs({ ...user.keys, sessionToken }), invalidToken);
    await expectCode(whoIs({ ...keys, secretAccessKey: other.secretAccessKey }), {
      status: 403,
      code: "SignatureDoesNotMatch",
      message: expect.any(String) as unknown as string,
    });
    for (let at = 0; at < sessionToken.length; at += 1) {
      const altered =
        sessionToken.slice(0, at) + (sessionToken[at] === "A" ? "B" : "A") + sessionToken.slice(at + 1);
      await expectCode(whoIs({ ...bare, sessionToken: altered }), invalidToken);
    }
    for (const altered of [`${sessionToken}A`, sessionToken.slice(0, -1), sessionToken.toLowerCase()]) {
      await expectCode(whoIs({ ...bare, sessionToken: altered }), invalidToken);
    }
    expect((await whoIs(keys)).Account).toBe(account);
  });

  test("has no place in a docker login with the key itself", async () => {
    const user = await makeUser(server(), assumer);
    const role = await makeRole(server(), { trust: [trustRoot] });
    const { accessKeyId, secretAccessKey } = await assume(server(), user.keys, { RoleArn: role.arn });
    const authorization = `Basic ${btoa(`${accessKeyId}:${secretAccessKey}`)}`;
    const answer = await registry.request("GET", "/v2/", { authorization });
    expect(answer.status).toBe(401);
    expect(answer.text()).toContain("is a temporary access key, whose session token has no place here");
  });

  test("is as large as is asked for", async () => {
    const { Credentials, SessionTokenSize, SessionTokenUtilization } = await sts(server()).getSessionToken({
      MinimumSessionTokenSize: 4_096,
    });
    expect(Credentials?.SessionToken?.length).toBe(4_096);
    expect({ SessionTokenSize, SessionTokenUtilization }).toEqual({
      SessionTokenSize: 4_096,
      SessionTokenUtilization: 100,
    });
    expect((await whoIs(keysOf(Credentials))).Arn).toBe(accountRoot);
  });
});

describe("GetSessionToken", () => {
  test("gives a user credentials that are it itself, for 12 hours", async () => {
    const user = await makeUser(server(), { actions: ["ecr:DescribeRepositories"] });
    const { Credentials } = await sts(server(), user.keys).getSessionToken({});
    const left = Number(Credentials?.Expiration) - Date.now();
    expect(left / 3_600_000).toBeCloseTo(12, 1);
    const keys = keysOf(Credentials);
    expect(await whoIs(keys)).toMatchObject({ Arn: user.arn, UserId: user.userId });
    await ecr(server(), keys).describeRepositories({});
    await expect(ecr(server(), keys).describeRegistry({})).rejects.toThrow(
      `User: ${user.arn} is not authorized`,
    );
    await iam(server()).deleteUserPolicy({ UserName: user.name, PolicyName: "test" });
    await expect(ecr(server(), keys).describeRepositories({})).rejects.toThrow("not authorized");
  });

  test("gives a root an hour, whatever it asks for", async () => {
    for (const DurationSeconds of [undefined, 129_600]) {
      const { Credentials } = await sts(server()).getSessionToken({ DurationSeconds });
      expect((Number(Credentials?.Expiration) - Date.now()) / 3_600_000).toBeCloseTo(1, 1);
      expect(await whoIs(keysOf(Credentials))).toMatchObject({ Arn: accountRoot, UserId: account });
    }
  });

  test("is not for those who have temporary credentials", async () => {
    const user = await makeUser(server(), { actions: ["sts:*"] });
    const { Credentials } = await sts(server(), user.keys).getSessionToken({});
    const role = await makeRole(server(), { trust: [trustRoot], actions: ["sts:*"] });
    const asRole = await assume(server(), user.keys, { RoleArn: role.arn });
    for (const keys of [keysOf(Credentials), asRole]) {
      await expectCode(
        sts(server(), keys).getSessionToken({}),
        denied("Cannot call GetSessionToken with session credentials"),
      );
      await expectCode(
        sts(server(), keys).getFederationToken({ Name: "somebody" }),
        denied("Cannot call GetFederationToken with session credentials"),
      );
    }
    // They can take on roles, and that is no chain yet.
    const long = await makeRole(server(), { trust: [trustRoot], seconds: 7_200 });
    await assume(server(), keysOf(Credentials), { RoleArn: long.arn, DurationSeconds: 7_200 });
  });

  test("ends with its user", async () => {
    const user = await makeUser(server());
    const { Credentials } = await sts(server(), user.keys).getSessionToken({});
    await iam(server()).deleteAccessKey({ UserName: user.name, AccessKeyId: user.keys.accessKeyId });
    await iam(server()).deleteUser({ UserName: user.name });
    await expectCode(whoIs(keysOf(Credentials)), invalidToken);
  });
});

describe("GetFederationToken", () => {
  const federator = { actions: ["sts:GetFederationToken", "ecr:*"] };

  test("gives somebody what both its user and the passed policy allow", async () => {
    const user = await makeUser(server(), federator);
    const answer = await sts(server(), user.keys).getFederationToken({
      Name: "grace",
      Policy: policy({ Action: ["ecr:DescribeRepositories", "iam:ListUsers"], Resource: "*" }),
      DurationSeconds: 900,
    });
    const arn = `arn:aws:sts::${account}:federated-user/grace`;
    expect(answer.FederatedUser).toEqual({ Arn: arn, FederatedUserId: `${account}:grace` });
    expect(answer.PackedPolicySize).toBeGreaterThan(0);
    const keys = keysOf(answer.Credentials);
    expect(await whoIs(keys)).toMatchObject({ Arn: arn, UserId: `${account}:grace` });
    await ecr(server(), keys).describeRepositories({});
    await expect(ecr(server(), keys).describeRegistry({})).rejects.toThrow(
      "because no session policy allows the ecr:DescribeRegistry action",
    );
    await expect(iam(server(), keys).listUsers({})).rejects.toBeInstanceOf(IAMServiceException);
    await expectCode(
      assume(server(), keys, { RoleArn: (await makeRole(server(), { trust: [trustRoot] })).arn }),
      denied("Cannot call AssumeRole with federated user credentials"),
    );
  });

  test("without a policy gives nothing", async () => {
    const user = await makeUser(server(), federator);
    const { Credentials } = await sts(server(), user.keys).getFederationToken({ Name: "nothing" });
    await expect(ecr(server(), keysOf(Credentials)).describeRepositories({})).rejects.toThrow(
      "because no session policy allows",
    );
  });

  test("needs the permission, and another one for tags", async () => {
    const Name = "hopper";
    const resource = `arn:aws:sts::${account}:federated-user/${Name}`;
    const nobody = await makeUser(server());
    await expectCode(
      sts(server(), nobody.keys).getFederationToken({ Name }),
      refused(
        nobody.arn,
        resource,
        "because no identity-based policy allows the sts:GetFederationToken action",
        "sts:GetFederationToken",
      ),
    );
    const user = await makeUser(server(), federator);
    const Tags = [{ Key: "team", Value: "blue" }];
    await expectCode(
      sts(server(), user.keys).getFederationToken({ Name, Tags }),
      refused(
        user.arn,
        resource,
        "because no identity-based policy allows the sts:TagSession action",
        "sts:TagSession",
      ),
    );
    const tagger = await makeUser(server(), { actions: [...federator.actions, "sts:TagSession"] });
    await sts(server(), tagger.keys).getFederationToken({ Name, Tags });
    await sts(server()).getFederationToken({ Name, Tags });
  });
});

describe("GetAccessKeyInfo", () => {
  test("says whose account a key is of", async () => {
    const user = await makeUser(server());
    const { Credentials } = await sts(server(), user.keys).getSessionToken({});
    for (const AccessKeyId of [
      user.keys.accessKeyId,
      keysOf(Credentials).accessKeyId,
      server().accessKeyId,
    ]) {
      expect((await sts(server()).getAccessKeyInfo({ AccessKeyId })).Account).toBe(account);
    }
    await expectCode(
      sts(server()).getAccessKeyInfo({ AccessKeyId: "AKIANOBODYHASTHISKEY" }),
      invalid("There is no access key 'AKIANOBODYHASTHISKEY' in this installation"),
    );
    await expectCode(
      sts(server(), user.keys).getAccessKeyInfo({ AccessKeyId: user.keys.accessKeyId }),
      refused(
        user.arn,
        "*",
        "because no identity-based policy allows the sts:GetAccessKeyInfo action",
        "sts:GetAccessKeyInfo",
      ),
    );
  });
});
