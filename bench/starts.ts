/** How long a start takes, on an empty folder and on one that holds many repositories. */
import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { root } from "../test/support/server.ts";
import { dockerRegistry, lading, type Program, region } from "./registries.ts";
import type { Results } from "./table.ts";

const mediaType = "application/vnd.oci.image.manifest.v1+json";
const tag = "latest";

type Image = { repository: string; digest: string; manifest: string };

export async function measureStarts(
  folder: string,
  counts: { starts: number; repositories: number },
  results: Results,
): Promise<void> {
  const programs = [lading, dockerRegistry];
  for (let round = 0; round < counts.starts; round++)
    for (const program of programs) {
      const data = join(folder, `empty-${program.name}-${round}`);
      await timed(program, data, "start, empty folder", results);
      await rm(data, { recursive: true });
    }

  const images = Array.from({ length: counts.repositories }, (_, at) =>
    imageOf(`team-${at % 100}/service-${at}`),
  );
  const filled = new Map(programs.map((program) => [program, join(folder, `filled-${program.name}`)]));
  await fillLading(filled.get(lading) ?? "", images);
  fillDockerRegistry(filled.get(dockerRegistry) ?? "", images);
  for (let round = 0; round < counts.starts; round++)
    for (const [program, data] of filled)
      await timed(program, data, `start, ${counts.repositories} repositories`, results);
  for (const data of filled.values()) await rm(data, { recursive: true });
}

async function timed(program: Program, data: string, label: string, results: Results): Promise<void> {
  const startedAt = performance.now();
  await using _running = await program.start(data);
  results.add({ label, unit: "ms", better: "less" }, program, performance.now() - startedAt);
}

function imageOf(repository: string): Image {
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, annotations: { repository } });
  return { repository, manifest, digest: `sha256:${createHash("sha256").update(manifest).digest("hex")}` };
}

/** Writes rows and files as pushes would have; through the API it would take minutes. */
async function fillLading(data: string, images: readonly Image[]): Promise<void> {
  // The first start makes the tables.
  await (await lading.start(data))[Symbol.asyncDispose]();
  for (const { digest, manifest } of images) {
    const hex = digest.slice("sha256:".length);
    write(join(data, "blobs", "sha256", hex.slice(0, 2), hex), manifest);
  }
  using db = new Database(join(data, "lading.db"));
  const insert = (table: string, columns: readonly string[]) =>
    db.query(`insert into ${table} (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`);
  const repository = insert("repositories", [
    ...["id", "account_id", "region", "name", "created_at"],
    ...["tag_mutability", "scan_on_push", "encryption_type"],
  ]);
  const blob = insert("blobs", ["digest", "size_bytes", "created_at"]);
  const image = insert("images", [
    ...["repository_id", "digest", "media_type", "manifest_bytes", "image_bytes", "pushed_at", "tagged"],
  ]);
  const tagged = insert("tags", ["repository_id", "name", "image_digest", "updated_at"]);
  const now = Date.now();
  db.transaction(() => {
    for (const [at, { repository: name, digest, manifest }] of images.entries()) {
      repository.run(at + 1, root.accountId, region, name, now, "MUTABLE", 0, "AES256");
      blob.run(digest, manifest.length, now);
      image.run(at + 1, digest, mediaType, manifest.length, manifest.length, now, 1);
      tagged.run(at + 1, tag, digest, now);
    }
  })();
}

/** The layout of its storage: github.com/distribution/distribution, registry/storage/paths.go. */
function fillDockerRegistry(data: string, images: readonly Image[]): void {
  const top = join(data, "docker", "registry", "v2");
  for (const { repository, digest, manifest } of images) {
    const hex = digest.slice("sha256:".length);
    const manifests = join(top, "repositories", repository, "_manifests");
    write(join(top, "blobs", "sha256", hex.slice(0, 2), hex, "data"), manifest);
    for (const link of [
      join(manifests, "revisions", "sha256", hex, "link"),
      join(manifests, "tags", tag, "current", "link"),
      join(manifests, "tags", tag, "index", "sha256", hex, "link"),
    ])
      write(link, digest);
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
