/** CloudTrail's LookupEvents: the audit of the caller's account. */

import { type Fault, fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import { timeOfEvent } from "../../store/trail-format.ts";
import type { TrailRecord } from "../../store/trail-record.ts";
import type { Call } from "../call.ts";
import type { CloudTrailOperationName, CloudTrailOperations } from "./contract/kept-operations.ts";
import { anyResource, type Row } from "./operation.ts";

type LookupEvents = CloudTrailOperations["LookupEvents"];
type Input = LookupEvents["input"];
type Event = NonNullable<LookupEvents["output"]["Events"]>[number];
type Attribute = { key: string; value: string };

const dayMs = 24 * 60 * 60 * 1000;
const tokenPurpose = "lookup events";

export const cloudtrailOperations: {
  readonly [Name in CloudTrailOperationName]: Row<
    CloudTrailOperations[Name]["input"],
    CloudTrailOperations[Name]["output"]
  >;
} = {
  LookupEvents: {
    actions: () => ["cloudtrail:LookupEvents"],
    resources: (call) => anyResource(call),
    run: lookupEvents,
  },
};

/** What CloudTrail has names of its own for, where the framework's sentence would do. */
export function cloudtrailFault(problem: Fault): Fault {
  if (problem.fault !== "ConstraintsFailed") return problem;
  if (problem.message.includes("'maxResults'")) return fault("InvalidMaxResults");
  return problem.message.includes("'lookupAttributes")
    ? fault("InvalidLookupAttributes", { reason: problem.message })
    : problem;
}

/**
 * CloudTrail API, LookupEvents: newest first, of the last 90 days. A page can be empty and yet have a NextToken: one call
 * looks through a bounded part of the audit.
 */
async function lookupEvents(call: Call, input: Input): Promise<LookupEvents["output"]> {
  const attribute = attributeIn(input);
  const now = call.clock.now();
  const oldest = now - limits.lookupDays * dayMs;
  const since = Math.max(input.StartTime?.getTime() ?? oldest, oldest);
  const until = input.EndTime === undefined ? now : input.EndTime.getTime();
  if (input.StartTime !== undefined && input.EndTime !== undefined && input.StartTime > input.EndTime)
    throw fault("InvalidTimeRange");
  // Insights are nothing that this registry makes.
  if (input.EventCategory !== undefined) return { Events: [] };
  const before = input.NextToken === undefined ? undefined : placeIn(call, input, input.NextToken);
  const id = attribute?.key === "EventId" ? timeOfEvent(attribute.value) : undefined;
  const { records, next } = await call.trail.search({
    accountId: call.accountId,
    // Times of the API are whole seconds, and the second that ends the range belongs to it.
    since: Math.max(since, id ?? 0),
    until: Math.min(until + 999, id ?? Number.MAX_SAFE_INTEGER),
    limit: input.MaxResults ?? limits.lookupPageSize,
    before,
    contains: attribute && textOf(attribute),
    matches: (record) => attribute === undefined || hasAttribute(seenBy(record, call.accountId), attribute),
  });
  return {
    Events: records.map(({ record }) => eventOf(seenBy(record, call.accountId))),
    ...(next !== undefined && { NextToken: `${next}.${signature(call, input, next)}` }),
  };
}

/** CloudTrail API, LookupAttributes: "Currently the list can contain only one item." Throws InvalidLookupAttributes. */
function attributeIn({ LookupAttributes = [] }: Input): Attribute | undefined {
  if (LookupAttributes.length > 1)
    throw fault("InvalidLookupAttributes", { reason: "You can only specify one lookup attribute at a time" });
  const [attribute] = LookupAttributes;
  if (!attribute) return undefined;
  const { AttributeKey: key = "", AttributeValue: value = "" } = attribute;
  if (key === "ReadOnly" && value !== "true" && value !== "false")
    throw fault("InvalidLookupAttributes", { reason: `ReadOnly is 'true' or 'false', not '${echo(value)}'` });
  return { key, value };
}

/** A token goes on with the query that it came from, and with no other. Throws InvalidNextToken. */
function placeIn(call: Call, input: Input, token: string): number {
  const [place = "", signed = ""] = token.split(".");
  if (
    !/^\d{1,15}$/.test(place) ||
    !call.secrets.isSigned(tokenPurpose, signedText(call, input, Number(place)), signed)
  )
    throw fault("InvalidNextToken");
  return Number(place);
}

function signature(call: Call, input: Input, place: number): string {
  return call.secrets.sign(tokenPurpose, signedText(call, input, place));
}

function signedText({ accountId }: Call, input: Input, place: number): string {
  const { LookupAttributes, StartTime, EndTime } = input;
  return JSON.stringify([accountId, place, LookupAttributes ?? [], StartTime ?? null, EndTime ?? null]);
}

/** A text in the frame of every record that has the attribute; undefined when there is none. */
function textOf({ key, value }: Attribute): string | undefined {
  switch (key) {
    case "EventName":
      return `"eventName":${JSON.stringify(value)}`;
    case "ReadOnly":
      return `"readOnly":${value}`;
    case "Username":
    case "EventId":
      return undefined;
    default:
      return JSON.stringify(value).slice(1, -1);
  }
}

function hasAttribute(record: TrailRecord, { key, value }: Attribute): boolean {
  switch (key) {
    case "EventId":
      return record.eventID === value;
    case "EventName":
      return record.eventName === value;
    case "ReadOnly":
      return String(record.readOnly) === value;
    case "Username":
      return userNameOf(record) === value;
    case "EventSource":
      return record.eventSource === value;
    case "AccessKeyId":
      return record.userIdentity.accessKeyId === value;
    case "ResourceType":
      return (record.resources ?? []).some(({ type }) => type === value);
    default:
      return (record.resources ?? []).some(({ ARN }) => ARN === value || nameIn(ARN) === value);
  }
}

/** `team/app` of `arn:aws:ecr:…:repository/team/app`. */
function nameIn(arn: string): string {
  return arn.slice(arn.indexOf("/") + 1);
}

function eventOf(record: TrailRecord): Event {
  const { eventID, eventName, readOnly, eventTime, eventSource, userIdentity, resources = [] } = record;
  return {
    EventId: eventID,
    EventName: eventName,
    ReadOnly: String(readOnly),
    AccessKeyId: userIdentity.accessKeyId,
    EventTime: new Date(eventTime),
    EventSource: eventSource,
    Username: userNameOf(record),
    Resources: resources.map(({ ARN, type }) => ({ ResourceType: type, ResourceName: ARN })),
    CloudTrailEvent: JSON.stringify(record),
  };
}

/** The name that the console shows: of the user, of the session, or `root`. */
function userNameOf({ userIdentity }: TrailRecord): string | undefined {
  const { type, userName, principalId = "" } = userIdentity;
  if (type === "Root") return "root";
  if (type !== "AssumedRole" && type !== "FederatedUser") return userName;
  return principalId.slice(principalId.indexOf(":") + 1);
}

/**
 * Of a caller from elsewhere the owner of a resource learns the account and the unique id. CloudTrail user guide,
 * "userIdentity element", AWSAccount.
 */
function seenBy(record: TrailRecord, accountId: string): TrailRecord {
  const { principalId, accountId: callersAccount } = record.userIdentity;
  if (callersAccount === undefined || callersAccount === accountId) return record;
  const { session, authorization, ...rest } = record.additionalEventData;
  return {
    ...record,
    userIdentity: {
      type: "AWSAccount",
      ...(principalId !== undefined && { principalId }),
      accountId: callersAccount,
    },
    additionalEventData: {
      ...rest,
      authorization: authorization.filter(({ ownerAccountId }) => ownerAccountId === accountId),
    },
  };
}
