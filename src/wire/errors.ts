/**
 * How each fault looks at the doors: an OCI code (OCI distribution 1.1, "Error Codes") and an AWS exception. Both tables
 * name every fault, so a new one is a compile error until it has its place. docs/errors.md is made from them.
 */
import { Fault, type FaultName, fault } from "../lib/faults.ts";
import type { Log } from "../lib/log.ts";

type OciError = { status: number; code: string };
type AwsError = { status: number; name: string };

const denied = { status: 403, code: "DENIED" };
const unsupported = { status: 405, code: "UNSUPPORTED" };
const unauthorized = { status: 401, code: "UNAUTHORIZED" };
const internal = { status: 500, code: "UNKNOWN" };
const nameUnknown = { status: 404, code: "NAME_UNKNOWN" };
const manifestUnknown = { status: 404, code: "MANIFEST_UNKNOWN" };
const manifestInvalid = { status: 400, code: "MANIFEST_INVALID" };
const missingReference = { status: 404, code: "MANIFEST_BLOB_UNKNOWN" };
const uploadInvalid = { status: 400, code: "BLOB_UPLOAD_INVALID" };
const badRange = { status: 416, code: "BLOB_UPLOAD_INVALID" };
const badRequest = { status: 400, code: "UNSUPPORTED" };

export const ociErrors: Readonly<Record<FaultName, OciError>> = {
  RepositoryNotFound: nameUnknown,
  RepositoryAlreadyExists: badRequest,
  RepositoryNotEmpty: badRequest,
  RepositoryPolicyNotFound: badRequest,
  RegistryPolicyNotFound: badRequest,
  RegistryNotFound: nameUnknown,
  ImageNotFound: manifestUnknown,
  ManifestUnknown: manifestUnknown,
  ImageAlreadyExists: manifestInvalid,
  ImageTagAlreadyExists: { status: 400, code: "TAG_INVALID" },
  ImageDigestDoesNotMatch: { status: 400, code: "DIGEST_INVALID" },
  ImageReferencedByManifestList: unsupported,
  LayersNotFound: missingReference,
  ReferencedImagesNotFound: missingReference,
  TagLimitExceeded: denied,
  ManifestInvalid: manifestInvalid,
  ManifestsTooLarge: badRequest,
  ManifestTooLarge: { status: 413, code: "SIZE_INVALID" },
  BlobUnknown: { status: 404, code: "BLOB_UNKNOWN" },
  BlobReferenced: unsupported,
  LayerNotFound: { status: 404, code: "BLOB_UNKNOWN" },
  LayerAlreadyExists: uploadInvalid,
  UploadNotFound: { status: 404, code: "BLOB_UPLOAD_UNKNOWN" },
  UploadBusy: { status: 409, code: "BLOB_UPLOAD_INVALID" },
  EmptyUpload: uploadInvalid,
  InvalidLayer: { status: 400, code: "DIGEST_INVALID" },
  InvalidLayerPart: badRange,
  LayerPartTooSmall: uploadInvalid,
  LayerTooLarge: { status: 413, code: "SIZE_INVALID" },
  DigestInvalid: { status: 400, code: "DIGEST_INVALID" },
  SizeInvalid: { status: 400, code: "SIZE_INVALID" },
  ContentRangeInvalid: badRange,
  RangeNotSatisfiable: { status: 416, code: "UNSUPPORTED" },
  InvalidParameter: badRequest,
  ConstraintsFailed: badRequest,
  InvalidTagParameter: badRequest,
  TooManyTags: badRequest,
  NameInvalid: { status: 400, code: "NAME_INVALID" },
  TagInvalid: { status: 400, code: "TAG_INVALID" },
  PageSizeInvalid: badRequest,
  MalformedInput: badRequest,
  RequestTooLarge: { status: 413, code: "SIZE_INVALID" },
  NotOffered: unsupported,
  UnknownOperation: badRequest,
  RouteNotFound: { status: 404, code: "UNSUPPORTED" },
  MethodNotAllowed: unsupported,
  NoSuchEntity: badRequest,
  EntityAlreadyExists: badRequest,
  DeleteConflict: badRequest,
  EntityLimitExceeded: badRequest,
  MalformedPolicyDocument: badRequest,
  InvalidInput: badRequest,
  UnmodifiableEntity: badRequest,
  PasswordPolicyViolation: badRequest,
  InvalidUserType: badRequest,
  ValidationFailed: badRequest,
  EntityNotFound: badRequest,
  EntityExists: badRequest,
  PolicyNotAttachable: badRequest,
  InvalidParameterValue: badRequest,
  PackedPolicyTooLarge: badRequest,
  InvalidIdentityToken: badRequest,
  ExpiredIdentityToken: badRequest,
  IdpRejectedClaim: badRequest,
  IdpCommunicationError: badRequest,
  InvalidAuthorizationMessage: badRequest,
  AlreadyInOrganization: badRequest,
  AccountNotFound: badRequest,
  AccountAlreadyClosed: badRequest,
  CreateAccountStatusNotFound: badRequest,
  RootNotFound: badRequest,
  ParentNotFound: badRequest,
  SourceParentNotFound: badRequest,
  DestinationParentNotFound: badRequest,
  DuplicateAccount: badRequest,
  ManagementAccountCannotLeave: badRequest,
  ChildNotFound: badRequest,
  OrganizationalUnitNotFound: badRequest,
  TargetNotFound: badRequest,
  OrganizationPolicyNotFound: badRequest,
  DuplicatePolicy: badRequest,
  DuplicatePolicyAttachment: badRequest,
  PolicyInUse: badRequest,
  PolicyNotAttached: badRequest,
  PolicyTypeAlreadyEnabled: badRequest,
  PolicyTypeNotEnabled: badRequest,
  PolicyTypeNotAvailable: badRequest,
  ConstraintViolation: badRequest,
  InvalidLookupAttributes: badRequest,
  InvalidTimeRange: badRequest,
  InvalidNextToken: badRequest,
  InvalidMaxResults: badRequest,
  AccessDenied: denied,
  Unauthorized: unauthorized,
  MissingAuthenticationToken: unauthorized,
  IncompleteSignature: unauthorized,
  InvalidSignature: unauthorized,
  UnrecognizedClient: unauthorized,
  ExpiredToken: unauthorized,
  StorageFull: { status: 507, code: "UNKNOWN" },
  ShuttingDown: { status: 503, code: "UNKNOWN" },
  Server: internal,
};

