/** IAM's roles: who may assume them, their policies and boundaries, and the roles that ECR makes for itself. */
import { afterAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import {
  DeleteConflictException,
  EntityAlreadyExistsException,
  InvalidInputException,
  LimitExceededException,
  MalformedPolicyDocumentException,
  NoSuchEntityException,
  PolicyNotAttachableException,
  type Role,
  UnmodifiableEntityException,
} from "@aws-sdk/client-iam";
import { STS } from "@aws-sdk/client-sts";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import { allow, expectCode, expectDenied, expectModelled, iam, userWithKey } from "../support/iam.ts";
import { registryForFile, unique } from "../support/oci.ts";

const data = await folderWithOtherAccount();
const registry = registryForFile({ data });
const server = () => registry.server;
const root = () => iam(server());
const arn = (rest: string) => `arn:aws:iam::000000000000:${rest}`;
const noRole = (name: string) => ({ status: 404, message: `The role with name ${name} cannot be found.` });

afterAll(() => rm(data, { recursive: true, force: true }));

type Principal = Readonly<Record<string, string | readonly string[]>> | string;

/** A trust policy with white space in it, which has to survive. */
const trust = (principal: Principal = { Service: "ecr.amazonaws.com" }) =>
  JSON.stringify(
    {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: principal, Action: "sts:AssumeRole" }],
    },
    null,
    2,
  );

const allowAll = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]}';
const readOnly = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";

async function newRole(name = unique("role")): Promise<string> {
  await root().createRole({ RoleName: name, AssumeRolePolicyDocument: trust() });
  return name;
}

/** The text as it is: the SDK leaves the encoding of documents to its caller. */
const text = (document: string | undefined) => decodeURIComponent(document ?? "");

describe("a new role", () => {
  test("has all that was given, and comes back so", async () => {
    const document = trust({ AWS: otherRoot.accountId });
    const { Role: made } = await root().createRole({
      RoleName: "Builder",
      Path: "/ci/build/",
      AssumeRolePolicyDocument: document,
      Description: "builds\timages, häufig",
      MaxSessionDuration: 43_200,
      PermissionsBoundary: readOnly,
      Tags: [{ Key: "team", Value: "engines" }],
    });
    const { AssumeRolePolicyDocument: encoded, ...rest } = made as Role;
    expect(text(encoded)).toBe(document);
    expect(rest).toEqual({
      RoleName: "Builder",
      Path: "/ci/build/",
      RoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}$/),
      Arn: arn("role/ci/build/Builder"),
      CreateDate: expect.any(Date),
      Description: "builds\timages, häufig",
      MaxSessionDuration: 43_200,
      PermissionsBoundary: {
        PermissionsBoundaryType: "PermissionsBoundaryPolicy",
        PermissionsBoundaryArn: readOnly,
      },
      Tags: [{ Key: "team", Value: "engines" }],
    });
    const { Role: found } = await root().getRole({ RoleName: "bUILDER" });
    expect(found).toEqual({ ...(made as Role), RoleLastUsed: {} });
    const { Roles } = await root().listRoles({ PathPrefix: "/ci/" });
    const { PermissionsBoundary: _, Tags: __, ...listed } = made as Role;
    expect(Roles).toEqual([listed as Role]);
  });

  test("needs a name and a trust policy alone", async () => {
    const { Role: role } = await root().createRole({
      RoleName: "plain",
      AssumeRolePolicyDocument: trust(),
    });
    expect(role).toMatchObject({ Path: "/", Arn: arn("role/plain"), MaxSessionDuration: 3_600 });
    expect(role).not.toContainKeys(["Description", "Tags", "PermissionsBoundary"]);
  });

  test("has a name that no other has, whatever its case and its path", async () => {
    await newRole("Taken");
    await expectModelled(
      root().createRole({ RoleName: "tAKEN", Path: "/x/", AssumeRolePolicyDocument: trust() }),
      EntityAlreadyExistsException,
      { status: 409, message: "Role with name tAKEN already exists." },
    );
    await root().createUser({ UserName: "Taken" });
  });

  test("is refused with a boundary that is not there", async () => {
    const boundary = arn("policy/nowhere");
    await expectModelled(
      root().createRole({
        RoleName: "bounded",
        AssumeRolePolicyDocument: trust(),
        PermissionsBoundary: boundary,
      }),
      NoSuchEntityException,
      { status: 404, message: `Scope ARN: ${boundary} does not exist or is not attachable.` },
    );
    await expectModelled(root().getRole({ RoleName: "bounded" }), NoSuchEntityException, noRole("bounded"));
  });

  test("is refused with the path of service-linked roles", async () => {
    await expectModelled(
      root().createRole({
        RoleName: "linked",
        Path: "/aws-service-role/ecr.amazonaws.com/",
        AssumeRolePolicyDocument: trust(),
      }),
      InvalidInputException,
      {
        status: 400,
        message:
          "The path /aws-service-role/ecr.amazonaws.com/ is for service-linked roles; CreateServiceLinkedRole makes those",
      },
    );
  });
});

