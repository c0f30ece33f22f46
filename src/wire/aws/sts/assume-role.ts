/** AssumeRole. Whether the caller may is asked of its own policies and of the role's trust policy. */

import {
  accountOfRole,
  checkMayAssume,
  findRole,
  roleSessionSeconds,
  sourceIdentityOf,
} from "../../../access/credentials/assume-role.ts";
import { packedPercent, sessionPoliciesOf } from "../../../access/credentials/session-policies.ts";
import { type SessionTags, sessionTagsOf } from "../../../access/credentials/session-tags.ts";
import { type NewSession, openSession } from "../../../access/credentials/sessions.ts";
import type { Action } from "../../../access/decisions/authority.ts";
import { sessionArn } from "../../../lib/arn.ts";
import { fault } from "../../../lib/faults.ts";
import type { Call } from "../../call.ts";
import type { StsOperations } from "../contract/kept-operations.ts";
import type { Operation } from "../operation.ts";
import { policyArnsIn, principalOf, refuseMfa, sessionOutput, tagsIn } from "./credentials.ts";

type Input = StsOperations["AssumeRole"]["input"];
type Output = StsOperations["AssumeRole"]["output"];

/** STS API, AssumeRole. In a chain, the tags and the source identity that are handed on need the same permissions. */
export const assumeRole: Operation<Input, Output> = {
  actions: (input, call) => {
    const { session } = principalOf(call);
    return roleActions("sts:AssumeRole", {
      isTagged: sessionTagsOf(tagsIn(input), session).keys.size > 0,
      hasSourceIdentity: sourceIdentityOf(principalOf(call), input.SourceIdentity) !== undefined,
    });
  },
  resources: (call, input) => {
    const caller = principalOf(call);
    checkMayAssume(caller);
    const keys = new Map(sessionTagsOf(tagsIn(input), caller.session).keys);
    const sourceIdentity = sourceIdentityOf(caller, input.SourceIdentity);
    keys.set("sts:rolesessionname", [input.RoleSessionName]);
    if (input.ExternalId !== undefined) keys.set("sts:externalid", [input.ExternalId]);
    if (sourceIdentity !== undefined) keys.set("sts:sourceidentity", [sourceIdentity]);
    return [{ arn: input.RoleArn, accountId: accountOfRole(input.RoleArn), keys }];
  },
  run: async (call, input) => {
    refuseMfa(input);
    if (input.ProvidedContexts !== undefined) {
      throw fault("ValidationFailed", {
        reason: "ProvidedContexts are not offered by this registry: it has no context providers",
      });
    }
    const caller = principalOf(call);
    return openRoleSession(call, input, {
      action: "sts:AssumeRole",
      by: caller.arn,
      isChained: caller.who.kind === "role-session",
      tags: sessionTagsOf(tagsIn(input), caller.session),
      sourceIdentity: sourceIdentityOf(caller, input.SourceIdentity),
      federatedProvider: undefined,
    });
  },
};

export function roleActions(
  action: Action,
  { isTagged, hasSourceIdentity }: { isTagged: boolean; hasSourceIdentity: boolean },
): readonly Action[] {
  const more: Action[] = [];
  if (isTagged) more.push("sts:TagSession");
  if (hasSourceIdentity) more.push("sts:SetSourceIdentity");
  return [action, ...more];
}

type RoleInput = Pick<
  Input,
  "RoleArn" | "RoleSessionName" | "Policy" | "PolicyArns" | "DurationSeconds" | "MinimumSessionTokenSize"
>;

type Assumed = Pick<NewSession, "sourceIdentity" | "federatedProvider"> & {
  action: Action;
  /** ARN of who takes on the role, for the message when it went away. */
  by: string;
  isChained: boolean;
  tags: SessionTags;
};

/** The session of somebody who may take on the role. */
export async function openRoleSession(call: Call, input: RoleInput, assumed: Assumed): Promise<Output> {
  const { RoleArn, RoleSessionName, DurationSeconds } = input;
  const role = await findRole(call.db.read, RoleArn);
  if (!role) {
    // A role that is not there has no policy that trusts anybody, so this is one of a closed account.
    throw fault("AccessDenied", {
      sentence: `User: ${assumed.by} is not authorized to perform: ${assumed.action} on resource: ${RoleArn}`,
    });
  }
  const { tags, transitiveTagKeys } = assumed.tags;
  const passed = { text: input.Policy, arns: policyArnsIn(input) };
  const policies = await sessionPoliciesOf(call.db.read, { ...passed, accountId: role.account_id });
  const percent = packedPercent(passed, tags);
  const { isChained, sourceIdentity, federatedProvider } = assumed;
  const made = await openSession(call, {
    kind: "role",
    accountId: role.account_id,
    identityId: role.id,
    name: RoleSessionName,
    durationSeconds: roleSessionSeconds(role, { requested: DurationSeconds, isChained }),
    minimumTokenSize: input.MinimumSessionTokenSize,
    policies,
    tags,
    transitiveTagKeys,
    sourceIdentity,
    federatedProvider,
  });
  return {
    ...sessionOutput(made),
    AssumedRoleUser: {
      AssumedRoleId: `${role.id}:${RoleSessionName}`,
      Arn: sessionArn(role.account_id, "assumed-role", `${role.name}/${RoleSessionName}`),
    },
    ...(percent !== undefined && { PackedPolicySize: percent }),
    ...(sourceIdentity !== undefined && { SourceIdentity: sourceIdentity }),
  };
}
