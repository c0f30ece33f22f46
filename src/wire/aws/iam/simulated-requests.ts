/** What the policy simulator is asked: the requests, the policies that are passed, the caller and the context. */

import type { Principal } from "../../../access/caller.ts";
import { arnOf, type Identity } from "../../../access/identities/identities.ts";
import { isTrustAction } from "../../../access/policy/actions.ts";
import { type Policy, readPolicy } from "../../../access/policy/document.ts";
import { bounds, type PolicyKind } from "../../../access/policy/kinds.ts";
import type { RequestPrincipal } from "../../../access/policy/principals.ts";
import { problemText } from "../../../access/policy/problems.ts";
import type { Context } from "../../../access/policy/templates.ts";
import { ofIdentity } from "../../../access/principals.ts";
import { iamArn, parseIamArn } from "../../../lib/arn.ts";
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import { echo } from "../../../lib/text.ts";
import type { Call } from "../../call.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import { knownActions } from "../known-actions.ts";

export type SimulationInput = IamOperations["SimulateCustomPolicy" | "SimulatePrincipalPolicy"]["input"];

type SimulatedRequest = { action: string; resource: string; ownerAccountId: string };

/** Every action with every resource, `*` when none is given. Throws InvalidInput. */
export function requestsOf(input: SimulationInput, callerAccountId: string): readonly SimulatedRequest[] {
  const { ActionNames, ResourceArns: resources = [] } = input;
  const ownerless = accountIn(input.ResourceOwner) ?? callerAccountId;
  for (const action of ActionNames) checkAction(action);
  if (ActionNames.length * Math.max(resources.length, 1) > limits.simulatedRequests) {
    throw fault("InvalidInput", {
      reason: `There are more than ${limits.simulatedRequests} pairs of an action and a resource; ask for fewer at a time`,
    });
  }
  return ActionNames.flatMap((action) =>
    (resources.length > 0 ? resources : ["*"]).map((resource) => ({
      action,
      resource,
      ownerAccountId: /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(resource)?.[1] ?? ownerless,
    })),
  );
}

/** A policy that came with the request, under the name of its place. */
export type PassedPolicy = { text: string; policy: Policy };

/** The documents of one list: `PolicyInputList.1` and so on. Throws InvalidInput. */
export function passedPolicies(
  texts: readonly string[] = [],
  { list, kind }: { list: string; kind: PolicyKind },
): readonly PassedPolicy[] {
  return texts.map((text, index) => readPassed(text, { name: `${list}.${index + 1}`, kinds: [kind] }));
}

/** There is one boundary at a time. Throws InvalidInput. */
export function passedBoundary(input: SimulationInput): PassedPolicy | undefined {
  const list = "PermissionsBoundaryPolicyInputList";
  const passed = passedPolicies(input[list], { list, kind: "boundary" });
  if (passed.length < 2) return passed[0];
  throw fault("InvalidInput", { reason: `${list} can have one policy, and there are ${passed.length}` });
}

/** The policy of the resource: a role's trust policy for the actions that ask one, else ECR's. Throws InvalidInput. */
export function passedResourcePolicy(input: SimulationInput): PassedPolicy | undefined {
  const { ResourcePolicy: text, ActionNames } = input;
  if (text === undefined) return undefined;
  const isTrust = ActionNames.every((action) => isTrustAction(action.toLowerCase()));
  return readPassed(text, {
    name: "ResourcePolicy",
    kinds: isTrust ? ["trust"] : ["repository", "registry"],
  });
}

/** The values of the request's own condition keys, in lower case. Throws InvalidInput. */
export function contextEntries(input: SimulationInput): ReadonlyMap<string, readonly string[]> {
  const entries = new Map<string, readonly string[]>();
  for (const { ContextKeyName: key, ContextKeyValues: values = [], ContextKeyType } of input.ContextEntries ??
    []) {
    if (key === undefined) throw fault("InvalidInput", { reason: "A context entry has no ContextKeyName" });
    if (values.length > 1 && !ContextKeyType?.endsWith("List")) {
      throw fault("InvalidInput", {
        reason: `The context key ${echo(key)} has ${values.length} values, and its type ${ContextKeyType ?? "string"} is for one`,
      });
    }
    entries.set(key.toLowerCase(), values);
  }
  return entries;
}

