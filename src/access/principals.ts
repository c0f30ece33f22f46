/** Principals made from what is stored of them, and found by the ARNs that policies and messages have. */
import { iamArn, parseIamArn, rootArn, sessionArn } from "../lib/arn.ts";
import type { Queryable } from "../store/database.ts";
import { anonymous, type Caller, type CallerSession, type Principal } from "./caller.ts";
import { findIdentity, type Identity } from "./identities/identities.ts";

type Source = {
  accessKeyId: string;
  accountId: string;
  /** All three are null for a root. */
  identityId: string | null;
  name: string | null;
  path: string | null;
};

/** The root or the user itself, who sign with keys of their own and with sessions of GetSessionToken. */
export function itself({ accessKeyId, accountId, identityId, name, path }: Source): Principal {
  const base = { kind: "principal", accountId, accessKeyId, session: undefined } as const;
  if (identityId === null || name === null || path === null) {
    const arn = rootArn(accountId);
    const who = { kind: "root", arn, accountId } as const;
    return { ...base, arn, who, userId: accountId, identityId: undefined, userName: undefined };
  }
  const arn = iamArn({ accountId, kind: "user", path, name });
  const who = { kind: "user", arn, accountId, uniqueId: identityId } as const;
  return { ...base, arn, who, userId: identityId, identityId, userName: name };
}

/** Who a session speaks for; `kind` is that of the row in `sessions`. The session itself is not in the result. */
export function sessionPrincipal(source: Source & { kind: string; sessionName: string }): Principal {
  const { accountId, identityId, name, path, sessionName } = source;
  const holder = itself(source);
  switch (source.kind) {
    case "role": {
      if (identityId === null || name === null || path === null) throw new Error("A session has no role");
      const arn = sessionArn(accountId, "assumed-role", `${name}/${sessionName}`);
      const roleArn = iamArn({ accountId, kind: "role", path, name });
      const who = { kind: "role-session", arn, accountId, roleArn, uniqueId: identityId } as const;
      return { ...holder, arn, who, userId: `${identityId}:${sessionName}`, userName: undefined };
    }
    case "federated-user": {
      const arn = sessionArn(accountId, "federated-user", sessionName);
      const federator = identityId === null ? {} : { userArn: holder.arn, uniqueId: identityId };
      const who = { kind: "federated-user", arn, accountId, ...federator } as const;
      return { ...holder, arn, who, userId: `${accountId}:${sessionName}`, userName: undefined };
    }
    default:
      return holder;
  }
}

/** The name of a session that nobody made: what a role is shown as when it is asked about by its own ARN. */
const anySession = "any-session";

/**
 * The principal that an ARN means, for questions about somebody who does not ask: a root or an account's id, a user, a
 * role (in a session without a policy), a session with its role's name, or `*` and `anonymous` for who sends no
 * credentials. Undefined when there is none.
 */
export async function principalByArn(db: Queryable, text: string): Promise<Caller | undefined> {
  if (text === "*" || text === "anonymous") return anonymous;
  const account = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/.exec(text)?.[1];
  if (account !== undefined) return (await accountIsThere(db, account)) ? rootOf(account) : undefined;
  const session = /^arn:aws:sts::(\d{12}):assumed-role\/([\w+=,.@-]+)\/([\w+=,.@-]+)$/.exec(text);
  if (session) {
    const [, accountId = "", name = "", sessionName = ""] = session;
    const role = await findIdentity(db, { accountId, kind: "role", name });
    return role && ofIdentity(role, sessionName);
  }
  const named = parseIamArn(text);
  if (!named || (named.kind !== "user" && named.kind !== "role")) return undefined;
  const identity = await findIdentity(db, { ...named, kind: named.kind });
  return identity?.path === named.path ? ofIdentity(identity, anySession) : undefined;
}

/** Whether an ARN is that of an identity provider, whose tokens stand for identities that are not here. */
export function isProvider(arn: string): boolean {
  return /^arn:aws:iam::\d{12}:oidc-provider\/./.test(arn);
}

/** A user, or a role in a session of the given name. */
export function ofIdentity(identity: Identity, sessionName: string = anySession): Principal {
  const source = {
    accessKeyId: "",
    accountId: identity.account_id,
    identityId: identity.id,
    name: identity.name,
    path: identity.path,
  };
  if (identity.kind !== "role") return itself(source);
  return { ...sessionPrincipal({ ...source, kind: "role", sessionName }), session: plainSession };
}

export function rootOf(accountId: string): Principal {
  return itself({ accessKeyId: "", accountId, identityId: null, name: null, path: null });
}

const plainSession: CallerSession = {
  issuedAt: 0,
  expiresAt: Number.MAX_SAFE_INTEGER,
  policies: undefined,
  tags: {},
  transitiveTagKeys: [],
  sourceIdentity: undefined,
  federatedProvider: undefined,
};

async function accountIsThere(db: Queryable, accountId: string): Promise<boolean> {
  const row = await db.selectFrom("accounts").select("id").where("id", "=", accountId).executeTakeFirst();
  return row !== undefined;
}
