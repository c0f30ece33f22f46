/** Which door a request goes to. One listener serves every account, region and service. */
import type { BasicAuthenticator } from "../access/credentials/basic.ts";
import { fault } from "../lib/faults.ts";
import { echo } from "../lib/text.ts";
import type { Services } from "../registry/context.ts";
import type { AddressSettings } from "./addresses.ts";
import type { AwsDoor } from "./aws/door.ts";
import type { Incoming } from "./call.ts";
import { asFault, ociErrors } from "./errors.ts";
import type { OciDoor } from "./oci/door.ts";
import { downloadPath, serveDownload } from "./web/downloads.ts";
import { type Health, serveHealth } from "./web/health.ts";
import { serveWhoAmI, whoAmIPath } from "./web/whoami.ts";

export type Doors = (incoming: Incoming) => Promise<Response>;

export function makeDoors(
  services: Services,
  doors: {
    oci: OciDoor;
    aws: AwsDoor;
    health: Health;
    settings: AddressSettings;
    authenticate: BasicAuthenticator;
  },
): Doors {
  return async (incoming) => {
    const { path, method } = incoming;
    if (path.startsWith("/v2/")) return doors.oci(incoming);
    if (path === "/v2") return doors.oci({ ...incoming, path: "/v2/" });
    const isAws = path === "/" && (method === "POST" || incoming.query.includes("X-Amz-Algorithm"));
    if (isAws) return doors.aws(incoming);
    try {
      const isRead = method === "GET" || method === "HEAD";
      if (isRead && path.startsWith(downloadPath))
        return await serveDownload(services, doors.settings, incoming);
      if (isRead && path === whoAmIPath) return await serveWhoAmI(services, doors, incoming);
      if (isRead && (path === "/healthz" || path === "/readyz")) return await serveHealth(path, doors.health);
      throw fault("RouteNotFound", { method, path: echo(path) });
    } catch (error) {
      const problem = asFault(error, services.log, incoming.requestId);
      return new Response(`${problem.message}\n`, {
        status: ociErrors[problem.fault].status,
        headers: {
          "content-type": "text/plain; charset=utf-8",
          ...(problem.fault === "RangeNotSatisfiable" && {
            "content-range": `bytes */${problem.members.sizeBytes}`,
          }),
        },
      });
    }
  };
}
