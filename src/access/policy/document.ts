/**
 * A policy's text becomes a policy that can be asked: read once, kept, and never changed. What is wrong with the text
 * comes with statement, path and reason, because "Invalid repository policy provided" has cost people days.
 */
import { echo } from "../../lib/text.ts";
import type { KnownActions } from "./actions.ts";
import { isList, isObject, type JsonObject, readJson, shown } from "./json.ts";
import { bounds, kinds, type PolicyKind, sizeOf } from "./kinds.ts";
import { type Problem, problemText } from "./problems.ts";
import { readStatement, type Statement } from "./statements.ts";

export type Policy = {
  kind: PolicyKind;
  /** Which policy it is, in words or as an ARN, such as `inline policy Pull of user ci`. */
  name: string;
  version: "2008-10-17" | "2012-10-17";
  /** For a registry policy: V1 counts for three actions only. */
  scope: "V1" | "V2";
  statements: readonly Statement[];
};

export type PolicySource = {
  text: string;
  kind: PolicyKind;
  name: string;
  /** Without them no action is unknown, as for a text that was checked when it was stored. */
  actions?: KnownActions;
  /** V2 unless given. */
  scope?: "V1" | "V2";
  /** The kind's own bound unless given; IAM's bounds on inline policies depend on what they hang on. */
  maxCharacters?: number;
  /** Unique ids by the ARNs of users and roles that the text names, as they were when it was written. */
  uniqueIds?: ReadonlyMap<string, string>;
};

type Reading = { policy: Policy } | { problems: readonly [Problem, ...Problem[]] };

const versions = ["2008-10-17", "2012-10-17"] as const;
const members = ["Version", "Id", "Statement"];

/** The policy, or what is wrong with its text: everything that was found, up to a bound, in the text's order. */
export function readPolicy(source: PolicySource): Reading {
  const problems: Problem[] = [];
  const policy = readDocument(source, (problem) => {
    if (problems.length < bounds.problems) problems.push(problem);
  });
  const [first, ...others] = problems;
  if (first !== undefined) return { problems: [first, ...others] };
  if (policy === undefined) return { problems: [{ path: "", reason: "the document is no policy" }] };
  return { policy };
}

/**
 * What is wrong with `text` as the policy of a repository, or undefined. `actions` are all actions that exist, such as
 * `ecr:PutImage`. The first problem is enough: the author mends and tries again.
 */
export function repositoryPolicyProblem(text: string, actions: readonly string[]): string | undefined {
  const reading = readPolicy({ text, kind: "repository", name: "", actions });
  return "problems" in reading ? problemText(reading.problems[0]) : undefined;
}

type Refuse = (problem: Problem) => void;

function readDocument(source: PolicySource, refuse: Refuse): Policy | undefined {
  const { kind, name, scope = "V2" } = source;
  const document = readObject(source, refuse);
  if (document === undefined) return undefined;
  const version = readVersion(document, refuse);
  const id = document.get("Id");
  if (id !== undefined && typeof id !== "string") refuse({ path: "Id", reason: "Id must be text" });
  const value = document.get("Statement");
  const list = isList(value) ? value : [value];
  if (value === undefined) refuse({ path: "", reason: "the document has no Statement" });
  else if (list.length === 0) refuse({ path: "Statement", reason: "Statement is empty" });
  if (value === undefined) return undefined;
  if (list.length > bounds.statements) {
    refuse({
      path: "Statement",
      reason: `there are ${list.length} statements; ${bounds.statements} are the most`,
    });
    return undefined;
  }
  const statements = list.flatMap((item, index) => {
    const statement = readStatement({
      value: item ?? null,
      number: index + 1,
      kind,
      scope,
      known: source.actions,
      uniqueIds: source.uniqueIds ?? new Map(),
      variables: version === "2012-10-17",
      report: (path, reason, suggestion) =>
        refuse({
          statement: index + 1,
          path: `Statement[${index}]${path}`,
          reason,
          ...(suggestion && { suggestion }),
        }),
    });
    return statement === undefined ? [] : [statement];
  });
  refuseRepeatedSids(statements, { kind, refuse });
  return { kind, name, version, scope, statements };
}

function readObject({ text, kind, maxCharacters }: PolicySource, refuse: Refuse): JsonObject | undefined {
  if (text.length > bounds.characters) {
    refuse({ path: "", reason: `the text has more than ${bounds.characters} characters` });
    return undefined;
  }
  const size = sizeOf(text, kind);
  const limit = maxCharacters ?? kinds[kind].maxCharacters;
  if (size > limit) {
    refuse({ path: "", reason: `the document has ${size} characters; ${limit} are the most` });
    return undefined;
  }
  // IAM and STS quotas, "IAM name requirements".
  const strange = kinds[kind].isIam ? /[^\t\n\r -\u00ff]/u.exec(text)?.[0] : undefined;
  if (strange !== undefined) {
    const code = `U+${strange.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`;
    refuse({ path: "", reason: `the character ${code} is not one of U+0020 to U+00FF, which IAM takes` });
    return undefined;
  }
  const read = readJson(text, bounds);
  if ("reason" in read) {
    refuse({ path: "", reason: `the text is not JSON: ${read.reason}` });
    return undefined;
  }
  if (!isObject(read.value)) {
    refuse({ path: "", reason: "the document must be a JSON object" });
    return undefined;
  }
  for (const member of read.value.keys())
    if (!members.includes(member))
      refuse({
        path: echo(member),
        reason: `'${echo(member)}' is not a member of a policy; members are ${members.join(", ")}`,
      });
  return read.value;
}

/** A document without a version has the older one. */
function readVersion(document: JsonObject, refuse: Refuse): (typeof versions)[number] {
  const value = document.get("Version");
  const version = versions.find((some) => some === value);
  if (value !== undefined && version === undefined)
    refuse({ path: "Version", reason: `Version must be one of ${versions.join(", ")}, not ${shown(value)}` });
  return version ?? "2008-10-17";
}

/** IAM: "Statement IDs (SID) in a single policy must be unique." */
function refuseRepeatedSids(
  statements: readonly Statement[],
  { kind, refuse }: { kind: PolicyKind; refuse: Refuse },
): void {
  if (!kinds[kind].isIam) return;
  const seen = new Set<string>();
  for (const { sid, number } of statements) {
    if (sid === undefined || sid === "") continue;
    if (seen.has(sid))
      refuse({
        statement: number,
        path: `Statement[${number - 1}].Sid`,
        reason: `'${echo(sid)}' stands twice`,
      });
    seen.add(sid);
  }
}
