/** Questions about who asks, about a key, and about a refusal. */

import { findCredentials } from "../../../access/credentials/credentials.ts";
import { openAuthorizationMessage } from "../../../access/decisions/authorization-messages.ts";
import { fault } from "../../../lib/faults.ts";
import type { Call } from "../../call.ts";
import type { StsOperations } from "../contract/kept-operations.ts";
import { principalOf } from "./credentials.ts";

type GetCallerIdentity = StsOperations["GetCallerIdentity"];
type GetAccessKeyInfo = StsOperations["GetAccessKeyInfo"];
type DecodeAuthorizationMessage = StsOperations["DecodeAuthorizationMessage"];

/** STS API, GetCallerIdentity: needs no permission, so it asks for none. */
export async function getCallerIdentity(call: Call): Promise<GetCallerIdentity["output"]> {
  const { arn, userId, accountId } = principalOf(call);
  return { Arn: arn, UserId: userId, Account: accountId };
}

/** STS API, GetAccessKeyInfo: also of keys that are disabled or over, in every account. */
export async function getAccessKeyInfo(
  { db }: Call,
  { AccessKeyId }: GetAccessKeyInfo["input"],
): Promise<GetAccessKeyInfo["output"]> {
  const found = await findCredentials(db.read, AccessKeyId);
  if (!found) {
    throw fault("ValidationFailed", {
      reason: `There is no access key '${AccessKeyId}' in this installation`,
    });
  }
  return { Account: found.principal.accountId };
}

/** STS API, DecodeAuthorizationMessage. Throws InvalidAuthorizationMessage, also for another account's message. */
export async function decodeAuthorizationMessage(
  call: Call,
  { EncodedMessage }: DecodeAuthorizationMessage["input"],
): Promise<DecodeAuthorizationMessage["output"]> {
  const { accountId } = principalOf(call);
  const DecodedMessage = openAuthorizationMessage(call.secrets, { text: EncodedMessage, accountId });
  if (DecodedMessage === undefined) throw fault("InvalidAuthorizationMessage");
  return { DecodedMessage };
}
