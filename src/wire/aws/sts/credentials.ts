/** What the operations that make sessions have in common. */
import type { Principal } from "../../../access/caller.ts";
import type { PassedTags } from "../../../access/credentials/session-tags.ts";
import type { SessionCredentials } from "../../../access/credentials/sessions.ts";
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import type { Call } from "../../call.ts";
import type { StsOperations } from "../contract/kept-operations.ts";

type SessionOutput = Pick<
  StsOperations["AssumeRole"]["output"],
  "Credentials" | "SessionTokenSize" | "SessionTokenUtilization"
>;

/** Who signed. The door lets nobody else into an operation that takes a signature. */
export function principalOf({ caller }: Call): Principal {
  if (caller.kind !== "principal") throw new Error("An anonymous caller reached an operation that is signed");
  return caller;
}

export function sessionOutput(made: SessionCredentials): SessionOutput {
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = made;
  const size = sessionToken.length;
  return {
    Credentials: {
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
      Expiration: new Date(expiresAt),
    },
    SessionTokenSize: size,
    SessionTokenUtilization: Math.ceil((size * 100) / limits.sessionTokenCharacters),
  };
}

export function tagsIn(input: {
  Tags?: readonly { Key: string; Value: string }[] | undefined;
  TransitiveTagKeys?: readonly string[] | undefined;
}): PassedTags {
  const { Tags = [], TransitiveTagKeys = [] } = input;
  return {
    tags: Tags.map(({ Key, Value }) => ({ key: Key, value: Value })),
    transitiveTagKeys: TransitiveTagKeys,
  };
}

/** The ARNs of session policies; one without an ARN is none. */
export function policyArnsIn({
  PolicyArns = [],
}: {
  PolicyArns?: readonly { arn?: string | undefined }[] | undefined;
}): readonly string[] {
  return PolicyArns.flatMap(({ arn }) => arn ?? []);
}

/** There are no MFA devices here, and a code that nobody checks must not seem to be checked. Throws AccessDenied. */
export function refuseMfa(input: {
  SerialNumber?: string | undefined;
  TokenCode?: string | undefined;
}): void {
  if (input.SerialNumber === undefined && input.TokenCode === undefined) return;
  throw fault("AccessDenied", {
    sentence:
      "MultiFactorAuthentication failed: this installation has no MFA devices, so it cannot check SerialNumber and TokenCode. Leave them out.",
  });
}
