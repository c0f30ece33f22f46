/** Every job, schedule and listener of the program, in one list each, and the loop that works them off. */
import { sweepSessions } from "./access/credentials/sessions.ts";
import { forgetRevocations } from "./access/credentials/token-revocations.ts";
import type { Clock } from "./lib/clock.ts";
import { limits } from "./lib/limits.ts";
import type { Services } from "./registry/context.ts";
import { purgeRepository } from "./registry/delete-image.ts";
import { purgeJob } from "./registry/repositories.ts";
import { sweepUploads } from "./registry/sweep.ts";
import type { Tx } from "./store/database.ts";
import { type EventType, forgetEvents, nextEvents } from "./store/events.ts";
import { claim, enqueue, finish, type Job, retry, waitingKeys } from "./store/queue.ts";

type Payload = Readonly<Record<string, unknown>>;

/** What a job does. It may run twice when a process dies, so each can be repeated. */
const jobs: Readonly<Record<string, (services: Services, payload: Payload) => Promise<unknown>>> = {
  [purgeJob]: (services, { repositoryId }) => purgeRepository(services, Number(repositoryId)),
  "sessions.sweep": sweepSessions,
  "token-revocations.forget": forgetRevocations,
  "uploads.sweep": sweepUploads,
  "audit.tidy": ({ trail }) => trail.tidy(),
};

/** Jobs that come back by themselves. */
const schedules: readonly { kind: string; everySeconds: number }[] = [
  { kind: "sessions.sweep", everySeconds: 3600 },
  { kind: "token-revocations.forget", everySeconds: 3600 },
  { kind: "uploads.sweep", everySeconds: 3600 },
  { kind: "audit.tidy", everySeconds: 3600 },
];

/** Which jobs an event leads to. */
const listeners: Readonly<Partial<Record<EventType, readonly string[]>>> = {};

const idleMs = 1000;
const notedTimesMs = 30_000;
const longestBackoffMs = 60 * 60 * 1000;

type Worker = {
  /** Ends after the job under way. */
  stop: () => Promise<void>;
};

export async function startWorker(services: Services): Promise<Worker> {
  const { db, clock, log, pullTimes, keyUses } = services;
  const planned = await waitingKeys(
    db.read,
    schedules.map(({ kind }) => scheduleKey(kind)),
  );
  const unplanned = schedules.filter(({ kind }) => !planned.has(scheduleKey(kind)));
  // Not even an empty transaction when all are there: a start must succeed on a full disk.
  if (unplanned.length > 0) {
    await db.write(async (tx) => {
      for (const { kind } of unplanned) await plan(tx, kind, clock.now());
    });
  }

  let isStopping = false;
  let wake = () => {};
  const pause = () =>
    new Promise<void>((done) => {
      const timer = setTimeout(done, idleMs);
      wake = () => {
        clearTimeout(timer);
        done();
      };
    });

  const flushTimes = async () => {
    await pullTimes.flush(db);
    await keyUses.flush(db);
  };
  let timesDue = clock.now() + notedTimesMs;
  const loop = async () => {
    while (!isStopping) {
      try {
        if (clock.now() >= timesDue) {
          timesDue = clock.now() + notedTimesMs;
          await flushTimes();
        }
        const isBusy = (await deliverEvents(services)) || (await workOnce(services));
        if (!isBusy && !isStopping) await pause();
      } catch (error) {
        log.error({ error: String(error) }, "the worker met an error and goes on");
        if (!isStopping) await pause();
      }
    }
  };
  const running = loop();

  return {
    stop: async () => {
      isStopping = true;
      wake();
      await running;
      // On a full storage these times are lost, and the end is a clean one all the same.
      await flushTimes().catch((error: unknown) =>
        log.error({ error: String(error) }, "the times of pulls and of keys' uses are lost"),
      );
    },
  };
}

/** Turns waiting events into the jobs of their listeners; false when there were none. */
async function deliverEvents({ db, clock }: Services): Promise<boolean> {
  const waiting = await db.read.selectFrom("events").select("id").limit(1).executeTakeFirst();
  if (!waiting) return false;
  return db.write(async (tx) => {
    const events = await nextEvents(tx, limits.rowsPerStep);
    for (const { type, detail } of events) {
      for (const kind of listeners[type as EventType] ?? []) {
        await enqueue(tx, { kind, payload: JSON.parse(detail), runAt: clock.now() });
      }
    }
    const last = events.at(-1);
    if (last) await forgetEvents(tx, last.id);
    return events.length > 0;
  });
}

/** Runs the job that is due longest; false when none is. */
async function workOnce(services: Services): Promise<boolean> {
  const { db, clock, log } = services;
  const isDue = await db.read
    .selectFrom("jobs")
    .select("id")
    .where("run_at", "<=", clock.now())
    .limit(1)
    .executeTakeFirst();
  const job = isDue && (await db.write((tx) => claim(tx, clock.now(), limits.jobAttempts)));
  if (!job) return false;
  try {
    const run = jobs[job.kind];
    if (!run) throw new Error(`There is no job of the kind '${job.kind}'`);
    await run(services, JSON.parse(job.payload) as Payload);
    await db.write(async (tx) => {
      await finish(tx, job.id);
      await planAgain(tx, clock, job);
    });
  } catch (error) {
    log.error(
      { job: job.kind, attempt: job.attempts + 1, error: String(error) },
      "a job failed and will be tried again",
    );
    const backoffMs = Math.min(1000 * 2 ** job.attempts, longestBackoffMs);
    await db.write((tx) => retry(tx, job.id, clock.now() + backoffMs, String(error)));
  }
  return true;
}

async function planAgain(tx: Tx, clock: Clock, job: Job): Promise<void> {
  const schedule = schedules.find(({ kind }) => kind === job.kind);
  if (schedule) await plan(tx, schedule.kind, clock.now() + schedule.everySeconds * 1000);
}

const scheduleKey = (kind: string) => `schedule ${kind}`;

/** One waiting job for each schedule, however many nodes there are. */
function plan(tx: Tx, kind: string, runAt: number): Promise<void> {
  return enqueue(tx, { kind, runAt, key: scheduleKey(kind) });
}
