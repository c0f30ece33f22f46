/** The question of every door: may the caller of this request do that? What was asked is noted for the audit. */

import type { Caller, WebIdentity } from "../access/caller.ts";
import type { Action, Question } from "../access/decisions/authority.ts";
import { sealAuthorizationMessage } from "../access/decisions/authorization-messages.ts";
import { decide } from "../access/policy/evaluate.ts";
import { type Fault, fault } from "../lib/faults.ts";
import type { Call } from "./call.ts";

/** What an action is about: an ARN or `*`, and the account that owns it. */
export type Resource = Pick<Question, "keys" | "imageTags" | "imageDigest"> & {
  arn: string;
  accountId: string;
};

/** What a question needs of a request. Whose token it brings may ask in place of who signed it. */
type Asking = Pick<Call, "authority" | "facts" | "asked" | "secrets"> & { caller: Caller | WebIdentity };

/** ECR's sentence when the caller may not; undefined when it may. */
export async function refusalOf(
  call: Asking,
  action: Action,
  resource: Resource,
): Promise<string | undefined> {
  const { sentence, keys } = await call.authority.ask(questionOf(call, action, resource));
  const { arn, accountId } = resource;
  // The audit has the keys that decided: tomorrow the image can have other tags.
  const isAllowed = sentence === undefined;
  call.asked.push({ action, resource: arn, ownerAccountId: accountId, keys, isAllowed });
  return sentence;
}

/** Throws AccessDenied with ECR's sentence unless the caller may. */
export async function demand(call: Asking, action: Action, resource: Resource): Promise<void> {
  const sentence = await refusalOf(call, action, resource);
  if (sentence !== undefined) throw await denial(call, { action, resource, sentence });
}

/** AccessDenied with its reasons, sealed: see `access/decisions/authorization-messages.ts`. */
export async function denial(
  call: Asking,
  { action, resource, sentence }: { action: Action; resource: Resource; sentence: string },
): Promise<Fault> {
  const question = questionOf(call, action, resource);
  const gathered = await call.authority.gather(question);
  const decision = decide(gathered.request, gathered.policies);
  // Allowed by now: somebody changed a policy in between.
  if (decision.allowed) return fault("AccessDenied", { sentence });
  const encodedAuthorizationMessage = sealAuthorizationMessage(call.secrets, {
    question,
    gathered,
    decision,
  });
  return fault("AccessDenied", { sentence }, { encodedAuthorizationMessage });
}

function questionOf({ caller, facts }: Asking, action: Action, resource: Resource): Question {
  const { arn, accountId, keys, imageTags, imageDigest } = resource;
  return { caller, action, resource: arn, ownerAccountId: accountId, facts, keys, imageTags, imageDigest };
}