describe("roles are listed", () => {
  test("in pages, in the order of their names without regard to case", async () => {
    for (const RoleName of ["p-b", "P-a", "p-D", "p-c"]) {
      await root().createRole({ RoleName, Path: "/paged/", AssumeRolePolicyDocument: trust() });
    }
    const names: (string | undefined)[][] = [];
    let Marker: string | undefined;
    do {
      const page = await root().listRoles({ PathPrefix: "/paged/", MaxItems: 3, Marker });
      names.push((page.Roles ?? []).map(({ RoleName }) => RoleName));
      expect(page.IsTruncated).toBe(page.Marker !== undefined);
      Marker = page.Marker;
    } while (Marker !== undefined);
    expect(names).toEqual([["P-a", "p-b", "p-c"], ["p-D"]]);
  });
});

describe("a role is changed", () => {
  test("in its description and the length of its sessions; what is not given stays", async () => {
    const RoleName = await newRole();
    await root().updateRole({ RoleName, Description: "one", MaxSessionDuration: 7_200 });
    await root().updateRole({ RoleName, MaxSessionDuration: 3_601 });
    const { Role: updated } = await root().updateRoleDescription({ RoleName, Description: "two" });
    expect(updated).toMatchObject({ RoleName, Description: "two", MaxSessionDuration: 3_601 });
    await root().updateRole({ RoleName });
    expect((await root().getRole({ RoleName })).Role).toMatchObject({
      Description: "two",
      MaxSessionDuration: 3_601,
    });
  });

  test("in its tags, which are listed in pages", async () => {
    const RoleName = await newRole();
    await root().tagRole({
      RoleName,
      Tags: [
        { Key: "b", Value: "1" },
        { Key: "A", Value: "2" },
      ],
    });
    await root().tagRole({ RoleName, Tags: [{ Key: "B", Value: "3" }] });
    const first = await root().listRoleTags({ RoleName, MaxItems: 1 });
    expect(first).toMatchObject({ Tags: [{ Key: "A", Value: "2" }], IsTruncated: true });
    const second = await root().listRoleTags({ RoleName, MaxItems: 1, Marker: first.Marker });
    expect(second).toMatchObject({ Tags: [{ Key: "b", Value: "3" }], IsTruncated: false });
    await root().untagRole({ RoleName, TagKeys: ["a", "nothing"] });
    expect((await root().listRoleTags({ RoleName })).Tags).toEqual([{ Key: "b", Value: "3" }]);
    await expectModelled(
      root().tagRole({ RoleName, Tags: [{ Key: "aws:x", Value: "" }] }),
      InvalidInputException,
      { status: 400, message: "The tag key 'aws:x' begins with 'aws:', which is reserved" },
    );
    const many = Array.from({ length: 50 }, (_, index) => ({ Key: `k${index}`, Value: "" }));
    await expectModelled(root().tagRole({ RoleName, Tags: many }), LimitExceededException, {
      status: 409,
      message: "Cannot exceed quota for TagsPerResource: 50",
    });
  });

  test("not when it is not there", async () => {
    const RoleName = "nobody";
    const calls = [
      root().getRole({ RoleName }),
      root().updateRole({ RoleName }),
      root().updateRoleDescription({ RoleName, Description: "" }),
      root().updateAssumeRolePolicy({ RoleName, PolicyDocument: trust() }),
      root().deleteRole({ RoleName }),
      root().listRoleTags({ RoleName }),
      root().tagRole({ RoleName, Tags: [] }),
      root().untagRole({ RoleName, TagKeys: [] }),
      root().listInstanceProfilesForRole({ RoleName }),
      root().putRolePolicy({ RoleName, PolicyName: "p", PolicyDocument: allowAll }),
      root().listRolePolicies({ RoleName }),
      root().attachRolePolicy({ RoleName, PolicyArn: readOnly }),
      root().listAttachedRolePolicies({ RoleName }),
      root().putRolePermissionsBoundary({ RoleName, PermissionsBoundary: readOnly }),
      root().deleteRolePermissionsBoundary({ RoleName }),
      root().deleteServiceLinkedRole({ RoleName }),
    ];
    for (const call of calls) await expectModelled(call, NoSuchEntityException, noRole(RoleName));
  });
});

