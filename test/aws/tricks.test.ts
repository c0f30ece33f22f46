/** What somebody would try who has some right, or none, and wants more. Every attempt has to end in a clear refusal. */
import { beforeAll, describe, expect, test } from "bun:test";
import {
  account,
  allowing,
  assume,
  blobBody,
  denied,
  docker,
  ecrOf,
  everyoneIn,
  imageType,
  loginOf,
  type Person,
  type Pushed,
  pathOf,
  policyOf,
  pushImage,
  region,
  removeUser,
  repositoryArn,
  role,
  rootOf,
  sharing,
  sts,
  user,
  variable,
  verdictOf,
} from "../support/access.ts";
import { call } from "../support/aws.ts";
import { iam } from "../support/iam.ts";
import { exchange, imageManifest, registryForFile, unique } from "../support/oci.ts";

const registry = registryForFile();
const owner = "222222222222";
const guest = "111111111111";

let administrator: Person;
let foreign: Person;
/** An image in the owner's repository `app/secret`. */
let secret: Pushed;
const secretly = pathOf(owner, "app/secret");

beforeAll(async () => {
  administrator = await account(registry.server, owner);
  foreign = await account(registry.server, guest);
  for (const name of ["app", "app2", "app/a", "app/b", "app2/a", "xapp", "app/secret"]) await create(name);
  secret = await pushImage(registry.server, secretly, { as: administrator, tag: "v1" });
});

const admin = () => ecrOf(registry.server, administrator);
const theirs = () => iam(registry.server, administrator.keys);
const newUser = (...policies: string[]) => user(registry.server, administrator, { policies });
const create = (repositoryName: string) => admin().createRepository({ repositoryName });
const asDocker = (request: string, as: Person, more: object = {}) =>
  docker(registry.server, request, { as, ...more });
const ecr = (who: Pick<Person, "keys">, where?: string) => ecrOf(registry.server, who, where);
const list = (who: Pick<Person, "keys">, repositoryName: string, registryId = owner) =>
  verdictOf(ecr(who).listImages({ registryId, repositoryName }));

async function repository(): Promise<string> {
  const name = unique("tricks/app");
  await create(name);
  return name;
}

