/** WhoCan: everybody who has a right on what the caller's account owns. */
import { whoCan } from "../../../access/decisions/who-can.ts";
import { fault } from "../../../lib/faults.ts";
import type { LadingOperations } from "../contract/lading-operations.ts";
import { anyResource, type Offered } from "../operation.ts";
import { actionIn, ownerIn } from "./asked.ts";

export const whoCanOperations: Offered<LadingOperations> = {
  WhoCan: {
    actions: () => ["lading:WhoCan"],
    resources: (call) => anyResource(call),
    run: async (call, { action, resource, nextToken }) => {
      const ownerAccountId = ownerIn(resource) ?? call.accountId;
      if (ownerAccountId !== call.accountId) {
        throw fault("AccessDenied", {
          sentence: `${resource} belongs to account ${ownerAccountId}, and only that account can ask who has rights on it`,
        });
      }
      if (nextToken !== undefined && !/^(?:user|role) [\w+=,.@-]*$/.test(nextToken)) {
        throw fault("InvalidParameter", { at: "nextToken", reason: "It is none that this operation gave" });
      }
      const asked = {
        action: actionIn(action),
        resource,
        ownerAccountId,
        at: call.clock.now(),
        region: call.region,
      };
      const { rights, next } = await whoCan(call, { ...asked, after: nextToken });
      return {
        rights: rights.map(({ isCrossAccount, isPublic, through, conditions, ...right }) => ({
          ...right,
          crossAccount: isCrossAccount,
          public: isPublic,
          through: [...through],
          conditions: [...conditions],
        })),
        ...(next !== undefined && { nextToken: next }),
      };
    },
  },
};
