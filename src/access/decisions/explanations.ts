/**
 * Why a request is allowed or refused, for the accounts that are concerned. Each account reads its own policies; what
 * another account's policies say is told only as far as the refusal itself tells it.
 */
import type { Queryable } from "../../store/database.ts";
import { findOrganization } from "../accounts/organizations.ts";
import type { Cited, Side } from "../policy/evaluate.ts";
import { type ConsideredPolicy, type Explanation, explain } from "../policy/explain.ts";
import type { Authority, Question } from "./authority.ts";

export type ReadersExplanation = Omit<Explanation, "considered"> & {
  /** Without the statements of policies that belong to other accounts. */
  considered: readonly (ConsideredPolicy & { isHidden: boolean })[];
};

/** The same engine as the check at the doors. `readerAccountId` is who reads it. */
export async function explainFor(
  { db, authority }: { db: Queryable; authority: Authority },
  { question, readerAccountId }: { question: Question; readerAccountId: string },
): Promise<ReadersExplanation> {
  const { request, policies } = await authority.gather(question);
  const { considered, ...rest } = explain(request, policies);
  const { managementAccountId } = await findOrganization(db);
  const isReaders = (side: Side) => {
    const owner = ownerOf(side, { question, managementAccountId });
    return readerAccountId === owner || readerAccountId === managementAccountId;
  };
  const cited = (one: Cited): Cited =>
    isReaders(one.side)
      ? one
      : { side: one.side, policy: one.side, statement: one.statement, sid: undefined };
  const { decision } = rest;
  return {
    ...rest,
    decision: decision.allowed
      ? { ...decision, by: decision.by.map(cited) }
      : { ...decision, deniedBy: decision.deniedBy && cited(decision.deniedBy) },
    considered: considered.map((policy) =>
      isReaders(policy.side)
        ? { ...policy, isHidden: false }
        : { side: policy.side, name: policy.side, statements: [], isHidden: true },
    ),
    suggestions: rest.suggestions.map((suggestion) =>
      isReaders(suggestion.side) || decision.allowed || !decision.deniedBy
        ? suggestion
        : {
            side: suggestion.side,
            text: "A policy that is not yours to read denies this, and no permission outweighs a denial. Its owner can tell which.",
          },
    ),
  };
}

/** Whether the account may read an explanation at all: the principal's, the resource's owner's, or the organization's. */
export async function mayExplain(
  db: Queryable,
  { callerAccountId, ownerAccountId }: { callerAccountId: string | undefined; ownerAccountId: string },
  readerAccountId: string,
): Promise<boolean> {
  const { managementAccountId } = await findOrganization(db);
  return [callerAccountId, ownerAccountId, managementAccountId].includes(readerAccountId);
}

function ownerOf(
  side: Side,
  { question, managementAccountId }: { question: Question; managementAccountId: string },
): string | undefined {
  switch (side) {
    case "resource":
    case "trust":
      return question.ownerAccountId;
    case "scp":
      return managementAccountId;
    default:
      return question.caller.kind === "principal" ? question.caller.accountId : undefined;
  }
}
