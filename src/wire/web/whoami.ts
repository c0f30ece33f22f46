/** `GET /whoami`: whom the credentials of a docker client speak for. Ours: docker itself cannot ask. */
import type { BasicAuthenticator } from "../../access/credentials/basic.ts";
import { readToken } from "../../access/credentials/tokens.ts";
import { fault } from "../../lib/faults.ts";
import type { Services } from "../../registry/context.ts";
import { type AddressSettings, addressesFor, registryFor } from "../addresses.ts";
import type { Incoming } from "../call.ts";

export const whoAmIPath = "/whoami";

/** Throws Unauthorized, which says what is wrong with the credentials. */
export async function serveWhoAmI(
  { db, secrets }: Services,
  { authenticate, settings }: { authenticate: BasicAuthenticator; settings: AddressSettings },
  incoming: Incoming,
): Promise<Response> {
  const authorization = incoming.request.headers.get("authorization");
  const authentication = await authenticate(db.read, authorization);
  if (!("caller" in authentication)) {
    const reason = "refused" in authentication ? authentication.refused : authentication.reason;
    throw fault("Unauthorized", { reason });
  }
  const { caller } = authentication;
  if (caller.kind !== "principal") throw fault("Unauthorized", { reason: "No credentials were sent." });
  const password = Buffer.from((authorization ?? "").slice("Basic ".length), "base64")
    .toString()
    .split(":")[1];
  const claims = readToken(secrets, password ?? "");
  const region = claims?.region ?? settings.region;
  const { arn, accountId: account, accessKeyId, session } = caller;
  const ends = [claims?.expiresAt, session?.expiresAt].filter((at) => at !== undefined);
  const registry = registryFor(addressesFor(settings, incoming.host), { accountId: account, region });
  const expiresAt = ends.length > 0 ? Math.floor(Math.min(...ends) / 1000) : undefined;
  return Response.json({ arn, account, accessKeyId, region, registry, expiresAt });
}
