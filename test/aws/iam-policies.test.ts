/** IAM's policies: inline and managed ones, their versions and attachments, AWS's own, and what is wrong with a text. */
import { afterAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { ECR } from "@aws-sdk/client-ecr";
import {
  DeleteConflictException,
  EntityAlreadyExistsException,
  type IAM,
  InvalidInputException,
  LimitExceededException,
  MalformedPolicyDocumentException,
  NoSuchEntityException,
  type Policy,
  PolicyNotAttachableException,
} from "@aws-sdk/client-iam";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import { allow, expectCode, expectDenied, expectModelled, iam, userWithKey } from "../support/iam.ts";
import { registryForFile, unique } from "../support/oci.ts";

const data = await folderWithOtherAccount();
const registry = registryForFile({ data });
const server = () => registry.server;
const root = () => iam(server());
const arn = (rest: string) => `arn:aws:iam::000000000000:${rest}`;
const aws = (rest: string) => `arn:aws:iam::aws:policy/${rest}`;
const readOnly = aws("AmazonEC2ContainerRegistryReadOnly");

afterAll(() => rm(data, { recursive: true, force: true }));

const policy = (statement: object = {}) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "ecr:ListImages", Resource: "*", ...statement }],
  });

/** Everything that an encoding, a parser or a well-meaning formatter could change. */
const awkward = `\r\n{"Version" : "2012-10-17",\t"Id":"é%41+&<>\\u0041",\n  "Statement":{"Effect":"Allow",
"Action":["ecr:*"], "Resource":"arn:aws:ecr:*:*:repository/a b+c%20*"}}  \n`;

const text = (document: string | undefined) => decodeURIComponent(document ?? "");

const trust =
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecr.amazonaws.com"},"Action":"sts:AssumeRole"}]}';

/** The operations on the policies of a user, a group and a role are the same but for the name of the holder. */
const holders = [
  {
    kind: "user",
    path: "user",
    most: 2_048,
    quota: "PoliciesPerUser",
    make: (name: string) => root().createUser({ UserName: name }),
    put: (name: string, PolicyName: string, PolicyDocument: string) =>
      root().putUserPolicy({ UserName: name, PolicyName, PolicyDocument }),
    get: (name: string, PolicyName: string) => root().getUserPolicy({ UserName: name, PolicyName }),
    list: (name: string, page: object = {}) => root().listUserPolicies({ UserName: name, ...page }),
    remove: (name: string, PolicyName: string) => root().deleteUserPolicy({ UserName: name, PolicyName }),
    attach: (name: string, PolicyArn: string) => root().attachUserPolicy({ UserName: name, PolicyArn }),
    detach: (name: string, PolicyArn: string) => root().detachUserPolicy({ UserName: name, PolicyArn }),
    attached: (name: string, page: object = {}) =>
      root().listAttachedUserPolicies({ UserName: name, ...page }),
  },
  {
    kind: "group",
    path: "group",
    most: 5_120,
    quota: "PoliciesPerGroup",
    make: (name: string) => root().createGroup({ GroupName: name }),
    put: (name: string, PolicyName: string, PolicyDocument: string) =>
      root().putGroupPolicy({ GroupName: name, PolicyName, PolicyDocument }),
    get: (name: string, PolicyName: string) => root().getGroupPolicy({ GroupName: name, PolicyName }),
    list: (name: string, page: object = {}) => root().listGroupPolicies({ GroupName: name, ...page }),
    remove: (name: string, PolicyName: string) => root().deleteGroupPolicy({ GroupName: name, PolicyName }),
    attach: (name: string, PolicyArn: string) => root().attachGroupPolicy({ GroupName: name, PolicyArn }),
    detach: (name: string, PolicyArn: string) => root().detachGroupPolicy({ GroupName: name, PolicyArn }),
    attached: (name: string, page: object = {}) =>
      root().listAttachedGroupPolicies({ GroupName: name, ...page }),
  },
  {
    kind: "role",
    path: "role",
    most: 10_240,
    quota: "PoliciesPerRole",
    make: (name: string) => root().createRole({ RoleName: name, AssumeRolePolicyDocument: trust }),
    put: (name: string, PolicyName: string, PolicyDocument: string) =>
      root().putRolePolicy({ RoleName: name, PolicyName, PolicyDocument }),
    get: (name: string, PolicyName: string) => root().getRolePolicy({ RoleName: name, PolicyName }),
    list: (name: string, page: object = {}) => root().listRolePolicies({ RoleName: name, ...page }),
    remove: (name: string, PolicyName: string) => root().deleteRolePolicy({ RoleName: name, PolicyName }),
    attach: (name: string, PolicyArn: string) => root().attachRolePolicy({ RoleName: name, PolicyArn }),
    detach: (name: string, PolicyArn: string) => root().detachRolePolicy({ RoleName: name, PolicyArn }),
    attached: (name: string, page: object = {}) =>
      root().listAttachedRolePolicies({ RoleName: name, ...page }),
  },
] as const;

