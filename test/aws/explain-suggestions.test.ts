/**
 * What an explanation suggests is enough: a request that is refused on every side is made again and again, and after
 * each refusal what was suggested is done, to the letter, on the side that was named. It ends with a success.
 */
import { beforeAll, expect, test } from "bun:test";
import {
  account,
  allowing,
  assume,
  ecrOf,
  organizations,
  type Person,
  pathOf,
  policyOf,
  pushImage,
  repositoryArn,
  role,
  type Statement,
  user,
} from "../support/access.ts";
import { explain } from "../support/answers.ts";
import { iam, type Keys } from "../support/iam.ts";
import { registryForFile, unique } from "../support/oci.ts";

const registry = registryForFile();
const server = () => registry.server;

let owner: Person;
let guests: Person;

beforeAll(async () => {
  owner = await account(server(), "222222222222");
  guests = await account(server(), "111111111111");
});

type Sides = Readonly<Record<string, (statement: Statement) => Promise<unknown>>>;
type Failed = Error & { $metadata?: { requestId?: string; httpStatusCode?: number } };

/** Makes the request until it succeeds; resolves with the sides that were mended, in their order. */
async function mend(request: () => Promise<unknown>, sides: Sides): Promise<string[]> {
  const mended: string[] = [];
  while (mended.length < 10) {
    const refused = await request().then(
      () => undefined,
      (error: Failed) => error,
    );
    if (refused === undefined) return mended;
    expect(refused.name).toMatch(/^AccessDenied/);
    const { allowed, missing, suggestions } = await explain(server(), {
      requestId: refused.$metadata?.requestId,
    });
    expect(allowed).toBe(false);
    expect(suggestions.map(({ side }) => side)).toEqual(missing);
    const { side = "", statement = "" } = suggestions[0] ?? {};
    const apply = sides[side];
    if (apply === undefined) throw new Error(`Nothing is known about the side '${side}'`);
    await apply(JSON.parse(statement));
    mended.push(side);
  }
  throw new Error(`It is refused still, after ${mended.join(", ")}`);
}

async function makeRepository() {
  const repositoryName = unique("mended");
  await ecrOf(server(), owner).createRepository({ repositoryName });
  await pushImage(server(), pathOf(owner.accountId, repositoryName), { as: owner, tag: "v1" });
  return {
    input: { registryId: owner.accountId, repositoryName, imageIds: [{ imageTag: "v1" }] },
    arn: repositoryArn(owner.accountId, repositoryName),
    repositoryName,
  };
}

/** A list of statements that is written anew with each of them. */
function collected(write: (text: string) => Promise<unknown>, first: readonly Statement[] = []) {
  const statements = [...first];
  return async (statement: Statement) => {
    statements.push(statement);
    await write(policyOf(...statements));
  };
}

const onRepository = (repositoryName: string) =>
  collected((policyText) => ecrOf(server(), owner).setRepositoryPolicy({ repositoryName, policyText }));

const onUser = ({ name }: Person) =>
  collected((PolicyDocument) =>
    iam(server(), guests.keys).putUserPolicy({ UserName: name, PolicyName: "mended", PolicyDocument }),
  );

test("for a user of another account with a boundary, in an organization that allows little", async () => {
  const theirs = iam(server(), guests.keys);
  const { Policy: boundary } = await theirs.createPolicy({
    PolicyName: "bound",
    PolicyDocument: allowing("s3:*"),
  });
  const PolicyArn = boundary?.Arn ?? "";
  const guest = await user(server(), guests, { boundary: PolicyArn });
  const { input, repositoryName } = await makeRepository();

  const organization = organizations(server());
  const few = { Effect: "Allow", Action: ["iam:*", "sts:*"], Resource: "*" };
  const { Policy: scp } = await organization.createPolicy({
    Name: "few",
    Description: "",
    Type: "SERVICE_CONTROL_POLICY",
    Content: policyOf(few),
  });
  const PolicyId = scp?.PolicySummary?.Id ?? "";
  await organization.attachPolicy({ PolicyId, TargetId: guests.accountId });
  await organization.detachPolicy({ PolicyId: "p-FullAWSAccess", TargetId: guests.accountId });

  const sides = {
    scp: collected((Content) => organization.updatePolicy({ PolicyId, Content }), [few]),
    resource: onRepository(repositoryName),
    identity: onUser(guest),
    boundary: collected(
      (PolicyDocument) => theirs.createPolicyVersion({ PolicyArn, PolicyDocument, SetAsDefault: true }),
      [{ Effect: "Allow", Action: "s3:*", Resource: "*" }],
    ),
  };
  expect(await mend(() => ecrOf(server(), guest).batchGetImage(input), sides)).toEqual([
    "scp",
    "resource",
    "identity",
    "boundary",
  ]);
  // One statement for each action, as small as it can be: nothing else has become possible.
  const describe = () =>
    ecrOf(server(), guest).describeImages({ registryId: owner.accountId, repositoryName });
  await expect(describe()).rejects.toThrow("no service control policy allows the ecr:DescribeImages action");
  expect(await mend(describe, sides)).toEqual(["scp", "resource", "identity", "boundary"]);
  await organization.attachPolicy({ PolicyId: "p-FullAWSAccess", TargetId: guests.accountId });
});

