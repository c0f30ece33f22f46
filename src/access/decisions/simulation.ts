/**
 * What the policy simulator says of one request: IAM API, EvaluationResult. The decision is the engine's; this adds what
 * the simulator tells beside it.
 */
import { isTrustAction } from "../policy/actions.ts";
import type { Policy } from "../policy/document.ts";
import { type AccessRequest, decide, type Policies, type Side } from "../policy/evaluate.ts";
import { type ConsideredPolicy, explain } from "../policy/explain.ts";
import { hasVariable } from "../policy/templates.ts";

type SimulatedDecision = "allowed" | "explicitDeny" | "implicitDeny";

export type Simulation = {
  decision: SimulatedDecision;
  /** The statements that decided, by the names of their policies. */
  matched: readonly { policy: string; side: Side; statement: number }[];
  /** Condition keys that statements about the action ask for, and that have no value, as the policies write them. */
  missingKeys: readonly string[];
  /** Undefined when no service control policies bind the caller. */
  allowedByOrganization: boolean | undefined;
  /** Undefined without a permissions boundary. */
  allowedByBoundary: boolean | undefined;
  /** What each side says, when the resource is another account's. */
  acrossAccounts: { identity: SimulatedDecision; resource: SimulatedDecision } | undefined;
};

export function simulate(request: AccessRequest, policies: Policies): Simulation {
  const { decision, considered } = explain(request, policies);
  const outcome = decision.allowed ? "allowed" : decision.deniedBy ? "explicitDeny" : "implicitDeny";
  const { principal, resourceAccountId } = request;
  const isOwner = !("accountId" in principal) || principal.accountId === resourceAccountId;
  return {
    decision: outcome,
    matched: deciding(considered, outcome),
    missingKeys: missingKeys(request, { policies, considered }),
    allowedByOrganization: policies.scps.length === 0 ? undefined : allows("scp", { request, policies }),
    allowedByBoundary: policies.boundary ? allows("boundary", { request, policies }) : undefined,
    acrossAccounts: isOwner
      ? undefined
      : { identity: sideOf(considered, ["identity"]), resource: sideOf(considered, ["resource", "trust"]) },
  };
}

/** Without a resource policy of its own a simulation still needs the one that makes the answer: see {@link simulate}. */
export function needsResourcePolicy({ principal, action, resourceAccountId }: AccessRequest): boolean {
  const isElsewhere = "accountId" in principal && principal.accountId !== resourceAccountId;
  return isElsewhere || isTrustAction(action.toLowerCase());
}

/** The condition keys that policies ask for, in conditions and in variables, as they write them; each once. */
export function contextKeysOf(policies: readonly Policy[]): readonly string[] {
  return unique(policies.flatMap(({ version, statements }) => statements.flatMap(keysIn(version))));
}

type Statement = Policy["statements"][number];

const keysIn =
  (version: Policy["version"]) =>
  ({ conditions, resources }: Statement): readonly string[] => {
    const texts = [...conditions.flatMap(({ wanted }) => wanted), ...(resources?.texts ?? [])];
    const variables =
      version === "2012-10-17"
        ? texts
            .filter(hasVariable)
            .flatMap((text) => [...text.matchAll(variable)].map(([, key = ""]) => key.trim()))
        : [];
    return [...conditions.map(({ key }) => key), ...variables];
  };

/** The key in `${aws:username}`; `${*}` and the like are characters. */
const variable = /\$\{([^*?${},'][^{}$,']*)(?:,\s*'[^']*')?\}/g;

function unique(keys: readonly string[]): readonly string[] {
  const byLower = new Map(keys.map((key) => [key.toLowerCase(), key]));
  return [...byLower].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key);
}

type Considered = readonly ConsideredPolicy[];

/** Of a denial the statements that deny; of a permission those that gave it, which boundaries cannot. */
function deciding(considered: Considered, outcome: SimulatedDecision): Simulation["matched"] {
  if (outcome === "implicitDeny") return [];
  const effect = outcome === "allowed" ? "Allow" : "Deny";
  const giving: readonly Side[] = ["identity", "resource", "trust"];
  return considered
    .filter(({ side }) => effect === "Deny" || giving.includes(side))
    .flatMap(({ side, name, statements }) =>
      statements
        .filter((statement) => statement.matched && statement.effect === effect)
        .map(({ number }) => ({ policy: name, side, statement: number })),
    );
}

/** Only statements about the action count: what others ask for changes nothing. */
function missingKeys(
  { context }: AccessRequest,
  { policies, considered }: { policies: Policies; considered: Considered },
): readonly string[] {
  const { identity, boundary, session = [], scps, resource } = policies;
  const all = [...identity, ...(boundary ? [boundary] : []), ...session, ...scps.flat(), ...resource];
  const asked = new Set(
    considered.flatMap(({ name, statements }) =>
      statements
        .filter((statement) => statement.matched || statement.failed !== "action")
        .map(({ number }) => `${name}\n${number}`),
    ),
  );
  const keys = all.flatMap(({ name, version, statements }) =>
    statements.filter(({ number }) => asked.has(`${name}\n${number}`)).flatMap(keysIn(version)),
  );
  return unique(keys).filter((key) => (context.get(key.toLowerCase()) ?? []).length === 0);
}

/** Asked alone, because a denial elsewhere hides what a side is lacking. */
function allows(
  side: "scp" | "boundary",
  { request, policies }: { request: AccessRequest; policies: Policies },
): boolean {
  const { scps, boundary } = policies;
  const alone = side === "scp" ? { scps } : { scps: [], boundary };
  const decision = decide(request, { identity: [], resource: [], ...alone });
  if (decision.allowed) return true;
  return decision.deniedBy === undefined && !decision.missing.includes(side);
}

function sideOf(considered: Considered, sides: readonly Side[]): SimulatedDecision {
  const matched = considered
    .filter(({ side }) => sides.includes(side))
    .flatMap(({ statements }) => statements.filter((statement) => statement.matched));
  if (matched.some(({ effect }) => effect === "Deny")) return "explicitDeny";
  return matched.length > 0 ? "allowed" : "implicitDeny";
}
