/** WhoAmI: whom the credentials of the request speak for, how long, and which registry they are at home in. */
import { registryFor } from "../../addresses.ts";
import type { LadingOperations } from "../contract/lading-operations.ts";
import type { Offered } from "../operation.ts";

export const whoAmIOperations: Offered<LadingOperations> = {
  WhoAmI: {
    // As GetCallerIdentity of STS: everybody may know who they are.
    actions: () => [],
    resources: () => [],
    run: async ({ caller, region, addresses }) => {
      if (caller.kind !== "principal") throw new Error("An anonymous caller reached WhoAmI");
      const { arn, accountId, userId, accessKeyId, session } = caller;
      return {
        arn,
        account: accountId,
        userId,
        accessKeyId,
        region,
        registry: registryFor(addresses, { accountId, region }),
        ...(session && { expiresAt: new Date(session.expiresAt) }),
      };
    },
  },
};
