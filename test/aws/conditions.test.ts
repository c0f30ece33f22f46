/** Conditions with what a real request brings: its address behind proxies, its time, its tags, and who makes it. */
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
  loginOf,
  organizations,
  type Person,
  pathOf,
  policyOf,
  region,
  repositoryArn,
  role,
  type Statement,
  sharing,
  user,
  variable,
  verdictOf,
} from "../support/access.ts";
import { call } from "../support/aws.ts";
import { registryForFile, unique } from "../support/oci.ts";
import type { TestServer } from "../support/server.ts";

// The tests connect from 127.0.0.1: that is the nearest proxy here, and a stranger there.
const proxied = registryForFile({ args: ["--trusted-proxies", "127.0.0.1,192.0.2.0/24,2001:db8:1::/48"] });
const direct = registryForFile();

const owner = "222222222222";
const administrators = new Map<TestServer, Person>();
let organizationId: string;

beforeAll(async () => {
  for (const { server } of [proxied, direct]) administrators.set(server, await account(server, owner));
  const { Organization } = await organizations(direct.server).describeOrganization({});
  organizationId = Organization?.Id ?? "";
});

const administratorOf = (server: TestServer) => administrators.get(server) as Person;

async function repository(server: TestServer, name = unique("conditions/app")): Promise<string> {
  await ecrOf(server, administratorOf(server)).createRepository({ repositoryName: name });
  return name;
}

/** A user who may list images if `Condition` holds. */
function conditional(server: TestServer, Condition: Statement, more: Statement = {}): Promise<Person> {
  const policies = [allowing("ecr:ListImages", { Condition, ...more })];
  return user(server, administratorOf(server), { policies });
}

type Asking = { headers?: Record<string, string>; where?: string };

/** The verdict of both doors, which have to agree. */
async function ask(
  server: TestServer,
  who: Pick<Person, "keys">,
  { repositoryName, headers = {}, where = region }: Asking & { repositoryName: string },
): Promise<string> {
  const login = { authorization: await loginOf(server, who) };
  const byDocker = await verdictOf(
    docker(server, `GET /v2/${owner}.${where}/${repositoryName}/tags/list`, {
      headers: { ...login, ...headers },
    }),
  );
  const answer = await call(server, {
    ...who.keys,
    operation: "ListImages",
    region: where,
    headers,
    body: JSON.stringify({ registryId: owner, repositoryName }),
  });
  const { __type: type, message } = JSON.parse(answer.text) as { __type?: string; message?: string };
  const byAws = answer.status === 200 ? "allowed" : type === "AccessDeniedException" ? message : answer.text;
  expect(byAws).toBe(byDocker);
  return byDocker;
}

/** Which of the requests are allowed. */
async function allowed(
  server: TestServer,
  who: Pick<Person, "keys">,
  requests: Readonly<Record<string, Asking>>,
): Promise<string[]> {
  const repositoryName = await repository(server);
  const names = [];
  for (const [name, asking] of Object.entries(requests)) {
    const verdict = await ask(server, who, { repositoryName, ...asking });
    if (verdict === "allowed") names.push(name);
    else expect(verdict).toContain("because no identity-based policy allows the ecr:ListImages action");
  }
  return names;
}

const forwarded = (value: string): Asking => ({ headers: { "x-forwarded-for": value } });