describe("a trust policy", () => {
  test("is replaced, and comes back as it was written", async () => {
    const RoleName = await newRole();
    const document = `${trust("*")}\r\n\t`;
    await root().updateAssumeRolePolicy({ RoleName, PolicyDocument: document });
    const { Role: role } = await root().getRole({ RoleName });
    expect(text(role?.AssumeRolePolicyDocument)).toBe(document);
  });

  test.each([
    ["no JSON", "{", "the text is not JSON: line 1, column 2: "],
    [
      "an action that no trust policy has",
      trust().replace("sts:AssumeRole", "sts:AssumeRol"),
      "statement 1 (Statement[0].Action): 'sts:AssumeRol' is not an action of a role trust policy; did you mean 'sts:AssumeRole'?",
    ],
    [
      "a resource",
      trust().replace('"Effect"', '"Resource": "*", "Effect"'),
      "statement 1 (Statement[0].Resource): a role trust policy is about its role; leave it out",
    ],
    [
      "no principal",
      '{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}',
      "statement 1 (Statement[0]): has neither Principal nor NotPrincipal",
    ],
  ])("with %s is refused", async (_, document, message) => {
    const RoleName = await newRole();
    const refused = expect.stringContaining(message);
    for (const call of [
      () => root().createRole({ RoleName: unique("role"), AssumeRolePolicyDocument: document }),
      () => root().updateAssumeRolePolicy({ RoleName, PolicyDocument: document }),
    ]) {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(MalformedPolicyDocumentException);
      expect((error as Error).message).toEqual(refused);
    }
  });

  test.each([
    ["a user", { AWS: "arn:aws:iam::000000000000:user/nobody" }],
    ["a role", { AWS: ["arn:aws:iam::000000000000:root", "arn:aws:iam::000000000000:role/nobody"] }],
    ["a unique id", { AWS: "AIDAAAAAAAAAAAAAAAAAA" }],
    ["an account", { AWS: "999999999999" }],
    ["an account's root", { AWS: "arn:aws:iam::999999999999:root" }],
    ["a session of an account", { AWS: "arn:aws:sts::999999999999:assumed-role/r/s" }],
  ])("that names %s that is not there is refused", async (_, principal) => {
    const name = [principal.AWS].flat().at(-1);
    await expectModelled(
      root().createRole({ RoleName: unique("role"), AssumeRolePolicyDocument: trust(principal) }),
      MalformedPolicyDocumentException,
      { status: 400, message: `Invalid principal in policy: "AWS":"${name}"` },
    );
  });

  test("may name users with their paths, and then no other path", async () => {
    await root().createUser({ UserName: "pathed", Path: "/a/" });
    await root().createRole({
      RoleName: "for-pathed",
      AssumeRolePolicyDocument: trust({ AWS: arn("user/a/pathed") }),
    });
    await expectModelled(
      root().createRole({
        RoleName: "for-another",
        AssumeRolePolicyDocument: trust({ AWS: arn("user/pathed") }),
      }),
      MalformedPolicyDocumentException,
      { status: 400, message: `Invalid principal in policy: "AWS":"${arn("user/pathed")}"` },
    );
  });

  test("means the user that was there when it was written", async () => {
    const UserName = unique("user");
    const { User: user } = await root().createUser({ UserName });
    const RoleName = unique("role");
    const policy = {
      Version: "2012-10-17",
      Statement: {
        Effect: "Allow",
        Principal: { AWS: [arn(`user/${UserName}`), otherRoot.accountId] },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "aws:PrincipalArn": arn(`user/${UserName}`) } },
      },
    };
    await root().createRole({ RoleName, AssumeRolePolicyDocument: JSON.stringify(policy) });
    const read = async () =>
      JSON.parse(text((await root().getRole({ RoleName })).Role?.AssumeRolePolicyDocument)) as typeof policy;

    // A user that has another name is the same user.
    await root().updateUser({ UserName, NewUserName: `${UserName}2` });
    expect((await read()).Statement.Principal.AWS).toEqual([arn(`user/${UserName}2`), otherRoot.accountId]);

    await root().deleteUser({ UserName: `${UserName}2` });
    await root().createUser({ UserName });
    const { Statement } = await read();
    expect(Statement.Principal.AWS).toEqual([user?.UserId ?? "", otherRoot.accountId]);
    // Only principals are identities: what a condition compares with stays.
    expect(Statement.Condition).toEqual(policy.Statement.Condition);
    await expectModelled(
      root().updateAssumeRolePolicy({ RoleName, PolicyDocument: JSON.stringify(await read()) }),
      MalformedPolicyDocumentException,
      { status: 400, message: `Invalid principal in policy: "AWS":"${user?.UserId}"` },
    );
  });

  test("has at most 4096 characters without white space", async () => {
    const sid = "x".repeat(4_096 - trust().replace(/\s/g, "").length - '"Sid":"",'.length);
    const full = trust().replace('"Effect"', `"Sid": "${sid}", "Effect"`);
    const RoleName = unique("role");
    await root().createRole({ RoleName, AssumeRolePolicyDocument: full });
    await expectModelled(
      root().updateAssumeRolePolicy({ RoleName, PolicyDocument: full.replace(sid, `${sid}x`) }),
      LimitExceededException,
      { status: 409, message: "Cannot exceed quota for ACLSizePerRole: 4096" },
    );
  });
});

