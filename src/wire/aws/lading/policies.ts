/** LintPolicy and ReplayPolicy: what is wrong with a policy, and what it would change, before it is stored. */

import { policyNames } from "../../../access/decisions/policy-names.ts";
import { type Proposal, type RecordedRight, replay } from "../../../access/decisions/replay.ts";
import { registryPolicyScope } from "../../../access/decisions/resource-policies.ts";
import { listMembers } from "../../../access/identities/group-members.ts";
import { arnOf, findIdentity, type IdentityKind } from "../../../access/identities/identities.ts";
import { findUsablePolicy } from "../../../access/identities/managed-policies.ts";
import { principalIdsOf } from "../../../access/identities/policy-principals.ts";
import { type Policy, readPolicy } from "../../../access/policy/document.ts";
import type { PolicyKind } from "../../../access/policy/kinds.ts";
import { adviceOn } from "../../../access/policy/lint.ts";
import { problemText } from "../../../access/policy/problems.ts";
import { parseIamArn, repositoryArn } from "../../../lib/arn.ts";
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import { echo } from "../../../lib/text.ts";
import { accountSetting } from "../../../registry/account-settings.ts";
import { getRepository } from "../../../registry/repositories.ts";
import type { Call } from "../../call.ts";
import type { LadingOperations } from "../contract/lading-operations.ts";
import { checkedPrincipalIds } from "../ecr/policy-texts.ts";
import { knownActions } from "../known-actions.ts";
import { anyResource, type Offered } from "../operation.ts";
import { placeIn } from "./denials.ts";
import { rightsIn } from "./recorded.ts";

type Lint = LadingOperations["LintPolicy"];
type Replay = LadingOperations["ReplayPolicy"];
type Change = Replay["output"]["changes"][number];

const dayMs = 24 * 60 * 60 * 1000;
const defaultDays = 7;

export const policyOperations: Offered<LadingOperations> = {
  LintPolicy: {
    actions: () => ["lading:LintPolicy"],
    resources: (call) => anyResource(call),
    run: lint,
  },
  ReplayPolicy: {
    actions: () => ["lading:ReplayPolicy"],
    resources: (call) => anyResource(call),
    run: replayPolicy,
  },
};

async function lint({ db }: Call, { policyText, policyType }: Lint["input"]): Promise<Lint["output"]> {
  // The contract's enumeration has the kinds.
  const kind = policyType as PolicyKind;
  const reading = readPolicy({ text: policyText, kind, name: "the policy", actions: knownActions });
  if ("problems" in reading) {
    const problems = reading.problems.map((problem) => ({
      statement: problem.statement,
      path: problem.path,
      text: problemText(problem),
    }));
    return { problems, advice: [] };
  }
  const { policy } = reading;
  const found = await principalIdsOf(db.read, policy);
  const problems = "unknown" in found ? [unknownPrincipal(policy, found.unknown)] : [];
  return { problems, advice: [...adviceOn(policy, knownActions)] };
}

/** `unknown` is as {@link principalIdsOf} has it. Who writes the policy is refused for it too. */
function unknownPrincipal({ statements }: Policy, unknown: string): Lint["output"]["problems"][number] {
  const isNamed = (text: string) => text === unknown.replace(/^"AWS":"(.*)"$/, "AWS $1");
  const statement = statements.find(({ principals }) => principals?.texts.some(isNamed));
  const { number = 1, principals } = statement ?? {};
  const path = `Statement[${number - 1}].${principals?.negated ? "NotPrincipal" : "Principal"}.AWS`;
  const reason = `there is no principal ${unknown}; accounts, users and roles have to exist in this installation`;
  return { statement: number, path, text: problemText({ statement: number, path, reason }) };
}

async function replayPolicy(call: Call, input: Replay["input"]): Promise<Replay["output"]> {
  const { days = defaultDays, nextToken } = input;
  const { concerns, proposal } = await proposalIn(call, input);
  const page = await call.trail.recordsOf({
    accountId: call.accountId,
    since: call.clock.now() - days * dayMs,
    limit: limits.replayedRecords,
    after: nextToken === undefined ? undefined : placeIn(nextToken),
  });
  const changes = new Map<string, Change>();
  let examined = 0;
  let unknownPrincipals = 0;
  for (const { record } of page.records) {
    for (const right of rightsIn(call, record).filter(concerns)) {
      examined += 1;
      const replayed = await replay(call, right, proposal);
      if (replayed.change === "none") continue;
      if (replayed.change === "unknown principal") {
        unknownPrincipals += 1;
        continue;
      }
      const { principal, action, resource } = right;
      const key = [replayed.change, principal, action, resource].join("\n");
      changes.set(key, {
        change: replayed.change,
        principal,
        action,
        resource,
        count: (changes.get(key)?.count ?? 0) + 1,
        lastAt: new Date(record.eventTime),
        requestId: record.requestID,
        sentence: replayed.change === "refused" ? replayed.sentence : undefined,
      });
    }
  }
  return {
    examined,
    unknownPrincipals,
    changes: [...changes.values()],
    ...(page.next !== undefined && { nextToken: String(page.next) }),
  };
}

type Target = { proposal: Proposal; concerns: (right: RecordedRight) => boolean };