const invalidParameter = { status: 400, name: "InvalidParameterException" };
const client = (name: string): AwsError => ({ status: 400, name });
const server = { status: 500, name: "ServerException" };

export const awsErrors: Readonly<Record<FaultName, AwsError>> = {
  RepositoryNotFound: client("RepositoryNotFoundException"),
  RepositoryAlreadyExists: client("RepositoryAlreadyExistsException"),
  RepositoryNotEmpty: client("RepositoryNotEmptyException"),
  RepositoryPolicyNotFound: client("RepositoryPolicyNotFoundException"),
  RegistryPolicyNotFound: client("RegistryPolicyNotFoundException"),
  RegistryNotFound: invalidParameter,
  ImageNotFound: client("ImageNotFoundException"),
  ManifestUnknown: client("ImageNotFoundException"),
  ImageAlreadyExists: client("ImageAlreadyExistsException"),
  ImageTagAlreadyExists: client("ImageTagAlreadyExistsException"),
  ImageDigestDoesNotMatch: client("ImageDigestDoesNotMatchException"),
  ImageReferencedByManifestList: invalidParameter,
  LayersNotFound: client("LayersNotFoundException"),
  ReferencedImagesNotFound: client("ReferencedImagesNotFoundException"),
  TagLimitExceeded: client("LimitExceededException"),
  ManifestInvalid: invalidParameter,
  ManifestsTooLarge: client("LimitExceededException"),
  ManifestTooLarge: invalidParameter,
  BlobUnknown: client("LayersNotFoundException"),
  BlobReferenced: invalidParameter,
  LayerNotFound: client("LayersNotFoundException"),
  LayerAlreadyExists: client("LayerAlreadyExistsException"),
  UploadNotFound: client("UploadNotFoundException"),
  UploadBusy: client("LimitExceededException"),
  EmptyUpload: client("EmptyUploadException"),
  InvalidLayer: client("InvalidLayerException"),
  InvalidLayerPart: client("InvalidLayerPartException"),
  LayerPartTooSmall: client("LayerPartTooSmallException"),
  LayerTooLarge: client("LimitExceededException"),
  DigestInvalid: invalidParameter,
  SizeInvalid: invalidParameter,
  ContentRangeInvalid: invalidParameter,
  RangeNotSatisfiable: { status: 416, name: "InvalidParameterException" },
  InvalidParameter: invalidParameter,
  ConstraintsFailed: invalidParameter,
  InvalidTagParameter: client("InvalidTagParameterException"),
  TooManyTags: client("TooManyTagsException"),
  NameInvalid: invalidParameter,
  TagInvalid: invalidParameter,
  PageSizeInvalid: invalidParameter,
  MalformedInput: client("SerializationException"),
  RequestTooLarge: { status: 413, name: "RequestEntityTooLargeException" },
  NotOffered: client("UnsupportedCommandException"),
  UnknownOperation: { status: 404, name: "UnknownOperationException" },
  RouteNotFound: { status: 404, name: "UnknownOperationException" },
  MethodNotAllowed: { status: 405, name: "UnknownOperationException" },
  NoSuchEntity: { status: 404, name: "NoSuchEntityException" },
  EntityAlreadyExists: { status: 409, name: "EntityAlreadyExistsException" },
  DeleteConflict: { status: 409, name: "DeleteConflictException" },
  EntityLimitExceeded: { status: 409, name: "LimitExceededException" },
  MalformedPolicyDocument: client("MalformedPolicyDocumentException"),
  InvalidInput: client("InvalidInputException"),
  UnmodifiableEntity: client("UnmodifiableEntityException"),
  PasswordPolicyViolation: client("PasswordPolicyViolationException"),
  InvalidUserType: client("InvalidUserTypeException"),
  ValidationFailed: client("ValidationException"),
  EntityNotFound: { status: 404, name: "NoSuchEntityException" },
  EntityExists: { status: 409, name: "EntityAlreadyExistsException" },
  PolicyNotAttachable: client("PolicyNotAttachableException"),
  InvalidParameterValue: client("InvalidParameterValueException"),
  PackedPolicyTooLarge: client("PackedPolicyTooLargeException"),
  InvalidIdentityToken: client("InvalidIdentityTokenException"),
  ExpiredIdentityToken: client("ExpiredTokenException"),
  IdpRejectedClaim: { status: 403, name: "IDPRejectedClaimException" },
  IdpCommunicationError: client("IDPCommunicationErrorException"),
  InvalidAuthorizationMessage: client("InvalidAuthorizationMessageException"),
  AlreadyInOrganization: client("AlreadyInOrganizationException"),
  AccountNotFound: client("AccountNotFoundException"),
  AccountAlreadyClosed: client("AccountAlreadyClosedException"),
  CreateAccountStatusNotFound: client("CreateAccountStatusNotFoundException"),
  RootNotFound: client("RootNotFoundException"),
  ParentNotFound: client("ParentNotFoundException"),
  SourceParentNotFound: client("SourceParentNotFoundException"),
  DestinationParentNotFound: client("DestinationParentNotFoundException"),
  DuplicateAccount: client("DuplicateAccountException"),
  ManagementAccountCannotLeave: client("MasterCannotLeaveOrganizationException"),
  ChildNotFound: client("ChildNotFoundException"),
  OrganizationalUnitNotFound: client("OrganizationalUnitNotFoundException"),
  TargetNotFound: client("TargetNotFoundException"),
  OrganizationPolicyNotFound: client("PolicyNotFoundException"),
  DuplicatePolicy: client("DuplicatePolicyException"),
  DuplicatePolicyAttachment: client("DuplicatePolicyAttachmentException"),
  PolicyInUse: client("PolicyInUseException"),
  PolicyNotAttached: client("PolicyNotAttachedException"),
  PolicyTypeAlreadyEnabled: client("PolicyTypeAlreadyEnabledException"),
  PolicyTypeNotEnabled: client("PolicyTypeNotEnabledException"),
  PolicyTypeNotAvailable: client("PolicyTypeNotAvailableForOrganizationException"),
  ConstraintViolation: client("ConstraintViolationException"),
  InvalidLookupAttributes: client("InvalidLookupAttributesException"),
  InvalidTimeRange: client("InvalidTimeRangeException"),
  InvalidNextToken: client("InvalidNextTokenException"),
  InvalidMaxResults: client("InvalidMaxResultsException"),
  AccessDenied: client("AccessDeniedException"),
  Unauthorized: { status: 403, name: "UnrecognizedClientException" },
  MissingAuthenticationToken: { status: 403, name: "MissingAuthenticationTokenException" },
  IncompleteSignature: { status: 403, name: "IncompleteSignatureException" },
  InvalidSignature: { status: 403, name: "InvalidSignatureException" },
  UnrecognizedClient: { status: 403, name: "UnrecognizedClientException" },
  ExpiredToken: { status: 403, name: "ExpiredTokenException" },
  StorageFull: server,
  ShuttingDown: { status: 503, name: "ServiceUnavailableException" },
  Server: server,
};

/**
 * The fault behind anything thrown. What is none is a defect: it is logged once, with the request id, and leaves as
 * Server. A storage without space is not a defect, and the caller may hear it.
 */
export function asFault(error: unknown, log: Log, requestId: string): Fault {
  if (error instanceof Fault) return error;
  if (isStorageFull(error)) {
    log.error({ requestId, error: String(error) }, "the storage is full");
    return fault("StorageFull");
  }
  if (isAborted(error)) {
    log.info({ requestId }, "the client went away");
    return fault("Server");
  }
  log.error({ requestId, error: error instanceof Error ? error.stack : String(error) }, "unexpected error");
  return fault("Server");
}

const storageFullCodes = new Set(["ENOSPC", "EDQUOT", "SQLITE_FULL"]);

function isStorageFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && storageFullCodes.has(String(error.code));
}

function isAborted(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === "AbortError" || ("code" in error && error.code === "ECONNRESET"))
  );
}