describe("a role is deleted", () => {
  test("when it has neither attached nor inline policies", async () => {
    const RoleName = await newRole();
    await root().attachRolePolicy({ RoleName, PolicyArn: readOnly });
    await root().putRolePolicy({ RoleName, PolicyName: "p", PolicyDocument: allowAll });
    await expectModelled(root().deleteRole({ RoleName }), DeleteConflictException, {
      status: 409,
      message: "Cannot delete entity, must detach all policies first.",
    });
    await root().detachRolePolicy({ RoleName, PolicyArn: readOnly });
    await expectModelled(root().deleteRole({ RoleName }), DeleteConflictException, {
      status: 409,
      message: "Cannot delete entity, must delete policies first.",
    });
    await root().deleteRolePolicy({ RoleName, PolicyName: "p" });
    expect(await root().listInstanceProfilesForRole({ RoleName })).toMatchObject({
      InstanceProfiles: [],
      IsTruncated: false,
    });
    await root().putRolePermissionsBoundary({ RoleName, PermissionsBoundary: readOnly });
    await root().tagRole({ RoleName, Tags: [{ Key: "a", Value: "b" }] });
    const { Role: gone } = await root().getRole({ RoleName });
    await root().deleteRole({ RoleName });
    await expectModelled(root().getRole({ RoleName }), NoSuchEntityException, noRole(RoleName));

    await newRole(RoleName);
    const { Role: again } = await root().getRole({ RoleName });
    expect(again?.RoleId).not.toBe(gone?.RoleId);
    expect(again).not.toContainKeys(["Tags", "PermissionsBoundary"]);
  });
});

