/** Explain of Lading's own service: the decision, what decided, what was asked, and what would change it. */
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
  type Person,
  pathOf,
  policyOf,
  pushImage,
  region,
  repositoryArn,
  role,
  rootOf,
  sharing,
  sts,
  user,
} from "../support/access.ts";
import {
  answer,
  badParameter,
  type Explanation,
  expectRefusal,
  explain,
  refusedId,
} from "../support/answers.ts";
import { iam } from "../support/iam.ts";
import { audience, startIssuer } from "../support/issuer.ts";
import { registryForFile, unique } from "../support/oci.ts";

const registry = registryForFile();
const server = () => registry.server;

let owner: Person;
let guests: Person;
let root: Person;

beforeAll(async () => {
  root = rootOf(server());
  owner = await account(server(), "222222222222");
  guests = await account(server(), "111111111111");
});

/** A repository of `owner` with an image `v1`, its ARN, and its path at the registry door. */
async function makeRepository(policyText?: string) {
  const repositoryName = unique("explained");
  const ecr = ecrOf(server(), owner);
  await ecr.createRepository({ repositoryName });
  const at = pathOf(owner.accountId, repositoryName);
  const { digest } = await pushImage(server(), at, { as: owner, tag: "v1" });
  if (policyText !== undefined) await ecr.setRepositoryPolicy({ repositoryName, policyText });
  const resource = repositoryArn(owner.accountId, repositoryName);
  return { repositoryName, resource, at, digest, registryId: owner.accountId };
}

const action = "ecr:BatchGetImage";
const ask = (principal: string, resource: string, context: Record<string, string[]> = {}) =>
  explain(server(), {
    principal,
    action,
    resource,
    context: Object.entries(context).map(([key, values]) => ({ key, values })),
  });

describe("a permission names the statements that give it", () => {
  test("of an identity policy, and of the resource's policy beside it between accounts", async () => {
    const guest = await user(server(), guests, { policies: [allowing("ecr:*")] });
    const own = await user(server(), owner, {
      policies: [
        policyOf({ Effect: "Allow", Action: "s3:*", Resource: "*" }),
        allowing(action, { Sid: "Pull" }),
      ],
    });
    const { resource } = await makeRepository(
      sharing(everyoneIn(guests.accountId), action, { Sid: "Share" }),
    );

    expect(await ask(own.arn, resource)).toMatchObject({
      principal: own.arn,
      action,
      resource,
      allowed: true,
      decidedBy: [
        { side: "identity", policy: `inline policy policy-2 of user ${own.name}`, statement: 1, sid: "Pull" },
      ],
      missing: [],
      suggestions: [],
    });
    const theirs = await ask(guest.arn, resource);
    expect(theirs.decidedBy).toEqual([
      { side: "resource", policy: `repository policy of ${resource}`, statement: 1, sid: "Share" },
      { side: "identity", policy: `inline policy policy-1 of user ${guest.name}`, statement: 1 },
    ]);
    expect(theirs.sentence).toBeUndefined();
  });

  test("or none, for the root of the account that owns it", async () => {
    const { resource } = await makeRepository();
    const { allowed, decidedBy, policies } = await ask(owner.accountId, resource);
    expect({ allowed, decidedBy }).toEqual({ allowed: true, decidedBy: [] });
    expect(new Set(policies.map(({ side }) => side))).toEqual(new Set(["scp"]));
  });

  test("for an action without a resource, in the account of who does it", async () => {
    const guest = await user(server(), guests, { policies: [allowing("ecr:GetAuthorizationToken")] });
    const asked = { principal: guest.arn, action: "ecr:GetAuthorizationToken", resource: "*" };
    expect(await explain(server(), asked)).toMatchObject({ allowed: true, missing: [] });
  });
});

