/** What is checked when a policy is written: its text, and for how large it may be. */
import { fault } from "../../lib/faults.ts";
import type { Queryable } from "../../store/database.ts";
import { type Policy, readPolicy } from "../policy/document.ts";
import { bounds, type PolicyKind, sizeOf } from "../policy/kinds.ts";
import { problemText } from "../policy/problems.ts";
import { type PrincipalIds, principalIdsOf } from "./policy-principals.ts";

type WrittenPolicy = {
  text: string;
  kind: PolicyKind;
  /** How messages name it. */
  name: string;
  /** Every action that exists, such as `ecr:PutImage`. */
  actions: readonly string[];
};

/**
 * The policy that `text` is. Throws MalformedPolicyDocument with the first thing that is wrong, and where. How large it
 * may be is a quota of what it hangs on, and no part of this.
 */
export function checkPolicy(written: WrittenPolicy): Policy {
  const reading = readPolicy({ ...written, maxCharacters: bounds.characters });
  if ("problems" in reading) {
    throw fault("MalformedPolicyDocument", { reason: problemText(reading.problems[0]) });
  }
  return reading.policy;
}

/** The column beside the text: see {@link PrincipalIds}. Throws MalformedPolicyDocument for a principal that is not there. */
export async function checkPrincipals(db: Queryable, policy: Policy): Promise<string | null> {
  const found: PrincipalIds = await principalIdsOf(db, policy);
  if ("ids" in found) return found.ids;
  // IAM's own words.
  throw fault("MalformedPolicyDocument", { reason: `Invalid principal in policy: ${found.unknown}` });
}

/** The characters of policies in IAM, as its quotas count them: without white space. */
export function policySize(...texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + sizeOf(text, "identity"), 0);
}