describe("a session of a role", () => {
  const as = (keys: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }) =>
    new STS({ endpoint: server().url, region: server().region, credentials: keys, maxAttempts: 1 });

  test("ends with the role, and one of the same name is another", async () => {
    const UserName = unique("user");
    const user = as(await userWithKey(server(), UserName));
    const RoleName = unique("role");
    const role = { RoleName, AssumeRolePolicyDocument: trust({ AWS: arn(`user/${UserName}`) }) };
    await root().createRole(role);
    const { Credentials } = await user.assumeRole({
      RoleArn: arn(`role/${RoleName}`),
      RoleSessionName: "session",
    });
    const session = as({
      accessKeyId: Credentials?.AccessKeyId ?? "",
      secretAccessKey: Credentials?.SecretAccessKey ?? "",
      sessionToken: Credentials?.SessionToken ?? "",
    });
    expect((await session.getCallerIdentity({})).Arn).toEndWith(`:assumed-role/${RoleName}/session`);
    await root().deleteRole({ RoleName });
    await root().createRole(role);
    await expectCode(session.getCallerIdentity({}), {
      status: 403,
      code: "InvalidClientTokenId",
      message: "The security token included in the request is invalid.",
    });
  });

  test("is not for a user who was made anew under a trusted name", async () => {
    const UserName = unique("user");
    await root().createUser({ UserName });
    const RoleName = unique("role");
    await root().createRole({
      RoleName,
      AssumeRolePolicyDocument: trust({ AWS: arn(`user/${UserName}`) }),
    });
    await root().deleteUser({ UserName });
    const again = as(await userWithKey(server(), UserName));
    const assume = { RoleArn: arn(`role/${RoleName}`), RoleSessionName: "session" };
    await expect(again.assumeRole(assume)).rejects.toThrow("not authorized to perform: sts:AssumeRole");
  });
});

describe("a permissions boundary", () => {
  test("is put, replaced and taken away, of a role and of a user", async () => {
    const name = unique("bounded");
    await newRole(name);
    await root().createUser({ UserName: name });
    const policies = [readOnly, "arn:aws:iam::aws:policy/AdministratorAccess"];
    for (const PermissionsBoundary of policies) {
      await root().putRolePermissionsBoundary({ RoleName: name, PermissionsBoundary });
      await root().putUserPermissionsBoundary({ UserName: name, PermissionsBoundary });
      const of = {
        PermissionsBoundaryType: "PermissionsBoundaryPolicy",
        PermissionsBoundaryArn: PermissionsBoundary,
      };
      expect((await root().getRole({ RoleName: name })).Role).toMatchObject({ PermissionsBoundary: of });
      expect((await root().getUser({ UserName: name })).User).toMatchObject({ PermissionsBoundary: of });
    }
    for (const _ of ["there", "gone"]) {
      await root().deleteRolePermissionsBoundary({ RoleName: name });
      await root().deleteUserPermissionsBoundary({ UserName: name });
    }
    expect((await root().getRole({ RoleName: name })).Role?.PermissionsBoundary).toBeUndefined();
    expect((await root().getUser({ UserName: name })).User?.PermissionsBoundary).toBeUndefined();
  });

  test("is a policy of the account or of AWS", async () => {
    const RoleName = await newRole();
    const { Policy: other } = await iam(server(), otherRoot).createPolicy({
      PolicyName: unique("theirs"),
      PolicyDocument: allowAll,
    });
    for (const PermissionsBoundary of [arn("policy/nowhere"), other?.Arn ?? ""]) {
      await expectModelled(
        root().putRolePermissionsBoundary({ RoleName, PermissionsBoundary }),
        NoSuchEntityException,
        { status: 404, message: `Scope ARN: ${PermissionsBoundary} does not exist or is not attachable.` },
      );
    }
    await expectModelled(
      root().putRolePermissionsBoundary({ RoleName, PermissionsBoundary: arn("role/no-policy") }),
      InvalidInputException,
      { status: 400, message: `ARN ${arn("role/no-policy")} is not valid.` },
    );
    const serviceOnly = "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy";
    await expectModelled(
      root().putRolePermissionsBoundary({ RoleName, PermissionsBoundary: serviceOnly }),
      PolicyNotAttachableException,
      { status: 400, message: `Policy ${serviceOnly} cannot be a permissions boundary.` },
    );
  });
});

