/** Organizations: accounts, the tree, service control policies and what they do, and tags. */
import { describe, expect, test } from "bun:test";
import {
  AccessDeniedException,
  AccountAlreadyClosedException,
  AccountNotFoundException,
  AlreadyInOrganizationException,
  ChildNotFoundException,
  ConstraintViolationException,
  CreateAccountStatusNotFoundException,
  DestinationParentNotFoundException,
  DuplicateAccountException,
  DuplicatePolicyAttachmentException,
  DuplicatePolicyException,
  InvalidInputException,
  MalformedPolicyDocumentException,
  MasterCannotLeaveOrganizationException,
  OrganizationalUnitNotFoundException,
  ParentNotFoundException,
  PolicyInUseException,
  PolicyNotAttachedException,
  PolicyNotFoundException,
  PolicyTypeAlreadyEnabledException,
  PolicyTypeNotAvailableForOrganizationException,
  PolicyTypeNotEnabledException,
  RootNotFoundException,
  SourceParentNotFoundException,
  TargetNotFoundException,
} from "@aws-sdk/client-organizations";
import { expectError } from "../support/aws.ts";
import { allow, expectCode, iam, type Keys } from "../support/iam.ts";
import { registryForFile } from "../support/oci.ts";
import { makeAccount, organizations } from "../support/organizations.ts";
import { assume, ecr, login, policy, sts } from "../support/sts.ts";
import { makeUser } from "../support/users.ts";

const registry = registryForFile();
const server = () => registry.server;
const management = "000000000000";
const root = () => organizations(server());
const scp = "SERVICE_CONTROL_POLICY";
const fullAccess = "p-FullAWSAccess";
const nobody = "999988887777";

let admin: Keys | undefined;

/** A user of the management account who may take on the roles of new accounts. */
async function adminKeys(): Promise<Keys> {
  admin ??= (await makeUser(server(), { name: "org-admin", actions: ["sts:AssumeRole"] })).keys;
  return admin;
}

const newAccount = async () => makeAccount(server(), await adminKeys());

async function organization(): Promise<{ id: string; rootId: string }> {
  const { Organization } = await root().describeOrganization({});
  const { Roots } = await root().listRoots({});
  return { id: Organization?.Id ?? "", rootId: Roots?.[0]?.Id ?? "" };
}

let policies = 0;

async function newPolicy(Content = policy({ Action: "*", Resource: "*" })): Promise<string> {
  const { Policy } = await root().createPolicy({
    Name: `policy-${++policies}`,
    Description: "for a test",
    Type: scp,
    Content,
  });
  return Policy?.PolicySummary?.Id ?? "";
}

