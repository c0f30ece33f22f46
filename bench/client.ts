/** The client's side, the same for both registries: HTTP for what is small, curl for layers. */
import { createHash } from "node:crypto";
import { run } from "./processes.ts";
import type { Registry } from "./registries.ts";

type Descriptor = { mediaType: string; digest: string; size: number };

export type ImageParts = { config: Descriptor; layers: readonly Descriptor[] };

/** A layer that lies in a file. */
export type LayerFile = { path: string; digest: string; sizeBytes: number };

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const configType = "application/vnd.oci.image.config.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";

/** What containerd sends. */
export const accept = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  manifestType,
  "application/vnd.oci.image.index.v1+json",
  "*/*",
].join(", ");

/** POST, one PATCH by curl, PUT: as docker pushes a layer. */
export async function pushFile(registry: Registry, repository: string, layer: LayerFile): Promise<void> {
  const location = await beginUpload(registry, repository);
  const answer = await run([
    "curl",
    ...curlOptions(registry),
    ...["-X", "PATCH", "-T", layer.path, "-o", "/dev/null", "-w", "%header{location}"],
    // The body goes at once: a question before it would measure a pause of curl's.
    ...["-H", "Expect:", "-H", "Content-Type: application/octet-stream"],
    location,
  ]);
  await finishUpload(registry, new URL(answer, registry.url).href, layer.digest);
}

/** Downloads a blob and throws it away. */
export async function pullBlob(registry: Registry, repository: string, layer: LayerFile): Promise<void> {
  const received = await run([
    "curl",
    ...curlOptions(registry),
    ...["-L", "-o", "/dev/null", "-w", "%{size_download}"],
    `${registry.url}/v2/${repository}/blobs/${layer.digest}`,
  ]);
  if (Number(received) !== layer.sizeBytes)
    throw new Error(`Received ${received} of ${layer.sizeBytes} bytes`);
}

/** What small images are made of: a config and some layers of 4 KiB each, never seen before, two requests each. */
export async function pushParts(registry: Registry, repository: string, layers: number): Promise<ImageParts> {
  const config = await pushBytes(registry, repository, configType);
  const pushed = [];
  for (let made = 0; made < layers; made++) pushed.push(await pushBytes(registry, repository, layerType));
  return { config, layers: pushed };
}

/** The last request of a push. Two tags never mean the same image: the manifest says which it is. */
export async function putManifest(
  registry: Registry,
  image: ImageParts & { repository: string; tag: string },
): Promise<void> {
  const { config, layers, repository, tag } = image;
  await send(registry, `${registry.url}/v2/${repository}/manifests/${tag}`, {
    method: "PUT",
    headers: { "content-type": manifestType },
    body: JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config,
      layers,
      annotations: { "org.opencontainers.image.version": tag },
    }),
  });
}

async function pushBytes(registry: Registry, repository: string, mediaType: string): Promise<Descriptor> {
  const bytes = crypto.getRandomValues(new Uint8Array(4096));
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  await finishUpload(registry, await beginUpload(registry, repository), digest, bytes);
  return { mediaType, digest, size: bytes.length };
}

async function beginUpload(registry: Registry, repository: string): Promise<string> {
  const response = await send(registry, `${registry.url}/v2/${repository}/blobs/uploads/`, {
    method: "POST",
  });
  return new URL(response.headers.get("location") ?? "", registry.url).href;
}

async function finishUpload(
  registry: Registry,
  location: string,
  digest: string,
  body?: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const url = new URL(location);
  url.searchParams.set("digest", digest);
  await send(registry, url.href, {
    method: "PUT",
    headers: { "content-type": "application/octet-stream" },
    ...(body && { body }),
  });
}

async function send(
  registry: Registry,
  url: string,
  init: {
    method: string;
    headers?: Readonly<Record<string, string>>;
    body?: string | Uint8Array<ArrayBuffer>;
  },
): Promise<Response> {
  const response = await fetch(url, { ...init, headers: { ...registry.headers, ...init.headers } });
  const text = await response.text();
  if (!response.ok)
    throw new Error(`${registry.program.name}: ${init.method} ${url} → ${response.status} ${text}`);
  return response;
}

function curlOptions(registry: Registry): string[] {
  const headers = Object.entries(registry.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  return ["-sS", "--fail", ...headers];
}
