/**
 * The form of a policy document that a resource carries: IAM's policy grammar. Every error names the statement, the
 * JSON path and what would be right, because "Invalid repository policy provided" has cost people days.
 */

const versions = ["2008-10-17", "2012-10-17"];
const documentMembers = ["Version", "Id", "Statement"];
const statementMembers = [
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
const principalTypes = ["AWS", "Service", "Federated", "CanonicalUser"];
const operator =
  /^(ForAllValues:|ForAnyValue:)?((String(Equals|NotEquals|EqualsIgnoreCase|NotEqualsIgnoreCase|Like|NotLike)|Numeric(Equals|NotEquals|LessThan|LessThanEquals|GreaterThan|GreaterThanEquals)|Date(Equals|NotEquals|LessThan|LessThanEquals|GreaterThan|GreaterThanEquals)|Bool|BinaryEquals|IpAddress|NotIpAddress|Arn(Equals|NotEquals|Like|NotLike))(IfExists)?|Null)$/;
const awsPrincipal =
  /^(\*|\d{12}|arn:aws:(iam::\d{12}:(root|user\/[\w+=,.@/-]+|role\/[\w+=,.@/-]+)|sts::\d{12}:(assumed-role|federated-user)\/[\w+=,.@/-]+)|A(IDA|ROA)[A-Z0-9]{12,})$/;

type Problem = string;
type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json };
type JsonObject = { readonly [member: string]: Json };

/**
 * What is wrong with `text` as the policy of a repository, or undefined. `actions` are all actions that exist, such as
 * `ecr:PutImage`. The first problem is enough: the author mends and tries again.
 */
export function repositoryPolicyProblem(text: string, actions: readonly string[]): Problem | undefined {
  let document: Json;
  try {
    document = JSON.parse(text) as Json;
  } catch (error) {
    return `the text is not JSON: ${error instanceof Error ? error.message : "unreadable"}`;
  }
  if (!isObject(document)) return "the document must be a JSON object";
  const stranger = Object.keys(document).find((member) => !documentMembers.includes(member));
  if (stranger !== undefined)
    return `'${stranger}' is not a member of a policy; members are ${documentMembers.join(", ")}`;
  if (document.Version !== undefined && !versions.includes(document.Version as string)) {
    return `Version must be one of ${versions.join(", ")}, not ${JSON.stringify(document.Version)}`;
  }
  if (document.Statement === undefined) return "the document has no Statement";
  const statements = Array.isArray(document.Statement) ? document.Statement : [document.Statement];
  if (statements.length === 0) return "Statement is empty";
  for (const [index, statement] of statements.entries()) {
    const problem = statementProblem(statement, actions);
    if (problem !== undefined)
      return `statement ${index + 1} (Statement[${index}]${problem.path}): ${problem.reason}`;
  }
  return undefined;
}

type StatementProblem = { path: string; reason: string };

function statementProblem(statement: Json, actions: readonly string[]): StatementProblem | undefined {
  if (!isObject(statement)) return { path: "", reason: "must be a JSON object" };
  const stranger = Object.keys(statement).find((member) => !statementMembers.includes(member));
  if (stranger !== undefined) {
    return {
      path: `.${stranger}`,
      reason: `is not a member of a statement; members are ${statementMembers.join(", ")}`,
    };
  }
  if (statement.Sid !== undefined && typeof statement.Sid !== "string")
    return { path: ".Sid", reason: "must be text" };
  if (statement.Effect !== "Allow" && statement.Effect !== "Deny") {
    return {
      path: ".Effect",
      reason: `must be "Allow" or "Deny", not ${JSON.stringify(statement.Effect ?? null)}`,
    };
  }
  return (
    oneOf(statement, "Principal", "NotPrincipal", principalProblem) ??
    oneOf(statement, "Action", "NotAction", (value) => actionProblem(value, actions)) ??
    resourceProblem(statement) ??
    conditionProblem(statement.Condition)
  );
}

