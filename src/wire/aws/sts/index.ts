/** The operations of STS. */
import type { StsOperationName, StsOperations } from "../contract/kept-operations.ts";
import { anyResource, type Row } from "../operation.ts";
import { assumeRole } from "./assume-role.ts";
import { decodeAuthorizationMessage, getAccessKeyInfo, getCallerIdentity } from "./identity.ts";
import { getFederationToken, getSessionToken } from "./session-tokens.ts";
import { assumeRoleWithWebIdentity } from "./web-identity.ts";

export const stsOperations: {
  readonly [Name in StsOperationName]: Row<StsOperations[Name]["input"], StsOperations[Name]["output"]>;
} = {
  AssumeRole: assumeRole,
  AssumeRoleWithWebIdentity: assumeRoleWithWebIdentity,
  DecodeAuthorizationMessage: {
    actions: () => ["sts:DecodeAuthorizationMessage"],
    resources: anyResource,
    run: decodeAuthorizationMessage,
  },
  GetAccessKeyInfo: {
    actions: () => ["sts:GetAccessKeyInfo"],
    resources: anyResource,
    run: getAccessKeyInfo,
  },
  GetCallerIdentity: { actions: () => [], resources: () => [], run: getCallerIdentity },
  GetFederationToken: getFederationToken,
  GetSessionToken: getSessionToken,
};
