/**
 * What is the same for all operations on a repository: one that does not exist, one of another account, and names that
 * are none, each in the style of validation that ECR has for it.
 */
import { describe, expect, test } from "bun:test";
import {
  InvalidParameterException,
  RepositoryNotFoundException,
  RepositoryPolicyNotFoundException,
} from "@aws-sdk/client-ecr";
import {
  client,
  expectError,
  expectUnmodelled,
  failedConstraints,
  invalid,
  noRepository,
} from "../support/aws.ts";
import { registryForFile, unique, unknownDigest } from "../support/oci.ts";

const registry = registryForFile();
const ecr = () => client(registry.server);

const otherAccount = "111122223333";
const uploadId = "11111111-2222-3333-4444-555555555555";
const layerDigest = unknownDigest();
const imageManifest = JSON.stringify({
  schemaVersion: 2,
  config: { digest: layerDigest, size: 1 },
  layers: [],
});
const policyText = JSON.stringify({
  Statement: [{ Effect: "Allow", Principal: "*", Action: "ecr:ListImages" }],
});

type Address = { repositoryName: string; registryId?: string };
const arnOf = ({ repositoryName, registryId = "000000000000" }: Address) =>
  `arn:aws:ecr:us-east-1:${registryId}:repository/${repositoryName}`;

/** Operations that name their repository, with an input that is otherwise right. */
const byName: Readonly<Record<string, (address: Address) => Promise<unknown>>> = {
  BatchCheckLayerAvailability: (a) =>
    ecr().batchCheckLayerAvailability({ ...a, layerDigests: [layerDigest] }),
  BatchDeleteImage: (a) => ecr().batchDeleteImage({ ...a, imageIds: [{ imageTag: "v1" }] }),
  BatchGetImage: (a) => ecr().batchGetImage({ ...a, imageIds: [{ imageTag: "v1" }] }),
  CompleteLayerUpload: (a) => ecr().completeLayerUpload({ ...a, uploadId, layerDigests: [layerDigest] }),
  DeleteRepository: (a) => ecr().deleteRepository({ ...a, force: true }),
  DeleteRepositoryPolicy: (a) => ecr().deleteRepositoryPolicy(a),
  DescribeImages: (a) => ecr().describeImages(a),
  GetDownloadUrlForLayer: (a) => ecr().getDownloadUrlForLayer({ ...a, layerDigest }),
  GetRepositoryPolicy: (a) => ecr().getRepositoryPolicy(a),
  InitiateLayerUpload: (a) => ecr().initiateLayerUpload(a),
  ListImages: (a) => ecr().listImages(a),
  PutImage: (a) => ecr().putImage({ ...a, imageManifest, imageTag: "v1" }),
  PutImageScanningConfiguration: (a) =>
    ecr().putImageScanningConfiguration({ ...a, imageScanningConfiguration: { scanOnPush: true } }),
  PutImageTagMutability: (a) => ecr().putImageTagMutability({ ...a, imageTagMutability: "IMMUTABLE" }),
  SetRepositoryPolicy: (a) => ecr().setRepositoryPolicy({ ...a, policyText }),
  UploadLayerPart: (a) =>
    ecr().uploadLayerPart({
      ...a,
      uploadId,
      partFirstByte: 0,
      partLastByte: 0,
      layerPartBlob: new Uint8Array(1),
    }),
};

/** Operations that name it by its ARN. */
const byArn: Readonly<Record<string, (address: Address) => Promise<unknown>>> = {
  ListTagsForResource: (a) => ecr().listTagsForResource({ resourceArn: arnOf(a) }),
  TagResource: (a) => ecr().tagResource({ resourceArn: arnOf(a), tags: [{ Key: "a", Value: "b" }] }),
  UntagResource: (a) => ecr().untagResource({ resourceArn: arnOf(a), tagKeys: ["a"] }),
};

const all = { ...byName, ...byArn };
const creating = (a: Address) => ecr().createRepository(a);

describe("a repository that does not exist", () => {
  test.each(Object.entries(all))("%s says so", async (_, run) => {
    const repositoryName = unique("missing/repository");
    await expectError(run({ repositoryName }), RepositoryNotFoundException, noRepository(repositoryName));
    await expectError(
      run({ repositoryName, registryId: "000000000000" }),
      RepositoryNotFoundException,
      noRepository(repositoryName),
    );
  });

  test("is not created by any of them", async () => {
    const { repositories } = await ecr().describeRepositories({});
    expect(repositories).toEqual([]);
  });
});

