/** Small images, pushed one after the other: what an answer that is durable costs. */
import { pushParts, putManifest } from "./client.ts";
import type { Registry } from "./registries.ts";
import { median, type Results } from "./table.ts";

const repository = "bench/images";

/** An image is a config and one layer of 4 KiB each and a manifest: five requests on one connection. */
export async function measureImages(
  registries: readonly Registry[],
  images: number,
  results: Results,
): Promise<void> {
  const times = new Map(registries.map((registry) => [registry, [] as number[]]));
  for (const registry of registries) await registry.createRepository(repository);
  for (let made = 0; made < images; made++) {
    for (const [registry, taken] of times) {
      const startedAt = performance.now();
      const parts = await pushParts(registry, repository, 1);
      await putManifest(registry, { ...parts, repository, tag: `v${made}` });
      taken.push(performance.now() - startedAt);
    }
  }
  for (const [{ program }, taken] of times)
    results.add({ label: "push a small image, p50", unit: "ms", better: "less" }, program, median(taken));
}
