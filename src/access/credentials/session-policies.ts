/** Policies that are passed when a session is made, and limit it: IAM user guide, "Session policies". */
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import type { Queryable } from "../../store/database.ts";
import type { CallerSession } from "../caller.ts";
import { managedDocuments } from "../decisions/principal-policies.ts";
import { readPolicy } from "../policy/document.ts";
import { problemText } from "../policy/problems.ts";

type Passed = {
  /** Whose managed policies may be named. */
  accountId: string;
  text: string | undefined;
  arns: readonly string[];
};

/**
 * The policies as they are kept with the session, managed ones in their default versions of now; undefined when none were
 * passed. Throws MalformedPolicyDocument, ValidationFailed for too many, and InvalidParameterValue for managed policies
 * that are not there or of another account.
 */
export async function sessionPoliciesOf(
  db: Queryable,
  { accountId, text, arns }: Passed,
): Promise<CallerSession["policies"]> {
  if (text === undefined && arns.length === 0) return undefined;
  if (arns.length > limits.sessionPolicyArns) {
    throw fault("ValidationFailed", {
      reason: `1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to ${limits.sessionPolicyArns}`,
    });
  }
  if (text !== undefined) checkPolicy(text);
  const documents = await managedDocuments(db, arns);
  const managed = arns.map((arn) => {
    const document = documents.get(arn);
    if (document === undefined || !isOf(accountId, arn)) {
      throw fault("InvalidParameterValue", {
        reason: `The policy '${echo(arn)}' does not exist, or is neither AWS's nor of the account ${accountId}`,
      });
    }
    return { name: `session policy ${arn}`, text: document };
  });
  return [...(text === undefined ? [] : [{ name: "session policy of the request", text }]), ...managed];
}

function isOf(accountId: string, arn: string): boolean {
  return arn.startsWith("arn:aws:iam::aws:") || arn.startsWith(`arn:aws:iam::${accountId}:`);
}

function checkPolicy(text: string): void {
  const maxCharacters = limits.sessionPolicyCharacters;
  const reading = readPolicy({ kind: "session", name: "the session policy", text, maxCharacters });
  if ("problems" in reading) {
    throw fault("MalformedPolicyDocument", { reason: problemText(reading.problems[0]) });
  }
}

/**
 * How much of the allowed space the passed policies and tags take, in whole percent, rounded up; undefined when there are
 * none. AWS packs them in a way of its own, so its numbers are others. Throws PackedPolicyTooLarge.
 */
export function packedPercent(
  { text = "", arns }: Pick<Passed, "text" | "arns">,
  tags: Readonly<Record<string, string>>,
): number | undefined {
  const characters = [text, ...arns, ...Object.entries(tags).flat()].reduce(
    (sum, part) => sum + part.length,
    0,
  );
  if (characters === 0) return undefined;
  const percent = Math.ceil((characters * 100) / limits.sessionPackedCharacters);
  if (percent > 100) throw fault("PackedPolicyTooLarge", { percent });
  return percent;
}
