/** Authorization tokens beyond what ECR has: of a shorter life, and ended before their time. */
import { findCredentials } from "../../../access/credentials/credentials.ts";
import {
  principalSubject,
  type RevocationSubject,
  revokeTokens,
} from "../../../access/credentials/token-revocations.ts";
import { readToken } from "../../../access/credentials/tokens.ts";
import { fault } from "../../../lib/faults.ts";
import { echo } from "../../../lib/text.ts";
import type { Call } from "../../call.ts";
import type { LadingOperations } from "../contract/lading-operations.ts";
import { authorizationData } from "../ecr/tokens.ts";
import { anyResource, type Offered } from "../operation.ts";

type Revoke = LadingOperations["RevokeAuthorizationTokens"];

export const tokenOperations: Offered<LadingOperations> = {
  CreateAuthorizationToken: {
    // It gives no more than ECR's own operation does.
    actions: () => ["ecr:GetAuthorizationToken"],
    resources: (call) => anyResource(call),
    run: async (call, input) => ({ authorizationData: await authorizationData(call, input) }),
  },
  RevokeAuthorizationTokens: {
    // Whoever holds a token could use it, so ending it needs no more right than that.
    actions: ({ authorizationToken }) =>
      authorizationToken === undefined ? ["lading:RevokeAuthorizationTokens"] : [],
    resources: (call) => anyResource(call),
    run: revokeAuthorizationTokens,
  },
};

/** Ends one token, or all that a key or a principal of the caller's account was given until now. */
async function revokeAuthorizationTokens(call: Call, input: Revoke["input"]): Promise<Revoke["output"]> {
  const subject = await subjectIn(call, input);
  const issuedUntil = await call.db.write((tx) => revokeTokens(tx, call.clock, subject));
  return { issuedUntil: new Date(issuedUntil) };
}

async function subjectIn(call: Call, input: Revoke["input"]): Promise<RevocationSubject> {
  const { authorizationToken, accessKeyId, principalArn } = input;
  const given = [authorizationToken, accessKeyId, principalArn].filter((value) => value !== undefined);
  if (given.length !== 1) {
    throw fault("InvalidParameter", {
      at: "authorizationToken",
      reason: `Exactly one of authorizationToken, accessKeyId and principalArn must be given, not ${given.length}`,
    });
  }
  if (authorizationToken !== undefined) return tokenSubject(call, authorizationToken);
  return accessKeyId !== undefined
    ? keySubject(call, accessKeyId)
    : principalInAccount(call, principalArn ?? "");
}

/** The token as GetAuthorizationToken gives it, or the password in it. */
function tokenSubject({ secrets }: Call, authorizationToken: string): RevocationSubject {
  const decoded = Buffer.from(authorizationToken, "base64").toString();
  const password = decoded.startsWith("AWS:") ? decoded.slice("AWS:".length) : authorizationToken;
  const claims = readToken(secrets, password);
  if (!claims) {
    throw fault("InvalidParameter", {
      at: "authorizationToken",
      reason: "It is not an authorization token of this registry, or it was altered",
    });
  }
  return { kind: "token", id: claims.id };
}

async function keySubject({ db, accountId }: Call, accessKeyId: string): Promise<RevocationSubject> {
  const credentials = await findCredentials(db.read, accessKeyId);
  if (credentials?.principal.accountId !== accountId) {
    throw fault("InvalidParameter", {
      at: "accessKeyId",
      reason: `There is no access key '${echo(accessKeyId)}' in account ${accountId}; the tokens of a deleted key have ended with it`,
    });
  }
  return { kind: "key", id: accessKeyId };
}

async function principalInAccount({ db, accountId }: Call, principalArn: string): Promise<RevocationSubject> {
  const subject = await principalSubject(db.read, { accountId, arn: principalArn });
  if (!subject) {
    throw fault("InvalidParameter", {
      at: "principalArn",
      reason: `There is no principal '${echo(principalArn)}' in account ${accountId}; give the ARN of its root, a user, a role or a session`,
    });
  }
  return subject;
}
