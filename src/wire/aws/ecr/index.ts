/** ECR's operations, one row each: a row is the only way in. The type makes an operation without a row a compile error. */
import type { Action } from "../../../access/authorize.ts";
import { repositoryArn } from "../../../lib/arn.ts";
import type { EcrOperationName, EcrOperations } from "../contract/ecr-operations.ts";
import {
  anyResource,
  notOffered,
  type Operation,
  type Row,
  registryIn,
  repositoryIn,
  repositoryResource,
} from "../operation.ts";
import { batchDeleteImage, batchGetImage, describeImages, listImages, putImage } from "./images.ts";
import {
  batchCheckLayerAvailability,
  completeLayerUpload,
  getDownloadUrlForLayer,
  initiateLayerUpload,
  uploadLayerPart,
} from "./layers.ts";
import { deleteRepositoryPolicy, getRepositoryPolicy, setRepositoryPolicy } from "./policies.ts";
import {
  createRepository,
  deleteRepository,
  describeRegistry,
  describeRepositories,
  putImageScanningConfiguration,
  putImageTagMutability,
} from "./repositories.ts";
import { listTagsForResource, taggedRepository, tagResource, untagResource } from "./tags.ts";
import { getAuthorizationToken } from "./tokens.ts";

type RepositoryInput = { registryId?: string | undefined; repositoryName: string };

/** An operation on the repository that `repositoryName` names. */
function onRepository<Input extends RepositoryInput, Output>(
  action: Action,
  run: Operation<Input, Output>["run"],
): Operation<Input, Output> {
  return {
    actions: () => [action],
    resources: (call, input) => [repositoryResource(repositoryIn(call, input))],
    run,
  };
}

/** An operation on the repository that `resourceArn` names. */
function onArn<Input extends { resourceArn: string }, Output>(
  action: Action,
  run: Operation<Input, Output>["run"],
): Operation<Input, Output> {
  return {
    actions: () => [action],
    resources: (call, input) => [repositoryResource(taggedRepository(call, input))],
    run,
  };
}

/** An operation on the registry as a whole, which IAM gives no resource. */
function onRegistry<Input, Output>(
  action: Action,
  run: Operation<Input, Output>["run"],
): Operation<Input, Output> {
  return { actions: () => [action], resources: (call) => anyResource(call), run };
}

export const ecrOperations: {
  readonly [Name in EcrOperationName]: Row<EcrOperations[Name]["input"], EcrOperations[Name]["output"]>;
} = {
  BatchCheckLayerAvailability: onRepository("ecr:BatchCheckLayerAvailability", batchCheckLayerAvailability),
  BatchDeleteImage: onRepository("ecr:BatchDeleteImage", batchDeleteImage),
  BatchGetImage: onRepository("ecr:BatchGetImage", batchGetImage),
  BatchGetRepositoryScanningConfiguration: notOffered,
  CompleteLayerUpload: onRepository("ecr:CompleteLayerUpload", completeLayerUpload),
  CreatePullThroughCacheRule: notOffered,
  CreateRepository: {
    // Making a repository with tags tags it too (IAM, "control tagging during resource creation").
    actions: (input) => [
      "ecr:CreateRepository",
      ...((input.tags ?? []).length > 0 ? (["ecr:TagResource"] as const) : []),
    ],
    resources: (call, input) => [repositoryResource(repositoryIn(call, input))],
    run: createRepository,
  },
  CreateRepositoryCreationTemplate: notOffered,
  DeleteLifecyclePolicy: notOffered,
  DeletePullThroughCacheRule: notOffered,
  DeleteRegistryPolicy: notOffered,
  DeleteRepository: onRepository("ecr:DeleteRepository", deleteRepository),
  DeleteRepositoryCreationTemplate: notOffered,
  DeleteRepositoryPolicy: onRepository("ecr:DeleteRepositoryPolicy", deleteRepositoryPolicy),
  DeleteSigningConfiguration: notOffered,
  DeregisterPullTimeUpdateExclusion: notOffered,
  DescribeImageReplicationStatus: notOffered,
  DescribeImageScanFindings: notOffered,
  DescribeImageSigningStatus: notOffered,
  DescribeImages: onRepository("ecr:DescribeImages", describeImages),
  DescribePullThroughCacheRules: notOffered,
  DescribeRegistry: onRegistry("ecr:DescribeRegistry", describeRegistry),
  DescribeReplicationBackfillResults: notOffered,
  DescribeRepositories: {
    actions: () => ["ecr:DescribeRepositories"],
    // Without names it is asked about all of them at once.
    resources: (call, input) =>
      (input.repositoryNames ?? ["*"]).map((repositoryName) => {
        const registry = registryIn(call, input);
        return { arn: repositoryArn({ ...registry, repositoryName }), accountId: registry.accountId };
      }),
    run: describeRepositories,
  },
  DescribeRepositoryCreationTemplates: notOffered,
  GetAccountSetting: notOffered,
  GetAuthorizationToken: onRegistry("ecr:GetAuthorizationToken", getAuthorizationToken),
  GetDownloadUrlForLayer: onRepository("ecr:GetDownloadUrlForLayer", getDownloadUrlForLayer),
  GetLifecyclePolicy: notOffered,
  GetLifecyclePolicyPreview: notOffered,
  GetRegistryPolicy: notOffered,
  GetRegistryScanningConfiguration: notOffered,
  GetRepositoryPolicy: onRepository("ecr:GetRepositoryPolicy", getRepositoryPolicy),
  GetSigningConfiguration: notOffered,
  InitiateLayerUpload: onRepository("ecr:InitiateLayerUpload", initiateLayerUpload),
  ListImageReferrers: notOffered,
  ListImages: onRepository("ecr:ListImages", listImages),
  ListPullTimeUpdateExclusions: notOffered,
  ListReplicationBackfills: notOffered,
  ListTagsForResource: onArn("ecr:ListTagsForResource", listTagsForResource),
  PutAccountSetting: notOffered,
  PutImage: onRepository("ecr:PutImage", putImage),
  PutImageScanningConfiguration: onRepository(
    "ecr:PutImageScanningConfiguration",
    putImageScanningConfiguration,
  ),
  PutImageTagMutability: onRepository("ecr:PutImageTagMutability", putImageTagMutability),
  PutLifecyclePolicy: notOffered,
  PutRegistryPolicy: notOffered,
  PutRegistryScanningConfiguration: notOffered,
  PutReplicationConfiguration: notOffered,
  PutSigningConfiguration: notOffered,
  RegisterPullTimeUpdateExclusion: notOffered,
  SetRepositoryPolicy: onRepository("ecr:SetRepositoryPolicy", setRepositoryPolicy),
  StartImageScan: notOffered,
  StartLifecyclePolicyPreview: notOffered,
  StartReplicationBackfill: notOffered,
  StopReplicationBackfill: notOffered,
  TagResource: onArn("ecr:TagResource", tagResource),
  UntagResource: onArn("ecr:UntagResource", untagResource),
  UpdateImageStorageClass: notOffered,
  UpdatePullThroughCacheRule: notOffered,
  UpdateRepositoryCreationTemplate: notOffered,
  UploadLayerPart: onRepository("ecr:UploadLayerPart", uploadLayerPart),
  ValidatePullThroughCacheRule: notOffered,
};

/** Operations whose input carries content, and so may be large. */
export const largeInputs: ReadonlySet<string> = new Set<EcrOperationName>(["UploadLayerPart", "PutImage"]);
