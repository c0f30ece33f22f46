/**
 * Advice about a policy that is accepted: what probably does not do what its author thinks. Nothing here refuses,
 * because published policies contain most of it.
 */
import { echo } from "../../lib/text.ts";
import { type Actions, actionsLike, grantOf, type KnownActions, meansAction } from "./actions.ts";
import type { Advice, Advise } from "./advice.ts";
import { conditionKey } from "./condition-keys.ts";
import type { Condition } from "./conditions.ts";
import type { Policy } from "./document.ts";
import { adviceOnCondition } from "./lint-conditions.ts";
import { subjectOf } from "./match.ts";
import type { Principals } from "./principals.ts";
import type { Statement } from "./statements.ts";
import { hasVariable } from "./templates.ts";

type Rule = (statement: Statement, options: { policy: Policy; known: KnownActions; advise: Advise }) => void;

/** All advice about a policy, statement by statement. `known` are the actions that exist, as for reading it. */
export function adviceOn(policy: Policy, known: KnownActions): readonly Advice[] {
  const found: Advice[] = [];
  for (const statement of policy.statements) {
    const advise: Advise = ({ code, path, text }) =>
      found.push({
        code,
        statement: statement.number,
        path: `Statement[${statement.number - 1}]${path}`,
        text,
      });
    for (const rule of rules) rule(statement, { policy, known, advise });
  }
  return found;
}

/** Service authorization reference, ECR: these have no resource but `*`. */
const withoutResource: ReadonlySet<string> = new Set(
  [
    "CreatePullThroughCacheRule",
    "CreateRepositoryCreationTemplate",
    "DeletePullThroughCacheRule",
    "DeleteRegistryPolicy",
    "DeleteRepositoryCreationTemplate",
    "DeleteSigningConfiguration",
    "DeregisterPullTimeUpdateExclusion",
    "DescribePullThroughCacheRules",
    "DescribeRegistry",
    "DescribeRepositoryCreationTemplates",
    "GetAccountSetting",
    "GetAuthorizationToken",
    "GetRegistryPolicy",
    "GetRegistryScanningConfiguration",
    "GetSigningConfiguration",
    "ListPullTimeUpdateExclusions",
    "PutAccountSetting",
    "PutRegistryPolicy",
    "PutRegistryScanningConfiguration",
    "PutReplicationConfiguration",
    "PutSigningConfiguration",
    "RegisterPullTimeUpdateExclusion",
    "UpdatePullThroughCacheRule",
    "UpdateRepositoryCreationTemplate",
    "ValidatePullThroughCacheRule",
  ].map((name) => `ecr:${name.toLowerCase()}`),
);

const rules: readonly Rule[] = [
  grantsNothing,
  isAboutNoAction,
  isPublic,
  namesOddPrincipals,
  trustsDeputies,
  isOverruled,
  hasDeadVariables,
  (statement, { advise }) => {
    for (const condition of statement.conditions)
      adviceOnCondition(condition, { effect: statement.effect, advise });
  },
];

/** Actions that a policy of this kind, or a statement with these resources, cannot give. */
function grantsNothing(
  { effect, actions, resources }: Statement,
  { policy: { kind }, advise }: Parameters<Rule>[1],
) {
  if (actions.negated) return;
  for (const text of actions.texts) {
    const lower = text.toLowerCase();
    if (lower.includes("*") || lower.includes("?")) continue;
    const grant = grantOf(lower);
    const advice = (reason: string) =>
      advise({ code: "grants-nothing", path: actionPath(actions), text: `'${echo(text)}' ${reason}` });
    if (effect === "Allow" && kind === "repository" && !grant.repository)
      advice(`grants nothing in a repository policy; ${sidesOf(grant)} can grant it`);
    else if (effect === "Allow" && kind === "registry" && !grant.registry)
      advice(`grants nothing in a registry policy; ${sidesOf(grant)} can grant it`);
    else if (effect === "Allow" && kind === "identity" && !grant.identity)
      advice(`grants nothing in an identity policy; ${sidesOf(grant)} can grant it`);
    else if (kind === "repository" && withoutResource.has(lower)) advice("is never asked about a repository");
    else if (
      withoutResource.has(lower) &&
      resources &&
      !resources.negated &&
      !resources.texts.some(isEverything)
    )
      advice(`has no resource, so that only the resource "*" can match it`);
  }
}

const isEverything = (text: string) => /^\*+$/.test(text);

function sidesOf(grant: ReturnType<typeof grantOf>): string {
  const sides = [grant.identity && "an identity policy", grant.registry && "a registry policy"].filter(
    Boolean,
  );
  return `only ${sides.join(" or ")}`;
}

