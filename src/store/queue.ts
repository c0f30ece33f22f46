/** The job queue, in the same database as what the jobs are about, so nothing acknowledged is lost between the two. */
import type { Queryable, Tx } from "./database.ts";

export type Job = { id: number; kind: string; payload: string; attempts: number; runAt: number };

/** How long a worker may hold a job before another takes it for dead. */
const lockMs = 10 * 60 * 1000;

type NewJob = {
  kind: string;
  payload?: unknown;
  /** Milliseconds since the epoch. */
  runAt: number;
  /** While a job with this key waits or runs, another is not added. */
  key?: string;
};

export async function enqueue(tx: Tx, job: NewJob): Promise<void> {
  await tx
    .insertInto("jobs")
    .values({
      kind: job.kind,
      payload: JSON.stringify(job.payload ?? {}),
      key: job.key ?? null,
      run_at: job.runAt,
      attempts: 0,
      locked_until: null,
      last_error: null,
    })
    .onConflict((conflict) => conflict.column("key").doNothing())
    .execute();
}

/** Takes the job that is due longest, or none. It must be {@link finish}ed or {@link retry}ed within ten minutes. */
export async function claim(tx: Tx, now: number, maxAttempts: number): Promise<Job | undefined> {
  const due = await tx
    .selectFrom("jobs")
    .select(["id", "kind", "payload", "attempts", "run_at as runAt"])
    .where("run_at", "<=", now)
    .where("attempts", "<", maxAttempts)
    .where((e) => e.or([e("locked_until", "is", null), e("locked_until", "<", now)]))
    .orderBy("run_at")
    .limit(1)
    .executeTakeFirst();
  if (!due) return undefined;
  await tx
    .updateTable("jobs")
    .set({ locked_until: now + lockMs, attempts: due.attempts + 1 })
    .where("id", "=", due.id)
    .execute();
  return due;
}

export async function finish(tx: Tx, jobId: number): Promise<void> {
  await tx.deleteFrom("jobs").where("id", "=", jobId).execute();
}

/** Puts a failed job back. After the last attempt it stays where it is, with its error, for the operator. */
export async function retry(tx: Tx, jobId: number, runAt: number, error: string): Promise<void> {
  await tx
    .updateTable("jobs")
    .set({ run_at: runAt, locked_until: null, last_error: error })
    .where("id", "=", jobId)
    .execute();
}

/** Which of these keys a job holds. */
export async function waitingKeys(db: Queryable, keys: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom("jobs").select("key").where("key", "in", keys).execute();
  return new Set(rows.flatMap(({ key }) => key ?? []));
}
