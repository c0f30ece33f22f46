/** IAM's operations: a table for each noun, together one. What has no row here is not offered. */
import type { IamOperations } from "../contract/kept-operations.ts";
import type { Offered } from "../operation.ts";
import { accountOperations } from "./account.ts";
import { attachmentOperations } from "./attachments.ts";
import { authorizationDetailOperations } from "./authorization-details.ts";
import { boundaryOperations } from "./boundaries.ts";
import { groupOperations } from "./groups.ts";
import { inlinePolicyOperations } from "./inline-policies.ts";
import { keyOperations } from "./keys.ts";
import { loginProfileOperations } from "./login-profiles.ts";
import { managedPolicyOperations } from "./managed-policies.ts";
import { oidcProviderOperations } from "./oidc-providers.ts";
import { otherCredentialOperations } from "./other-credentials.ts";
import { roleOperations } from "./roles.ts";
import { simulateOperations } from "./simulate.ts";
import { userOperations } from "./users.ts";

export const iamOperations: Offered<IamOperations> = {
  ...userOperations,
  ...groupOperations,
  ...keyOperations,
  ...loginProfileOperations,
  ...accountOperations,
  ...otherCredentialOperations,
  ...roleOperations,
  ...inlinePolicyOperations,
  ...managedPolicyOperations,
  ...attachmentOperations,
  ...boundaryOperations,
  ...oidcProviderOperations,
  ...simulateOperations,
  ...authorizationDetailOperations,
};
