/**
 * WhoCan of Lading's own service. Who is listed without conditions really can, who is listed with some can when they
 * hold, and who is not listed cannot.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import {
  account,
  administratorAccess,
  allowing,
  assume,
  denied,
  docker,
  ecrOf,
  everyoneIn,
  organizations,
  type Person,
  pathOf,
  policyOf,
  pushImage,
  region,
  repositoryArn,
  role,
  rootOf,
  type Statement,
  user,
  verdictOf,
} from "../support/access.ts";
import { badParameter, expectRefusal, type Right, whoCan } from "../support/answers.ts";
import { iam } from "../support/iam.ts";
import { registryForFile, unique } from "../support/oci.ts";

const registry = registryForFile();
const server = () => registry.server;
const action = "ecr:BatchGetImage";

let owner: Person;
let guests: Person;

beforeAll(async () => {
  owner = await account(server(), "222222222222");
  guests = await account(server(), "111111111111");
});

async function makeRepository(...statements: readonly Statement[]) {
  const repositoryName = unique("whose");
  const ecr = ecrOf(server(), owner);
  await ecr.createRepository({ repositoryName });
  const at = pathOf(owner.accountId, repositoryName);
  const { digest } = await pushImage(server(), at, { as: owner, tag: "v1" });
  if (statements.length > 0)
    await ecr.setRepositoryPolicy({ repositoryName, policyText: policyOf(...statements) });
  const resource = repositoryArn(owner.accountId, repositoryName);
  return { repositoryName, at, digest, resource };
}

const ask = (resource: string) => whoCan(server(), { action, resource }, owner);

const find = (rights: readonly Right[], principal: string) =>
  rights.find((right) => right.principal === principal);

const plain = { crossAccount: false, public: false, needsIdentityPolicy: false, conditions: [] };
const share = { Effect: "Allow", Action: action };

describe("in the owner's account", () => {
  test("the root, and users by inline, managed and group policies, and roles", async () => {
    const client = iam(server(), owner.keys);
    const { resource, repositoryName, at } = await makeRepository();
    const inline = await user(server(), owner, { policies: [allowing("ecr:*", { Sid: "All" })] });
    const managed = await user(server(), owner, { managed: [administratorAccess] });
    const grouped = await user(server(), owner);
    const nobody = await user(server(), owner, { policies: [allowing("ecr:PutImage")] });
    const GroupName = unique("group");
    await client.createGroup({ GroupName });
    await client.putGroupPolicy({ GroupName, PolicyName: "pull", PolicyDocument: allowing(action) });
    await client.addUserToGroup({ GroupName, UserName: grouped.name });
    const puller = await role(server(), owner, {
      trusts: everyoneIn(owner.accountId),
      policies: [allowing(action)],
    });
    const idle = await role(server(), owner, { trusts: everyoneIn(owner.accountId) });

    const rights = await ask(resource);
    const root = everyoneIn(owner.accountId);
    expect(rights[0]).toEqual({ ...plain, principal: root, kind: "root", through: [] });
    const through = (policy: string) => [{ side: "identity", policy, statement: 1 }];
    expect(find(rights, inline.arn)).toEqual({
      ...plain,
      principal: inline.arn,
      kind: "user",
      through: [
        { ...through(`inline policy policy-1 of user ${inline.name}`)[0], sid: "All" },
      ] as Right["through"],
    });
    expect(find(rights, managed.arn)?.through).toEqual(through(`managed policy ${administratorAccess}`));
    expect(find(rights, grouped.arn)?.through).toEqual(through(`inline policy pull of group ${GroupName}`));
    expect(find(rights, puller.arn)).toMatchObject({ ...plain, kind: "role" });
    expect(find(rights, nobody.arn)).toBeUndefined();
    expect(find(rights, idle.arn)).toBeUndefined();
    expect(rights.every(({ conditions }) => conditions.length === 0)).toBe(true);

    const listed = [inline, managed, grouped];
    for (const person of [...listed, nobody]) {
      const verdict = await verdictOf(docker(server(), `GET ${at}/manifests/v1`, { as: person }));
      expect(verdict === "allowed").toBe(listed.includes(person));
    }
    for (const { arn } of [puller, idle]) {
      const keys = await assume(server(), managed, { RoleArn: arn });
      const imageIds = [{ imageTag: "v1" }];
      const verdict = await verdictOf(ecrOf(server(), { keys }).batchGetImage({ repositoryName, imageIds }));
      expect(verdict === "allowed").toBe(arn === puller.arn);
    }
  });

  test("who is named by the resource's policy, and a session of a role", async () => {
    const direct = await user(server(), owner);
    const holder = await role(server(), owner, { trusts: everyoneIn(owner.accountId) });
    const session = `arn:aws:sts::${owner.accountId}:assumed-role/${holder.name}/nightly`;
    const { resource, repositoryName } = await makeRepository({
      ...share,
      Sid: "Named",
      Principal: { AWS: [direct.arn, session] },
    });
    const rights = await ask(resource);
    const through = [
      { side: "resource", policy: `repository policy of ${resource}`, statement: 1, sid: "Named" },
    ];
    expect(find(rights, direct.arn)).toEqual({ ...plain, principal: direct.arn, kind: "user", through });
    expect(find(rights, session)).toEqual({ ...plain, principal: session, kind: "role", through });
    expect(find(rights, holder.arn)).toBeUndefined();

    for (const RoleSessionName of ["nightly", "daily"]) {
      const keys = await assume(server(), owner, { RoleArn: holder.arn, RoleSessionName });
      const imageIds = [{ imageTag: "v1" }];
      const verdict = await verdictOf(ecrOf(server(), { keys }).batchGetImage({ repositoryName, imageIds }));
      expect(verdict === "allowed").toBe(RoleSessionName === "nightly");
    }
  });

  test("all of them, over pages", async () => {
    const client = iam(server(), owner.keys);
    const { resource } = await makeRepository();
    const GroupName = unique("many");
    await client.createGroup({ GroupName });
    await client.putGroupPolicy({ GroupName, PolicyName: "pull", PolicyDocument: allowing(action) });
    const names = Array.from({ length: 205 }, (_, index) => `many-${String(index).padStart(3, "0")}`);
    for (let from = 0; from < names.length; from += 20) {
      const some = names.slice(from, from + 20);
      await Promise.all(some.map((UserName) => client.createUser({ UserName })));
      await Promise.all(some.map((UserName) => client.addUserToGroup({ GroupName, UserName })));
    }
    const rights = await ask(resource);
    const listed = rights.map(({ principal }) => principal.split("/").at(-1) ?? "");
    expect(listed.filter((name) => name.startsWith("many-"))).toEqual(names);
    expect(new Set(rights.map(({ principal }) => principal)).size).toBe(rights.length);
  }, 60_000);
});

describe("from outside", () => {
  test("accounts, users and roles of others, who need a policy there too", async () => {
    const guest = await user(server(), guests, { policies: [allowing("ecr:*")] });
    const poor = await user(server(), guests);
    const theirs = await role(server(), guests, { trusts: everyoneIn(guests.accountId) });
    const { resource, at } = await makeRepository(
      { ...share, Sid: "Account", Principal: { AWS: guests.accountId } },
      { ...share, Sid: "Named", Principal: { AWS: [poor.arn, theirs.arn] } },
    );
    const rights = (await ask(resource)).filter(({ crossAccount }) => crossAccount);
    const policy = `repository policy of ${resource}`;
    const cross = { ...plain, crossAccount: true, needsIdentityPolicy: true };
    const named = [{ side: "resource", policy, statement: 2, sid: "Named" }];
    expect(rights).toEqual([
      {
        ...cross,
        principal: everyoneIn(guests.accountId),
        kind: "account",
        through: [{ side: "resource", policy, statement: 1, sid: "Account" }],
      },
      { ...cross, principal: poor.arn, kind: "user", through: named },
      { ...cross, principal: theirs.arn, kind: "role", through: named },
    ]);
    const verdict = (as: Person) => verdictOf(docker(server(), `GET ${at}/manifests/v1`, { as }));
    expect(await verdict(guest)).toBe("allowed");
    expect(await verdict(poor)).toBe(denied(poor.arn, { action, on: resource, because: "identity" }));
  });

  test("everyone, which is public", async () => {
    const { resource, at } = await makeRepository({ ...share, Principal: "*" });
    expect(find(await ask(resource), "*")).toMatchObject({
      kind: "everyone",
      public: true,
      crossAccount: true,
      needsIdentityPolicy: false,
      conditions: [],
    });
    expect((await docker(server(), `GET ${at}/manifests/v1`)).status).toBe(200);
  });

  test("the organization, which is not", async () => {
    const { Organization } = await organizations(server()).describeOrganization({});
    const id = Organization?.Id ?? "";
    const { resource, at } = await makeRepository({
      ...share,
      Principal: "*",
      Condition: { StringEquals: { "aws:PrincipalOrgID": id } },
    });
    const rights = await ask(resource);
    expect(find(rights, id)).toMatchObject({
      kind: "organization",
      public: false,
      crossAccount: true,
      needsIdentityPolicy: true,
      conditions: [],
    });
    expect(find(rights, "*")).toBeUndefined();
    expect((await docker(server(), `GET ${at}/manifests/v1`)).status).toBe(401);
    const guest = await user(server(), guests, { policies: [allowing("ecr:*")] });
    expect((await docker(server(), `GET ${at}/manifests/v1`, { as: guest })).status).toBe(200);
    // Its own users are in it too, and need nothing else.
    const own = await user(server(), owner);
    expect(find(await ask(resource), own.arn)).toMatchObject({ kind: "user", conditions: [] });
    expect((await docker(server(), `GET ${at}/manifests/v1`, { as: own })).status).toBe(200);
  });

  test("services, with what they are bound to", async () => {
    const { resource } = await makeRepository({
      ...share,
      Principal: { Service: "lambda.amazonaws.com" },
      Condition: { StringEquals: { "aws:SourceAccount": guests.accountId } },
    });
    expect(find(await ask(resource), "lambda.amazonaws.com")).toMatchObject({
      kind: "service",
      public: false,
      crossAccount: true,
      conditions: [`StringEquals aws:SourceAccount ${guests.accountId}`],
    });
  });

  test("everyone but somebody, which is nearly everyone", async () => {
    const { resource, at } = await makeRepository({ ...share, NotPrincipal: { AWS: guests.arn } });
    expect(find(await ask(resource), "*")).toMatchObject({ kind: "everyone", public: true });
    expect((await docker(server(), `GET ${at}/manifests/v1`)).status).toBe(200);
  });

  test("by the registry's policy", async () => {
    const { resource } = await makeRepository();
    await ecrOf(server(), owner).putRegistryPolicy({
      policyText: policyOf({
        Effect: "Allow",
        Principal: { AWS: everyoneIn(guests.accountId) },
        Action: action,
        Resource: resource,
      }),
    });
    expect(find(await ask(resource), everyoneIn(guests.accountId))?.through).toEqual([
      {
        side: "resource",
        policy: `registry policy of account ${owner.accountId} in ${region}`,
        statement: 1,
      },
    ]);
    await ecrOf(server(), owner).deleteRegistryPolicy({});
  });
});

describe("with conditions", () => {
  test("all that a request has to bring, and what is fixed about who asks is not among it", async () => {
    const Condition = {
      StringLike: { "ecr:ImageTag": ["v*", "w*"] },
      IpAddress: { "aws:SourceIp": ["127.0.0.0/8", "::1/128"] },
      StringEquals: { "aws:PrincipalTag/team": "blue" },
    };
    const policies = [allowing(action, { Condition })];
    const blue = await user(server(), owner, { policies, tags: { team: "blue" } });
    const red = await user(server(), owner, { policies, tags: { team: "red" } });
    const { resource, at } = await makeRepository();
    await pushImage(server(), at, { as: owner, tag: "x1" });
    const rights = await ask(resource);
    expect(find(rights, blue.arn)?.conditions).toEqual([
      "StringLike ecr:ImageTag v*, w* and IpAddress aws:SourceIp 127.0.0.0/8, ::1/128",
    ]);
    expect(find(rights, red.arn)).toBeUndefined();
    const status = async (as: Person, tag: string) =>
      (await docker(server(), `GET ${at}/manifests/${tag}`, { as })).status;
    expect([await status(blue, "v1"), await status(blue, "x1"), await status(red, "v1")]).toEqual([
      200, 403, 403,
    ]);
  });

  test("ways that are each enough stand in one line, and what denies in lines of its own", async () => {
    const person = await user(server(), owner, {
      policies: [
        policyOf(
          { Sid: "A", ...share, Resource: "*", Condition: { StringEquals: { "ecr:ImageTag": "a" } } },
          { Sid: "B", ...share, Resource: "*", Condition: { StringEquals: { "ecr:ImageTag": "b" } } },
          {
            Effect: "Deny",
            Action: "*",
            Resource: "*",
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          },
        ),
      ],
    });
    const { resource } = await makeRepository();
    const right = find(await ask(resource), person.arn);
    expect(right?.conditions).toEqual([
      "StringEquals ecr:ImageTag a, or StringEquals ecr:ImageTag b",
      "unless Bool aws:SecureTransport false",
    ]);
    expect(right?.through.map(({ sid }) => sid)).toEqual(["A", "B"]);
  });

  test("a denial takes out whom it always meets, and is a condition for whom it sometimes meets", async () => {
    const some = { policies: [allowing("ecr:*")] };
    const barred = await user(server(), owner, some);
    const away = await user(server(), owner, some);
    const free = await user(server(), owner, some);
    const { resource, at } = await makeRepository(
      { Effect: "Deny", Principal: { AWS: barred.arn }, Action: "ecr:*" },
      {
        Effect: "Deny",
        Principal: { AWS: away.arn },
        Action: "ecr:*",
        Condition: { NotIpAddress: { "aws:SourceIp": "10.0.0.0/8" } },
      },
    );
    const rights = await ask(resource);
    expect(find(rights, barred.arn)).toBeUndefined();
    expect(find(rights, away.arn)?.conditions).toEqual(["unless NotIpAddress aws:SourceIp 10.0.0.0/8"]);
    expect(find(rights, free.arn)?.conditions).toEqual([]);
    const statuses = [];
    for (const as of [barred, away, free])
      statuses.push((await docker(server(), `GET ${at}/manifests/v1`, { as })).status);
    expect(statuses).toEqual([403, 403, 200]);
  });

  test("a boundary and the organization can make them", async () => {
    const { Policy } = await iam(server(), owner.keys).createPolicy({
      PolicyName: unique("boundary"),
      PolicyDocument: allowing("*", { Condition: { StringEquals: { "ecr:ImageTag": "v1" } } }),
    });
    const bounded = await user(server(), owner, {
      policies: [allowing("*")],
      boundary: Policy?.Arn ?? "",
    });
    const { resource } = await makeRepository();
    const right = find(await ask(resource), bounded.arn);
    expect(right?.conditions).toEqual(["StringEquals ecr:ImageTag v1"]);
    expect(right?.through.map(({ side }) => side)).toEqual(["identity", "boundary"]);
  });
});

test("of a role: who can take it on", async () => {
  const doer = await user(server(), owner, { policies: [allowing("sts:AssumeRole")] });
  const { arn } = await role(server(), owner, {
    trusts: policyOf(
      { Effect: "Allow", Principal: { AWS: everyoneIn(owner.accountId) }, Action: "sts:AssumeRole" },
      {
        Effect: "Allow",
        Principal: { AWS: guests.accountId },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "sts:ExternalId": "x" } },
      },
    ),
  });
  const rights = await whoCan(server(), { action: "sts:AssumeRole", resource: arn }, owner);
  expect(find(rights, doer.arn)).toMatchObject({ kind: "user", conditions: [] });
  expect(find(rights, everyoneIn(guests.accountId))).toMatchObject({
    kind: "account",
    conditions: ["StringEquals sts:ExternalId x"],
  });
  // IAM: a root cannot take on roles.
  expect(rights.some(({ kind }) => kind === "root")).toBe(false);
});

describe("is refused", () => {
  test("to who does not own the resource", async () => {
    const { resource } = await makeRepository();
    for (const as of [guests, rootOf(server())]) {
      await expectRefusal(server(), "WhoCan", {
        input: { action, resource },
        as,
        type: "AccessDeniedException",
        message: `${resource} belongs to account ${owner.accountId}, and only that account can ask who has rights on it`,
      });
    }
  });

  test("for what is no action, no ARN, and no page", async () => {
    const { resource } = await makeRepository();
    const refused = (input: object, at: string, reason: string) =>
      expectRefusal(server(), "WhoCan", { input, as: owner, ...badParameter(at, reason) });
    await refused({ action: "ecr:Pull", resource }, "action", "'ecr:Pull' is not an action");
    await refused(
      { action, resource: "app" },
      "resource",
      "'app' must be an ARN, such as arn:aws:ecr:us-east-1:111122223333:repository/app, or * for an action without a resource",
    );
    await refused({ action, resource, nextToken: "x" }, "nextToken", "It is none that this operation gave");
  });
});
