/** Large layers: how fast they go in and out, what that costs the server, and what memory two at once take. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { type LayerFile, pullBlob, pushFile } from "./client.ts";
import { cpuSeconds, peakBytes, resetPeak } from "./processes.ts";
import type { Registry } from "./registries.ts";
import type { Measure, Results } from "./table.ts";

const GiB = 1024 ** 3;
const MB = 1e6;
const MiB = 1024 ** 2;
const markBytes = 16;
const repository = "bench/layers";

const speed = (label: string): Measure => ({ label, unit: "MB/s", better: "more" });
const cost = (label: string): Measure => ({ label: `${label}, server`, unit: "CPU-s/GiB", better: "less" });
const peak = (label: string): Measure => ({ label: `${label}, peak memory`, unit: "MiB", better: "less" });

/** Two files of random bytes, made once. */
export async function makeLayerFiles(folder: string, sizeBytes: number): Promise<LayerFile[]> {
  const layers = [];
  for (const name of ["one", "two"]) {
    const path = join(folder, `${name}.layer`);
    await writeRandom(path, sizeBytes);
    layers.push({ path, digest: "", sizeBytes });
  }
  return layers;
}

/** One round: each step on every registry before the next, so that what disturbs the machine disturbs all. */
export async function measureLayers(
  registries: readonly Registry[],
  files: readonly LayerFile[],
  results: Results,
): Promise<void> {
  for (const registry of registries) await registry.createRepository(repository);
  const pushed = new Map<Registry, LayerFile[]>();
  const [first] = files;
  if (!first) return;
  for (const registry of registries) {
    const layer = await renewed(first);
    pushed.set(registry, [layer]);
    await measured(registry, [layer], "push one layer", results, pushFile);
  }
  for (const registry of registries)
    await measured(registry, pushed.get(registry) ?? [], "pull one layer", results, pullBlob);
  for (const registry of registries) {
    const layers = await Promise.all(files.map(renewed));
    pushed.set(registry, layers);
    await measured(registry, layers, "push two at once", results, pushFile);
  }
  for (const registry of registries)
    await measured(registry, pushed.get(registry) ?? [], "pull two at once", results, pullBlob);
}

async function measured(
  registry: Registry,
  layers: readonly LayerFile[],
  label: string,
  results: Results,
  transfer: (registry: Registry, repository: string, layer: LayerFile) => Promise<void>,
): Promise<void> {
  const { pid, program } = registry;
  const totalBytes = layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
  await resetPeak(pid);
  const cpuBefore = await cpuSeconds(pid);
  const startedAt = performance.now();
  await Promise.all(layers.map((layer) => transfer(registry, repository, layer)));
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = (await cpuSeconds(pid)) - cpuBefore;
  results.add(speed(label), program, totalBytes / MB / seconds);
  results.add(cost(label), program, cpu / (totalBytes / GiB));
  results.add(peak(label), program, (await peakBytes(pid)) / MiB);
}

/** The same file with other bytes at its beginning, so that no registry has seen it. */
async function renewed(layer: LayerFile): Promise<LayerFile> {
  const file = await open(layer.path, "r+");
  try {
    await file.write(crypto.getRandomValues(new Uint8Array(markBytes)), 0, markBytes, 0);
  } finally {
    await file.close();
  }
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(layer.path).stream()) hasher.update(chunk);
  return { ...layer, digest: `sha256:${hasher.digest("hex")}` };
}

async function writeRandom(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, "wx");
  try {
    const piece = new Uint8Array(64 * 1024);
    const block = new Uint8Array(piece.length * 64);
    for (let written = 0; written < sizeBytes; written += block.length) {
      for (let at = 0; at < block.length; at += piece.length) block.set(crypto.getRandomValues(piece), at);
      await file.write(block, 0, Math.min(block.length, sizeBytes - written));
    }
  } finally {
    await file.close();
  }
}
