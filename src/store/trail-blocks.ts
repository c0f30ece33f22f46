/** The table of the audit's blocks, and everything that writes it. */
import { Database as Sqlite } from "bun:sqlite";
import { timeOfUuid } from "../lib/ids.ts";
import { limits } from "../lib/limits.ts";
import { pack, type TrailEntry, unpack } from "./trail-format.ts";

const blocksPerMerge = 50;

const schema = [
  `CREATE TABLE IF NOT EXISTS trail (
    id INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL,
    -- The place of the first record in the account's trail, and how many there are.
    seq INTEGER NOT NULL,
    count INTEGER NOT NULL,
    -- When the first of the requests came; when the first and the last were answered.
    started_at INTEGER NOT NULL,
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL,
    -- How many of them a policy refused.
    denied INTEGER NOT NULL,
    -- See trail-format.ts.
    records BLOB NOT NULL
  ) STRICT`,
  "CREATE UNIQUE INDEX IF NOT EXISTS trail_places ON trail (account_id, seq)",
  "CREATE INDEX IF NOT EXISTS trail_times ON trail (account_id, from_at)",
  "CREATE INDEX IF NOT EXISTS trail_ends ON trail (to_at)",
  "CREATE INDEX IF NOT EXISTS trail_denials ON trail (account_id, seq) WHERE denied > 0",
];

const pragmas = [
  "journal_mode = WAL",
  // Safe against a crash of the process; when the power goes, the last moments may be missing, and nothing is damaged.
  "synchronous = NORMAL",
  "busy_timeout = 5000",
  "journal_size_limit = 67108864",
];

/** The audit of a data folder, to be looked at beside a running server. What is read is of one moment. */
export function openTrailFile(path: string): { sqlite: Sqlite; close: () => void } {
  const sqlite = new Sqlite(path, { readonly: true });
  sqlite.run("BEGIN");
  return { sqlite, close: () => sqlite.close() };
}