describe("a new account", () => {
  test("is there at once, and its status can be asked for later", async () => {
    const before = Date.now();
    const { CreateAccountStatus: status } = await root().createAccount({
      AccountName: "Build",
      Email: "Build@example.com",
    });
    expect(status).toEqual({
      Id: expect.stringMatching(/^car-[a-z0-9]{32}$/),
      AccountName: "Build",
      State: "SUCCEEDED",
      RequestedTimestamp: expect.any(Date),
      CompletedTimestamp: expect.any(Date),
      AccountId: expect.stringMatching(/^\d{12}$/),
    });
    expect(Number(status?.RequestedTimestamp)).toBeGreaterThanOrEqual(before - 1000);
    const later = await root().describeCreateAccountStatus({ CreateAccountRequestId: status?.Id });
    expect(later.CreateAccountStatus).toEqual(status as NonNullable<typeof status>);
    const { id, rootId } = await organization();
    const AccountId = status?.AccountId ?? "";
    const { Account } = await root().describeAccount({ AccountId });
    expect(Account).toEqual({
      Id: AccountId,
      Arn: `arn:aws:organizations::${management}:account/${id}/${AccountId}`,
      Email: "Build@example.com",
      Name: "Build",
      Status: "ACTIVE",
      State: "ACTIVE",
      Paths: [`${id}/${rootId}/${AccountId}/`],
      JoinedMethod: "CREATED",
      JoinedTimestamp: expect.any(Date),
    });
  });

  test("lets the management account in by its role, with all rights", async () => {
    const { id, keys } = await newAccount();
    expect((await sts(server(), keys).getCallerIdentity({})).Arn).toBe(
      `arn:aws:sts::${id}:assumed-role/OrganizationAccountAccessRole/session`,
    );
    const made = await iam(server(), keys).createUser({ UserName: "first" });
    expect(made.User?.Arn).toBe(`arn:aws:iam::${id}:user/first`);
    const attached = await iam(server(), keys).listAttachedRolePolicies({
      RoleName: "OrganizationAccountAccessRole",
    });
    expect(attached.AttachedPolicies).toEqual([
      { PolicyName: "AdministratorAccess", PolicyArn: "arn:aws:iam::aws:policy/AdministratorAccess" },
    ]);
    // Who may not take on roles does not get in, nor does another account.
    const stranger = await makeUser(server());
    const other = await newAccount();
    for (const someone of [stranger.keys, other.keys]) {
      await expect(
        assume(server(), someone, { RoleArn: `arn:aws:iam::${id}:role/OrganizationAccountAccessRole` }),
      ).rejects.toThrow("is not authorized to perform: sts:AssumeRole");
    }
  });

  test("can have its role under another name", async () => {
    const { CreateAccountStatus } = await root().createAccount({
      AccountName: "named",
      Email: "named@example.com",
      RoleName: "Landing",
    });
    const role = `arn:aws:iam::${CreateAccountStatus?.AccountId}:role/`;
    await assume(server(), await adminKeys(), { RoleArn: `${role}Landing` });
    await expect(
      assume(server(), await adminKeys(), { RoleArn: `${role}OrganizationAccountAccessRole` }),
    ).rejects.toThrow("is not authorized");
  });

  test("has its registry in every region", async () => {
    const { id, keys } = await newAccount();
    for (const region of ["us-east-1", "eu-west-2", "home"]) {
      const base = `/v2/${id}.${region}/`;
      expect((await registry.request("GET", base, { authorization: null })).status).toBe(401);
      const authorization = await login(server(), keys, region);
      expect((await registry.request("GET", base, { authorization })).status).toBe(200);
      expect((await ecr(server(), keys, region).describeRepositories({})).repositories).toEqual([]);
      const made = await ecr(server(), keys, region).createRepository({ repositoryName: "app" });
      expect(made.repository?.repositoryArn).toBe(`arn:aws:ecr:${region}:${id}:repository/app`);
      const tags = await registry.request("GET", `${base}app/tags/list`, { authorization });
      expect(tags.json<{ tags: string[] }>().tags).toEqual([]);
      // The management account is another account there.
      expect((await registry.request("GET", `${base}app/tags/list`)).status).toBe(403);
    }
  });

  test("has an address of its own", async () => {
    await root().createAccount({ AccountName: "one", Email: "taken@example.com" });
    const { CreateAccountStatus: status } = await root().createAccount({
      AccountName: "two",
      Email: "Taken@Example.com",
    });
    expect(status).toMatchObject({
      AccountName: "two",
      State: "FAILED",
      FailureReason: "EMAIL_ALREADY_EXISTS",
    });
    expect(status?.AccountId).toBeUndefined();
    const later = await root().describeCreateAccountStatus({ CreateAccountRequestId: status?.Id });
    expect(later.CreateAccountStatus).toMatchObject({
      Id: status?.Id,
      State: "FAILED",
      FailureReason: "EMAIL_ALREADY_EXISTS",
      RequestedTimestamp: status?.RequestedTimestamp as Date,
    });
  });

  test("can be given its id by a tag", async () => {
    const create = (id: string, Email: string) =>
      root().createAccount({ AccountName: "fixed", Email, Tags: [{ Key: "lading:account-id", Value: id }] });
    const { CreateAccountStatus } = await create("222233334444", "fixed@example.com");
    expect(CreateAccountStatus?.AccountId).toBe("222233334444");
    const { Tags } = await root().listTagsForResource({ ResourceId: "222233334444" });
    expect(Tags).toEqual([{ Key: "lading:account-id", Value: "222233334444" }]);
    await expectError(
      create("222233334444", "fixed-2@example.com"),
      InvalidInputException,
      "The tag 'lading:account-id' asks for the id '222233334444', which an account has already",
    );
    for (const id of ["", "22223333444", "2222333344445", "22223333444x"]) {
      await expectError(
        create(id, "fixed-3@example.com"),
        InvalidInputException,
        `The tag 'lading:account-id' has the value '${id}'; an account's id has 12 digits`,
      );
    }
  });

  test("is not made by half when its input is wrong", async () => {
    const count = async () => (await root().listAccounts({ MaxResults: 20 })).Accounts?.length;
    const before = await count();
    const wrong = (input: object) =>
      root().createAccount({ AccountName: "x", Email: "x@example.com", ...input });
    await expect(wrong({ Email: "nobody" })).rejects.toBeInstanceOf(InvalidInputException);
    await expect(wrong({ AccountName: "" })).rejects.toBeInstanceOf(InvalidInputException);
    await expect(wrong({ RoleName: "a b" })).rejects.toBeInstanceOf(InvalidInputException);
    const tags = await expectError(
      wrong({ Tags: [{ Key: "aws:x", Value: "1" }] }),
      InvalidInputException,
      "The tag key 'aws:x' begins with 'aws:', which is reserved.",
    );
    expect(tags.Reason).toBe("INVALID_SYSTEM_TAGS_PARAMETER");
    expect(await count()).toBe(before);
  });

  test.each([
    "car-00000000000000000000000000000000",
    "car-s2222333344440000000000000000000",
    "car-e00000000",
  ])("has no status '%s' that nobody was given", async (id) => {
    await expectError(
      root().describeCreateAccountStatus({ CreateAccountRequestId: id }),
      CreateAccountStatusNotFoundException,
      `There is no request '${id}' to create an account.`,
    );
  });
});

