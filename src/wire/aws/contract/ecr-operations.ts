/**
 * The operations of ECR, all that the AWS SDK has. One that a newer SDK adds is a compile error in `contract.ts`, and in
 * every table over `EcrOperationName`, until it has its row.
 */
import type * as sdk from "@aws-sdk/client-ecr";
import type { OperationsOf } from "./sdk-operations.ts";

/** ECR's operations: `EcrOperations["CreateRepository"]["input"]`. */
export type EcrOperations = OperationsOf<typeof sdk>;

export type EcrOperationName = keyof EcrOperations;
