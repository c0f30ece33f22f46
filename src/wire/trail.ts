/**
 * The audit of a request: what the doors know becomes a CloudTrail record in the trail of every account that it concerns.
 * A door tells it once, at the end.
 */
import type { Caller } from "../access/caller.ts";
import type { RequestFacts } from "../access/decisions/request-context.ts";
import type { Fault } from "../lib/faults.ts";
import { limits } from "../lib/limits.ts";
import type { Services } from "../registry/context.ts";
import type { Frame } from "../store/trail-format.ts";
import type { AskedInRecord, TrailRecord, UserIdentity } from "../store/trail-record.ts";
import type { AskedRight } from "./call.ts";
import { awsErrors } from "./errors.ts";
import { identityOf, serialOf, sessionOf } from "./trail-identity.ts";

/** What was done, in the words of an API. */
export type TrailEvent = {
  door: TrailRecord["additionalEventData"]["door"];
  /** A signing name: `ecr`. */
  service: string;
  name: string;
  isRead: boolean;
  /** Input and output, without secrets; undefined when there are none. */
  parameters: unknown;
  elements: unknown;
  /** In place of a caller whom nobody authenticated. */
  stranger?: UserIdentity | undefined;
};

type Noted = {
  requestId: string;
  caller: Caller;
  facts: RequestFacts;
  asked: readonly AskedRight[];
  /** Where it is noted when it concerns no other account: the caller's, or the default account for strangers. */
  accountId: string;
  problem: Fault | undefined;
  event: () => TrailEvent;
  /**
   * Of requests that come again and again: together with the caller and the facts it says all that there is to say, when
   * nobody refused them. Undefined when nothing short does.
   */
  key?: string | undefined;
  /** What it was about when nobody was asked for a right to it. */
  about?: { arn: string; accountId: string } | undefined;
  /** The code that the client saw, where it is not that of the JSON protocol. */
  errorCode?: string | undefined;
};

/**
 * Notes a request that is about to be answered: one record, or one for each account when it crosses a border (CloudTrail
 * user guide, "Cross-account"). Records are made here, because what they are made from is larger and would have to wait.
 */
export function noteRequest({ trail, clock }: Services, noted: Noted): void {
  const { requestId, caller, asked, problem } = noted;
  const at = clock.now();
  const recipients = recipientsOf(noted);
  const key = keyOf(noted);
  const isShared = recipients.length > 1;
  const isDenied = problem?.fault === "AccessDenied" && asked.length > 0;
  const isStranger = caller.kind === "anonymous" && problem !== undefined;
  for (const accountId of recipients) {
    const frame = key === undefined ? jsonOf(noted, accountId) : knownFrame(noted, accountId, key);
    trail.note({ accountId, at, requestId, isDenied, isShared, frame }, isStranger ? stranger : undefined);
  }
}

const stranger = { isStranger: true };

/** The caller's account, and the owners of what it was about. A stranger who got nothing fills nobody's trail but ours. */
function recipientsOf({ caller, accountId, asked, problem }: Noted): readonly string[] {
  const isOthers = asked.some(({ ownerAccountId }) => ownerAccountId !== accountId);
  if (!isOthers) return [accountId];
  const owners = new Set(asked.map(({ ownerAccountId }) => ownerAccountId));
  if (caller.kind === "principal") return [...new Set([accountId, ...owners])];
  return problem === undefined ? [...owners] : [accountId];
}

/** Frames of requests that come again and again, by everything that they say. */
const frames = new Map<string, string>();

function keyOf({ key, caller, facts, problem }: Noted): string | undefined {
  if (key === undefined || problem || caller.kind !== "principal") return undefined;
  const { region, sourceIp, isSecure, referer, userAgent } = facts;
  // Headers have no line ends in them, so no two requests have one key.
  return `${serialOf(caller)} ${region} ${sourceIp} ${isSecure} ${key}\n${referer}\n${userAgent}`;
}

