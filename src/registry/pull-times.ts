/**
 * When images were last pulled. A pull only notes it in memory, and a job writes what is noted in one batch: a counter
 * that every pull wrote would be the hottest row there is. What a crash forgets is at most some minutes of such times.
 */
import { limits } from "../lib/limits.ts";
import type { Database } from "../store/database.ts";
import { type PullTime, setPullTimes } from "./images.ts";

export type PullTimes = {
  note: (pull: PullTime) => void;
  /** Writes what was noted since the last time. */
  flush: (db: Database) => Promise<void>;
};

export function makePullTimes(): PullTimes {
  let noted = new Map<string, PullTime>();
  return {
    note: (pull) => {
      const key = `${pull.repositoryId} ${pull.imageDigest}`;
      if (noted.size < limits.pendingPullTimes || noted.has(key)) noted.set(key, pull);
    },
    flush: async (db) => {
      const batch = [...noted.values()];
      noted = new Map();
      for (let from = 0; from < batch.length; from += limits.rowsPerStep) {
        const step = batch.slice(from, from + limits.rowsPerStep);
        await db.write((tx) => setPullTimes(tx, step));
      }
    },
  };
}