function isAboutNoAction({ actions }: Statement, { known, advise }: Parameters<Rule>[1]) {
  const services = new Set(known.map((action) => action.split(":")[0]?.toLowerCase()));
  for (const text of actions.texts)
    if (
      /[*?]/.test(text) &&
      services.has(text.split(":")[0]?.toLowerCase()) &&
      actionsLike(text, known).length === 0
    )
      advise({
        code: "never-applies",
        path: actionPath(actions),
        text: `'${echo(text)}' is like no action that exists`,
      });
}

function isPublic({ effect, principals, conditions }: Statement, { policy, advise }: Parameters<Rule>[1]) {
  if (effect !== "Allow" || principals === undefined || principals.negated || !principals.keys.has("*"))
    return;
  if (conditions.some(limitsCaller)) return;
  const whom =
    policy.kind === "trust"
      ? "Everyone may assume this role"
      : "Everyone, with or without an account, may do this";
  advise({
    code: "public",
    path: ".Principal",
    text: `${whom}. Unless that is meant, name principals, or add a condition on who asks, such as aws:PrincipalOrgID`,
  });
}

/** A negated condition leaves almost everyone, and so does one that a missing value passes. */
function limitsCaller({ operator, key }: Condition): boolean {
  if (/Not|IfExists$|^ForAllValues|^Null$/.test(operator)) return false;
  const known = conditionKey(key);
  return known === "unknown" || (known !== "never" && known.aboutCaller);
}

function namesOddPrincipals({ effect, principals }: Statement, { advise }: Parameters<Rule>[1]) {
  if (principals === undefined) return;
  const path = principals.negated ? ".NotPrincipal" : ".Principal";
  if (principals.negated && effect === "Allow")
    advise({
      code: "allow-not-principal",
      path,
      text: "Allow with NotPrincipal permits everyone else, with or without an account. AWS does not support it; name in Principal who may",
    });
  if (principals.negated && effect === "Deny" && !hasAccountOf(principals))
    advise({
      code: "not-principal-account",
      path,
      text: "A denial spares only whose account is named too, and for a session its role. Add those, or deny everyone with a condition ArnNotEquals on aws:PrincipalArn",
    });
  for (const text of principals.texts) {
    const id = /^AWS (A(?:IDA|ROA)\w+)$/.exec(text)?.[1];
    if (id !== undefined)
      advise({
        code: "deleted-identity",
        path,
        text: `'${id}' is the unique id of a user or role; one that stands where an ARN stood means a deleted identity, and a new one of the same name is not meant`,
      });
  }
}

function hasAccountOf({ keys, texts }: Principals): boolean {
  return texts.every((text) => {
    const accountId = /^AWS arn:aws:\w+::(\d{12}):/.exec(text)?.[1];
    return accountId === undefined || keys.has(`arn:aws:iam::${accountId}:root`);
  });
}

/** IAM user guide, "The confused deputy problem". */
function trustsDeputies({ effect, principals, conditions }: Statement, { advise }: Parameters<Rule>[1]) {
  if (effect !== "Allow" || principals === undefined || principals.negated) return;
  const service = principals.texts.find((text) => text.startsWith("Service "));
  const source = /^aws:(?:source(?:arn|account|orgid|orgpaths)|principalorgid)$/i;
  if (service !== undefined && !conditions.some(({ key }) => source.test(key)))
    advise({
      code: "deputy",
      path: ".Principal",
      text: `${echo(service.slice("Service ".length))} acts for any account that asks it to. Add a condition on aws:SourceArn or aws:SourceAccount`,
    });
}

function isOverruled(statement: Statement, { policy, advise }: Parameters<Rule>[1]) {
  if (statement.effect !== "Allow") return;
  const overruling = policy.statements.find((other) => deniesAll(other, statement));
  if (overruling)
    advise({
      code: "always-denied",
      path: "",
      text: `Statement ${overruling.number} denies everything that this statement allows`,
    });
}

function deniesAll(other: Statement, { actions }: Statement): boolean {
  return (
    other.effect === "Deny" &&
    other.conditions.length === 0 &&
    (other.principals === undefined || (!other.principals.negated && other.principals.keys.has("*"))) &&
    (other.resources === undefined ||
      (!other.resources.negated && other.resources.texts.some(isEverything))) &&
    !other.actions.negated &&
    !actions.negated &&
    actions.texts.every((text) => meansAction(other.actions, subjectOf(text.toLowerCase())))
  );
}

function hasDeadVariables({ resources, conditions }: Statement, { policy, advise }: Parameters<Rule>[1]) {
  if (policy.version === "2012-10-17") return;
  const text = `In version 2008-10-17, which a policy without Version has, \${…} is no variable. Write "Version": "2012-10-17"`;
  if (resources?.texts.some(hasVariable))
    advise({ code: "older-version", path: resources.negated ? ".NotResource" : ".Resource", text });
  for (const { operator, key, wanted } of conditions)
    if (wanted.some(hasVariable))
      advise({ code: "older-version", path: `.Condition.${operator}.${echo(key)}`, text });
}

function actionPath({ negated }: Actions): string {
  return negated ? ".NotAction" : ".Action";
}
