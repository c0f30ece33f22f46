/** The listener: Bun's HTTP server, and how it stops. */
import type { AddressRange } from "../access/policy/values.ts";
import { fault } from "../lib/faults.ts";
import { limits } from "../lib/limits.ts";
import type { Services } from "../registry/context.ts";
import { isHost } from "./addresses.ts";
import type { Incoming } from "./call.ts";
import type { Doors } from "./doors.ts";
import { factsOf } from "./facts.ts";

export type ListenSettings = {
  hostname: string;
  port: number;
  /** PEM. */
  tls: { cert: string; key: string } | undefined;
  /** Proxies whose word about the client's address and scheme is taken. */
  trustedProxies: readonly AddressRange[];
};

export type Listener = {
  port: number;
  /** Takes no new request, gives those under way `limits.drainSeconds` to end, and closes what is left. */
  drain: () => Promise<void>;
};

const drainPollMs = 20;

/** Starts to listen. Throws with code EADDRINUSE and the like when it cannot. */
export function listen(services: Services, settings: ListenSettings, doors: Doors): Listener {
  const { ids, log, clock } = services;
  let isDraining = false;

  const answer = async (request: Request): Promise<Response> => {
    const incoming = incomingOf(request);
    const startedAt = clock.now();
    const response = isDraining ? busy() : hasBadHost(request) ? badHost() : await doors(incoming);
    if (isDraining) response.headers.set("connection", "close");
    response.headers.set("x-request-id", incoming.requestId);
    if (log.isLevelEnabled("info")) {
      const { requestId, method, path } = incoming;
      log.info({ requestId, method, path, status: response.status, ms: clock.now() - startedAt }, "request");
    }
    return response;
  };

  const incomingOf = (request: Request): Incoming => {
    const { url } = request;
    // Bun gives a relative URL to HTTP/1.0 requests without a Host.
    const pathStart = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2);
    const queryStart = url.indexOf("?", pathStart);
    const host = request.headers.get("host") ?? "";
    return {
      request,
      method: request.method,
      path: queryStart < 0 ? url.slice(pathStart) : url.slice(pathStart, queryStart),
      query: queryStart < 0 ? "" : url.slice(queryStart + 1),
      host: isHost(host) ? host : `${settings.hostname}:${server.port}`,
      facts: (region) =>
        factsOf(request, settings, {
          peer: () => server.requestIP(request)?.address,
          at: clock.now(),
          region,
        }),
      // The audit finds a request by the time that its id begins with.
      requestId: ids.timeUuid(clock.now()),
    };
  };

  const server = Bun.serve({
    hostname: settings.hostname.replace(/^\[|\]$/g, ""),
    port: settings.port,
    development: false,
    // Layers have a limit of their own, and the doors bound every other body.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    idleTimeout: limits.idleConnectionSeconds,
    ...(settings.tls && { tls: settings.tls }),
    fetch: answer,
    error: (error) => {
      log.error({ error: error.stack }, "an error left a door");
      return new Response("Internal error\n", { status: 500 });
    },
  });

  return {
    port: server.port ?? settings.port,
    drain: async () => {
      isDraining = true;
      void server.stop();
      const deadline = clock.now() + limits.drainSeconds * 1000;
      while (server.pendingRequests > 0 && clock.now() < deadline) await Bun.sleep(drainPollMs);
      await server.stop(true);
    },
  };
}

/** RFC 9112, 3.2: two Hosts, which arrive joined, or one that is no host. HTTP/1.0 may have none. */
function hasBadHost(request: Request): boolean {
  const host = request.headers.get("host");
  return host !== null && host !== "" && !isHost(host);
}

function badHost(): Response {
  return new Response("The request has more than one Host, or one that is none\n", { status: 400 });
}

function busy(): Response {
  return new Response(`${fault("ShuttingDown").message}\n`, { status: 503, headers: { "retry-after": "1" } });
}
