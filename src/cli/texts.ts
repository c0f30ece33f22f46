/** Answers in words, for a terminal. */
import type { LadingOperations } from "../wire/aws/contract/lading-operations.ts";
import type { Answer } from "./client.ts";

type Output<Name extends keyof LadingOperations> = Answer<LadingOperations[Name]["output"]>;
type Explanation = Output<"Explain">["explanations"][number];
type Statement = Explanation["policies"][number]["statements"][number];

export function explanationText(explanation: Explanation): string {
  const { allowed, sentence, principal, action, resource, decidedBy, suggestions } = explanation;
  const lines = [allowed ? `Allowed: ${principal} may ${action} on ${resource}.` : `Denied: ${sentence}.`];
  for (const cited of decidedBy) lines.push(`  decided by ${citedText(cited)}`);
  if (allowed && decidedBy.length === 0) lines.push("  the root may do everything to what its account owns");
  lines.push(...recordedLines(explanation));
  const asked = policyLines(explanation);
  if (asked.length > 0) lines.push("", "Policies that were asked:", ...asked);
  for (const { text, statement } of suggestions) {
    lines.push("", text);
    if (statement !== undefined) lines.push(indented(JSON.stringify(JSON.parse(statement), null, 2)));
  }
  return lines.join("\n");
}

/** The answer of today is another than the one that the request got. */
function recordedLines({ allowed, recorded }: Explanation): string[] {
  if (recorded === undefined || recorded.allowed === allowed) return [];
  const answer = recorded.allowed ? "allowed" : "refused";
  return [`  It was ${answer} at ${time(recorded.at)}. This is the answer of today's policies.`];
}

function policyLines({ policies, missing }: Explanation): string[] {
  const lines = policies.flatMap(({ side, name, hidden, statements }) => [
    `  ${side}: ${hidden ? (hiddenPolicies[side] ?? hiddenPolicies.identity) : name}`,
    ...statements.map((statement) => `    ${statementText(statement)}`),
  ]);
  const without = missing.filter((side) => !policies.some((policy) => policy.side === side));
  // Of several hidden policies of a side one line is enough.
  const isRepeated = (line: string, at: number) => line === lines[at - 1];
  return [
    ...lines.filter((line, at) => !isRepeated(line, at)),
    ...without.map((side) => `  ${side}: there is no policy`),
  ];
}

const hiddenPolicies: Readonly<Record<string, string>> = {
  resource: "a policy of the account that owns the resource, which that account can read",
  trust: "the trust policy, which the role's account can read",
  scp: "a policy of the organization, which its management account can read",
  identity: "a policy of the caller's account, which that account can read",
};

const outcomes: Readonly<Record<string, string>> = {
  matched: "matches",
  action: "is about other actions",
  resource: "is about other resources",
  principal: "is about other principals",
  grant: "matches, but this kind of policy cannot give this action",
  root: "matches, but the owner's root can always repair its policies",
};

function statementText({ statement, sid, effect, outcome, ...condition }: Statement): string {
  const name = `statement ${statement}${sid ? ` (${sid})` : ""}, ${effect}:`;
  if (outcome !== "condition") return `${name} ${outcomes[outcome] ?? outcome}`;
  const { operator, key, wanted = [], saw } = condition;
  const seen = saw === undefined ? "the request has no value" : `the request has ${saw.join(", ")}`;
  return `${name} ${operator} ${key} wants ${wanted.join(", ")}; ${seen}`;
}

function citedText({ policy, statement, sid }: Explanation["decidedBy"][number]): string {
  return `statement ${statement}${sid ? ` (${sid})` : ""} of ${policy}`;
}

export function rightText(right: Output<"WhoCan">["rights"][number]): string {
  const { principal, kind, crossAccount, public: isPublic, needsIdentityPolicy, through, conditions } = right;
  const marks = [
    kind,
    ...(isPublic ? ["PUBLIC"] : []),
    ...(crossAccount ? ["cross-account"] : []),
    ...(needsIdentityPolicy ? ["if policies over there allow it too"] : []),
  ];
  const lines = [`${principal}  (${marks.join(", ")})`];
  for (const cited of through) lines.push(`    through ${citedText(cited)}`);
  for (const condition of conditions)
    lines.push(`    ${condition.startsWith("unless ") ? condition : `if ${condition}`}`);
  return lines.join("\n");
}

export function denialText(denial: Output<"ListDenials">["denials"][number]): string {
  const { at, principal, action, resource, reason, requestId, sourceIp } = denial;
  return `${time(at)}  ${principal}  ${action}  ${resource}\n    ${reason}\n    from ${sourceIp}, request ${requestId}`;
}

export function changeText(change: Output<"ReplayPolicy">["changes"][number]): string {
  const { principal, action, resource, count, lastAt, requestId, sentence } = change;
  const verb = change.change === "refused" ? "would be refused" : "would be newly allowed";
  const lines = [
    `${verb}: ${principal}  ${action}  ${resource}  (${count === 1 ? "once, at" : `${count} times, last at`} ${time(lastAt)}, request ${requestId})`,
  ];
  if (sentence !== undefined) lines.push(`    ${sentence}`);
  return lines.join("\n");
}

/** `seconds` since the epoch; the audit has whole ones. */
export function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

function indented(text: string): string {
  return text.replace(/^/gm, "  ");
}
