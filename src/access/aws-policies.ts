/**
 * AWS's managed policies that concern a registry, under their own ARNs and with their own action lists (AWS managed
 * policy reference), and the few general ones that everybody attaches.
 */

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
  document: string;
};

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
  description: string;
  statements: readonly Statement[];
};

const rows: readonly Row[] = [
  {
    name: "AmazonEC2ContainerRegistryReadOnly",
    path: "/",
    version: "v3",
    description: "Read-only access to ECR repositories",
    statements: allow(readOnly),
  },
  {
    name: "AmazonEC2ContainerRegistryPowerUser",
    path: "/",
    version: "v3",
    description: "Read and write access to ECR repositories, without deletions and policies",
    statements: allow([...readOnly, ...of("ecr", upload)]),
  },
  {
    name: "AmazonEC2ContainerRegistryPullOnly",
    path: "/",
    version: "v1",
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
    description: "What ECR does for replication",
    statements: allow(of("ecr", ["CreateRepository", "ReplicateImage"])),
  },
  {
    name: "ECRTemplateServiceRolePolicy",
    path: "/aws-service-role/",
    version: "v1",
    description: "What ECR does for repository creation templates",
    statements: allow(of("ecr", ["CreateRepository"])),
  },
  {
    name: "AWSAppRunnerServicePolicyForECRAccess",
    path: "/service-role/",
    version: "v1",
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
    description: "Administrative access to ECR Public",
    statements: allow(["ecr-public:*", "sts:GetServiceBearerToken"]),
  },
  {
    name: "AmazonElasticContainerRegistryPublicReadOnly",
    path: "/",
    version: "v1",
    description: "Read-only access to ECR Public repositories",
    statements: allow(publicReadOnly),
  },
  {
    name: "AmazonElasticContainerRegistryPublicPowerUser",
    path: "/",
    version: "v1",
    description: "Read and write access to ECR Public repositories, without deletions and policies",
    statements: allow([...publicReadOnly, ...of("ecr-public", upload)]),
  },
  {
    name: "AdministratorAccess",
    path: "/",
    version: "v1",
    description: "Everything",
    statements: allow("*"),
  },
  {
    name: "IAMFullAccess",
    path: "/",
    version: "v2",
    description: "Administrative access to IAM",
    statements: allow(["iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization"]),
  },
  {
    name: "IAMReadOnlyAccess",
    path: "/",
    version: "v4",
    description: "Read-only access to IAM",
    statements: allow(of("iam", ["Get*", "List*", "Simulate*"])),
  },
];

/** By ARN, in the order of their names. */
export const awsPolicies: ReadonlyMap<string, AwsPolicy> = new Map(
  rows
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ statements, ...row }) => {
      const arn = `arn:aws:iam::aws:policy${row.path}${row.name}`;
      return [
        arn,
        { ...row, arn, document: JSON.stringify({ Version: "2012-10-17", Statement: statements }) },
      ];
    }),
);