describe("aws:SourceIp", () => {
  const inOffice = { IpAddress: { "aws:SourceIp": ["203.0.113.0/24", "2001:db8:2::/48"] } };

  test("is the last address that no trusted proxy wrote, whatever stands in front of it", async () => {
    const who = await conditional(proxied.server, inOffice);
    const requests = {
      office: forwarded("203.0.113.7"),
      "office, with a spoofed address": forwarded("198.51.100.1, 203.0.113.7"),
      "office, behind two proxies": forwarded("203.0.113.7, 192.0.2.5"),
      "office, behind three": forwarded("198.51.100.1,203.0.113.7 ,192.0.2.5,  192.0.2.6"),
      "office by IPv6": forwarded("2001:db8:2::7, 2001:db8:1::1"),
      "office as a mapped address": forwarded("::ffff:203.0.113.7"),
      "office, with a port": forwarded("198.51.100.1, 203.0.113.7:49152"),
      "office by IPv6, with a port": forwarded("[2001:db8:2::7]:49152"),
      stranger: forwarded("198.51.100.1"),
      "stranger, who spoofs the office": forwarded("203.0.113.7, 198.51.100.1"),
      "stranger, who spoofs it often": forwarded("203.0.113.7, 203.0.113.8, 198.51.100.1, 192.0.2.5"),
      "stranger, who spoofs a proxy": forwarded("203.0.113.7, 192.0.2.5, 198.51.100.1"),
      "stranger, who spoofs nonsense": forwarded("203.0.113.7, unknown, 198.51.100.1"),
      "nonsense from a proxy": forwarded("203.0.113.7, unknown"),
      "an octal look-alike": forwarded("0313.0.113.7"),
      "nothing forwarded": {},
      "an empty header": forwarded(""),
      "another header": { headers: { "x-real-ip": "203.0.113.7", forwarded: "for=203.0.113.7" } },
    };
    expect(await allowed(proxied.server, who, requests)).toEqual([
      "office",
      "office, with a spoofed address",
      "office, behind two proxies",
      "office, behind three",
      "office by IPv6",
      "office as a mapped address",
      "office, with a port",
      "office by IPv6, with a port",
    ]);
  });

  test("is the proxy's own when it forwards for nobody, and nobody's when it says no address", async () => {
    const who = await conditional(proxied.server, { IpAddress: { "aws:SourceIp": "127.0.0.0/8" } });
    const requests = {
      "nothing forwarded": {},
      "an empty header": forwarded(""),
      unknown: forwarded("unknown"),
      "unknown behind a proxy": forwarded("unknown, 192.0.2.5"),
      "half an address": forwarded("203.0.113"),
      "a name": forwarded("localhost"),
    };
    expect(await allowed(proxied.server, who, requests)).toEqual(["nothing forwarded", "an empty header"]);
  });

  test("is who connects where no proxy is trusted, whatever is forwarded", async () => {
    const requests = { plain: {}, forwarded: forwarded("203.0.113.7"), local: forwarded("127.0.0.1") };
    expect(await allowed(direct.server, await conditional(direct.server, inOffice), requests)).toEqual([]);
    const local = { IpAddress: { "aws:SourceIp": "127.0.0.0/8" } };
    const who = await conditional(direct.server, local);
    expect(await allowed(direct.server, who, requests)).toEqual(Object.keys(requests));
  });

  test("keeps out who does not come from the office, by a denial in the repository policy", async () => {
    const { server } = proxied;
    const repositoryName = await repository(server);
    const who = await user(server, administratorOf(server), { policies: [allowing("ecr:*")] });
    await ecrOf(server, administratorOf(server)).setRepositoryPolicy({
      repositoryName,
      policyText: sharing("*", "ecr:*", {
        Effect: "Deny",
        Condition: { NotIpAddress: { "aws:SourceIp": "203.0.113.0/24" } },
      }),
      force: true,
    });
    const refusal = denied(who.arn, {
      action: "ecr:ListImages",
      on: repositoryArn(owner, repositoryName),
      because: "denied: resource",
    });
    const from = (address: string) => ask(server, who, { repositoryName, ...forwarded(address) });
    expect(await from("203.0.113.7")).toBe("allowed");
    expect(await from("203.0.113.7, 198.51.100.1")).toBe(refusal);
    expect(await ask(server, who, { repositoryName })).toBe(refusal);
  });
});