function knownFrame(noted: Noted, accountId: string, key: string): string {
  const full = `${accountId} ${key}`;
  let frame = frames.get(full);
  if (frame === undefined) {
    frame = jsonOf(noted, accountId);
    if (frames.size >= limits.framesInMemory) frames.clear();
    frames.set(full, frame);
  }
  return frame;
}

function jsonOf(noted: Noted, accountId: string): string {
  return JSON.stringify(frameOf(noted, accountId));
}

function frameOf(noted: Noted, accountId: string): Frame {
  const { caller, facts, asked, problem } = noted;
  const event = noted.event();
  const resources = resourcesOf(asked, noted.about);
  const session = sessionOf(caller);
  return {
    eventVersion: "1.11",
    userIdentity: caller.kind === "principal" ? identityOf(caller) : (event.stranger ?? { type: "Unknown" }),
    eventSource: event.service === "lading" ? "lading" : `${event.service}.amazonaws.com`,
    eventName: event.name,
    awsRegion: facts.region,
    sourceIPAddress: facts.sourceIp ?? "unknown",
    userAgent: (facts.userAgent ?? "").slice(0, limits.userAgentCharacters),
    ...(problem && {
      errorCode: codeOf(noted, problem),
      errorMessage: problem.message.slice(0, limits.recordedMessageCharacters),
    }),
    requestParameters: event.parameters ?? null,
    responseElements: problem ? null : (event.elements ?? null),
    additionalEventData: {
      door: event.door,
      authorization: asked.map(askedInRecord),
      conditions: {
        "aws:securetransport": [String(facts.isSecure)],
        ...(facts.referer !== undefined && {
          "aws:referer": [facts.referer.slice(0, limits.userAgentCharacters)],
        }),
      },
      ...(session && { session }),
    },
    readOnly: event.isRead,
    ...(resources.length > 0 && { resources }),
    eventType: "AwsApiCall",
    managementEvent: true,
    recipientAccountId: accountId,
    eventCategory: "Management",
  };
}

/** CloudTrail has one code for what policies refuse, whatever the service answers. */
function codeOf({ errorCode }: Noted, { fault }: Fault): string {
  return fault === "AccessDenied" ? "AccessDenied" : (errorCode ?? awsErrors[fault].name);
}

function askedInRecord({ action, resource, ownerAccountId, isAllowed, keys }: AskedRight): AskedInRecord {
  return {
    action,
    resource,
    ownerAccountId,
    allowed: isAllowed,
    ...(keys && keys.size > 0 && { conditions: Object.fromEntries(keys) }),
  };
}

type InRecord = NonNullable<TrailRecord["resources"]>[number];

function resourcesOf(asked: readonly AskedRight[], about: Noted["about"]): readonly InRecord[] {
  const resources: InRecord[] = [];
  const add = (arn: string, accountId: string) => {
    if (!arn.startsWith("arn:") || arn.endsWith("/*") || resources.some(({ ARN }) => ARN === arn)) return;
    const type = typeOf(arn);
    resources.push({ ARN: arn, accountId, ...(type !== undefined && { type }) });
  };
  for (const { resource, ownerAccountId } of asked) add(resource, ownerAccountId);
  if (about) add(about.arn, about.accountId);
  return resources;
}

/** CloudFormation's names, which CloudTrail uses. */
const resourceTypes: Readonly<Record<string, string>> = {
  "ecr:repository": "AWS::ECR::Repository",
  "iam:user": "AWS::IAM::User",
  "iam:group": "AWS::IAM::Group",
  "iam:role": "AWS::IAM::Role",
  "iam:policy": "AWS::IAM::Policy",
  "iam:oidc-provider": "AWS::IAM::OIDCProvider",
  "organizations:account": "AWS::Organizations::Account",
  "organizations:policy": "AWS::Organizations::Policy",
};

function typeOf(arn: string): string | undefined {
  const [, , service = "", , , rest = ""] = arn.split(":", 6);
  return resourceTypes[`${service}:${rest.split("/", 1)[0]}`];
}
