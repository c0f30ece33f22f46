/**
 * Why a request was refused, sealed: only its account can have it opened, by DecodeAuthorizationMessage. What a refusal
 * says openly is one sentence, because who is refused need not know the policies that did it. STS API,
 * DecodeAuthorizationMessage.
 */
import { limits } from "../../lib/limits.ts";
import type { Secrets } from "../../store/secrets.ts";
import type { Caller, WebIdentity } from "../caller.ts";
import type { Cited, Decision } from "../policy/evaluate.ts";
import { nameOf } from "../policy/sentence.ts";
import type { Case, Question } from "./authority.ts";

const purpose = "authorization message";

/** Longer names are cut: a path of a request can be as long as the sender likes. */
const longestText = 1_024;

/** Keys that a refusal shows when the request has them, beside those that the request alone has. */
const shownKeys = [
  "aws:CurrentTime",
  "aws:PrincipalAccount",
  "aws:PrincipalArn",
  "aws:PrincipalOrgID",
  "aws:PrincipalType",
  "aws:RequestedRegion",
  "aws:ResourceAccount",
  "aws:SecureTransport",
  "aws:SourceIdentity",
  "aws:SourceIp",
  "aws:UserAgent",
  "aws:userid",
  "aws:username",
];

type Sealed = {
  /** Whose identities may read it. */
  account: string;
  message: object;
};

type Refused = { question: Question; gathered: Case; decision: Extract<Decision, { allowed: false }> };

/** The message in at most `limits.authorizationMessageCharacters`; its conditions are left out when it would be longer. */
export function sealAuthorizationMessage(secrets: Secrets, refused: Refused): string {
  const { caller, ownerAccountId } = refused.question;
  const account = caller.kind === "principal" ? caller.accountId : ownerAccountId;
  const seal = (conditions: readonly object[]) => {
    const sealed: Sealed = { account, message: messageOf(refused, { account, conditions }) };
    return secrets.encrypt(purpose, JSON.stringify(sealed));
  };
  const full = seal(conditionsOf(refused));
  return full.length <= limits.authorizationMessageCharacters ? full : seal([]);
}

/** The JSON of a message for this account; undefined for anything else. */
export function openAuthorizationMessage(
  secrets: Secrets,
  { text, accountId }: { text: string; accountId: string },
): string | undefined {
  // The decoder of base64url takes other spellings of the same bytes; an altered message is no message.
  if (Buffer.from(text, "base64url").toString("base64url") !== text) return undefined;
  let plain: string;
  try {
    plain = secrets.decrypt(purpose, text);
  } catch {
    // Whatever the reason, it is nothing that was sealed here.
    return undefined;
  }
  const { account, message } = JSON.parse(plain) as Sealed;
  return account === accountId ? JSON.stringify(message) : undefined;
}

function messageOf(
  { question, gathered, decision }: Refused,
  { account, conditions }: { account: string; conditions: readonly object[] },
): object {
  const { action, resource, ownerAccountId, caller } = question;
  const { deniedBy } = decision;
  // A policy on a resource is known to its owner, and the message may be for somebody else.
  const isForeign = deniedBy !== undefined && isOfResource(deniedBy) && ownerAccountId !== account;
  return {
    allowed: false,
    explicitDeny: deniedBy !== undefined,
    matchedStatements: { items: deniedBy === undefined || isForeign ? [] : [statementOf(deniedBy)] },
    failures: {
      items: decision.missing.map((policyType) => ({ policyType, reason: "no statement allows" })),
    },
    context: {
      principal: principalOf(caller, nameOf(gathered.request.principal)),
      action,
      resource: resource.slice(0, longestText),
      conditions: { items: conditions },
    },
  };
}

function isOfResource({ side }: Cited): boolean {
  return side === "resource" || side === "trust";
}

function statementOf({ policy, statement, sid, side }: Cited): object {
  return { statementId: sid ?? "", effect: "DENY", policyType: side, policy, statement };
}

function principalOf(caller: Caller | WebIdentity, arn: string): object {
  if (caller.kind !== "principal") return { arn };
  const { userId, userName } = caller;
  return { id: userId, ...(userName !== undefined && { name: userName }), arn };
}

function conditionsOf({ question, gathered }: Refused): readonly object[] {
  const { context } = gathered.request;
  return [...shownKeys, ...(question.keys?.keys() ?? [])].flatMap((key) => {
    const values = context.get(key.toLowerCase());
    if (values === undefined) return [];
    return [{ key, values: { items: values.map((value) => ({ value: value.slice(0, longestText) })) } }];
  });
}