describe("an account", () => {
  test("that is closed lets nobody in, and keeps what it has", async () => {
    const { id, keys } = await newAccount();
    await iam(server(), keys).createUser({ UserName: "u" });
    const { AccessKey } = await iam(server(), keys).createAccessKey({ UserName: "u" });
    const user = {
      accessKeyId: AccessKey?.AccessKeyId ?? "",
      secretAccessKey: AccessKey?.SecretAccessKey ?? "",
    };
    const authorization = await login(server(), keys);
    await root().closeAccount({ AccountId: id });
    const refused = {
      status: 403,
      code: "InvalidClientTokenId",
      message: "The security token included in the request is invalid.",
    };
    for (const someone of [keys, user])
      await expectCode(sts(server(), someone).getCallerIdentity({}), refused);
    const answer = await registry.request("GET", `/v2/${id}.us-east-1/`, { authorization });
    expect(answer.status).toBe(401);
    expect(answer.text()).toContain(`The account ${id} of these credentials is closed.`);
    await expect(
      assume(server(), await adminKeys(), {
        RoleArn: `arn:aws:iam::${id}:role/OrganizationAccountAccessRole`,
      }),
    ).rejects.toThrow("is not authorized to perform: sts:AssumeRole");
    expect((await root().describeAccount({ AccountId: id })).Account).toMatchObject({
      Status: "SUSPENDED",
      State: "SUSPENDED",
    });
    await expectError(
      root().closeAccount({ AccountId: id }),
      AccountAlreadyClosedException,
      `The account '${id}' is already closed.`,
    );
    const error = await expectError(
      root().closeAccount({ AccountId: management }),
      ConstraintViolationException,
      "You cannot close the management account of an organization.",
    );
    expect(error.Reason).toBe("CANNOT_CLOSE_MANAGEMENT_ACCOUNT");
  });

  test("that is not there is not found", async () => {
    const message = `You specified an account that doesn't exist: '${nobody}' is no member of the organization.`;
    await expectError(root().describeAccount({ AccountId: nobody }), AccountNotFoundException, message);
    await expectError(root().closeAccount({ AccountId: nobody }), AccountNotFoundException, message);
  });

  test("stands in lists that come in pages", async () => {
    await newAccount();
    await newAccount();
    const { rootId } = await organization();
    const lists = {
      all: (page: object) => root().listAccounts(page),
      ofRoot: (page: object) => root().listAccountsForParent({ ParentId: rootId, ...page }),
    };
    for (const list of Object.values(lists)) {
      const ids: (string | undefined)[] = [];
      let NextToken: string | undefined;
      do {
        const page = await list({ MaxResults: 2, NextToken });
        ids.push(...(page.Accounts ?? []).map(({ Id }) => Id));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      expect(ids.length).toBeGreaterThanOrEqual(3);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids[0]).toBe(management);
      const error = await expectError(
        list({ NextToken: "made-up" }),
        InvalidInputException,
        "The value of NextToken is none that this list has given.",
      );
      expect(error.Reason).toBe("INVALID_NEXT_TOKEN");
      await expect(list({ MaxResults: 21 })).rejects.toBeInstanceOf(InvalidInputException);
    }
  });
});

