/** Who is asking. */
import type { RequestPrincipal } from "./policy/principals.ts";

/** What temporary credentials carry beside who they speak for. */
export type CallerSession = {
  /** Milliseconds since the epoch. */
  issuedAt: number;
  expiresAt: number;
  /** The policies that were passed when it was made; undefined when none were. */
  policies: readonly { name: string; text: string }[] | undefined;
  /** Tags of the session, as {@link Principal} has them from its identity. */
  tags: Readonly<Record<string, string>>;
  transitiveTagKeys: readonly string[];
  sourceIdentity: string | undefined;
  /** ARN of the identity provider whose token was taken. */
  federatedProvider: string | undefined;
};

export type Principal = {
  kind: "principal";
  /** As messages name it, such as `arn:aws:iam::111122223333:root`. */
  arn: string;
  accountId: string;
  /** The key that the request, or the token that it carries, was made with. */
  accessKeyId: string;
  /** The same caller as the policy language sees it. */
  who: Extract<RequestPrincipal, { accountId: string }>;
  /** `aws:userid`, and the UserId of GetCallerIdentity. */
  userId: string;
  /** The user or role whose policies and tags count; undefined for the root. */
  identityId: string | undefined;
  /** A user's name, also in a session of GetSessionToken. */
  userName: string | undefined;
  /** Undefined for long-lived keys. */
  session: CallerSession | undefined;
};

export type Caller = { kind: "anonymous" } | Principal;

/** Somebody with a token of an identity provider, before a role is assumed with it. `arn` is the provider's. */
export type WebIdentity = { kind: "web-identity"; arn: string };

export const anonymous: Caller = { kind: "anonymous" };

/** How messages name the caller. */
export function callerName(caller: Caller): string {
  return caller.kind === "anonymous" ? "anonymous" : caller.arn;
}
