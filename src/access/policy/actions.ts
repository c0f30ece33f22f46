/** The actions of a statement, and which policies can grant an action at all. */
import { echo } from "../../lib/text.ts";
import { isList, type Json } from "./json.ts";
import { kinds, type PolicyKind } from "./kinds.ts";
import { matches, matchesAny, type Pattern, patternOfText, type Subject } from "./match.ts";
import { poolOf } from "./pool.ts";
import { nearest, type Report } from "./problems.ts";

export type Actions = {
  negated: boolean;
  /** As the policy has them. */
  texts: readonly string[];
  /** In lower case. */
  patterns: readonly Pattern[];
};

/** `lowerAction` is the request's action in lower case: IAM compares actions without case. */
export function meansAction({ negated, patterns }: Actions, lowerAction: Subject): boolean {
  return matchesAny(patterns, lowerAction) !== negated;
}

/** Which policies can allow an action. A denial counts in all of them. */
type Grant = { identity: boolean; repository: boolean; registry: boolean };

const anywhere: Grant = { identity: true, repository: true, registry: true };

/** ECR user guide, "Private registry permissions"; actions that are not in here can be granted anywhere. */
const grants: ReadonlyMap<string, Grant> = new Map([
  ["ecr:getauthorizationtoken", { identity: true, repository: false, registry: false }],
  ["ecr:createpullthroughcacherule", { identity: true, repository: false, registry: false }],
  ["ecr:replicateimage", { identity: false, repository: false, registry: true }],
  ["ecr:createrepository", { identity: true, repository: false, registry: true }],
]);

export function grantOf(lowerAction: string): Grant {
  return grants.get(lowerAction) ?? anywhere;
}

/** What a role's trust policy speaks of. It has to allow; an identity policy alone gives nothing. */
const trustActions = [
  "sts:AssumeRole",
  "sts:AssumeRoleWithSAML",
  "sts:AssumeRoleWithWebIdentity",
  "sts:SetSourceIdentity",
  "sts:SetContext",
  "sts:TagSession",
];

export function isTrustAction(lowerAction: string): boolean {
  return trustActions.some((action) => action.toLowerCase() === lowerAction);
}

/** ECR, registry policy of scope V1: only these may stand in it, and only for these it counts. */
const scopeV1 = ["ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"];

export function isInScopeV1(lowerAction: string): boolean {
  return scopeV1.some((action) => action.toLowerCase() === lowerAction);
}

/** All actions that exist, such as `ecr:PutImage`. Services of which none is listed are taken as they are. */
export type KnownActions = readonly string[];

type ReadActions = {
  value: Json;
  negated: boolean;
  kind: PolicyKind;
  scope: "V1" | "V2";
  known: KnownActions | undefined;
  /** `path` starts behind `.Action` or `.NotAction`. */
  report: Report;
};

export function readActions(source: ReadActions): Actions {
  const { value, negated, kind, report } = source;
  const texts = isList(value) ? value : [value];
  if (texts.length === 0 || !texts.every((text) => typeof text === "string")) {
    report("", "must be text or a list of texts");
    return { negated, texts: [], patterns: [] };
  }
  if (negated && kind === "trust") report("", "a role trust policy names its actions; use Action");
  for (const text of texts) {
    const problem = problemOf(text, source);
    if (problem) report("", problem.reason, problem.suggestion);
  }
  return pool(JSON.stringify([negated, texts]), () => ({
    negated,
    texts,
    patterns: texts.map((text) => patternOfText(text.toLowerCase())),
  }));
}

const pool = poolOf<Actions>();

/** The known actions that a text of a policy means. */
export function actionsLike(text: string, known: KnownActions): readonly string[] {
  const pattern = patternOfText(text.toLowerCase());
  return known.filter((action) => matches(pattern, action.toLowerCase()));
}

type ActionProblem = { reason: string; suggestion?: string | undefined };

function problemOf(text: string, { kind, scope, known, negated }: ReadActions): ActionProblem | undefined {
  const shown = `'${echo(text)}'`;
  const { service: own, about } = kinds[kind];
  if (kind === "trust") {
    return /^sts:/i.test(text) && actionsLike(text, trustActions).length > 0
      ? undefined
      : {
          reason: `${shown} is not an action of a role trust policy`,
          suggestion: nearest(text, trustActions),
        };
  }
  if (kind === "registry" && scope === "V1" && (negated || !isWithin(text, { allowed: scopeV1, known }))) {
    return {
      reason: `${shown} cannot stand in a registry policy of scope V1; it may name ${scopeV1.join(", ")}`,
    };
  }
  if (text === "*" || text === "*:*") return undefined;
  const [service = "", name = "", ...more] = text.split(":");
  if (own !== undefined && service.toLowerCase() !== own)
    return { reason: `${shown} is not an action on ${about}; those begin with '${own}:'` };
  if (!/^[A-Za-z0-9-]+$/.test(service) || !/^[\w*?-]+$/.test(name) || more.length > 0)
    return { reason: `${shown} is not an action; it must be "*", or a service, a colon and a name` };
  if (known === undefined || /[*?]/.test(name)) return undefined;
  const lower = text.toLowerCase();
  const ofService = known.filter((action) => action.toLowerCase().startsWith(`${service.toLowerCase()}:`));
  if (ofService.length === 0 || ofService.some((action) => action.toLowerCase() === lower)) return undefined;
  return { reason: `${shown} is not an action`, suggestion: nearest(text, ofService) };
}

/** Whether everything that `text` means is among `allowed`. */
function isWithin(
  text: string,
  { allowed, known = [] }: { allowed: KnownActions; known: KnownActions | undefined },
) {
  const meant = actionsLike(text, [...new Set([...allowed, ...known])]);
  return meant.length > 0 && meant.every((action) => allowed.includes(action));
}