/** What the proposed policy would be on. Throws InvalidParameter, RepositoryNotFound and InvalidInput. */
async function proposalIn(call: Call, input: Replay["input"]): Promise<Target> {
  const { policyType, repositoryName, policyArn, identityArn, policyName } = input;
  switch (policyType) {
    case "repository":
      if (repositoryName !== undefined) return onRepository(call, input, repositoryName);
      break;
    case "registry":
      return onRegistry(call, input);
    case "boundary":
      if (policyArn !== undefined) return onManagedPolicy(call, input, policyArn);
      break;
    case "identity":
      if (policyArn !== undefined) return onManagedPolicy(call, input, policyArn);
      if (identityArn !== undefined && policyName !== undefined)
        return onIdentity(call, input, { identityArn, policyName });
      break;
  }
  throw fault("InvalidParameter", {
    at: "policyType",
    reason:
      "What can be replayed is the policy of a repository (repositoryName), that of the registry, an identity policy (policyArn, or identityArn and policyName), and a boundary (policyArn)",
  });
}

async function onRepository(call: Call, input: Replay["input"], repositoryName: string): Promise<Target> {
  const address = { accountId: call.accountId, region: call.region, repositoryName };
  await getRepository(call.db.read, address);
  await checkedPrincipalIds(call.db.read, { text: input.policyText, kind: "repository" });
  const arn = repositoryArn(address);
  const isOn = ({ resource }: { resource: string }) => resource === arn;
  return { proposal: proposalOf(input, { name: policyNames.repository(arn), adds: isOn }), concerns: isOn };
}

async function onRegistry(call: Call, input: Replay["input"]): Promise<Target> {
  const { accountId, region } = call;
  const scope = await accountSetting(call.db.read, { accountId, region }, registryPolicyScope);
  await checkedPrincipalIds(call.db.read, { text: input.policyText, kind: "registry", scope });
  const name = policyNames.registry({ accountId, region });
  const adds: Proposal["adds"] = ({ action, resourceAccountId }) =>
    action.startsWith("ecr:") && resourceAccountId === accountId;
  return {
    proposal: proposalOf(input, { name, adds, scope }),
    concerns: ({ action, ownerAccountId, facts }) =>
      action.startsWith("ecr:") && ownerAccountId === accountId && facts.region === region,
  };
}

async function onManagedPolicy(call: Call, input: Replay["input"], arn: string): Promise<Target> {
  if (!(await findUsablePolicy(call.db.read, { accountId: call.accountId, arn }))) {
    throw fault("InvalidParameter", {
      at: "policyArn",
      reason: `There is no policy '${echo(arn)}' in account ${call.accountId}`,
    });
  }
  const prefix = input.policyType === "identity" ? "managed policy" : "permissions boundary";
  return {
    proposal: proposalOf(input, { name: `${prefix} ${arn}`, adds: () => false }),
    concerns: madeBy(call.accountId),
  };
}

async function onIdentity(
  call: Call,
  input: Replay["input"],
  { identityArn, policyName }: { identityArn: string; policyName: string },
): Promise<Target> {
  const { accountId, db } = call;
  const named = parseIamArn(identityArn);
  const identity =
    named && named.kind !== "policy" && named.accountId === accountId
      ? await findIdentity(db.read, { accountId, kind: named.kind as IdentityKind, name: named.name })
      : undefined;
  if (!identity || arnOf(identity) !== identityArn) {
    throw fault("InvalidParameter", {
      at: "identityArn",
      reason: `There is no user, role or group '${echo(identityArn)}' in account ${accountId}`,
    });
  }
  const holders = new Set([identityArn]);
  if (identity.kind === "group") for (const arn of await memberArns(call, identity.id)) holders.add(arn);
  const name = policyNames.inline(policyName, identity);
  const adds: Proposal["adds"] = ({ principal }) =>
    principal.kind === "role-session"
      ? holders.has(principal.roleArn)
      : "arn" in principal && holders.has(principal.arn);
  return { proposal: proposalOf(input, { name, adds }), concerns: madeBy(accountId) };
}

/** The users of a group. A page that is full is followed by another. */
async function memberArns({ db }: Call, groupId: string): Promise<readonly string[]> {
  const arns: string[] = [];
  const limit = limits.principalsPerPage;
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page = await listMembers(db.read, groupId, { after, limit });
    arns.push(...page.map(arnOf));
    after = page.length === limit ? page.at(-1)?.name_key : undefined;
  }
  return arns;
}

function madeBy(accountId: string): Target["concerns"] {
  return ({ principal }) => principal.split(":")[4] === accountId;
}

type Proposed = { name: string; adds: Proposal["adds"]; scope?: "V1" | "V2" };

function proposalOf({ policyText, policyType }: Replay["input"], { name, adds, scope }: Proposed): Proposal {
  const kind = policyType as PolicyKind;
  const reading = readPolicy({
    text: policyText,
    kind,
    name,
    actions: knownActions,
    ...(scope && { scope }),
  });
  if ("problems" in reading) {
    throw fault("InvalidParameter", { at: "policyText", reason: problemText(reading.problems[0]) });
  }
  return { policy: reading.policy, replaces: (stored: Policy) => stored.name === name, adds };
}