describe("a service-linked role", () => {
  const services = [
    [
      "pullthroughcache.ecr.amazonaws.com",
      "AWSServiceRoleForECRPullThroughCache",
      "AWSECRPullThroughCache_ServiceRolePolicy",
    ],
    ["replication.ecr.amazonaws.com", "AWSServiceRoleForECRReplication", "ECRReplicationServiceRolePolicy"],
    ["ecr.amazonaws.com", "AWSServiceRoleForECRTemplate", "ECRTemplateServiceRolePolicy"],
  ] as const;

  test.each(services)(
    "of %s is made with its policy, and only its service changes it",
    async (service, RoleName, policy) => {
      const { Role: role } = await root().createServiceLinkedRole({
        AWSServiceName: service,
        Description: "linked",
      });
      expect(role).toMatchObject({
        RoleName,
        Path: `/aws-service-role/${service}/`,
        Arn: arn(`role/aws-service-role/${service}/${RoleName}`),
        Description: "linked",
        MaxSessionDuration: 3_600,
      });
      expect(JSON.parse(text(role?.AssumeRolePolicyDocument))).toEqual({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
      });
      const PolicyArn = `arn:aws:iam::aws:policy/aws-service-role/${policy}`;
      expect((await root().listAttachedRolePolicies({ RoleName })).AttachedPolicies).toEqual([
        { PolicyName: policy, PolicyArn },
      ]);
      const protectedRole = {
        status: 400,
        message: `Cannot perform the operation on the protected role '${RoleName}' - this role is only modifiable by AWS`,
      };
      const calls = [
        root().deleteRole({ RoleName }),
        root().updateRole({ RoleName, MaxSessionDuration: 7_200 }),
        root().updateAssumeRolePolicy({ RoleName, PolicyDocument: trust() }),
        root().attachRolePolicy({ RoleName, PolicyArn: readOnly }),
        root().detachRolePolicy({ RoleName, PolicyArn }),
        root().putRolePolicy({ RoleName, PolicyName: "p", PolicyDocument: allowAll }),
        root().deleteRolePolicy({ RoleName, PolicyName: "p" }),
        root().putRolePermissionsBoundary({ RoleName, PermissionsBoundary: readOnly }),
        root().deleteRolePermissionsBoundary({ RoleName }),
      ];
      for (const call of calls) await expectModelled(call, UnmodifiableEntityException, protectedRole);
      await root().updateRole({ RoleName, Description: "described" });
      await expectModelled(
        root().createServiceLinkedRole({ AWSServiceName: service }),
        InvalidInputException,
        {
          status: 400,
          message: `Service role name ${RoleName} has been taken in this account, please try a different suffix.`,
        },
      );
      const { DeletionTaskId } = await root().deleteServiceLinkedRole({ RoleName });
      expect(DeletionTaskId).toStartWith(`task/aws-service-role/${service}/${RoleName}/`);
      expect((await root().getServiceLinkedRoleDeletionStatus({ DeletionTaskId })).Status).toBe("SUCCEEDED");
      await expectModelled(root().getRole({ RoleName }), NoSuchEntityException, noRole(RoleName));
    },
  );

  test("is there for three services, without a suffix", async () => {
    await expectModelled(
      root().createServiceLinkedRole({ AWSServiceName: "ec2.amazonaws.com" }),
      InvalidInputException,
      {
        status: 400,
        message:
          "Service ec2.amazonaws.com has no service-linked role; services that have one are pullthroughcache.ecr.amazonaws.com, replication.ecr.amazonaws.com, ecr.amazonaws.com",
      },
    );
    await expectModelled(
      root().createServiceLinkedRole({ AWSServiceName: "ecr.amazonaws.com", CustomSuffix: "x" }),
      InvalidInputException,
      { status: 400, message: "Custom suffix is not allowed for ecr.amazonaws.com" },
    );
    const RoleName = await newRole();
    await expectModelled(root().deleteServiceLinkedRole({ RoleName }), NoSuchEntityException, {
      status: 404,
      message: `The service-linked role with name ${RoleName} cannot be found.`,
    });
    await expectModelled(
      root().getServiceLinkedRoleDeletionStatus({ DeletionTaskId: "task/x" }),
      NoSuchEntityException,
      { status: 404, message: "Deletion task task/x cannot be found." },
    );
  });
});