function oneOf(
  statement: JsonObject,
  positive: string,
  negative: string,
  check: (value: Json) => StatementProblem | undefined,
): StatementProblem | undefined {
  const name = statement[positive] !== undefined ? positive : negative;
  const value = statement[name];
  if (value === undefined) return { path: "", reason: `has neither ${positive} nor ${negative}` };
  if (statement[positive] !== undefined && statement[negative] !== undefined) {
    return { path: "", reason: `has both ${positive} and ${negative}` };
  }
  const problem = check(value);
  return problem && { path: `.${name}${problem.path}`, reason: problem.reason };
}

function principalProblem(value: Json): StatementProblem | undefined {
  if (value === "*") return undefined;
  if (!isObject(value))
    return { path: "", reason: `must be "*" or an object such as {"AWS": "arn:aws:iam::111122223333:root"}` };
  if (Object.keys(value).length === 0) return { path: "", reason: "is empty" };
  for (const [type, names] of Object.entries(value)) {
    if (!principalTypes.includes(type))
      return {
        path: `.${type}`,
        reason: `is not a kind of principal; kinds are ${principalTypes.join(", ")}`,
      };
    const texts = textsOf(names);
    if (!texts) return { path: `.${type}`, reason: "must be text or a list of texts" };
    const bad = type === "AWS" ? texts.find((text) => !awsPrincipal.test(text)) : undefined;
    if (bad !== undefined) {
      return {
        path: `.${type}`,
        reason: `'${bad}' is not a principal; it must be "*", 12 digits, or the ARN of an account's root, a user, a role or a session, without wildcards`,
      };
    }
  }
  return undefined;
}

function actionProblem(value: Json, actions: readonly string[]): StatementProblem | undefined {
  const texts = textsOf(value);
  if (!texts || texts.length === 0) return { path: "", reason: "must be text or a list of texts" };
  for (const text of texts) {
    if (text === "*") continue;
    const [service, name = ""] = text.split(":", 2);
    if (service?.toLowerCase() !== "ecr")
      return { path: "", reason: `'${text}' is not an action on a repository; those begin with 'ecr:'` };
    if (/[*?]/.test(name)) continue;
    const known = actions.some((action) => action.toLowerCase() === `ecr:${name}`.toLowerCase());
    if (!known)
      return { path: "", reason: `'${text}' is not an action${suggestion(`ecr:${name}`, actions)}` };
  }
  return undefined;
}

/** ECR: a repository policy needs no Resource; if there is one it may only be `*`. */
function resourceProblem(statement: JsonObject): StatementProblem | undefined {
  if (statement.NotResource !== undefined)
    return { path: ".NotResource", reason: "a repository policy is about its repository; leave it out" };
  if (statement.Resource === undefined) return undefined;
  const texts = textsOf(statement.Resource);
  return texts?.every((text) => text === "*")
    ? undefined
    : {
        path: ".Resource",
        reason: `a repository policy is about its repository; leave Resource out or make it "*"`,
      };
}

function conditionProblem(condition: Json | undefined): StatementProblem | undefined {
  if (condition === undefined) return undefined;
  if (!isObject(condition)) return { path: ".Condition", reason: "must be a JSON object" };
  for (const [name, keys] of Object.entries(condition)) {
    if (!operator.test(name)) return { path: `.Condition.${name}`, reason: "is not a condition operator" };
    if (!isObject(keys))
      return { path: `.Condition.${name}`, reason: "must be an object of condition keys and values" };
    for (const [key, values] of Object.entries(keys)) {
      const list = Array.isArray(values) ? values : [values];
      if (list.some((item) => item === null || typeof item === "object")) {
        return {
          path: `.Condition.${name}.${key}`,
          reason: "must be text, a number, a boolean, or a list of these",
        };
      }
    }
  }
  return undefined;
}

function textsOf(value: Json): readonly string[] | undefined {
  const list = Array.isArray(value) ? value : [value];
  return list.every((item) => typeof item === "string") ? (list as readonly string[]) : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The action that was probably meant: it begins or ends like the unknown one. */
function suggestion(unknown: string, actions: readonly string[]): string {
  const wanted = unknown.toLowerCase();
  const near = actions.find(
    (action) => action.toLowerCase().startsWith(wanted) || wanted.startsWith(action.toLowerCase()),
  );
  return near === undefined ? "" : `; did you mean '${near}'?`;
}
