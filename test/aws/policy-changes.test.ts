/**
 * Whatever is changed counts for the very next request, for and against: at both doors, over connections that are open
 * already, with credentials that were used before. Every change is made twice, so that nothing kept from the first time
 * can help.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import {
  account,
  allowing,
  assume,
  denied,
  docker,
  ecrOf,
  everyoneIn,
  keyFor,
  loginOf,
  organizations,
  type Person,
  pathOf,
  policyOf,
  region,
  repositoryArn,
  role,
  sharing,
  user,
  verdictOf,
} from "../support/access.ts";
import { iam } from "../support/iam.ts";
import { registryForFile, unique } from "../support/oci.ts";

const registry = registryForFile();
const owner = "222222222222";
const guest = "111111111111";

let administrator: Person;
let foreign: Person;

beforeAll(async () => {
  administrator = await account(registry.server, owner);
  foreign = await account(registry.server, guest);
});

const theirs = () => iam(registry.server, administrator.keys);
const ecr = () => ecrOf(registry.server, administrator);
const newUser = (options: Parameters<typeof user>[2] = {}) => user(registry.server, administrator, options);
const listing = allowing(["ecr:ListImages", "ecr:GetAuthorizationToken"]);

async function repository(tags: Readonly<Record<string, string>> = {}): Promise<string> {
  const repositoryName = unique("changes/app");
  const list = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  await ecr().createRepository({ repositoryName, tags: list });
  return repositoryName;
}

type Asker = Pick<Person, "keys" | "arn">;

/** The two ways to ask for `ecr:ListImages`. */
async function verdicts(who: Asker, repositoryName: string): Promise<string[]> {
  const input = { registryId: owner, repositoryName };
  return Promise.all([
    verdictOf(ecrOf(registry.server, who).listImages(input)),
    verdictOf(docker(registry.server, `GET ${pathOf(owner, repositoryName)}/tags/list`, { as: who })),
  ]);
}

type Change = {
  who: Asker;
  /** A new one unless given. */
  repositoryName?: string;
  allow: (repositoryName: string) => Promise<unknown>;
  refuse: (repositoryName: string) => Promise<unknown>;
  /** Of the refusal. */
  because: string;
};

async function expectAtOnce({ who, allow, refuse, because, ...change }: Change): Promise<void> {
  const repositoryName = change.repositoryName ?? (await repository());
  const on = repositoryArn(owner, repositoryName);
  const refusal = denied(who.arn, { action: "ecr:ListImages", on, because });
  for (const _ of ["once", "twice"]) {
    await allow(repositoryName);
    expect(await verdicts(who, repositoryName)).toEqual(["allowed", "allowed"]);
    await refuse(repositoryName);
    expect(await verdicts(who, repositoryName)).toEqual([refusal, refusal]);
  }
}

