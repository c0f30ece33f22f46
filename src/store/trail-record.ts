/** The form of a record of the audit: CloudTrail user guide, "CloudTrail record contents", version 1.11. */

export type TrailRecord = {
  eventVersion: string;
  userIdentity: UserIdentity;
  /** When it was answered: ISO 8601 with milliseconds. */
  eventTime: string;
  /** Such as `ecr.amazonaws.com`. */
  eventSource: string;
  eventName: string;
  awsRegion: string;
  sourceIPAddress: string;
  userAgent: string;
  /** `AccessDenied` for every refusal of a policy; otherwise the code of the AWS exception, on each door. */
  errorCode?: string;
  errorMessage?: string;
  requestParameters: unknown;
  /** Null for what only reads. */
  responseElements: unknown;
  additionalEventData: {
    door: "aws" | "oci" | "web";
    /** What the caller was asked to have the right to, in the order in which it was asked. */
    authorization: readonly AskedInRecord[];
    /** Global condition keys of the request that are nowhere else in the record. */
    conditions: Readonly<Record<string, readonly string[]>>;
    /** What the caller's session carries; absent for long-lived keys. */
    session?: {
      tags: Readonly<Record<string, string>>;
      sourceIdentity?: string;
      federatedProvider?: string;
      /** Names of the policies that were passed when it was made; their texts are in the record of that. */
      policies?: readonly string[];
    };
  };
  requestID: string;
  eventID: string;
  /** The same in the records of all accounts that one request concerns. */
  sharedEventID?: string;
  readOnly: boolean;
  resources?: readonly { ARN: string; accountId: string; type?: string }[];
  eventType: "AwsApiCall";
  managementEvent: true;
  /** The account whose trail this is in. */
  recipientAccountId: string;
  eventCategory: "Management";
};

export type AskedInRecord = {
  action: string;
  resource: string;
  ownerAccountId: string;
  allowed: boolean;
  /** Condition keys of this question alone, in lower case, such as `ecr:imagetag`. */
  conditions?: Readonly<Record<string, readonly string[]>>;
};

export type UserIdentity = {
  type: "Root" | "IAMUser" | "AssumedRole" | "FederatedUser" | "AWSAccount" | "WebIdentityUser" | "Unknown";
  /** Unique id of the user, `ROLE-ID:SESSION`, `ACCOUNT:NAME` of a federated user, or the account of its root. */
  principalId?: string;
  arn?: string;
  accountId?: string;
  /** Of an unknown caller the key that it claimed. */
  accessKeyId?: string;
  userName?: string;
  sessionContext?: {
    sessionIssuer?: {
      type: "Role" | "IAMUser" | "Root";
      principalId: string;
      arn: string;
      accountId: string;
      userName?: string;
    };
    attributes: { creationDate: string; mfaAuthenticated: "false" };
    sourceIdentity?: string;
  };
};
