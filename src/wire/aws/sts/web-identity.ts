/** AssumeRoleWithWebIdentity: who asks is proved by a token of an identity provider, and not by a signature. */
import { accountOfRole } from "../../../access/credentials/assume-role.ts";
import { sessionTagsOf } from "../../../access/credentials/session-tags.ts";
import { verifyWebIdentity } from "../../../access/credentials/web-identity.ts";
import { fault } from "../../../lib/faults.ts";
import { demand } from "../../permission.ts";
import type { StsOperations } from "../contract/kept-operations.ts";
import type { Operation } from "../operation.ts";
import { openRoleSession, roleActions } from "./assume-role.ts";

type Input = StsOperations["AssumeRoleWithWebIdentity"]["input"];
type Output = StsOperations["AssumeRoleWithWebIdentity"]["output"];

/** STS API, AssumeRoleWithWebIdentity. The permission is asked once it is known who asks: the role's trust policy has it. */
export const assumeRoleWithWebIdentity: Operation<Input, Output> = {
  actions: () => [],
  resources: () => [],
  run: async (call, input) => {
    if (input.ProviderId !== undefined) {
      throw fault("ValidationFailed", {
        reason:
          "ProviderId is for OAuth 2.0 access tokens, which this registry does not take; leave it out for an OpenID Connect token",
      });
    }
    const accountId = accountOfRole(input.RoleArn);
    const token = await verifyWebIdentity(call, { token: input.WebIdentityToken, accountId });
    const { providerArn, sourceIdentity } = token;
    const tags = sessionTagsOf(token.passed, undefined);
    const keys = new Map([...token.keys, ...tags.keys]);
    keys.set("sts:rolesessionname", [input.RoleSessionName]);
    if (sourceIdentity !== undefined) keys.set("sts:sourceidentity", [sourceIdentity]);
    const asking = { ...call, caller: { kind: "web-identity", arn: providerArn } as const };
    const actions = roleActions("sts:AssumeRoleWithWebIdentity", {
      isTagged: tags.keys.size > 0,
      hasSourceIdentity: sourceIdentity !== undefined,
    });
    for (const action of actions) await demand(asking, action, { arn: input.RoleArn, accountId, keys });
    const output = await openRoleSession(call, input, {
      action: "sts:AssumeRoleWithWebIdentity",
      by: providerArn,
      isChained: false,
      tags,
      sourceIdentity,
      federatedProvider: providerArn,
    });
    return {
      ...output,
      SubjectFromWebIdentityToken: token.subject,
      Audience: token.audience,
      Provider: token.issuer,
    };
  },
};
