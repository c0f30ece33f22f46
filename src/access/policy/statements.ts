/** One statement of a policy, read, checked and ready to be asked. */
import { echo } from "../../lib/text.ts";
import { type Actions, type KnownActions, readActions } from "./actions.ts";
import { type Condition, readConditions } from "./conditions.ts";
import { isObject, type Json, type JsonObject, shown } from "./json.ts";
import { kinds, type PolicyKind } from "./kinds.ts";
import { type Principals, readPrincipals } from "./principals.ts";
import type { Report } from "./problems.ts";
import { type Resources, readResources } from "./resources.ts";

export type Statement = {
  /** 1 for the first. */
  number: number;
  sid: string | undefined;
  effect: "Allow" | "Deny";
  actions: Actions;
  /** Absent where the resource is what the policy hangs on. */
  resources: Resources | undefined;
  /** Absent where the principal is whom the policy hangs on. */
  principals: Principals | undefined;
  conditions: readonly Condition[];
};

type ReadStatement = {
  value: Json;
  number: number;
  kind: PolicyKind;
  scope: "V1" | "V2";
  known: KnownActions | undefined;
  uniqueIds: ReadonlyMap<string, string>;
  /** Whether the document's version knows variables. */
  variables: boolean;
  /** `path` starts behind the statement. */
  report: Report;
};

const members = [
  "Sid",
  "Effect",
  "Principal",
  "NotPrincipal",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Condition",
];

/** The statement, or undefined when it has none of a statement's form. What is wrong in it goes to `report`. */
export function readStatement(source: ReadStatement): Statement | undefined {
  const { value, number, report, variables } = source;
  if (!isObject(value)) {
    report("", "must be a JSON object");
    return undefined;
  }
  for (const member of value.keys())
    if (!members.includes(member))
      report(`.${echo(member)}`, `is not a member of a statement; members are ${members.join(", ")}`);
  const sid = readSid(value.get("Sid"), source);
  const effect = value.get("Effect");
  if (effect !== "Allow" && effect !== "Deny")
    report(".Effect", `must be "Allow" or "Deny", not ${shown(effect)}`);
  const principals = readWho(value, source);
  const actions = readWhat(value, source);
  const resources = readWhere(value, source);
  const conditions = readConditions(value.get("Condition"), { variables, report });
  if (actions === undefined) return undefined;
  return {
    number,
    sid,
    effect: effect === "Allow" ? "Allow" : "Deny",
    actions,
    resources,
    principals,
    conditions,
  };
}

/** IAM user guide, "Grammar", sid_string: IAM takes letters and digits alone, other services what they like. */
function readSid(sid: Json | undefined, { kind, report }: ReadStatement): string | undefined {
  if (sid === undefined) return undefined;
  if (typeof sid !== "string") {
    report(".Sid", "must be text");
    return undefined;
  }
  if (kinds[kind].isIam && !/^[A-Za-z0-9]*$/.test(sid))
    report(".Sid", `'${echo(sid)}' must have letters and digits alone`);
  return sid;
}

function readWho(statement: JsonObject, source: ReadStatement): Principals | undefined {
  const { kind, uniqueIds, report } = source;
  if (kinds[kind].principal === "refused") {
    for (const name of ["Principal", "NotPrincipal"])
      if (statement.has(name))
        report(`.${name}`, `${kinds[kind].about} has no ${name}; it means whom it is attached to`);
    return undefined;
  }
  const element = elementOf(statement, { positive: "Principal", negative: "NotPrincipal", report });
  if (element === undefined) return undefined;
  const { name, value, negated } = element;
  // IAM user guide, "NotPrincipal": not in a role's trust policy.
  if (negated && kind === "trust")
    report(".NotPrincipal", "a role trust policy names its principals; use Principal");
  return readPrincipals({ value, negated, uniqueIds, report: within(report, name) });
}

function readWhat(statement: JsonObject, source: ReadStatement): Actions | undefined {
  const element = elementOf(statement, { positive: "Action", negative: "NotAction", report: source.report });
  if (element === undefined) return undefined;
  const { name, value, negated } = element;
  return readActions({ ...source, value, negated, report: within(source.report, name) });
}

function readWhere(statement: JsonObject, source: ReadStatement): Resources | undefined {
  const { kind, report } = source;
  const wanted = kinds[kind].resource;
  const isThere = statement.has("Resource") || statement.has("NotResource");
  if (wanted === "refused") {
    if (isThere)
      report(
        statement.has("Resource") ? ".Resource" : ".NotResource",
        `${kinds[kind].about} is about its role; leave it out`,
      );
    return undefined;
  }
  if (wanted === "itself" && !isThere) return undefined;
  const element = elementOf(statement, { positive: "Resource", negative: "NotResource", report });
  if (element === undefined) return undefined;
  const { name, value, negated } = element;
  const resources = readResources({ ...source, value, negated, report: within(report, name) });
  return wanted === "itself" ? undefined : resources;
}

type Element = { name: string; value: Json; negated: boolean };

function elementOf(
  statement: JsonObject,
  { positive, negative, report }: { positive: string; negative: string; report: Report },
): Element | undefined {
  const value = statement.get(positive);
  const opposite = statement.get(negative);
  if (value !== undefined && opposite !== undefined) report("", `has both ${positive} and ${negative}`);
  if (value !== undefined) return { name: positive, value, negated: false };
  if (opposite !== undefined) return { name: negative, value: opposite, negated: true };
  report("", `has neither ${positive} nor ${negative}`);
  return undefined;
}

function within(report: Report, name: string): Report {
  return (path, reason, suggestion) => report(`.${name}${path}`, reason, suggestion);
}
