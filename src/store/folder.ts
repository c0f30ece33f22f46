/** The data folder: who may use it, and the key that lies in it. */
import { Database as Sqlite } from "bun:sqlite";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Ids } from "../lib/ids.ts";

/** Another process serves the folder. */
export class FolderInUse extends Error {}

/**
 * Takes `folder` for this process alone, and makes it when missing. The lock is an exclusive transaction on a database of
 * its own: the kernel ends it with the process, however that ends, so nothing stale can block a restart.
 * Throws {@link FolderInUse}.
 */
export async function lockFolder(folder: string): Promise<{ release: () => void }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const lock = new Sqlite(join(folder, "lock"), { create: true });
  try {
    // Of two that start together each may see the other on its way to the lock; a moment's patience lets one of them win.
    lock.run("PRAGMA busy_timeout = 250");
    lock.run("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if (error instanceof Error && "code" in error && error.code === "SQLITE_BUSY") {
      throw new FolderInUse(
        `The data folder '${folder}' is in use by another lading process. Stop it first, or give --data another folder.`,
      );
    }
    throw error;
  }
  return { release: () => lock.close() };
}

/** The installation's key: from the setting when given, else from `secret.key` in the folder, made at the first start. */
export async function masterKey(folder: string, given: string | undefined, ids: Ids): Promise<Uint8Array> {
  if (given !== undefined) return Buffer.from(given, "base64");
  const path = join(folder, "secret.key");
  const key = Buffer.from(
    await readOrWritePrivateFile(path, () => `${Buffer.from(ids.bytes(32)).toString("base64")}\n`),
    "base64",
  );
  if (key.length !== 32) throw new Error(`'${path}' must hold 32 bytes in base64; it holds ${key.length}`);
  return key;
}

/** The text of a file that only its owner reads; when there is none it is made, durably. */
export async function readOrWritePrivateFile(path: string, make: () => string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  const text = make();
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  // Under its name the file is always whole, whenever the power goes.
  await rename(`${path}.new`, path);
  const folder = await open(dirname(path), "r");
  await folder.sync().finally(() => folder.close());
  return text;
}