describe("aws:SecureTransport", () => {
  const secure = { Bool: { "aws:SecureTransport": "true" } };
  const proto = (value: string): Asking => ({ headers: { "x-forwarded-proto": value } });
  const requests = {
    https: proto("https"),
    "https behind two": proto("http, https"),
    http: proto("http"),
    "http that says it was https before": proto("https, http"),
    "nothing said": {},
  };

  test("is what the nearest proxy says", async () => {
    const who = await conditional(proxied.server, secure);
    expect(await allowed(proxied.server, who, requests)).toEqual(["https", "https behind two"]);
  });

  test("is the connection's own where no proxy is trusted", async () => {
    const who = await conditional(direct.server, secure);
    expect(await allowed(direct.server, who, requests)).toEqual([]);
    const plain = await conditional(direct.server, { Bool: { "aws:SecureTransport": "false" } });
    expect(await allowed(direct.server, plain, requests)).toEqual(Object.keys(requests));
  });
});

describe("aws:CurrentTime", () => {
  const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
  const epoch = (minutes: number) => String(Math.floor(Date.now() / 1000) + minutes * 60);
  const rows: readonly [name: string, condition: () => Statement, isAllowed: boolean][] = [
    ["before the end", () => ({ DateLessThan: { "aws:CurrentTime": at(10) } }), true],
    ["after the end", () => ({ DateLessThan: { "aws:CurrentTime": at(-10) } }), false],
    ["after the beginning", () => ({ DateGreaterThan: { "aws:CurrentTime": at(-10) } }), true],
    ["before the beginning", () => ({ DateGreaterThan: { "aws:CurrentTime": at(10) } }), false],
    [
      "within a window of two conditions",
      () => ({
        DateGreaterThanEquals: { "aws:CurrentTime": at(-10) },
        DateLessThanEquals: { "aws:CurrentTime": at(10) },
      }),
      true,
    ],
    [
      "outside of a window",
      () => ({
        DateGreaterThan: { "aws:CurrentTime": at(-20) },
        DateLessThan: { "aws:CurrentTime": at(-10) },
      }),
      false,
    ],
    ["by seconds, before", () => ({ NumericLessThan: { "aws:EpochTime": epoch(10) } }), true],
    ["by seconds, after", () => ({ NumericLessThan: { "aws:EpochTime": epoch(-10) } }), false],
  ];
  test.each(rows)("%s", async (_, condition, isAllowed) => {
    const who = await conditional(direct.server, condition());
    expect(await allowed(direct.server, who, { now: {} })).toEqual(isAllowed ? ["now"] : []);
  });

  test("runs on: what was allowed ends by itself", async () => {
    const until = new Date(Date.now() + 1_000);
    const who = await conditional(direct.server, {
      DateLessThan: { "aws:CurrentTime": until.toISOString() },
    });
    const repositoryName = await repository(direct.server);
    expect(await ask(direct.server, who, { repositoryName })).toBe("allowed");
    await Bun.sleep(until.getTime() - Date.now() + 1);
    expect(await ask(direct.server, who, { repositoryName })).toContain("is not authorized");
  });
});

test("aws:RequestedRegion is the region of the address, and of the signature", async () => {
  const who = await conditional(direct.server, { StringEquals: { "aws:RequestedRegion": "eu-west-2" } });
  const { keys } = administratorOf(direct.server);
  const repositoryName = unique("conditions/regions");
  for (const where of ["eu-west-2", "us-west-1"])
    await ecrOf(direct.server, { keys }, where).createRepository({ repositoryName });
  expect(await ask(direct.server, who, { repositoryName })).toBe("allowed");
  expect(await ask(direct.server, who, { repositoryName, where: "us-west-1" })).toContain(
    `on resource: arn:aws:ecr:us-west-1:${owner}:repository/${repositoryName}`,
  );
});

test("aws:UserAgent is what the client says of itself", async () => {
  const who = await conditional(direct.server, { StringLike: { "aws:UserAgent": "docker/*" } });
  const agent = (value: string): Asking => ({ headers: { "user-agent": value } });
  const requests = { docker: agent("docker/28.0 go/1"), curl: agent("curl/8 docker/28"), none: agent("") };
  expect(await allowed(direct.server, who, requests)).toEqual(["docker"]);
});