describe("names that begin like others", () => {
  const all = ["app", "app2", "app/a", "app/b", "app2/a", "xapp"];
  const rows: readonly [resource: string, opens: readonly string[]][] = [
    ["repository/app", ["app"]],
    ["repository/app/", []],
    ["repository/app/*", ["app/a", "app/b"]],
    ["repository/app*", ["app", "app2", "app/a", "app/b", "app2/a"]],
    ["repository/app?", ["app2"]],
    ["repository/*/a", ["app/a", "app2/a"]],
    ["repository/ap", []],
    ["repository/App", []],
    ["Repository/app", []],
    ["repository/app ", []],
    ["repository/app%32", []],
    ["repository", []],
  ];
  test.each(rows)("%s opens %p", async (resource, opens) => {
    const Resource = `arn:aws:ecr:${region}:${owner}:${resource}`;
    const who = await newUser(allowing("ecr:ListImages", { Resource }));
    const open = [];
    for (const name of all) {
      const byAws = await list(who, name);
      const byDocker = await verdictOf(asDocker(`GET ${pathOf(owner, name)}/tags/list`, who));
      expect(byAws).toBe(byDocker);
      if (byAws === "allowed") open.push(name);
    }
    expect(open).toEqual([...opens]);
  });

  const others: readonly [name: string, resource: string][] = [
    ["another account", `arn:aws:ecr:${region}:${guest}:repository/app`],
    ["another region", `arn:aws:ecr:eu-west-1:${owner}:repository/app`],
    ["another partition", `arn:aws-cn:ecr:${region}:${owner}:repository/app`],
    ["another service", `arn:aws:s3:${region}:${owner}:repository/app`],
    ["capital letters", `ARN:AWS:ECR:${region}:${owner}:repository/app`.replace("ARN", "arn")],
    ["a public repository", `arn:aws:ecr-public::${owner}:repository/app`],
  ];
  test.each(others)("an ARN of %s opens nothing", async (_, Resource) => {
    const who = await newUser(allowing("ecr:ListImages", { Resource }));
    const on = repositoryArn(owner, "app");
    expect(await list(who, "app")).toBe(
      denied(who.arn, { action: "ecr:ListImages", on, because: "identity" }),
    );
  });

  test("an action in other letters is the same action, and one that begins so is not", async () => {
    expect(await list(await newUser(allowing("ECR:lISTiMAGES")), "app")).toBe("allowed");
    for (const action of ["ecr:ListImage", "ecr:ListImages2", "ecr-public:ListImages", "ecr:List?"]) {
      const allow = { Effect: "Allow", Action: action, Resource: "*" };
      const who = await newUser();
      const put = theirs().putUserPolicy({
        UserName: who.name,
        PolicyName: "own",
        PolicyDocument: policyOf(allow),
      });
      // It is refused as a misspelling, or it is taken and allows nothing.
      await put.catch(({ name }: Error) => expect(name).toBe("MalformedPolicyDocumentException"));
      expect(await list(who, "app")).toContain("no identity-based policy");
    }
  });

  test("a path is no way around: what is asked about is what is served", async () => {
    const Resource = repositoryArn(owner, "app/a");
    const who = await newUser(allowing("ecr:*", { Resource }));
    const { server } = registry;
    const authorization = await loginOf(server, who);
    const prefix = `/v2/${owner}.${region}`;
    const paths = [
      "/app/a/../secret/manifests/v1",
      "/app/a/%2e%2e/secret/manifests/v1",
      "/app/a%2f..%2fsecret/manifests/v1",
      "/app%2Fsecret/manifests/v1",
      "/app/a//../secret/manifests/v1",
      "//app/secret/manifests/v1",
      "/app/./secret/manifests/v1",
      "/app/secret/manifests/v1?repositoryName=app/a",
      "/app/secret/manifests/v1#/app/a",
      "/app/%73ecret/manifests/v1",
      "/app/secret/manifests/v1/../../../a/manifests/v1",
      "/app/secret/blobs/../manifests/v1",
      "/app\\secret/manifests/v1",
    ];
    for (const path of paths) {
      const target = prefix + path;
      const { status, body } = await exchange(server, { method: "GET", target, headers: { authorization } });
      expect(status, path).toBeOneOf([400, 403, 404]);
      expect(body).not.toContain(secret.layer);
    }
    for (const other of [`/v2/${owner}.${region}./app/secret`, `/v2/0${owner}.${region}/app/secret`]) {
      const { status } = await exchange(server, {
        method: "GET",
        target: `${other}/manifests/v1`,
        headers: { authorization },
      });
      expect([other, status]).toEqual([other, 403]);
    }
  });

  test("a user may change its own keys, and not those of one whose name begins so", async () => {
    const Resource = `arn:aws:iam::*:user/${variable("aws:username")}`;
    const policy = allowing("iam:*AccessKey*", { Resource });
    const kim = await user(registry.server, administrator, { name: "kim", policies: [policy] });
    await user(registry.server, administrator, { name: "kimberly" });
    const own = iam(registry.server, kim.keys);
    const { AccessKey } = await own.createAccessKey({ UserName: "kim" });
    expect(AccessKey?.UserName).toBe("kim");
    for (const UserName of ["kimberly", "administrator", "Kimberly"]) {
      const on = `arn:aws:iam::${owner}:user/${UserName}`;
      expect(await verdictOf(own.createAccessKey({ UserName }))).toMatch(
        new RegExp(`is not authorized to perform: iam:CreateAccessKey on resource: ${on}`, "i"),
      );
    }
  });

  test("a variable in a policy of 2008 is no variable", async () => {
    const Resource = `arn:aws:ecr:*:*:repository/${variable("aws:username")}`;
    const Statement = [{ Effect: "Allow", Action: "ecr:*", Resource }];
    const policies = [JSON.stringify({ Version: "2008-10-17", Statement })];
    const who = await user(registry.server, administrator, { name: "app2", policies });
    expect(await list(who, "app2")).toContain("no identity-based policy");
    await theirs().putUserPolicy({
      UserName: "app2",
      PolicyName: "policy-1",
      PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement }),
    });
    expect(await list(who, "app2")).toBe("allowed");
  });
});

