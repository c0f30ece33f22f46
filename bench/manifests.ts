/** Reading one manifest over and over, by its tag. */
import { join } from "node:path";
import { accept, pushParts, putManifest } from "./client.ts";
import { cpuSeconds, run } from "./processes.ts";
import type { Registry } from "./registries.ts";
import type { Measure, Results } from "./table.ts";

export type RequestFigures = {
  requests: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  failures: number;
};

type Run = { method: "GET" | "HEAD"; connections: number; seconds: number };

export const repository = "bench/manifests";
const tag = "latest";
/** At a time, while the repository is filled. */
const pushesAtOnce = 8;
const layersOfImage = 8;
const warmUpSeconds = 1;
const connectionCounts = [1, 10, 50] as const;

/** The repository has `images` images and as many tags, for nobody's repository has one. */
export async function prepareManifests(registry: Registry, images: number): Promise<void> {
  await registry.createRepository(repository);
  const parts = await pushParts(registry, repository, layersOfImage);
  const tags = [tag, ...Array.from({ length: images - 1 }, (_, at) => `v${at}`)];
  await Promise.all(
    Array.from({ length: pushesAtOnce }, async () => {
      for (let next = tags.pop(); next !== undefined; next = tags.pop())
        await putManifest(registry, { ...parts, repository, tag: next });
    }),
  );
  for (const method of ["GET", "HEAD"] as const)
    await request(registry, { method, connections: 10, seconds: warmUpSeconds });
}

/** One round: every form of request on every registry, one registry after the other. */
export async function measureManifests(
  registries: readonly Registry[],
  seconds: number,
  results: Results,
): Promise<void> {
  for (const method of ["GET", "HEAD"] as const)
    for (const connections of connectionCounts)
      for (const registry of registries)
        await measureRun(registry, { method, connections, seconds }, results);
}

async function measureRun(registry: Registry, wanted: Run, results: Results): Promise<void> {
  const { pid, program } = registry;
  const cpuBefore = await cpuSeconds(pid);
  const figures = await request(registry, wanted);
  const cpuUsed = (await cpuSeconds(pid)) - cpuBefore;
  const label = `${wanted.method} manifest, ${wanted.connections} at a time`;
  const less = (which: string, unit: string): Measure => ({
    label: `${label}, ${which}`,
    unit,
    better: "less",
  });
  results.add({ label, unit: "requests/s", better: "more" }, program, figures.perSecond);
  results.add(less("p50", "ms"), program, figures.p50Ms);
  results.add(less("p99", "ms"), program, figures.p99Ms);
  results.add(less("server", "CPU-µs each"), program, (cpuUsed / figures.requests) * 1e6);
}

async function request(registry: Registry, wanted: Run): Promise<RequestFigures> {
  const url = `${registry.url}/v2/${repository}/manifests/${tag}`;
  const headers = { ...registry.headers, accept };
  const output = await run(
    wanted.method === "GET" ? wrk(url, headers, wanted) : headClient(url, headers, wanted),
  );
  const figures = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as RequestFigures;
  if (figures.failures > 0)
    throw new Error(`${registry.program.name}: ${figures.failures} requests failed\n${output}`);
  return figures;
}

function wrk(
  url: string,
  headers: Readonly<Record<string, string>>,
  { connections, seconds }: Run,
): string[] {
  return [
    ...["wrk", "-t1", `-c${connections}`, `-d${Math.ceil(seconds)}s`],
    ...["-s", join(import.meta.dir, "figures.lua")],
    ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    url,
  ];
}

function headClient(
  url: string,
  headers: Readonly<Record<string, string>>,
  { connections, seconds }: Run,
): string[] {
  const client = join(import.meta.dir, "head-client.ts");
  return [process.execPath, client, url, String(seconds), String(connections), JSON.stringify(headers)];
}
