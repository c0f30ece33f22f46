/** STS's operations, in the Query protocol: input as form fields, output as XML. */
import type { Call } from "../call.ts";
import type { Operation } from "./operation.ts";

/** Form fields by name, and XML elements by name. */
export type QueryFields = Readonly<Record<string, string>>;

export const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/";

/** STS API, GetCallerIdentity: needs no permission, so it asks for none. A root's user id is its account. */
async function getCallerIdentity({ caller }: Call): Promise<QueryFields> {
  if (caller.kind !== "principal") throw new Error("An anonymous caller reached GetCallerIdentity");
  return { Arn: caller.arn, UserId: caller.accountId, Account: caller.accountId };
}

export const stsOperations: Readonly<Record<string, Operation<QueryFields, QueryFields>>> = {
  GetCallerIdentity: { actions: () => [], resources: () => [], run: getCallerIdentity },
};
