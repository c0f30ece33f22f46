/** ShareRepository of Lading's own service: one call on one side, one policy on the other, and the pull works. */
import { beforeAll, describe, expect, test } from "bun:test";
import {
  account,
  allowing,
  assume,
  denied,
  docker,
  ecrOf,
  everyoneIn,
  organizations,
  type Person,
  pathOf,
  pushImage,
  region,
  role,
  rootOf,
  type Statement,
  sharing,
  user,
  verdictOf,
} from "../support/access.ts";
import { answer, badParameter, expectRefusal } from "../support/answers.ts";
import { iam } from "../support/iam.ts";
import { registryForFile, unique } from "../support/oci.ts";

const registry = registryForFile();
const server = () => registry.server;

let owner: Person;
let guests: Person;

beforeAll(async () => {
  owner = await account(server(), "222222222222");
  guests = await account(server(), "111111111111");
});

async function makeRepository(policyText?: string) {
  const repositoryName = unique("shared");
  const ecr = ecrOf(server(), owner);
  await ecr.createRepository({ repositoryName });
  const at = pathOf(owner.accountId, repositoryName);
  const { layer } = await pushImage(server(), at, { as: owner, tag: "v1" });
  if (policyText !== undefined) await ecr.setRepositoryPolicy({ repositoryName, policyText });
  return { repositoryName, at, layer };
}

type Shared = { policyText: string; statement: string; attach?: { text: string; policy: string } };

const share = (input: { repositoryName: string; with: string; push?: boolean }, as: Person = owner) =>
  answer<Shared>(server(), "ShareRepository", { input, as, region });

async function statementsOf(repositoryName: string): Promise<Statement[]> {
  const { policyText = "" } = await ecrOf(server(), owner).getRepositoryPolicy({ repositoryName });
  return (JSON.parse(policyText) as { Statement: Statement[] }).Statement;
}

/** All that `docker pull` asks for, by a token as docker has it. */
async function pull(
  as: Pick<Person, "keys">,
  { at, layer }: { at: string; layer: string },
): Promise<string[]> {
  const { authorizationData } = await ecrOf(server(), as).getAuthorizationToken({});
  const headers = { authorization: `Basic ${authorizationData?.[0]?.authorizationToken}` };
  const verdicts: string[] = [];
  for (const request of [`GET ${at}/manifests/v1`, `HEAD ${at}/blobs/${layer}`, `GET ${at}/blobs/${layer}`])
    verdicts.push(await verdictOf(docker(server(), request, { headers })));
  return [...new Set(verdicts)];
}

const attach = (person: Person, PolicyDocument = "") =>
  iam(server(), guests.keys).putUserPolicy({ UserName: person.name, PolicyName: "attached", PolicyDocument });

describe("with an account", () => {
  test("lets its users pull who were given the policy that comes with it, and nobody else", async () => {
    const repository = await makeRepository();
    const { repositoryName, at } = repository;
    const shared = await share({ repositoryName, with: guests.accountId });
    expect(JSON.parse(shared.statement)).toEqual({
      Sid: `Share with ${guests.accountId}`,
      Effect: "Allow",
      Principal: { AWS: everyoneIn(guests.accountId) },
      Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    });
    expect(await statementsOf(repositoryName)).toEqual([JSON.parse(shared.statement)]);
    expect(JSON.parse(shared.policyText).Statement).toEqual([JSON.parse(shared.statement)]);
    expect(shared.attach?.text).toBe(
      `An administrator of account ${guests.accountId} attaches this to each user or role that is to have access:`,
    );

    const reader = await user(server(), guests);
    const other = await user(server(), guests, { policies: [allowing("ecr:GetAuthorizationToken")] });
    await attach(reader, shared.attach?.policy);
    expect(await pull(reader, repository)).toEqual(["allowed"]);
    expect(await pull(other, repository)).not.toContain("allowed");
    const push = verdictOf(docker(server(), `POST ${at}/blobs/uploads/`, { as: reader }));
    expect(await push).toContain("no resource-based policy allows the ecr:InitiateLayerUpload action");
  });

  test("with --push lets them push, and without it again no more", async () => {
    const repository = await makeRepository();
    const { repositoryName, at } = repository;
    const writer = await user(server(), guests);
    const shared = await share({ repositoryName, with: guests.accountId, push: true });
    await attach(writer, shared.attach?.policy);
    await pushImage(server(), at, { as: writer, tag: "v2" });
    expect(await pull(writer, repository)).toEqual(["allowed"]);
    await share({ repositoryName, with: guests.accountId });
    expect(await pull(writer, repository)).toEqual(["allowed"]);
    const push = verdictOf(docker(server(), `POST ${at}/blobs/uploads/`, { as: writer }));
    expect(await push).toContain("no resource-based policy allows the ecr:InitiateLayerUpload action");
  });

  test("twice is once, and what else the policy says stays", async () => {
    const first = sharing(everyoneIn(owner.accountId), "ecr:ListImages", { Sid: "Ours" });
    const { repositoryName } = await makeRepository(first);
    const once = await share({ repositoryName, with: guests.accountId });
    const twice = await share({ repositoryName, with: guests.accountId });
    expect(twice).toEqual(once);
    const sids = (await statementsOf(repositoryName)).map(({ Sid }) => Sid);
    expect(sids).toEqual(["Ours", `Share with ${guests.accountId}`]);
  });
});