describe("a repository of another account", () => {
  const denied = (action: string, resource: string) => ({
    status: 400,
    name: "AccessDeniedException",
    message: `User: arn:aws:iam::000000000000:root is not authorized to perform: ${action} on resource: ${resource} because no resource-based policy allows the ${action} action`,
  });

  test.each(Object.entries({ ...all, CreateRepository: creating }))("%s is denied", async (name, run) => {
    const address = { repositoryName: unique("theirs"), registryId: otherAccount };
    await expectUnmodelled(run(address), denied(`ecr:${name}`, arnOf(address)));
  });

  test("DescribeRepositories is denied for each name, and for all at once", async () => {
    const repositoryName = unique("theirs");
    const address = { repositoryName, registryId: otherAccount };
    await expectUnmodelled(
      ecr().describeRepositories({ registryId: otherAccount, repositoryNames: [repositoryName] }),
      denied("ecr:DescribeRepositories", arnOf(address)),
    );
    await expectUnmodelled(
      ecr().describeRepositories({ registryId: otherAccount }),
      denied("ecr:DescribeRepositories", arnOf({ ...address, repositoryName: "*" })),
    );
  });

  test("is denied before it is known whether there is one of this name here", async () => {
    const repositoryName = await registry.createRepository();
    const address = { repositoryName, registryId: otherAccount };
    await expectUnmodelled(ecr().listImages(address), denied("ecr:ListImages", arnOf(address)));
    await expectError(
      ecr().getRepositoryPolicy({ repositoryName }),
      RepositoryPolicyNotFoundException,
      `Repository policy does not exist for the repository with name '${repositoryName}' in the registry with id '000000000000'`,
    );
  });
});

const grammar =
  "must satisfy regular expression '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*'";
const named = { ...byName, CreateRepository: creating };

describe("a name", () => {
  test.each(Object.entries(named))(
    "outside of the grammar is refused by %s in ECR's words",
    async (_, run) => {
      for (const repositoryName of ["Team/app", "a..b"]) {
        await expectError(
          run({ repositoryName }),
          InvalidParameterException,
          invalid("repositoryName", grammar),
        );
      }
    },
  );

  test.each(Object.entries(named))(
    "of a wrong length is refused by %s in the framework's words",
    async (_, run) => {
      await expectError(
        run({ repositoryName: "a" }),
        InvalidParameterException,
        failedConstraints(
          "Value 'a' at 'repositoryName' failed to satisfy constraint: Member must have length greater than or equal to 2",
        ),
      );
      await expectError(
        run({ repositoryName: "a".repeat(257) }),
        InvalidParameterException,
        failedConstraints(
          `Value '${"a".repeat(256)}…' at 'repositoryName' failed to satisfy constraint: Member must have length less than or equal to 256`,
        ),
      );
    },
  );

  const outside = [
    "-a",
    "a-",
    "a--",
    ".a",
    "a.",
    "a//b",
    "/a",
    "a/",
    "a___b",
    "a..b",
    "a._b",
    "a b",
    "a:b",
    "a@b",
    "ä/b",
    "a\nb",
    "a%2fb",
    "../b",
    "A/b",
    "a/B",
    "a\u0000b",
  ];
  test.each(outside)("%j is outside of the grammar", async (repositoryName) => {
    await expectError(
      ecr().createRepository({ repositoryName }),
      InvalidParameterException,
      invalid("repositoryName", grammar),
    );
  });

  test("that is missing is said to be null", async () => {
    const nothing = {} as Address;
    for (const run of Object.values(named)) {
      await expectError(
        run(nothing),
        InvalidParameterException,
        failedConstraints(
          "Value null at 'repositoryName' failed to satisfy constraint: Member must not be null",
        ),
      );
    }
  });

  test("in a list is refused at the list", async () => {
    await expectError(
      ecr().describeRepositories({ repositoryNames: ["good", "Bad"] }),
      InvalidParameterException,
      invalid("repositoryNames", grammar),
    );
    await expectError(
      ecr().describeRepositories({ repositoryNames: ["a"] }),
      InvalidParameterException,
      failedConstraints(
        "Value '[a]' at 'repositoryNames' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 256, Member must have length greater than or equal to 2]",
      ),
    );
  });
});

describe("a registry id", () => {
  test.each(Object.entries(named))("that is none is refused by %s", async (_, run) => {
    await expectError(
      run({ repositoryName: "ab", registryId: "1234" }),
      InvalidParameterException,
      failedConstraints(
        "Value '1234' at 'registryId' failed to satisfy constraint: Member must satisfy regular expression pattern: [0-9]{12}",
      ),
    );
  });
});

describe("an ARN", () => {
  const arns = [
    "",
    "arn",
    "arn:aws:ecr:us-east-1:000000000000:repository/",
    "arn:aws:ecr:us-east-1:000000000000:repository/a",
    "arn:aws:ecr:us-east-1:000000000000:repository/Upper",
    "arn:aws:ecr:us-east-1:000000000000:image/name",
    "arn:aws:ecr:us-east-1:00000000000:repository/name",
    "arn:aws:ecr:eu-west-2:000000000000:repository/name",
    "arn:aws:s3:us-east-1:000000000000:repository/name",
    "arn:aws-cn:ecr:us-east-1:000000000000:repository/name",
    " arn:aws:ecr:us-east-1:000000000000:repository/name",
    "arn:aws:ecr:us-east-1:000000000000:repository/name\n",
  ];
  test.each(arns)("%j is none of a repository here", async (resourceArn) => {
    const message = invalid("resourceArn", "Invalid ARN");
    const tags = [{ Key: "a", Value: "b" }];
    await expectError(ecr().listTagsForResource({ resourceArn }), InvalidParameterException, message);
    await expectError(ecr().tagResource({ resourceArn, tags }), InvalidParameterException, message);
    await expectError(ecr().untagResource({ resourceArn, tagKeys: [] }), InvalidParameterException, message);
  });
});
