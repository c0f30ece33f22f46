/**
 * ReplayPolicy of Lading's own service: what it says about a policy before it is stored is what happens after it is
 * stored. Every case makes its requests, asks, stores the policy, and makes the same requests again.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import {
  account,
  allowing,
  assume,
  docker,
  ecrOf,
  everyoneIn,
  type Person,
  pathOf,
  policyOf,
  pushImage,
  region,
  repositoryArn,
  role,
  rootOf,
  sharing,
  user,
  verdictOf,
} from "../support/access.ts";
import { answer, badParameter, expectRefusal } from "../support/answers.ts";
import { iam } from "../support/iam.ts";
import { registryForFile, unique } from "../support/oci.ts";

const registry = registryForFile();
const server = () => registry.server;
const action = "ecr:BatchGetImage";
const pulling = [action, "ecr:GetDownloadUrlForLayer"];

let owner: Person;
let guests: Person;

beforeAll(async () => {
  owner = await account(server(), "222222222222");
  guests = await account(server(), "111111111111");
});

async function makeRepository() {
  const repositoryName = unique("replayed");
  await ecrOf(server(), owner).createRepository({ repositoryName });
  const at = pathOf(owner.accountId, repositoryName);
  const { digest } = await pushImage(server(), at, { as: owner, tag: "v1" });
  const setPolicy = (policyText: string) =>
    ecrOf(server(), owner).setRepositoryPolicy({ repositoryName, policyText });
  return {
    repositoryName,
    at,
    digest,
    setPolicy,
    resource: repositoryArn(owner.accountId, repositoryName),
    pull: (as: Pick<Person, "keys">, reference = "v1") =>
      verdictOf(docker(server(), `GET ${at}/manifests/${reference}`, { as })),
  };
}

type Change = {
  change: string;
  principal: string;
  action: string;
  resource: string;
  count: number;
  lastAt: number;
  requestId: string;
  sentence?: string;
};
type Replay = { examined: number; unknownPrincipals: number; changes: Change[] };

const replay = (input: object, as: Person = owner) =>
  answer<Replay>(server(), "ReplayPolicy", { input, as, region });

type Request = { principal: string; ask: () => Promise<string> };

/** Makes the requests, replays, stores, makes them again; what changed has to be what was foretold, and is returned. */
async function compare(
  requests: readonly Request[],
  { input, store }: { input: object; store: () => Promise<unknown> },
): Promise<Replay> {
  const verdicts = async () => {
    const all: string[] = [];
    for (const { ask } of requests) all.push(await ask());
    return all;
  };
  const before = await verdicts();
  const replayed = await replay(input);
  await store();
  const after = await verdicts();
  const changed = requests.flatMap(({ principal }, at) => {
    const [was, is] = [before[at] === "allowed", after[at] === "allowed"];
    return was === is
      ? []
      : [{ principal, change: is ? "allowed" : "refused", sentence: is ? undefined : after[at] }];
  });
  const byName = (a: { principal: string }, b: { principal: string }) => (a.principal < b.principal ? -1 : 1);
  expect(
    replayed.changes.map(({ principal, change, sentence }) => ({ principal, change, sentence })).sort(byName),
  ).toEqual(changed.sort(byName));
  return replayed;
}

