/** The rules by which policies come together, one by one, and the words of a refusal. */
import { describe, expect, test } from "bun:test";
import { type PolicySource, readPolicy } from "./document.ts";
import { type AccessRequest, type Decision, decide, type Policies } from "./evaluate.ts";
import { explain } from "./explain.ts";
import type { PolicyKind } from "./kinds.ts";
import type { RequestPrincipal } from "./principals.ts";

type Member = Readonly<Record<string, unknown>>;

const own = "111122223333";
const other = "444455556666";
const repository = `arn:aws:ecr:us-east-1:${own}:repository/team-a/service`;

function policy(kind: PolicyKind, statements: readonly Member[], options: Partial<PolicySource> = {}) {
  const text = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  const reading = readPolicy({ kind, name: `the ${kind} policy`, text, ...options });
  if ("problems" in reading) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

/** A policy of one statement about everything that the kind can speak of. */
function simple(kind: PolicyKind, effect: "Allow" | "Deny", change: Member = {}) {
  const isOwners = kind === "repository" || kind === "registry" || kind === "trust";
  return policy(kind, [
    {
      Effect: effect,
      Action: kind === "trust" ? "sts:*" : "ecr:*",
      ...(isOwners && { Principal: "*" }),
      ...(kind !== "trust" && { Resource: "*" }),
      ...change,
    },
  ]);
}

const ann = (accountId: string): RequestPrincipal => ({
  kind: "user",
  arn: `arn:aws:iam::${accountId}:user/ann`,
  accountId,
  uniqueId: "AIDAEXAMPLEEXAMPLE123",
});
const session = (accountId: string): RequestPrincipal => ({
  kind: "role-session",
  arn: `arn:aws:sts::${accountId}:assumed-role/ci/build-7`,
  accountId,
  roleArn: `arn:aws:iam::${accountId}:role/jobs/ci`,
  uniqueId: "AROAEXAMPLEEXAMPLE123",
});
const federated = (accountId: string): RequestPrincipal => ({
  kind: "federated-user",
  arn: `arn:aws:sts::${accountId}:federated-user/fred`,
  accountId,
  userArn: `arn:aws:iam::${accountId}:user/ann`,
  uniqueId: "AIDAEXAMPLEEXAMPLE123",
});
const root = (accountId: string): RequestPrincipal => ({
  kind: "root",
  arn: `arn:aws:iam::${accountId}:root`,
  accountId,
});
const anonymous: RequestPrincipal = { kind: "anonymous" };
const lambda: RequestPrincipal = { kind: "service", arn: "lambda.amazonaws.com" };

type Asked = Partial<Omit<AccessRequest, "context">> & {
  context?: Readonly<Record<string, readonly string[]>>;
};

function ask(asked: Asked, policies: Partial<Policies>): Decision {
  const { context = {}, ...rest } = asked;
  const request: AccessRequest = {
    principal: ann(own),
    action: "ecr:PutImage",
    resource: repository,
    resourceAccountId: own,
    context: new Map(Object.entries(context)),
    ...rest,
  };
  const all: Policies = { identity: [], scps: [], resource: [], ...policies };
  const decision = decide(request, all);
  // One engine: the explanation comes to the same decision by the same way.
  expect(explain(request, all).decision).toEqual(decision);
  return decision;
}

/** `"allowed"`, `"denied by SIDE"`, or the missing sides. */
function outcome(asked: Asked, policies: Partial<Policies>): string {
  const decision = ask(asked, policies);
  if (decision.allowed) return "allowed";
  return decision.deniedBy ? `denied by ${decision.deniedBy.side}` : decision.missing.join(" ");
}

const allowIdentity = { identity: [simple("identity", "Allow")] };
const repositoryFor = (principal: unknown, effect: "Allow" | "Deny" = "Allow") => ({
  resource: [simple("repository", effect, { Principal: principal })],
});

describe("in one account", () => {
  test("nothing allows: the identity's side is missing", () => {
    expect(outcome({}, {})).toBe("identity");
    expect(outcome({ principal: session(own) }, {})).toBe("identity");
  });

  test("the identity's policy or the repository's is enough", () => {
    expect(outcome({}, allowIdentity)).toBe("allowed");
    expect(outcome({}, repositoryFor({ AWS: `arn:aws:iam::${own}:user/ann` }))).toBe("allowed");
    expect(outcome({}, repositoryFor("*"))).toBe("allowed");
    expect(
      outcome({ principal: session(own) }, repositoryFor({ AWS: `arn:aws:iam::${own}:role/jobs/ci` })),
    ).toBe("allowed");
  });

  test("naming the account leaves it to the identity's policies", () => {
    for (const principal of [own, `arn:aws:iam::${own}:root`]) {
      expect(outcome({}, repositoryFor({ AWS: principal }))).toBe("identity");
      expect(outcome({}, { ...repositoryFor({ AWS: principal }), ...allowIdentity })).toBe("allowed");
      expect(outcome({ principal: root(own) }, repositoryFor({ AWS: principal }))).toBe("allowed");
    }
  });

  test("a denial anywhere wins", () => {
    const everything: Policies = {
      identity: [simple("identity", "Allow")],
      boundary: simple("boundary", "Allow"),
      session: [simple("session", "Allow")],
      scps: [[simple("scp", "Allow")]],
      resource: [simple("repository", "Allow"), simple("registry", "Allow")],
    };
    const principal = session(own);
    expect(outcome({ principal }, everything)).toBe("allowed");
    const { identity, scps, resource } = everything;
    expect(
      outcome({ principal }, { ...everything, identity: [...identity, simple("identity", "Deny")] }),
    ).toBe("denied by identity");
    expect(outcome({ principal }, { ...everything, boundary: simple("boundary", "Deny") })).toBe(
      "denied by boundary",
    );
    expect(outcome({ principal }, { ...everything, session: [simple("session", "Deny")] })).toBe(
      "denied by session",
    );
    expect(outcome({ principal }, { ...everything, scps: [...scps, [simple("scp", "Deny")]] })).toBe(
      "denied by scp",
    );
    for (const kind of ["repository", "registry"] as const)
      expect(outcome({ principal }, { ...everything, resource: [...resource, simple(kind, "Deny")] })).toBe(
        "denied by resource",
      );
  });

  test("of several statements that decide, the first is named", () => {
    const twice = (sids: readonly string[], Effect: string) =>
      policy(
        "identity",
        sids.map((Sid) => ({ Sid, Effect, Action: "ecr:*", Resource: "*" })),
      );
    const cited = (sid: string, statement: number) => ({
      side: "identity" as const,
      policy: "the identity policy",
      statement,
      sid,
    });
    expect(ask({}, { identity: [twice(["A", "B"], "Allow"), twice(["C"], "Allow")] })).toEqual({
      allowed: true,
      by: [cited("A", 1)],
    });
    const denying = [twice(["A"], "Allow"), twice(["B", "C"], "Deny"), twice(["D"], "Deny")];
    expect(ask({}, { identity: denying })).toEqual({
      allowed: false,
      deniedBy: cited("B", 1),
      missing: [],
    });
  });

  test("the order of statements and of policies does not matter", () => {
    const both = [
      { Effect: "Deny", Action: "ecr:Put*", Resource: "*" },
      { Effect: "Allow", Action: "*", Resource: "*" },
    ];
    for (const statements of [both, both.toReversed()])
      expect(outcome({}, { identity: [policy("identity", statements)] })).toBe("denied by identity");
  });
});

describe("boundary and session policy", () => {
  const tight = simple("boundary", "Allow", { Action: "ecr:ListImages" });
  const tightSession = [simple("session", "Allow", { Action: "ecr:ListImages" })];

  test("limit what identity policies give", () => {
    expect(outcome({}, { ...allowIdentity, boundary: tight })).toBe("boundary");
    expect(outcome({}, { boundary: simple("boundary", "Allow") })).toBe("identity");
    expect(outcome({ principal: session(own) }, { ...allowIdentity, session: tightSession })).toBe("session");
    expect(outcome({ principal: session(own) }, { ...allowIdentity, session: [] })).toBe("session");
    expect(
      outcome({ principal: session(own) }, { ...allowIdentity, boundary: tight, session: tightSession }),
    ).toBe("boundary session");
  });

  test("limit what a resource gives to a role, and not what it gives to the session or the user itself", () => {
    const limits = { boundary: tight, session: tightSession };
    const principal = session(own);
    expect(
      outcome({ principal }, { ...repositoryFor({ AWS: `arn:aws:iam::${own}:role/jobs/ci` }), ...limits }),
    ).toBe("boundary session");
    expect(
      outcome(
        { principal },
        { ...repositoryFor({ AWS: `arn:aws:sts::${own}:assumed-role/ci/build-7` }), ...limits },
      ),
    ).toBe("allowed");
    expect(outcome({}, { ...repositoryFor({ AWS: `arn:aws:iam::${own}:user/ann` }), boundary: tight })).toBe(
      "allowed",
    );
    expect(outcome({ principal }, { ...repositoryFor("*"), ...limits })).toBe("allowed");
    expect(outcome({ principal }, { ...repositoryFor({ AWS: own }), ...allowIdentity, ...limits })).toBe(
      "boundary session",
    );
  });

  test("the most direct permission counts, wherever it stands", () => {
    const role = simple("repository", "Allow", { Principal: { AWS: `arn:aws:iam::${own}:role/jobs/ci` } });
    const itself = simple("repository", "Allow", {
      Principal: { AWS: `arn:aws:sts::${own}:assumed-role/ci/build-7` },
    });
    for (const resource of [
      [role, itself],
      [itself, role],
    ])
      expect(outcome({ principal: session(own) }, { resource, session: tightSession })).toBe("allowed");
  });

  test("of another account's session limit it whatever the resource says", () => {
    const resource = repositoryFor({ AWS: `arn:aws:sts::${other}:assumed-role/ci/build-7` });
    const principal = session(other);
    expect(outcome({ principal }, { ...resource, ...allowIdentity })).toBe("allowed");
    expect(outcome({ principal }, { ...resource, ...allowIdentity, session: tightSession })).toBe("session");
    expect(outcome({ principal }, { ...resource, ...allowIdentity, boundary: tight })).toBe("boundary");
  });

  test("a federated user has its user's boundary", () => {
    const principal = federated(own);
    const passed = [simple("session", "Allow")];
    expect(outcome({ principal }, { ...allowIdentity, session: passed, boundary: tight })).toBe("boundary");
    expect(outcome({ principal }, { ...allowIdentity, session: [], boundary: tight })).toBe(
      "boundary session",
    );
  });

  test("a session policy binds sessions only", () => {
    expect(outcome({}, { ...allowIdentity, session: [] })).toBe("allowed");
  });

  test("a federated user without a session policy has what names it directly", () => {
    const principal = federated(own);
    expect(outcome({ principal }, allowIdentity)).toBe("session");
    expect(outcome({ principal }, { ...allowIdentity, session: [simple("session", "Allow")] })).toBe(
      "allowed",
    );
    expect(outcome({ principal }, repositoryFor({ AWS: `arn:aws:sts::${own}:federated-user/fred` }))).toBe(
      "allowed",
    );
    expect(outcome({ principal }, repositoryFor({ AWS: `arn:aws:iam::${own}:user/ann` }))).toBe("session");
  });
});

describe("across accounts", () => {
  const principal = ann(other);
  test("both sides have to allow", () => {
    expect(outcome({ principal }, {})).toBe("resource identity");
    expect(outcome({ principal }, allowIdentity)).toBe("resource");
    for (const named of [other, `arn:aws:iam::${other}:root`, `arn:aws:iam::${other}:user/ann`, "*"]) {
      expect(outcome({ principal }, repositoryFor({ AWS: named }))).toBe("identity");
      expect(outcome({ principal }, { ...repositoryFor({ AWS: named }), ...allowIdentity })).toBe("allowed");
    }
    expect(outcome({ principal }, { ...repositoryFor({ AWS: own }), ...allowIdentity })).toBe("resource");
  });

  test("the registry's policy is as good as the repository's", () => {
    expect(outcome({ principal }, { ...allowIdentity, resource: [simple("registry", "Allow")] })).toBe(
      "allowed",
    );
    expect(
      outcome(
        { principal },
        { ...allowIdentity, resource: [simple("registry", "Allow"), simple("repository", "Deny")] },
      ),
    ).toBe("denied by resource");
  });

  test("the other account's root needs the owner's permission alone", () => {
    expect(outcome({ principal: root(other) }, {})).toBe("resource");
    expect(outcome({ principal: root(other) }, repositoryFor({ AWS: other }))).toBe("allowed");
  });

  test("the same name in another account is somebody else", () => {
    expect(
      outcome({ principal }, { ...repositoryFor({ AWS: `arn:aws:iam::${own}:user/ann` }), ...allowIdentity }),
    ).toBe("resource");
  });
});

describe("the root", () => {
  test("may do everything in its own account, unless the organisation does not allow it", () => {
    const principal = root(own);
    expect(outcome({ principal }, {})).toBe("allowed");
    expect(outcome({ principal, action: "ecr:ReplicateImage" }, {})).toBe("allowed");
    expect(outcome({ principal }, { scps: [[]] })).toBe("scp");
    expect(outcome({ principal }, { scps: [[simple("scp", "Deny")]] })).toBe("denied by scp");
    expect(
      outcome(
        { principal },
        { boundary: simple("boundary", "Deny"), identity: [simple("identity", "Deny")] },
      ),
    ).toBe("allowed");
  });

  test("is denied what a repository denies everyone, and can always repair the policy", () => {
    const principal = root(own);
    const locked = repositoryFor("*", "Deny");
    expect(outcome({ principal }, locked)).toBe("denied by resource");
    for (const action of ["ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy"])
      expect(outcome({ principal, action }, locked)).toBe("allowed");
    for (const action of ["ecr:GetRegistryPolicy", "ecr:PutRegistryPolicy", "ecr:DeleteRegistryPolicy"])
      expect(outcome({ principal, action, resource: "*" }, { resource: [simple("registry", "Deny")] })).toBe(
        "allowed",
      );
    const action = "ecr:SetRepositoryPolicy";
    expect(outcome({ principal, action }, { ...locked, scps: [[simple("scp", "Deny")]] })).toBe(
      "denied by scp",
    );
    expect(outcome({ principal: ann(own), action }, { ...locked, ...allowIdentity })).toBe(
      "denied by resource",
    );
    expect(outcome({ principal: root(other), action }, locked)).toBe("denied by resource");
  });
});

describe("service control policies", () => {
  test("have to allow on every level", () => {
    const allow = [simple("scp", "Allow")];
    const silent = [simple("scp", "Allow", { Action: "iam:*" })];
    expect(outcome({}, { ...allowIdentity, scps: [allow, allow, allow] })).toBe("allowed");
    expect(outcome({}, { ...allowIdentity, scps: [allow, silent, allow] })).toBe("scp");
    expect(outcome({}, { ...allowIdentity, scps: [allow, [...silent, ...allow]] })).toBe("allowed");
    expect(outcome({}, { ...allowIdentity, scps: [allow, []] })).toBe("scp");
  });

  test("give nothing, and bind a permission for the user itself too", () => {
    expect(outcome({}, { scps: [[simple("scp", "Allow")]] })).toBe("identity");
    expect(outcome({}, { ...repositoryFor({ AWS: `arn:aws:iam::${own}:user/ann` }), scps: [[]] })).toBe(
      "scp",
    );
  });

  test("do not bind whom no account holds", () => {
    for (const principal of [anonymous, lambda])
      expect(outcome({ principal }, { ...repositoryFor("*"), scps: [[simple("scp", "Deny")]] })).toBe(
        "allowed",
      );
  });
});

describe("whom no account holds", () => {
  test("somebody anonymous comes in by a star alone", () => {
    expect(outcome({ principal: anonymous }, allowIdentity)).toBe("resource");
    expect(outcome({ principal: anonymous }, repositoryFor("*"))).toBe("allowed");
    expect(outcome({ principal: anonymous }, repositoryFor({ AWS: "*" }))).toBe("allowed");
    expect(outcome({ principal: anonymous }, repositoryFor({ AWS: [own, other] }))).toBe("resource");
    expect(outcome({ principal: anonymous }, repositoryFor("*", "Deny"))).toBe("denied by resource");
  });

  test("a service comes in by its name", () => {
    const named = repositoryFor({ Service: ["codebuild.amazonaws.com", "lambda.amazonaws.com"] });
    expect(outcome({ principal: lambda }, named)).toBe("allowed");
    expect(outcome({ principal: { kind: "service", arn: "ecs.amazonaws.com" } }, named)).toBe("resource");
    expect(outcome({}, named)).toBe("identity");
    // A user cannot have the name of a service.
    const pretender: RequestPrincipal = {
      kind: "user",
      arn: "lambda.amazonaws.com",
      accountId: own,
      uniqueId: "A",
    };
    expect(outcome({ principal: pretender }, named)).toBe("identity");
  });
});

describe("principals", () => {
  const allows = (principal: RequestPrincipal, named: unknown, uniqueIds?: ReadonlyMap<string, string>) => {
    const resource = [
      policy("repository", [{ Effect: "Allow", Principal: named, Action: "ecr:PutImage" }], {
        ...(uniqueIds && { uniqueIds }),
      }),
    ];
    return outcome({ principal }, { resource }) === "allowed";
  };

  test.each<[named: string, principal: RequestPrincipal, expected: boolean]>([
    [`arn:aws:iam::${own}:user/ann`, ann(own), true],
    [`arn:aws:iam::${own}:user/Ann`, ann(own), false],
    [`arn:aws:iam::${own}:user/an`, ann(own), false],
    [`arn:aws:iam::${own}:user/path/ann`, ann(own), false],
    [`arn:aws:iam::${own}:role/jobs/ci`, session(own), true],
    [`arn:aws:iam::${own}:role/ci`, session(own), false],
    [`arn:aws:sts::${own}:assumed-role/ci/build-7`, session(own), true],
    [`arn:aws:sts::${own}:assumed-role/ci/build-8`, session(own), false],
    ["AIDAEXAMPLEEXAMPLE123", ann(own), true],
    ["AROAEXAMPLEEXAMPLE123", session(own), true],
    ["AROAEXAMPLEEXAMPLE123", ann(own), false],
  ])("%s and %o: %p", (named, principal, expected) => {
    expect(allows(principal, { AWS: named })).toBe(expected);
  });

  test("an ARN with a unique id beside it means that identity and none that is made anew", () => {
    const arn = `arn:aws:iam::${own}:user/ann`;
    expect(allows(ann(own), { AWS: arn }, new Map([[arn, "AIDAEXAMPLEEXAMPLE123"]]))).toBe(true);
    expect(allows(ann(own), { AWS: arn }, new Map([[arn, "AIDAEARLIEREARLIER123"]]))).toBe(false);
  });

  describe("NotPrincipal", () => {
    const spared = (principal: RequestPrincipal, named: unknown, policies: Partial<Policies> = {}) => {
      const resource = [policy("repository", [{ Effect: "Deny", NotPrincipal: named, Action: "ecr:*" }])];
      return outcome({ principal }, { ...allowIdentity, resource, ...policies }) !== "denied by resource";
    };
    const user = `arn:aws:iam::${own}:user/ann`;
    const role = `arn:aws:iam::${own}:role/jobs/ci`;
    const itself = `arn:aws:sts::${own}:assumed-role/ci/build-7`;

    test("spares a user whose account is named too", () => {
      expect(spared(ann(own), { AWS: [user, own] })).toBe(true);
      expect(spared(ann(own), { AWS: user })).toBe(false);
      expect(spared(ann(own), { AWS: own })).toBe(false);
      expect(spared(root(own), { AWS: own })).toBe(true);
    });

    test("spares a session whose role and account are named too", () => {
      expect(spared(session(own), { AWS: [itself, role, own] })).toBe(true);
      expect(spared(session(own), { AWS: [itself, own] })).toBe(false);
      expect(spared(session(own), { AWS: [role, own] })).toBe(false);
    });

    test("spares nobody who has a boundary", () => {
      const boundary = simple("boundary", "Allow");
      expect(spared(ann(own), { AWS: [user, own] }, { boundary })).toBe(false);
      expect(spared(session(own), { AWS: [itself, role, own] }, { boundary })).toBe(false);
      // Those cannot have one, so that it is passed over.
      expect(spared(root(own), { AWS: own }, { boundary })).toBe(true);
      expect(spared(lambda, { Service: "lambda.amazonaws.com" }, { boundary })).toBe(true);
    });

    test("never spares somebody anonymous, and spares a service by name", () => {
      expect(spared(anonymous, { AWS: own })).toBe(false);
      expect(spared(lambda, { Service: "lambda.amazonaws.com" })).toBe(true);
      expect(spared(lambda, { AWS: own })).toBe(false);
    });

    test("with Allow gives to nobody who is named in any form", () => {
      const resource = (named: unknown) => [
        policy("repository", [{ Effect: "Allow", NotPrincipal: named, Action: "ecr:*" }]),
      ];
      expect(outcome({}, { resource: resource({ AWS: other }) })).toBe("allowed");
      expect(outcome({ principal: anonymous }, { resource: resource({ AWS: other }) })).toBe("allowed");
      for (const named of [user, own, "*"])
        expect(outcome({}, { resource: resource({ AWS: named }) })).toBe("identity");
    });
  });
});

describe("what a policy of its kind can grant", () => {
  const all: Policies = {
    identity: [simple("identity", "Allow")],
    scps: [],
    resource: [simple("repository", "Allow"), simple("registry", "Allow")],
  };
  const by = (kind: "identity" | "repository" | "registry"): Policies => ({
    identity: kind === "identity" ? all.identity : [],
    scps: [],
    resource: all.resource.filter((some) => some.kind === kind),
  });

  test.each<[action: string, identity: string, repository: string, registry: string]>([
    ["ecr:PutImage", "allowed", "allowed", "allowed"],
    ["ecr:BatchImportUpstreamImage", "allowed", "allowed", "allowed"],
    ["ecr:CreateRepository", "allowed", "identity", "allowed"],
    ["ecr:GetAuthorizationToken", "allowed", "identity", "identity"],
    ["ecr:CreatePullThroughCacheRule", "allowed", "identity", "identity"],
    ["ecr:ReplicateImage", "resource", "resource", "allowed"],
    ["ECR:REPLICATEIMAGE", "resource", "resource", "allowed"],
  ])("%s: identity %s, repository %s, registry %s", (action, identity, repositorys, registry) => {
    expect(outcome({ action }, by("identity"))).toBe(identity);
    expect(outcome({ action }, by("repository"))).toBe(repositorys);
    expect(outcome({ action }, by("registry"))).toBe(registry);
  });

  test("replication from another account needs the registry's policy alone", () => {
    const asked = { action: "ecr:ReplicateImage", principal: ann(other) };
    expect(outcome(asked, by("registry"))).toBe("allowed");
    expect(outcome(asked, by("identity"))).toBe("resource");
  });

  test("a denial counts in all of them", () => {
    const resource = [simple("repository", "Deny")];
    expect(outcome({ action: "ecr:GetAuthorizationToken" }, { ...allowIdentity, resource })).toBe(
      "denied by resource",
    );
  });

  test("a registry's policy of scope V1 counts for its three actions", () => {
    const registry = (effect: string) =>
      policy(
        "registry",
        [{ Effect: effect, Principal: "*", Action: "ecr:CreateRepository", Resource: "*" }],
        { scope: "V1" },
      );
    expect(outcome({ action: "ecr:CreateRepository" }, { resource: [registry("Allow")] })).toBe("allowed");
    const before = { ...simple("registry", "Deny"), scope: "V1" } as const;
    expect(outcome({}, { ...allowIdentity, resource: [before] })).toBe("allowed");
    expect(outcome({ action: "ecr:CreateRepository" }, { ...allowIdentity, resource: [before] })).toBe(
      "denied by resource",
    );
  });
});

describe("assuming a role", () => {
  const role = `arn:aws:iam::${own}:role/deploy`;
  const asked = { action: "sts:AssumeRole", resource: role };
  const allowSts = { identity: [simple("identity", "Allow", { Action: "sts:*" })] };
  const trust = (principal: unknown, change: Member = {}) => ({
    resource: [simple("trust", "Allow", { Principal: principal, ...change })],
  });

  test("needs the role's trust in any account", () => {
    expect(outcome(asked, allowSts)).toBe("trust");
    expect(outcome({ ...asked, principal: root(own) }, {})).toBe("trust");
    expect(outcome(asked, trust({ AWS: `arn:aws:iam::${own}:user/ann` }))).toBe("allowed");
    expect(outcome(asked, trust({ AWS: own }))).toBe("identity");
    expect(outcome(asked, { ...trust({ AWS: own }), ...allowSts })).toBe("allowed");
    expect(
      outcome({ ...asked, principal: ann(other) }, trust({ AWS: `arn:aws:iam::${other}:user/ann` })),
    ).toBe("identity");
    expect(outcome({ ...asked, principal: ann(other) }, { ...trust({ AWS: other }), ...allowSts })).toBe(
      "allowed",
    );
  });

  test("is never given by a repository's policy or a registry's, and a role's trust gives nothing else", () => {
    const resource = [
      simple("repository", "Allow", { Action: "*" }),
      simple("registry", "Allow", { Action: "*" }),
    ];
    expect(outcome(asked, { resource, ...allowSts })).toBe("trust");
    expect(outcome({ ...asked, principal: anonymous }, { resource })).toBe("trust");
    const denials = resource.map(({ kind }) => simple(kind, "Deny", { Action: "*" }));
    expect(outcome(asked, { resource: [...denials, ...trust("*").resource] })).toBe("allowed");
    expect(outcome({ principal: anonymous }, trust("*"))).toBe("resource");
  });

  test("is bound by boundary, session and service control policies like everything else", () => {
    const account = { ...trust({ AWS: own }), ...allowSts };
    const tight = (kind: PolicyKind) => simple(kind, "Allow", { Action: "ecr:*" });
    expect(outcome(asked, { ...account, boundary: tight("boundary") })).toBe("boundary");
    expect(outcome(asked, { ...account, scps: [[tight("scp")]] })).toBe("scp");
    const principal = session(own);
    expect(outcome({ ...asked, principal }, { ...account, session: [tight("session")] })).toBe("session");
    // A trust that names the role itself stands for its identity policy, and not for its limits.
    const itsRole = trust({ AWS: `arn:aws:iam::${own}:role/jobs/ci` });
    expect(outcome({ ...asked, principal }, itsRole)).toBe("allowed");
    expect(outcome({ ...asked, principal }, { ...itsRole, session: [tight("session")] })).toBe("session");
  });

  test("of the session's tags and source identity is asked of the trust too", () => {
    for (const action of ["sts:TagSession", "sts:SetSourceIdentity", "STS:tagsession"]) {
      const tagging = { ...asked, action, principal: ann(other) };
      expect(outcome(tagging, { ...trust({ AWS: other }, { Action: "sts:AssumeRole" }), ...allowSts })).toBe(
        "trust",
      );
      expect(outcome(tagging, { ...trust({ AWS: other }), ...allowSts })).toBe("allowed");
    }
  });

  test("by a token of a provider needs its name", () => {
    const provider = `arn:aws:iam::${own}:oidc-provider/token.example.com`;
    const principal: RequestPrincipal = { kind: "web-identity", arn: provider };
    const web = { ...asked, action: "sts:AssumeRoleWithWebIdentity", principal };
    expect(outcome(web, trust({ Federated: provider }))).toBe("allowed");
    expect(outcome(web, trust({ Federated: `${provider}2` }))).toBe("trust");
    expect(outcome(web, trust({ AWS: own }))).toBe("trust");
    const claims = trust(
      { Federated: provider },
      { Condition: { StringEquals: { "token.example.com:sub": "repo:team/app:ref:refs/heads/main" } } },
    );
    const subject = (sub: string) => ({ ...web, context: { "token.example.com:sub": [sub] } });
    expect(outcome(subject("repo:team/app:ref:refs/heads/main"), claims)).toBe("allowed");
    expect(outcome(subject("repo:team/app:pull_request"), claims)).toBe("trust");
    expect(outcome(web, claims)).toBe("trust");
  });

  test("a role that trusts itself alone can be assumed by its own sessions alone", () => {
    const itself = trust({ AWS: `arn:aws:iam::${own}:role/jobs/ci` });
    const itsOwn = { ...asked, resource: `arn:aws:iam::${own}:role/jobs/ci` };
    expect(outcome({ ...itsOwn, principal: session(own) }, itself)).toBe("allowed");
    expect(outcome({ ...itsOwn, principal: session(own) }, allowSts)).toBe("trust");
    expect(outcome({ ...itsOwn, principal: ann(own) }, { ...itself, ...allowSts })).toBe("trust");
  });

  test("asks for an external id against confused deputies", () => {
    const guarded = {
      ...trust({ AWS: other }, { Condition: { StringEquals: { "sts:ExternalId": "4711" } } }),
      ...allowSts,
    };
    const principal = ann(other);
    expect(outcome({ ...asked, principal, context: { "sts:externalid": ["4711"] } }, guarded)).toBe(
      "allowed",
    );
    expect(outcome({ ...asked, principal, context: { "sts:externalid": ["4712"] } }, guarded)).toBe("trust");
    expect(outcome({ ...asked, principal }, guarded)).toBe("trust");
  });
});

describe("actions and resources", () => {
  const allows = (statement: Member, asked: Asked = {}) =>
    outcome(asked, {
      identity: [policy("identity", [{ Effect: "Allow", Action: "*", Resource: "*", ...statement }])],
    }) === "allowed";

  test.each<[action: unknown, expected: boolean]>([
    ["ecr:PutImage", true],
    ["ECR:putimage", true],
    ["ecr:Put*", true],
    ["ecr:*Image", true],
    ["ecr:Put?mage", true],
    ["*:*", true],
    ["ecr:PutImage?", false],
    ["ecr:Put", false],
    ["ecr-public:*", false],
    [["ecr:ListImages", "ecr:PutImage"], true],
  ])("Action %p: %p", (action, expected) => {
    expect(allows({ Action: action })).toBe(expected);
    expect(allows({ Action: undefined, NotAction: action })).toBe(!expected);
  });

  const arn = (path: string) => `arn:aws:ecr:us-east-1:${own}:repository/${path}`;
  test.each<[resource: unknown, expected: boolean]>([
    [arn("team-a/service"), true],
    [arn("team-a/*"), true],
    [arn("team-a*"), true],
    [arn("*/service"), true],
    [arn("team-?/service"), true],
    [`arn:aws:ecr:*:${own}:repository/*`, true],
    [`arn:aws:ecr:*:*:repository/*`, true],
    ["arn:aws:ecr:*", true],
    [arn("team-a/Service"), false],
    [arn("TEAM-A/*"), false],
    [arn("team-a"), false],
    [arn("team-a/"), false],
    [arn("team-a/service/*"), false],
    [arn("team-ab/*"), false],
    [arn("team-a/service?"), false],
    [`arn:aws:ecr:us-east-1:${other}:repository/team-a/service`, false],
    [`arn:aws:ecr:eu-west-2:${own}:repository/team-a/service`, false],
    [`arn:aws:ECR:us-east-1:${own}:repository/team-a/service`, false],
    [`arn:aws:ecr-public::${own}:repository/team-a/service`, false],
    [[arn("x"), arn("team-a/service")], true],
  ])("Resource %p: %p", (resource, expected) => {
    expect(allows({ Resource: resource })).toBe(expected);
    expect(allows({ Resource: undefined, NotResource: resource })).toBe(!expected);
  });

  test("an action without a resource is matched by a star alone", () => {
    expect(allows({ Resource: "*" }, { resource: "*" })).toBe(true);
    expect(allows({ Resource: arn("*") }, { resource: "*" })).toBe(false);
  });

  test("variables in a resource", () => {
    const mine = { Resource: arn(`\${aws:PrincipalTag/team}/*`) };
    const team = (...values: string[]) => ({ context: { "aws:principaltag/team": values } });
    expect(allows(mine, team("team-a"))).toBe(true);
    expect(allows(mine, team("team-b"))).toBe(false);
    expect(allows(mine, team("*"))).toBe(false);
    expect(allows(mine, team("team-a", "team-b"))).toBe(false);
    expect(allows(mine)).toBe(false);
    expect(allows({ Resource: arn(`\${aws:PrincipalTag/team, 'team-a'}/*`) })).toBe(true);
    // Without a value it is like no resource, so that NotResource means all.
    expect(allows({ Resource: undefined, NotResource: mine.Resource })).toBe(true);
    expect(allows({ Resource: arn(`\${*}/*`) })).toBe(false);
  });
});

test("what finds values when they are asked for is a context, and is asked for what is needed alone", () => {
  const keys: string[] = [];
  const lazy = {
    get: (key: string) => {
      keys.push(key);
      return key === "aws:username" ? ["ann"] : undefined;
    },
  };
  const statements = [
    {
      Effect: "Deny",
      Action: "iam:*",
      Resource: "*",
      Condition: { Bool: { "aws:SecureTransport": "true" } },
    },
    {
      Effect: "Allow",
      Action: "ecr:*",
      Resource: "*",
      Condition: { StringEquals: { "aws:UserName": "ann" }, Null: { "aws:SourceIp": "true" } },
    },
  ];
  const request: AccessRequest = {
    principal: ann(own),
    action: "ecr:PutImage",
    resource: repository,
    resourceAccountId: own,
    context: lazy,
  };
  const policies = { identity: [policy("identity", statements)], scps: [], resource: [] };
  expect(decide(request, policies).allowed).toBe(true);
  expect(keys).toEqual(["aws:username", "aws:sourceip"]);
});

describe("explanations", () => {
  const request = (change: Asked = {}): AccessRequest => ({
    principal: session(other),
    action: "ecr:BatchGetImage",
    resource: repository,
    resourceAccountId: own,
    ...change,
    context: new Map(Object.entries(change.context ?? {})),
  });

  test("say of every statement what did not fit first", () => {
    const statements = [
      { Sid: "one", Effect: "Allow", Action: "ecr:PutImage", Resource: "*" },
      { Sid: "two", Effect: "Allow", Action: "ecr:*", Resource: `${repository}/x` },
      {
        Sid: "three",
        Effect: "Allow",
        Action: "ecr:*",
        Resource: "*",
        Condition: {
          Bool: { "aws:SecureTransport": "true" },
          StringEquals: { "ecr:ResourceTag/team": ["blue", "green"] },
        },
      },
      { Effect: "Allow", Action: "ecr:*", Resource: "*" },
    ];
    const { considered, decision } = explain(
      request({ context: { "aws:securetransport": ["true"], "ecr:resourcetag/team": ["red"] } }),
      {
        scps: [[simple("scp", "Allow")]],
        identity: [policy("identity", statements)],
        resource: [simple("repository", "Allow", { Principal: { AWS: own } })],
      },
    );
    expect(decision).toEqual({ allowed: false, deniedBy: undefined, missing: ["resource"] });
    expect(considered).toEqual([
      {
        side: "resource",
        name: "the repository policy",
        statements: [{ number: 1, sid: undefined, effect: "Allow", matched: false, failed: "principal" }],
      },
      {
        side: "scp",
        name: "the scp policy",
        statements: [{ number: 1, sid: undefined, effect: "Allow", matched: true }],
      },
      {
        side: "identity",
        name: "the identity policy",
        statements: [
          { number: 1, sid: "one", effect: "Allow", matched: false, failed: "action" },
          { number: 2, sid: "two", effect: "Allow", matched: false, failed: "resource" },
          {
            number: 3,
            sid: "three",
            effect: "Allow",
            matched: false,
            failed: "condition",
            operator: "StringEquals",
            key: "ecr:ResourceTag/team",
            wanted: ["blue", "green"],
            saw: ["red"],
          },
          { number: 4, sid: undefined, effect: "Allow", matched: true },
        ],
      },
    ]);
  });

  test("say which kind of policy cannot grant it, and what does not bind the root", () => {
    const outcomes = (change: Asked, policies: Partial<Policies>) =>
      explain(request(change), { scps: [], identity: [], resource: [], ...policies }).considered.flatMap(
        ({ statements }) => statements.map((statement) => (statement.matched ? "matched" : statement.failed)),
      );
    expect(
      outcomes({ action: "ecr:GetAuthorizationToken" }, { resource: [simple("repository", "Allow")] }),
    ).toEqual(["grant"]);
    expect(
      outcomes(
        { principal: root(own), action: "ecr:SetRepositoryPolicy" },
        { resource: [simple("repository", "Deny")] },
      ),
    ).toEqual(["root"]);
  });

  test("a policy that is attached twice is asked twice", () => {
    const scp = simple("scp", "Allow");
    const { considered } = explain(request(), { scps: [[scp], [scp]], identity: [], resource: [] });
    expect(considered.map(({ side, statements }) => [side, statements.length])).toEqual([
      ["scp", 1],
      ["scp", 1],
    ]);
  });

  test.each<[name: string, asked: Asked, policies: Partial<Policies>, because: string]>([
    [
      "identity",
      { principal: ann(own) },
      {},
      "because no identity-based policy allows the ecr:BatchGetImage action",
    ],
    ["resource", {}, allowIdentity, "because no resource-based policy allows the ecr:BatchGetImage action"],
    ["both", {}, {}, "because no resource-based policy allows the ecr:BatchGetImage action"],
    [
      "boundary",
      { principal: ann(own) },
      { ...allowIdentity, boundary: simple("boundary", "Allow", { Action: "s3:*" }) },
      "because no permissions boundary allows the ecr:BatchGetImage action",
    ],
    [
      "session",
      { principal: session(own) },
      { ...allowIdentity, session: [] },
      "because no session policy allows the ecr:BatchGetImage action",
    ],
    [
      "scp",
      { principal: ann(own) },
      { scps: [[]] },
      "because no service control policy allows the ecr:BatchGetImage action",
    ],
    [
      "identity denies",
      { principal: ann(own) },
      { identity: [simple("identity", "Deny")] },
      "with an explicit deny in an identity-based policy",
    ],
    ["resource denies", {}, repositoryFor("*", "Deny"), "with an explicit deny in a resource-based policy"],
    [
      "boundary denies",
      { principal: ann(own) },
      { boundary: simple("boundary", "Deny") },
      "with an explicit deny in a permissions boundary",
    ],
    [
      "session denies",
      {},
      { session: [simple("session", "Deny")] },
      "with an explicit deny in a session policy",
    ],
    [
      "scp denies",
      {},
      { scps: [[simple("scp", "Deny")]], ...repositoryFor("*", "Deny") },
      "with an explicit deny in a service control policy",
    ],
  ])("the sentence when %s", (_, asked, policies, because) => {
    const asking = request(asked);
    const { sentence } = explain(asking, { scps: [], identity: [], resource: [], ...policies });
    const arn = asking.principal.kind === "anonymous" ? "" : asking.principal.arn;
    expect(sentence).toBe(
      `User: ${arn} is not authorized to perform: ecr:BatchGetImage on resource: ${repository} ${because}`,
    );
  });

  test("the sentence for a role's trust, for nobody, and for an action without a resource", () => {
    const none = { scps: [], identity: [], resource: [] };
    const role = `arn:aws:iam::${own}:role/deploy`;
    expect(explain(request({ action: "sts:AssumeRole", resource: role }), none).sentence).toBe(
      `User: arn:aws:sts::${other}:assumed-role/ci/build-7 is not authorized to perform: sts:AssumeRole on resource: ${role} because no role trust policy allows the sts:AssumeRole action`,
    );
    expect(explain(request({ principal: anonymous }), none).sentence).toStartWith(
      "User: anonymous is not authorized",
    );
    expect(
      explain(request({ principal: ann(own), action: "ecr:GetAuthorizationToken", resource: "*" }), none)
        .sentence,
    ).toBe(
      `User: arn:aws:iam::${own}:user/ann is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action`,
    );
    expect(explain(request({ principal: root(own) }), none).sentence).toBeUndefined();
  });

  test("the smallest statements to add are enough", () => {
    const asking = request();
    const { suggestions } = explain(asking, { scps: [[]], identity: [], session: [], resource: [] });
    expect(suggestions).toEqual([
      {
        side: "scp",
        text: "Add this statement to a service control policy on each level that does not allow it.",
        statement: { Effect: "Allow", Action: "ecr:BatchGetImage", Resource: repository },
      },
      {
        side: "resource",
        text: `Add this statement to the repository policy of ${repository}.`,
        statement: {
          Effect: "Allow",
          Principal: { AWS: `arn:aws:iam::${other}:role/jobs/ci` },
          Action: "ecr:BatchGetImage",
        },
      },
      {
        side: "identity",
        text: `Add this statement to an identity policy of arn:aws:iam::${other}:role/jobs/ci.`,
        statement: { Effect: "Allow", Action: "ecr:BatchGetImage", Resource: repository },
      },
      {
        side: "session",
        text: "Add this statement to the policy that is passed when the session is made.",
        statement: { Effect: "Allow", Action: "ecr:BatchGetImage", Resource: repository },
      },
    ]);
    const made = (side: string, kind: PolicyKind) =>
      policy(kind, [suggestions.find((some) => some.side === side)?.statement ?? {}]);
    expect(
      decide(asking, {
        scps: [[made("scp", "scp")]],
        resource: [made("resource", "repository")],
        identity: [made("identity", "identity")],
        session: [made("session", "session")],
      }).allowed,
    ).toBe(true);
  });

  test("against a denial nothing is to be added", () => {
    const policies = {
      scps: [],
      identity: [],
      resource: [policy("repository", [{ Sid: "No", Effect: "Deny", Principal: "*", Action: "*" }])],
    };
    expect(explain(request(), policies).suggestions).toEqual([
      {
        side: "resource",
        text: 'Statement 1 ("No") of the repository policy denies this, and no permission outweighs a denial. Narrow or remove that statement.',
      },
    ]);
  });

  test("where the repository's policy cannot help, the registry's or nobody's can", () => {
    const suggested = (action: string, principal: RequestPrincipal, context: Asked["context"] = {}) =>
      explain(request({ action, principal, context }), { scps: [], identity: [], resource: [] })
        .suggestions[0];
    expect(suggested("ecr:CreateRepository", root(other))?.text).toBe(
      `Add this statement to the registry policy of account ${own}.`,
    );
    expect(suggested("ecr:CreatePullThroughCacheRule", root(other))).toEqual({
      side: "resource",
      text: `No policy of account ${own} can grant ecr:CreatePullThroughCacheRule to others. Ask as an identity of that account.`,
    });
    expect(suggested("ecr:BatchGetImage", anonymous)?.statement?.Principal).toBe("*");
    expect(suggested("ecr:BatchGetImage", lambda, { "aws:sourceaccount": [other] })?.statement).toEqual({
      Effect: "Allow",
      Principal: { Service: "lambda.amazonaws.com" },
      Action: "ecr:BatchGetImage",
      Condition: { StringEquals: { "aws:SourceAccount": other } },
    });
  });
});
