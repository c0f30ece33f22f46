/**
 * IAM's policy simulator: what would be allowed, asked of the engine that decides. It looks at identity policies,
 * boundaries and service control policies, and at a resource's policy only when it is passed; where nothing could be
 * said without one (another account's resource, or a role to assume) the stored one counts.
 */

import { setImmediate } from "node:timers/promises";
import type { Question } from "../../../access/decisions/authority.ts";
import { policyNames } from "../../../access/decisions/policy-names.ts";
import {
  contextKeysOf,
  needsResourcePolicy,
  type Simulation,
  simulate,
} from "../../../access/decisions/simulation.ts";
import { statementSpans } from "../../../access/decisions/statement-positions.ts";
import { defaultDocument, type HeldPolicy, heldPolicies } from "../../../access/identities/held-policies.ts";
import type { Identity } from "../../../access/identities/identities.ts";
import type { Policies } from "../../../access/policy/evaluate.ts";
import { matches, patternOfText } from "../../../access/policy/match.ts";
import { parseIamArn } from "../../../lib/arn.ts";
import { fault } from "../../../lib/faults.ts";
import { echo } from "../../../lib/text.ts";
import type { Call } from "../../call.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import { anyResource, type Offered } from "../operation.ts";
import { identityByArn, resourceOfArn } from "./authorization-details.ts";
import { pagedInMemory } from "./rows.ts";
import * as asked from "./simulated-requests.ts";

type In<Name extends keyof IamOperations> = IamOperations[Name]["input"];
type Out<Name extends keyof IamOperations> = Promise<IamOperations[Name]["output"]>;
type Result = NonNullable<Awaited<Out<"SimulateCustomPolicy">>["EvaluationResults"]>[number];
type Matched = NonNullable<Result["MatchedStatements"]>[number];

/** Where the statements of a policy come from, as the simulator names it, by the name of the policy. */
type Sources = Map<string, { id: string; type: Matched["SourcePolicyType"]; text: string }>;

/** Simulations are calculated; in between others have their turn. */
const simulationsPerTurn = 10;

/** IAM API, SimulateCustomPolicy: nothing counts but what is passed. */
async function simulateCustomPolicy(
  call: Call,
  input: In<"SimulateCustomPolicy">,
): Out<"SimulateCustomPolicy"> {
  if (input.ResourcePolicy !== undefined && input.CallerArn === undefined) {
    throw fault("InvalidInput", { reason: "A ResourcePolicy needs the CallerArn that its principals mean" });
  }
  const principal = asked.statedCaller(call, input.CallerArn);
  const { own, boundary, resource, sources } = passedIn(input);
  const levels = (input.OrderedOrganizationPolicyInputList ?? []).map((level, index) => {
    const list = `OrderedOrganizationPolicyInputList.${index + 1}.ServiceControlPolicyInputList`;
    return addPassed(
      asked.passedPolicies(level.ServiceControlPolicyInputList, { list, kind: "scp" }),
      sources,
    );
  });
  const policies: Policies = {
    identity: own,
    ...(boundary && { boundary }),
    scps: levels,
    resource: resource ? [resource] : [],
  };
  const context = asked.simulatedContext(asked.plainContext(call), asked.contextEntries(input));
  return results(input, {
    callerAccountId: principal.accountId,
    sources,
    ask: async ({ action, resource, ownerAccountId: resourceAccountId }) =>
      simulate({ principal, action, resource, resourceAccountId, context }, policies),
  });
}

/** IAM API, SimulatePrincipalPolicy: the policies of a user with its groups, a group or a role, and those passed. */
async function simulatePrincipalPolicy(
  call: Call,
  input: In<"SimulatePrincipalPolicy">,
): Out<"SimulatePrincipalPolicy"> {
  const source = await identityByArn(call, input.PolicySourceArn);
  const as = input.CallerArn === undefined ? source : await identityByArn(call, input.CallerArn);
  const caller = asked.simulatedCaller(source, as);
  const passed = passedIn(input);
  const sources = new Map([...passed.sources, ...(await storedSources(call, source))]);
  const isExcluded = exclusions(input, await heldPolicies(call.db.read, source));
  const entries = asked.contextEntries(input);
  const facts = { ...noFacts, region: call.region, at: call.clock.now() };
  return results(input, {
    callerAccountId: caller.accountId,
    sources,
    ask: async ({ action, resource, ownerAccountId }) => {
      // The engine knows no list of actions, and the simulator is asked about those of every service.
      const question = { caller, action: action as Question["action"], resource, ownerAccountId, facts };
      const { request, policies } = await call.authority.gather(question);
      const context = asked.simulatedContext(request.context, entries);
      const boundary = passed.boundary ?? policies.boundary;
      const theirs = passed.resource
        ? [passed.resource]
        : policies.resource.filter(() => needsResourcePolicy(request));
      return simulate(
        { ...request, context },
        {
          identity: [...policies.identity.filter(({ name }) => !isExcluded(name)), ...passed.own],
          ...(boundary && !isExcluded(boundary.name) && { boundary }),
          scps: isExcluded(everyScp) ? [] : policies.scps,
          resource: theirs,
        },
      );
    },
  });
}