describe.each(holders)("a policy of a $kind", (holder) => {
  const { kind, most } = holder;

  test("comes back as it was written, is replaced, listed in pages, and deleted", async () => {
    const name = unique("Holder");
    await holder.make(name);
    for (const one of ["c", "A", "b"]) await holder.put(name.toUpperCase(), one, policy());
    await holder.put(name, "b", awkward);
    const found = await holder.get(name.toLowerCase(), "b");
    expect(found).toMatchObject({ PolicyName: "b" });
    expect(Object.values(found)).toContain(name);
    expect(text(found.PolicyDocument)).toBe(awkward);

    const first = await holder.list(name, { MaxItems: 2 });
    expect(first).toMatchObject({ PolicyNames: ["A", "b"], IsTruncated: true });
    const second = await holder.list(name, { MaxItems: 2, Marker: first.Marker });
    expect(second).toMatchObject({ PolicyNames: ["c"], IsTruncated: false });
    expect(second.Marker).toBeUndefined();

    await holder.remove(name, "b");
    const gone = { status: 404, message: `The ${kind} policy with name b cannot be found.` };
    await expectModelled(holder.get(name, "b"), NoSuchEntityException, gone);
    await expectModelled(holder.remove(name, "b"), NoSuchEntityException, gone);
  });

  test("needs a holder", async () => {
    const gone = { status: 404, message: `The ${kind} with name nobody cannot be found.` };
    for (const call of [
      () => holder.put("nobody", "p", policy()),
      () => holder.get("nobody", "p"),
      () => holder.list("nobody"),
      () => holder.remove("nobody", "p"),
      () => holder.attach("nobody", readOnly),
      () => holder.detach("nobody", readOnly),
      () => holder.attached("nobody"),
    ]) {
      await expectModelled(call(), NoSuchEntityException, gone);
    }
  });

  test(`is within ${most} characters with all others of it, not counting white space`, async () => {
    const name = unique("full");
    await holder.make(name);
    await holder.put(name, "one", policy());
    const rest = most - 2 * policy().length - '"Sid":"",'.length;
    const full = policy().replace('"Effect"', `"Sid":"${"x".repeat(rest)}",\n  "Effect"`);
    await holder.put(name, "two", full);
    await holder.put(name, "two", full);
    await expectModelled(holder.put(name, "two", full.replace("xx", "xxx")), LimitExceededException, {
      status: 409,
      message: `Maximum policy size of ${most} bytes exceeded for ${kind} ${name}`,
    });
    await expectModelled(holder.put(name, "three", policy()), LimitExceededException, {
      status: 409,
      message: `Maximum policy size of ${most} bytes exceeded for ${kind} ${name}`,
    });
    await holder.remove(name, "one");
    await holder.put(name, "three", policy());
  });

  test("is attached, listed in pages and by path, and detached", async () => {
    const name = unique("attached");
    await holder.make(name);
    const { Policy: own } = await root().createPolicy({
      PolicyName: unique("A-own"),
      Path: "/own/",
      PolicyDocument: policy(),
    });
    const ownArn = own?.Arn ?? "";
    for (const one of [readOnly, ownArn, ownArn]) await holder.attach(name, one);
    const ownEntry = { PolicyName: own?.PolicyName, PolicyArn: ownArn };
    const first = await holder.attached(name, { MaxItems: 1 });
    expect(first).toMatchObject({ AttachedPolicies: [ownEntry], IsTruncated: true });
    const second = await holder.attached(name, { MaxItems: 1, Marker: first.Marker });
    expect(second).toMatchObject({
      AttachedPolicies: [{ PolicyName: "AmazonEC2ContainerRegistryReadOnly", PolicyArn: readOnly }],
      IsTruncated: false,
    });
    expect((await holder.attached(name, { PathPrefix: "/own/" })).AttachedPolicies).toEqual([
      ownEntry as Required<typeof ownEntry>,
    ]);
    await holder.detach(name, ownArn);
    await expectModelled(holder.detach(name, ownArn), NoSuchEntityException, {
      status: 404,
      message: `Policy ${ownArn} was not found.`,
    });
  });

  test("can be attached ten times, and only when it is there", async () => {
    const name = unique("many");
    await holder.make(name);
    for (let index = 0; index < 10; index += 1) {
      const { Policy: made } = await root().createPolicy({
        PolicyName: unique("many"),
        PolicyDocument: policy(),
      });
      await holder.attach(name, made?.Arn ?? "");
    }
    await expectModelled(holder.attach(name, readOnly), LimitExceededException, {
      status: 409,
      message: `Cannot exceed quota for ${holder.quota}: 10`,
    });
    const { Policy: theirs } = await iam(server(), otherRoot).createPolicy({
      PolicyName: unique("theirs"),
      PolicyDocument: policy(),
    });
    for (const missing of [arn("policy/nowhere"), aws("Nowhere"), theirs?.Arn ?? ""]) {
      await expectModelled(holder.attach(name, missing), NoSuchEntityException, {
        status: 404,
        message: `Policy ${missing} does not exist or is not attachable.`,
      });
    }
    await expectModelled(holder.attach(name, arn(`${kind}/x`)), InvalidInputException, {
      status: 400,
      message: `ARN ${arn(`${kind}/x`)} is not valid.`,
    });
    await expectModelled(
      holder.attach(name, aws("aws-service-role/ECRTemplateServiceRolePolicy")),
      PolicyNotAttachableException,
      { status: 400, message: "Cannot attach a Service Role Policy to a Customer Role." },
    );
  });
});