describe("tags", () => {
  const { stringify } = JSON;
  const ownTeam = { StringEquals: { "aws:ResourceTag/team": variable("aws:PrincipalTag/team") } };
  const teamTag = (Value: string) => [{ Key: "team", Value }];
  const admin = () => ecrOf(direct.server, administratorOf(direct.server));
  const tagged = async (team?: string) => {
    const repositoryName = unique("conditions/tagged");
    await admin().createRepository({ repositoryName, tags: team === undefined ? [] : teamTag(team) });
    return repositoryName;
  };
  const member = (tags: Record<string, string>, ...policies: string[]) =>
    user(direct.server, administratorOf(direct.server), { tags, policies });

  test("of the repository and of who asks have to be the same", async () => {
    const policy = allowing("ecr:ListImages", { Condition: ownTeam });
    const [red, blue, none] = [await tagged("red"), await tagged("blue"), await tagged()];
    const opens = async (tags: Record<string, string>) => {
      const who = await member(tags, policy);
      const verdicts = [];
      for (const repositoryName of [red, blue, none])
        verdicts.push((await ask(direct.server, who, { repositoryName })) === "allowed");
      return verdicts;
    };
    expect(await opens({ team: "red" })).toEqual([true, false, false]);
    expect(await opens({ Team: "blue" })).toEqual([false, true, false]);
    expect(await opens({ team: "RED" })).toEqual([false, false, false]);
    expect(await opens({})).toEqual([false, false, false]);
  });

  test("of the repository are asked by ECR's key too", async () => {
    const Condition = { StringLike: { "ecr:ResourceTag/team": "r*" } };
    const who = await member({}, allowing("ecr:ListImages", { Condition }));
    expect(await ask(direct.server, who, { repositoryName: await tagged("red") })).toBe("allowed");
    expect(await ask(direct.server, who, { repositoryName: await tagged("blue") })).toContain("authorized");
  });

  test("of a session come in the role's place", async () => {
    const assumer = await member({}, allowing(["sts:AssumeRole", "sts:TagSession"]));
    const trusts = sharing(everyoneIn(owner), ["sts:AssumeRole", "sts:TagSession"]);
    const policies = [allowing("ecr:ListImages", { Condition: ownTeam }), allowing("ecr:GetAuth*")];
    const { arn } = await role(direct.server, administratorOf(direct.server), {
      trusts,
      policies,
      tags: { team: "red" },
    });
    const [red, blue] = [await tagged("red"), await tagged("blue")];
    const opens = async (Tags: { Key: string; Value: string }[]) => {
      const keys = await assume(direct.server, assumer, { RoleArn: arn, Tags });
      const verdicts = [];
      for (const repositoryName of [red, blue])
        verdicts.push((await ask(direct.server, { keys }, { repositoryName })) === "allowed");
      return verdicts;
    };
    expect(await opens([])).toEqual([true, false]);
    expect(await opens(teamTag("blue"))).toEqual([false, true]);
  });

  test("of a request say what may be made: the right team, and no keys but these", async () => {
    const who = await member(
      { team: "red" },
      allowing(["ecr:CreateRepository", "ecr:TagResource"], {
        Condition: {
          StringEquals: { "aws:RequestTag/team": variable("aws:PrincipalTag/team") },
          "ForAllValues:StringEquals": { "aws:TagKeys": ["team", "stage"] },
        },
      }),
    );
    const create = async (...tags: { Key: string; Value: string }[]) => {
      const repositoryName = unique("conditions/made");
      const made = ecrOf(direct.server, who).createRepository({ repositoryName, tags });
      const verdict = await verdictOf(made);
      if (verdict === "allowed") return "made";
      expect(verdict).toStartWith(`User: ${who.arn} is not authorized to perform: ecr:CreateRepository`);
      const there = admin().describeRepositories({ repositoryNames: [repositoryName] });
      await expect(there).rejects.toMatchObject({ name: "RepositoryNotFoundException" });
      return "refused";
    };
    expect(await create(...teamTag("red"))).toBe("made");
    expect(await create(...teamTag("red"), { Key: "stage", Value: "x" })).toBe("made");
    expect(await create(...teamTag("blue"))).toBe("refused");
    expect(await create()).toBe("refused");
    expect(await create(...teamTag("red"), { Key: "cost", Value: "1" })).toBe("refused");
  });

  test("of a request and of the repository meet in TagResource and UntagResource", async () => {
    const who = await member(
      {},
      policyOf(
        {
          Effect: "Allow",
          Action: ["ecr:TagResource", "ecr:UntagResource"],
          Resource: "*",
          Condition: {
            StringEquals: { "aws:ResourceTag/team": "red" },
            "ForAllValues:StringEquals": { "aws:TagKeys": ["stage"] },
          },
        },
        {
          Effect: "Deny",
          Action: "ecr:TagResource",
          Resource: "*",
          Condition: { StringEquals: { "aws:RequestTag/stage": "prod" } },
        },
      ),
    );
    const ecr = ecrOf(direct.server, who);
    const resourceArn = repositoryArn(owner, await tagged("red"));
    const others = repositoryArn(owner, await tagged("blue"));
    const tag = (arn: string, Key: string, Value: string) =>
      verdictOf(ecr.tagResource({ resourceArn: arn, tags: [{ Key, Value }] }));
    const refused = (action: string, on: string, because: string) =>
      denied(who.arn, { action: `ecr:${action}`, on, because });
    expect(await tag(resourceArn, "stage", "dev")).toBe("allowed");
    expect(await tag(resourceArn, "stage", "prod")).toBe(
      refused("TagResource", resourceArn, "denied: identity"),
    );
    expect(await tag(resourceArn, "team", "blue")).toBe(refused("TagResource", resourceArn, "identity"));
    expect(await tag(others, "stage", "dev")).toBe(refused("TagResource", others, "identity"));
    expect(await verdictOf(ecr.untagResource({ resourceArn, tagKeys: ["stage"] }))).toBe("allowed");
    expect(await verdictOf(ecr.untagResource({ resourceArn, tagKeys: ["stage", "team"] }))).toBe(
      refused("UntagResource", resourceArn, "identity"),
    );
    const { tags } = await admin().listTagsForResource({ resourceArn });
    expect(stringify(tags)).toBe(stringify(teamTag("red")));
  });
});

