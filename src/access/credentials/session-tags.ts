/** Tags of a session: those that are passed, and those that a chain of roles hands on. IAM user guide, "Session tags". */
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import type { CallerSession } from "../caller.ts";

export type PassedTags = {
  tags: readonly { key: string; value: string }[];
  transitiveTagKeys: readonly string[];
};

export type SessionTags = Pick<CallerSession, "tags" | "transitiveTagKeys"> & {
  /** Condition keys of the request; none when the session will have no tags. */
  keys: ReadonlyMap<string, readonly string[]>;
};

/**
 * The tags of a session that `caller`, with a session of its own or none, asks for. Throws InvalidParameterValue for keys
 * that stand twice (they are compared without case), reserved ones, transitive ones without a tag, and ones that the
 * caller's own session hands on and that nobody may change.
 */
export function sessionTagsOf(
  { tags, transitiveTagKeys }: PassedTags,
  caller: CallerSession | undefined,
): SessionTags {
  const inherited = Object.entries(caller?.tags ?? {}).filter(([key]) =>
    caller?.transitiveTagKeys.includes(key.toLowerCase()),
  );
  const inheritedKeys = new Set(inherited.map(([key]) => key.toLowerCase()));
  const passedKeys = new Set<string>();
  for (const { key } of tags) {
    const lower = key.toLowerCase();
    if (lower.startsWith("aws:")) {
      refuse(`The tag key '${echo(key)}' begins with 'aws:', which is reserved`);
    }
    if (passedKeys.has(lower)) {
      refuse("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    }
    if (inheritedKeys.has(lower)) {
      refuse(
        `One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session: '${echo(key)}'.`,
      );
    }
    passedKeys.add(lower);
  }
  const missing = transitiveTagKeys.find((key) => !passedKeys.has(key.toLowerCase()));
  if (missing !== undefined) {
    refuse(`The specified transitive tag key must be included in the requested tags: '${echo(missing)}'.`);
  }
  const all = [...inherited, ...tags.map(({ key, value }) => [key, value] as const)];
  if (all.length > limits.resourceTags) {
    refuse(`A session can have at most ${limits.resourceTags} tags, those of the calling session included.`);
  }
  const transitive = [...inheritedKeys, ...transitiveTagKeys.map((key) => key.toLowerCase())];
  return { tags: Object.fromEntries(all), transitiveTagKeys: transitive, keys: keysOf(all, transitive) };
}

function refuse(reason: string): never {
  throw fault("InvalidParameterValue", { reason });
}

function keysOf(
  tags: readonly (readonly [string, string])[],
  transitive: readonly string[],
): SessionTags["keys"] {
  const keys = new Map<string, readonly string[]>();
  if (tags.length === 0) return keys;
  for (const [key, value] of tags) keys.set(`aws:requesttag/${key.toLowerCase()}`, [value]);
  keys.set(
    "aws:tagkeys",
    tags.map(([key]) => key),
  );
  if (transitive.length > 0) keys.set("sts:transitivetagkeys", transitive);
  return keys;
}
