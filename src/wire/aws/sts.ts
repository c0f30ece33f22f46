/** STS's operations. */
import type { Call } from "../call.ts";
import type { StsOperationName, StsOperations } from "./contract/kept-operations.ts";
import { notOffered, type Row } from "./operation.ts";

type GetCallerIdentity = StsOperations["GetCallerIdentity"];

/** STS API, GetCallerIdentity: needs no permission, so it asks for none. A root's user id is its account. */
async function getCallerIdentity({ caller }: Call): Promise<GetCallerIdentity["output"]> {
  if (caller.kind !== "principal") throw new Error("An anonymous caller reached GetCallerIdentity");
  return { Arn: caller.arn, UserId: caller.accountId, Account: caller.accountId };
}

export const stsOperations: {
  readonly [Name in StsOperationName]: Row<StsOperations[Name]["input"], StsOperations[Name]["output"]>;
} = {
  AssumeRole: notOffered,
  AssumeRoleWithWebIdentity: notOffered,
  DecodeAuthorizationMessage: notOffered,
  GetAccessKeyInfo: notOffered,
  GetCallerIdentity: { actions: () => [], resources: () => [], run: getCallerIdentity },
  GetFederationToken: notOffered,
  GetSessionToken: notOffered,
};
