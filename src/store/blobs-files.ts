/**
 * Blobs as files. `blobs/ALGORITHM/XX/HEX` is finished content, `uploads/ID` what is being sent. A blob appears under its
 * name by a rename after fsync, followed by an fsync of the folder, so a file under a digest is always whole.
 */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, opendir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LRUCache } from "lru-cache";
import { type Algorithm, digestAlgorithm, digestOf } from "../lib/digest.ts";
import { fault } from "../lib/faults.ts";
import type { Ids } from "../lib/ids.ts";
import { limits } from "../lib/limits.ts";
import type { Addition, Blobs } from "./blobs.ts";

/** Bytes gathered before a write: fewer system calls and trips to the thread pool, and still little memory. */
const batchBytes = 256 * 1024;

/** The running hash of an upload that was written up to `offset`. */
type HashState = { hasher: Bun.CryptoHasher; offset: number };

/** Opens the store in `folder`, which is made when missing. */
export async function openFileBlobs(folder: string, ids: Ids): Promise<Blobs> {
  const uploadsFolder = join(folder, "uploads");
  await mkdir(uploadsFolder, { recursive: true });
  await mkdir(join(folder, "blobs"), { recursive: true });
  const hashes = new LRUCache<string, HashState>({ max: limits.openHashes });
  const manifests = new LRUCache<string, Uint8Array<ArrayBuffer>>({
    maxSize: limits.manifestCacheBytes,
    sizeCalculation: (bytes) => Math.max(bytes.length, 1),
  });
  const busy = new Set<string>();

  /** Two requests that write to one upload at the same time would mix their bytes; the second is told to wait. */
  const alone = async <T>(uploadId: string, body: () => Promise<T>): Promise<T> => {
    if (busy.has(uploadId)) throw fault("UploadBusy", { uploadId });
    busy.add(uploadId);
    try {
      return await body();
    } finally {
      busy.delete(uploadId);
    }
  };

  const uploadPath = (uploadId: string) => join(uploadsFolder, uploadId);
  const blobPath = (digest: string) => {
    const [algorithm = "", hex = ""] = digest.split(":");
    return join(folder, "blobs", algorithm, hex.slice(0, 2), hex);
  };

  const place = async (from: string, digest: string) => {
    const path = blobPath(digest);
    const shard = dirname(path);
    await rename(from, path).catch(async (error: unknown) => {
      if (!isMissing(error)) throw error;
      await mkdir(shard, { recursive: true });
      for (const made of [dirname(shard), join(folder, "blobs")]) await syncFolder(made);
      await rename(from, path);
    });
    await syncFolder(shard);
  };

  /** The hash of what the upload holds; from memory when its last request was served here, else read again. */
  const hashOf = async (uploadId: string, sizeBytes: number): Promise<Bun.CryptoHasher> => {
    const state = hashes.get(uploadId);
    if (state?.offset === sizeBytes) return state.hasher;
    return hashFile(uploadPath(uploadId), "sha256", sizeBytes);
  };

  const sizeOfFile = async (path: string): Promise<number | undefined> => {
    try {
      return (await stat(path)).size;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };

  return {
    size: (digest) => sizeOfFile(blobPath(digest)),

    body: (digest, range) => {
      const file = Bun.file(blobPath(digest));
      return range ? file.slice(range.first, range.last + 1) : file;
    },

    bytes: async (digest) => {
      const known = manifests.get(digest);
      if (known) return known;
      const bytes = await Bun.file(blobPath(digest)).bytes();
      const found = digestOf(bytes, digestAlgorithm(digest));
      if (found !== digest)
        throw new Error(`The stored content of ${digest} is damaged: its digest is ${found}`);
      manifests.set(digest, bytes);
      return bytes;
    },

    put: async (digest, bytes) => {
      const temporary = join(uploadsFolder, `put-${ids.uuid()}`);
      try {
        await writeFile(temporary, bytes);
        await place(temporary, digest);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },

    remove: async (digest) => {
      manifests.delete(digest);
      await rm(blobPath(digest), { force: true });
    },

    begin: async (uploadId) => {
      const file = await open(uploadPath(uploadId), "wx", 0o600);
      await file.close();
      await syncFolder(uploadsFolder);
      hashes.set(uploadId, { hasher: new Bun.CryptoHasher("sha256"), offset: 0 });
    },

    uploaded: (uploadId) => sizeOfFile(uploadPath(uploadId)),

    append: (uploadId, addition) =>
      alone(uploadId, async () => {
        const path = uploadPath(uploadId);
        const file = await open(path, constants.O_WRONLY | constants.O_APPEND);
        try {
          const { size: held } = await file.stat();
          const offset = await addition.at(held);
          if (offset < held) await file.truncate(offset);
          const hasher = await hashOf(uploadId, offset);
          hashes.delete(uploadId);
          try {
            const received = await drain(addition, file, hasher, offset);
            if (addition.length !== undefined && addition.length !== received) {
              await file.truncate(offset);
              throw fault("SizeInvalid", { stated: addition.length, received });
            }
            await file.datasync();
            hashes.set(uploadId, { hasher, offset: offset + received });
            await addition.stored?.(offset + received);
            return offset + received;
          } catch (error) {
            hashes.delete(uploadId);
            if (addition.whole) await file.truncate(offset);
            throw error;
          }
        } finally {
          await file.close();
        }
      }),

    finish: (uploadId, wanted) =>
      alone(uploadId, async () => {
        const path = uploadPath(uploadId);
        const { size } = await stat(path);
        const hasher = await hashOf(uploadId, size);
        hashes.set(uploadId, { hasher, offset: size });
        const calculated = `sha256:${hasher.copy().digest("hex")}`;
        const digest = wanted.includes(calculated) ? calculated : await otherDigest(path, size, wanted);
        if (digest === undefined) throw fault("InvalidLayer", { given: wanted, calculated });
        await place(path, digest);
        hashes.delete(uploadId);
        return { digest, sizeBytes: size };
      }),

    abort: (uploadId) =>
      alone(uploadId, async () => {
        hashes.delete(uploadId);
        await rm(uploadPath(uploadId), { force: true });
      }),

    uploads: async function* () {
      for await (const { name } of await opendir(uploadsFolder)) {
        const found = await stat(uploadPath(name)).catch(() => undefined);
        if (found) yield { uploadId: name, changedAt: found.mtimeMs };
      }
    },

    list: async function* () {
      for (const algorithm of ["sha256", "sha512"] satisfies Algorithm[]) {
        for await (const shard of entries(join(folder, "blobs", algorithm))) {
          for await (const hex of entries(join(folder, "blobs", algorithm, shard))) {
            const found = await stat(join(folder, "blobs", algorithm, shard, hex)).catch(() => undefined);
            if (found)
              yield { digest: `${algorithm}:${hex}`, sizeBytes: found.size, changedAt: found.mtimeMs };
          }
        }
      }
    },
  };
}

/** The digest of a stored file, read in pieces. */
export async function digestOfBody(body: Blob, algorithm: Algorithm): Promise<string> {
  const hasher = new Bun.CryptoHasher(algorithm);
  for await (const chunk of body.stream()) hasher.update(chunk);
  return `${algorithm}:${hasher.digest("hex")}`;
}

/**
 * Writes `source` to the end of `file`, hashing as it flows; resolves with the bytes written. One batch is written while
 * the next is gathered, so neither waits for the other, and the sender waits when the disk does.
 */
async function drain(
  { source, limitBytes }: Addition,
  file: FileHandle,
  hasher: Bun.CryptoHasher,
  offset: number,
): Promise<number> {
  let received = 0;
  let batch: Uint8Array[] = [];
  let batched = 0;
  let writing: Promise<unknown> = Promise.resolve();
  const flush = async () => {
    await writing;
    if (batched === 0) return;
    writing = writeAll(file, batch);
    // Awaited at the next flush; until then a failure must not count as unhandled.
    writing.catch(() => undefined);
    batch = [];
    batched = 0;
  };
  try {
    for await (const chunk of source) {
      if (offset + received + chunk.length > limitBytes) throw fault("LayerTooLarge", { limitBytes });
      hasher.update(chunk);
      received += chunk.length;
      batch.push(chunk);
      batched += chunk.length;
      if (batched >= batchBytes) await flush();
    }
  } finally {
    // Also after a broken connection: what came is kept, and the upload resumes there.
    await flush();
    await writing;
  }
  return received;
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const { bytesWritten } = await file.writev(chunks);
  // A short write happens at the end of a disk; the plain write then says why.
  if (bytesWritten < total) await file.writeFile(Buffer.concat(chunks).subarray(bytesWritten));
  // The garbage collector sees small objects here and comes late; giving the bytes back at once halves the memory.
  for (const { buffer, byteLength } of chunks) {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
  }
}

async function hashFile(path: string, algorithm: Algorithm, sizeBytes: number): Promise<Bun.CryptoHasher> {
  const hasher = new Bun.CryptoHasher(algorithm);
  for await (const chunk of Bun.file(path).slice(0, sizeBytes).stream()) hasher.update(chunk);
  return hasher;
}

/** SHA-512 is rare, so it is calculated only when asked for, from the file. */
async function otherDigest(
  path: string,
  sizeBytes: number,
  wanted: readonly string[],
): Promise<string | undefined> {
  if (!wanted.some((digest) => digestAlgorithm(digest) === "sha512")) return undefined;
  const calculated = `sha512:${(await hashFile(path, "sha512", sizeBytes)).digest("hex")}`;
  return wanted.find((digest) => digest === calculated);
}

async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function* entries(path: string): AsyncIterable<string> {
  try {
    for await (const { name } of await opendir(path)) yield name;
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
