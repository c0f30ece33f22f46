/** GetSessionToken and GetFederationToken: temporary credentials of a user or a root for itself, or for somebody else. */
import type { Principal } from "../../../access/caller.ts";
import { packedPercent, sessionPoliciesOf } from "../../../access/credentials/session-policies.ts";
import { sessionTagsOf } from "../../../access/credentials/session-tags.ts";
import { openSession } from "../../../access/credentials/sessions.ts";
import { sessionArn } from "../../../lib/arn.ts";
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import type { StsOperations } from "../contract/kept-operations.ts";
import type { Operation } from "../operation.ts";
import { policyArnsIn, principalOf, refuseMfa, sessionOutput, tagsIn } from "./credentials.ts";

type GetSessionToken = StsOperations["GetSessionToken"];
type GetFederationToken = StsOperations["GetFederationToken"];

/** STS API, GetSessionToken and GetFederationToken: 12 hours unless asked for otherwise. */
const defaultSeconds = 12 * 3_600;

/** STS API, GetSessionToken: needs no permission. */
export const getSessionToken: Operation<GetSessionToken["input"], GetSessionToken["output"]> = {
  actions: () => [],
  resources: () => [],
  run: async (call, input) => {
    const caller = longLivedCaller(principalOf(call), "GetSessionToken");
    refuseMfa(input);
    const made = await openSession(call, {
      kind: caller.who.kind === "root" ? "root" : "user",
      accountId: caller.accountId,
      identityId: caller.identityId,
      name: "",
      durationSeconds: durationSeconds(caller, input.DurationSeconds),
      minimumTokenSize: input.MinimumSessionTokenSize,
    });
    return sessionOutput(made);
  },
};

/** STS API, GetFederationToken. The federated user may do what both its user and the passed policies allow. */
export const getFederationToken: Operation<GetFederationToken["input"], GetFederationToken["output"]> = {
  actions: ({ Tags = [] }) => [
    "sts:GetFederationToken",
    ...(Tags.length > 0 ? (["sts:TagSession"] as const) : []),
  ],
  resources: (call, input) => {
    const { accountId } = longLivedCaller(principalOf(call), "GetFederationToken");
    const { keys } = sessionTagsOf(tagsIn(input), undefined);
    return [{ arn: sessionArn(accountId, "federated-user", input.Name), accountId, keys }];
  },
  run: async (call, input) => {
    const caller = longLivedCaller(principalOf(call), "GetFederationToken");
    const { accountId } = caller;
    const { tags } = sessionTagsOf(tagsIn(input), undefined);
    const passed = { text: input.Policy, arns: policyArnsIn(input) };
    const policies = await sessionPoliciesOf(call.db.read, { ...passed, accountId });
    const percent = packedPercent(passed, tags);
    const made = await openSession(call, {
      kind: "federated-user",
      accountId,
      identityId: caller.identityId,
      name: input.Name,
      durationSeconds: durationSeconds(caller, input.DurationSeconds),
      minimumTokenSize: input.MinimumSessionTokenSize,
      policies,
      tags,
    });
    return {
      ...sessionOutput(made),
      FederatedUser: {
        FederatedUserId: `${accountId}:${input.Name}`,
        Arn: sessionArn(accountId, "federated-user", input.Name),
      },
      ...(percent !== undefined && { PackedPolicySize: percent }),
    };
  },
};

/** Throws AccessDenied for temporary credentials: they would live on in what they make. */
function longLivedCaller(caller: Principal, operation: string): Principal {
  if (caller.session === undefined) return caller;
  throw fault("AccessDenied", { sentence: `Cannot call ${operation} with session credentials` });
}

/** STS API: what is longer than an hour becomes an hour for a root. */
function durationSeconds({ who }: Principal, requested: number = defaultSeconds): number {
  return who.kind === "root" ? Math.min(requested, limits.rootSessionSeconds) : requested;
}
