/** ListDenials of Lading's own service: what was refused lately, newest first. */
import { beforeAll, expect, test } from "bun:test";
import {
  account,
  allowing,
  denied,
  docker,
  ecrOf,
  type Person,
  pathOf,
  repositoryArn,
  rootOf,
  user,
} from "../support/access.ts";
import { answer, badParameter, expectRefusal, explain, refusedId } from "../support/answers.ts";
import { registryForFile } from "../support/oci.ts";

const registry = registryForFile();
const server = () => registry.server;

type Denial = {
  at: number;
  requestId: string;
  principal: string;
  action: string;
  resource: string;
  reason: string;
  sourceIp: string;
  userAgent: string;
};
type Page = { denials: Denial[]; nextToken?: string };

const repositoryName = "refused/app";
let owner: Person;
let guests: Person;
let guest: Person;
let resource: string;
/** Oldest first. */
const ids: string[] = [];

const list = (input: object, as: Person) => answer<Page>(server(), "ListDenials", { input, as });

beforeAll(async () => {
  owner = await account(server(), "222222222222");
  guests = await account(server(), "111111111111");
  guest = await user(server(), guests, { policies: [allowing("ecr:*")] });
  resource = repositoryArn(owner.accountId, repositoryName);
  await ecrOf(server(), owner).createRepository({ repositoryName });
  const pull = `GET ${pathOf(owner.accountId, repositoryName)}/manifests/v1`;
  const headers = { "user-agent": "docker/1" };
  for (let round = 0; round < 3; round += 1) {
    const { headers: answered } = await docker(server(), pull, { as: guest, headers });
    ids.push(answered.get("x-request-id") ?? "");
    const there = { registryId: owner.accountId, repositoryName };
    ids.push(await refusedId(ecrOf(server(), guest).describeImages(there)));
  }
  // Neither a success nor another error is a denial.
  await ecrOf(server(), owner).describeImages({ repositoryName });
  await refusedId(ecrOf(server(), owner).describeImages({ repositoryName: "refused/none" }));
});

test("lists them newest first, with all that says what it was", async () => {
  const { denials, nextToken } = await list({}, owner);
  expect(denials.map(({ requestId }) => requestId)).toEqual([...ids].reverse());
  expect(nextToken).toBeUndefined();
  const action = "ecr:BatchGetImage";
  expect(denials.at(-1)).toEqual({
    at: expect.any(Number),
    requestId: ids[0] ?? "",
    principal: guest.arn,
    action,
    resource,
    reason: denied(guest.arn, { action, on: resource, because: "resource" }),
    sourceIp: "127.0.0.1",
    userAgent: "docker/1",
  });
  const [newest] = denials;
  expect(newest?.action).toBe("ecr:DescribeImages");
  expect(Math.abs((newest?.at ?? 0) - Date.now() / 1000)).toBeLessThan(60);
  expect(await explain(server(), { requestId: newest?.requestId }, owner)).toMatchObject({
    action: "ecr:DescribeImages",
    allowed: false,
  });
});

test("to the account of who was refused as to the one that owns it, and to no other", async () => {
  const theirs = (await list({}, guests)).denials.map(({ requestId }) => requestId);
  expect(theirs).toEqual([...ids].reverse());
  expect((await list({}, rootOf(server()))).denials).toEqual([]);
});

test("in pages", async () => {
  const seen: string[] = [];
  let nextToken: string | undefined;
  do {
    const page: Page = await list({ maxResults: 4, ...(nextToken !== undefined && { nextToken }) }, owner);
    expect(page.denials.length).toBeLessThanOrEqual(4);
    seen.push(...page.denials.map(({ requestId }) => requestId));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  expect(seen).toEqual([...ids].reverse());
});

test("since a moment", async () => {
  const soon = Math.floor(Date.now() / 1000) + 60;
  expect((await list({ since: soon }, owner)).denials).toEqual([]);
  expect((await list({ since: soon - 3_600 }, owner)).denials).toHaveLength(ids.length);
});

test("is refused for a page that there is not, and to who has no right to it", async () => {
  await expectRefusal(server(), "ListDenials", {
    input: { nextToken: "next" },
    ...badParameter("nextToken", "It is none that this operation gave"),
  });
  await expectRefusal(server(), "ListDenials", {
    input: {},
    as: guest,
    type: "AccessDeniedException",
    message: denied(guest.arn, { action: "lading:ListDenials", on: "*", because: "identity" }),
  });
});