describe("of a user", () => {
  test("an inline policy is there, and is gone", async () => {
    const who = await newUser();
    const policy = { UserName: who.name, PolicyName: "own" };
    await expectAtOnce({
      who,
      allow: () => theirs().putUserPolicy({ ...policy, PolicyDocument: listing }),
      refuse: () => theirs().deleteUserPolicy(policy),
      because: "identity",
    });
  });

  test("an inline policy has another text", async () => {
    const who = await newUser({ managed: ["arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"] });
    const policy = { UserName: who.name, PolicyName: "own" };
    const denying = policyOf({ Effect: "Deny", Action: "ecr:List*", Resource: "*" });
    await expectAtOnce({
      who,
      allow: () => theirs().putUserPolicy({ ...policy, PolicyDocument: listing }),
      refuse: () => theirs().putUserPolicy({ ...policy, PolicyDocument: denying }),
      because: "denied: identity",
    });
  });

  test("a managed policy is attached and detached", async () => {
    const who = await newUser();
    const PolicyArn = await managed(listing);
    await expectAtOnce({
      who,
      allow: () => theirs().attachUserPolicy({ UserName: who.name, PolicyArn }),
      refuse: () => theirs().detachUserPolicy({ UserName: who.name, PolicyArn }),
      because: "identity",
    });
  });

  test("a managed policy has another default version", async () => {
    const PolicyArn = await managed(allowing("ecr:DescribeImages"));
    const who = await newUser({ managed: [PolicyArn] });
    const { PolicyVersion } = await theirs().createPolicyVersion({ PolicyArn, PolicyDocument: listing });
    const VersionId = PolicyVersion?.VersionId;
    expect(VersionId).toBe("v2");
    await expectAtOnce({
      who,
      allow: () => theirs().setDefaultPolicyVersion({ PolicyArn, VersionId }),
      refuse: () => theirs().setDefaultPolicyVersion({ PolicyArn, VersionId: "v1" }),
      because: "identity",
    });
  });

  test("a managed policy has a new version, which is the default", async () => {
    const PolicyArn = await managed(listing);
    const who = await newUser({ managed: [PolicyArn] });
    const set = (PolicyDocument: string) =>
      theirs().createPolicyVersion({ PolicyArn, PolicyDocument, SetAsDefault: true });
    await expectAtOnce({
      who,
      allow: () => set(listing),
      refuse: () => set(allowing("ecr:DescribeImages")),
      because: "identity",
    });
  });

  test("a boundary is set, has another text, and is taken away", async () => {
    const who = await newUser({ policies: [listing] });
    const PermissionsBoundary = await managed(allowing("ecr:DescribeImages"));
    await expectAtOnce({
      who,
      allow: () => theirs().deleteUserPermissionsBoundary({ UserName: who.name }),
      refuse: () => theirs().putUserPermissionsBoundary({ UserName: who.name, PermissionsBoundary }),
      because: "boundary",
    });
    const set = (PolicyDocument: string) =>
      theirs().createPolicyVersion({
        PolicyArn: PermissionsBoundary,
        PolicyDocument,
        SetAsDefault: true,
      });
    await expectAtOnce({
      who,
      allow: () => set(listing),
      refuse: () => set(allowing("ecr:PutImage")),
      because: "boundary",
    });
  });

  test("a tag that a policy asks for is set, changed and removed", async () => {
    const condition = { StringEquals: { "aws:PrincipalTag/team": "red" } };
    const who = await newUser({ policies: [allowing("ecr:ListImages", { Condition: condition })] });
    const UserName = who.name;
    const tag = (Value: string) => theirs().tagUser({ UserName, Tags: [{ Key: "team", Value }] });
    const because = "identity";
    await expectAtOnce({ who, allow: () => tag("red"), refuse: () => tag("blue"), because });
    const refuse = () => theirs().untagUser({ UserName, TagKeys: ["team"] });
    await expectAtOnce({ who, allow: () => tag("red"), refuse, because });
  });
});

async function managed(PolicyDocument: string): Promise<string> {
  const { Policy } = await theirs().createPolicy({ PolicyName: unique("policy"), PolicyDocument });
  return Policy?.Arn ?? "";
}

describe("of a group", () => {
  const inGroup = async () => {
    const who = await newUser();
    const GroupName = unique("group");
    await theirs().createGroup({ GroupName });
    return { who, GroupName, member: { GroupName, UserName: who.name } };
  };

  test("a member comes and goes", async () => {
    const { who, GroupName, member } = await inGroup();
    await theirs().putGroupPolicy({ GroupName, PolicyName: "own", PolicyDocument: listing });
    await expectAtOnce({
      who,
      allow: () => theirs().addUserToGroup(member),
      refuse: () => theirs().removeUserFromGroup(member),
      because: "identity",
    });
  });

  test("an inline policy is there, and is gone", async () => {
    const { who, GroupName, member } = await inGroup();
    await theirs().addUserToGroup(member);
    const policy = { GroupName, PolicyName: "own" };
    await expectAtOnce({
      who,
      allow: () => theirs().putGroupPolicy({ ...policy, PolicyDocument: listing }),
      refuse: () => theirs().deleteGroupPolicy(policy),
      because: "identity",
    });
  });

  test("a managed policy is attached and detached", async () => {
    const { who, GroupName, member } = await inGroup();
    await theirs().addUserToGroup(member);
    const PolicyArn = await managed(listing);
    await expectAtOnce({
      who,
      allow: () => theirs().attachGroupPolicy({ GroupName, PolicyArn }),
      refuse: () => theirs().detachGroupPolicy({ GroupName, PolicyArn }),
      because: "identity",
    });
  });
});

