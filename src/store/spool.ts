/**
 * Bodies that must be whole before anything is known of them: a signature covers the hash of all bytes. Small ones wait
 * in memory, large ones in a file, so that senders who stall or who turn out to be strangers cost no memory.
 */
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { fault } from "../lib/faults.ts";
import type { Ids } from "../lib/ids.ts";
import { limits } from "../lib/limits.ts";

export type Spooled = {
  /** Lower-case hexadecimal SHA-256 of the bytes. */
  sha256: string;
  /** All bytes, in memory. To be called once. */
  bytes: () => Promise<Uint8Array<ArrayBuffer>>;
  /** Frees what is held. */
  close: () => Promise<void>;
};

export type Spool = {
  /** Takes what `source` gives. Throws RequestTooLarge past `limitBytes`, and what `source` throws. */
  receive: (source: AsyncIterable<Uint8Array>, limitBytes: number) => Promise<Spooled>;
};

/** Opens the spool in `folder`, which is made when missing. Its files have no name, so a crash leaves none. */
export async function openSpool(folder: string, ids: Ids): Promise<Spool> {
  await mkdir(folder, { recursive: true });
  const openNameless = async (): Promise<FileHandle> => {
    const path = join(folder, `body-${ids.uuid()}`);
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    return file;
  };

  return {
    receive: async (source, limitBytes) => {
      const hasher = new Bun.CryptoHasher("sha256");
      let file: FileHandle | undefined;
      let held: Uint8Array[] = [];
      let heldBytes = 0;
      let size = 0;
      const spill = async () => {
        file ??= await openNameless();
        const { bytesWritten } = await file.writev(held);
        // A short write happens at the end of a disk; the plain write then says why.
        if (bytesWritten < heldBytes) await file.writeFile(Buffer.concat(held).subarray(bytesWritten));
        held = [];
        heldBytes = 0;
      };
      const close = async () => file?.close();
      try {
        for await (const chunk of source) {
          size += chunk.length;
          if (size > limitBytes) throw fault("RequestTooLarge", { limitBytes });
          hasher.update(chunk);
          held.push(chunk);
          heldBytes += chunk.length;
          if (heldBytes > limits.bodyBytesInMemory) await spill();
        }
        if (file && heldBytes > 0) await spill();
      } catch (error) {
        await close();
        throw error;
      }
      return {
        sha256: hasher.digest("hex"),
        bytes: async () => (file ? readAll(file, size) : Buffer.concat(held)),
        close,
      };
    },
  };
}

async function readAll(file: FileHandle, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(bytes, at, size - at, at);
    if (bytesRead === 0) throw new Error(`A spooled body of ${size} bytes ended after ${at}`);
    at += bytesRead;
  }
  return bytes;
}
