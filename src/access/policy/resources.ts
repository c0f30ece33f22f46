/** The resources of a statement. */
import { echo } from "../../lib/text.ts";
import { isList, type Json } from "./json.ts";
import { kinds, type PolicyKind } from "./kinds.ts";
import { matches, matchesAny, type Pattern, patternOf, patternOfText, type Subject } from "./match.ts";
import { poolOf } from "./pool.ts";
import type { Report } from "./problems.ts";
import { type Context, hasVariable, resolve, type Template, templateOf } from "./templates.ts";

export type Resources = {
  negated: boolean;
  /** As the policy has them. */
  texts: readonly string[];
  patterns: readonly Pattern[];
  /** Those that hold variables. */
  templates: readonly Template[];
};

/**
 * IAM user guide, "Resource": compared with case and over the whole ARN, so that a `*` reaches beyond a colon. A text
 * with a variable that has no value is like no resource, in NotResource too.
 */
export function meansResource(
  { negated, patterns, templates }: Resources,
  { resource, context }: { resource: Subject; context: Context },
): boolean {
  if (matchesAny(patterns, resource)) return !negated;
  if (templates.length === 0) return negated;
  const isLike = templates.some((template) => {
    const parts = resolve(template, { context, length: resource.text.length });
    return parts !== undefined && matches(patternOf(parts), resource.text);
  });
  return isLike !== negated;
}

type ReadResources = {
  value: Json;
  negated: boolean;
  kind: PolicyKind;
  variables: boolean;
  /** `path` starts behind `.Resource` or `.NotResource`. */
  report: Report;
};

export function readResources({ value, negated, kind, variables, report }: ReadResources): Resources {
  const none = { negated, texts: [], patterns: [], templates: [] };
  const texts = isList(value) ? value : [value];
  const isTexts = texts.length > 0 && texts.every((text) => typeof text === "string");
  if (kinds[kind].resource === "itself") {
    const reason = negated
      ? `a repository policy is about its repository; leave it out`
      : `a repository policy is about its repository; leave Resource out or make it "*"`;
    if (negated || !isTexts || texts.some((text) => text !== "*")) report("", reason);
    return none;
  }
  if (!isTexts) {
    report("", "must be text or a list of texts");
    return none;
  }
  for (const text of texts) {
    const reason = problemOf(text, kind);
    if (reason !== undefined) report("", reason);
  }
  const isTemplate = (text: string) => variables && hasVariable(text);
  return pool(JSON.stringify([negated, variables, texts]), () => ({
    negated,
    texts,
    patterns: texts.filter((text) => !isTemplate(text)).map(patternOfText),
    templates: texts.filter(isTemplate).map((text) => templateOf({ text, wildcards: true, variables })),
  }));
}

const pool = poolOf<Resources>();

function problemOf(text: string, kind: PolicyKind): string | undefined {
  if (text === "*") return undefined;
  const shown = `'${echo(text)}'`;
  const parts = text.split(":");
  // A wildcard may stand for several parts, as in arn:aws:ecr:*.
  if (parts[0] !== "arn" || (parts.length < 6 && !text.includes("*")))
    return `${shown} is not a resource; it must be "*" or an ARN such as arn:aws:ecr:us-east-1:111122223333:repository/name`;
  if (kind === "registry" && !/^(?:ecr|.*[*?$].*)$/.test(parts[2] ?? "*"))
    return `${shown} is not in a registry; it must be "*" or the ARN of repositories`;
  return undefined;
}
