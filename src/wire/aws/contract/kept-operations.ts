/**
 * The operations of the services of which a part is kept: the contract has their names, the AWS SDK their types. A kept
 * operation that the SDK lacks is a compile error here; one that is added to a contract is one in every table over the
 * names, until it has its row.
 */
import type * as cloudtrailSdk from "@aws-sdk/client-cloudtrail";
import type * as iamSdk from "@aws-sdk/client-iam";
import type * as organizationsSdk from "@aws-sdk/client-organizations";
import type * as stsSdk from "@aws-sdk/client-sts";
import type cloudtrail from "./cloudtrail.json";
import type iam from "./iam.json";
import type organizations from "./organizations.json";
import type { OperationsOf } from "./sdk-operations.ts";
import type sts from "./sts.json";

export type IamOperationName = keyof typeof iam.operations;

/** The kept operations of IAM: `IamOperations["CreateUser"]["input"]`. */
export type IamOperations = Pick<OperationsOf<typeof iamSdk>, IamOperationName>;

export type StsOperationName = keyof typeof sts.operations;

/** The kept operations of STS: `StsOperations["AssumeRole"]["input"]`. */
export type StsOperations = Pick<OperationsOf<typeof stsSdk>, StsOperationName>;

export type OrganizationsOperationName = keyof typeof organizations.operations;

/** The kept operations of Organizations: `OrganizationsOperations["CreateAccount"]["input"]`. */
export type OrganizationsOperations = Pick<OperationsOf<typeof organizationsSdk>, OrganizationsOperationName>;

export type CloudTrailOperationName = keyof typeof cloudtrail.operations;

/** The kept operations of CloudTrail: `CloudTrailOperations["LookupEvents"]["input"]`. */
export type CloudTrailOperations = Pick<OperationsOf<typeof cloudtrailSdk>, CloudTrailOperationName>;
