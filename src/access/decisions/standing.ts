/**
 * Whether somebody has a right in every request, in some, or in none. What a request brings along (an address, a tag of
 * an image, the time) is left open; what is fixed about who asks and about the resource is taken as it is. The engine
 * decides: with the open conditions to the caller's favour, and with them against it.
 */

import type { Condition } from "../policy/conditions.ts";
import type { Policy } from "../policy/document.ts";
import { type Cited, type Decision, decide, type Policies } from "../policy/evaluate.ts";
import { explain } from "../policy/explain.ts";
import type { Statement } from "../policy/statements.ts";
import type { Case } from "./authority.ts";

export type Standing = {
  /** The statements that give it; empty for a root, which needs none in its own account. */
  through: readonly Cited[];
  /**
   * What has to hold for a request, all of it, such as `StringLike ecr:ImageTag prod-*`; with `unless` before it, what
   * must not. Empty when nothing has to.
   */
  conditions: readonly string[];
};

/** Whether the value under a condition key, in lower case, is the same in every request of the caller. */
export type IsFixed = (key: string) => boolean;

/** Undefined when no request would be allowed. */
export function standingOf({ request, policies }: Case, isFixed: IsFixed): Standing | undefined {
  const isOpen = (condition: Condition) => !isSettled(condition, isFixed);
  const isClosed = ({ conditions }: Statement) => !conditions.some(isOpen);
  const among = (keeps: (statement: Statement) => boolean) => withOnly(policies, { keeps, isOpen });
  const judge = (keeps: (statement: Statement) => boolean) => decide(request, among(keeps));

  const best = judge((statement) => statement.effect === "Allow" || isClosed(statement));
  if (!best.allowed) return undefined;
  const worst = judge((statement) => statement.effect === "Deny" || isClosed(statement));
  if (worst.allowed) return { through: worst.by, conditions: [] };

  const opened = matched(
    explain(
      request,
      among(() => true),
    ).considered,
    policies,
  ).filter(({ statement }) => !isClosed(statement));
  const textOf = ({ statement }: Matched) =>
    statement.conditions.filter(isOpen).map(conditionText).join(" and ");
  const allowing = opened.filter(({ statement }) => statement.effect === "Allow");
  const sure = judge(isClosed);
  const through = [...(sure.allowed ? sure.by : best.by)];
  const conditions: string[] = [];
  for (const side of sure.allowed ? [] : sure.missing) {
    const isEnough = (one: Matched) =>
      !lacks(
        judge((statement) => isClosed(statement) || statement === one.statement),
        side,
      );
    const ways = allowing.filter(isEnough);
    // Where no statement alone is enough, each level of the organization may have its own condition.
    const needed = ways.length > 0 ? ways : allowing.filter(({ cited }) => cited.side === side);
    through.push(...needed.map(({ cited }) => cited));
    conditions.push([...new Set(needed.map(textOf))].join(ways.length > 0 ? ", or " : " and "));
  }
  const denying = opened.filter(({ statement }) => statement.effect === "Deny");
  conditions.push(...denying.map((denial) => `unless ${textOf(denial)}`));
  return { through: withoutRepeats(through), conditions: [...new Set(conditions)] };
}

export function conditionText({
  operator,
  key,
  wanted,
}: Pick<Condition, "operator" | "key" | "wanted">): string {
  return `${operator} ${key} ${wanted.join(", ")}`;
}

/** A value that is wanted may name another key, as `${aws:username}` does. */
function isSettled({ lowerKey, wanted }: Condition, isFixed: IsFixed): boolean {
  const named = wanted.flatMap((text) => [...text.matchAll(/\$\{([^}*?$,]+)/g)].map(([, key = ""]) => key));
  return [lowerKey, ...named].every((key) => isFixed(key.trim().toLowerCase()));
}

function lacks(decision: Decision, side: Cited["side"]): boolean {
  return !decision.allowed && decision.missing.includes(side);
}

type Matched = { cited: Cited; statement: Statement };

/** The statements that matched, as the policies have them. */
function matched(
  considered: ReturnType<typeof explain>["considered"],
  policies: Policies,
): readonly Matched[] {
  const stored = new Map(
    allOf(policies).flatMap((policy) =>
      policy.statements.map((statement) => [`${policy.name}\n${statement.number}`, statement] as const),
    ),
  );
  return considered.flatMap(({ side, name, statements }) =>
    statements.flatMap(({ matched: isMatched, number, sid }) => {
      const statement = stored.get(`${name}\n${number}`);
      return isMatched && statement
        ? [{ cited: { side, policy: name, statement: number, sid }, statement }]
        : [];
    }),
  );
}

function allOf({ identity, boundary, session = [], scps, resource }: Policies): readonly Policy[] {
  return [...identity, ...(boundary ? [boundary] : []), ...session, ...scps.flat(), ...resource];
}

type Keeping = {
  keeps: (statement: Statement) => boolean;
  /** These conditions are left out of the statements that are kept. */
  isOpen: (condition: Condition) => boolean;
};

function withOnly({ identity, boundary, session, scps, resource }: Policies, keeping: Keeping): Policies {
  const policyOf = (policy: Policy): Policy => ({
    ...policy,
    statements: policy.statements.filter(keeping.keeps).map((statement) => ({
      ...statement,
      conditions: statement.conditions.filter((condition) => !keeping.isOpen(condition)),
    })),
  });
  return {
    identity: identity.map(policyOf),
    ...(boundary && { boundary: policyOf(boundary) }),
    ...(session && { session: session.map(policyOf) }),
    scps: scps.map((level) => level.map(policyOf)),
    resource: resource.map(policyOf),
  };
}

function withoutRepeats(cited: readonly Cited[]): readonly Cited[] {
  const keys = cited.map(({ side, policy, statement }) => `${side}\n${policy}\n${statement}`);
  return cited.filter((_, at) => keys.indexOf(keys[at] ?? "") === at);
}
