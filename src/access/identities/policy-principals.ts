/**
 * The principals that a policy names: they have to exist when it is written, and mean those identities from then on. One
 * that was deleted and made again under the same name is another (IAM user guide, "AWS JSON policy elements:
 * Principal"). The column beside a policy's text holds a JSON object of unique ids by ARN; null when it names nobody.
 */
import { parseIamArn } from "../../lib/arn.ts";
import type { Queryable } from "../../store/database.ts";
import { accountExists } from "../accounts/accounts.ts";
import type { Policy } from "../policy/document.ts";
import { arnOf, findIdentity, findIdentityById, type IdentityKind } from "./identities.ts";

/** `ids` is the column's value; `unknown` is the first principal that there is not, such as `"AWS":"arn:…"`. */
export type PrincipalIds = { ids: string | null } | { unknown: string };

/** Looks up every account, user and role among the principals of `policy`. Sessions need their account alone. */
export async function principalIdsOf(db: Queryable, policy: Policy): Promise<PrincipalIds> {
  const names = new Set(policy.statements.flatMap(({ principals }) => principals?.texts ?? []));
  const ids: Record<string, string> = {};
  for (const text of names) {
    // Services and identity providers need not be known here, as they need not at AWS.
    if (!text.startsWith("AWS ")) continue;
    const name = text.slice("AWS ".length);
    const found = await findPrincipal(db, name);
    if (!found) return { unknown: `"AWS":"${name}"` };
    if (found.uniqueId !== undefined) ids[name] = found.uniqueId;
  }
  return { ids: Object.keys(ids).length === 0 ? null : JSON.stringify(ids) };
}

/**
 * The text of a policy as it reads today: the ARN of an identity that is gone became its unique id, and that of one that
 * has another name became the ARN of today. A text in which nothing changed comes back as it was written.
 */
export async function withDeletedPrincipals(
  db: Queryable,
  text: string,
  ids: string | null,
): Promise<string> {
  if (ids === null) return text;
  // Written by principalIdsOf, so its form is known.
  const idsByArn = Object.entries(JSON.parse(ids) as Record<string, string>);
  const today = new Map<string, string>();
  for (const [arn, id] of idsByArn) {
    const identity = await findIdentityById(db, id);
    const now = identity ? arnOf(identity) : id;
    if (now !== arn) today.set(arn, now);
  }
  return today.size === 0 ? text : renamed(text, today);
}

async function findPrincipal(
  db: Queryable,
  name: string,
): Promise<{ uniqueId: string | undefined } | undefined> {
  if (name === "*") return { uniqueId: undefined };
  if (/^A(?:IDA|ROA)/.test(name)) {
    return (await findIdentityById(db, name)) ? { uniqueId: undefined } : undefined;
  }
  const identity = parseIamArn(name);
  if (identity) {
    const { accountId, kind } = identity;
    const row = await findIdentity(db, { accountId, kind: kind as IdentityKind, name: identity.name });
    return row && arnOf(row) === name ? { uniqueId: row.id } : undefined;
  }
  const [accountId = ""] = /\d{12}/.exec(name) ?? [];
  return (await accountExists(db, accountId)) ? { uniqueId: undefined } : undefined;
}

type Element = string | readonly string[] | Readonly<Record<string, string | readonly string[]>>;
type Statement = Readonly<Record<string, Element>>;

/** Replaces names within Principal and NotPrincipal alone: a condition may compare with the same ARN. */
function renamed(text: string, today: ReadonlyMap<string, string>): string {
  const rename = (name: string) => today.get(name) ?? name;
  const renamedStatement = (statement: Statement): Statement =>
    Object.fromEntries(
      Object.entries(statement).map(([member, element]) =>
        member === "Principal" || member === "NotPrincipal"
          ? [member, renamedElement(element, rename)]
          : [member, element],
      ),
    );
  // It was read as a policy when it was written.
  const { Statement, ...document } = JSON.parse(text) as { Statement: Statement | readonly Statement[] };
  const statements = Array.isArray(Statement)
    ? Statement.map(renamedStatement)
    : renamedStatement(Statement as Statement);
  return JSON.stringify({ ...document, Statement: statements });
}

function renamedElement(element: Element, rename: (name: string) => string): Element {
  if (typeof element === "string" || !("AWS" in element)) return element;
  const { AWS } = element;
  return { ...element, AWS: typeof AWS === "string" ? rename(AWS) : (AWS ?? []).map(rename) };
}
