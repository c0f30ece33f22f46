/** IAM's operations: a table for each noun, together one. What has no row here is not offered. */
import type { IamOperations } from "../contract/kept-operations.ts";
import type { Offered } from "../operation.ts";

export const iamOperations: Offered<IamOperations> = {};
