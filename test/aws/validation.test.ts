/** The framework's validation: all broken constraints of a request in one sentence, before ECR's own checks. */
import { expect, test } from "bun:test";
import { InvalidParameterException } from "@aws-sdk/client-ecr";
import { call, client, expectError, expectWireError, failedConstraints, invalid } from "../support/aws.ts";
import { registryForFile, unknownDigest } from "../support/oci.ts";

const registry = registryForFile();
const ecr = () => client(registry.server);

type Failure = { at: string; sentence: string };
const value = (shown: string, at: string, sentence: string): Failure => ({
  at,
  sentence: `Value ${shown} at '${at}' failed to satisfy constraint: ${sentence}`,
});
const notNull = "Member must not be null";
const atLeastOne = "Member must have length greater than or equal to 1";
const atMostHundred = "Member must have length less than or equal to 100";

type Case = { operation: string; input: object; failures: readonly Failure[] };

const cases: readonly Case[] = [
  {
    operation: "BatchCheckLayerAvailability",
    input: {},
    failures: [value("null", "repositoryName", notNull), value("null", "layerDigests", notNull)],
  },
  {
    operation: "BatchCheckLayerAvailability",
    input: { repositoryName: "ab", layerDigests: [] },
    failures: [value("'[]'", "layerDigests", atLeastOne)],
  },
  {
    operation: "BatchCheckLayerAvailability",
    input: { repositoryName: "ab", layerDigests: ["x".repeat(1001)] },
    failures: [
      value(
        `'[${"x".repeat(255)}…'`,
        "layerDigests",
        "Member must satisfy constraint: [Member must have length less than or equal to 1000, Member must have length greater than or equal to 0]",
      ),
    ],
  },
  {
    operation: "BatchDeleteImage",
    input: { repositoryName: "ab", imageIds: [] },
    failures: [value("'[]'", "imageIds", atLeastOne)],
  },
  {
    operation: "BatchGetImage",
    input: { repositoryName: "ab", imageIds: [{ imageTag: "" }], acceptedMediaTypes: [] },
    failures: [
      value("''", "imageIds.1.member.imageTag", atLeastOne),
      value("'[]'", "acceptedMediaTypes", atLeastOne),
    ],
  },
  {
    operation: "BatchGetImage",
    input: { repositoryName: "ab", imageIds: [{ imageTag: "v1" }, { imageTag: "t".repeat(301) }] },
    failures: [
      value(
        `'${"t".repeat(256)}…'`,
        "imageIds.2.member.imageTag",
        "Member must have length less than or equal to 300",
      ),
    ],
  },
  {
    operation: "CompleteLayerUpload",
    input: { repositoryName: "ab", uploadId: "not-a-uuid", layerDigests: ["x"] },
    failures: [
      value(
        "'not-a-uuid'",
        "uploadId",
        "Member must satisfy regular expression pattern: [0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
      ),
      value(
        "'[x]'",
        "layerDigests",
        "Member must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z0-9-_+.]+:[a-fA-F0-9]+]",
      ),
    ],
  },
  {
    operation: "CreateRepository",
    input: { repositoryName: "ab", imageTagMutability: "SOMETIMES", encryptionConfiguration: {} },
    failures: [
      value(
        "'SOMETIMES'",
        "imageTagMutability",
        "Member must satisfy enum value set: [MUTABLE, IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION]",
      ),
      value("null", "encryptionConfiguration.encryptionType", notNull),
    ],
  },
  {
    operation: "CreateRepository",
    input: { repositoryName: "ab", tags: [{ Key: "a" }, { Value: "b" }] },
    failures: [value("null", "tags.1.member.value", notNull), value("null", "tags.2.member.key", notNull)],
  },
  {
    operation: "DescribeImages",
    input: { repositoryName: "ab", maxResults: 0, filter: { tagStatus: "SOME" } },
    failures: [
      value("'0'", "maxResults", "Member must have value greater than or equal to 1"),
      value("'SOME'", "filter.tagStatus", "Member must satisfy enum value set: [TAGGED, UNTAGGED, ANY]"),
    ],
  },
  {
    operation: "DescribeRepositories",
    input: { repositoryNames: [] },
    failures: [value("'[]'", "repositoryNames", atLeastOne)],
  },
  {
    operation: "GetAuthorizationToken",
    input: { registryIds: [] },
    failures: [value("'[]'", "registryIds", atLeastOne)],
  },
  {
    operation: "GetAuthorizationToken",
    input: { registryIds: ["000000000000", "x"] },
    failures: [
      value(
        "'[000000000000, x]'",
        "registryIds",
        "Member must satisfy constraint: [Member must satisfy regular expression pattern: [0-9]{12}]",
      ),
    ],
  },
  {
    operation: "GetDownloadUrlForLayer",
    input: { repositoryName: "ab", layerDigest: "sha256" },
    failures: [
      value(
        "'sha256'",
        "layerDigest",
        "Member must satisfy regular expression pattern: [a-zA-Z0-9-_+.]+:[a-fA-F0-9]+",
      ),
    ],
  },
  {
    operation: "ListTagsForResource",
    input: {},
    failures: [value("null", "resourceArn", notNull)],
  },
  {
    operation: "PutImage",
    input: { repositoryName: "ab", imageManifest: "", imageTag: "" },
    failures: [value("''", "imageManifest", atLeastOne), value("''", "imageTag", atLeastOne)],
  },
  {
    operation: "PutImageScanningConfiguration",
    input: { repositoryName: "ab" },
    failures: [value("null", "imageScanningConfiguration", notNull)],
  },
  {
    operation: "PutImageTagMutability",
    input: {
      repositoryName: "ab",
      imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
      imageTagMutabilityExclusionFilters: [{ filterType: "REGEX", filter: "no blanks" }, {}],
    },
    failures: [
      value(
        "'REGEX'",
        "imageTagMutabilityExclusionFilters.1.member.filterType",
        "Member must satisfy enum value set: [WILDCARD]",
      ),
      value(
        "'no blanks'",
        "imageTagMutabilityExclusionFilters.1.member.filter",
        "Member must satisfy regular expression pattern: ^[0-9a-zA-Z._*-]{1,128}$",
      ),
      value("null", "imageTagMutabilityExclusionFilters.2.member.filterType", notNull),
      value("null", "imageTagMutabilityExclusionFilters.2.member.filter", notNull),
    ],
  },
  {
    operation: "SetRepositoryPolicy",
    input: { repositoryName: "ab", policyText: "x".repeat(10_241) },
    failures: [
      value(`'${"x".repeat(256)}…'`, "policyText", "Member must have length less than or equal to 10240"),
    ],
  },
  {
    operation: "TagResource",
    input: { resourceArn: "x" },
    failures: [value("null", "tags", notNull)],
  },
  {
    operation: "UntagResource",
    input: { resourceArn: "x" },
    failures: [value("null", "tagKeys", notNull)],
  },
  {
    operation: "UploadLayerPart",
    input: {
      repositoryName: "ab",
      uploadId: "11111111-2222-3333-4444-555555555555",
      partFirstByte: -1,
      partLastByte: 5,
    },
    failures: [
      value("'-1'", "partFirstByte", "Member must have value greater than or equal to 0"),
      value("null", "layerPartBlob", notNull),
    ],
  },
];