describe("a managed policy", () => {
  test("has all that was given, and comes back so", async () => {
    const { Policy: made } = await root().createPolicy({
      PolicyName: "Builders",
      Path: "/ci/build/",
      PolicyDocument: awkward,
      Description: "builds images",
      Tags: [{ Key: "team", Value: "engines" }],
    });
    expect(made).toEqual({
      PolicyName: "Builders",
      Path: "/ci/build/",
      PolicyId: expect.stringMatching(/^ANPA[A-Z2-7]{17}$/),
      Arn: arn("policy/ci/build/Builders"),
      DefaultVersionId: "v1",
      AttachmentCount: 0,
      PermissionsBoundaryUsageCount: 0,
      IsAttachable: true,
      Description: "builds images",
      CreateDate: expect.any(Date),
      UpdateDate: expect.any(Date),
      Tags: [{ Key: "team", Value: "engines" }],
    });
    const PolicyArn = made?.Arn ?? "";
    expect((await root().getPolicy({ PolicyArn })).Policy).toEqual(made as Policy);
    const { PolicyVersion: version } = await root().getPolicyVersion({ PolicyArn, VersionId: "v1" });
    expect(text(version?.Document)).toBe(awkward);
    expect(version).toMatchObject({ VersionId: "v1", IsDefaultVersion: true, CreateDate: expect.any(Date) });
    const { Policies } = await root().listPolicies({ Scope: "Local", PathPrefix: "/ci/" });
    const { Description: _, Tags: __, ...listed } = made as Policy;
    expect(Policies).toEqual([listed as Policy]);
  });

  test("has a name that no other has, whatever its case and its path", async () => {
    await root().createPolicy({ PolicyName: "Taken", PolicyDocument: policy() });
    await expectModelled(
      root().createPolicy({ PolicyName: "tAKEN", Path: "/x/", PolicyDocument: policy() }),
      EntityAlreadyExistsException,
      { status: 409, message: "A policy called tAKEN already exists. Duplicate names are not allowed." },
    );
    await iam(server(), otherRoot).createPolicy({ PolicyName: "Taken", PolicyDocument: policy() });
  });

  test("has at most 6144 characters without white space", async () => {
    const full = policy({ Sid: "x".repeat(6_144 - policy({ Sid: "" }).length) });
    const { Policy: made } = await root().createPolicy({
      PolicyName: unique("full"),
      PolicyDocument: JSON.stringify(JSON.parse(full), null, 4),
    });
    const tooMuch = { status: 409, message: "Cannot exceed quota for PolicySize: 6144" };
    const PolicyDocument = full.replace("xx", "xxx");
    await expectModelled(
      root().createPolicy({ PolicyName: unique("full"), PolicyDocument }),
      LimitExceededException,
      tooMuch,
    );
    await expectModelled(
      root().createPolicyVersion({ PolicyArn: made?.Arn, PolicyDocument }),
      LimitExceededException,
      tooMuch,
    );
  });

  test("has up to five versions, of which one counts, and no number twice", async () => {
    const { Policy: made } = await root().createPolicy({
      PolicyName: unique("versions"),
      PolicyDocument: policy(),
    });
    const PolicyArn = made?.Arn ?? "";
    const add = (SetAsDefault?: boolean) =>
      root().createPolicyVersion({ PolicyArn, PolicyDocument: awkward, SetAsDefault });
    const versions = async () =>
      ((await root().listPolicyVersions({ PolicyArn })).Versions ?? []).map(
        ({ VersionId, IsDefaultVersion }) => `${VersionId}${IsDefaultVersion ? "*" : ""}`,
      );
    const { PolicyVersion: second } = await add();
    expect(second).toEqual({ VersionId: "v2", IsDefaultVersion: false, CreateDate: expect.any(Date) });
    expect((await add(true)).PolicyVersion).toMatchObject({ VersionId: "v3", IsDefaultVersion: true });
    expect((await root().getPolicy({ PolicyArn })).Policy?.DefaultVersionId).toBe("v3");
    await add();
    await add();
    expect(await versions()).toEqual(["v5", "v4", "v3*", "v2", "v1"]);
    await expectModelled(add(), LimitExceededException, {
      status: 409,
      message:
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
    });
    await expectModelled(
      root().deletePolicyVersion({ PolicyArn, VersionId: "v3" }),
      DeleteConflictException,
      { status: 409, message: "Cannot delete the default version of a policy." },
    );
    await root().deletePolicyVersion({ PolicyArn, VersionId: "v5" });
    await root().setDefaultPolicyVersion({ PolicyArn, VersionId: "v1" });
    await add();
    expect(await versions()).toEqual(["v6", "v4", "v3", "v2", "v1*"]);
    const page = await root().listPolicyVersions({ PolicyArn, MaxItems: 4 });
    expect(page).toMatchObject({ IsTruncated: true });
    const { Versions } = await root().listPolicyVersions({ PolicyArn, MaxItems: 4, Marker: page.Marker });
    expect(Versions?.map(({ VersionId }) => VersionId)).toEqual(["v1"]);

    await expectModelled(root().deletePolicy({ PolicyArn }), DeleteConflictException, {
      status: 409,
      message:
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
    });
    for (const VersionId of ["v5", "v7", "v1.x"]) {
      const missing = {
        status: 404,
        message: `Policy ${PolicyArn} version ${VersionId} does not exist or is not attachable.`,
      };
      await expectModelled(root().getPolicyVersion({ PolicyArn, VersionId }), NoSuchEntityException, missing);
      await expectModelled(
        root().deletePolicyVersion({ PolicyArn, VersionId }),
        NoSuchEntityException,
        missing,
      );
      await expectModelled(
        root().setDefaultPolicyVersion({ PolicyArn, VersionId }),
        NoSuchEntityException,
        missing,
      );
    }
  });

  test("is deleted when nobody has it", async () => {
    const { Policy: made } = await root().createPolicy({
      PolicyName: unique("used"),
      PolicyDocument: policy(),
      Tags: [{ Key: "a", Value: "b" }],
    });
    const PolicyArn = made?.Arn ?? "";
    const UserName = unique("user");
    await root().createUser({ UserName });
    const used = { status: 409, message: "Cannot delete a policy attached to entities." };
    await root().attachUserPolicy({ UserName, PolicyArn });
    await expectModelled(root().deletePolicy({ PolicyArn }), DeleteConflictException, used);
    await root().detachUserPolicy({ UserName, PolicyArn });
    await root().putUserPermissionsBoundary({ UserName, PermissionsBoundary: PolicyArn });
    await expectModelled(root().deletePolicy({ PolicyArn }), DeleteConflictException, used);
    expect((await root().getPolicy({ PolicyArn })).Policy).toMatchObject({
      AttachmentCount: 0,
      PermissionsBoundaryUsageCount: 1,
    });
    await root().deleteUserPermissionsBoundary({ UserName });
    await root().deletePolicy({ PolicyArn });
    const missing = { status: 404, message: `Policy ${PolicyArn} was not found.` };
    for (const call of [
      () => root().getPolicy({ PolicyArn }),
      () => root().deletePolicy({ PolicyArn }),
      () => root().createPolicyVersion({ PolicyArn, PolicyDocument: policy() }),
      () => root().getPolicyVersion({ PolicyArn, VersionId: "v1" }),
      () => root().listPolicyVersions({ PolicyArn }),
      () => root().setDefaultPolicyVersion({ PolicyArn, VersionId: "v1" }),
      () => root().deletePolicyVersion({ PolicyArn, VersionId: "v1" }),
      () => root().listEntitiesForPolicy({ PolicyArn }),
      () => root().listPolicyTags({ PolicyArn }),
      () => root().tagPolicy({ PolicyArn, Tags: [] }),
      () => root().untagPolicy({ PolicyArn, TagKeys: [] }),
    ]) {
      await expectModelled(call(), NoSuchEntityException, missing);
    }
    await root().createPolicy({ PolicyName: made?.PolicyName, PolicyDocument: policy() });
    expect((await root().getPolicy({ PolicyArn })).Policy?.Tags).toEqual([]);
  });

  test("has tags", async () => {
    const { Policy: made } = await root().createPolicy({
      PolicyName: unique("tagged"),
      PolicyDocument: policy(),
    });
    const PolicyArn = made?.Arn ?? "";
    const Tags = ["c", "a", "b"].map((Key) => ({ Key, Value: Key }));
    await root().tagPolicy({ PolicyArn, Tags });
    await root().untagPolicy({ PolicyArn, TagKeys: ["C"] });
    const first = await root().listPolicyTags({ PolicyArn, MaxItems: 1 });
    expect(first).toMatchObject({ Tags: [{ Key: "a" }], IsTruncated: true });
    expect((await root().listPolicyTags({ PolicyArn, Marker: first.Marker })).Tags).toEqual([
      { Key: "b", Value: "b" },
    ]);
    await expectModelled(
      root().tagPolicy({ PolicyArn, Tags: [...Tags, { Key: "A", Value: "" }] }),
      InvalidInputException,
      {
        status: 400,
        message: "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
      },
    );
  });

  test("that is no policy, or is AWS's, is not changed", async () => {
    for (const call of [
      () => root().getPolicy({ PolicyArn: arn("user/somebody") }),
      () => root().deletePolicy({ PolicyArn: arn("user/somebody") }),
    ]) {
      await expectModelled(call(), InvalidInputException, {
        status: 400,
        message: `ARN ${arn("user/somebody")} is not valid.`,
      });
    }
    const PolicyArn = readOnly;
    for (const call of [
      () => root().deletePolicy({ PolicyArn }),
      () => root().createPolicyVersion({ PolicyArn, PolicyDocument: policy() }),
      () => root().deletePolicyVersion({ PolicyArn, VersionId: "v1" }),
      () => root().setDefaultPolicyVersion({ PolicyArn, VersionId: "v1" }),
      () => root().tagPolicy({ PolicyArn, Tags: [] }),
      () => root().untagPolicy({ PolicyArn, TagKeys: [] }),
    ]) {
      await expectModelled(call(), InvalidInputException, {
        status: 400,
        message: "Policy is outside your own account.",
      });
    }
  });

  test("of another account is not there for this one", async () => {
    const { Policy: theirs } = await iam(server(), otherRoot).createPolicy({
      PolicyName: unique("theirs"),
      PolicyDocument: policy(),
    });
    const PolicyArn = theirs?.Arn ?? "";
    await expectCode(root().getPolicy({ PolicyArn }), {
      status: 403,
      code: "AccessDenied",
      message: `User: ${arn("root")} is not authorized to perform: iam:GetPolicy on resource: ${PolicyArn} because no resource-based policy allows the iam:GetPolicy action`,
    });
  });
});

