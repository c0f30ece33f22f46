/**
 * Real images, made without any registry, as folders in OCI's image layout (OCI image specification 1.1, "OCI Image
 * Layout"): a small one from busybox, one for two platforms, and one of more than 100 MB from a whole Debian.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { arch, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { exclusively, find } from "../support/packages.ts";
import { makeLargeRoot } from "./root-file-system.ts";

const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;

const created = "2020-01-01T00:00:00Z";
const tag = "image";
/** In the words of the image specification (GOARCH). */
const architecture = arch() === "x64" ? "amd64" : arch();
const applets = ["sh", "cat", "echo", "ls", "mkdir", "sha256sum"] as const;

type Descriptor = { mediaType: string; digest: string; size: number };
type Layer = { descriptor: Descriptor; diffId: string };

/** An image in an image layout, ready to be sent. */
export type Image = {
  /** `oci:FOLDER:TAG`, as skopeo and buildah take it. */
  reference: string;
  /** Of the manifest, or of the index. */
  digest: string;
  /** The manifest's (or the index's) own text. */
  manifest: string;
  /** Digest of the configuration; of an index, that of the manifest for this machine. */
  config: string;
  /** Digests, from the lowest layer up. */
  layers: string[];
  sizeBytes: number;
};

/** Two layers: busybox with some of its names, and a file `/etc/note`. Another note is another image on the same base. */
export async function makeSmallImage(folder: string, note: string): Promise<Image> {
  const layout = await openLayout(folder);
  await layout.tag(
    await addImage(layout, architecture, [await busyboxLayer(layout), await noteLayer(layout, note)]),
  );
  return readImage(folder);
}

/** An index of two images, one for this machine's architecture and one for another. */
export async function makeIndex(folder: string, note: string): Promise<Image & { children: string[] }> {
  const layout = await openLayout(folder);
  const busybox = await busyboxLayer(layout);
  const manifests = [];
  for (const platform of [architecture, architecture === "amd64" ? "arm64" : "amd64"]) {
    const layers = [busybox, await noteLayer(layout, `${note} for ${platform}`)];
    const image = await addImage(layout, platform, layers);
    manifests.push({ ...image, platform: { os: "linux", architecture: platform } });
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
  await layout.tag(await layout.add(mediaTypes.index, JSON.stringify(index)));
  return { ...(await readImage(folder)), children: manifests.map(({ digest }) => digest) };
}

/** More than 100 MB in several layers. It takes half a minute to make, so all tests of this machine share one. */
export async function largeImage(): Promise<Image> {
  const fixtures = join(tmpdir(), `lading-fixtures-${userInfo().uid}`);
  const folder = join(fixtures, "large");
  await exclusively("fixtures", async () => {
    if (await Bun.file(join(folder, "index.json")).exists()) return;
    const making = join(fixtures, "making");
    await rm(making, { recursive: true, force: true });
    const layout = await openLayout(join(making, "layout"));
    const layers = [];
    for (const archive of await makeLargeRoot(join(making, "root")))
      layers.push(await addArchive(layout, archive));
    await layout.tag(await addImage(layout, architecture, layers));
    await rename(layout.folder, folder);
    await rm(making, { recursive: true, force: true });
  });
  return readImage(folder);
}

async function readImage(folder: string): Promise<Image> {
  const blob = async (digest: string) => readFile(join(folder, "blobs", digest.replace(":", "/")), "utf8");
  const { manifests } = JSON.parse(await readFile(join(folder, "index.json"), "utf8"));
  const digest: string = manifests[0].digest;
  const manifest = await blob(digest);
  const parsed = JSON.parse(manifest);
  const image = parsed.manifests === undefined ? parsed : JSON.parse(await blob(parsed.manifests[0].digest));
  const layers: Descriptor[] = image.layers;
  return {
    reference: `oci:${folder}:${tag}`,
    digest,
    manifest,
    config: image.config.digest,
    layers: layers.map((layer) => layer.digest),
    sizeBytes: layers.reduce((sum, { size }) => sum + size, image.config.size),
  };
}

type Layout = {
  folder: string;
  add(mediaType: string, content: string | Uint8Array): Promise<Descriptor>;
  /** Moves a file into the layout. */
  take(mediaType: string, path: string): Promise<Descriptor>;
  /** Makes this the layout's one image. */
  tag(image: Descriptor): Promise<void>;
};

async function openLayout(folder: string): Promise<Layout> {
  await mkdir(join(folder, "blobs", "sha256"), { recursive: true });
  await Bun.write(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const place = (digest: string) => join(folder, "blobs", digest.replace(":", "/"));
  return {
    folder,
    async add(mediaType, content) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      const digest = digestOf(bytes);
      await Bun.write(place(digest), bytes);
      return { mediaType, digest, size: bytes.length };
    },
    async take(mediaType, path) {
      const digest = await digestOfFile(path);
      await rename(path, place(digest));
      return { mediaType, digest, size: (await stat(place(digest))).size };
    },
    async tag(image) {
      const manifests = [{ ...image, annotations: { "org.opencontainers.image.ref.name": tag } }];
      await Bun.write(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
    },
  };
}

async function addImage(layout: Layout, architecture: string, layers: readonly Layer[]): Promise<Descriptor> {
  const config = {
    created,
    architecture,
    os: "linux",
    config: { Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["/bin/sh"] },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created, created_by: "made for a test" })),
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: await layout.add(mediaTypes.config, JSON.stringify(config)),
    layers: layers.map((layer) => layer.descriptor),
  };
  return layout.add(mediaTypes.manifest, JSON.stringify(manifest));
}

