/** ListDenials: what was refused lately on what the caller's account owns, and to its own principals. */
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import type { TrailRecord } from "../../../store/trail-record.ts";
import type { LadingOperations } from "../contract/lading-operations.ts";
import { anyResource, type Offered } from "../operation.ts";
import { principalIn } from "./recorded.ts";

const dayMs = 24 * 60 * 60 * 1000;

export const denialOperations: Offered<LadingOperations> = {
  ListDenials: {
    actions: () => ["lading:ListDenials"],
    resources: (call) => anyResource(call),
    run: async ({ trail, accountId, clock }, { since, maxResults = limits.defaultPageSize, nextToken }) => {
      const before = nextToken === undefined ? undefined : placeIn(nextToken);
      const from = since?.getTime() ?? clock.now() - dayMs;
      const page = await trail.denialsOf({ accountId, since: from, limit: maxResults, before });
      return {
        denials: page.records.map(({ record }) => denial(record)),
        ...(page.next !== undefined && { nextToken: String(page.next) }),
      };
    },
  },
};

/** Throws InvalidParameter. */
export function placeIn(nextToken: string): number {
  if (/^\d{1,15}$/.test(nextToken)) return Number(nextToken);
  throw fault("InvalidParameter", { at: "nextToken", reason: "It is none that this operation gave" });
}

function denial(record: TrailRecord): LadingOperations["ListDenials"]["output"]["denials"][number] {
  const refused = record.additionalEventData.authorization.find(({ allowed }) => !allowed);
  return {
    at: new Date(record.eventTime),
    requestId: record.requestID,
    principal: principalIn(record, refused?.conditions),
    action: refused?.action ?? record.eventName,
    resource: refused?.resource ?? record.resources?.[0]?.ARN ?? "*",
    reason: record.errorMessage ?? "",
    sourceIp: record.sourceIPAddress,
    userAgent: record.userAgent,
  };
}
