/** Policies ready to be asked, kept by their text: compiling costs a hundred decisions. */
import { LRUCache } from "lru-cache";
import { limits } from "../../lib/limits.ts";
import { type Policy, type PolicySource, readPolicy } from "../policy/document.ts";
import { problemText } from "../policy/problems.ts";

export type Compiled = {
  policy: Policy;
  /** Whether it asks for what has to be fetched first. */
  asksResourceTags: boolean;
  /** Whether it asks for tags or the digest of an image. */
  asksImage: boolean;
};

const kept = new LRUCache<string, Compiled>({
  maxSize: limits.compiledPolicyCharacters,
  sizeCalculation: (_, key) => key.length,
});

/** A stored policy. It was checked when it was written, so one that cannot be read is a defect. */
export function compile(source: PolicySource): Compiled {
  const { kind, name, text, scope = "", uniqueIds } = source;
  const ids = uniqueIds && uniqueIds.size > 0 ? JSON.stringify([...uniqueIds]) : "";
  const key = `${kind}\n${scope}\n${name}\n${ids}\n${text}`;
  const known = kept.get(key);
  if (known) return known;
  const reading = readPolicy({ ...source, maxCharacters: Number.POSITIVE_INFINITY });
  if ("problems" in reading) {
    throw new Error(`The stored ${name} cannot be read: ${problemText(reading.problems[0])}`);
  }
  // Written anew, because an escape such as \\u0054 could hide a key from a look at the text.
  const lower = JSON.stringify(JSON.parse(text)).toLowerCase();
  const compiled = {
    policy: reading.policy,
    asksResourceTags: lower.includes(":resourcetag/"),
    asksImage: lower.includes("ecr:imagetag") || lower.includes("ecr:imagedigest"),
  };
  kept.set(key, compiled);
  return compiled;
}