describe("policies are listed", () => {
  const all = async (client: IAM, input: Parameters<IAM["listPolicies"]>[0]) => {
    const policies: Policy[] = [];
    let Marker: string | undefined;
    do {
      const page = await client.listPolicies({ ...input, Marker });
      policies.push(...(page.Policies ?? []));
      expect(page.IsTruncated).toBe(page.Marker !== undefined);
      expect(page.Policies?.length).toBeLessThanOrEqual(input.MaxItems ?? 100);
      Marker = page.Marker;
    } while (Marker !== undefined);
    return policies;
  };

  test("by scope, path and use, in pages: the account's own before AWS's", async () => {
    const client = iam(server(), otherRoot);
    const own = ["L-b", "l-a", "L-c"];
    const arns = new Map<string, string>();
    for (const PolicyName of own) {
      const { Policy: made } = await client.createPolicy({
        PolicyName,
        Path: PolicyName === "L-c" ? "/l/c/" : "/l/",
        PolicyDocument: policy(),
      });
      arns.set(PolicyName, made?.Arn ?? "");
    }
    const UserName = unique("user");
    await client.createUser({ UserName });
    await client.attachUserPolicy({ UserName, PolicyArn: arns.get("L-b") });
    await client.attachUserPolicy({ UserName, PolicyArn: readOnly });
    await client.putUserPermissionsBoundary({ UserName, PermissionsBoundary: arns.get("L-c") });

    const names = async (input: Parameters<IAM["listPolicies"]>[0]) =>
      (await all(client, input)).map(({ PolicyName }) => PolicyName ?? "");
    expect(await names({ Scope: "Local", PathPrefix: "/l/" })).toEqual(["l-a", "L-b", "L-c"]);
    expect(await names({ PathPrefix: "/l/c/" })).toEqual(["L-c"]);
    expect(await names({ Scope: "AWS", PathPrefix: "/service-role/" })).toEqual([
      "AWSAppRunnerServicePolicyForECRAccess",
    ]);
    const everything = await names({});
    expect(await names({ MaxItems: 1 })).toEqual(everything);
    expect(await names({ MaxItems: 4 })).toEqual(everything);
    const awsNames = await names({ Scope: "AWS" });
    expect(everything).toEqual([...(await names({ Scope: "Local" })), ...awsNames]);
    expect(awsNames).toHaveLength(14);
    expect(await names({ OnlyAttached: true })).toEqual(["L-b", "L-c", "AmazonEC2ContainerRegistryReadOnly"]);
    expect(await names({ PolicyUsageFilter: "PermissionsPolicy" })).toEqual([
      "L-b",
      "AmazonEC2ContainerRegistryReadOnly",
    ]);
    expect(await names({ PolicyUsageFilter: "PermissionsBoundary" })).toEqual(["L-c"]);
    // What another account does with a policy of AWS does not count here.
    expect((await root().getPolicy({ PolicyArn: readOnly })).Policy?.Description).toBeString();
    const [used] = await all(client, { Scope: "AWS", OnlyAttached: true });
    expect(used).toMatchObject({ AttachmentCount: 1, PermissionsBoundaryUsageCount: 0 });
  });

  test("with those who have one, by kind, path and use, in pages", async () => {
    const { Policy: made } = await root().createPolicy({
      PolicyName: unique("had"),
      PolicyDocument: policy(),
    });
    const PolicyArn = made?.Arn ?? "";
    const ids: { user?: string; group?: string; role?: string } = {};
    ids.user = (await root().createUser({ UserName: "had-user", Path: "/had/" })).User?.UserId;
    ids.group = (await root().createGroup({ GroupName: "had-group" })).Group?.GroupId;
    const role = { RoleName: "had-role", AssumeRolePolicyDocument: trust };
    ids.role = (await root().createRole(role)).Role?.RoleId;
    await root().attachUserPolicy({ UserName: "had-user", PolicyArn });
    await root().attachGroupPolicy({ GroupName: "had-group", PolicyArn });
    await root().putRolePermissionsBoundary({ RoleName: "had-role", PermissionsBoundary: PolicyArn });
    const users = [{ UserName: "had-user", UserId: ids.user }];
    const groups = [{ GroupName: "had-group", GroupId: ids.group }];
    const roles = [{ RoleName: "had-role", RoleId: ids.role }];
    const entities = async (input: object) => {
      const { PolicyUsers, PolicyGroups, PolicyRoles } = await root().listEntitiesForPolicy({
        PolicyArn,
        ...input,
      });
      return [PolicyUsers, PolicyGroups, PolicyRoles] as unknown[];
    };
    expect(await entities({})).toEqual([users, groups, roles]);
    expect(await entities({ EntityFilter: "Role" })).toEqual([[], [], roles]);
    expect(await entities({ EntityFilter: "LocalManagedPolicy" })).toEqual([[], [], []]);
    expect(await entities({ PathPrefix: "/had/" })).toEqual([users, [], []]);
    expect(await entities({ PolicyUsageFilter: "PermissionsPolicy" })).toEqual([users, groups, []]);
    expect(await entities({ PolicyUsageFilter: "PermissionsBoundary" })).toEqual([[], [], roles]);
    let Marker: string | undefined;
    let pages = 0;
    do {
      const page = await root().listEntitiesForPolicy({ PolicyArn, MaxItems: 2, Marker });
      pages += 1;
      Marker = page.Marker;
    } while (Marker !== undefined);
    expect(pages).toBe(2);
  });

  test("that give access to a service, with where they come from", async () => {
    const UserName = unique("granted");
    const GroupName = unique("granting");
    await root().createUser({ UserName });
    await root().createGroup({ GroupName });
    await root().addUserToGroup({ UserName, GroupName });
    await root().putUserPolicy({
      UserName,
      PolicyName: "denies",
      PolicyDocument: policy({ Effect: "Deny", Action: "*" }),
    });
    await root().putGroupPolicy({
      GroupName,
      PolicyName: "not",
      PolicyDocument: policy({ Action: undefined, NotAction: "iam:*" }),
    });
    await root().attachUserPolicy({ UserName, PolicyArn: readOnly });
    const { PoliciesGrantingServiceAccess } = await root().listPoliciesGrantingServiceAccess({
      Arn: arn(`user/${UserName}`),
      ServiceNamespaces: ["ecr", "iam", "s3"],
    });
    const inline = {
      PolicyName: "not",
      PolicyType: "INLINE" as const,
      EntityType: "GROUP" as const,
      EntityName: GroupName,
    };
    const managed = {
      PolicyName: "AmazonEC2ContainerRegistryReadOnly",
      PolicyType: "MANAGED" as const,
      PolicyArn: readOnly,
    };
    expect(PoliciesGrantingServiceAccess).toEqual([
      { ServiceNamespace: "ecr", Policies: [managed, inline] },
      { ServiceNamespace: "iam", Policies: [] },
      { ServiceNamespace: "s3", Policies: [inline] },
    ]);
    await expectModelled(
      root().listPoliciesGrantingServiceAccess({ Arn: arn("user/nobody"), ServiceNamespaces: ["ecr"] }),
      NoSuchEntityException,
      { status: 404, message: `Invalid Entity Arn: ${arn("user/nobody")} cannot be found.` },
    );
    await expectModelled(
      root().listPoliciesGrantingServiceAccess({ Arn: arn("oidc-provider/x"), ServiceNamespaces: ["ecr"] }),
      InvalidInputException,
      {
        status: 400,
        message: `Invalid Entity Arn: ${arn("oidc-provider/x")} does not clearly define entity type and name.`,
      },
    );
  });
});

