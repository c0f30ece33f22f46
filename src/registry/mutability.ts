/** May a tag be moved to another image? ECR: imageTagMutability and its exclusion filters. */
import { fault } from "../lib/faults.ts";

export type TagMutability = "MUTABLE" | "IMMUTABLE" | "IMMUTABLE_WITH_EXCLUSION" | "MUTABLE_WITH_EXCLUSION";
export type ExclusionFilter = { filterType: "WILDCARD"; filter: string };
export type MutabilityRule = { mode: TagMutability; filters: readonly ExclusionFilter[] };

/** ECR: at most two wildcards in one filter. */
const wildcardsPerFilter = 2;

/** Whether `tag` may point to another image than it does. */
export function isMovable(rule: MutabilityRule, tag: string): boolean {
  const excluded = rule.filters.some(({ filter }) => matchesWildcard(filter, tag));
  switch (rule.mode) {
    case "MUTABLE":
      return true;
    case "IMMUTABLE":
      return false;
    case "IMMUTABLE_WITH_EXCLUSION":
      return excluded;
    case "MUTABLE_WITH_EXCLUSION":
      return !excluded;
  }
}

/** The rule as asked for. Throws InvalidParameter when mode and filters do not go together (ECR PutImageTagMutability). */
export function mutabilityRule(
  mode: TagMutability = "MUTABLE",
  filters?: readonly { filterType?: string | undefined; filter?: string | undefined }[] | undefined,
): MutabilityRule {
  const at = "imageTagMutabilityExclusionFilters";
  const takesFilters = mode === "IMMUTABLE_WITH_EXCLUSION" || mode === "MUTABLE_WITH_EXCLUSION";
  if (takesFilters && filters === undefined) {
    throw fault("InvalidParameter", {
      at,
      reason: `ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as ${mode}`,
    });
  }
  if (!takesFilters && filters !== undefined) {
    throw fault("InvalidParameter", {
      at,
      reason: `ImageTagMutabilityExclusionFilters can't be provided when imageTagMutability is set as ${mode}`,
    });
  }
  return {
    mode,
    filters: (filters ?? []).map(({ filter = "" }) => {
      if (filter.split("*").length - 1 > wildcardsPerFilter) {
        throw fault("InvalidParameter", {
          at,
          reason: `The filter '${filter}' has more than ${wildcardsPerFilter} wildcards`,
        });
      }
      return { filterType: "WILDCARD", filter };
    }),
  };
}

/** `*` stands for any run of characters, and the whole tag must match. Without a regular expression: the text is a user's. */
export function matchesWildcard(pattern: string, text: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return text === pattern;
  if (!text.startsWith(head) || text.length < head.length + tail.length || !text.endsWith(tail)) return false;
  let from = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, from);
    if (found < 0 || found + part.length > text.length - tail.length) return false;
    from = found + part.length;
  }
  return true;
}
