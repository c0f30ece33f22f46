/**
 * The operations of Lading's own service, for what no service of AWS has. No SDK has their types, so they stand here and
 * their shapes in `lading.json`, both by hand. One that only one of the two has is a compile error in `contract.ts`.
 */

type AuthorizationData = { authorizationToken: string; expiresAt: Date; proxyEndpoint: string };

/** A statement that decided. `side` is identity, resource, trust, boundary, session or scp. */
type Cited = { side: string; policy: string; statement: number; sid?: string | undefined };

type ConsideredStatement = {
  statement: number;
  sid?: string | undefined;
  effect: string;
  /** `matched`, or what did not fit: action, resource, principal, grant, root or condition. */
  outcome: string;
  /** Of the first condition that failed. */
  operator?: string | undefined;
  key?: string | undefined;
  wanted?: string[] | undefined;
  /** Absent when the request has no value under the key. */
  saw?: string[] | undefined;
};

type Explanation = {
  principal: string;
  action: string;
  resource: string;
  allowed: boolean;
  /** ECR's sentence when it is refused. */
  sentence?: string | undefined;
  /** For a request of the audit: when it was asked, and the answer that it got then. All else is as of today. */
  recorded?: { at: Date; allowed: boolean } | undefined;
  decidedBy: Cited[];
  missing: string[];
  policies: { side: string; name: string; hidden: boolean; statements: ConsideredStatement[] }[];
  /** `statement` is JSON. */
  suggestions: { side: string; text: string; statement?: string | undefined }[];
};

type Right = {
  principal: string;
  kind: string;
  crossAccount: boolean;
  public: boolean;
  /** Whether policies of the other account have to allow it too. */
  needsIdentityPolicy: boolean;
  through: Cited[];
  /** All of them have to hold for a request. */
  conditions: string[];
};

type Denial = {
  at: Date;
  requestId: string;
  principal: string;
  action: string;
  resource: string;
  reason: string;
  sourceIp: string;
  userAgent: string;
};

type PolicyTarget = {
  policyText: string;
  /** `repository`, `registry`, `identity`, `boundary`, `session`, `trust` or `scp`. */
  policyType: string;
};

type Change = {
  /** `refused` or `allowed`. */
  change: string;
  principal: string;
  action: string;
  resource: string;
  count: number;
  lastAt: Date;
  requestId: string;
  sentence?: string | undefined;
};

/** `LadingOperations["CreateAuthorizationToken"]["input"]`, as `EcrOperations` has ECR's. */
export type LadingOperations = {
  CreateAuthorizationToken: {
    input: { durationSeconds?: number | undefined; registryIds?: string[] | undefined };
    output: { authorizationData: AuthorizationData[] };
  };
  RevokeAuthorizationTokens: {
    /** One of the three. */
    input: {
      authorizationToken?: string | undefined;
      accessKeyId?: string | undefined;
      principalArn?: string | undefined;
    };
    output: { issuedUntil: Date };
  };
  Explain: {
    /** `requestId`, or principal, action and resource. */
    input: {
      requestId?: string | undefined;
      principal?: string | undefined;
      action?: string | undefined;
      resource?: string | undefined;
      context?: { key: string; values: string[] }[] | undefined;
    };
    output: { explanations: Explanation[] };
  };
  WhoCan: {
    input: { action: string; resource: string; nextToken?: string | undefined };
    output: { rights: Right[]; nextToken?: string | undefined };
  };
  ListDenials: {
    input: { since?: Date | undefined; maxResults?: number | undefined; nextToken?: string | undefined };
    output: { denials: Denial[]; nextToken?: string | undefined };
  };
  LintPolicy: {
    input: PolicyTarget;
    output: {
      problems: { statement?: number | undefined; path: string; text: string }[];
      advice: { code: string; statement: number; path: string; text: string }[];
    };
  };
  ReplayPolicy: {
    /** What the policy would be on: the repository, or the managed policy, or the user's, role's or group's inline policy. */
    input: PolicyTarget & {
      repositoryName?: string | undefined;
      policyArn?: string | undefined;
      identityArn?: string | undefined;
      policyName?: string | undefined;
      days?: number | undefined;
      nextToken?: string | undefined;
    };
    output: {
      examined: number;
      unknownPrincipals: number;
      changes: Change[];
      nextToken?: string | undefined;
    };
  };
  ShareRepository: {
    input: { repositoryName: string; with: string; push?: boolean | undefined };
    output: {
      policyText: string;
      statement: string;
      /** For the administrators of the other side; absent when nothing is needed there. */
      attach?: { text: string; policy: string } | undefined;
    };
  };
  WhoAmI: {
    input: Record<string, never>;
    output: {
      arn: string;
      account: string;
      userId: string;
      accessKeyId: string;
      region: string;
      registry: string;
      expiresAt?: Date | undefined;
    };
  };
};

export type LadingOperationName = keyof LadingOperations;