async function busyboxLayer(layout: Layout): Promise<Layer> {
  const path = find("busybox");
  if (path === undefined) throw new Error("There is no busybox here");
  const busybox = new Uint8Array(await readFile(path));
  // A program that is linked dynamically names its loader near the beginning, and could not run in an empty image.
  if (new TextDecoder("latin1").decode(busybox.subarray(0, 4096)).includes("/ld-"))
    throw new Error(`${path} is linked dynamically; the package busybox-static has one that is not`);
  return addEntries(layout, [
    ...["bin/", "dev/", "etc/", "proc/", "sys/", "tmp/"].map((name) => ({ name, mode: 0o755 })),
    { name: "etc/passwd", mode: 0o644, content: new TextEncoder().encode("root:x:0:0:root:/:/bin/sh\n") },
    { name: "bin/busybox", mode: 0o755, content: busybox },
    ...applets.map((applet) => ({ name: `bin/${applet}`, mode: 0o777, target: "busybox" })),
  ]);
}

function noteLayer(layout: Layout, note: string): Promise<Layer> {
  return addEntries(layout, [
    { name: "etc/note", mode: 0o644, content: new TextEncoder().encode(`${note}\n`) },
  ]);
}

async function addEntries(layout: Layout, entries: readonly Entry[]): Promise<Layer> {
  const archive = tar(entries);
  return { diffId: digestOf(archive), descriptor: await layout.add(mediaTypes.layer, gzipSync(archive)) };
}

/** Compresses an archive into the layout. The archive is removed. */
async function addArchive(layout: Layout, archive: string): Promise<Layer> {
  const compressed = `${archive}.gz`;
  const gzip = Bun.spawn(["gzip", "--no-name", "--fast", "--stdout", archive], {
    stdout: Bun.file(compressed),
  });
  const diffId = await digestOfFile(archive);
  if ((await gzip.exited) !== 0) throw new Error(`gzip could not read ${archive}`);
  await rm(archive);
  return { diffId, descriptor: await layout.take(mediaTypes.layer, compressed) };
}

export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}

/** A folder when the name ends in a slash, a symbolic link when there is a target, else a file. */
type Entry = { name: string; mode: number; content?: Uint8Array; target?: string };

const blockBytes = 512;

/** POSIX ustar, owned by root, and the same bytes every time. */
function tar(entries: readonly Entry[]): Uint8Array {
  const empty = new Uint8Array();
  const blocks = entries.flatMap((entry) => {
    const content = entry.content ?? empty;
    const padding = (blockBytes - (content.length % blockBytes)) % blockBytes;
    return [tarHeader(entry, content.length), content, new Uint8Array(padding)];
  });
  return Buffer.concat([...blocks, new Uint8Array(2 * blockBytes)]);
}

function tarHeader({ name, mode, target }: Entry, sizeBytes: number): Uint8Array {
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  header.write(name, 0);
  header.write(octal(mode, 7), 100);
  header.write(octal(0, 7) + octal(0, 7), 108); // owner and group
  header.write(octal(sizeBytes, 11), 124);
  header.write(octal(Date.parse(created) / 1000, 11), 136);
  header.write(" ".repeat(8), 148); // the sum below is taken with blanks in its own place
  header.write(target !== undefined ? "2" : name.endsWith("/") ? "5" : "0", 156);
  header.write(target ?? "", 157);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
