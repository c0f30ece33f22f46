/** ECR's eight actions of a read-only share, each alone: what it lets a foreign user do, and that it is nothing else. */
import { beforeAll, describe, expect, test } from "bun:test";
import {
  account,
  allowing,
  denied,
  docker,
  ecrOf,
  everyoneIn,
  type Person,
  type Pushed,
  pathOf,
  pushImage,
  repositoryArn,
  sharing,
  user,
  verdictOf,
} from "../support/access.ts";
import { registryForFile } from "../support/oci.ts";

const registry = registryForFile();
const repositoryName = "shared/app";
const at = pathOf("222222222222", repositoryName);
const arn = repositoryArn("222222222222", repositoryName);

let owner: Person;
let guest: Person;
let image: Pushed;

beforeAll(async () => {
  owner = await account(registry.server, "222222222222");
  const administrator = await account(registry.server, "111111111111");
  guest = await user(registry.server, administrator, { name: "guest", policies: [allowing("ecr:*")] });
  await ecrOf(registry.server, owner).createRepository({ repositoryName });
  image = await pushImage(registry.server, at, { as: owner, tag: "v1" });
});

const there = { registryId: "222222222222", repositoryName };
const ecr = () => ecrOf(registry.server, guest);
const asGuest = (request: string) => docker(registry.server, request, { as: guest });
type Answer = ReturnType<typeof asGuest>;

/** Every request that reads a repository, with the one action that it needs. */
const requests: readonly [
  name: string,
  action: string,
  ask: () => Answer | Promise<{ $metadata: object }>,
][] = [
  ["GET manifest by tag", "BatchGetImage", () => asGuest(`GET ${at}/manifests/v1`)],
  ["GET manifest by digest", "BatchGetImage", () => asGuest(`GET ${at}/manifests/${image.digest}`)],
  ["HEAD manifest", "BatchGetImage", () => asGuest(`HEAD ${at}/manifests/v1`)],
  ["GET referrers", "BatchGetImage", () => asGuest(`GET ${at}/referrers/${image.digest}`)],
  ["BatchGetImage", "BatchGetImage", () => ecr().batchGetImage({ ...there, imageIds: [{ imageTag: "v1" }] })],
  ["GET blob", "GetDownloadUrlForLayer", () => asGuest(`GET ${at}/blobs/${image.layer}`)],
  [
    "GetDownloadUrlForLayer",
    "GetDownloadUrlForLayer",
    () => ecr().getDownloadUrlForLayer({ ...there, layerDigest: image.layer }),
  ],
  ["HEAD blob", "BatchCheckLayerAvailability", () => asGuest(`HEAD ${at}/blobs/${image.layer}`)],
  [
    "BatchCheckLayerAvailability",
    "BatchCheckLayerAvailability",
    () => ecr().batchCheckLayerAvailability({ ...there, layerDigests: [image.layer] }),
  ],
  ["GET tags", "ListImages", () => asGuest(`GET ${at}/tags/list`)],
  ["ListImages", "ListImages", () => ecr().listImages(there)],
  ["DescribeImages", "DescribeImages", () => ecr().describeImages(there)],
  [
    "DescribeRepositories",
    "DescribeRepositories",
    () =>
      ecr().describeRepositories({ registryId: there.registryId, repositoryNames: [there.repositoryName] }),
  ],
  ["GetRepositoryPolicy", "GetRepositoryPolicy", () => ecr().getRepositoryPolicy(there)],
];

/** What none of the eight covers. */
const others: readonly [action: string, ask: (typeof requests)[number][2]][] = [
  ["InitiateLayerUpload", () => asGuest(`POST ${at}/blobs/uploads/`)],
  ["InitiateLayerUpload", () => ecr().initiateLayerUpload(there)],
  ["BatchDeleteImage", () => asGuest(`DELETE ${at}/manifests/v1`)],
  ["BatchDeleteImage", () => asGuest(`DELETE ${at}/blobs/${image.layer}`)],
  ["BatchDeleteImage", () => ecr().batchDeleteImage({ ...there, imageIds: [{ imageTag: "v1" }] })],
  ["PutImage", () => asGuest(`PUT ${at}/manifests/v2`)],
  ["ListTagsForResource", () => ecr().listTagsForResource({ resourceArn: arn })],
  ["TagResource", () => ecr().tagResource({ resourceArn: arn, tags: [{ Key: "a", Value: "b" }] })],
  ["SetRepositoryPolicy", () => ecr().setRepositoryPolicy({ ...there, policyText: "{}" })],
  ["DeleteRepositoryPolicy", () => ecr().deleteRepositoryPolicy(there)],
  ["DeleteRepository", () => ecr().deleteRepository({ ...there, force: true })],
  ["PutImageTagMutability", () => ecr().putImageTagMutability({ ...there, imageTagMutability: "IMMUTABLE" })],
];

const eight = [
  "BatchCheckLayerAvailability",
  "BatchGetImage",
  "DescribeImages",
  "DescribeRepositories",
  "GetAuthorizationToken",
  "GetDownloadUrlForLayer",
  "GetRepositoryPolicy",
  "ListImages",
];

/** HEAD has no body, so its refusal has no sentence. */
const refusal = (name: string, action: string) =>
  name.startsWith("HEAD") ? "" : denied(guest.arn, { action: `ecr:${action}`, on: arn, because: "resource" });

async function share(actions: readonly string[]): Promise<void> {
  const policyText = sharing(
    everyoneIn("111111111111"),
    actions.map((action) => `ecr:${action}`),
  );
  await ecrOf(registry.server, owner).setRepositoryPolicy({ ...there, policyText, force: true });
}

async function expectExactly(actions: readonly string[]): Promise<void> {
  for (const [name, action, ask] of requests) {
    const verdict = await verdictOf(ask());
    expect(`${name}: ${verdict}`).toBe(
      `${name}: ${actions.includes(action) ? "allowed" : refusal(name, action)}`,
    );
  }
  for (const [action, ask] of others) expect(await verdictOf(ask())).toBe(refusal("", action));
}

describe("of the statement with eight actions", () => {
  test.each(eight)("%s alone allows its own requests and no others", async (action) => {
    await share([action]);
    await expectExactly([action]);
  });

  test("all together allow every reading request, and no change", async () => {
    await share(eight);
    await expectExactly(eight);
  });

  test("nothing is left when it is taken away", async () => {
    await share(eight);
    await ecrOf(registry.server, owner).deleteRepositoryPolicy(there);
    await expectExactly([]);
  });
});

test("GetAuthorizationToken is a matter of the guest's own account: the statement gives no token", async () => {
  await share(eight);
  const administrator = await user(registry.server, owner, { name: "own" });
  const stranger = ecrOf(registry.server, administrator);
  expect(await verdictOf(stranger.getAuthorizationToken({}))).toBe(
    denied(administrator.arn, { action: "ecr:GetAuthorizationToken", on: "*", because: "identity" }),
  );
  expect(await verdictOf(ecr().getAuthorizationToken({ registryIds: ["222222222222"] }))).toBe("allowed");
});

test("the catalogue of a foreign registry is refused, whatever one of its repositories says", async () => {
  await share(["DescribeRepositories"]);
  const all = `arn:aws:ecr:eu-west-2:222222222222:repository/*`;
  const because = { action: "ecr:DescribeRepositories", on: all, because: "resource" };
  expect(await verdictOf(asGuest("GET /v2/222222222222.eu-west-2/_catalog"))).toBe(
    denied(guest.arn, because),
  );
  expect(await verdictOf(ecr().describeRepositories({ registryId: "222222222222" }))).toBe(
    denied(guest.arn, because),
  );
});
