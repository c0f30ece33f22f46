/** CreateRepository, DescribeRepositories, DeleteRepository, PutImageScanningConfiguration and DescribeRegistry. */
import { expect, test } from "bun:test";
import {
  InvalidParameterException,
  InvalidTagParameterException,
  RepositoryAlreadyExistsException,
  RepositoryNotEmptyException,
  RepositoryNotFoundException,
  TooManyTagsException,
} from "@aws-sdk/client-ecr";
import { client, expectError, invalid, noRepository } from "../support/aws.ts";
import { expectError as expectOciError, registryForFile, unique } from "../support/oci.ts";

const registry = registryForFile();
const ecr = () => client(registry.server);

/** Whether a repository of this name is there. */
async function exists(repositoryName: string): Promise<boolean> {
  try {
    await ecr().describeRepositories({ repositoryNames: [repositoryName] });
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(RepositoryNotFoundException);
    return false;
  }
}

test("a new repository has ECR's defaults, and is described as it was created", async () => {
  const repositoryName = unique("team/app");
  const before = Date.now();
  const { repository } = await ecr().createRepository({ repositoryName });
  const createdAt = repository?.createdAt?.getTime() ?? 0;

  expect(repository).toEqual({
    repositoryArn: `arn:aws:ecr:us-east-1:000000000000:repository/${repositoryName}`,
    registryId: "000000000000",
    repositoryName,
    repositoryUri: `${registry.server.host}/${repositoryName}`,
    createdAt: new Date(createdAt),
    imageTagMutability: "MUTABLE",
    imageScanningConfiguration: { scanOnPush: false },
    encryptionConfiguration: { encryptionType: "AES256" },
  });
  expect(createdAt).toBeGreaterThanOrEqual(before - 1000);
  expect(createdAt).toBeLessThanOrEqual(Date.now() + 1000);
  const described = await ecr().describeRepositories({ repositoryNames: [repositoryName] });
  expect(described.repositories).toEqual(repository ? [repository] : []);
});

test("what is chosen at creation is kept", async () => {
  const repositoryName = unique("chosen");
  const filters = [{ filterType: "WILDCARD" as const, filter: "latest*" }];
  const { repository } = await ecr().createRepository({
    repositoryName,
    registryId: "000000000000",
    imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
    imageTagMutabilityExclusionFilters: filters,
    imageScanningConfiguration: { scanOnPush: true },
    encryptionConfiguration: { encryptionType: "AES256" },
    tags: [{ Key: "team", Value: "harbour" }],
  });

  expect(repository?.imageTagMutability).toBe("IMMUTABLE_WITH_EXCLUSION");
  expect(repository?.imageTagMutabilityExclusionFilters).toEqual(filters);
  expect(repository?.imageScanningConfiguration).toEqual({ scanOnPush: true });
  const { repositories } = await ecr().describeRepositories({ repositoryNames: [repositoryName] });
  expect(repositories).toEqual(repository ? [repository] : []);
  const { tags } = await ecr().listTagsForResource({ resourceArn: repository?.repositoryArn });
  expect(tags).toEqual([{ Key: "team", Value: "harbour" }]);
});

test("a name is taken once", async () => {
  const repositoryName = await registry.createRepository();
  await expectError(
    ecr().createRepository({ repositoryName, imageTagMutability: "IMMUTABLE" }),
    RepositoryAlreadyExistsException,
    `The repository with name '${repositoryName}' already exists in the registry with id '000000000000'`,
  );
  const { repositories } = await ecr().describeRepositories({ repositoryNames: [repositoryName] });
  expect(repositories?.[0]?.imageTagMutability).toBe("MUTABLE");
});

test("of many who create one name at once, one succeeds", async () => {
  const repositoryName = unique("contended");
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, () => ecr().createRepository({ repositoryName })),
  );
  const refusals = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(refusals).toHaveLength(7);
  for (const { reason } of refusals) expect(reason).toBeInstanceOf(RepositoryAlreadyExistsException);
});