describe("principals", () => {
  const Action = "ecr:ListImages";
  const set = (repositoryName: string, Principal: unknown) =>
    admin().setRepositoryPolicy({
      repositoryName,
      policyText: JSON.stringify({ Statement: [{ Effect: "Allow", Principal, Action }] }),
    });
  const arn = (rest: string) => `arn:aws:iam::${guest}:${rest}`;
  const invalid: readonly [name: string, principal: unknown][] = [
    ["an account as a number", { AWS: 111111111111 }],
    ["an account as a number in a list", { AWS: [111111111111] }],
    ["11 digits", { AWS: "11111111111" }],
    ["13 digits", { AWS: "1111111111111" }],
    ["an account with a space", { AWS: `${guest} ` }],
    ["an account with dashes", { AWS: "1111-1111-1111" }],
    ["Arabic digits", { AWS: "١١١١١١١١١١١١" }],
    ["a root with a space behind", { AWS: arn("root ") }],
    ["a root with a space before", { AWS: ` ${arn("root")}` }],
    ["a root with a line end", { AWS: `${arn("root")}\n` }],
    ["a root in capitals", { AWS: arn("Root") }],
    ["a root with a region", { AWS: `arn:aws:iam:us-east-1:${guest}:root` }],
    ["any user of an account", { AWS: arn("user/*") }],
    ["users whose name begins so", { AWS: arn("user/gue*") }],
    ["a user with a question mark", { AWS: arn("user/gues?") }],
    ["the root of any account", { AWS: "arn:aws:iam::*:root" }],
    ["the root of some accounts", { AWS: "arn:aws:iam::11111111111?:root" }],
    ["any ARN", { AWS: "arn:aws:iam::*" }],
    ["half a wildcard", { AWS: "1*" }],
    ["two wildcards", { AWS: "**" }],
    ["a group", { AWS: arn("group/devs") }],
    ["a policy", { AWS: arn("policy/p") }],
    ["partition aws-cn", { AWS: `arn:aws-cn:iam::${guest}:root` }],
    ["partition aws-us-gov", { AWS: `arn:aws-us-gov:iam::${guest}:root` }],
    ["an empty partition", { AWS: `arn::iam::${guest}:root` }],
    ["an ARN in capitals", { AWS: arn("root").toUpperCase() }],
    ["nothing", { AWS: "" }],
    ["an empty list", { AWS: [] }],
    ["an empty object", {}],
    ["null", null],
    ["a list of nothing", { AWS: [null] }],
    ["an object within", { AWS: { AWS: "*" } }],
    ["another word", { aws: "*" }],
    ["an account beside", guest],
    ["a variable", { AWS: arn(`user/${variable("aws:username")}`) }],
    ["a user that is not there", { AWS: arn("user/no-one") }],
    ["a user in other letters", { AWS: arn("user/Administrator") }],
    ["a user under another path", { AWS: arn("user/path/administrator") }],
    ["a role that is not there", { AWS: arn("role/administrator") }],
    ["an account that is not there", { AWS: "999999999999" }],
    ["an id that is nobody's", { AWS: "AIDAAAAAAAAAAAAAAAAAA" }],
  ];
  test.each(invalid)("%s is none: the policy is refused and nothing is open", async (_, principal) => {
    const repositoryName = await repository();
    const { AWS: name } = Object(principal);
    // Nor is it any beside one that is right.
    const beside = typeof name === "string" ? [{ AWS: [everyoneIn(guest), name] }] : [];
    for (const one of [principal, ...beside])
      await expect(set(repositoryName, one)).rejects.toMatchObject({
        name: "InvalidParameterException",
        message: expect.stringContaining("Invalid parameter at 'PolicyText'"),
      });
    await expect(admin().getRepositoryPolicy({ repositoryName })).rejects.toMatchObject({
      name: "RepositoryPolicyNotFoundException",
    });
    expect(await list(foreign, repositoryName)).toContain("no resource-based policy");
  });

  test("a user who is named is meant, and nobody whose name begins or reads so", async () => {
    const repositoryName = await repository();
    const ecrAll = [allowing("ecr:*")];
    const make = (name: string) => user(registry.server, foreign, { name, policies: ecrAll });
    const [bob, bobby] = [await make("bob"), await make("bobby")];
    await set(repositoryName, { AWS: bob.arn });
    expect(await list(bob, repositoryName)).toBe("allowed");
    for (const other of [bobby, foreign])
      expect(await list(other, repositoryName)).toContain("no resource-based policy");
    // One of the same name in another account is somebody else.
    const same = await user(registry.server, administrator, { name: "bob" });
    expect(await list(same, repositoryName)).toContain("no identity-based policy");
  });

  test("twice the same member is refused, so that no two readers can differ about it", async () => {
    const repositoryName = await repository();
    const texts = [
      `{"Statement":[{"Effect":"Deny","Effect":"Allow","Principal":"*","Action":"${Action}"}]}`,
      `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"${owner}"},"Principal":"*","Action":"${Action}"}]}`,
      `{"Statement":[],"Statement":[{"Effect":"Allow","Principal":"*","Action":"${Action}"}]}`,
      `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"${Action}","\\u0041ction":"ecr:*"}]}`,
    ];
    for (const policyText of texts)
      await expect(admin().setRepositoryPolicy({ repositoryName, policyText })).rejects.toMatchObject({
        name: "InvalidParameterException",
      });
  });

  const effects = ["allow", "ALLOW", "Allow ", "", true, null, ["Allow"]].map((effect) => ({ effect }));
  test.each(effects)("an effect is Allow or Deny, and not $effect", async ({ effect: Effect }) => {
    const policyText = JSON.stringify({ Statement: [{ Effect, Principal: "*", Action }] });
    const repositoryName = await repository();
    await expect(admin().setRepositoryPolicy({ repositoryName, policyText })).rejects.toMatchObject({
      name: "InvalidParameterException",
    });
  });
});