describe("of who asks", () => {
  const shared = async (more: Statement, principal = "*") => {
    const repositoryName = await repository(direct.server);
    await ecrOf(direct.server, administratorOf(direct.server)).setRepositoryPolicy({
      repositoryName,
      policyText: sharing(principal, "ecr:ListImages", more),
      force: true,
    });
    return repositoryName;
  };

  test("aws:PrincipalOrgID opens a repository to the whole organization, and to nobody else", async () => {
    const guest = await account(direct.server, "111111111111");
    const who = await user(direct.server, guest, { policies: [allowing("ecr:ListImages")] });
    const poor = await user(direct.server, guest);
    const condition = (id: string) => ({ Condition: { StringEquals: { "aws:PrincipalOrgID": id } } });
    const repositoryName = await shared(condition(organizationId));
    expect(await ask(direct.server, who, { repositoryName })).toBe("allowed");
    expect(await ask(direct.server, poor, { repositoryName })).toContain("no identity-based policy");
    const nobody = await docker(direct.server, `GET ${pathOf(owner, repositoryName)}/tags/list`);
    expect(nobody.status).toBe(401);
    const elsewhere = await shared(condition("o-elsewhere0"));
    expect(await ask(direct.server, who, { repositoryName: elsewhere })).toContain("no resource-based");
  });

  test("aws:PrincipalArn of a session is its role's", async () => {
    const assumer = await user(direct.server, administratorOf(direct.server), {
      policies: [allowing("sts:AssumeRole")],
    });
    const token = [allowing("ecr:GetAuthorizationToken")];
    const trusts = everyoneIn(owner);
    const make = (name: string) =>
      role(direct.server, administratorOf(direct.server), { name, trusts, policies: token });
    const [build, other] = [await make("build-app"), await make("other")];
    const arnLike = (arn: string) => ({ Condition: { ArnLike: { "aws:PrincipalArn": arn } } });
    const byRole = await shared(arnLike(`arn:aws:iam::${owner}:role/build-*`));
    const bySession = await shared(arnLike(`arn:aws:sts::${owner}:assumed-role/build-app/*`));
    const session = async ({ arn }: { arn: string }) => ({
      keys: await assume(direct.server, assumer, { RoleArn: arn, RoleSessionName: "build-1" }),
    });
    const [mine, theirs] = [await session(build), await session(other)];
    expect(await ask(direct.server, mine, { repositoryName: byRole })).toBe("allowed");
    expect(await ask(direct.server, theirs, { repositoryName: byRole })).toContain("not authorized");
    expect(await ask(direct.server, mine, { repositoryName: bySession })).toContain("not authorized");
    expect(await ask(direct.server, assumer, { repositoryName: byRole })).toContain("not authorized");
  });

  test("aws:username in a resource gives everybody a place of their own", async () => {
    const Resource = `arn:aws:ecr:*:${owner}:repository/home/${variable("aws:username")}/*`;
    const policy = allowing("ecr:ListImages", { Resource });
    const make = (name: string) =>
      user(direct.server, administratorOf(direct.server), { name, policies: [policy] });
    const [ann, anna] = [await make("ann"), await make("anna")];
    const theirs = await repository(direct.server, "home/ann/app");
    const also = await repository(direct.server, "home/anna/app");
    const verdict = async (who: Person, repositoryName: string) =>
      (await ask(direct.server, who, { repositoryName })) === "allowed";
    expect([await verdict(ann, theirs), await verdict(ann, also)]).toEqual([true, false]);
    expect([await verdict(anna, theirs), await verdict(anna, also)]).toEqual([false, true]);
    // A session has no user name, so for it there is no such place, and not every place.
    const assumer = await user(direct.server, administratorOf(direct.server), {
      policies: [allowing("sts:AssumeRole")],
    });
    const { arn } = await role(direct.server, administratorOf(direct.server), {
      trusts: everyoneIn(owner),
      policies: [policy, allowing("ecr:GetAuthorizationToken")],
    });
    const keys = await assume(direct.server, assumer, { RoleArn: arn, RoleSessionName: "ann" });
    expect(await ask(direct.server, { keys }, { repositoryName: theirs })).toContain("not authorized");
  });

  test("what a client says of itself is no wildcard in a resource", async () => {
    const Resource = `arn:aws:ecr:*:${owner}:repository/agent/${variable("aws:UserAgent")}/*`;
    const policies = [allowing("ecr:ListImages", { Resource })];
    const who = await user(direct.server, administratorOf(direct.server), { policies });
    const repositoryName = await repository(direct.server, "agent/ann/app");
    const verdict = async (agent: string) =>
      (await ask(direct.server, who, { repositoryName, headers: { "user-agent": agent } })) === "allowed";
    const agents = ["ann", "*", "a?n", "a", "ann/*", variable("*"), ""];
    const verdicts = [];
    for (const agent of agents) verdicts.push([agent, await verdict(agent)]);
    expect(verdicts).toEqual(agents.map((agent) => [agent, agent === "ann"]));
  });

  test("a condition on a key that nobody sends does not hold, and its opposite does", async () => {
    const who = await conditional(direct.server, { StringEquals: { "aws:SourceVpce": "vpce-1" } });
    const not = await conditional(direct.server, { StringNotEquals: { "aws:SourceVpce": "vpce-1" } });
    const requests = { plain: {}, header: { headers: { "x-aws-source-vpce": "vpce-1" } } };
    expect(await allowed(direct.server, who, requests)).toEqual([]);
    expect(await allowed(direct.server, not, requests)).toEqual(Object.keys(requests));
  });

  test("an administrator without conditions is asked none", async () => {
    const who = await user(direct.server, administratorOf(direct.server), {
      managed: [administratorAccess],
    });
    expect(await allowed(direct.server, who, { plain: {} })).toEqual(["plain"]);
  });
});