describe("a refusal names the sides that do not allow", () => {
  test("identity, within an account", async () => {
    const { arn } = await user(server(), owner);
    const { resource } = await makeRepository();
    expect(await ask(arn, resource)).toMatchObject({
      allowed: false,
      sentence: denied(arn, { action, on: resource, because: "identity" }),
      decidedBy: [],
      missing: ["identity"],
      suggestions: [
        {
          side: "identity",
          text: `Add this statement to an identity policy of ${arn}.`,
          statement: JSON.stringify({ Effect: "Allow", Action: action, Resource: resource }),
        },
      ],
    });
  });

  test("resource and identity, between accounts; the sentence has the first", async () => {
    const { arn } = await user(server(), guests);
    const { resource } = await makeRepository();
    const { missing, sentence, suggestions } = await ask(arn, resource);
    expect(missing).toEqual(["resource", "identity"]);
    expect(sentence).toBe(denied(arn, { action, on: resource, because: "resource" }));
    expect(suggestions.map(({ side, text }) => ({ side, text }))).toEqual([
      { side: "resource", text: `Add this statement to the repository policy of ${resource}.` },
      { side: "identity", text: `Add this statement to an identity policy of ${arn}.` },
    ]);
  });

  test("resource, for who sends no credentials", async () => {
    const { resource } = await makeRepository();
    expect(await ask("anonymous", resource)).toMatchObject({
      principal: "anonymous",
      allowed: false,
      missing: ["resource"],
      sentence: denied("anonymous", { action, on: resource, because: "resource" }),
    });
  });

  test("boundary", async () => {
    const { Policy } = await iam(server(), owner.keys).createPolicy({
      PolicyName: unique("boundary"),
      PolicyDocument: allowing("s3:*"),
    });
    const { arn } = await user(server(), owner, { policies: [allowing("*")], boundary: Policy?.Arn ?? "" });
    const { resource } = await makeRepository();
    const { missing, sentence, policies } = await ask(arn, resource);
    expect(missing).toEqual(["boundary"]);
    expect(sentence).toBe(denied(arn, { action, on: resource, because: "boundary" }));
    expect(policies.find(({ side }) => side === "boundary")).toEqual({
      side: "boundary",
      name: `permissions boundary ${Policy?.Arn}`,
      hidden: false,
      statements: [{ statement: 1, effect: "Allow", outcome: "action" }],
    });
  });

  test("session, by the id of the session's request", async () => {
    const doer = await user(server(), owner, { policies: [allowing("sts:AssumeRole")] });
    const { arn, name } = await role(server(), owner, { trusts: doer.arn, managed: [administratorAccess] });
    const { repositoryName, resource } = await makeRepository();
    const keys = await assume(server(), doer, { RoleArn: arn, Policy: allowing("ecr:ListImages") });
    const requestId = await refusedId(
      ecrOf(server(), { keys }).batchGetImage({ repositoryName, imageIds: [{ imageTag: "v1" }] }),
    );
    const principal = `arn:aws:sts::${owner.accountId}:assumed-role/${name}/session`;
    const explanation = await explain(server(), { requestId }, owner);
    expect(explanation).toMatchObject({ principal, allowed: false, missing: ["session"] });
    expect(explanation.sentence).toBe(denied(principal, { action, on: resource, because: "session" }));
    // The same role in a session without a policy may.
    expect(await ask(arn, resource)).toMatchObject({ allowed: true });
  });

  test("trust, for a role that may be taken on by others", async () => {
    const { arn } = await user(server(), owner, { policies: [allowing("sts:AssumeRole")] });
    const trusting = await role(server(), guests, { trusts: guests.arn });
    const asked = { principal: arn, action: "sts:AssumeRole", resource: trusting.arn };
    const { missing, sentence, suggestions } = await explain(server(), asked);
    expect(missing).toEqual(["trust"]);
    expect(sentence).toBe(denied(arn, { action: "sts:AssumeRole", on: trusting.arn, because: "trust" }));
    expect(suggestions[0]?.text).toBe(`Add this statement to the trust policy of ${trusting.arn}.`);
  });
});