test("names at the edges of the grammar are taken", async () => {
  const suffix = unique("n");
  const names = [`0${suffix}`, `a.b_c__d---e/${suffix}`, `${suffix}/${"x".repeat(255 - suffix.length)}`];
  for (const repositoryName of names) {
    const { repository } = await ecr().createRepository({ repositoryName });
    expect(repository?.repositoryName).toBe(repositoryName);
  }
});

test("encryption with KMS is refused, because content is stored as it comes", async () => {
  const requests = [
    { encryptionType: "KMS" as const },
    { encryptionType: "KMS_DSSE" as const },
    { encryptionType: "KMS" as const, kmsKey: "alias/mine" },
    { encryptionType: "AES256" as const, kmsKey: "alias/mine" },
  ];
  for (const encryptionConfiguration of requests) {
    const repositoryName = unique("encrypted");
    await expectError(
      ecr().createRepository({ repositoryName, encryptionConfiguration }),
      InvalidParameterException,
      invalid(
        "encryptionConfiguration",
        `Encryption with ${encryptionConfiguration.encryptionType} is not offered by this registry; leave encryptionConfiguration out or use AES256 without a key`,
      ),
    );
    expect(await exists(repositoryName)).toBe(false);
  }
});

test("a creation that is refused for its tags leaves no repository", async () => {
  const repositoryName = unique("untaggable");
  await expectError(
    ecr().createRepository({
      repositoryName,
      tags: [
        { Key: "good", Value: "" },
        { Key: "aws:bad", Value: "" },
      ],
    }),
    InvalidTagParameterException,
    "Invalid tag: the key 'aws:bad' begins with 'aws:', which is reserved",
  );
  await expectError(
    ecr().createRepository({
      repositoryName,
      tags: Array.from({ length: 51 }, (_, index) => ({ Key: `key-${index}`, Value: "" })),
    }),
    TooManyTagsException,
    "A resource can have at most 50 tags",
  );
  expect(await exists(repositoryName)).toBe(false);
});

test("named repositories are described in the order of the names, and one that is missing fails the call", async () => {
  const first = await registry.createRepository();
  const second = await registry.createRepository();
  const { repositories, nextToken } = await ecr().describeRepositories({ repositoryNames: [second, first] });
  expect(repositories?.map(({ repositoryName }) => repositoryName)).toEqual([second, first]);
  expect(nextToken).toBeUndefined();

  const missing = unique("missing");
  await expectError(
    ecr().describeRepositories({ repositoryNames: [first, missing] }),
    RepositoryNotFoundException,
    noRepository(missing),
  );
});

test("an empty repository is deleted, and answered as it was", async () => {
  const repositoryName = unique("short-lived");
  const { repository } = await ecr().createRepository({ repositoryName });
  const deleted = await ecr().deleteRepository({ repositoryName });
  expect(deleted.repository).toEqual(repository);
  expect(await exists(repositoryName)).toBe(false);
  await expectError(
    ecr().deleteRepository({ repositoryName }),
    RepositoryNotFoundException,
    noRepository(repositoryName),
  );
});

test("a repository with images is deleted by force only", async () => {
  const repositoryName = await registry.createRepository();
  const { digest } = await registry.pushImage(repositoryName, "v1");
  for (const force of [undefined, false]) {
    await expectError(
      ecr().deleteRepository({ repositoryName, force }),
      RepositoryNotEmptyException,
      `The repository with name '${repositoryName}' in registry with id '000000000000' cannot be deleted because it still contains images`,
    );
  }
  expect(await registry.has(repositoryName, "manifests", digest)).toBe(true);

  await ecr().deleteRepository({ repositoryName, force: true });
  expect(await exists(repositoryName)).toBe(false);
  expectOciError(await registry.request("GET", `/v2/${repositoryName}/manifests/v1`), 404, "NAME_UNKNOWN");
});

test("a repository with an untagged image alone is not empty, and one with uploaded layers alone is", async () => {
  const untagged = await registry.createRepository();
  await registry.pushImage(untagged);
  await expectError(
    ecr().deleteRepository({ repositoryName: untagged }),
    RepositoryNotEmptyException,
    `The repository with name '${untagged}' in registry with id '000000000000' cannot be deleted because it still contains images`,
  );

  const layersOnly = await registry.createRepository();
  await registry.pushBlob(layersOnly);
  await registry.beginUpload(layersOnly);
  await ecr().deleteRepository({ repositoryName: layersOnly });
  expect(await exists(layersOnly)).toBe(false);
});

