/** What the audit has about a request, as the questions that were asked about it. */
import type { Action } from "../../../access/decisions/authority.ts";
import type { RecordedRight } from "../../../access/decisions/replay.ts";
import { parseRepositoryArn } from "../../../lib/arn.ts";
import { tagsLeadingTo } from "../../../registry/tags.ts";
import type { AskedInRecord, TrailRecord } from "../../../store/trail-record.ts";
import type { Call } from "../../call.ts";

/** A right as it was asked about, and what the answer was. */
export type AnsweredRight = RecordedRight & { wasAllowed: boolean };

/** The rights that the request was asked for; none when it needed none or never came so far. */
export function rightsIn(call: Call, record: TrailRecord): AnsweredRight[] {
  const { userIdentity, sourceIPAddress, userAgent, awsRegion, eventTime, additionalEventData } = record;
  const { authorization, conditions } = additionalEventData;
  const facts = {
    region: awsRegion,
    at: Date.parse(eventTime),
    sourceIp: sourceIPAddress,
    isSecure: conditions["aws:securetransport"]?.[0] === "true",
    userAgent,
    referer: conditions["aws:referer"]?.[0],
  };
  return authorization.map(({ action, resource, ownerAccountId, allowed, conditions: own = {} }) => ({
    principal: principalIn(record, own),
    accessKeyId: userIdentity.accessKeyId,
    // Written by the door that asked.
    action: action as Action,
    resource,
    ownerAccountId,
    facts,
    keys: new Map([...Object.entries(conditions), ...Object.entries(own)]),
    imageTags: imageTagsOf(call, resource, own),
    wasAllowed: allowed,
  }));
}

/** Who asked: with a token of an identity provider that provider, since nobody here is behind it yet. */
export function principalIn(
  { userIdentity }: TrailRecord,
  conditions: NonNullable<AskedInRecord["conditions"]> = {},
): string {
  return conditions["aws:federatedprovider"]?.[0] ?? userIdentity.arn ?? "anonymous";
}

/** An image that was asked for by its digest has the tags of today, unless those that it had were noted. */
function imageTagsOf(
  { db }: Call,
  resource: string,
  conditions: NonNullable<AskedInRecord["conditions"]>,
): RecordedRight["imageTags"] {
  const [digest] = conditions["ecr:imagedigest"] ?? [];
  const repository = parseRepositoryArn(resource);
  if (digest === undefined || repository === undefined || "ecr:imagetag" in conditions) return undefined;
  return () => tagsLeadingTo(db.read, repository, digest);
}