describe("AWS's own policies", () => {
  const ecr = (names: string) => names.split(" ").map((name) => `ecr:${name}`);
  const ecrPublic = (names: string) => names.split(" ").map((name) => `ecr-public:${name}`);
  const reading = ecr(
    "GetAuthorizationToken BatchCheckLayerAvailability GetDownloadUrlForLayer GetRepositoryPolicy DescribeRepositories ListImages DescribeImages BatchGetImage GetLifecyclePolicy GetLifecyclePolicyPreview ListTagsForResource DescribeImageScanFindings",
  );
  const publicReading = [
    ...ecrPublic(
      "GetAuthorizationToken BatchCheckLayerAvailability GetRepositoryPolicy DescribeRepositories DescribeRegistries DescribeImages DescribeImageTags GetRepositoryCatalogData GetRegistryCatalogData",
    ),
    "sts:GetServiceBearerToken",
  ];
  const uploading = "InitiateLayerUpload UploadLayerPart CompleteLayerUpload PutImage";
  const anything = (Action: unknown) => ({ Effect: "Allow", Action, Resource: "*" });
  const expected: readonly [arn: string, version: string, statements: readonly object[]][] = [
    ["AmazonEC2ContainerRegistryReadOnly", "v3", [anything(reading)]],
    ["AmazonEC2ContainerRegistryPowerUser", "v3", [anything([...reading, ...ecr(uploading)])]],
    [
      "AmazonEC2ContainerRegistryPullOnly",
      "v1",
      [anything(ecr("GetAuthorizationToken BatchGetImage GetDownloadUrlForLayer BatchImportUpstreamImage"))],
    ],
    [
      "AmazonEC2ContainerRegistryFullAccess",
      "v3",
      [
        anything(["ecr:*", "cloudtrail:LookupEvents"]),
        {
          ...anything(["iam:CreateServiceLinkedRole"]),
          Condition: { StringEquals: { "iam:AWSServiceName": ["replication.ecr.amazonaws.com"] } },
        },
      ],
    ],
    [
      "aws-service-role/AWSECRPullThroughCache_ServiceRolePolicy",
      "v3",
      [
        anything(
          ecr(
            `GetAuthorizationToken BatchCheckLayerAvailability ${uploading} BatchGetImage BatchImportUpstreamImage GetDownloadUrlForLayer GetImageCopyStatus`,
          ),
        ),
        {
          Effect: "Allow",
          Action: ["secretsmanager:GetSecretValue"],
          Resource: "arn:aws:secretsmanager:*:*:secret:ecr-pullthroughcache/*",
          // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy language
          Condition: { StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" } },
        },
      ],
    ],
    [
      "aws-service-role/ECRReplicationServiceRolePolicy",
      "v1",
      [anything(ecr("CreateRepository ReplicateImage"))],
    ],
    ["aws-service-role/ECRTemplateServiceRolePolicy", "v1", [anything(ecr("CreateRepository"))]],
    [
      "service-role/AWSAppRunnerServicePolicyForECRAccess",
      "v1",
      [
        anything(
          ecr(
            "GetDownloadUrlForLayer BatchGetImage DescribeImages GetAuthorizationToken BatchCheckLayerAvailability",
          ),
        ),
      ],
    ],
    [
      "AmazonElasticContainerRegistryPublicFullAccess",
      "v1",
      [anything(["ecr-public:*", "sts:GetServiceBearerToken"])],
    ],
    ["AmazonElasticContainerRegistryPublicReadOnly", "v1", [anything(publicReading)]],
    [
      "AmazonElasticContainerRegistryPublicPowerUser",
      "v1",
      [anything([...publicReading, ...ecrPublic(uploading)])],
    ],
    ["AdministratorAccess", "v1", [anything("*")]],
    [
      "IAMFullAccess",
      "v2",
      [anything(["iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization"])],
    ],
    ["IAMReadOnlyAccess", "v4", [anything(["iam:Get*", "iam:List*", "iam:Simulate*"])]],
  ];

  test.each(expected)("%s says what it says at AWS", async (name, version, statements) => {
    const PolicyArn = aws(name);
    const { Policy: found } = await root().getPolicy({ PolicyArn });
    expect(found).toMatchObject({
      Arn: PolicyArn,
      PolicyId: expect.stringMatching(/^ANPA[A-Z2-7]{17}$/) as string,
      DefaultVersionId: version,
      IsAttachable: true,
      Tags: [],
    });
    const { PolicyVersion } = await root().getPolicyVersion({ PolicyArn, VersionId: version });
    expect(JSON.parse(text(PolicyVersion?.Document))).toEqual({
      Version: "2012-10-17",
      Statement: statements,
    });
    const { Versions } = await root().listPolicyVersions({ PolicyArn });
    expect(Versions).toMatchObject([{ VersionId: version, IsDefaultVersion: true }]);
  });

  test("are these, each with an id of its own", async () => {
    const { Policies = [] } = await root().listPolicies({ Scope: "AWS" });
    expect(Policies.map(({ Arn }) => Arn ?? "").toSorted()).toEqual(
      expected.map(([name]) => aws(name)).toSorted(),
    );
    expect(new Set(Policies.map(({ PolicyId }) => PolicyId)).size).toBe(expected.length);
    expect(new Set(Policies.map(({ Path }) => Path))).toEqual(
      new Set(["/", "/aws-service-role/", "/service-role/"]),
    );
  });

  test("give what they say", async () => {
    const UserName = unique("reader");
    const key = await userWithKey(server(), UserName);
    await root().attachUserPolicy({ UserName, PolicyArn: readOnly });
    const client = new ECR({
      endpoint: server().url,
      region: server().region,
      credentials: key,
      maxAttempts: 1,
    });
    await client.describeRepositories({});
    await expect(client.createRepository({ repositoryName: "no" })).rejects.toThrow(
      "because no identity-based policy allows the ecr:CreateRepository action",
    );
    await root().detachUserPolicy({ UserName, PolicyArn: readOnly });
    await expect(client.describeRepositories({})).rejects.toThrow("ecr:DescribeRepositories");
  });
});

describe("a text that is no policy", () => {
  const cases: readonly [name: string, document: string, message: string][] = [
    ["no JSON", "Allow", "the text is not JSON: line 1, column 1: "],
    ["a list", "[]", "the document must be a JSON object"],
    ["no statement", "{}", "the document has no Statement"],
    ["another version", policy().replace("2012", "2013"), "Version must be one of 2008-10-17, 2012-10-17"],
    [
      "an action with a slip",
      policy({ Action: ["ecr:PutImage", "ecr:ListImage"] }),
      "statement 1 (Statement[0].Action): 'ecr:ListImage' is not an action; did you mean 'ecr:ListImages'?",
    ],
    [
      "an action of IAM with a slip",
      policy({ Action: "iam:GetUsr" }),
      "statement 1 (Statement[0].Action): 'iam:GetUsr' is not an action; did you mean 'iam:GetUser'?",
    ],
    [
      "no resource",
      policy({ Resource: undefined }),
      "statement 1 (Statement[0]): has neither Resource nor NotResource",
    ],
    [
      "a resource that is none",
      policy({ Resource: "repository/x" }),
      "statement 1 (Statement[0].Resource): 'repository/x' is not a resource",
    ],
    [
      "a principal",
      policy({ Principal: "*" }),
      "statement 1 (Statement[0].Principal): an identity policy has no Principal",
    ],
    [
      "an operator with a slip",
      policy({ Condition: { StringEqual: { "aws:username": "x" } } }),
      "statement 1 (Statement[0].Condition.StringEqual): is not a condition operator; did you mean 'StringEquals'?",
    ],
    [
      "an effect that is none",
      policy({ Effect: "allow" }),
      'statement 1 (Statement[0].Effect): must be "Allow" or "Deny", not "allow"',
    ],
    [
      "a member twice",
      policy().replace('"Effect"', '"Effect":"Deny","Effect"'),
      "the text is not JSON: line 1, column ",
    ],
  ];
  test.each(cases)("for it has %s is refused, with the place", async (_, PolicyDocument, message) => {
    const name = unique("lint");
    await root().createUser({ UserName: name });
    const { Policy: made } = await root().createPolicy({ PolicyName: name, PolicyDocument: policy() });
    for (const call of [
      () => root().putUserPolicy({ UserName: name, PolicyName: "p", PolicyDocument }),
      () => root().createPolicy({ PolicyName: `${name}-2`, PolicyDocument }),
      () => root().createPolicyVersion({ PolicyArn: made?.Arn, PolicyDocument }),
    ]) {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(MalformedPolicyDocumentException);
      expect((error as Error).message).toStartWith(message);
    }
    expect((await root().listUserPolicies({ UserName: name })).PolicyNames).toEqual([]);
  });

  test("is not one that names actions of services that are not here, or that are no operations", async () => {
    const UserName = unique("user");
    await root().createUser({ UserName });
    const Action = [
      "s3:GetObject",
      "iam:PassRole",
      "iam:CreateInstanceProfile",
      "sts:TagSession",
      "organizations:ListRoots",
      "cloudtrail:CreateTrail",
      "ecr:ReplicateImage",
      "ECR:putimage",
    ];
    await root().putUserPolicy({ UserName, PolicyName: "p", PolicyDocument: policy({ Action }) });
  });
});

describe("permission", () => {
  test("is asked for each operation on the policy", async () => {
    const UserName = unique("user");
    const somebody = iam(server(), await userWithKey(server(), UserName));
    const user = arn(`user/${UserName}`);
    const { Policy: made } = await root().createPolicy({
      PolicyName: unique("asked"),
      Path: "/asked/",
      PolicyDocument: policy(),
    });
    const PolicyArn = made?.Arn ?? "";
    const calls: [string, Promise<unknown>][] = [
      ["GetPolicy", somebody.getPolicy({ PolicyArn })],
      ["DeletePolicy", somebody.deletePolicy({ PolicyArn })],
      ["CreatePolicyVersion", somebody.createPolicyVersion({ PolicyArn, PolicyDocument: policy() })],
      ["GetPolicyVersion", somebody.getPolicyVersion({ PolicyArn, VersionId: "v1" })],
      ["ListPolicyVersions", somebody.listPolicyVersions({ PolicyArn })],
      ["SetDefaultPolicyVersion", somebody.setDefaultPolicyVersion({ PolicyArn, VersionId: "v1" })],
      ["DeletePolicyVersion", somebody.deletePolicyVersion({ PolicyArn, VersionId: "v1" })],
      ["ListEntitiesForPolicy", somebody.listEntitiesForPolicy({ PolicyArn })],
      ["ListPolicyTags", somebody.listPolicyTags({ PolicyArn })],
      ["TagPolicy", somebody.tagPolicy({ PolicyArn, Tags: [] })],
      ["UntagPolicy", somebody.untagPolicy({ PolicyArn, TagKeys: [] })],
    ];
    for (const [name, call] of calls)
      await expectDenied(call, { user, action: `iam:${name}`, resource: PolicyArn });
    await expectDenied(somebody.getPolicy({ PolicyArn: readOnly }), {
      user,
      action: "iam:GetPolicy",
      resource: readOnly,
    });
    await expectDenied(somebody.listPolicies({}), { user, action: "iam:ListPolicies", resource: "*" });
    await expectDenied(somebody.createPolicy({ PolicyName: "x", Path: "/p/", PolicyDocument: policy() }), {
      user,
      action: "iam:CreatePolicy",
      resource: arn("policy/p/x"),
    });
  });

  test("to make a policy with tags is the right to tag it, too", async () => {
    const UserName = unique("user");
    const somebody = iam(server(), await userWithKey(server(), UserName));
    await allow(server(), UserName, { Action: "iam:CreatePolicy" });
    const PolicyName = unique("tagged");
    await expectDenied(
      somebody.createPolicy({ PolicyName, PolicyDocument: policy(), Tags: [{ Key: "a", Value: "b" }] }),
      { user: arn(`user/${UserName}`), action: "iam:TagPolicy", resource: arn(`policy/${PolicyName}`) },
    );
    await somebody.createPolicy({ PolicyName, PolicyDocument: policy() });
  });
});

describe("the details of an account", () => {
  test("have everybody and every policy in use, in pages and by kind", async () => {
    const client = iam(server(), otherRoot);
    const name = "detailed";
    await client.createUser({ UserName: name, Path: "/d/", Tags: [{ Key: "a", Value: "b" }] });
    await client.createGroup({ GroupName: name });
    await client.addUserToGroup({ UserName: name, GroupName: name });
    await client.createRole({ RoleName: name, AssumeRolePolicyDocument: trust });
    const { Policy: made } = await client.createPolicy({
      PolicyName: name,
      Description: "d",
      PolicyDocument: policy(),
    });
    const PolicyArn = made?.Arn ?? "";
    await client.createPolicyVersion({ PolicyArn, PolicyDocument: awkward, SetAsDefault: true });
    await client.putUserPolicy({ UserName: name, PolicyName: "in", PolicyDocument: awkward });
    await client.putGroupPolicy({ GroupName: name, PolicyName: "in", PolicyDocument: policy() });
    await client.putRolePolicy({ RoleName: name, PolicyName: "in", PolicyDocument: policy() });
    await client.attachRolePolicy({ RoleName: name, PolicyArn });
    await client.attachGroupPolicy({ GroupName: name, PolicyArn: aws("IAMReadOnlyAccess") });
    await client.putUserPermissionsBoundary({ UserName: name, PermissionsBoundary: PolicyArn });

    const whole = await client.getAccountAuthorizationDetails({});
    expect(whole.IsTruncated).toBe(false);
    const user = whole.UserDetailList?.find(({ UserName }) => UserName === name);
    expect(user).toMatchObject({
      Path: "/d/",
      UserPolicyList: [
        { PolicyName: "in", PolicyDocument: encodeURIComponent(awkward).replace(/[*]/g, "%2A") },
      ],
      GroupList: [name],
      AttachedManagedPolicies: [],
      PermissionsBoundary: { PermissionsBoundaryArn: PolicyArn },
      Tags: [{ Key: "a", Value: "b" }],
    });
    expect(whole.GroupDetailList?.find(({ GroupName }) => GroupName === name)).toMatchObject({
      GroupPolicyList: [{ PolicyName: "in" }],
      AttachedManagedPolicies: [{ PolicyName: "IAMReadOnlyAccess" }],
    });
    const role = whole.RoleDetailList?.find(({ RoleName }) => RoleName === name);
    expect(role).toMatchObject({
      RolePolicyList: [{ PolicyName: "in" }],
      AttachedManagedPolicies: [{ PolicyName: name, PolicyArn }],
      InstanceProfileList: [],
      RoleLastUsed: {},
    });
    expect(text(role?.AssumeRolePolicyDocument)).toBe(trust);
    const own = whole.Policies?.find(({ Arn }) => Arn === PolicyArn);
    expect(own).toMatchObject({
      DefaultVersionId: "v2",
      AttachmentCount: 1,
      PermissionsBoundaryUsageCount: 1,
      Description: "d",
      PolicyVersionList: [
        { VersionId: "v2", IsDefaultVersion: true },
        { VersionId: "v1", IsDefaultVersion: false },
      ],
    });
    expect(text(own?.PolicyVersionList?.[0]?.Document)).toBe(awkward);
    const arns = (whole.Policies ?? []).map(({ Arn }) => Arn);
    expect(arns).toContain(aws("IAMReadOnlyAccess"));
    expect(arns).not.toContain(aws("AdministratorAccess"));

    const found = { users: 0, groups: 0, roles: 0, policies: 0 };
    let Marker: string | undefined;
    do {
      const page = await client.getAccountAuthorizationDetails({ MaxItems: 1, Marker });
      const { UserDetailList = [], GroupDetailList = [], RoleDetailList = [], Policies = [] } = page;
      found.users += UserDetailList.length;
      found.groups += GroupDetailList.length;
      found.roles += RoleDetailList.length;
      found.policies += Policies.length;
      const count = UserDetailList.length + GroupDetailList.length + RoleDetailList.length + Policies.length;
      expect(count).toBe(1);
      expect(page.IsTruncated).toBe(page.Marker !== undefined);
      Marker = page.Marker;
    } while (Marker !== undefined);
    expect(found).toEqual({
      users: whole.UserDetailList?.length ?? 0,
      groups: whole.GroupDetailList?.length ?? 0,
      roles: whole.RoleDetailList?.length ?? 0,
      policies: whole.Policies?.length ?? 0,
    });

    const some = await client.getAccountAuthorizationDetails({ Filter: ["Group", "AWSManagedPolicy"] });
    expect(some).toMatchObject({ UserDetailList: [], RoleDetailList: [] });
    expect(some.GroupDetailList).toEqual(whole.GroupDetailList);
    expect(some.Policies?.every(({ Arn }) => Arn?.startsWith(aws("")))).toBe(true);
  });
});