describe("a user who is deleted and made again", () => {
  test("is not meant by the old policy, which shows the old one's id", async () => {
    const repositoryName = await repository();
    const old = await user(registry.server, administrator, { name: "phoenix" });
    const policyText = sharing([old.arn, everyoneIn(guest)], "ecr:ListImages");
    await admin().setRepositoryPolicy({ repositoryName, policyText });
    expect(await list(old, repositoryName)).toBe("allowed");
    await removeUser(registry.server, administrator, "phoenix");
    const shown = async () => {
      const { policyText: text = "" } = await admin().getRepositoryPolicy({ repositoryName });
      return JSON.parse(text).Statement[0].Principal.AWS;
    };
    expect(old.id).toStartWith("AIDA");
    expect(await shown()).toEqual([old.id, everyoneIn(guest)]);

    const fresh = await user(registry.server, administrator, { name: "phoenix" });
    expect(fresh.arn).toBe(old.arn);
    expect(fresh.id).not.toBe(old.id);
    expect(await list(fresh, repositoryName)).toContain("no identity-based policy");
    expect(await shown()).toEqual([old.id, everyoneIn(guest)]);
    // Nor does the text that is shown let anybody in when it is written back.
    const { policyText: text } = await admin().getRepositoryPolicy({ repositoryName });
    const again = await admin()
      .setRepositoryPolicy({ repositoryName, policyText: text })
      .catch(({ message }: Error) => message);
    if (typeof again === "string") expect(again).toContain(`Principal not found: "AWS":"${old.id}"`);
    expect(await list(fresh, repositoryName)).toContain("no identity-based policy");

    await admin().setRepositoryPolicy({ repositoryName, policyText });
    expect(await list(fresh, repositoryName)).toBe("allowed");
    expect(await shown()).toEqual([fresh.arn, everyoneIn(guest)]);
  });

  test("is not spared by a denial's exception for the old one, and not hit by the old one's denial", async () => {
    const old = await user(registry.server, administrator, { name: "lazarus" });
    const repositoryName = await repository();
    const policyText = sharing(old.arn, "ecr:ListImages", { Effect: "Deny" });
    await admin().setRepositoryPolicy({ repositoryName, policyText });
    await removeUser(registry.server, administrator, "lazarus");
    const policies = [allowing("ecr:ListImages")];
    const fresh = await user(registry.server, administrator, { name: "lazarus", policies });
    expect(await list(fresh, repositoryName)).toBe("allowed");
  });

  test("has nothing of the old one: neither policies, groups, tags nor keys", async () => {
    const policies = [allowing("ecr:ListImages")];
    const managed = ["arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"];
    const options = { name: "revenant", policies, managed, tags: { team: "red" } };
    const old = await user(registry.server, administrator, options);
    const member = { GroupName: "ghosts", UserName: "revenant" };
    await theirs().createGroup(member);
    await theirs().putGroupPolicy({
      GroupName: "ghosts",
      PolicyName: "p",
      PolicyDocument: allowing("ecr:*"),
    });
    await theirs().addUserToGroup(member);
    expect(await list(old, "app")).toBe("allowed");
    await theirs().removeUserFromGroup(member);
    await removeUser(registry.server, administrator, "revenant");
    const fresh = await user(registry.server, administrator, { name: "revenant" });
    expect(await list(fresh, "app")).toContain("no identity-based policy");
    await expect(ecr(old).listImages({ repositoryName: "app" })).rejects.toMatchObject({
      name: "UnrecognizedClientException",
    });
    const { Groups } = await theirs().listGroupsForUser({ UserName: "revenant" });
    const { Tags } = await theirs().listUserTags({ UserName: "revenant" });
    expect({ Groups, Tags }).toEqual({ Groups: [], Tags: [] });
  });

  test("is not trusted by a role that trusted the old one", async () => {
    const policies = [allowing("sts:AssumeRole")];
    const old = await user(registry.server, administrator, { name: "trusted", policies });
    const { arn, name } = await role(registry.server, administrator, { trusts: old.arn });
    await assume(registry.server, old, { RoleArn: arn });
    await removeUser(registry.server, administrator, "trusted");
    const fresh = await user(registry.server, administrator, { name: "trusted", policies });
    const attempt = assume(registry.server, fresh, { RoleArn: arn }).then(answered);
    expect(await verdictOf(attempt)).toBe(
      denied(fresh.arn, { action: "sts:AssumeRole", on: arn, because: "trust" }),
    );
    const { Role } = await theirs().getRole({ RoleName: name });
    expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "")).toContain(old.id);
  });

  test("a user who gets another name stays who it was", async () => {
    const repositoryName = await repository();
    const who = await user(registry.server, administrator, { name: "before" });
    await admin().setRepositoryPolicy({ repositoryName, policyText: sharing(who.arn, "ecr:ListImages") });
    await theirs().updateUser({ UserName: "before", NewUserName: "after" });
    expect(await list(who, repositoryName)).toBe("allowed");
    const other = await user(registry.server, administrator, { name: "before" });
    expect(await list(other, repositoryName)).toContain("no identity-based policy");
    const { policyText } = await admin().getRepositoryPolicy({ repositoryName });
    expect(policyText).toContain(`arn:aws:iam::${owner}:user/after`);
  });
});