describe("a denial names the statement that denies", () => {
  const deny = { Sid: "Never", Effect: "Deny", Action: "ecr:Batch*", Resource: "*" };

  test("of an identity policy, a boundary, a repository policy and a registry policy", async () => {
    const { Policy } = await iam(server(), owner.keys).createPolicy({
      PolicyName: unique("boundary"),
      PolicyDocument: policyOf({ Effect: "Allow", Action: "*", Resource: "*" }, deny),
    });
    const open = await makeRepository();
    const { Resource: _, ...onResource } = deny;
    const closed = await makeRepository(
      policyOf({ ...onResource, Principal: { AWS: everyoneIn(owner.accountId) } }),
    );
    const byIdentity = await user(server(), owner, { policies: [allowing("*"), policyOf(deny)] });
    const byBoundary = await user(server(), owner, {
      policies: [allowing("*")],
      boundary: Policy?.Arn ?? "",
    });
    const free = await user(server(), owner, { policies: [allowing("*")] });
    const byRegistry = await user(server(), owner, { policies: [allowing("*")] });
    await ecrOf(server(), owner).putRegistryPolicy({
      policyText: policyOf({ ...deny, Principal: { AWS: byRegistry.arn } }),
    });

    const cases = [
      [byIdentity, open, "identity", `inline policy policy-2 of user ${byIdentity.name}`, 1],
      [byBoundary, open, "boundary", `permissions boundary ${Policy?.Arn}`, 2],
      [free, closed, "resource", `repository policy of ${closed.resource}`, 1],
      [byRegistry, open, "resource", `registry policy of account ${owner.accountId} in ${region}`, 1],
    ] as const;
    for (const [who, { resource }, side, policy, statement] of cases) {
      expect(await ask(who.arn, resource)).toMatchObject({
        allowed: false,
        sentence: denied(who.arn, { action, on: resource, because: `denied: ${side}` }),
        decidedBy: [{ side, policy, statement, sid: "Never" }],
        missing: [],
        suggestions: [
          {
            side,
            text: `Statement ${statement} ("Never") of ${policy} denies this, and no permission outweighs a denial. Narrow or remove that statement.`,
          },
        ],
      });
    }
    expect(await ask(free.arn, open.resource)).toMatchObject({ allowed: true });
    await ecrOf(server(), owner).deleteRegistryPolicy({});
  });
});

describe("a statement that does not apply says why", () => {
  test("its action, resource, principal, or the first condition that fails", async () => {
    const condition = {
      StringLike: { "ecr:ImageTag": ["prod-*", "v*"] },
      IpAddress: { "aws:SourceIp": "10.0.0.0/8" },
    };
    const { arn } = await user(server(), owner, {
      policies: [
        policyOf(
          { Sid: "Other", Effect: "Allow", Action: "ecr:PutImage", Resource: "*" },
          { Effect: "Allow", Action: "ecr:*", Resource: "arn:aws:ecr:*:*:repository/none" },
          { Sid: "Pull", Effect: "Allow", Action: action, Resource: "*", Condition: condition },
        ),
      ],
    });
    const { resource } = await makeRepository(sharing(everyoneIn(guests.accountId), action));
    const statementsOf = async (context?: Record<string, string[]>) => {
      const { policies } = await ask(arn, resource, context);
      return Object.fromEntries(policies.map(({ side, statements }) => [side, statements]));
    };
    const fixed = [
      { statement: 1, sid: "Other", effect: "Allow", outcome: "action" },
      { statement: 2, effect: "Allow", outcome: "resource" },
    ];
    const pull = { statement: 3, sid: "Pull", effect: "Allow" };

    const unknown = await statementsOf();
    expect(unknown.resource).toEqual([{ statement: 1, effect: "Allow", outcome: "principal" }]);
    expect(unknown.identity).toEqual([
      ...fixed,
      {
        ...pull,
        outcome: "condition",
        operator: "StringLike",
        key: "ecr:ImageTag",
        wanted: ["prod-*", "v*"],
      },
    ]);
    expect((await statementsOf({ "ecr:imagetag": ["dev"] })).identity?.[2]).toMatchObject({
      outcome: "condition",
      key: "ecr:ImageTag",
      saw: ["dev"],
    });
    const elsewhere = { "ecr:ImageTag": ["v1"], "aws:SourceIp": ["203.0.113.7"] };
    expect((await statementsOf(elsewhere)).identity?.[2]).toEqual({
      ...pull,
      outcome: "condition",
      operator: "IpAddress",
      key: "aws:SourceIp",
      wanted: ["10.0.0.0/8"],
      saw: ["203.0.113.7"],
    });
    const right = { "ecr:ImageTag": ["v1"], "aws:SourceIp": ["10.1.2.3"] };
    expect((await statementsOf(right)).identity?.[2]).toEqual({ ...pull, outcome: "matched" });
    expect(await ask(arn, resource, right)).toMatchObject({ allowed: true });
  });
});

