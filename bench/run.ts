/**
 * `npm run bench`: Lading beside Debian's docker-registry on the same disk, in rounds in which each takes its turn, and
 * a table of medians. docs/benchmark.md says how to read it.
 */
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { find } from "../test/support/packages.ts";
import { measureEnforcing } from "./enforcing.ts";
import { measureImages } from "./images.ts";
import { makeLayerFiles, measureLayers } from "./layers.ts";
import { measureManifests, prepareManifests } from "./manifests.ts";
import { type Options, readOptions } from "./options.ts";
import { run } from "./processes.ts";
import { dockerRegistry, killAll, lading, type Program, type Registry } from "./registries.ts";
import { measureStarts } from "./starts.ts";
import { makeResults, type Results } from "./table.ts";

const needed = ["curl", "docker-registry", "wrk"] as const;

const options = readOptions(process.argv.slice(2));
const missing = needed.filter((program) => find(program) === undefined);
if (missing.length > 0) {
  console.error(`Install the Debian packages ${missing.join(", ")} first.`);
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), "lading-bench-"));
process.once("SIGINT", () => {
  killAll();
  rmSync(folder, { recursive: true, force: true });
  process.exit(130);
});
const results = makeResults();
/** The same program twice: what deciding costs it. */
const enforcing = makeResults();
const decided: Program = { ...lading, name: "user, 5 policies" };
const asRoot: Program = { ...lading, name: "root" };
console.log(await machine());
try {
  await measure(folder, options, results);
} finally {
  await rm(folder, { recursive: true, force: true });
}
if (options.only.size > 1 || !options.only.has("policies"))
  console.log(`\n${results.table(lading, dockerRegistry)}`);
if (options.only.has("policies")) console.log(`\n${enforcing.table(decided, asRoot)}`);

async function measure(folder: string, options: Options, results: Results): Promise<void> {
  const { only, rounds } = options;
  if (only.has("layers")) {
    const files = await makeLayerFiles(folder, options.sizeBytes);
    for (let round = 1; round <= rounds; round++) {
      say(`layers, round ${round}`);
      await withBoth(folder, (registries) => measureLayers(registries, files, results));
    }
  }
  if (only.has("manifests")) {
    await withBoth(folder, async (registries) => {
      for (const registry of registries) await prepareManifests(registry, options.imagesInRepository);
      for (let round = 1; round <= rounds; round++) {
        say(`manifests, round ${round}`);
        await measureManifests(registries, options.requestSeconds, results);
      }
    });
  }
  if (only.has("images")) {
    say("small images");
    await withBoth(folder, (registries) => measureImages(registries, options.smallImages, results));
  }
  if (only.has("policies")) {
    say("policies");
    await withOurs(folder, (server) =>
      measureEnforcing(server, options, { results: enforcing, decided, asRoot }),
    );
  }
  if (only.has("starts")) {
    say("starts");
    await measureStarts(folder, options, results);
  }
}

/** Both registries on new folders, which are gone afterwards: a round leaves the next one the disk as it was. */
async function withBoth(folder: string, body: (registries: Registry[]) => Promise<void>): Promise<void> {
  const data = join(folder, "data");
  await mkdir(data);
  try {
    await using ours = await startIn(data, lading);
    await using theirs = await startIn(data, dockerRegistry);
    await body([ours, theirs]);
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

async function withOurs(folder: string, body: (server: Registry) => Promise<void>): Promise<void> {
  const data = join(folder, "data");
  await mkdir(data);
  try {
    await using server = await startIn(data, lading);
    await body(server);
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

async function startIn(folder: string, program: Program): Promise<Registry> {
  const running = await program.start(join(folder, program.name));
  try {
    return await program.connect(running);
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
}

/** Numbers mean nothing without the machine. */
async function machine(): Promise<string> {
  const processors = cpus();
  const version = (await run(["docker-registry", "--version"])).trim().split(" ").at(-1);
  const load = loadavg()[0]?.toFixed(1);
  return `${processors.length} × ${processors[0]?.model}, Linux ${release()}, Bun ${Bun.version}, docker-registry ${version}, load ${load} before`;
}

function say(text: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);
}