const answered = () => ({ $metadata: {} });

describe("roles", () => {
  const attempt = (by: Pick<Person, "keys">, RoleArn: string, more: object = {}) =>
    verdictOf(assume(registry.server, by, { RoleArn, ...more }).then(answered));
  const refusal = (who: string, on: string, because: string) =>
    denied(who, { action: "sts:AssumeRole", on, because });

  test("one that trusts itself alone lets nobody in but its own sessions", async () => {
    const all = await newUser(allowing("*"));
    const policies = [allowing("sts:AssumeRole")];
    const { arn, name } = await role(registry.server, administrator, { trusts: everyoneIn(owner), policies });
    const keys = await assume(registry.server, all, { RoleArn: arn });
    const itself = sharing(arn, "sts:AssumeRole");
    await theirs().updateAssumeRolePolicy({ RoleName: name, PolicyDocument: itself });
    expect(await attempt(all, arn)).toBe(refusal(all.arn, arn, "trust"));
    expect(await attempt(administrator, arn)).toBe(refusal(administrator.arn, arn, "trust"));
    expect(await attempt({ keys }, arn)).toBe("allowed");
    const longer = sts(registry.server, { keys }).assumeRole({
      RoleArn: arn,
      RoleSessionName: "longer",
      DurationSeconds: 3_601,
    });
    await expect(longer).rejects.toMatchObject({ Code: "ValidationError" });
  });

  test("one that does not name itself is not assumed by its own sessions", async () => {
    const all = await newUser(allowing("*"));
    const policies = [allowing("*")];
    const { arn, name } = await role(registry.server, administrator, { trusts: all.arn, policies });
    const keys = await assume(registry.server, all, { RoleArn: arn });
    const session = `arn:aws:sts::${owner}:assumed-role/${name}/session`;
    expect(await attempt({ keys }, arn)).toBe(refusal(session, arn, "trust"));
  });

  test("one of another account needs both sides, and its trust in a user is that user alone", async () => {
    const able = await user(registry.server, foreign, { policies: [allowing("sts:AssumeRole")] });
    const poor = await user(registry.server, foreign);
    const { arn } = await role(registry.server, administrator, { trusts: able.arn });
    expect(await attempt(able, arn)).toBe("allowed");
    expect(await attempt(poor, arn)).toBe(refusal(poor.arn, arn, "trust"));
    expect(await attempt(foreign, arn)).toBe(refusal(foreign.arn, arn, "trust"));
    const whole = await role(registry.server, administrator, { trusts: everyoneIn(guest) });
    expect(await attempt(able, whole.arn)).toBe("allowed");
    expect(await attempt(poor, whole.arn)).toBe(refusal(poor.arn, whole.arn, "identity"));
  });

  test("one that wants an external id is no deputy for who does not know it", async () => {
    const able = await user(registry.server, foreign, { policies: [allowing("sts:AssumeRole")] });
    const Condition = { StringEquals: { "sts:ExternalId": "Tenant-7" } };
    const trusts = sharing(everyoneIn(guest), "sts:AssumeRole", { Condition });
    const { arn } = await role(registry.server, administrator, { trusts });
    expect(await attempt(able, arn, { ExternalId: "Tenant-7" })).toBe("allowed");
    for (const more of [
      {},
      { ExternalId: "Tenant-8" },
      { ExternalId: "tenant-7" },
      { ExternalId: "Tenant-77" },
    ])
      expect(await attempt(able, arn, more)).toBe(refusal(able.arn, arn, "trust"));
  });

  test("one that is not there, or is spelled otherwise, cannot be told from one that is closed", async () => {
    const all = await newUser(allowing("*"));
    const { arn, name } = await role(registry.server, administrator, { trusts: everyoneIn(guest) });
    for (const RoleArn of [
      arn,
      `arn:aws:iam::${owner}:role/nowhere`,
      `arn:aws:iam::${owner}:role/${name.toUpperCase()}`,
      `arn:aws:iam::${owner}:role/path/${name}`,
      `arn:aws:iam::999999999999:role/${name}`,
    ])
      expect(await attempt(all, RoleArn)).toBe(refusal(all.arn, RoleArn, "trust"));
    for (const RoleArn of [`arn:aws:iam::${owner}:role/*`, `arn:aws-cn:iam::${owner}:role/${name}`])
      expect(await attempt(all, RoleArn).catch(({ Code }: { Code: string }) => Code)).not.toBe("allowed");
  });

  test("none is assumed by a root", async () => {
    const { arn } = await role(registry.server, rootOf(registry.server), {
      trusts: everyoneIn(registry.server.accountId),
    });
    expect(await attempt(rootOf(registry.server), arn)).toBe("Roles may not be assumed by root accounts.");
  });
});

