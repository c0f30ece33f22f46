/** ECR's GetAuthorizationToken: the password of `docker login`. */
import { issueToken } from "../../../access/tokens.ts";
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import type { Call } from "../../call.ts";
import type { EcrOperations } from "../contract/ecr-operations.ts";

type Operation = EcrOperations["GetAuthorizationToken"];

/** ECR API, GetAuthorizationToken. One entry for each of `registryIds`; they differ in their address only. */
export async function getAuthorizationToken(
  call: Call,
  input: Operation["input"],
): Promise<Operation["output"]> {
  const { caller, region } = call;
  if (caller.kind !== "principal") throw fault("MissingAuthenticationToken");
  const expiresAt = Math.floor(call.clock.now() / 1000) + limits.tokenSeconds;
  const password = issueToken(call.secrets, {
    principalArn: caller.arn,
    accountId: caller.accountId,
    accessKeyId: caller.accessKeyId,
    region,
    expiresAt,
  });
  const authorizationToken = Buffer.from(`AWS:${password}`).toString("base64");
  return {
    authorizationData: (input.registryIds ?? [caller.accountId]).map((accountId) => ({
      authorizationToken,
      expiresAt: new Date(expiresAt * 1000),
      proxyEndpoint: call.addresses.registry({ accountId, region }),
    })),
  };
}