const noFacts = { sourceIp: undefined, isSecure: false, userAgent: undefined, referer: undefined };

type Ask = (request: ReturnType<typeof asked.requestsOf>[number]) => Promise<Simulation>;

async function results(
  input: asked.SimulationInput,
  { callerAccountId, sources, ask }: { callerAccountId: string; sources: Sources; ask: Ask },
): Out<"SimulateCustomPolicy"> {
  const { rows, end } = pagedInMemory(asked.requestsOf(input, callerAccountId), input);
  const isSpecific = (input.ResourceArns ?? []).length > 0;
  const found: Result[] = [];
  for (const request of rows) {
    if (found.length % simulationsPerTurn === 0) await setImmediate();
    const { action: EvalActionName, resource: EvalResourceName } = request;
    const simulation = await ask(request);
    const shared = sharedOf(simulation, sources);
    const { allowedByOrganization } = simulation;
    found.push({
      EvalActionName,
      EvalResourceName,
      EvalDecision: simulation.decision,
      ...shared,
      ...(allowedByOrganization !== undefined && {
        OrganizationsDecisionDetail: { AllowedByOrganizations: allowedByOrganization },
      }),
      ...(isSpecific && {
        ResourceSpecificResults: [{ EvalResourceName, EvalResourceDecision: simulation.decision, ...shared }],
      }),
    });
  }
  return { EvaluationResults: found, ...end };
}

/** What a result says of its resource too. */
function sharedOf({ matched, missingKeys, allowedByBoundary, acrossAccounts }: Simulation, sources: Sources) {
  return {
    MatchedStatements: matched.map((statement) => matchedStatement(statement, sources)),
    MissingContextValues: [...missingKeys],
    ...(allowedByBoundary !== undefined && {
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: allowedByBoundary },
    }),
    // Only here the simulator tells the sides apart: IAM API, EvaluationResult, EvalDecisionDetails.
    ...(acrossAccounts && {
      EvalDecisionDetails: {
        "IAM Policy": acrossAccounts.identity,
        "Resource Policy": acrossAccounts.resource,
      },
    }),
  };
}

function matchedStatement(
  { policy, side, statement }: Simulation["matched"][number],
  sources: Sources,
): Matched {
  const source = sources.get(policy);
  const isResource = side === "resource" || side === "trust";
  if (!source) return { SourcePolicyId: policy, SourcePolicyType: isResource ? "resource" : "none" };
  const span = statementSpans(source.text)[statement - 1];
  return {
    SourcePolicyId: source.id,
    SourcePolicyType: source.type,
    ...(span && {
      StartPosition: { Line: span.start.line, Column: span.start.column },
      EndPosition: { Line: span.end.line, Column: span.end.column },
    }),
  };
}

/** The policies that came with the request. */
function passedIn(input: asked.SimulationInput) {
  const sources: Sources = new Map();
  const list = "PolicyInputList";
  const own = addPassed(asked.passedPolicies(input[list], { list, kind: "identity" }), sources);
  const boundary = asked.passedBoundary(input);
  const resource = asked.passedResourcePolicy(input);
  addPassed(boundary ? [boundary] : [], sources);
  addPassed(resource ? [resource] : [], sources, "resource");
  return { own, boundary: boundary?.policy, resource: resource?.policy, sources };
}

function addPassed(
  passed: readonly asked.PassedPolicy[],
  sources: Sources,
  type: Matched["SourcePolicyType"] = "none",
) {
  for (const { text, policy } of passed) sources.set(policy.name, { id: policy.name, type, text });
  return passed.map(({ policy }) => policy);
}