describe("another registry", () => {
  test("is not reached by its id, its ARN or its address, whatever one may at home", async () => {
    const there = { registryId: owner, repositoryName: "app/secret" };
    const on = repositoryArn(owner, "app/secret");
    const attempts: Record<string, () => Promise<{ $metadata: object }>> = {
      ListImages: () => ecr(foreign).listImages(there),
      BatchGetImage: () => ecr(foreign).batchGetImage({ ...there, imageIds: [{ imageTag: "v1" }] }),
      DeleteRepository: () => ecr(foreign).deleteRepository({ ...there, force: true }),
      SetRepositoryPolicy: () =>
        ecr(foreign).setRepositoryPolicy({ ...there, policyText: sharing(guest, "ecr:*"), force: true }),
      TagResource: () => ecr(foreign).tagResource({ resourceArn: on, tags: [{ Key: "a", Value: "b" }] }),
      CreateRepository: () => ecr(foreign).createRepository(there),
    };
    for (const [name, ask] of Object.entries(attempts)) {
      const action = `ecr:${name}`;
      expect(await verdictOf(ask())).toBe(denied(foreign.arn, { action, on, because: "resource" }));
    }
    const missing = await list(foreign, "app/secret", "999999999999");
    expect(missing).toContain("no resource-based policy allows the ecr:ListImages action");
    const { authorizationData } = await ecr(foreign).getAuthorizationToken({ registryIds: [owner] });
    const authorization = `Basic ${authorizationData?.[0]?.authorizationToken}`;
    const pulled = await docker(registry.server, `GET ${secretly}/manifests/v1`, {
      headers: { authorization },
    });
    expect(pulled.status).toBe(403);
  });

  test("without an id it is one's own, also when a repository there has the same name", async () => {
    await ecr(foreign).createRepository({ repositoryName: "app/secret" });
    const { imageIds } = await ecr(foreign).listImages({ repositoryName: "app/secret" });
    expect(imageIds).toEqual([]);
    const { repositories = [] } = await ecr(foreign).describeRepositories({});
    expect(repositories.map(({ registryId }) => registryId)).toEqual([guest]);
  });

  test("an ARN of another region is asked about as it is, whichever region the request is sent to", async () => {
    const Resource = `arn:aws:ecr:${region}:*:*`;
    const who = await newUser(allowing(["ecr:TagResource", "ecr:ListTagsForResource"], { Resource }));
    await ecr(administrator, "us-west-1").createRepository({ repositoryName: "app" });
    const there = `arn:aws:ecr:us-west-1:${owner}:repository/app`;
    for (const where of [region, "us-west-1"]) {
      const verdict = await verdictOf(
        ecr(who, where).tagResource({ resourceArn: there, tags: [{ Key: "a", Value: "b" }] }),
      ).catch(({ name }: Error) => name);
      expect(verdict).toBeOneOf([
        denied(who.arn, { action: "ecr:TagResource", on: there, because: "identity" }),
        "InvalidParameterException",
      ]);
    }
    const { tags } = await ecr(administrator, "us-west-1").listTagsForResource({ resourceArn: there });
    expect(tags).toEqual([]);
  });

  test("a list that names nothing is not everything", async () => {
    const who = await newUser(
      allowing("ecr:DescribeRepositories", { Resource: repositoryArn(owner, "app") }),
    );
    expect(await verdictOf(ecr(who).describeRepositories({ repositoryNames: ["app"] }))).toBe("allowed");
    expect(await verdictOf(ecr(who).describeRepositories({}))).toContain("repository/*");
    const mixed = ecr(who).describeRepositories({ repositoryNames: ["app", "app2"] });
    expect(await verdictOf(mixed)).toContain("repository/app2 because");
    const nobody = await newUser();
    const empty: [operation: string, body: object][] = [
      ["DescribeRepositories", { repositoryNames: [] }],
      ["BatchGetImage", { repositoryName: "app/secret", imageIds: [] }],
      ["BatchDeleteImage", { repositoryName: "app/secret", imageIds: [] }],
      ["PutImage", { repositoryName: "app/secret", imageManifest: "{}" }],
    ];
    for (const [operation, input] of empty) {
      const body = JSON.stringify(input);
      const answer = await call(registry.server, { ...nobody.keys, operation, region, body });
      expect([operation, answer.status]).toEqual([operation, 400]);
      expect(answer.text).toMatch(/InvalidParameterException|AccessDeniedException/);
    }
  });

  test("a signature for one service is none for another", async () => {
    const target = { "x-amz-target": "AWSOrganizationsV20161128.ListAccounts" };
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const root = rootOf(registry.server).keys;
    const attempts = [
      { service: "ecr", headers: target, body: "{}" },
      { service: "sts", headers: form, body: "Action=CreateUser&UserName=x&Version=2010-05-08" },
      { service: "iam", headers: form, body: "Action=GetSessionToken&Version=2011-06-15" },
    ];
    for (const attempt of attempts) {
      const answer = await call(registry.server, { ...root, ...attempt });
      expect(answer.status).toBeOneOf([400, 403]);
    }
  });
});