test("for a session of a role that nobody trusts, and that was narrowed when it began", async () => {
  const doer = await user(server(), guests);
  const { arn, name } = await role(server(), owner, { trusts: owner.arn });
  const client = iam(server(), owner.keys);
  let keys: Keys | undefined;
  let Policy = allowing("s3:*");

  const begin = async () => {
    keys = await assume(server(), doer, { RoleArn: arn, Policy });
  };
  expect(
    await mend(begin, {
      trust: collected((PolicyDocument) => client.updateAssumeRolePolicy({ RoleName: name, PolicyDocument })),
      identity: onUser(doer),
    }),
  ).toEqual(["trust", "identity"]);

  const { input } = await makeRepository();
  const pull = () => ecrOf(server(), { keys: keys as Keys }).batchGetImage(input);
  const session = collected(async (text) => {
    Policy = text;
    await begin();
  });
  const identity = collected((PolicyDocument) =>
    client.putRolePolicy({ RoleName: name, PolicyName: "mended", PolicyDocument }),
  );
  // The role's account owns the repository, so its policy is not asked.
  expect(await mend(pull, { session, identity })).toEqual(["identity", "session"]);
});

test("for an action on the registry, which the registry's policy has to give to others", async () => {
  const guest = await user(server(), guests);
  const repositoryName = unique("mended");
  const policy = collected((policyText) => ecrOf(server(), owner).putRegistryPolicy({ policyText }));
  const create = () =>
    ecrOf(server(), guest).createRepository({ registryId: owner.accountId, repositoryName });
  expect(await mend(create, { resource: policy, identity: onUser(guest) })).toEqual(["resource", "identity"]);
  const { repositories } = await ecrOf(server(), owner).describeRepositories({
    repositoryNames: [repositoryName],
  });
  expect(repositories).toHaveLength(1);
  await ecrOf(server(), owner).deleteRegistryPolicy({});
});

test("for who asks for a token first", async () => {
  const guest = await user(server(), guests);
  const ask = () => ecrOf(server(), guest).getAuthorizationToken({});
  expect(await mend(ask, { identity: onUser(guest) })).toEqual(["identity"]);
});

test("for docker without credentials, when everybody may have it", async () => {
  const { arn, repositoryName, input } = await makeRepository();
  const manifest = `${server().url}${pathOf(owner.accountId, repositoryName)}/manifests/${input.imageIds[0]?.imageTag}`;
  const { status, headers } = await fetch(manifest);
  expect(status).toBe(401);
  const requestId = headers.get("x-request-id") ?? "";
  const explanation = await explain(server(), { requestId });
  expect(explanation).toMatchObject({ principal: "anonymous", resource: arn, missing: ["resource"] });
  const [suggestion] = explanation.suggestions;
  await onRepository(repositoryName)(JSON.parse(suggestion?.statement ?? ""));
  expect((await fetch(manifest)).status).toBe(200);
});

test("and no statement is suggested against a denial, which only its owner can change", async () => {
  const guest = await user(server(), guests, { policies: [allowing("ecr:*")] });
  const { input, repositoryName, arn } = await makeRepository();
  await ecrOf(server(), owner).setRepositoryPolicy({
    repositoryName,
    policyText: policyOf({ Effect: "Deny", Principal: "*", Action: "ecr:BatchGetImage" }),
  });
  await expect(ecrOf(server(), guest).batchGetImage(input)).rejects.toThrow(
    "explicit deny in a resource-based policy",
  );
  const asked = { principal: guest.arn, action: "ecr:BatchGetImage", resource: arn };
  const { suggestions } = await explain(server(), asked, guests);
  expect(suggestions).toEqual([
    {
      side: "resource",
      text: "A policy that is not yours to read denies this, and no permission outweighs a denial. Its owner can tell which.",
    },
  ]);
});
