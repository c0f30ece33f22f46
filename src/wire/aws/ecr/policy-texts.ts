/** Policies as callers give them: what has to be right before one is stored on a repository or a registry. */

import { principalIdsOf } from "../../../access/identities/policy-principals.ts";
import { readPolicy } from "../../../access/policy/document.ts";
import { problemText } from "../../../access/policy/problems.ts";
import { fault } from "../../../lib/faults.ts";
import type { Queryable } from "../../../store/database.ts";
import { ecrActions } from "./actions.ts";

type Given = { text: string; kind: "repository" | "registry"; scope?: "V1" | "V2" };

/**
 * What is kept beside the text: unique ids of the users and roles that it names, or null. Throws InvalidParameter for a
 * text that is no such policy, and for a principal that there is not. Terraform goes by ECR's words at the beginning.
 */
export async function checkedPrincipalIds(
  db: Queryable,
  { text, kind, scope = "V2" }: Given,
): Promise<string | null> {
  // How long it may be is in the contract, which counts characters as ECR does.
  const maxCharacters = Number.POSITIVE_INFINITY;
  const reading = readPolicy({ text, kind, name: "", actions: ecrActions, scope, maxCharacters });
  if ("problems" in reading) {
    throw invalid(`Invalid ${kind} policy provided: ${problemText(reading.problems[0])}`);
  }
  const found = await principalIdsOf(db, reading.policy);
  if ("unknown" in found) {
    throw invalid(
      `Principal not found: ${found.unknown}; accounts, users and roles have to exist in this installation`,
    );
  }
  return found.ids;
}

function invalid(reason: string): Error {
  return fault("InvalidParameter", { at: "PolicyText", reason });
}
