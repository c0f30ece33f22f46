/**
 * AWS's managed policies that concern a registry, under their own ARNs and with their own action lists (AWS managed
 * policy reference), and the few general ones that everybody attaches.
 */
import { createHash } from "node:crypto";

type Statement = {
  readonly Effect: "Allow";
  readonly Action: string | readonly string[];
  readonly Resource: string;
  readonly Condition?: object;
};

export type AwsPolicy = {
  arn: string;
  name: string;
  path: string;
  description: string;
  /** Of the version that is the default, such as `v3`. */
  version: string;
  /** `ANPA…`; made from the name, so that it is the same everywhere. */
  id: string;
  /** When AWS published the policy. */
  createdAt: number;
  document: string;
};

/** 17 letters and digits of base32 behind the prefix, as policies of customers have them. */
function idOf(name: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const hash = createHash("sha256").update(name).digest().subarray(0, 17);
  return `ANPA${Array.from(hash, (byte) => alphabet[byte % alphabet.length]).join("")}`;
}

const of = (service: string, names: readonly string[]) => names.map((name) => `${service}:${name}`);

const readOnly = of("ecr", [
  "GetAuthorizationToken",
  "BatchCheckLayerAvailability",
  "GetDownloadUrlForLayer",
  "GetRepositoryPolicy",
  "DescribeRepositories",
  "ListImages",
  "DescribeImages",
  "BatchGetImage",
  "GetLifecyclePolicy",
  "GetLifecyclePolicyPreview",
  "ListTagsForResource",
  "DescribeImageScanFindings",
]);
const upload = ["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"];
const publicReadOnly = [
  ...of("ecr-public", [
    "GetAuthorizationToken",
    "BatchCheckLayerAvailability",
    "GetRepositoryPolicy",
    "DescribeRepositories",
    "DescribeRegistries",
    "DescribeImages",
    "DescribeImageTags",
    "GetRepositoryCatalogData",
    "GetRegistryCatalogData",
  ]),
  "sts:GetServiceBearerToken",
];

const allow = (actions: string | readonly string[]): readonly Statement[] => [
  { Effect: "Allow", Action: actions, Resource: "*" },
];

type Row = {
  name: string;
  path: string;
  version: string;
  published: `${number}-${number}-${number}`;
  description: string;
  statements: readonly Statement[];
};

const rows: readonly Row[] = [
  {
    name: "AmazonEC2ContainerRegistryReadOnly",
    path: "/",
    version: "v3",
    published: "2015-12-21",
    description: "Read-only access to ECR repositories",
    statements: allow(readOnly),
  },
  {
    name: "AmazonEC2ContainerRegistryPowerUser",
    path: "/",
    version: "v3",
    published: "2015-12-21",
    description: "Read and write access to ECR repositories, without deletions and policies",
    statements: allow([...readOnly, ...of("ecr", upload)]),
  },
  {
    name: "AmazonEC2ContainerRegistryPullOnly",
    path: "/",
    version: "v1",
    published: "2024-10-04",
    description: "Pulls from ECR repositories and through their caches",
    statements: allow(
      of("ecr", [
        "GetAuthorizationToken",
        "BatchGetImage",
        "GetDownloadUrlForLayer",
        "BatchImportUpstreamImage",
      ]),
    ),
  },
  {
    name: "AmazonEC2ContainerRegistryFullAccess",
    path: "/",
    version: "v3",
    published: "2015-12-21",
    description: "Administrative access to ECR",
    statements: [
      ...allow(["ecr:*", "cloudtrail:LookupEvents"]),
      {
        Effect: "Allow",
        Action: ["iam:CreateServiceLinkedRole"],
        Resource: "*",
        Condition: { StringEquals: { "iam:AWSServiceName": ["replication.ecr.amazonaws.com"] } },
      },
    ],
  },
  {
    name: "AWSECRPullThroughCache_ServiceRolePolicy",
    path: "/aws-service-role/",
    version: "v3",
    published: "2021-11-26",
    description: "What ECR does for pull-through cache rules",
    statements: [
      ...allow(
        of("ecr", [
          "GetAuthorizationToken",
          "BatchCheckLayerAvailability",
          ...upload,
          "BatchGetImage",
          "BatchImportUpstreamImage",
          "GetDownloadUrlForLayer",
          "GetImageCopyStatus",
        ]),
      ),
      {
        Effect: "Allow",
        Action: ["secretsmanager:GetSecretValue"],
        Resource: "arn:aws:secretsmanager:*:*:secret:ecr-pullthroughcache/*",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy language
        Condition: { StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" } },
      },
    ],
  },
  {
    name: "ECRReplicationServiceRolePolicy",
    path: "/aws-service-role/",
    version: "v1",
    published: "2020-12-04",
    description: "What ECR does for replication",
    statements: allow(of("ecr", ["CreateRepository", "ReplicateImage"])),
  },
  {
    name: "ECRTemplateServiceRolePolicy",
    path: "/aws-service-role/",
    version: "v1",
    published: "2024-06-20",
    description: "What ECR does for repository creation templates",
    statements: allow(of("ecr", ["CreateRepository"])),
  },
  {
    name: "AWSAppRunnerServicePolicyForECRAccess",
    path: "/service-role/",
    version: "v1",
    published: "2021-05-14",
    description: "Pulls from ECR repositories by App Runner",
    statements: allow(
      of("ecr", [
        "GetDownloadUrlForLayer",
        "BatchGetImage",
        "DescribeImages",
        "GetAuthorizationToken",
        "BatchCheckLayerAvailability",
      ]),
    ),
  },
  {
    name: "AmazonElasticContainerRegistryPublicFullAccess",
    path: "/",
    version: "v1",
    published: "2020-12-01",
    description: "Administrative access to ECR Public",
    statements: allow(["ecr-public:*", "sts:GetServiceBearerToken"]),
  },
  {
    name: "AmazonElasticContainerRegistryPublicReadOnly",
    path: "/",
    version: "v1",
    published: "2020-12-01",
    description: "Read-only access to ECR Public repositories",
    statements: allow(publicReadOnly),
  },
  {
    name: "AmazonElasticContainerRegistryPublicPowerUser",
    path: "/",
    version: "v1",
    published: "2020-12-01",
    description: "Read and write access to ECR Public repositories, without deletions and policies",
    statements: allow([...publicReadOnly, ...of("ecr-public", upload)]),
  },
  {
    name: "AdministratorAccess",
    path: "/",
    version: "v1",
    published: "2015-02-06",
    description: "Everything",
    statements: allow("*"),
  },
  {
    name: "IAMFullAccess",
    path: "/",
    version: "v2",
    published: "2015-02-06",
    description: "Administrative access to IAM",
    statements: allow(["iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization"]),
  },
  {
    name: "IAMReadOnlyAccess",
    path: "/",
    version: "v4",
    published: "2015-02-06",
    description: "Read-only access to IAM",
    statements: allow(of("iam", ["Get*", "List*", "Simulate*"])),
  },
];

/** By ARN, in the order of their names. */
export const awsPolicies: ReadonlyMap<string, AwsPolicy> = new Map(
  rows
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ statements, published, ...row }) => {
      const arn = `arn:aws:iam::aws:policy${row.path}${row.name}`;
      const policy = {
        ...row,
        arn,
        id: idOf(row.name),
        createdAt: Date.parse(published),
        document: JSON.stringify({ Version: "2012-10-17", Statement: statements }),
      };
      return [arn, policy];
    }),
);
