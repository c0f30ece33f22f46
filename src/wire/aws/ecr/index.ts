/** ECR's operations, one row each: a row is the only way in. The type makes an operation without a row a compile error. */
import type { Action } from "../../../access/decisions/authority.ts";
import { tagsByKey } from "../../../access/decisions/resource-policies.ts";
import { type RepositoryAddress, repositoryArn } from "../../../lib/arn.ts";
import { findManifest } from "../../../registry/images.ts";
import { tagsLeadingTo } from "../../../registry/tags.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
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
import { getAccountSetting, putAccountSetting } from "./account-settings.ts";
import { batchDeleteImage, batchGetImage, describeImages, listImages, putImage } from "./images.ts";
import {
  batchCheckLayerAvailability,
  completeLayerUpload,
  getDownloadUrlForLayer,
  initiateLayerUpload,
  uploadLayerPart,
} from "./layers.ts";
import { deleteRepositoryPolicy, getRepositoryPolicy, setRepositoryPolicy } from "./policies.ts";
import { deleteRegistryPolicy, getRegistryPolicy, putRegistryPolicy } from "./registry-policies.ts";
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

type ImageId = { imageTag?: string | undefined; imageDigest?: string | undefined };

/** An operation on images of a repository: the caller is asked about each of them, for `ecr:ImageTag`. */
function onImages<Input extends RepositoryInput, Output>(
  action: Action,
  images: (input: Input) => readonly ImageId[],
  run: Operation<Input, Output>["run"],
): Operation<Input, Output> {
  const resources: Operation<Input, Output>["resources"] = (call, input) => {
    const address = repositoryIn(call, input);
    return images(input).map((image) => ({
      ...imageResource(call, address, image),
      imageDigest: digestOf(call, address, image),
    }));
  };
  return { actions: () => [action], resources, run };
}

function imageResource(call: Call, address: RepositoryAddress, { imageTag, imageDigest }: ImageId): Resource {
  const keys = new Map<string, readonly string[]>();
  if (imageTag !== undefined) keys.set("ecr:imagetag", [imageTag]);
  if (imageDigest !== undefined) keys.set("ecr:imagedigest", [imageDigest]);
  const resource = { ...repositoryResource(address), keys };
  if (imageDigest === undefined || imageTag !== undefined) return resource;
  return { ...resource, imageTags: () => tagsLeadingTo(call.db.read, address, imageDigest) };
}

/** The digest of an image that is named by a tag alone. */
function digestOf(
  call: Call,
  address: RepositoryAddress,
  { imageTag: tag, imageDigest }: ImageId,
): Resource["imageDigest"] {
  if (tag === undefined || imageDigest !== undefined) return undefined;
  return async () => (await findManifest(call.db.read, address, { tag }))?.digest;
}

/** What a request says about the tags that it gives. */
function tagKeys(
  tags: readonly { Key?: string | undefined; Value?: string | undefined }[],
): Resource["keys"] {
  if (tags.length === 0) return undefined;
  const keys = tags.map(({ Key = "" }) => Key);
  return new Map<string, readonly string[]>([
    ["aws:tagkeys", keys],
    ...[...tagsByKey(tags.map(({ Key = "", Value = "" }) => ({ key: Key, value: Value })))].map(
      ([key, value]) => [`aws:requesttag/${key}`, [value]] as const,
    ),
  ]);
}