test("a name that is created again at once shows nothing of the old repository", async () => {
  const repositoryName = unique("phoenix");
  const resourceArn = `arn:aws:ecr:us-east-1:000000000000:repository/${repositoryName}`;
  await ecr().createRepository({
    repositoryName,
    imageTagMutability: "IMMUTABLE",
    imageScanningConfiguration: { scanOnPush: true },
    tags: [{ Key: "old", Value: "yes" }],
  });
  const image = await registry.pushImage(repositoryName, "v1");
  await ecr().setRepositoryPolicy({
    repositoryName,
    policyText: JSON.stringify({ Statement: { Effect: "Allow", Principal: "*", Action: "ecr:ListImages" } }),
  });
  const { uploadId } = await ecr().initiateLayerUpload({ repositoryName });

  await ecr().deleteRepository({ repositoryName, force: true });
  const { repository } = await ecr().createRepository({ repositoryName });

  expect(repository?.imageTagMutability).toBe("MUTABLE");
  expect(repository?.imageScanningConfiguration).toEqual({ scanOnPush: false });
  expect((await ecr().listImages({ repositoryName })).imageIds).toEqual([]);
  expect((await ecr().describeImages({ repositoryName })).imageDetails).toEqual([]);
  expect((await ecr().listTagsForResource({ resourceArn })).tags).toEqual([]);
  const layerDigest = image.layers[0]?.digest ?? "";
  const { layers } = await ecr().batchCheckLayerAvailability({ repositoryName, layerDigests: [layerDigest] });
  expect(layers).toEqual([{ layerDigest, layerAvailability: "UNAVAILABLE" }]);
  const requests = [
    ecr().getRepositoryPolicy({ repositoryName }),
    ecr().getDownloadUrlForLayer({ repositoryName, layerDigest }),
    ecr().completeLayerUpload({ repositoryName, uploadId, layerDigests: [layerDigest] }),
    ecr().putImage({ repositoryName, imageManifest: new TextDecoder().decode(image.manifest) }),
  ];
  const names = (await Promise.allSettled(requests)).map((o) => o.status === "rejected" && o.reason.name);
  expect(names).toEqual([
    "RepositoryPolicyNotFoundException",
    "LayersNotFoundException",
    "UploadNotFoundException",
    "LayersNotFoundException",
  ]);
  expect(await registry.has(repositoryName, "manifests", "v1")).toBe(false);
  expect(await registry.has(repositoryName, "blobs", layerDigest)).toBe(false);

  await registry.pushImage(repositoryName, "v1");
  expect((await ecr().listImages({ repositoryName })).imageIds).toHaveLength(1);
});

test("scan on push is set and unset, and an absent boolean unsets it as false does", async () => {
  const repositoryName = await registry.createRepository();
  const scanOnPush = async () =>
    (await ecr().describeRepositories({ repositoryNames: [repositoryName] })).repositories?.[0]
      ?.imageScanningConfiguration;
  for (const [given, kept] of [
    [{ scanOnPush: true }, true],
    [{ scanOnPush: false }, false],
    [{ scanOnPush: true }, true],
    [{}, false],
  ] as const) {
    const answer = await ecr().putImageScanningConfiguration({
      repositoryName,
      imageScanningConfiguration: given,
    });
    const { $metadata, ...members } = answer;
    expect(members).toEqual({
      registryId: "000000000000",
      repositoryName,
      imageScanningConfiguration: { scanOnPush: kept },
    });
    expect(await scanOnPush()).toEqual({ scanOnPush: kept });
  }
});

test("the registry is described with its id and no replication rules", async () => {
  const { $metadata, ...members } = await ecr().describeRegistry({});
  expect(members).toEqual({ registryId: "000000000000", replicationConfiguration: { rules: [] } });
});