describe("a request of the audit is explained by its id", () => {
  test("when docker was refused, whose answer has the id", async () => {
    const own = await user(server(), owner);
    const { at, resource } = await makeRepository();
    const { status, headers, text } = await docker(server(), `GET ${at}/manifests/v1`, { as: own });
    expect(status).toBe(403);
    const requestId = headers.get("x-request-id") ?? "";
    expect(JSON.parse(text)).toMatchObject({ errors: [{ code: "DENIED", detail: { requestId } }] });
    expect(await explain(server(), { requestId }, owner)).toMatchObject({
      principal: own.arn,
      action,
      resource,
      allowed: false,
      recorded: { allowed: false },
      missing: ["identity"],
    });
  });

  test("when an SDK was refused; with the policies of today, beside the answer of then", async () => {
    const own = await user(server(), owner);
    const { repositoryName } = await makeRepository();
    const requestId = await refusedId(
      ecrOf(server(), own).batchGetImage({ repositoryName, imageIds: [{ imageTag: "v1" }] }),
    );
    expect(await explain(server(), { requestId }, owner)).toMatchObject({ allowed: false });
    await iam(server(), owner.keys).putUserPolicy({
      UserName: own.name,
      PolicyName: "late",
      PolicyDocument: allowing(action),
    });
    const { allowed, recorded, decidedBy } = await explain(server(), { requestId }, owner);
    expect(allowed).toBe(true);
    expect(recorded?.allowed).toBe(false);
    expect(Math.abs((recorded?.at ?? 0) - Date.now() / 1000)).toBeLessThan(60);
    expect(decidedBy[0]?.policy).toBe(`inline policy late of user ${own.name}`);
  });

  test("with the address, the agent and the tags of the image that it had", async () => {
    const own = await user(server(), owner, {
      policies: [
        allowing(action, { Condition: { StringEquals: { "ecr:ImageTag": "v2" } } }),
        allowing(action, { Condition: { NotIpAddress: { "aws:SourceIp": "127.0.0.0/8" } } }),
        allowing(action, { Condition: { StringEquals: { "aws:UserAgent": "docker" } } }),
      ],
    });
    const { at, digest, repositoryName } = await makeRepository();
    const headers = { "user-agent": "curl/8" };
    const byDigest = await docker(server(), `GET ${at}/manifests/${digest}`, { as: own, headers });
    expect(byDigest.status).toBe(403);
    // Today it has none of the tags that it had.
    await ecrOf(server(), owner).batchDeleteImage({ repositoryName, imageIds: [{ imageTag: "v1" }] });
    const requestId = byDigest.headers.get("x-request-id") ?? "";
    const { policies } = await explain(server(), { requestId }, owner);
    const statements = policies.filter(({ side }) => side === "identity").flatMap((one) => one.statements);
    expect(statements).toMatchObject([
      { key: "ecr:ImageTag", saw: ["v1"] },
      { key: "aws:SourceIp", saw: ["127.0.0.1"] },
      { key: "aws:UserAgent", saw: ["curl/8"] },
    ]);
  });

  test("when it began an upload, with the right that was missing", async () => {
    const own = await user(server(), owner, { policies: [allowing("ecr:BatchGetImage")] });
    const { at } = await makeRepository();
    const { headers } = await docker(server(), `POST ${at}/blobs/uploads/`, { as: own });
    const requestId = headers.get("x-request-id") ?? "";
    expect(await explain(server(), { requestId }, owner)).toMatchObject({
      action: "ecr:InitiateLayerUpload",
      allowed: false,
    });
  });

  test("when a token of an identity provider was refused, with its claims", async () => {
    const issuer = startIssuer();
    const client = iam(server(), owner.keys);
    const { OpenIDConnectProviderArn: provider = "" } = await client.createOpenIDConnectProvider({
      Url: `https://${issuer.name}`,
      ClientIDList: [audience],
    });
    const { arn, name } = await role(server(), owner, {
      trusts: policyOf({
        Effect: "Allow",
        Principal: { Federated: provider },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: { StringEquals: { [`${issuer.name}:sub`]: "repo:lading/app" } },
      }),
    });
    const nobody = sts(server(), { keys: { accessKeyId: "", secretAccessKey: "" } });
    const token = {
      RoleArn: arn,
      RoleSessionName: "ci",
      WebIdentityToken: issuer.token({ sub: "repo:x/y" }),
    };
    const requestId = await refusedId(nobody.assumeRoleWithWebIdentity(token));
    const explanation = await explain(server(), { requestId }, owner);
    expect(explanation).toMatchObject({
      principal: provider,
      action: "sts:AssumeRoleWithWebIdentity",
      resource: arn,
      missing: ["trust"],
      policies: [
        {
          name: `trust policy of ${arn}`,
          statements: [{ key: `${issuer.name}:sub`, wanted: ["repo:lading/app"], saw: ["repo:x/y"] }],
        },
      ],
    });
    const { explanations } = await answer<{ explanations: Explanation[] }>(server(), "Explain", {
      as: owner,
      input: {
        principal: provider,
        action: "sts:AssumeRoleWithWebIdentity",
        resource: arn,
        context: [{ key: `${issuer.name}:sub`, values: ["repo:lading/app"] }],
      },
    });
    expect(explanations[0]?.allowed).toBe(true);
    await client.updateAssumeRolePolicy({
      RoleName: name,
      PolicyDocument: policyOf(JSON.parse(explanation.suggestions[0]?.statement ?? "")),
    });
    await nobody.assumeRoleWithWebIdentity(token);
    issuer.stop();
  });

  test("unless it was made by somebody who is gone, or was never asked for a right", async () => {
    const own = await user(server(), owner);
    const { repositoryName } = await makeRepository();
    const requestId = await refusedId(ecrOf(server(), own).describeImages({ repositoryName }));
    const theirs = iam(server(), owner.keys);
    await theirs.deleteAccessKey({ UserName: own.name, AccessKeyId: own.keys.accessKeyId });
    await theirs.deleteUser({ UserName: own.name });
    await expectRefusal(server(), "Explain", {
      input: { requestId },
      as: owner,
      ...badParameter(
        "requestId",
        `The request '${requestId}' was made by ${own.arn}, which is not there any more`,
      ),
    });

    const { headers } = await docker(server(), "GET /v2/", { as: root });
    const unasked = headers.get("x-request-id") ?? "";
    await expectRefusal(server(), "Explain", {
      input: { requestId: unasked },
      ...badParameter(
        "requestId",
        `The request '${unasked}' was never asked about permissions: CheckRegistryAccess needs none`,
      ),
    });
    const nowhere = "12345678-1234-1234-1234-123456789012";
    await expectRefusal(server(), "Explain", {
      input: { requestId: nowhere },
      ...badParameter(
        "requestId",
        `There is no request '${nowhere}' in the audit of account ${server().accountId}`,
      ),
    });
  });
});

