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
  /** IAM and STS quotas. Sizes are characters without white space, those of inline policies all of one identity. */
  inlinePolicyCharacters: { user: 2_048, group: 5_120, role: 10_240 },
  managedPolicyCharacters: 6_144,
  trustPolicyCharacters: 4_096,
  managedPolicyVersions: 5,
  attachedPolicies: 10,
  rolesPerAccount: 5_000,
  usersPerAccount: 5_000,
  groupsPerAccount: 300,
  groupsPerUser: 10,
  accessKeysPerUser: 2,
  managedPoliciesPerAccount: 5_000,
  oidcProvidersPerAccount: 100,
  clientIdsPerOidcProvider: 100,
  thumbprintsPerOidcProvider: 5,
  /** STS: session policies, those that are passed as text together; managed policies that are passed by their ARN. */
  sessionPolicyCharacters: 2_048,
  sessionPolicyArns: 10,
  /** What policies and tags of a session may take together as they are stored: AWS's packed size, without its packing. */
  sessionPackedCharacters: 8 * KiB,
  /** STS API, MinimumSessionTokenSize: the largest session token. */
  sessionTokenCharacters: 4_096,
  /** For so long an ended session is kept, so that a refusal can say that it is over. */
  endedSessionSeconds: 24 * hourSeconds,
  /** STS: role chaining; and sessions of a root. */
  chainedSessionSeconds: hourSeconds,
  rootSessionSeconds: hourSeconds,
  /** Documents of an identity provider: how large, how long they may take, how many keys. */
  providerDocumentBytes: 1 * MiB,
  providerDocumentSeconds: 5,
  providerKeys: 100,
  /** Key sets that are kept, and for how long; before an unknown key or a failure makes the provider be asked again. */
  keySetsInMemory: 100,
  keySetSeconds: 10 * 60,
  keySetPauseSeconds: 30,
  keySetFailureSeconds: 5,
  /** Differences between an identity provider's clock and ours that a token may show. */
  identityTokenSkewSeconds: 5 * 60,
  /** Claims of an identity token that policies can ask for. */
  identityTokenClaims: 100,
  /** STS API, DecodeAuthorizationMessage takes 10,240 characters. */
  authorizationMessageCharacters: 8 * KiB,
  /** Organizations quotas: service control policies, and how many one target can have. */
  organizationPolicies: 2_000,
  policiesPerTarget: 5,
  /** Organizations API, MaxResults. */
  organizationPageSize: 20,
  /** Pairs of an action and a resource in one request to the policy simulator, which answers a page of them. */
  simulatedRequests: 10_000,
  /** OCI tags and catalogue: more is clamped. ECR's maxResults has the same bound. */
  pageSize: 1_000,
  /** ECR: maxResults when absent. */
  defaultPageSize: 100,
  /** Descriptors of one page of referrers, and their bytes: OCI distribution 1.1 wants pages within a manifest's limit. */
  referrersPage: 200,
  referrersPageBytes: 4 * MiB,
  /** ECR: an authorization token is valid for 12 hours. */
  tokenSeconds: 12 * hourSeconds,
  /** A revoked token is over after 12 hours; 24 hours later an upload that it began is gone too, and sweeps are hourly. */
  revocationSeconds: 38 * hourSeconds,
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
  /** Records of the audit that one page of a replay decides again. */
  replayedRecords: 2_000,
  /** Principals that one page of `who-can` asks about. */
  principalsPerPage: 200,
  /** Answers of one question that are kept: they differ where policies look at the request. */
  answersPerPlan: 4,
  /** Questions of one principal that are kept prepared until the next transaction. */
  plansPerPrincipal: 1_000,
  /** Principals whose policies are kept gathered. */
  principalsInMemory: 2_000,
  /** Credentials of the registry door that need no second verification. */
  credentialCacheEntries: 10_000,
  /** Hash states of uploads between their requests; an upload without one is hashed again from its file. */
  openHashes: 1_000,
  /** Passwords that are hashed at one time: each takes 32 MiB and some 100 ms of a core, whoever asks for it. */
  passwordHashesAtOnce: 2,
  /** Uses of keys and roles wait in memory for at most so many of them before they are written. */
  pendingKeyUses: 10_000,
  /** Pull times wait in memory for at most so many images before they are written. */
  pendingPullTimes: 10_000,
  /** Records of the audit wait in memory for at most so many before the oldest are written at once. */
  pendingRecords: 10_000,
  /** Records that are written in one step, which takes a millisecond or two, and records of one block. */
  recordsPerStep: 200,
  /** Refusals of strangers that the audit keeps in a second; more could be made to fill the disk by anybody. */
  strangerRecordsPerSecond: 50,
  /** Texts of requests that come again and again, such as pulls: what the audit says of all of them alike. */
  framesInMemory: 4_000,
  /** Blocks that one search through the audit opens, and heads of blocks that a search by id looks at. */
  trailBlocksPerSearch: 200,
  trailHeadsPerSearch: 100_000,
  /** CloudTrail: request parameters and response elements that are larger are left out of a record. */
  recordPartCharacters: 100 * KiB,
  /** CloudTrail API, LookupEvents: how far it looks back, and MaxResults when absent. */
  lookupDays: 90,
  lookupPageSize: 50,
  /** CloudTrail: error messages in a record; IAM: the longest value of a condition key, such as a user agent. */
  recordedMessageCharacters: 1 * KiB,
  userAgentCharacters: 2 * KiB,
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
