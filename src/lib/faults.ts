/**
 * Everything that can go wrong for a caller, named once. The names are ECR's exceptions without "Exception" where ECR
 * has one, and the messages are ECR's sentences; the doors turn a fault into an OCI code or an AWS exception
 * (`wire/errors.ts`). Anything thrown that is not a fault is a defect of ours and leaves without detail.
 */

type InRepository = { repositoryName: string; registryId: string };

const messages = {
  // Repositories
  RepositoryNotFound: (a: InRepository) =>
    `The repository with name '${a.repositoryName}' does not exist in the registry with id '${a.registryId}'`,
  RepositoryAlreadyExists: (a: InRepository) =>
    `The repository with name '${a.repositoryName}' already exists in the registry with id '${a.registryId}'`,
  RepositoryNotEmpty: (a: InRepository) =>
    `The repository with name '${a.repositoryName}' in registry with id '${a.registryId}' cannot be deleted because it still contains images`,
  RepositoryPolicyNotFound: (a: InRepository) =>
    `Repository policy does not exist for the repository with name '${a.repositoryName}' in the registry with id '${a.registryId}'`,
  RegistryPolicyNotFound: (a: { registryId: string }) =>
    `Registry policy does not exist in the registry with id '${a.registryId}'`,
  RegistryNotFound: (a: { registryId: string; region: string }) =>
    `There is no account '${a.registryId}' with a registry in region '${a.region}' in this installation`,

  // Images and tags
  ImageNotFound: (a: InRepository & { imageDigest?: string | undefined; imageTag?: string | undefined }) =>
    `The image with imageId {imageDigest:'${a.imageDigest ?? "null"}', imageTag:'${a.imageTag ?? "null"}'} does not exist within the repository with name '${a.repositoryName}' in the registry with id '${a.registryId}'`,
  ManifestUnknown: () => "Requested image not found",
  ImageAlreadyExists: (a: InRepository & { imageDigest: string; imageTag?: string | undefined }) =>
    `Image with digest '${a.imageDigest}' and tag '${a.imageTag ?? "null"}' already exists in the repository with name '${a.repositoryName}' in registry with id '${a.registryId}'`,
  ImageTagAlreadyExists: (a: InRepository & { imageTag: string }) =>
    `The image tag '${a.imageTag}' already exists in the '${a.repositoryName}' repository and cannot be overwritten because the tag is immutable.`,
  ImageDigestDoesNotMatch: (a: { given: string; calculated: string }) =>
    `The given image digest '${a.given}' does not match the digest of the image manifest, '${a.calculated}'`,
  ImageReferencedByManifestList: (a: { digests: readonly string[] }) =>
    `Requested image referenced by manifest list: [${a.digests.join(", ")}]`,
  LayersNotFound: (a: InRepository & { digests: readonly string[] }) =>
    `Layers with digests '[${a.digests.join(", ")}]' required for pushing image into repository with name '${a.repositoryName}' in the registry with id '${a.registryId}' do not exist`,
  ReferencedImagesNotFound: (a: InRepository & { digests: readonly string[] }) =>
    `Images with digests '[${a.digests.join(", ")}]' required for pushing image into repository with name '${a.repositoryName}' in the registry with id '${a.registryId}' do not exist`,
  TagLimitExceeded: (a: InRepository & { imageTag: string; limit: number }) =>
    `Adding tag '${a.imageTag}' to an image in the repository with name '${a.repositoryName}' in registry with id '${a.registryId}' exceeds the maximum allowed number of tags per image which is '${a.limit}'`,
  ManifestInvalid: (a: { reason: string }) =>
    `Invalid parameter at 'ImageManifest' failed to satisfy constraint: '${a.reason}'`,
  ManifestsTooLarge: (a: { limitBytes: number }) =>
    `The manifests of the images together exceed ${a.limitBytes} bytes; ask for fewer images at a time`,
  ManifestTooLarge: (a: { limitBytes: number }) =>
    `Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'must not be larger than ${a.limitBytes} bytes'`,

  // Layers and uploads
  BlobUnknown: (a: InRepository & { digest: string }) =>
    `The layer with digest '${a.digest}' does not exist within the repository with name '${a.repositoryName}' in the registry with id '${a.registryId}'`,
  BlobReferenced: (a: { digest: string; images: readonly string[] }) =>
    `The layer with digest '${a.digest}' is needed by images [${a.images.join(", ")}]; delete those first`,
  LayerNotFound: (a: InRepository & { digest: string }) =>
    `The layer with digest ${a.digest} does not exist within the repository with name '${a.repositoryName}' in the registry with id '${a.registryId}'`,
  LayerAlreadyExists: (a: InRepository & { digest: string }) =>
    `The layer with digest '${a.digest}' already exists in the repository with name '${a.repositoryName}' in registry with id '${a.registryId}'`,
  UploadNotFound: (a: InRepository & { uploadId: string }) =>
    `The upload with id '${a.uploadId}' does not exist in the repository with name '${a.repositoryName}' in the registry with id '${a.registryId}'`,
  UploadBusy: (a: { uploadId: string }) =>
    `Another request is writing to the upload with id '${a.uploadId}'. Wait until it ends, ask for the upload's status, and go on from there.`,
  EmptyUpload: (a: InRepository & { uploadId: string }) =>
    `The upload with id '${a.uploadId}' in the repository with name '${a.repositoryName}' in registry with id '${a.registryId}' cannot be completed because it does not have any parts.`,
  InvalidLayer: (a: { given: readonly string[]; calculated: string }) =>
    `None of the provided layer digests match the calculated layer digest. Provided: [${a.given.join(", ")}], calculated: ${a.calculated}`,
  InvalidLayerPart: (a: { firstByte: number; expected: number }) =>
    `First byte of the layer part is ${a.firstByte} instead of ${a.expected}`,
  LayerPartTooSmall: () => "All layer parts except the last part should be at least 5MB",
  LayerTooLarge: (a: { limitBytes: number }) => `A layer must not be larger than ${a.limitBytes} bytes`,
  DigestInvalid: (a: { digest: string }) =>
    `The digest '${a.digest}' is not one that this registry knows. It must be 'sha256:' and 64, or 'sha512:' and 128, lower-case hexadecimal digits.`,
  SizeInvalid: (a: { stated: number; received: number }) =>
    `The request said that its body has ${a.stated} bytes, and ${a.received} bytes came`,
  ContentRangeInvalid: (a: { value: string }) =>
    `The Content-Range '${a.value}' is not of the form 'FIRST-LAST' with FIRST not after LAST`,
  RangeNotSatisfiable: (a: { value: string; sizeBytes: number }) =>
    `The range '${a.value}' lies outside of the content, which has ${a.sizeBytes} bytes`,

  // Input
  InvalidParameter: (a: { at: string; reason: string }) =>
    `Invalid parameter at '${a.at}' failed to satisfy constraint: '${a.reason}'`,
  /** The framework's style: one sentence for all failed constraints of a request. */
  ConstraintsFailed: (a: { failures: readonly string[] }) =>
    `${a.failures.length} validation error${a.failures.length === 1 ? "" : "s"} detected: ${a.failures.join("; ")}`,
  InvalidTagParameter: (a: { reason: string }) => `Invalid tag: ${a.reason}`,
  TooManyTags: (a: { limit: number }) => `A resource can have at most ${a.limit} tags`,
  NameInvalid: (a: { name: string; pattern: string }) =>
    `Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '${a.pattern}'', got '${a.name}'`,
  TagInvalid: (a: { tag: string; pattern: string }) =>
    `Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression '${a.pattern}'', got '${a.tag}'`,
  PageSizeInvalid: (a: { value: string }) =>
    `The page size n='${a.value}' is not a whole number of 0 or more`,
  MalformedInput: (a: { reason: string }) => a.reason,
  RequestTooLarge: (a: { limitBytes: number }) =>
    `The request body must not be larger than ${a.limitBytes} bytes`,
  NotOffered: (a: { operation: string }) => `The operation ${a.operation} is not offered by this registry`,
  UnknownOperation: (a: { operation: string }) =>
    a.operation === "" ? "The request names no operation" : `The operation '${a.operation}' is not known`,
  RouteNotFound: (a: { method: string; path: string }) => `There is nothing at ${a.method} ${a.path}`,
  MethodNotAllowed: (a: { method: string; allowed: readonly string[] }) =>
    `The method ${a.method} is not allowed here; allowed are ${a.allowed.join(", ")}`,

  // Identities (IAM)
  NoSuchEntity: (a: { kind: string; name: string }) => `The ${a.kind} with name ${a.name} cannot be found.`,
  EntityAlreadyExists: (a: { kind: string; name: string }) =>
    `${`${a.kind}`.replace(/^./, (first) => first.toUpperCase())} with name ${a.name} already exists.`,
  /** Of what IAM names in other words than the two above. */
  EntityNotFound: (a: { reason: string }) => a.reason,
  EntityExists: (a: { reason: string }) => a.reason,
  DeleteConflict: (a: { reason: string }) => a.reason,
  EntityLimitExceeded: (a: { reason: string }) => a.reason,
  MalformedPolicyDocument: (a: { reason: string }) => a.reason,
  InvalidInput: (a: { reason: string }) => a.reason,
  UnmodifiableEntity: (a: { reason: string }) => a.reason,
  PasswordPolicyViolation: (a: { reason: string }) => a.reason,
  InvalidUserType: (a: { reason: string }) => a.reason,
  /** A constraint of IAM between the members of an input, or between an input and who sends it. */
  ValidationFailed: (a: { reason: string }) => a.reason,
  PolicyNotAttachable: (a: { reason: string }) => a.reason,

  // Sessions (STS)
  InvalidParameterValue: (a: { reason: string }) => a.reason,
  PackedPolicyTooLarge: (a: { percent: number }) =>
    `The session's policies and tags together take ${a.percent}% of the allowed space; pass fewer or shorter ones`,
  InvalidIdentityToken: (a: { reason: string }) => a.reason,
  ExpiredIdentityToken: (a: { now: number; expiresAt: number }) =>
    `Token expired: current date/time ${a.now} must be before the expiration date/time ${a.expiresAt}`,
  IdpRejectedClaim: (a: { reason: string }) => a.reason,
  IdpCommunicationError: (a: { issuer: string; reason: string }) =>
    `The identity provider '${a.issuer}' could not be asked for its keys: ${a.reason}`,
  InvalidAuthorizationMessage: () =>
    "The message is not an authorization message of this registry for your account, or it was altered",

  // Organizations
  AlreadyInOrganization: () => "The AWS account is already a member of an organization.",
  AccountNotFound: (a: { accountId: string }) =>
    `You specified an account that doesn't exist: '${a.accountId}' is no member of the organization.`,
  AccountAlreadyClosed: (a: { accountId: string }) => `The account '${a.accountId}' is already closed.`,
  CreateAccountStatusNotFound: (a: { id: string }) => `There is no request '${a.id}' to create an account.`,
  RootNotFound: (a: { id: string }) => `You specified a root that doesn't exist: '${a.id}'.`,
  ParentNotFound: (a: { id: string }) => `You specified parent that doesn't exist: '${a.id}'.`,
  SourceParentNotFound: (a: { id: string }) =>
    `We can't find a source root or OU with the ParentId that you specified: '${a.id}'; all accounts are in the root here.`,
  DestinationParentNotFound: (a: { id: string }) =>
    `We can't find the destination container (a root or OU) with the ParentId that you specified: '${a.id}'; all accounts are in the root here.`,
  DuplicateAccount: (a: { accountId: string; id: string }) =>
    `The account '${a.accountId}' is already present in the specified destination '${a.id}'.`,
  ManagementAccountCannotLeave: (a: { accountId: string }) =>
    `You can't remove the management account '${a.accountId}' from the organization.`,
  ChildNotFound: (a: { id: string }) => `You specified a child that doesn't exist: '${a.id}'.`,
  OrganizationalUnitNotFound: (a: { id: string }) =>
    `You specified an organizational unit that doesn't exist: '${a.id}'; all accounts are in the root here.`,
  TargetNotFound: (a: { id: string }) => `You specified a target that doesn't exist: '${a.id}'.`,
  OrganizationPolicyNotFound: (a: { id: string }) => `You specified a policy that doesn't exist: '${a.id}'.`,
  DuplicatePolicy: (a: { name: string }) => `A policy with the same name already exists: '${a.name}'.`,
  DuplicatePolicyAttachment: (a: { policyId: string; targetId: string }) =>
    `The policy '${a.policyId}' is already attached to '${a.targetId}'.`,
  PolicyInUse: (a: { policyId: string }) =>
    `The policy '${a.policyId}' is attached to one or more entities. You must detach it from all roots and accounts before performing this operation.`,
  PolicyNotAttached: (a: { policyId: string; targetId: string }) =>
    `The policy '${a.policyId}' isn't attached to the target '${a.targetId}'.`,
  PolicyTypeAlreadyEnabled: (a: { type: string }) =>
    `The policy type ${a.type} is already enabled in the specified root.`,
  PolicyTypeNotEnabled: (a: { type: string }) =>
    `The policy type ${a.type} isn't enabled in the root of the organization.`,
  PolicyTypeNotAvailable: (a: { type: string }) =>
    `The policy type ${a.type} is not offered here; SERVICE_CONTROL_POLICY is.`,
  ConstraintViolation: (a: { reason: string }) => a.reason,

  // The audit (CloudTrail)
  InvalidLookupAttributes: (a: { reason: string }) => a.reason,
  InvalidTimeRange: () => "The StartTime must not be after the EndTime.",
  InvalidNextToken: () => "The NextToken is none that a call with the same parameters answered.",
  InvalidMaxResults: () => "The MaxResults is invalid. Specify a value between 1 and 50.",

  // Access
  AccessDenied: (a: { sentence: string }) => a.sentence,
  /** No or bad credentials on the registry door: 401 with a challenge. `reason` says which. */
  Unauthorized: (a: { reason: string }) => a.reason,
  MissingAuthenticationToken: () => "Missing Authentication Token",
  IncompleteSignature: (a: { reason: string }) => a.reason,
  InvalidSignature: (a: { reason: string }) => a.reason,
  UnrecognizedClient: () => "The security token included in the request is invalid.",
  ExpiredToken: () => "The security token included in the request is expired",

  // Ours
  StorageFull: () =>
    "There is no space left on the registry's storage. Nothing of what was stored before is lost; try again when there is space.",
  ShuttingDown: () => "The registry is shutting down; try again in a moment",
  Server: () => "The registry met an unexpected condition; the request id leads to it in its log",
} as const;

export type FaultName = keyof typeof messages;
type FaultArguments<N extends FaultName> = Parameters<(typeof messages)[N]>;

/** Members that a modelled exception carries beside its message, such as `lastValidByteReceived`. */
type FaultMembers = Readonly<Record<string, string | number>>;

/** A failure that the caller is told about. Made by {@link fault} only, so that every message comes from the table. */
export class Fault extends Error {
  override readonly name = "Fault";
  constructor(
    readonly fault: FaultName,
    message: string,
    readonly members: FaultMembers,
  ) {
    super(message);
  }
}

/** Makes the fault `name` with its sentence. `members` are added to the body on the AWS door. */
export function fault<N extends FaultName>(name: N, ...rest: [...FaultArguments<N>, FaultMembers?]): Fault {
  const message = messages[name] as (...args: readonly unknown[]) => string;
  const members = rest.length > message.length ? (rest.at(-1) as FaultMembers) : {};
  return new Fault(name, message(...rest), members);
}

/** Every fault there is, for the tables and documents that must name each one. */
export const faultNames = Object.keys(messages) as readonly FaultName[];
