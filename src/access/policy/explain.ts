/** A decision with everything that was considered on the way: what the owner of a resource reads to understand a no. */
import { seenBy } from "./conditions.ts";
import type { Policy } from "./document.ts";
import {
  type AccessRequest,
  type Consider,
  type Decision,
  decideAloud,
  type Policies,
  type Side,
} from "./evaluate.ts";
import { sentenceOf } from "./sentence.ts";
import { type Suggestion, suggestionsFor } from "./suggestion.ts";

/** What became of a statement: it matched, or this is the first thing that did not fit. */
type Outcome =
  | { matched: true }
  | { matched: false; failed: "action" | "resource" | "principal" | "grant" | "root" }
  | {
      matched: false;
      failed: "condition";
      operator: string;
      key: string;
      wanted: readonly string[];
      /** Absent when the request has no value under the key. */
      saw: readonly string[] | undefined;
    };

type ConsideredStatement = {
  number: number;
  sid: string | undefined;
  effect: "Allow" | "Deny";
} & Outcome;

export type ConsideredPolicy = {
  side: Side;
  name: string;
  statements: readonly ConsideredStatement[];
};

export type Explanation = {
  decision: Decision;
  /** ECR's sentence, when it is refused. */
  sentence: string | undefined;
  /** Every policy that was asked, in the order of asking. */
  considered: readonly ConsideredPolicy[];
  suggestions: readonly Suggestion[];
};

export function explain(request: AccessRequest, policies: Policies): Explanation {
  const considered: (ConsideredPolicy & { policy: Policy; statements: ConsideredStatement[] })[] = [];
  const consider: Consider = ({ side, policy, statement, failure }) => {
    let last = considered.at(-1);
    // The same policy can be asked on several sides and levels, and its statements come in their order.
    if (
      last?.policy !== policy ||
      last.side !== side ||
      (last.statements.at(-1)?.number ?? 0) >= statement.number
    ) {
      last = { side, name: policy.name, policy, statements: [] };
      considered.push(last);
    }
    const { number, sid, effect } = statement;
    last.statements.push({ number, sid, effect, ...outcomeOf(failure, request) });
  };
  const decision = decideAloud(request, { policies, consider });
  return {
    decision,
    sentence: sentenceOf(request, decision),
    considered: considered.map(({ side, name, statements }) => ({ side, name, statements })),
    suggestions: suggestionsFor(request, decision),
  };
}

function outcomeOf(failure: Parameters<Consider>[0]["failure"], { context }: AccessRequest): Outcome {
  if (failure === undefined) return { matched: true };
  if (typeof failure === "string") return { matched: false, failed: failure };
  const { operator, key, wanted } = failure;
  return { matched: false, failed: "condition", operator, key, wanted, saw: seenBy(failure, context) };
}