describe("tells what a policy would newly refuse and allow", () => {
  test("on a repository, for the owner's users, other accounts, tags and digests", async () => {
    const { pull, resource, repositoryName, digest, setPolicy } = await makeRepository();
    const make = (by: Person, ...policies: string[]) => user(server(), by, { policies });
    const stays = await make(owner, allowing("ecr:*"));
    const loses = await make(guests, allowing("ecr:*"));
    const gains = await make(owner);
    const tagged = await make(guests, allowing("ecr:*"));
    const byDigest = await make(guests, allowing("ecr:*"));
    const never = await make(guests);
    await setPolicy(sharing([loses.arn, never.arn], action));
    const text = policyOf(
      { Effect: "Allow", Principal: { AWS: gains.arn }, Action: action },
      { Effect: "Allow", Principal: { AWS: never.arn }, Action: action },
      {
        Effect: "Allow",
        Principal: { AWS: [tagged.arn, byDigest.arn] },
        Action: action,
        Condition: { StringLike: { "ecr:ImageTag": "v*" } },
      },
    );
    const requests = [stays, loses, gains, tagged, never].map((one) => ({
      principal: one.arn,
      ask: () => pull(one),
    }));
    requests.push({ principal: byDigest.arn, ask: () => pull(byDigest, digest) });
    const { changes, examined, unknownPrincipals } = await compare(requests, {
      input: { policyText: text, policyType: "repository", repositoryName },
      store: () => setPolicy(text),
    });
    expect(changes).toHaveLength(4);
    expect(unknownPrincipals).toBe(0);
    // The making of the repository is among them.
    expect(examined).toBeGreaterThan(requests.length);
    expect(changes.find(({ principal }) => principal === loses.arn)).toMatchObject({
      change: "refused",
      action,
      resource,
      count: 1,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  test("on a repository that denies, for those who had it by their own policies", async () => {
    const { pull, repositoryName, setPolicy } = await makeRepository();
    const agent = await user(server(), owner, { policies: [allowing("ecr:*")] });
    const other = await user(server(), owner, { policies: [allowing("ecr:*")] });
    const text = policyOf({ Effect: "Deny", Principal: { AWS: agent.arn }, Action: "ecr:*" });
    const requests = [agent, other].map((one) => ({ principal: one.arn, ask: () => pull(one) }));
    const again = { principal: agent.arn, ask: () => pull(agent) };
    await again.ask();
    const { changes } = await compare(requests, {
      input: { policyText: text, policyType: "repository", repositoryName },
      store: () => setPolicy(text),
    });
    expect(changes).toMatchObject([{ change: "refused", count: 2 }]);
  });

  test("on the registry", async () => {
    const { pull, resource } = await makeRepository();
    const gains = await user(server(), guests, { policies: [allowing("ecr:*")] });
    const poor = await user(server(), guests);
    const text = policyOf({
      Effect: "Allow",
      Principal: { AWS: everyoneIn(guests.accountId) },
      Action: action,
      Resource: resource,
    });
    const requests = [gains, poor].map((one) => ({ principal: one.arn, ask: () => pull(one) }));
    const { changes } = await compare(requests, {
      input: { policyText: text, policyType: "registry" },
      store: () => ecrOf(server(), owner).putRegistryPolicy({ policyText: text }),
    });
    expect(changes).toMatchObject([{ change: "allowed", principal: gains.arn }]);
    await ecrOf(server(), owner).deleteRegistryPolicy({});
  });

  test("in a managed policy, for the users and the sessions of roles that have it", async () => {
    const client = iam(server(), owner.keys);
    const { pull, resource } = await makeRepository();
    const { Policy } = await client.createPolicy({
      PolicyName: unique("pull"),
      PolicyDocument: allowing("ecr:*"),
    });
    const PolicyArn = Policy?.Arn ?? "";
    const has = await user(server(), owner, { managed: [PolicyArn] });
    const hasNot = await user(server(), owner, { policies: [allowing("ecr:*")] });
    const holder = await role(server(), owner, { trusts: everyoneIn(owner.accountId), managed: [PolicyArn] });
    const keys = await assume(server(), owner, { RoleArn: holder.arn, RoleSessionName: "replayed" });
    const session = `arn:aws:sts::${owner.accountId}:assumed-role/${holder.name}/replayed`;
    const PolicyDocument = policyOf(
      { Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
      { Effect: "Allow", Action: action, Resource: resource.replace("replayed", "elsewhere") },
    );
    const { changes } = await compare(
      [
        { principal: has.arn, ask: () => pull(has) },
        { principal: hasNot.arn, ask: () => pull(hasNot) },
        { principal: session, ask: () => pull({ keys }) },
      ],
      {
        input: { policyText: PolicyDocument, policyType: "identity", policyArn: PolicyArn },
        store: () => client.createPolicyVersion({ PolicyArn, PolicyDocument, SetAsDefault: true }),
      },
    );
    expect(changes.map(({ change }) => change)).toEqual(["refused", "refused"]);
  });

  test("in an inline policy that there is not yet, of a user, of a group and of a role", async () => {
    const client = iam(server(), owner.keys);
    const GroupName = unique("group");
    await client.createGroup({ GroupName });
    const member = await user(server(), owner);
    await client.addUserToGroup({ GroupName, UserName: member.name });
    const alone = await user(server(), owner);
    const holder = await role(server(), owner, {
      trusts: everyoneIn(owner.accountId),
      policies: [allowing("ecr:GetAuthorizationToken")],
    });
    const keys = await assume(server(), owner, { RoleArn: holder.arn, RoleSessionName: "inline" });
    const session = `arn:aws:sts::${owner.accountId}:assumed-role/${holder.name}/inline`;
    const PolicyName = "new";
    const groupArn = `arn:aws:iam::${owner.accountId}:group/${GroupName}`;
    const cases = [
      [
        alone.arn,
        alone.arn,
        (text: string) => client.putUserPolicy({ UserName: alone.name, PolicyName, PolicyDocument: text }),
      ],
      [
        groupArn,
        member.arn,
        (text: string) => client.putGroupPolicy({ GroupName, PolicyName, PolicyDocument: text }),
      ],
      [
        holder.arn,
        session,
        (text: string) => client.putRolePolicy({ RoleName: holder.name, PolicyName, PolicyDocument: text }),
      ],
    ] as const;
    for (const [identityArn, principal, put] of cases) {
      const { pull, resource } = await makeRepository();
      const text = policyOf({ Effect: "Allow", Action: pulling, Resource: resource });
      const { changes } = await compare(
        [
          { principal: alone.arn, ask: () => pull(alone) },
          { principal: member.arn, ask: () => pull(member) },
          { principal: session, ask: () => pull({ keys }) },
        ],
        {
          input: { policyText: text, policyType: "identity", identityArn, policyName: PolicyName },
          store: () => put(text),
        },
      );
      expect(changes).toMatchObject([{ change: "allowed", principal, resource }]);
    }
  });

  test("in a boundary", async () => {
    const client = iam(server(), owner.keys);
    const { pull } = await makeRepository();
    const { Policy } = await client.createPolicy({
      PolicyName: unique("bound"),
      PolicyDocument: allowing("*"),
    });
    const PolicyArn = Policy?.Arn ?? "";
    const bounded = await user(server(), owner, { policies: [allowing("*")], boundary: PolicyArn });
    const free = await user(server(), owner, { policies: [allowing("*")] });
    const PolicyDocument = allowing("s3:*");
    const { changes } = await compare(
      [bounded, free].map((one) => ({ principal: one.arn, ask: () => pull(one) })),
      {
        input: { policyText: PolicyDocument, policyType: "boundary", policyArn: PolicyArn },
        store: () => client.createPolicyVersion({ PolicyArn, PolicyDocument, SetAsDefault: true }),
      },
    );
    expect(changes).toMatchObject([{ change: "refused", principal: bounded.arn }]);
  });
});

test("says how many were made by principals that are gone", async () => {
  const { pull, repositoryName } = await makeRepository();
  const gone = await user(server(), owner, { policies: [allowing("ecr:*")] });
  expect(await pull(gone)).toBe("allowed");
  const client = iam(server(), owner.keys);
  await client.deleteAccessKey({ UserName: gone.name, AccessKeyId: gone.keys.accessKeyId });
  await client.deleteUserPolicy({ UserName: gone.name, PolicyName: "policy-1" });
  await client.deleteUser({ UserName: gone.name });
  const policyText = policyOf({ Effect: "Deny", Principal: "*", Action: action });
  const input = { policyText, policyType: "repository", repositoryName };
  expect(await replay(input)).toMatchObject({ unknownPrincipals: 1, changes: [] });
});

describe("is refused", () => {
  const allow = { Effect: "Allow", Principal: "*", Action: action };
  const text = policyOf(allow);
  const refused = (input: object, at: string, reason: string) =>
    expectRefusal(server(), "ReplayPolicy", { input, ...badParameter(at, reason) });

  test("without what the policy would be on", async () => {
    const reason =
      "What can be replayed is the policy of a repository (repositoryName), that of the registry, an identity policy (policyArn, or identityArn and policyName), and a boundary (policyArn)";
    for (const policyType of ["repository", "identity", "boundary", "trust", "session", "scp"])
      await refused({ policyText: text, policyType }, "policyType", reason);
  });

  test("for a repository, a policy and a user that are not there", async () => {
    await expectRefusal(server(), "ReplayPolicy", {
      input: { policyText: text, policyType: "repository", repositoryName: "replayed/none" },
      type: "RepositoryNotFoundException",
      message:
        "The repository with name 'replayed/none' does not exist in the registry with id '000000000000'",
    });
    const policyArn = "arn:aws:iam::000000000000:policy/none";
    await refused(
      { policyText: allowing("*"), policyType: "identity", policyArn },
      "policyArn",
      `There is no policy '${policyArn}' in account 000000000000`,
    );
    const foreign = await user(server(), owner);
    for (const identityArn of ["arn:aws:iam::000000000000:user/none", foreign.arn])
      await refused(
        { policyText: allowing("*"), policyType: "identity", identityArn, policyName: "p" },
        "identityArn",
        `There is no user, role or group '${identityArn}' in account 000000000000`,
      );
  });

  test("for a policy that could not be stored", async () => {
    const { repositoryName } = await makeRepository();
    const nobody = "arn:aws:iam::222222222222:user/none";
    const cases = [
      [
        policyOf({ ...allow, Action: "ecr:Nothing" }),
        "Invalid repository policy provided: statement 1 (Statement[0].Action): 'ecr:Nothing' is not an action",
      ],
      [
        policyOf({ ...allow, Principal: { AWS: nobody } }),
        `Principal not found: "AWS":"${nobody}"; accounts, users and roles have to exist in this installation`,
      ],
    ] as const;
    for (const [policyText, reason] of cases)
      await expectRefusalOf({ policyText, policyType: "repository", repositoryName }, reason);
  });

  async function expectRefusalOf(input: object, reason: string) {
    const error = await replay(input).catch(String);
    expect(error).toContain(JSON.stringify(reason).slice(1, -1));
  }

  test("to who has no right to it", async () => {
    const { keys } = await user(server(), rootOf(server()), { policies: [allowing("ecr:*")] });
    await expectRefusal(server(), "ReplayPolicy", {
      input: { policyText: text, policyType: "registry" },
      as: { keys },
      type: "AccessDeniedException",
      message: /not authorized to perform: lading:ReplayPolicy/,
    });
  });
});
