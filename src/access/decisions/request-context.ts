/**
 * The condition keys of a request: IAM user guide, "Global condition context keys", and ECR's. A value is made when a
 * policy asks for it, since most policies ask for none.
 */

import type { Organization } from "../accounts/organizations.ts";
import type { Caller, WebIdentity } from "../caller.ts";
import type { Context } from "../policy/templates.ts";

/** What is known of a request before anybody is asked about it. */
export type RequestFacts = {
  /** The address that made it, as far as proxies are trusted. */
  sourceIp: string | undefined;
  isSecure: boolean;
  userAgent: string | undefined;
  referer: string | undefined;
  region: string;
  /** Milliseconds since the epoch. */
  at: number;
};

type ContextSource = {
  caller: Caller | WebIdentity;
  facts: RequestFacts;
  organization: Organization;
  ownerAccountId: string;
  /** Keys in lower case. */
  principalTags: ReadonlyMap<string, string>;
  resourceTags: ReadonlyMap<string, string>;
  /** Keys of this request alone, in lower case, such as `aws:requesttag/team`. */
  keys: ReadonlyMap<string, readonly string[]> | undefined;
};

/** Longer values are cut: a match may cost the product of a value's length and the policy's. */
const longestValue = 2_048;

export function contextOf(source: ContextSource): Context {
  return {
    get: (key) => {
      const given = source.keys?.get(key);
      if (given !== undefined) return given;
      const slash = key.indexOf("/");
      const value =
        slash < 0 ? singleValue(key, source) : tagOf(key.slice(0, slash), key.slice(slash + 1), source);
      return value === undefined
        ? undefined
        : [value.length > longestValue ? value.slice(0, longestValue) : value];
    },
  };
}

function tagOf(
  prefix: string,
  key: string,
  { principalTags, resourceTags }: ContextSource,
): string | undefined {
  switch (prefix) {
    case "aws:principaltag":
      return principalTags.get(key);
    case "aws:resourcetag":
    case "ecr:resourcetag":
    case "iam:resourcetag":
      return resourceTags.get(key);
    default:
      return undefined;
  }
}

function singleValue(key: string, source: ContextSource): string | undefined {
  const { facts, caller, organization, ownerAccountId } = source;
  switch (key) {
    case "aws:currenttime":
      return new Date(facts.at).toISOString();
    case "aws:epochtime":
      return String(Math.floor(facts.at / 1000));
    case "aws:sourceip":
      return facts.sourceIp;
    case "aws:securetransport":
      return String(facts.isSecure);
    case "aws:useragent":
      return facts.userAgent;
    case "aws:referer":
      return facts.referer;
    case "aws:requestedregion":
      return facts.region;
    case "aws:resourceaccount":
      return ownerAccountId;
    case "aws:resourceorgid":
      return organization.id;
    case "aws:resourceorgpaths":
      return `${organization.id}/${organization.rootId}/`;
    case "aws:principalisawsservice":
    case "aws:viaawsservice":
      return "false";
    default:
      if (caller.kind === "principal") return principalValue(key, caller, organization);
      return caller.kind === "anonymous" ? anonymousValue(key) : undefined;
  }
}

function anonymousValue(key: string): string | undefined {
  if (key === "aws:principaltype") return "Anonymous";
  return key === "aws:userid" ? "anonymous" : undefined;
}

/** IAM user guide, "Properties of the principal"; the table of `aws:PrincipalType` and `aws:userid`. */
function principalValue(
  key: string,
  { who, arn, accountId, userId, userName, session }: Extract<Caller, { kind: "principal" }>,
  organization: Organization,
): string | undefined {
  switch (key) {
    case "aws:principalarn":
      // For a session it is the role's ARN.
      return who.kind === "role-session" ? who.roleArn : arn;
    case "aws:principalaccount":
      return accountId;
    case "aws:principalorgid":
      return organization.id;
    case "aws:principalorgpaths":
      return `${organization.id}/${organization.rootId}/`;
    case "aws:principaltype":
      return principalTypes[who.kind];
    case "aws:userid":
      return userId;
    case "aws:username":
      return userName;
    case "aws:tokenissuetime":
      return session && new Date(session.issuedAt).toISOString();
    case "aws:multifactorauthpresent":
      // Long-lived keys have no such key at all.
      return session && "false";
    case "aws:sourceidentity":
      return session?.sourceIdentity;
    case "aws:federatedprovider":
      return session?.federatedProvider;
    default:
      return undefined;
  }
}

const principalTypes = {
  root: "Account",
  user: "User",
  "role-session": "AssumedRole",
  "federated-user": "FederatedUser",
} as const;
