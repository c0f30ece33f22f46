/**
 * The audit's storage: a file of its own, to which records are only added. They wait in memory for a moment and are
 * written as compressed blocks, one for each account in a step: a record costs microseconds and some dozen bytes on the
 * disk, where a row of its own would cost ten times that and each pull would be a write.
 */
import type { Database as Sqlite } from "bun:sqlite";
import type { Clock } from "../lib/clock.ts";
import { limits } from "../lib/limits.ts";
import type { Log } from "../lib/log.ts";
import {
  accountsIn,
  connect,
  forgetStep,
  insertEntries,
  isForNow,
  mergeStep,
  placeSince,
  transact,
} from "./trail-blocks.ts";
import type { TrailEntry } from "./trail-format.ts";
import { breathe, makeTrailReader, type TrailReader } from "./trail-reader.ts";

export type Trail = TrailReader & {
  /**
   * Keeps a record. Never fails: what cannot be written waits, and is counted in the log when it is lost. Of the refusals of
   * strangers, who proved nothing, only `limits.strangerRecordsPerSecond` are kept.
   */
  note: (entry: TrailEntry, options?: { isStranger: boolean }) => void;
  /** Writes everything that was noted before, in steps. */
  flush: () => Promise<void>;
  /** Removes blocks whose records are all older than the retention, and puts small blocks together. */
  tidy: () => Promise<void>;
  /** Writes what is left and closes the file. */
  close: () => Promise<void>;
};

const flushMs = 250;
const complaintMs = 60_000;
const dayMs = 24 * 60 * 60 * 1000;
/** Blocks that are younger are not put together, so that nothing moves under who reads the newest. */
const restMs = 60_000;

type Options = { path: string; clock: Clock; log: Log; retentionDays: number };

/**
 * Opens the audit at `path` and makes it when there is none. On a full disk it opens later: nothing that waits for the
 * audit may keep the server from starting or serving. Throws when the file is no database.
 */
export function openTrail({ path, clock, log, retentionDays }: Options): Trail {
  let sqlite: Sqlite | undefined;
  let queue: TrailEntry[] = [];
  /** How many were noted, and how many of those were written or lost. */
  let noted = 0;
  let settled = 0;
  let lost = 0;
  let complainAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let strangersAt = 0;
  let strangers = 0;
  /** The place of the next record by account. */
  const places = new Map<string, number>();

  const open = (): Sqlite => {
    sqlite ??= connect(path);
    return sqlite;
  };

  const complain = (error?: unknown) => {
    if (clock.now() < complainAt) return;
    complainAt = clock.now() + complaintMs;
    const counts = { lost, waiting: queue.length, ...(error !== undefined && { error: String(error) }) };
    log.error(counts, "records of the audit are lost or cannot be written");
    lost = 0;
  };

  const lose = (count: number) => {
    lost += count;
    complain();
  };

  const placeOf = (accountId: string): number => {
    const known = places.get(accountId);
    if (known !== undefined) return known;
    if (places.size >= limits.rowsInMemory) places.clear();
    const last = open()
      .query<{ next: number }, [string]>(
        "SELECT seq + count AS next FROM trail WHERE account_id = ? ORDER BY seq DESC LIMIT 1",
      )
      .get(accountId);
    return last?.next ?? 0;
  };

  /** Writes the oldest records; false when that failed, and they stay. */
  const writeStep = (): boolean => {
    const batch = queue.slice(0, limits.recordsPerStep);
    try {
      transact(open(), (db) => {
        for (const [accountId, own] of Map.groupBy(batch, (entry) => entry.accountId)) {
          const seq = placeOf(accountId);
          insertEntries(db, { accountId, seq, entries: own });
          places.set(accountId, seq + own.length);
        }
      });
    } catch (error) {
      // Whatever it is, requests are served. The records wait for a better moment, as long as there is room for them.
      places.clear();
      complain(error);
      return false;
    }
    queue = queue.slice(batch.length);
    settled += batch.length;
    if (lost > 0) complain();
    return true;
  };

  const flush = async () => {
    const goal = noted;
    while (settled < goal && writeStep()) await breathe();
  };

  const plan = () => {
    timer ??= setTimeout(async () => {
      timer = undefined;
      await flush();
      if (queue.length > 0) plan();
    }, flushMs);
  };

  const makeRoom = () => {
    if (queue.length < limits.pendingRecords || writeStep()) return;
    queue = queue.slice(limits.recordsPerStep);
    settled += limits.recordsPerStep;
    lose(limits.recordsPerStep);
  };

  const isOneTooMany = (): boolean => {
    const second = Math.floor(clock.now() / 1000);
    if (second !== strangersAt) [strangersAt, strangers] = [second, 0];
    strangers += 1;
    return strangers > limits.strangerRecordsPerSecond;
  };

  const tidy = async () => {
    await flush();
    const now = clock.now();
    const oldest = retentionDays === 0 ? 0 : now - retentionDays * dayMs;
    for (const accountId of accountsIn(open())) {
      while (forgetStep(open(), accountId, oldest)) await breathe();
      let seq: number | undefined = placeSince(open(), accountId, now - dayMs);
      for (; seq !== undefined; await breathe())
        seq = mergeStep(open(), { accountId, seq, until: now - restMs });
    }
  };

  try {
    open();
  } catch (error) {
    if (!isForNow(error)) throw error;
    complain(error);
  }

  return {
    ...makeTrailReader(() => sqlite, flush),
    note: (entry, options) => {
      if (options?.isStranger && isOneTooMany()) return lose(1);
      makeRoom();
      queue.push(entry);
      noted += 1;
      plan();
    },
    flush,
    tidy,
    close: async () => {
      await flush();
      clearTimeout(timer);
      if (queue.length + lost > 0) {
        complainAt = 0;
        lose(queue.length);
      }
      sqlite?.close();
    },
  };
}