describe("tags of a repository", () => {
  const tag = (Key: string, Value: string) => ({ Key, Value });
  const Condition = { StringEquals: { "aws:ResourceTag/team": "red" } };

  test("are not replaced by those whose keys differ in case alone: where both are, a policy means neither", async () => {
    const who = await newUser(allowing("ecr:ListImages", { Condition }));
    const not = { StringNotEquals: { "aws:ResourceTag/team": "red" } };
    const kept = await newUser(
      allowing("ecr:ListImages"),
      policyOf({ Effect: "Deny", Action: "ecr:*", Resource: "*", Condition: not }),
    );
    for (const [first, second] of [
      ["team", "Team"],
      ["Team", "team"],
    ] as const) {
      const repositoryName = unique("tricks/tagged");
      await admin().createRepository({ repositoryName, tags: [tag(first, "blue")] });
      const resourceArn = repositoryArn(owner, repositoryName);
      await admin().tagResource({ resourceArn, tags: [tag(second, "red")] });
      expect(await list(who, repositoryName)).toContain("no identity-based policy");
      expect(await list(kept, repositoryName)).toContain("explicit deny");
      await admin().untagResource({ resourceArn, tagKeys: [first] });
      expect(await list(who, repositoryName)).toBe("allowed");
      expect(await list(kept, repositoryName)).toBe("allowed");
    }
  });

  test("are what was asked about: a second key is no way to bring another value in", async () => {
    const right = { StringEquals: { "aws:RequestTag/team": "red" } };
    const maker = await newUser(allowing(["ecr:CreateRepository", "ecr:TagResource"], { Condition: right }));
    const create = (...tags: ReturnType<typeof tag>[]) =>
      verdictOf(ecr(maker).createRepository({ repositoryName: unique("tricks/made"), tags }));
    expect(await create(tag("team", "red"))).toBe("allowed");
    for (const values of [
      ["red", "blue"],
      ["blue", "red"],
    ] as const) {
      const [first, second] = values;
      expect(await create(tag("team", first), tag("Team", second))).toContain("no identity-based policy");
      // Of one key twice the last is asked about, and kept.
      const verdict = await create(tag("team", first), tag("team", second));
      expect(verdict === "allowed").toBe(second === "red");
    }
  });
});

