/**
 * Who a statement means, and how directly it names who asks: IAM user guide, "Principal" and "NotPrincipal".
 */
import { rootArn } from "../../lib/arn.ts";
import { echo } from "../../lib/text.ts";
import { isList, isObject, type Json } from "./json.ts";
import type { Report } from "./problems.ts";

/** Who makes a request. Every `arn` is the one that messages name. */
export type RequestPrincipal =
  | { kind: "anonymous" }
  | { kind: "root"; arn: string; accountId: string }
  | { kind: "user"; arn: string; accountId: string; uniqueId: string }
  | {
      kind: "role-session";
      /** `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` */
      arn: string;
      accountId: string;
      /** `arn:aws:iam::ACCOUNT:role/PATH/ROLE` */
      roleArn: string;
      /** The role's, such as `AROA…`. */
      uniqueId: string;
    }
  | {
      kind: "federated-user";
      /** `arn:aws:sts::ACCOUNT:federated-user/NAME` */
      arn: string;
      accountId: string;
      /** The user who federated, and its unique id; absent when the root did. */
      userArn?: string;
      uniqueId?: string;
    }
  /** Such as `lambda.amazonaws.com`. */
  | { kind: "service"; arn: string }
  /** Somebody with a token of an identity provider, who has no identity here until a role is assumed. */
  | { kind: "web-identity"; arn: string };

/**
 * How directly a policy names a principal, in rising order. Naming the `account` leaves the decision to its
 * administrators. A permission for an `identity` (a role, or the user who federated) is limited by boundary and session
 * policy. A permission that is `direct` is not. IAM user guide, "Policy evaluation logic" for the last two.
 */
export type Reach = 0 | 1 | 2 | 3;
export const reaches = { none: 0, account: 1, identity: 2, direct: 3 } as const;

export type Principals = {
  negated: boolean;
  /** As the policy has them, such as `AWS 111122223333`. */
  texts: readonly string[];
  /** Keys as {@link whoIs} makes them. */
  keys: ReadonlySet<string>;
};

/** A principal, prepared for comparison with many statements. */
export type Who = {
  /** Every key by which a statement can name it. */
  names: readonly { key: string; reach: Reach }[];
  /** Account, identity, session: each with the keys that name it. */
  levels: readonly (readonly string[])[];
};

const everyone = "*";
const serviceKey = (name: string) => `service ${name}`;
const providerKey = (name: string) => `provider ${name}`;

const types = ["AWS", "Service", "Federated", "CanonicalUser"];
const account = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/;
const identityArn =
  /^arn:aws:(?:iam::\d{12}:(?:user|role)\/[\w+=,.@/-]+|sts::\d{12}:(?:assumed-role\/[\w+=,.@-]+|federated-user)\/[\w+=,.@-]+)$/;
const uniqueId = /^A(?:IDA|ROA)[A-Z0-9]{12,}$/;
const domain = /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/;
const provider = /^arn:aws:iam::\d{12}:(?:oidc-provider|saml-provider)\/[\w+=,.@:/-]+$/;

type ReadPrincipals = {
  value: Json;
  negated: boolean;
  /** Unique ids by the ARNs that they had when the policy was written; such an ARN means that identity alone. */
  uniqueIds: ReadonlyMap<string, string>;
  /** `path` starts behind `.Principal` or `.NotPrincipal`. */
  report: Report;
};

export function readPrincipals({ value, negated, uniqueIds, report }: ReadPrincipals): Principals {
  const texts: string[] = [];
  const keys = new Set<string>();
  if (value === everyone) return { negated, texts: [everyone], keys: keys.add(everyone) };
  if (!isObject(value)) {
    report("", `must be "*" or an object such as {"AWS": "arn:aws:iam::111122223333:root"}`);
    return { negated, texts, keys };
  }
  if (value.size === 0) report("", "is empty");
  for (const [type, names] of value) {
    if (!types.includes(type)) {
      report(`.${echo(type)}`, `is not a kind of principal; kinds are ${types.join(", ")}`);
      continue;
    }
    const list = isList(names) ? names : [names];
    if (list.length === 0 || !list.every((name) => typeof name === "string")) {
      report(`.${type}`, "must be text or a list of texts");
      continue;
    }
    for (const name of list) {
      const found = keyOf(type, name);
      if ("reason" in found) report(`.${type}`, found.reason);
      else keys.add(uniqueIds.get(found.key) ?? found.key);
      texts.push(`${type} ${name}`);
    }
  }
  return { negated, texts, keys };
}