/** Opens the file, and makes it when there is none. */
export function connect(path: string): Sqlite {
  const db = new Sqlite(path, { create: true });
  try {
    for (const pragma of pragmas) db.run(`PRAGMA ${pragma}`);
    for (const statement of schema) db.run(statement);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Reasons that pass: no space, or a device that is not well. Others, such as a file that is none of ours, do not. */
export function isForNow(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && /^SQLITE_(FULL|IOERR|CANTOPEN|BUSY)/.test(String(error.code))
  );
}

/** Runs `body` in a transaction that is undone when it throws. */
export function transact(db: Sqlite, body: (db: Sqlite) => void): void {
  db.run("BEGIN IMMEDIATE");
  try {
    body(db);
    db.run("COMMIT");
  } finally {
    // Without space SQLite undoes a transaction by itself.
    if (db.inTransaction) db.run("ROLLBACK");
  }
}

type Contents = {
  count: number;
  startedAt: number;
  fromAt: number;
  toAt: number;
  denied: number;
  records: Uint8Array;
};

type Block = Contents & { accountId: string; seq: number };

function blockOf(entries: readonly TrailEntry[]): Contents {
  let [fromAt, toAt, denied, firstId] = [Number.MAX_SAFE_INTEGER, 0, 0, "~"];
  for (const { at, isDenied, requestId } of entries) {
    fromAt = Math.min(fromAt, at);
    toAt = Math.max(toAt, at);
    if (isDenied) denied += 1;
    // Ids begin with the time, so the first in their order is that of who came first.
    if (requestId < firstId) firstId = requestId;
  }
  const kept = entries.map(({ at, requestId, accountId, isShared, frame }) => {
    return { at, requestId, sharer: isShared ? accountId : "", frame };
  });
  const startedAt = timeOfUuid(firstId) ?? 0;
  return { count: entries.length, startedAt, fromAt, toAt, denied, records: pack(kept) };
}

/** Adds records as a block at the place `seq`, which has to be behind all others of the account. */
export function insertEntries(
  db: Sqlite,
  { accountId, seq, entries }: { accountId: string; seq: number; entries: readonly TrailEntry[] },
): void {
  insertBlock(db, { accountId, seq, ...blockOf(entries) });
}

function insertBlock(db: Sqlite, block: Block): void {
  db.query<unknown, (string | number | Uint8Array)[]>(
    `INSERT INTO trail (account_id, seq, count, started_at, from_at, to_at, denied, records)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    block.accountId,
    block.seq,
    block.count,
    block.startedAt,
    block.fromAt,
    block.toAt,
    block.denied,
    block.records,
  );
}

/** One account after the other, each found with the index. */
export function* accountsIn(db: Sqlite): Generator<string> {
  const next = db.query<{ accountId: string }, [string]>(
    "SELECT account_id AS accountId FROM trail WHERE account_id > ? ORDER BY account_id LIMIT 1",
  );
  for (let row = next.get(""); row; row = next.get(row.accountId)) yield row.accountId;
}

/** Removes some blocks whose records are all from before `oldest`; false when there are no more. */
export function forgetStep(db: Sqlite, accountId: string, oldest: number): boolean {
  const { changes } = db
    .query<unknown, [string, number, number]>(
      `DELETE FROM trail WHERE id IN (
         SELECT id FROM trail WHERE account_id = ?1 AND from_at < ?2 AND to_at < ?2 ORDER BY from_at LIMIT ?3)`,
    )
    .run(accountId, oldest, limits.recordsPerStep);
  return changes === limits.recordsPerStep;
}

/**
 * Puts the first of the blocks from place `seq` on together, as many as make one of full size: the few records of a quiet
 * moment compress badly. Resolves with the place from which to go on; undefined at the first block that ends after `until`.
 */
export function mergeStep(
  db: Sqlite,
  { accountId, seq, until }: { accountId: string; seq: number; until: number },
): number | undefined {
  const blocks = db
    .query<Block & { id: number }, [string, number, number, number]>(
      `SELECT id, account_id AS accountId, seq, count, started_at AS startedAt, from_at AS fromAt, to_at AS toAt, denied,
         records FROM trail WHERE account_id = ? AND seq >= ? AND to_at < ? ORDER BY seq LIMIT ?`,
    )
    .all(accountId, seq, until, blocksPerMerge);
  const [first] = blocks;
  if (!first) return undefined;
  const group: (Block & { id: number })[] = [];
  let end = first.seq;
  for (const block of blocks) {
    const isNext = block.seq === end && end + block.count - first.seq <= limits.recordsPerStep;
    if (group.length > 0 && !isNext) break;
    group.push(block);
    end = block.seq + block.count;
  }
  if (group.length < 2) return end;
  transact(db, () => {
    const remove = db.query<unknown, [number]>("DELETE FROM trail WHERE id = ?");
    for (const { id } of group) remove.run(id);
    insertBlock(db, {
      accountId,
      seq: first.seq,
      count: end - first.seq,
      startedAt: Math.min(...group.map(({ startedAt }) => startedAt)),
      fromAt: Math.min(...group.map(({ fromAt }) => fromAt)),
      toAt: Math.max(...group.map(({ toAt }) => toAt)),
      denied: group.reduce((sum, { denied }) => sum + denied, 0),
      records: pack(
        group.flatMap(({ records }) => {
          const { frames, kept } = unpack(records);
          return kept.map((one) => ({ ...one, frame: frames[one.frame] ?? "{}" }));
        }),
      ),
    });
  });
  // Once more from here: the next group may still fit.
  return blocks.length === group.length ? first.seq : end;
}

/** The place of the first block of `at` or later; behind all others when there is none. */
export function placeSince(db: Sqlite, accountId: string, at: number): number {
  const row = db
    .query<{ seq: number }, [string, number]>(
      "SELECT seq FROM trail WHERE account_id = ? AND from_at >= ? ORDER BY from_at LIMIT 1",
    )
    .get(accountId, at);
  return row?.seq ?? Number.MAX_SAFE_INTEGER;
}
