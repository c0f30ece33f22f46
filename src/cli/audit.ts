/** `lading audit export`: the records of the audit as JSON lines, for other programs and for evidence. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../config.ts";
import { openTrailFile } from "../store/trail-blocks.ts";
import { exportLines } from "../store/trail-reader.ts";

type ExportOptions = { from?: string; to?: string; account?: string };

/**
 * Writes what the data folder `folder` holds, beside a running server or not, oldest first. Memory stays bounded: a block
 * is read when the one before it has been taken.
 */
export async function exportAudit(folder: string, options: ExportOptions): Promise<void> {
  const range = {
    since: options.from === undefined ? 0 : timeIn("--from", options.from),
    until: options.to === undefined ? Number.MAX_SAFE_INTEGER : timeIn("--to", options.to),
    accountId: options.account,
  };
  if (range.accountId !== undefined && !/^\d{12}$/.test(range.accountId))
    throw new UsageError(`--account: '${range.accountId}' must be 12 digits`);
  const path = join(folder, "audit.db");
  if (!existsSync(path)) throw new UsageError(`There is no audit in '${folder}'`);
  const { sqlite, close } = openTrailFile(path);
  // The callback of the write that failed tells it, too.
  process.stdout.on("error", () => {});
  try {
    for await (const lines of exportLines(sqlite, range)) {
      if (lines.length > 0) await write(`${lines.join("\n")}\n`);
    }
  } catch (error) {
    // Who reads has seen enough, such as `head`.
    if (!(error instanceof Error && "code" in error && error.code === "EPIPE")) throw error;
  } finally {
    close();
  }
}

/** Resolves when the reader has taken the text. */
function write(text: string): Promise<void> {
  return new Promise((done, fail) => {
    process.stdout.write(text, (error) => (error ? fail(error) : done()));
  });
}

/** ISO 8601: a day, which begins at midnight UTC, or a time. */
function timeIn(flag: string, text: string): number {
  const at = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(at))
    throw new UsageError(
      `${flag}: '${text}' must be a day or a time, such as 2026-01-31 or 2026-01-31T12:00:00Z`,
    );
  return at;
}
