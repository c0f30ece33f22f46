/** Explain: why a request is allowed or refused, from what it would be or from the id that the refusal came with. */

import { callerName } from "../../../access/caller.ts";
import type { Question } from "../../../access/decisions/authority.ts";
import { explainFor, mayExplain, type ReadersExplanation } from "../../../access/decisions/explanations.ts";
import { recordedPrincipal } from "../../../access/decisions/replay.ts";
import { isProvider, principalByArn } from "../../../access/principals.ts";
import { parseRepositoryArn } from "../../../lib/arn.ts";
import { type Fault, fault } from "../../../lib/faults.ts";
import { echo } from "../../../lib/text.ts";
import type { Call } from "../../call.ts";
import type { LadingOperations } from "../contract/lading-operations.ts";
import { anyResource, type Offered } from "../operation.ts";
import { actionIn, ownerIn } from "./asked.ts";
import { type AnsweredRight, rightsIn } from "./recorded.ts";

type Explain = LadingOperations["Explain"];
type Explanation = Explain["output"]["explanations"][number];

export const explainOperations: Offered<LadingOperations> = {
  Explain: {
    actions: () => ["lading:Explain"],
    resources: (call) => anyResource(call),
    run: async (call, input) => {
      if (input.requestId === undefined)
        return { explanations: [await explained(call, await asked(call, input))] };
      const explanations: Explanation[] = [];
      for (const { question, right } of await recorded(call, input.requestId)) {
        const { facts, wasAllowed } = right;
        const explanation = await explained(call, question);
        explanations.push({ ...explanation, recorded: { at: new Date(facts.at), allowed: wasAllowed } });
      }
      return { explanations };
    },
  },
};

async function asked(call: Call, input: Explain["input"]): Promise<Question> {
  const { principal, action, resource } = input;
  if (principal === undefined || action === undefined || resource === undefined) {
    throw fault("InvalidParameter", {
      at: "requestId",
      reason: "Give a requestId, or a principal, an action and a resource",
    });
  }
  const owner = ownerIn(resource);
  const caller: Question["caller"] | undefined = isProvider(principal)
    ? { kind: "web-identity", arn: principal }
    : await principalByArn(call.db.read, principal);
  if (!caller) {
    throw fault("InvalidParameter", {
      at: "principal",
      reason: `There is no principal '${echo(principal)}' here; give the ARN of a root, user, role, session or identity provider, an account's id, or 'anonymous'`,
    });
  }
  const keys = new Map((input.context ?? []).map(({ key, values }) => [key.toLowerCase(), values] as const));
  const region = keys.get("aws:requestedregion")?.[0] ?? parseRepositoryArn(resource)?.region ?? call.region;
  const facts = {
    region,
    at: call.clock.now(),
    sourceIp: undefined,
    isSecure: call.facts.isSecure,
    userAgent: undefined,
    referer: undefined,
  };
  // What has no account in its name happens in the account of who does it.
  const ownerAccountId = owner ?? accountOf(caller) ?? call.accountId;
  return { caller, action: actionIn(action), resource, ownerAccountId, facts, keys };
}

function accountOf(caller: Question["caller"]): string | undefined {
  return caller.kind === "principal" ? caller.accountId : undefined;
}

/** What a request was asked for, as far as it concerns the account that asks now. */
async function recorded(
  call: Call,
  requestId: string,
): Promise<readonly { question: Question; right: AnsweredRight }[]> {
  const record = await call.trail.findByRequestId(requestId);
  // Whom a request does not concern must not learn that there was one.
  const unknown = `There is no request '${echo(requestId)}' in the audit of account ${call.accountId}`;
  if (!record) throw noRequest(unknown);
  const readable: AnsweredRight[] = [];
  for (const right of rightsIn(call, record)) {
    const callerAccountId = record.userIdentity.accountId;
    const { ownerAccountId } = right;
    if (await mayExplain(call.db.read, { callerAccountId, ownerAccountId }, call.accountId))
      readable.push(right);
  }
  if (readable.length === 0) {
    const isOurs = record.recipientAccountId === call.accountId;
    if (!isOurs || record.additionalEventData.authorization.length > 0) throw noRequest(unknown);
    throw noRequest(
      `The request '${requestId}' was never asked about permissions: ${record.errorMessage ?? `${record.eventName} needs none`}`,
    );
  }
  return Promise.all(
    readable.map(async (right) => {
      const { principal, action, resource, ownerAccountId, facts, keys, imageTags } = right;
      const caller = await recordedPrincipal(call.db.read, right);
      if (!caller)
        throw noRequest(`The request '${requestId}' was made by ${principal}, which is not there any more`);
      return { question: { caller, action, resource, ownerAccountId, facts, keys, imageTags }, right };
    }),
  );
}

function noRequest(reason: string): Fault {
  return fault("InvalidParameter", { at: "requestId", reason });
}

async function explained(call: Call, question: Question): Promise<Explanation> {
  const { ownerAccountId, resource } = question;
  const callerAccountId = accountOf(question.caller);
  if (!(await mayExplain(call.db.read, { callerAccountId, ownerAccountId }, call.accountId))) {
    const owner =
      callerAccountId === ownerAccountId ? "" : `, the account ${ownerAccountId} that owns ${resource},`;
    throw fault("AccessDenied", {
      sentence: `Only the account of the principal${owner} and the organization's management account can read why`,
    });
  }
  const deps = { db: call.db.read, authority: call.authority };
  const found = await explainFor(deps, { question, readerAccountId: call.accountId });
  return shaped(question, found);
}

function shaped({ caller, action, resource }: Question, found: ReadersExplanation): Explanation {
  const { decision, sentence, considered, suggestions } = found;
  return {
    principal: caller.kind === "web-identity" ? caller.arn : callerName(caller),
    action,
    resource,
    allowed: decision.allowed,
    sentence,
    decidedBy: decision.allowed ? [...decision.by] : decision.deniedBy ? [decision.deniedBy] : [],
    missing: decision.allowed ? [] : [...decision.missing],
    policies: considered.map(({ side, name, isHidden, statements }) => ({
      side,
      name,
      hidden: isHidden,
      statements: statements.map(shapedStatement),
    })),
    suggestions: suggestions.map(({ side, text, statement }) => ({
      side,
      text,
      ...(statement !== undefined && { statement: JSON.stringify(statement) }),
    })),
  };
}

type ConsideredStatement = ReadersExplanation["considered"][number]["statements"][number];

function shapedStatement(one: ConsideredStatement): Explanation["policies"][number]["statements"][number] {
  const { number, sid, effect } = one;
  const base = { statement: number, sid, effect };
  if (one.matched) return { ...base, outcome: "matched" };
  if (one.failed !== "condition") return { ...base, outcome: one.failed };
  const { operator, key, wanted, saw } = one;
  return { ...base, outcome: "condition", operator, key, wanted: [...wanted], saw: saw && [...saw] };
}
