/** The operations of Lading's own service: a table for each noun, together one. What has no row here is not offered. */
import type { LadingOperations } from "../contract/lading-operations.ts";
import type { Offered } from "../operation.ts";
import { denialOperations } from "./denials.ts";
import { explainOperations } from "./explain.ts";
import { policyOperations } from "./policies.ts";
import { shareOperations } from "./share.ts";
import { tokenOperations } from "./tokens.ts";
import { whoCanOperations } from "./who-can.ts";
import { whoAmIOperations } from "./whoami.ts";

export const ladingOperations: Offered<LadingOperations> = {
  ...denialOperations,
  ...explainOperations,
  ...policyOperations,
  ...shareOperations,
  ...tokenOperations,
  ...whoAmIOperations,
  ...whoCanOperations,
};
