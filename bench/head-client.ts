/**
 * `bun head-client.ts URL SECONDS CONNECTIONS HEADERS`: HEAD requests as fast as answers come, one at a time on each
 * connection; prints a {@link RequestFigures} in JSON. wrk cannot do it: it waits for the body that a HEAD's
 * Content-Length speaks of.
 */
import type { RequestFigures } from "./manifests.ts";

const [url = "", seconds = "", connections = "", headers = "{}"] = process.argv.slice(2);
const { hostname, port, pathname, host } = new URL(url);
const headerLines = Object.entries(JSON.parse(headers) as Record<string, string>).map(
  ([name, value]) => `${name}: ${value}\r\n`,
);
const request = Buffer.from(`HEAD ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${headerLines.join("")}\r\n`);
const success = Buffer.from("HTTP/1.1 200");
const end = Buffer.from("\r\n\r\n");

const latencies: number[] = [];
let failures = 0;
const startedAt = performance.now();
const stopAt = startedAt + Number(seconds) * 1000;

type State = { sentAt: number; received: Buffer; done: () => void };

const finished = Array.from({ length: Number(connections) }, async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = await Bun.connect<State>({
    hostname,
    port: Number(port),
    data: { sentAt: performance.now(), received: Buffer.alloc(0), done: resolve },
    socket: {
      data: (socket, chunk) => {
        const state = socket.data;
        const answer = state.received.length === 0 ? chunk : Buffer.concat([state.received, chunk]);
        if (!answer.subarray(-end.length).equals(end)) {
          state.received = answer;
          return;
        }
        const now = performance.now();
        latencies.push(now - state.sentAt);
        if (!answer.subarray(0, success.length).equals(success)) failures += 1;
        if (now >= stopAt) {
          socket.end();
          return;
        }
        state.received = Buffer.alloc(0);
        state.sentAt = now;
        socket.write(request);
      },
      close: (socket) => socket.data.done(),
    },
  });
  socket.data.sentAt = performance.now();
  socket.write(request);
  await promise;
});
await Promise.all(finished);

const elapsedSeconds = (performance.now() - startedAt) / 1000;
const sorted = Float64Array.from(latencies).sort();
const percentile = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
const figures: RequestFigures = {
  requests: latencies.length,
  perSecond: latencies.length / elapsedSeconds,
  p50Ms: percentile(0.5),
  p99Ms: percentile(0.99),
  failures,
};
console.log(JSON.stringify(figures));