/** The ARNs of users and roles among the principals, whose unique ids are kept beside the policy. */
export function identitiesIn({ texts }: Principals): readonly string[] {
  return texts.flatMap((text) => /^AWS (arn:aws:iam::\d{12}:(?:user|role)\/.+)$/.exec(text)?.[1] ?? []);
}

export function whoIs(principal: RequestPrincipal): Who {
  const names: { key: string; reach: Reach }[] = [{ key: everyone, reach: reaches.direct }];
  const levels: string[][] = [];
  const level = (reach: Reach, ...keys: (string | undefined)[]) => {
    const known = keys.filter((key) => key !== undefined);
    names.push(...known.map((key) => ({ key, reach })));
    levels.push(known);
  };
  switch (principal.kind) {
    case "anonymous":
      break;
    case "root":
      level(reaches.direct, rootArn(principal.accountId));
      break;
    case "user":
      level(reaches.account, rootArn(principal.accountId));
      level(reaches.direct, principal.arn, principal.uniqueId);
      break;
    case "role-session":
      level(reaches.account, rootArn(principal.accountId));
      level(reaches.identity, principal.roleArn, principal.uniqueId);
      level(reaches.direct, principal.arn);
      break;
    case "federated-user":
      level(reaches.account, rootArn(principal.accountId));
      if (principal.userArn !== undefined) level(reaches.identity, principal.userArn, principal.uniqueId);
      level(reaches.direct, principal.arn);
      break;
    case "service":
      level(reaches.direct, serviceKey(principal.arn));
      break;
    case "web-identity":
      level(reaches.direct, providerKey(principal.arn));
  }
  return { names, levels };
}

/** The most direct way in which the statement means `who`; none when it does not. */
export function reachOf(principals: Principals, { who, isDeny }: { who: Who; isDeny: boolean }): Reach {
  if (principals.negated)
    return isMeantByNotPrincipal(principals, { who, isDeny }) ? reaches.direct : reaches.none;
  let reach: Reach = reaches.none;
  for (const name of who.names) if (name.reach > reach && principals.keys.has(name.key)) reach = name.reach;
  return reach;
}

/**
 * A denial spares a principal only if its account, its identity and its session are all named: AWS checks them one
 * after the other. AWS does not support NotPrincipal with Allow; should there be one, naming any of them is enough not
 * to be meant, so that in both cases doubt gives less.
 */
function isMeantByNotPrincipal(
  { keys }: Principals,
  { who, isDeny }: { who: Who; isDeny: boolean },
): boolean {
  if (keys.has(everyone)) return false;
  if (!isDeny) return !who.names.some(({ key }) => keys.has(key));
  return who.levels.length === 0 || !who.levels.every((level) => level.some((key) => keys.has(key)));
}

function keyOf(type: string, name: string): { key: string } | { reason: string } {
  const shown = `'${echo(name)}'`;
  switch (type) {
    case "AWS": {
      if (name === everyone || identityArn.test(name) || uniqueId.test(name)) return { key: name };
      const match = account.exec(name);
      const isWhole = match !== null && name.startsWith("arn:") === name.endsWith(":root");
      if (isWhole) return { key: rootArn(match[1] ?? "") };
      return {
        reason: `${shown} is not a principal; it must be "*", 12 digits, or the ARN of an account's root, a user, a role or a session, without wildcards`,
      };
    }
    case "Service":
      return domain.test(name)
        ? { key: serviceKey(name) }
        : { reason: `${shown} is not a service; it must be a name such as lambda.amazonaws.com` };
    case "Federated":
      return domain.test(name) || provider.test(name)
        ? { key: providerKey(name) }
        : {
            reason: `${shown} is not an identity provider; it must be a domain, or an ARN such as arn:aws:iam::111122223333:oidc-provider/example.com`,
          };
    default:
      return { reason: `canonical user ids belong to S3; name the account's root, a user or a role as AWS` };
  }
}