/** The policies that an identity has, under the names that the engine has for them. */
async function storedSources({ db }: Call, identity: Identity): Promise<Sources> {
  const sources: Sources = new Map();
  for (const { arn, holder, name, document: text, policy } of await heldPolicies(db.read, identity)) {
    const source =
      arn === undefined
        ? { id: `${holder.kind}_${holder.name}_${name}`, type: holder.kind, text }
        : { id: name, type: managedType(arn), text };
    sources.set(policy.name, source);
  }
  const { boundary_arn: arn } = identity;
  if (arn !== null) {
    const text = await defaultDocument(db.read, arn);
    const id = parseIamArn(arn)?.name ?? arn;
    sources.set(policyNames.boundary(arn), { id, type: managedType(arn), text });
  }
  return sources;
}

const managedType = (arn: string) =>
  arn.startsWith("arn:aws:iam::aws:") ? ("aws-managed" as const) : ("user-managed" as const);

/** Stands for all service control policies, which can only be left out together. */
const everyScp = "service control policies";

/** Whether a policy is left out, by its name. IAM API, SimulatePrincipalPolicy, PolicyExclusionList. */
function exclusions(
  { PolicyExclusionList: list = [] }: In<"SimulatePrincipalPolicy">,
  held: readonly HeldPolicy[],
): (name: string) => boolean {
  const types = new Set<string>(list.flatMap(({ PolicyType }) => PolicyType ?? []));
  const arns = list.flatMap(({ PolicyArn }) => PolicyArn ?? []);
  const wrong = arns.find((arn) => !/^arn:aws:iam::(?:\d{12}|aws):policy\/[\w+=,.@*?/-]+$/.test(arn));
  if (wrong !== undefined) throw fault("InvalidInput", { reason: `ARN ${echo(wrong)} is not valid.` });
  const isListed = (arn: string) => arns.some((some) => matches(patternOfText(some), arn));
  const inline = list.flatMap(({ InlinePolicyIdentifier }) => InlinePolicyIdentifier ?? []);
  const isOut = ({ arn, holder, name }: HeldPolicy) =>
    arn === undefined
      ? types.has("inline") ||
        inline.some(
          ({ PolicyName, AttachmentType, AttachmentName }) =>
            PolicyName === name && AttachmentType === holder.kind && AttachmentName === holder.name,
        )
      : types.has(managedType(arn)) || isListed(arn);
  const names = new Set(held.filter(isOut).map(({ policy }) => policy.name));
  if (types.has("scp")) names.add(everyScp);
  return (name) =>
    names.has(name) || (types.has("permission-boundary") && name.startsWith(policyNames.boundary("")));
}

/** IAM API, GetContextKeysForCustomPolicy. */
async function contextKeysForCustomPolicy(
  _: Call,
  { PolicyInputList }: In<"GetContextKeysForCustomPolicy">,
): Out<"GetContextKeysForCustomPolicy"> {
  return { ContextKeyNames: [...contextKeysOf(passedForKeys(PolicyInputList))] };
}

/** IAM API, GetContextKeysForPrincipalPolicy. */
async function contextKeysForPrincipalPolicy(
  call: Call,
  { PolicySourceArn, PolicyInputList }: In<"GetContextKeysForPrincipalPolicy">,
): Out<"GetContextKeysForPrincipalPolicy"> {
  const held = await heldPolicies(call.db.read, await identityByArn(call, PolicySourceArn));
  const all = [...held.map(({ policy }) => policy), ...passedForKeys(PolicyInputList)];
  return { ContextKeyNames: [...contextKeysOf(all)] };
}

function passedForKeys(texts: readonly string[] | undefined) {
  return asked
    .passedPolicies(texts, { list: "PolicyInputList", kind: "identity" })
    .map(({ policy }) => policy);
}

export const simulateOperations: Offered<IamOperations> = {
  SimulateCustomPolicy: {
    actions: () => ["iam:SimulateCustomPolicy"],
    resources: anyResource,
    run: simulateCustomPolicy,
  },
  SimulatePrincipalPolicy: {
    actions: () => ["iam:SimulatePrincipalPolicy"],
    resources: (call, { PolicySourceArn }) => resourceOfArn(call, PolicySourceArn),
    run: simulatePrincipalPolicy,
  },
  GetContextKeysForCustomPolicy: {
    actions: () => ["iam:GetContextKeysForCustomPolicy"],
    resources: anyResource,
    run: contextKeysForCustomPolicy,
  },
  GetContextKeysForPrincipalPolicy: {
    actions: () => ["iam:GetContextKeysForPrincipalPolicy"],
    resources: (call, { PolicySourceArn }) => resourceOfArn(call, PolicySourceArn),
    run: contextKeysForPrincipalPolicy,
  },
};