describe("of a role, for sessions that are open", () => {
  const session = async (policies: readonly string[]) => {
    const assumer = await newUser({ policies: [allowing("sts:AssumeRole")] });
    const made = await role(registry.server, administrator, { trusts: everyoneIn(owner), policies });
    const keys = await assume(registry.server, assumer, { RoleArn: made.arn });
    return {
      made,
      who: { keys, arn: `arn:aws:sts::${owner}:assumed-role/${made.name}/session` },
      RoleName: made.name,
    };
  };
  const token = allowing("ecr:GetAuthorizationToken");

  test("an inline policy is there, and is gone", async () => {
    const { who, RoleName } = await session([token]);
    const policy = { RoleName, PolicyName: "own" };
    await expectAtOnce({
      who,
      allow: () => theirs().putRolePolicy({ ...policy, PolicyDocument: listing }),
      refuse: () => theirs().deleteRolePolicy(policy),
      because: "identity",
    });
  });

  test("a managed policy is attached and detached", async () => {
    const { who, RoleName } = await session([token]);
    const PolicyArn = await managed(listing);
    await expectAtOnce({
      who,
      allow: () => theirs().attachRolePolicy({ RoleName, PolicyArn }),
      refuse: () => theirs().detachRolePolicy({ RoleName, PolicyArn }),
      because: "identity",
    });
  });

  test("a boundary is set and taken away", async () => {
    const { who, RoleName } = await session([listing]);
    const PermissionsBoundary = await managed(token);
    await expectAtOnce({
      who,
      allow: () => theirs().deleteRolePermissionsBoundary({ RoleName }),
      refuse: () => theirs().putRolePermissionsBoundary({ RoleName, PermissionsBoundary }),
      because: "boundary",
    });
  });

  test("a tag that a policy asks for is set and removed", async () => {
    const condition = { StringEquals: { "aws:PrincipalTag/team": "red" } };
    const { who, RoleName } = await session([token, allowing("ecr:ListImages", { Condition: condition })]);
    await expectAtOnce({
      who,
      allow: () => theirs().tagRole({ RoleName, Tags: [{ Key: "team", Value: "red" }] }),
      refuse: () => theirs().untagRole({ RoleName, TagKeys: ["team"] }),
      because: "identity",
    });
  });

  test("its end is the end of its sessions, and a role of the same name is another", async () => {
    const { who, made, RoleName } = await session([listing]);
    const repositoryName = await repository();
    const login = await loginOf(registry.server, who);
    const listTags = () =>
      docker(registry.server, `GET ${pathOf(owner, repositoryName)}/tags/list`, {
        headers: { authorization: login },
      });
    expect((await listTags()).status).toBe(200);
    await theirs().deleteRolePolicy({ RoleName, PolicyName: "policy-1" });
    await theirs().deleteRole({ RoleName });
    for (const _ of ["gone", "made again"]) {
      const answer = await listTags();
      expect(answer.status).toBe(401);
      expect(answer.message).toStartWith(
        `The session of the temporary access key '${who.keys.accessKeyId}' that this token was made with has ended, or its user or role is deleted.`,
      );
      const call = ecrOf(registry.server, who).listImages({ repositoryName });
      await expect(call).rejects.toMatchObject({ name: "UnrecognizedClientException" });
      const { name } = made;
      if (_ === "gone")
        await role(registry.server, administrator, {
          name,
          trusts: everyoneIn(owner),
          policies: [listing],
        });
    }
  });

  test("who may take it on is asked anew each time", async () => {
    const assumer = await newUser({ policies: [allowing("sts:AssumeRole")] });
    const { arn, name } = await role(registry.server, administrator, { trusts: everyoneIn(owner) });
    const trust = (principal: string) =>
      theirs().updateAssumeRolePolicy({
        RoleName: name,
        PolicyDocument: sharing(principal, "sts:AssumeRole"),
      });
    const attempt = () => verdictOf(assume(registry.server, assumer, { RoleArn: arn }).then(answered));
    for (const _ of ["once", "twice"]) {
      await trust(assumer.arn);
      expect(await attempt()).toBe("allowed");
      await trust(administrator.arn);
      expect(await attempt()).toBe(
        denied(assumer.arn, { action: "sts:AssumeRole", on: arn, because: "trust" }),
      );
    }
  });
});

const answered = () => ({ $metadata: {} });

