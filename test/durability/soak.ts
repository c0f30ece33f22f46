/**
 * Kills a server again and again while clients push to it, and checks after each restart that every answer of success
 * is still true. `bun test/durability/soak.ts --kills 200 --seed 1` does it for long.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { filesUnder, makeRandom, type Random, runToEnd, scratch } from "../support/durability.ts";
import { connect } from "../support/oci.ts";
import { start, type TestServer } from "../support/server.ts";
import { type Counts, makePushingClient, type PushingClient } from "./pushing.ts";

const clientCount = 4;
const sharedRepository = "shared";
/** A data folder that has seen so many is left for a new one, so that checking all of it stays quick. */
const killsPerFolder = 20;
const longestRoundMs = 700;

export type SoakOptions = {
  kills: number;
  seed: number;
  /** Hears of each round. */
  say?: (line: string) => void;
};

export type SoakReport = Counts & {
  kills: number;
  /** Blobs that a kill left without a row; each was taken over when its push was repeated. */
  orphans: number;
  /** The longest time from the start of the process to its first line. */
  slowestStartMs: number;
};

type ScrubReport = {
  verified: number;
  missing: string[];
  damaged: string[];
  orphans: string[];
  uploads: number;
};

/** Rejects at the first answer that was not kept. */
export async function soak({ kills, seed, say = () => {} }: SoakOptions): Promise<SoakReport> {
  const report: SoakReport = {
    kills: 0,
    answered: 0,
    interrupted: 0,
    resumed: 0,
    verified: 0,
    orphans: 0,
    slowestStartMs: 0,
  };
  for (let from = 0; from < kills; from += killsPerFolder) {
    await oneFolder({ kills: Math.min(killsPerFolder, kills - from), seed: seed + from, report, say });
  }
  return report;
}

async function oneFolder(options: {
  kills: number;
  seed: number;
  report: SoakReport;
  say: (line: string) => void;
}): Promise<void> {
  const { kills, seed, report, say } = options;
  const random = makeRandom(seed);
  await using folder = await scratch("soak");
  const data = join(folder.path, "data");
  let isKilled = false;
  let server = await timedStart(data, report);
  try {
    const clients = await makeClients({ random, server: () => server, isKilled: () => isKilled });
    for (let round = 1; round <= kills; round += 1) {
      isKilled = false;
      const working = Promise.all(clients.map((client) => client.work()));
      // A client that finds a fault ends the round at once.
      const waited = await Promise.race([Bun.sleep(waitMs(random)), working]);
      if (waited !== undefined) throw new Error("The clients ended before the server was killed");
      isKilled = true;
      await server.kill();
      await working;
      report.kills += 1;

      const after = await scrubbed(data);
      if (after.orphans.length > clientCount)
        throw new Error(`One kill left ${after.orphans.length} orphans of ${clientCount} clients`);
      report.orphans += after.orphans.length;

      server = await timedStart(data, report);
      await Promise.all(clients.map((client) => client.repeat()));
      await Promise.all(clients.map((client) => client.verify(round === kills ? "all" : "recent")));
      const settled = await scrubbed(data);
      if (settled.orphans.length > 0)
        throw new Error(`After all was repeated there are orphans: ${settled.orphans}`);
      say(
        `kill ${report.kills}: ${after.verified} blobs, ${after.orphans.length} orphans, ${after.uploads} uploads`,
      );
    }
    for (const counts of clients.map((client) => client.counts())) {
      for (const name of ["answered", "interrupted", "resumed", "verified"] as const)
        report[name] += counts[name];
    }
  } catch (error) {
    throw new Error(
      `With seed ${seed}, kill ${report.kills}: ${error instanceof Error ? error.stack : error}\n${server.output()}`,
    );
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

/** Mostly in the middle of the work, now and then at its very beginning. */
function waitMs(random: Random): number {
  return random.next() < 0.2 ? random.between(0, 30) : random.between(30, longestRoundMs);
}

async function makeClients(options: {
  random: Random;
  server: () => TestServer;
  isKilled: () => boolean;
}): Promise<PushingClient[]> {
  const registry = connect(options.server);
  await registry.createRepository(sharedRepository);
  const names = Array.from({ length: clientCount }, (_, index) => `client${index}`);
  for (const name of names) {
    for (const own of ["a", "b"]) await registry.createRepository(`${name}/${own}`);
  }
  return names.map((name) =>
    makePushingClient({
      ...options,
      name,
      random: makeRandom(options.random.between(1, 1e9)),
      sharedRepository,
      foreign: names.filter((other) => other !== name).map((other) => `${other}/a`),
    }),
  );
}

async function timedStart(data: string, report: SoakReport): Promise<TestServer> {
  const startedAt = performance.now();
  const server = await start({ data });
  report.slowestStartMs = Math.max(report.slowestStartMs, Math.round(performance.now() - startedAt));
  return server;
}

/** What `lading scrub` says of the folder, held to what is in it. Rejects when something is missing or damaged. */
async function scrubbed(data: string): Promise<ScrubReport> {
  const { code, output, stdout } = await runToEnd(["scrub", "--data", data]);
  if (code !== 0) throw new Error(`lading scrub ended with ${code}: ${output}`);
  const report = JSON.parse(stdout) as ScrubReport;
  if (report.missing.length > 0 || report.damaged.length > 0) throw new Error(`lading scrub says: ${stdout}`);
  const stored = (await filesUnder(join(data, "blobs"))).map(digestOfPath);
  const strangers = report.orphans.filter((digest) => !stored.includes(digest));
  if (strangers.length > 0) throw new Error(`lading scrub lists orphans that are not stored: ${strangers}`);
  if (stored.length !== report.verified + report.orphans.length) {
    throw new Error(`${stored.length} blobs are stored; lading scrub says: ${stdout}`);
  }
  const uploads = await filesUnder(join(data, "uploads"));
  if (uploads.length !== report.uploads)
    throw new Error(`${uploads.length} uploads are stored; scrub says: ${stdout}`);
  return report;
}

/** `ALGORITHM/XX/HEX` */
function digestOfPath(path: string): string {
  const [algorithm, , hex] = path.split("/");
  return `${algorithm}:${hex}`;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { kills: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
  });
  const startedAt = performance.now();
  const report = await soak({ kills: Number(values.kills), seed: Number(values.seed), say: console.log });
  console.log(JSON.stringify({ ...report, seconds: Math.round((performance.now() - startedAt) / 1000) }));
}
