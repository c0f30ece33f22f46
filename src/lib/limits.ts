/** Every bound on what a caller can make the server hold, and where the number comes from. */

const KiB = 1024;
const MiB = 1024 * KiB;
const hourSeconds = 3600;

export const limits = {
  /** OCI distribution 1.1, "Pushing manifests" (at least 4 MiB); ECR PutImage, imageManifest. */
  manifestBytes: 4 * MiB,
  /** Layers, children and config of one manifest. Images have at most 127 layers; the largest known indexes a few hundred. */
  referencesPerManifest: 2_000,
  /** ECR quota "layers": 52,000 MiB. */
  layerBytes: 52_000 * MiB,
  /** ECR: each part but the last of UploadLayerPart. */
  layerPartBytes: 5 * MiB,
  /** ECR InitiateLayerUpload answers this as partSize. */
  advisedPartBytes: 10 * MiB,
  /** Request bodies on the AWS door. UploadLayerPart carries 20 MiB in base64; PutImage 4 MiB that JSON may escape. */
  awsBodyBytes: 1 * MiB,
  awsLargeBodyBytes: 28 * MiB,
  /** A body on the AWS door that is larger than this waits in a file until all of it is there. */
  bodyBytesInMemory: 256 * KiB,
  /** Large bodies that are read and parsed at one time on one node, so that memory stays bounded whatever is sent. */
  awsLargeBodiesAtOnce: 2,
  /** JSON values of one request on the AWS door, and of one manifest: far more than real ones have. */
  requestValues: 500_000,
  manifestValues: 250_000,
  /** Manifests in one answer of BatchGetImage, together. */
  batchManifestBytes: 16 * MiB,
  /** ECR quota "images: tags per image". */
  tagsPerImage: 1_000,
  /** OCI distribution 1.1, "Pulling manifests": a reference as a tag. */
  tagLength: 128,
  /** ECR quota on tags of a resource. */
  resourceTags: 50,
  /** ECR: repository and registry policies. */
  policyCharacters: 10_240,
  /** OCI tags and catalogue: more is clamped. ECR's maxResults has the same bound. */
  pageSize: 1_000,
  /** ECR: maxResults when absent. */
  defaultPageSize: 100,
  /** Descriptors of one page of referrers, and their bytes: OCI distribution 1.1 wants pages within a manifest's limit. */
  referrersPage: 200,
  referrersPageBytes: 4 * MiB,
  /** ECR: an authorization token is valid for 12 hours. */
  tokenSeconds: 12 * hourSeconds,
  /** ECR: a layer's download URL is valid for an hour. */
  downloadUrlSeconds: hourSeconds,
  /** For so long a blob stays that a client was told is there, whether or not an image refers to it. */
  leaseSeconds: 24 * hourSeconds,
  /** An upload that nobody touched for so long is removed. */
  uploadIdleSeconds: 24 * hourSeconds,
  /** Manifests that are kept in memory, in bytes. They never change under their digest. */
  manifestCacheBytes: 32 * MiB,
  /** Rows of hot point reads that are kept until the next commit. */
  rowsInMemory: 10_000,
  /** Policies that are kept ready to be asked, by the characters of their texts: about ten times that in memory. */
  compiledPolicyCharacters: 4 * MiB,
  /** Principals whose policies are kept gathered. */
  principalsInMemory: 2_000,
  /** Credentials of the registry door that need no second verification. */
  credentialCacheEntries: 10_000,
  /** Hash states of uploads between their requests; an upload without one is hashed again from its file. */
  openHashes: 1_000,
  /** Pull times wait in memory for at most so many images before they are written. */
  pendingPullTimes: 10_000,
  /** A statement that could touch more rows than this is cut into steps. */
  rowsPerStep: 500,
  /** Attempts of a job before it is left for the operator. */
  jobAttempts: 20,
  /** After SIGTERM, requests under way have so long to end. */
  drainSeconds: 25,
  /** A connection on which nothing moves for so long is closed (Bun's own maximum is 255). */
  idleConnectionSeconds: 120,
  /** Header values that come back in messages are cut at this length. */
  echoedCharacters: 256,
} as const;