describe("of the owner", () => {
  test("a repository policy is there, and is gone", async () => {
    const who = await newUser();
    const policyText = sharing(who.arn, "ecr:ListImages");
    await expectAtOnce({
      who,
      allow: (repositoryName) => ecr().setRepositoryPolicy({ repositoryName, policyText }),
      refuse: (repositoryName) => ecr().deleteRepositoryPolicy({ repositoryName }),
      because: "identity",
    });
  });

  test("a repository policy has another text", async () => {
    const who = await newUser({ policies: [listing] });
    const set = (repositoryName: string, Effect: string) =>
      ecr().setRepositoryPolicy({
        repositoryName,
        policyText: sharing(who.arn, "ecr:ListImages", { Effect }),
      });
    await expectAtOnce({
      who,
      allow: (repositoryName) => set(repositoryName, "Allow"),
      refuse: (repositoryName) => set(repositoryName, "Deny"),
      because: "denied: resource",
    });
  });

  test("a repository policy lets another account in, and its own side lets its user out", async () => {
    const who = await user(registry.server, foreign, { policies: [listing] });
    const policyText = sharing(everyoneIn(guest), "ecr:ListImages");
    const repositoryName = await repository();
    const share = () => ecr().setRepositoryPolicy({ repositoryName, policyText });
    await expectAtOnce({
      who,
      repositoryName,
      allow: share,
      refuse: () => ecr().deleteRepositoryPolicy({ repositoryName }),
      because: "resource",
    });
    await share();
    const policy = { UserName: who.name, PolicyName: "policy-1" };
    const foreignIam = iam(registry.server, foreign.keys);
    await expectAtOnce({
      who,
      repositoryName,
      allow: () => foreignIam.putUserPolicy({ ...policy, PolicyDocument: listing }),
      refuse: () => foreignIam.deleteUserPolicy(policy),
      because: "identity",
    });
  });

  test("a repository is open to everybody without credentials, and is closed", async () => {
    const repositoryName = await repository();
    const nobody = async () =>
      (await docker(registry.server, `GET ${pathOf(owner, repositoryName)}/tags/list`)).status;
    const policyText = sharing("*", "ecr:ListImages");
    for (const _ of ["once", "twice"]) {
      await ecr().setRepositoryPolicy({ repositoryName, policyText });
      expect(await nobody()).toBe(200);
      await ecr().deleteRepositoryPolicy({ repositoryName });
      expect(await nobody()).toBe(401);
    }
  });

  test("a registry policy is there and is gone, and has another text", async () => {
    const who = await user(registry.server, foreign, { policies: [listing] });
    const policyText = sharing(everyoneIn(guest), "ecr:ListImages", {
      Resource: `arn:aws:ecr:${region}:${owner}:repository/changes/*`,
    });
    await expectAtOnce({
      who,
      allow: () => ecr().putRegistryPolicy({ policyText }),
      refuse: () => ecr().deleteRegistryPolicy({}),
      because: "resource",
    });
    const denying = sharing(everyoneIn(guest), "ecr:ListImages", { Effect: "Deny", Resource: "*" });
    await expectAtOnce({
      who,
      allow: () => ecr().putRegistryPolicy({ policyText }),
      refuse: () => ecr().putRegistryPolicy({ policyText: denying }),
      because: "denied: resource",
    });
    await ecr().deleteRegistryPolicy({});
  });

  test("a tag of the repository that a policy asks for is set, changed and removed", async () => {
    const condition = { StringEquals: { "aws:ResourceTag/open": "yes" } };
    const who = await newUser({ policies: [allowing("ecr:ListImages", { Condition: condition })] });
    const repositoryName = await repository({ open: "no" });
    const resourceArn = repositoryArn(owner, repositoryName);
    const tag = (Value: string) => ecr().tagResource({ resourceArn, tags: [{ Key: "open", Value }] });
    const because = "identity";
    await expectAtOnce({ who, repositoryName, allow: () => tag("yes"), refuse: () => tag("no"), because });
    const refuse = () => ecr().untagResource({ resourceArn, tagKeys: ["open"] });
    await expectAtOnce({ who, repositoryName, allow: () => tag("yes"), refuse, because });
  });

  test("a repository that is made again has nothing of the old one's policy", async () => {
    const who = await newUser();
    const policyText = sharing(who.arn, "ecr:ListImages");
    await expectAtOnce({
      who,
      allow: (repositoryName) => ecr().setRepositoryPolicy({ repositoryName, policyText }),
      refuse: async (repositoryName) => {
        await ecr().deleteRepository({ repositoryName });
        await ecr().createRepository({ repositoryName });
      },
      because: "identity",
    });
  });
});