describe("permission", () => {
  test("is asked for each operation, on the role with its path", async () => {
    const UserName = unique("user");
    const somebody = iam(server(), await userWithKey(server(), UserName));
    await root().createRole({ RoleName: "asked", Path: "/a/b/", AssumeRolePolicyDocument: trust() });
    const user = arn(`user/${UserName}`);
    const RoleName = "asked";
    const resource = arn("role/a/b/asked");
    const calls: [string, Promise<unknown>][] = [
      ["GetRole", somebody.getRole({ RoleName })],
      ["UpdateRole", somebody.updateRole({ RoleName })],
      ["UpdateRoleDescription", somebody.updateRoleDescription({ RoleName, Description: "" })],
      ["UpdateAssumeRolePolicy", somebody.updateAssumeRolePolicy({ RoleName, PolicyDocument: trust() })],
      ["DeleteRole", somebody.deleteRole({ RoleName })],
      ["ListRoleTags", somebody.listRoleTags({ RoleName })],
      ["TagRole", somebody.tagRole({ RoleName, Tags: [] })],
      ["UntagRole", somebody.untagRole({ RoleName, TagKeys: [] })],
      ["ListInstanceProfilesForRole", somebody.listInstanceProfilesForRole({ RoleName })],
      ["DeleteServiceLinkedRole", somebody.deleteServiceLinkedRole({ RoleName })],
      ["PutRolePolicy", somebody.putRolePolicy({ RoleName, PolicyName: "p", PolicyDocument: allowAll })],
      ["GetRolePolicy", somebody.getRolePolicy({ RoleName, PolicyName: "p" })],
      ["ListRolePolicies", somebody.listRolePolicies({ RoleName })],
      ["DeleteRolePolicy", somebody.deleteRolePolicy({ RoleName, PolicyName: "p" })],
      ["AttachRolePolicy", somebody.attachRolePolicy({ RoleName, PolicyArn: readOnly })],
      ["DetachRolePolicy", somebody.detachRolePolicy({ RoleName, PolicyArn: readOnly })],
      ["ListAttachedRolePolicies", somebody.listAttachedRolePolicies({ RoleName })],
      [
        "PutRolePermissionsBoundary",
        somebody.putRolePermissionsBoundary({ RoleName, PermissionsBoundary: readOnly }),
      ],
      ["DeleteRolePermissionsBoundary", somebody.deleteRolePermissionsBoundary({ RoleName })],
    ];
    for (const [name, call] of calls) await expectDenied(call, { user, action: `iam:${name}`, resource });
    await expectDenied(
      somebody.createRole({ RoleName: "x", Path: "/p/", AssumeRolePolicyDocument: trust() }),
      {
        user,
        action: "iam:CreateRole",
        resource: arn("role/p/x"),
      },
    );
    await expectDenied(somebody.listRoles({}), { user, action: "iam:ListRoles", resource: arn("role/") });
    const linked = arn("role/aws-service-role/ecr.amazonaws.com/AWSServiceRoleForECRTemplate");
    await expectDenied(somebody.createServiceLinkedRole({ AWSServiceName: "ecr.amazonaws.com" }), {
      user,
      action: "iam:CreateServiceLinkedRole",
      resource: linked,
    });
  });

  test("can depend on the policy, the boundary and the tags", async () => {
    const UserName = unique("user");
    const somebody = iam(server(), await userWithKey(server(), UserName));
    const RoleName = await newRole();
    await allow(server(), UserName, {
      Action: ["iam:AttachRolePolicy", "iam:CreateRole", "iam:TagRole"],
      Condition: {
        ArnEqualsIfExists: { "iam:PolicyARN": readOnly, "iam:PermissionsBoundary": readOnly },
        "ForAllValues:StringEquals": { "aws:TagKeys": ["team"] },
        StringEqualsIfExists: { "aws:RequestTag/team": "engines" },
      },
    });
    await somebody.attachRolePolicy({ RoleName, PolicyArn: readOnly });
    const denied = { status: 403, code: "AccessDenied", message: expect.any(String) as never };
    const other = "arn:aws:iam::aws:policy/AdministratorAccess";
    await expectCode(somebody.attachRolePolicy({ RoleName, PolicyArn: other }), denied);
    await root().putRolePermissionsBoundary({ RoleName, PermissionsBoundary: other });
    await expectCode(somebody.attachRolePolicy({ RoleName, PolicyArn: readOnly }), denied);
    const create = (more: { PermissionsBoundary?: string; Tags?: { Key: string; Value: string }[] }) =>
      somebody.createRole({ RoleName: unique("role"), AssumeRolePolicyDocument: trust(), ...more });
    await create({ PermissionsBoundary: readOnly, Tags: [{ Key: "team", Value: "engines" }] });
    await expectCode(create({ PermissionsBoundary: other }), denied);
    await expectCode(create({ Tags: [{ Key: "team", Value: "others" }] }), denied);
    await expectCode(create({ Tags: [{ Key: "else", Value: "engines" }] }), denied);
  });
});
