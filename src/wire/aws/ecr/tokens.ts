/** ECR's GetAuthorizationToken: the password of `docker login`. */
import { accountExists } from "../../../access/accounts/accounts.ts";
import { makeToken } from "../../../access/credentials/tokens.ts";
import { fault } from "../../../lib/faults.ts";
import type { Call } from "../../call.ts";
import type { EcrOperations } from "../contract/ecr-operations.ts";

type Operation = EcrOperations["GetAuthorizationToken"];

type AuthorizationData = { authorizationToken: string; expiresAt: Date; proxyEndpoint: string };

/** ECR API, GetAuthorizationToken. */
export async function getAuthorizationToken(
  call: Call,
  { registryIds }: Operation["input"],
): Promise<Operation["output"]> {
  return { authorizationData: await authorizationData(call, { registryIds }) };
}

/**
 * One entry for each of `registryIds`, the caller's own account without any. They differ in their address alone: what
 * the token opens is decided when it is used, whatever account or region it is used at. Throws RegistryNotFound.
 */
export async function authorizationData(
  call: Call,
  wanted: { registryIds?: readonly string[] | undefined; durationSeconds?: number | undefined },
): Promise<AuthorizationData[]> {
  const { caller, region } = call;
  if (caller.kind !== "principal") throw fault("MissingAuthenticationToken");
  const accountIds = wanted.registryIds ?? [caller.accountId];
  for (const registryId of accountIds) {
    if (!(await accountExists(call.db.read, registryId))) {
      throw fault("RegistryNotFound", { registryId, region });
    }
  }
  const { durationSeconds } = wanted;
  const { password, expiresAt } = makeToken(call, { principal: caller, region, durationSeconds });
  const authorizationToken = Buffer.from(`AWS:${password}`).toString("base64");
  return accountIds.map((accountId) => ({
    authorizationToken,
    expiresAt: new Date(expiresAt),
    proxyEndpoint: call.addresses.registry({ accountId, region }),
  }));
}