/** Of the caller's real requests, and so of none that is simulated; they have a value when an entry gives them one. */
const keysOfRealRequests = new Set([
  "aws:securetransport",
  "aws:requestedregion",
  "aws:viaawsservice",
  "aws:principalisawsservice",
  "aws:tokenissuetime",
  "aws:multifactorauthpresent",
]);

/** What is known without a request, such as `aws:PrincipalArn`, and above that what the entries say. */
export function simulatedContext(known: Context, entries: ReadonlyMap<string, readonly string[]>): Context {
  return { get: (key) => entries.get(key) ?? (keysOfRealRequests.has(key) ? undefined : known.get(key)) };
}

/** The time, and nothing else that nobody said. */
export function plainContext({ clock }: Call): Context {
  const now = clock.now();
  return new Map([
    ["aws:currenttime", [new Date(now).toISOString()]],
    ["aws:epochtime", [String(Math.floor(now / 1000))]],
  ]);
}

/** Somebody who asks with the policies of `source`, and is that identity unless `caller` is given. */
export function simulatedCaller(source: Identity, caller: Identity = source): Principal {
  return { ...principalOf(caller), identityId: source.id };
}

/** Whom a simulation without stored policies is about: the ARN of a user, group or role. Throws InvalidInput. */
export function statedCaller(
  call: Call,
  arn: string | undefined,
): Extract<RequestPrincipal, { accountId: string }> {
  const somebody = iamArn({ accountId: call.accountId, kind: "user", path: "/", name: "simulated" });
  const parsed = parseIamArn(arn ?? somebody);
  if (!parsed || parsed.kind === "policy" || parsed.accountId === "aws") {
    throw fault("InvalidInput", {
      reason: `The CallerArn ${echo(arn ?? "")} must be the ARN of a user, a group or a role`,
    });
  }
  const { accountId, kind } = parsed;
  const who = { arn: arn ?? somebody, accountId, uniqueId: "" };
  return kind === "role" ? { kind: "role-session", ...who, roleArn: who.arn } : { kind: "user", ...who };
}

/** A group asks nothing itself; here it stands for a member that has no policies of its own. */
function principalOf(identity: Identity): Principal {
  if (identity.kind !== "group") return ofIdentity(identity);
  const arn = arnOf(identity);
  const { id, account_id: accountId } = identity;
  return {
    kind: "principal",
    arn,
    accountId,
    accessKeyId: "",
    who: { kind: "user", arn, accountId, uniqueId: id },
    userId: id,
    identityId: id,
    userName: undefined,
    session: undefined,
  };
}

function readPassed(
  text: string,
  { name, kinds }: { name: string; kinds: readonly [PolicyKind, ...PolicyKind[]] },
): PassedPolicy {
  const readings = kinds.map((kind) => readPolicy({ text, kind, name, maxCharacters: bounds.characters }));
  for (const reading of readings) if ("policy" in reading) return { text, policy: reading.policy };
  const [first] = readings;
  const problem = first && "problems" in first ? problemText(first.problems[0]) : "";
  throw fault("InvalidInput", { reason: `Invalid policy ${name}: ${problem}` });
}

/** Throws InvalidInput: an action is simulated by its whole name. */
function checkAction(action: string): void {
  const [service = "", name = "", ...more] = action.toLowerCase().split(":");
  const ofService = knownActions.filter((known) => known.startsWith(`${service}:`));
  const isKnown =
    ofService.length === 0 || ofService.some((known) => known.toLowerCase() === action.toLowerCase());
  if (/^[a-z0-9-]+$/.test(service) && /^\w+$/.test(name) && more.length === 0 && isKnown) return;
  throw fault("InvalidInput", { reason: `Invalid Entity Action: ${echo(action)}` });
}

/** An account as its id or as the ARN of its root. Throws InvalidInput. */
function accountIn(owner: string | undefined): string | undefined {
  if (owner === undefined) return undefined;
  const accountId = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/.exec(owner)?.[1];
  if (accountId !== undefined) return accountId;
  throw fault("InvalidInput", {
    reason: `The ResourceOwner ${echo(owner)} is no account; it must be 12 digits`,
  });
}
