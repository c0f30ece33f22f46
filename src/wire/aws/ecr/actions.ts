/** The IAM actions of ECR: its operations, and three that are permissions only (service authorization reference). */
import { ecrContract } from "../contract/contract.ts";

const permissionsOnly = ["BatchImportUpstreamImage", "GetImageCopyStatus", "ReplicateImage"];

export const ecrActions: readonly string[] = [...Object.keys(ecrContract.operations), ...permissionsOnly].map(
  (name) => `ecr:${name}`,
);