describe("layers", () => {
  const pushing = [
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
  ];
  const own = async (...more: object[]) => {
    const name = await repository();
    const reading = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"];
    const mine = { Effect: "Allow", Action: [...pushing, ...reading], Resource: repositoryArn(owner, name) };
    return { at: pathOf(owner, name), who: await newUser(policyOf(mine, ...(more as never[]))) };
  };

  test("are not mounted from a repository that one may not read", async () => {
    const onSecret = { Effect: "Allow", Resource: repositoryArn(owner, "app/secret") };
    const { at, who } = await own({ ...onSecret, Action: "ecr:BatchCheckLayerAvailability" });
    const { digest: unknown } = blobBody();
    const from = encodeURIComponent("app/secret");
    const queries = [
      `mount=${secret.layer}&from=${from}`,
      `mount=${secret.layer}`,
      `mount=${unknown}&from=${from}`,
      `mount=${secret.layer}&from=${encodeURIComponent(`${owner}.${region}/app/secret`)}`,
      `mount=${secret.layer}&from=${from}&from=app`,
    ];
    // What is there and what is not look the same: an upload begins.
    for (const query of queries)
      expect([query, (await asDocker(`POST ${at}/blobs/uploads/?${query}`, who)).status]).toEqual([
        query,
        202,
      ]);
    expect((await asDocker(`GET ${at}/blobs/${secret.layer}`, who)).status).toBe(404);

    const reader = await own({ ...onSecret, Action: "ecr:GetDownloadUrlForLayer" });
    const mounted = await asDocker(`POST ${reader.at}/blobs/uploads/?${queries[0]}`, reader.who);
    expect(mounted.status).toBe(201);
  });

  test("are not had by naming them in a manifest of one's own", async () => {
    const { at, who } = await own();
    const mine = await pushImage(registry.server, at, { as: who, tag: "v1" });
    const { layers } = JSON.parse(new TextDecoder().decode(secret.manifest));
    const { config } = JSON.parse(new TextDecoder().decode(mine.manifest));
    const put = await asDocker(`PUT ${at}/manifests/v2`, who, {
      body: imageManifest(config, layers),
      headers: imageType,
    });
    expect(put.status).toBe(404);
    expect(put.message).toContain(secret.layer);
    expect((await asDocker(`GET ${at}/blobs/${secret.layer}`, who)).status).toBe(404);
    expect((await asDocker(`GET ${at}/manifests/${secret.digest}`, who)).status).toBe(404);
  });

  test("an upload is reached in its own repository alone", async () => {
    const [mine, other] = [await own(), await own()];
    const begun = await asDocker(`POST ${other.at}/blobs/uploads/`, other.who);
    const id = begun.headers.get("docker-upload-uuid");
    const { body, digest } = blobBody();
    for (const [method, query] of [
      ["GET", ""],
      ["PATCH", ""],
      ["PUT", `?digest=${digest}`],
      ["DELETE", ""],
    ]) {
      const more = method === "PATCH" || method === "PUT" ? { body } : {};
      const here = await asDocker(`${method} ${mine.at}/blobs/uploads/${id}${query}`, mine.who, more);
      expect([method, here.status]).toEqual([method, 404]);
      const there = await asDocker(`${method} ${other.at}/blobs/uploads/${id}${query}`, mine.who, more);
      expect([method, there.status]).toEqual([method, 403]);
    }
    const whole = await asDocker(`PUT ${other.at}/blobs/uploads/${id}?digest=${digest}`, other.who, { body });
    expect(whole.status).toBe(201);
  });
});
