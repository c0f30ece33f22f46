/** What the tests of the audit share: CloudTrail's client, and the records that it finds. */
import { CloudTrail, type Event, type LookupEventsCommandInput } from "@aws-sdk/client-cloudtrail";
import type { Keys } from "./iam.ts";
import type { TestServer } from "./server.ts";

/** A record, as far as the tests look at it. */
export type Found = {
  userIdentity: Record<string, unknown> & { type: string };
  eventTime: string;
  eventSource: string;
  eventName: string;
  awsRegion: string;
  sourceIPAddress: string;
  userAgent: string;
  errorCode?: string;
  errorMessage?: string;
  requestParameters: Record<string, unknown> | null;
  responseElements: Record<string, unknown> | null;
  additionalEventData: {
    door: string;
    authorization: Record<string, unknown>[];
    conditions: Record<string, unknown>;
  };
  requestID: string;
  eventID: string;
  sharedEventID?: string;
  readOnly: boolean;
  resources?: { ARN: string; accountId: string; type: string }[];
  recipientAccountId: string;
} & Record<string, unknown>;

/** The client of somebody, of the root unless told otherwise. It tries once, so the test sees every answer. */
export function cloudtrail(server: TestServer, keys: Keys = server): CloudTrail {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  return new CloudTrail({ endpoint: server.url, region: server.region, credentials, maxAttempts: 1 });
}

/** Every event that a lookup finds on all its pages, newest first. */
export async function lookup(client: CloudTrail, input: LookupEventsCommandInput = {}): Promise<Event[]> {
  const events: Event[] = [];
  for (let token: string | undefined; ; ) {
    const { Events = [], NextToken } = await client.lookupEvents({ ...input, NextToken: token });
    events.push(...Events);
    if (NextToken === undefined) return events;
    token = NextToken;
  }
}

export function recordOf({ CloudTrailEvent }: Event): Found {
  return JSON.parse(CloudTrailEvent ?? "{}") as Found;
}

/** The records about a repository, oldest first. */
export async function recordsAbout(client: CloudTrail, repositoryName: string): Promise<Found[]> {
  const attribute = { AttributeKey: "ResourceName" as const, AttributeValue: repositoryName };
  const events = await lookup(client, { LookupAttributes: [attribute] });
  return events.map(recordOf).reverse();
}