/** An operation on the repository that `resourceArn` names. */
function onArn<Input extends { resourceArn: string }, Output>(
  action: Action,
  run: Operation<Input, Output>["run"],
  keys?: (input: Input) => Resource["keys"],
): Operation<Input, Output> {
  return {
    actions: () => [action],
    resources: (call, input) => [
      { ...repositoryResource(taggedRepository(call, input)), keys: keys?.(input) },
    ],
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

/** An operation on a setting of the registry, whose name policies can ask for. */
function onSetting<Input extends { name: string }, Output>(
  action: Action,
  run: Operation<Input, Output>["run"],
): Operation<Input, Output> {
  const resources: Operation<Input, Output>["resources"] = (call, { name }) => {
    const keys = new Map([["ecr:accountsetting", [name]]]);
    return anyResource(call).map((resource) => ({ ...resource, keys }));
  };
  return { actions: () => [action], resources, run };
}

export const ecrOperations: {
  readonly [Name in EcrOperationName]: Row<EcrOperations[Name]["input"], EcrOperations[Name]["output"]>;
} = {
  BatchCheckLayerAvailability: onRepository("ecr:BatchCheckLayerAvailability", batchCheckLayerAvailability),
  BatchDeleteImage: onImages("ecr:BatchDeleteImage", ({ imageIds }) => imageIds, batchDeleteImage),
  BatchGetImage: onImages("ecr:BatchGetImage", ({ imageIds }) => imageIds, batchGetImage),
  BatchGetRepositoryScanningConfiguration: notOffered,
  CompleteLayerUpload: onRepository("ecr:CompleteLayerUpload", completeLayerUpload),
  CreatePullThroughCacheRule: notOffered,
  CreateRepository: {
    // Making a repository with tags tags it too (IAM, "control tagging during resource creation").
    actions: (input) => [
      "ecr:CreateRepository",
      ...((input.tags ?? []).length > 0 ? (["ecr:TagResource"] as const) : []),
    ],
    resources: (call, input) => [
      { ...repositoryResource(repositoryIn(call, input)), keys: tagKeys(input.tags ?? []) },
    ],
    run: createRepository,
  },
  CreateRepositoryCreationTemplate: notOffered,
  DeleteLifecyclePolicy: notOffered,
  DeletePullThroughCacheRule: notOffered,
  DeleteRegistryPolicy: onRegistry("ecr:DeleteRegistryPolicy", deleteRegistryPolicy),
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
  GetAccountSetting: onSetting("ecr:GetAccountSetting", getAccountSetting),
  GetAuthorizationToken: onRegistry("ecr:GetAuthorizationToken", getAuthorizationToken),
  GetDownloadUrlForLayer: onRepository("ecr:GetDownloadUrlForLayer", getDownloadUrlForLayer),
  GetLifecyclePolicy: notOffered,
  GetLifecyclePolicyPreview: notOffered,
  GetRegistryPolicy: onRegistry("ecr:GetRegistryPolicy", getRegistryPolicy),
  GetRegistryScanningConfiguration: notOffered,
  GetRepositoryPolicy: onRepository("ecr:GetRepositoryPolicy", getRepositoryPolicy),
  GetSigningConfiguration: notOffered,
  InitiateLayerUpload: onRepository("ecr:InitiateLayerUpload", initiateLayerUpload),
  ListImageReferrers: notOffered,
  ListImages: onRepository("ecr:ListImages", listImages),
  ListPullTimeUpdateExclusions: notOffered,
  ListReplicationBackfills: notOffered,
  ListTagsForResource: onArn("ecr:ListTagsForResource", listTagsForResource),
  PutAccountSetting: onSetting("ecr:PutAccountSetting", putAccountSetting),
  PutImage: {
    actions: () => ["ecr:PutImage"],
    // The image that the tag means so far is not the one that comes.
    resources: (call, input) => [imageResource(call, repositoryIn(call, input), input)],
    run: putImage,
  },
  PutImageScanningConfiguration: onRepository(
    "ecr:PutImageScanningConfiguration",
    putImageScanningConfiguration,
  ),
  PutImageTagMutability: onRepository("ecr:PutImageTagMutability", putImageTagMutability),
  PutLifecyclePolicy: notOffered,
  PutRegistryPolicy: onRegistry("ecr:PutRegistryPolicy", putRegistryPolicy),
  PutRegistryScanningConfiguration: notOffered,
  PutReplicationConfiguration: notOffered,
  PutSigningConfiguration: notOffered,
  RegisterPullTimeUpdateExclusion: notOffered,
  SetRepositoryPolicy: onRepository("ecr:SetRepositoryPolicy", setRepositoryPolicy),
  StartImageScan: notOffered,
  StartLifecyclePolicyPreview: notOffered,
  StartReplicationBackfill: notOffered,
  StopReplicationBackfill: notOffered,
  TagResource: onArn("ecr:TagResource", tagResource, ({ tags }) => tagKeys(tags)),
  UntagResource: onArn(
    "ecr:UntagResource",
    untagResource,
    ({ tagKeys: keys }) => new Map([["aws:tagkeys", keys]]),
  ),
  UpdateImageStorageClass: notOffered,
  UpdatePullThroughCacheRule: notOffered,
  UpdateRepositoryCreationTemplate: notOffered,
  UploadLayerPart: onRepository("ecr:UploadLayerPart", uploadLayerPart),
  ValidatePullThroughCacheRule: notOffered,
};

/** Operations whose input carries content, and so may be large. */
export const largeInputs: ReadonlySet<string> = new Set<EcrOperationName>(["UploadLayerPart", "PutImage"]);