describe("of the organization", () => {
  const denying = policyOf({ Effect: "Deny", Action: "ecr:ListImages", Resource: "*" });
  const harmless = policyOf({ Effect: "Deny", Action: "ecr:PutLifecyclePolicy", Resource: "*" });
  const create = async (Content: string) => {
    const input = { Name: unique("scp"), Description: "", Type: "SERVICE_CONTROL_POLICY" as const, Content };
    const { Policy } = await organizations(registry.server).createPolicy(input);
    return Policy?.PolicySummary?.Id ?? "";
  };

  test("a service control policy is attached to the account, and to the root", async () => {
    const who = await newUser({ policies: [listing] });
    const PolicyId = await create(denying);
    const { Roots = [] } = await organizations(registry.server).listRoots({});
    for (const TargetId of [owner, Roots[0]?.Id])
      await expectAtOnce({
        who,
        allow: () =>
          organizations(registry.server)
            .detachPolicy({ PolicyId, TargetId })
            .catch((error: Error) => expect(error.name).toBe("PolicyNotAttachedException")),
        refuse: () => organizations(registry.server).attachPolicy({ PolicyId, TargetId }),
        because: "denied: scp",
      }).finally(() => organizations(registry.server).detachPolicy({ PolicyId, TargetId }));
  });

  test("a service control policy has another text", async () => {
    const who = await newUser({ policies: [listing] });
    const PolicyId = await create(harmless);
    await organizations(registry.server).attachPolicy({ PolicyId, TargetId: owner });
    const update = (Content: string) => organizations(registry.server).updatePolicy({ PolicyId, Content });
    const [allow, refuse] = [() => update(harmless), () => update(denying)];
    await expectAtOnce({ who, allow, refuse, because: "denied: scp" }).finally(() =>
      organizations(registry.server).detachPolicy({ PolicyId, TargetId: owner }),
    );
  });

  test("the policy that allows everything gives way to one that does not", async () => {
    const who = await newUser({ policies: [listing] });
    const PolicyId = await create(allowing("ecr:Describe*"));
    const full = { PolicyId: "p-FullAWSAccess", TargetId: owner };
    const repositoryName = await repository();
    const client = () => organizations(registry.server);
    await client().attachPolicy({ PolicyId, TargetId: owner });
    await client().detachPolicy(full);
    const [allow, refuse] = [() => client().attachPolicy(full), () => client().detachPolicy(full)];
    await expectAtOnce({ who, repositoryName, allow, refuse, because: "scp" }).finally(allow);
    await client().detachPolicy({ PolicyId, TargetId: owner });
  });
});

describe("of credentials", () => {
  /** What the two doors say to somebody whose credentials do not count. */
  const refusals = async (who: Asker, login: string, repositoryName: string) => {
    const tags = `GET ${pathOf(owner, repositoryName)}/tags/list`;
    const [error, answer] = await Promise.all([
      ecrOf(registry.server, who)
        .listImages({ registryId: owner, repositoryName })
        .catch((reason: Error) => reason),
      docker(registry.server, tags, { headers: { authorization: login } }),
    ]);
    return [error instanceof Error ? error.name : "allowed", answer.status];
  };

  test("a key is switched off and on, and is deleted", async () => {
    const who = await newUser({ policies: [listing] });
    const repositoryName = await repository();
    const { authorizationData } = await ecrOf(registry.server, who).getAuthorizationToken({});
    const logins = [
      `Basic ${authorizationData?.[0]?.authorizationToken}`,
      await loginOf(registry.server, who),
    ];
    const key = { UserName: who.name, AccessKeyId: who.keys.accessKeyId };
    const expectBoth = async (expected: readonly (string | number)[]) => {
      for (const login of logins) expect(await refusals(who, login, repositoryName)).toEqual([...expected]);
    };
    for (const _ of ["once", "twice"]) {
      await expectBoth(["allowed", 200]);
      await theirs().updateAccessKey({ ...key, Status: "Inactive" });
      await expectBoth(["UnrecognizedClientException", 401]);
      await theirs().updateAccessKey({ ...key, Status: "Active" });
    }
    await expectBoth(["allowed", 200]);
    await theirs().deleteAccessKey(key);
    await expectBoth(["UnrecognizedClientException", 401]);
    // Another key of the same user is not the old one.
    const keys = await keyFor(registry.server, administrator, who.name);
    expect(await verdicts({ ...who, keys }, repositoryName)).toEqual(["allowed", "allowed"]);
    await expectBoth(["UnrecognizedClientException", 401]);
  });

  test("a closed account's keys are worth nothing", async () => {
    const closed = await account(registry.server, "333333333333");
    const repositoryName = await repository();
    const policyText = sharing(everyoneIn("333333333333"), "ecr:ListImages");
    await ecr().setRepositoryPolicy({ repositoryName, policyText });
    const login = await loginOf(registry.server, closed);
    expect(await refusals(closed, login, repositoryName)).toEqual(["allowed", 200]);
    await organizations(registry.server).closeAccount({ AccountId: "333333333333" });
    expect(await refusals(closed, login, repositoryName)).toEqual(["UnrecognizedClientException", 401]);
  });
});
