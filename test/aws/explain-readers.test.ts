/** Who reads what of an explanation: each account its own policies, and of the other's no more than the refusal tells. */
import { beforeAll, expect, test } from "bun:test";
import {
  account,
  allowing,
  denied,
  ecrOf,
  everyoneIn,
  organizations,
  type Person,
  policyOf,
  repositoryArn,
  rootOf,
  sharing,
  user,
} from "../support/access.ts";
import { badParameter, type Explanation, expectRefusal, explain, refusedId } from "../support/answers.ts";
import { registryForFile } from "../support/oci.ts";

const registry = registryForFile();
const server = () => registry.server;

const action = "ecr:DescribeImages";
const repositoryName = "read/by-whom";
let owner: Person;
let guests: Person;
let third: Person;
let guest: Person;
let resource: string;
let requestId: string;

beforeAll(async () => {
  owner = await account(server(), "222222222222");
  guests = await account(server(), "111111111111");
  third = await account(server(), "333333333333");
  guest = await user(server(), guests, { policies: [allowing("ecr:PutImage", { Sid: "Secret" })] });
  resource = repositoryArn(owner.accountId, repositoryName);
  const ecr = ecrOf(server(), owner);
  await ecr.createRepository({ repositoryName });
  const policyText = sharing(everyoneIn(guests.accountId), "ecr:ListImages", { Sid: "Ours" });
  await ecr.setRepositoryPolicy({ repositoryName, policyText });
  requestId = await refusedId(
    ecrOf(server(), guest).describeImages({ registryId: owner.accountId, repositoryName }),
  );
});

/** By side: the names of its policies, and whether their statements can be read. */
function readable({ policies }: Explanation): Record<string, string> {
  return Object.fromEntries(
    policies.map(({ side, name, hidden, statements }) => {
      expect(statements.length === 0).toBe(hidden);
      return [side, hidden ? "hidden" : name];
    }),
  );
}

const questions = () => [{ requestId }, { principal: guest.arn, action, resource }];
const repositoryPolicy = () => `repository policy of ${resource}`;
const identityPolicy = () => `inline policy policy-1 of user ${guest.name}`;

test("the resource's owner reads its policy, and not those of who asked", async () => {
  for (const question of questions()) {
    const explanation = await explain(server(), question, owner);
    expect(readable(explanation)).toEqual({
      scp: "hidden",
      resource: repositoryPolicy(),
      identity: "hidden",
    });
    expect(explanation.missing).toEqual(["resource", "identity"]);
    expect(JSON.stringify(explanation)).not.toContain("Secret");
  }
});

test("the caller's account reads the caller's policies, and not the resource's", async () => {
  for (const question of questions()) {
    const explanation = await explain(server(), question, guests);
    expect(readable(explanation)).toEqual({
      scp: "hidden",
      resource: "hidden",
      identity: identityPolicy(),
    });
    expect(JSON.stringify(explanation)).not.toContain("Ours");
  }
});

test("the organization's management account reads all", async () => {
  for (const question of questions()) {
    expect(readable(await explain(server(), question))).toEqual({
      scp: expect.stringContaining("service control policy FullAWSAccess"),
      resource: repositoryPolicy(),
      identity: identityPolicy(),
    });
  }
});

test("a third account reads nothing, and learns of no request", async () => {
  await expectRefusal(server(), "Explain", {
    input: { principal: guest.arn, action, resource },
    as: third,
    type: "AccessDeniedException",
    message: `Only the account of the principal, the account ${owner.accountId} that owns ${resource}, and the organization's management account can read why`,
  });
  await expectRefusal(server(), "Explain", {
    input: { requestId },
    as: third,
    ...badParameter(
      "requestId",
      `There is no request '${requestId}' in the audit of account ${third.accountId}`,
    ),
  });
});

test("nor does it by asking about something that no account owns", async () => {
  await expectRefusal(server(), "Explain", {
    input: { principal: guest.arn, action: "ecr:GetAuthorizationToken", resource: "*" },
    as: third,
    type: "AccessDeniedException",
    message: "Only the account of the principal and the organization's management account can read why",
  });
});

test("a denial of the other side is told without its name; a denial of the organization without both", async () => {
  const deny = { Sid: "Hush", Effect: "Deny", Action: "ecr:*" };
  const bound = await user(server(), guests, { policies: [policyOf({ ...deny, Resource: "*" })] });
  const asked = { principal: bound.arn, action, resource };
  const theirs = await explain(server(), asked, owner);
  expect(theirs).toMatchObject({
    sentence: denied(bound.arn, { action, on: resource, because: "denied: identity" }),
    decidedBy: [{ side: "identity", policy: "identity", statement: 1 }],
  });
  expect(JSON.stringify(theirs)).not.toContain("Hush");
  expect((await explain(server(), asked, guests)).decidedBy).toEqual([
    { side: "identity", policy: `inline policy policy-1 of user ${bound.name}`, statement: 1, sid: "Hush" },
  ]);

  const organization = organizations(server(), rootOf(server()));
  const { Policy } = await organization.createPolicy({
    Name: "quiet",
    Description: "",
    Type: "SERVICE_CONTROL_POLICY",
    Content: policyOf({ ...deny, Resource: "*" }),
  });
  const PolicyId = Policy?.PolicySummary?.Id ?? "";
  await organization.attachPolicy({ PolicyId, TargetId: guests.accountId });
  for (const reader of [owner, guests]) {
    const explanation = await explain(server(), asked, reader);
    expect(explanation.decidedBy).toEqual([{ side: "scp", policy: "scp", statement: 1 }]);
    expect(JSON.stringify(explanation)).not.toContain("quiet");
  }
  expect((await explain(server(), asked)).decidedBy[0]).toMatchObject({
    policy: `service control policy quiet (${PolicyId}) on ${guests.accountId}`,
    sid: "Hush",
  });
  await organization.detachPolicy({ PolicyId, TargetId: guests.accountId });
});