describe("a bad question is refused", () => {
  const resource = "arn:aws:ecr:us-east-1:000000000000:repository/app";
  const principal = "arn:aws:iam::000000000000:root";
  const cases: [name: string, input: object, at: string, reason: string][] = [
    ["nothing", {}, "requestId", "Give a requestId, or a principal, an action and a resource"],
    [
      "no resource",
      { principal, action },
      "requestId",
      "Give a requestId, or a principal, an action and a resource",
    ],
    [
      "an unknown principal",
      { principal: "arn:aws:iam::000000000000:user/nobody", action, resource },
      "principal",
      "There is no principal 'arn:aws:iam::000000000000:user/nobody' here; give the ARN of a root, user, role, session or identity provider, an account's id, or 'anonymous'",
    ],
    [
      "a slip in the action",
      { principal, action: "ecr:BatchGetImages", resource },
      "action",
      "'ecr:BatchGetImages' is not an action; did you mean 'ecr:BatchGetImage'?",
    ],
    [
      "another service",
      { principal, action: "s3:GetObject", resource },
      "action",
      "'s3:GetObject' is not an action of this installation; services are ecr, sts, iam, organizations, cloudtrail, lading",
    ],
    [
      "a name in place of an ARN",
      { principal, action, resource: "app" },
      "resource",
      "'app' must be an ARN, such as arn:aws:ecr:us-east-1:111122223333:repository/app, or * for an action without a resource",
    ],
  ];
  for (const [name, input, at, reason] of cases)
    test(name, () => expectRefusal(server(), "Explain", { input, ...badParameter(at, reason) }));

  test("and so is who lacks lading:Explain", async () => {
    const { arn, keys } = await user(server(), root, { policies: [allowing("ecr:*")] });
    await expectRefusal(server(), "Explain", {
      input: { principal, action, resource },
      as: { keys },
      type: "AccessDeniedException",
      message: denied(arn, { action: "lading:Explain", on: "*", because: "identity" }),
    });
  });
});