for (const { operation, input, failures } of cases) {
  const places = failures.map(({ at }) => at).join(", ");
  test(`${operation} says all that is wrong: ${places}`, async () => {
    const answer = await call(registry.server, { operation, body: JSON.stringify(input) });
    expectWireError(answer, {
      status: 400,
      type: "InvalidParameterException",
      message: failedConstraints(...failures.map(({ sentence }) => sentence)),
    });
  });
}

test("lists have at most 100 items", async () => {
  const digests = Array.from({ length: 101 }, () => unknownDigest());
  const requests = [
    ecr().batchCheckLayerAvailability({ repositoryName: "ab", layerDigests: digests }),
    ecr().batchGetImage({ repositoryName: "ab", imageIds: digests.map((imageDigest) => ({ imageDigest })) }),
    ecr().batchDeleteImage({
      repositoryName: "ab",
      imageIds: digests.map((imageDigest) => ({ imageDigest })),
    }),
    ecr().describeImages({ repositoryName: "ab", imageIds: digests.map((imageDigest) => ({ imageDigest })) }),
    ecr().describeRepositories({ repositoryNames: digests.map((_, index) => `name-${index}`) }),
  ];
  for (const request of requests) {
    const error: unknown = await request.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidParameterException);
    expect(String(error)).toStartWith("InvalidParameterException: 1 validation error detected: Value '[");
    expect(String(error)).toEndWith(`failed to satisfy constraint: ${atMostHundred}`);
  }
});

test("the answer stays short however much is wrong", async () => {
  const imageIds = Array.from({ length: 100 }, () => ({ imageTag: "t".repeat(2000) }));
  const answer = await call(registry.server, {
    operation: "BatchGetImage",
    body: JSON.stringify({ repositoryName: "x".repeat(100_000), imageIds }),
  });
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.text).message).toStartWith("10 validation errors detected: ");
  expect(answer.text.length).toBeLessThan(10_000);
});

test("the framework speaks before ECR does", async () => {
  const imageManifest = "no JSON";
  await expectError(
    ecr().putImage({ repositoryName: "Not A Name", imageManifest, imageTag: "t".repeat(301) }),
    InvalidParameterException,
    failedConstraints(
      value(`'${"t".repeat(256)}…'`, "imageTag", "Member must have length less than or equal to 300")
        .sentence,
    ),
  );
  await expectError(
    ecr().putImage({ repositoryName: "Not A Name", imageManifest, imageTag: "v1" }),
    InvalidParameterException,
    invalid(
      "repositoryName",
      "must satisfy regular expression '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*'",
    ),
  );
});

test("characters are counted, not code units", async () => {
  const repositoryName = await registry.createRepository();
  const policyText = JSON.stringify({
    Statement: { Sid: "", Effect: "Allow", Principal: "*", Action: "ecr:ListImages" },
  });
  const room = 10_240 - policyText.length;
  const withShips = (count: number) => policyText.replace(`"Sid":""`, `"Sid":"${"🚢".repeat(count)}"`);
  const kept = await ecr().setRepositoryPolicy({ repositoryName, policyText: withShips(room) });
  expect(kept.policyText).toBe(withShips(room));
  const refused: unknown = await ecr()
    .setRepositoryPolicy({ repositoryName, policyText: withShips(room + 1) })
    .catch((reason: unknown) => reason);
  expect(refused).toBeInstanceOf(InvalidParameterException);
  expect(String(refused)).toEndWith("Member must have length less than or equal to 10240");
});