describe("the organization", () => {
  test("is there from the first start", async () => {
    const { Organization } = await root().describeOrganization({});
    expect(Organization).toEqual({
      Id: expect.stringMatching(/^o-[a-z0-9]{10}$/),
      Arn: `arn:aws:organizations::${management}:organization/${Organization?.Id}`,
      FeatureSet: "ALL",
      MasterAccountArn: `arn:aws:organizations::${management}:account/${Organization?.Id}/${management}`,
      MasterAccountId: management,
      AvailablePolicyTypes: [{ Type: scp, Status: "ENABLED" }],
    });
    await expectError(
      root().createOrganization({}),
      AlreadyInOrganizationException,
      "The AWS account is already a member of an organization.",
    );
  });

  test("has one root, with all accounts in it", async () => {
    const { id, rootId } = await organization();
    const { id: accountId } = await newAccount();
    expect((await root().listRoots({})).Roots).toEqual([
      {
        Id: rootId,
        Arn: `arn:aws:organizations::${management}:root/${id}/${rootId}`,
        Name: "Root",
        PolicyTypes: [{ Type: scp, Status: "ENABLED" }],
      },
    ]);
    expect((await root().listParents({ ChildId: accountId })).Parents).toEqual([
      { Id: rootId, Type: "ROOT" },
    ]);
    const { Children } = await root().listChildren({ ParentId: rootId, ChildType: "ACCOUNT", MaxResults: 1 });
    expect(Children).toEqual([{ Id: management, Type: "ACCOUNT" }]);
    const units = await root().listChildren({ ParentId: rootId, ChildType: "ORGANIZATIONAL_UNIT" });
    expect(units.Children).toEqual([]);
    const { OrganizationalUnits } = await root().listOrganizationalUnitsForParent({ ParentId: rootId });
    expect(OrganizationalUnits).toEqual([]);
  });

  test("does not have what nobody made", async () => {
    const unit = "ou-abcd-12345678";
    await expectError(
      root().describeOrganizationalUnit({ OrganizationalUnitId: unit }),
      OrganizationalUnitNotFoundException,
      `You specified an organizational unit that doesn't exist: '${unit}'; all accounts are in the root here.`,
    );
    const noParent = [
      ParentNotFoundException,
      `You specified parent that doesn't exist: '${unit}'.`,
    ] as const;
    await expectError(root().listChildren({ ParentId: unit, ChildType: "ACCOUNT" }), ...noParent);
    await expectError(root().listAccountsForParent({ ParentId: unit }), ...noParent);
    await expectError(root().listOrganizationalUnitsForParent({ ParentId: unit }), ...noParent);
    await expectError(
      root().listParents({ ChildId: nobody }),
      ChildNotFoundException,
      `You specified a child that doesn't exist: '${nobody}'.`,
    );
    await expectError(
      root().enablePolicyType({ RootId: "r-none", PolicyType: scp }),
      RootNotFoundException,
      "You specified a root that doesn't exist: 'r-none'.",
    );
  });

  test("has one place for an account, which it cannot be moved from", async () => {
    const { rootId } = await organization();
    const { id: AccountId } = await newAccount();
    const unit = "ou-abcd-12345678";
    const move = { AccountId, SourceParentId: rootId, DestinationParentId: rootId };
    await expectError(
      root().moveAccount({ ...move, SourceParentId: unit }),
      SourceParentNotFoundException,
      `We can't find a source root or OU with the ParentId that you specified: '${unit}'; all accounts are in the root here.`,
    );
    await expectError(
      root().moveAccount({ ...move, DestinationParentId: unit }),
      DestinationParentNotFoundException,
      `We can't find the destination container (a root or OU) with the ParentId that you specified: '${unit}'; all accounts are in the root here.`,
    );
    await expectError(
      root().moveAccount(move),
      DuplicateAccountException,
      `The account '${AccountId}' is already present in the specified destination '${rootId}'.`,
    );
    await expect(root().moveAccount({ ...move, AccountId: nobody })).rejects.toBeInstanceOf(
      AccountNotFoundException,
    );
    expect((await root().listParents({ ChildId: AccountId })).Parents).toEqual([
      { Id: rootId, Type: "ROOT" },
    ]);
  });

  test("is one that no account leaves", async () => {
    const { id: AccountId } = await newAccount();
    const error = await expectError(
      root().removeAccountFromOrganization({ AccountId }),
      ConstraintViolationException,
      `The account '${AccountId}' cannot leave the organization, which all accounts of this registry are in. CloseAccount closes it; in Terraform say close_on_deletion = true.`,
    );
    expect(error.Reason).toBe("ACCOUNT_CANNOT_LEAVE_ORGANIZATION");
    await expectError(
      root().removeAccountFromOrganization({ AccountId: management }),
      MasterCannotLeaveOrganizationException,
      `You can't remove the management account '${management}' from the organization.`,
    );
    await expect(root().removeAccountFromOrganization({ AccountId: nobody })).rejects.toBeInstanceOf(
      AccountNotFoundException,
    );
    expect((await root().describeAccount({ AccountId })).Account?.Status).toBe("ACTIVE");
  });

  test("trusts no service, and has no administrators for one", async () => {
    const services = await root().listAWSServiceAccessForOrganization({});
    expect(services.EnabledServicePrincipals).toEqual([]);
    expect(services.NextToken).toBeUndefined();
    const administrators = await root().listDelegatedAdministrators({
      ServicePrincipal: "ecr.amazonaws.com",
    });
    expect(administrators.DelegatedAdministrators).toEqual([]);
    for (const call of [
      () => root().listAWSServiceAccessForOrganization({ NextToken: "invented" }),
      () => root().listDelegatedAdministrators({ MaxResults: 21 }),
    ]) {
      await expect(call()).rejects.toBeInstanceOf(InvalidInputException);
    }
  });

  test("is for the management account, and for those of it whom a policy lets", async () => {
    const { keys, id } = await newAccount();
    const member = organizations(server(), keys);
    expect((await member.describeOrganization({})).Organization?.MasterAccountId).toBe(management);
    const { rootId } = await organization();
    for (const call of [
      () => member.listAccounts({}),
      () => member.listRoots({}),
      () => member.describeAccount({ AccountId: id }),
      () => member.createAccount({ AccountName: "x", Email: "member@example.com" }),
      () => member.attachPolicy({ PolicyId: fullAccess, TargetId: id }),
      () => member.detachPolicy({ PolicyId: fullAccess, TargetId: rootId }),
      () => member.closeAccount({ AccountId: management }),
      () => member.removeAccountFromOrganization({ AccountId: id }),
      () => member.moveAccount({ AccountId: id, SourceParentId: rootId, DestinationParentId: rootId }),
      () => member.listAWSServiceAccessForOrganization({}),
      () => member.listDelegatedAdministrators({}),
    ]) {
      await expect(call()).rejects.toBeInstanceOf(AccessDeniedException);
    }
    const user = await makeUser(server());
    const asUser = organizations(server(), user.keys);
    await expectError(
      asUser.listAccounts({}),
      AccessDeniedException,
      `User: ${user.arn} is not authorized to perform: organizations:ListAccounts on resource: * because no identity-based policy allows the organizations:ListAccounts action`,
    );
    await allow(server(), user.name, {
      Action: "organizations:Describe*",
      Resource: `arn:aws:organizations::${management}:account/*/${id}`,
    });
    expect((await asUser.describeAccount({ AccountId: id })).Account?.Id).toBe(id);
    await expect(asUser.describeAccount({ AccountId: management })).rejects.toBeInstanceOf(
      AccessDeniedException,
    );
    await expect(asUser.describeOrganization({})).rejects.toBeInstanceOf(AccessDeniedException);
  });
});