test("with a user of another account", async () => {
  const repository = await makeRepository();
  const { repositoryName } = repository;
  const reader = await user(server(), guests);
  const other = await user(server(), guests, { policies: [allowing("ecr:*")] });
  const shared = await share({ repositoryName, with: reader.arn });
  expect(shared.attach?.text).toBe(
    `An administrator of account ${guests.accountId} attaches this to ${reader.arn}:`,
  );
  await attach(reader, shared.attach?.policy);
  expect(await pull(reader, repository)).toEqual(["allowed"]);
  expect(await pull(other, repository)).not.toContain("allowed");
});

test("with a role of another account", async () => {
  const repository = await makeRepository();
  const { repositoryName } = repository;
  const reader = await role(server(), guests, { trusts: everyoneIn(guests.accountId) });
  const shared = await share({ repositoryName, with: reader.arn });
  await iam(server(), guests.keys).putRolePolicy({
    RoleName: reader.name,
    PolicyName: "attached",
    PolicyDocument: shared.attach?.policy,
  });
  const keys = await assume(server(), guests, { RoleArn: reader.arn });
  expect(await pull({ keys }, repository)).toEqual(["allowed"]);
});

test("with a user of the owner, who needs a login and no more", async () => {
  const repository = await makeRepository();
  const { repositoryName } = repository;
  const reader = await user(server(), owner);
  const shared = await share({ repositoryName, with: reader.arn });
  const policy = shared.attach?.policy ?? "";
  expect(JSON.parse(policy).Statement).toEqual([
    { Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
  ]);
  await iam(server(), owner.keys).putUserPolicy({
    UserName: reader.name,
    PolicyName: "attached",
    PolicyDocument: policy,
  });
  expect(await pull(reader, repository)).toEqual(["allowed"]);
});

test("with the organization", async () => {
  const repository = await makeRepository();
  const { repositoryName, at } = repository;
  const { Organization } = await organizations(server()).describeOrganization({});
  const id = Organization?.Id ?? "";
  const shared = await share({ repositoryName, with: id });
  expect(JSON.parse(shared.statement)).toMatchObject({
    Sid: `Share with ${id}`,
    Principal: "*",
    Condition: { StringEquals: { "aws:PrincipalOrgID": id } },
  });
  const reader = await user(server(), guests);
  await attach(reader, shared.attach?.policy);
  expect(await pull(reader, repository)).toEqual(["allowed"]);
  expect((await docker(server(), `GET ${at}/manifests/v1`)).status).toBe(401);
});

describe("is refused", () => {
  test("with whom it cannot be shared", async () => {
    const { repositoryName } = await makeRepository();
    const { Organization } = await organizations(server()).describeOrganization({});
    const form = `must be an account of 12 digits, the ARN of a user or a role, or the organization ${Organization?.Id}`;
    const own = `Account ${owner.accountId} owns the repository. Name one of its users or roles by ARN, or give them identity policies`;
    for (const [receiver, reason] of [
      ["bob", `'bob' ${form}`],
      ["o-0000000000", `'o-0000000000' ${form}`],
      [owner.accountId, own],
      [everyoneIn(owner.accountId), own],
    ] as const) {
      const refused = share({ repositoryName, with: receiver });
      await expect(refused).rejects.toThrow(
        JSON.stringify(badParameter("with", reason).message).slice(1, -1),
      );
    }
    const nobody = `arn:aws:iam::${guests.accountId}:user/nobody`;
    await expect(share({ repositoryName, with: nobody })).rejects.toThrow("Principal not found");
    await expect(share({ repositoryName, with: "999999999999" })).rejects.toThrow("Principal not found");
    await expect(ecrOf(server(), owner).getRepositoryPolicy({ repositoryName })).rejects.toThrow(
      "Repository policy does not exist",
    );
  });

  test("for a repository that is not there, and to who may not set its policy", async () => {
    const message =
      "The repository with name 'shared/none' does not exist in the registry with id '000000000000'";
    await expectRefusal(server(), "ShareRepository", {
      input: { repositoryName: "shared/none", with: guests.accountId },
      type: "RepositoryNotFoundException",
      message,
    });
    const { arn, keys } = await user(server(), rootOf(server()), {
      policies: [allowing(["lading:*", "ecr:GetRepositoryPolicy"])],
    });
    const on = `arn:aws:ecr:${server().region}:000000000000:repository/shared/none`;
    await expectRefusal(server(), "ShareRepository", {
      input: { repositoryName: "shared/none", with: guests.accountId },
      as: { keys },
      type: "AccessDeniedException",
      message: denied(arn, { action: "ecr:SetRepositoryPolicy", on, because: "identity" }),
    });
  });
});