describe("a service control policy", () => {
  test("is made, changed, shown and deleted", async () => {
    const { id } = await organization();
    const Content = policy({ Action: "ecr:*", Resource: "*" });
    const made = await root().createPolicy({
      Name: "Registry only",
      Description: "d",
      Type: scp,
      Content,
      Tags: [{ Key: "team", Value: "blue" }],
    });
    const summary = made.Policy?.PolicySummary;
    const PolicyId = summary?.Id ?? "";
    expect(made.Policy).toEqual({
      PolicySummary: {
        Id: expect.stringMatching(/^p-[a-z0-9]{10}$/),
        Arn: `arn:aws:organizations::${management}:policy/${id}/service_control_policy/${PolicyId}`,
        Name: "Registry only",
        Description: "d",
        Type: scp,
        AwsManaged: false,
      },
      Content,
    });
    expect((await root().describePolicy({ PolicyId })).Policy).toEqual(
      made.Policy as NonNullable<typeof made.Policy>,
    );
    expect((await root().listTagsForResource({ ResourceId: PolicyId })).Tags).toEqual([
      { Key: "team", Value: "blue" },
    ]);
    const changed = await root().updatePolicy({
      PolicyId,
      Name: "Other",
      Content: policy({ Action: "*", Resource: "*" }),
    });
    expect(changed.Policy?.PolicySummary).toMatchObject({ Name: "Other", Description: "d" });
    expect((await root().describePolicy({ PolicyId })).Policy?.Content).toBe(
      policy({ Action: "*", Resource: "*" }),
    );
    await root().deletePolicy({ PolicyId });
    const gone = [
      PolicyNotFoundException,
      `You specified a policy that doesn't exist: '${PolicyId}'.`,
    ] as const;
    await expectError(root().describePolicy({ PolicyId }), ...gone);
    await expectError(root().deletePolicy({ PolicyId }), ...gone);
    await expectError(root().updatePolicy({ PolicyId, Name: "x" }), ...gone);
    await expectError(root().listTargetsForPolicy({ PolicyId }), ...gone);
    await expectError(root().attachPolicy({ PolicyId, TargetId: management }), ...gone);
    await expectError(
      root().listTagsForResource({ ResourceId: PolicyId }),
      TargetNotFoundException,
      `You specified a target that doesn't exist: '${PolicyId}'.`,
    );
  });

  test("binds the account that it is attached to, its root and roles too", async () => {
    const { id, keys } = await newAccount();
    const TargetId = id;
    const registryOnly = await newPolicy(policy({ Action: ["ecr:*", "sts:*"], Resource: "*" }));
    await iam(server(), keys).listUsers({});
    await root().attachPolicy({ PolicyId: registryOnly, TargetId });
    await iam(server(), keys).listUsers({});
    await root().detachPolicy({ PolicyId: fullAccess, TargetId });
    const arn = `arn:aws:sts::${id}:assumed-role/OrganizationAccountAccessRole/session`;
    await expectCode(iam(server(), keys).listUsers({}), {
      status: 403,
      code: "AccessDenied",
      message: `User: ${arn} is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::${id}:user/ because no service control policy allows the iam:ListUsers action`,
    });
    await ecr(server(), keys).describeRepositories({});
    await root().updatePolicy({
      PolicyId: registryOnly,
      Content: policy(
        { Action: "*", Resource: "*" },
        { Effect: "Deny", Action: "ecr:Delete*", Resource: "*" },
      ),
    });
    await iam(server(), keys).listUsers({});
    expect(
      await ecr(server(), keys)
        .deleteRepository({ repositoryName: "app" })
        .catch((error: Error) => error.message),
    ).toBe(
      `User: ${arn} is not authorized to perform: ecr:DeleteRepository on resource: arn:aws:ecr:us-east-1:${id}:repository/app with an explicit deny in a service control policy`,
    );
  });

  test("on the root binds all accounts but the management account", async () => {
    const { rootId } = await organization();
    const { keys } = await newAccount();
    const denial = await newPolicy(policy({ Effect: "Deny", Action: "ecr:DescribeRegistry", Resource: "*" }));
    await root().attachPolicy({ PolicyId: denial, TargetId: rootId });
    await expect(ecr(server(), keys).describeRegistry({})).rejects.toThrow(
      "with an explicit deny in a service control policy",
    );
    await ecr(server(), server()).describeRegistry({});
    await root().detachPolicy({ PolicyId: denial, TargetId: rootId });
    await ecr(server(), keys).describeRegistry({});
  });

  test("is attached once, and to what is there", async () => {
    const { id } = await newAccount();
    const PolicyId = await newPolicy();
    const { rootId } = await organization();
    await root().attachPolicy({ PolicyId, TargetId: id });
    await root().attachPolicy({ PolicyId, TargetId: rootId });
    await expectError(
      root().attachPolicy({ PolicyId, TargetId: id }),
      DuplicatePolicyAttachmentException,
      `The policy '${PolicyId}' is already attached to '${id}'.`,
    );
    await expectError(
      root().deletePolicy({ PolicyId }),
      PolicyInUseException,
      `The policy '${PolicyId}' is attached to one or more entities. You must detach it from all roots and accounts before performing this operation.`,
    );
    const { Targets } = await root().listTargetsForPolicy({ PolicyId });
    expect(Targets?.map(({ TargetId, Type }) => ({ TargetId, Type }))).toEqual([
      { TargetId: id, Type: "ACCOUNT" },
      { TargetId: rootId, Type: "ROOT" },
    ]);
    const first = await root().listTargetsForPolicy({ PolicyId, MaxResults: 1 });
    expect(first.Targets?.map(({ TargetId }) => TargetId)).toEqual([id]);
    const second = await root().listTargetsForPolicy({ PolicyId, MaxResults: 1, NextToken: first.NextToken });
    expect(second.Targets?.map(({ Name }) => Name)).toEqual(["Root"]);
    const { Policies } = await root().listPoliciesForTarget({ TargetId: id, Filter: scp });
    expect(Policies?.map(({ Id }) => Id)).toEqual([fullAccess, PolicyId].sort());
    await root().detachPolicy({ PolicyId, TargetId: rootId });
    await root().detachPolicy({ PolicyId, TargetId: id });
    await expectError(
      root().detachPolicy({ PolicyId, TargetId: id }),
      PolicyNotAttachedException,
      `The policy '${PolicyId}' isn't attached to the target '${id}'.`,
    );
    for (const TargetId of [nobody, "r-none", "ou-abcd-12345678"]) {
      const missing = [
        TargetNotFoundException,
        `You specified a target that doesn't exist: '${TargetId}'.`,
      ] as const;
      await expectError(root().attachPolicy({ PolicyId, TargetId }), ...missing);
      await expectError(root().detachPolicy({ PolicyId, TargetId }), ...missing);
      await expectError(root().listPoliciesForTarget({ TargetId, Filter: scp }), ...missing);
    }
  });

  test("is one of one to five", async () => {
    const { id: TargetId } = await newAccount();
    const last = await expectError(
      root().detachPolicy({ PolicyId: fullAccess, TargetId }),
      ConstraintViolationException,
      "You cannot remove the last policy attached to the specified target. You must have at least one attached at all times.",
    );
    expect(last.Reason).toBe("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED");
    for (let at = 0; at < 4; at += 1) await root().attachPolicy({ PolicyId: await newPolicy(), TargetId });
    const sixth = await expectError(
      root().attachPolicy({ PolicyId: await newPolicy(), TargetId }),
      ConstraintViolationException,
      "You have exceeded the maximum number of policies of a type that a target can have, which is 5.",
    );
    expect(sixth.Reason).toBe("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED");
  });

  test("is checked", async () => {
    const create = (input: object) =>
      root().createPolicy({ Name: "checked", Description: "", Type: scp, Content: "{}", ...input });
    await expectError(create({}), MalformedPolicyDocumentException, "the document has no Statement");
    await expect(
      create({ Content: policy({ Action: "*", Resource: "*", Principal: "*" }) }),
    ).rejects.toBeInstanceOf(MalformedPolicyDocumentException);
    const large = policy({ Action: "*", Resource: `arn:aws:ecr:*:*:repository/${"a".repeat(10_240)}` });
    const error = await expectError(
      create({ Content: large }),
      ConstraintViolationException,
      `The policy has ${large.length} characters; 10240 are the most.`,
    );
    expect(error.Reason).toBe("POLICY_CONTENT_LIMIT_EXCEEDED");
    const PolicyId = await newPolicy();
    await expect(root().updatePolicy({ PolicyId, Content: "{" })).rejects.toBeInstanceOf(
      MalformedPolicyDocumentException,
    );
    const Content = policy({ Action: "*", Resource: "*" });
    await create({ Content, Name: "twice" });
    for (const Name of ["twice", "FullAWSAccess"]) {
      const twice = [
        DuplicatePolicyException,
        `A policy with the same name already exists: '${Name}'.`,
      ] as const;
      await expectError(create({ Content, Name }), ...twice);
      await expectError(root().updatePolicy({ PolicyId, Name }), ...twice);
    }
  });

  test("of AWS's stays as it is", async () => {
    const { Policy } = await root().describePolicy({ PolicyId: fullAccess });
    expect(Policy).toEqual({
      PolicySummary: {
        Id: fullAccess,
        Arn: "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
        Name: "FullAWSAccess",
        Description: "Allows access to every operation",
        Type: scp,
        AwsManaged: true,
      },
      Content: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    });
    for (const call of [
      () => root().deletePolicy({ PolicyId: fullAccess }),
      () => root().updatePolicy({ PolicyId: fullAccess, Description: "x" }),
    ]) {
      const error = await expectError(
        call(),
        InvalidInputException,
        "You can't change the policy 'FullAWSAccess': AWS manages it.",
      );
      expect(error.Reason).toBe("IMMUTABLE_POLICY");
    }
  });

  test("stands in a list that comes in pages", async () => {
    const made = [await newPolicy(), await newPolicy(), await newPolicy()];
    const ids: (string | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const page = await root().listPolicies({ Filter: scp, MaxResults: 1, NextToken });
      ids.push(...(page.Policies ?? []).map(({ Id }) => Id));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(ids.length).toBeGreaterThanOrEqual(3);
    expect(ids).toEqual(expect.arrayContaining([fullAccess, ...made]));
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("other types of policies", () => {
  test("are not offered, and there are none", async () => {
    const { rootId } = await organization();
    for (const type of ["TAG_POLICY", "RESOURCE_CONTROL_POLICY"] as const) {
      const message = `The policy type ${type} is not offered here; SERVICE_CONTROL_POLICY is.`;
      await expectError(
        root().createPolicy({ Name: "x", Description: "", Type: type, Content: "{}" }),
        PolicyTypeNotAvailableForOrganizationException,
        message,
      );
      await expectError(
        root().enablePolicyType({ RootId: rootId, PolicyType: type }),
        PolicyTypeNotAvailableForOrganizationException,
        message,
      );
      await expectError(
        root().disablePolicyType({ RootId: rootId, PolicyType: type }),
        PolicyTypeNotEnabledException,
        `The policy type ${type} isn't enabled in the root of the organization.`,
      );
      expect((await root().listPolicies({ Filter: type })).Policies).toEqual([]);
      expect((await root().listPoliciesForTarget({ TargetId: rootId, Filter: type })).Policies).toEqual([]);
    }
  });
});

describe("tags", () => {
  test("of accounts, policies and the root are added, changed and taken away", async () => {
    const { rootId } = await organization();
    for (const ResourceId of [(await newAccount()).id, await newPolicy(), rootId]) {
      await root().tagResource({
        ResourceId,
        Tags: [
          { Key: "a", Value: "1" },
          { Key: "b", Value: "2" },
        ],
      });
      await root().tagResource({ ResourceId, Tags: [{ Key: "a", Value: "3" }] });
      await root().untagResource({ ResourceId, TagKeys: ["b", "not-there"] });
      expect((await root().listTagsForResource({ ResourceId })).Tags).toEqual([{ Key: "a", Value: "3" }]);
    }
  });

  test("are at most fifty, and not of what is not there", async () => {
    const { id: ResourceId } = await newAccount();
    const tags = (count: number) => Array.from({ length: count }, (_, at) => ({ Key: `k${at}`, Value: "" }));
    await root().tagResource({ ResourceId, Tags: tags(50) });
    const error = await expectError(
      root().tagResource({ ResourceId, Tags: [{ Key: "more", Value: "" }] }),
      ConstraintViolationException,
      "A resource can have at most 50 tags.",
    );
    expect(error.Reason).toBe("MAX_TAG_LIMIT_EXCEEDED");
    for (const other of [nobody, "p-nobodyknows", fullAccess, "r-none", "ou-abcd-12345678"]) {
      const message = `You specified a target that doesn't exist: '${other}'.`;
      await expectError(
        root().tagResource({ ResourceId: other, Tags: tags(1) }),
        TargetNotFoundException,
        message,
      );
      await expectError(root().listTagsForResource({ ResourceId: other }), TargetNotFoundException, message);
    }
  });
});

// Last, since it is about all policies.
describe("service control policies", () => {
  test("count no more when they are disabled, and begin anew", async () => {
    const { rootId } = await organization();
    const { id, keys } = await newAccount();
    const PolicyId = await newPolicy(
      policy({ Effect: "Deny", Action: "ecr:DescribeRegistry", Resource: "*" }),
    );
    await root().attachPolicy({ PolicyId, TargetId: id });
    await expectError(
      root().enablePolicyType({ RootId: rootId, PolicyType: scp }),
      PolicyTypeAlreadyEnabledException,
      `The policy type ${scp} is already enabled in the specified root.`,
    );
    const { Root } = await root().disablePolicyType({ RootId: rootId, PolicyType: scp });
    expect(Root?.PolicyTypes).toEqual([]);
    await ecr(server(), keys).describeRegistry({});
    const notEnabled = [
      PolicyTypeNotEnabledException,
      `The policy type ${scp} isn't enabled in the root of the organization.`,
    ] as const;
    await expectError(root().disablePolicyType({ RootId: rootId, PolicyType: scp }), ...notEnabled);
    await expectError(root().attachPolicy({ PolicyId, TargetId: id }), ...notEnabled);
    await expectError(root().detachPolicy({ PolicyId, TargetId: id }), ...notEnabled);
    const whileOff = await newAccount();
    const enabled = await root().enablePolicyType({ RootId: rootId, PolicyType: scp });
    expect(enabled.Root?.PolicyTypes).toEqual([{ Type: scp, Status: "ENABLED" }]);
    for (const TargetId of [rootId, id, whileOff.id, management]) {
      const { Policies } = await root().listPoliciesForTarget({ TargetId, Filter: scp });
      expect(Policies?.map(({ Id }) => Id)).toEqual([fullAccess]);
    }
    await ecr(server(), keys).describeRegistry({});
  });
});
