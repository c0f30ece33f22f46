/** What no client can bring about at will: the clock, a queue that is full, and a file that cannot be written. */
import { Database as Sqlite } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomIds } from "../lib/ids.ts";
import { limits } from "../lib/limits.ts";
import type { Log } from "../lib/log.ts";
import { openTrail, type Trail } from "./trail.ts";
import { exportLines } from "./trail-reader.ts";

const dayMs = 24 * 60 * 60 * 1000;
const start = Date.UTC(2026, 0, 1);
const accountId = "111122223333";

let folder: string;
let now: number;
let logged: { lost: number; waiting: number }[];
let trail: Trail;

const clock = { now: () => now };
const log = { error: (counts: { lost: number; waiting: number }) => logged.push(counts) } as unknown as Log;
const path = () => join(folder, "audit.db");
const open = (retentionDays = 0) => openTrail({ path: path(), clock, log, retentionDays });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lading-trail-"));
  now = start;
  logged = [];
  trail = open();
});

afterEach(async () => {
  await trail.close();
  await rm(folder, { recursive: true, force: true });
});

/** Notes a request named `name` and returns its id. */
function note(
  name: string,
  more: { accountId?: string; isDenied?: boolean; isStranger?: boolean } = {},
): string {
  const requestId = randomIds.timeUuid(now);
  const { isDenied = false, isStranger = false } = more;
  const frame = JSON.stringify({
    eventName: name,
    ...(isDenied && { errorCode: "AccessDenied" }),
    userIdentity: { accountId },
    recipientAccountId: more.accountId ?? accountId,
  });
  const entry = {
    accountId: more.accountId ?? accountId,
    at: now,
    requestId,
    isDenied,
    isShared: false,
    frame,
  };
  trail.note(entry, { isStranger });
  return requestId;
}

async function names(since = 0): Promise<string[]> {
  const all: string[] = [];
  for (let after: number | undefined; ; ) {
    const page = await trail.recordsOf({ accountId, since, limit: 7, after });
    all.push(...page.records.map(({ record }) => record.eventName));
    if (page.next === undefined) return all;
    after = page.next;
  }
}

async function backward(
  query: { since?: number; until?: number; contains?: string } = {},
): Promise<string[]> {
  const all: string[] = [];
  const { since = 0, until = Number.MAX_SAFE_INTEGER, contains } = query;
  for (let before: number | undefined; ; ) {
    const page = await trail.search({
      accountId,
      since,
      until,
      limit: 7,
      before,
      contains,
      matches: () => true,
    });
    all.push(...page.records.map(({ record }) => record.eventName));
    if (page.next === undefined) return all;
    before = page.next;
  }
}

/** So many records, each a second after the other, written in blocks of `each`. */
async function fill(count: number, each: number): Promise<string[]> {
  const made: string[] = [];
  for (let index = 0; index < count; index += 1) {
    made.push(`event ${index}`);
    note(`event ${index}`);
    now += 1000;
    if (index % each === each - 1) await trail.flush();
  }
  await trail.flush();
  return made;
}

const blocks = () => {
  const sqlite = new Sqlite(path(), { readonly: true });
  const { count } = sqlite.query<{ count: number }, []>("SELECT count(*) AS count FROM trail").get() ?? {
    count: 0,
  };
  sqlite.close();
  return count;
};

describe("reading", () => {
  test("finds what was noted a moment ago, and after another opening", async () => {
    const id = note("one");
    expect((await trail.findByRequestId(id))?.eventName).toBe("one");
    await trail.close();
    trail = open();
    expect((await trail.findByRequestId(id))?.eventName).toBe("one");
    expect(await trail.findByRequestId(randomIds.timeUuid(now))).toBeUndefined();
    expect(await trail.findByRequestId(randomIds.uuid())).toBeUndefined();
    note("two");
    expect(await names()).toEqual(["one", "two"]);
  });

  test("goes through all blocks in both directions, and keeps to the times", async () => {
    const made = await fill(100, 9);
    expect(await names()).toEqual(made);
    expect(await backward()).toEqual(made.toReversed());
    expect(await names(start + 95_000)).toEqual(made.slice(95));
    expect(await backward({ since: start + 10_000, until: start + 19_000 })).toEqual(
      made.slice(10, 20).toReversed(),
    );
    expect(await backward({ contains: '"event 42"' })).toEqual(["event 42"]);
  });

  test("finds a request that took longer than those after it", async () => {
    const slow = randomIds.timeUuid(now);
    await fill(50, 5);
    const entry = {
      accountId,
      at: now,
      requestId: slow,
      isDenied: false,
      isShared: false,
      frame: '{"eventName":"slow"}',
    };
    trail.note(entry);
    expect((await trail.findByRequestId(slow))?.eventName).toBe("slow");
  });

  test("of refusals opens no other blocks and shows nothing else", async () => {
    await fill(20, 10);
    note("refused", { isDenied: true });
    note("another's", { isDenied: true, accountId: "444455556666" });
    await fill(20, 10);
    const { records, next } = await trail.denialsOf({ accountId, since: 0, limit: 10 });
    expect(records.map(({ record }) => record.eventName)).toEqual(["refused"]);
    expect(next).toBeUndefined();
    expect((await trail.denialsOf({ accountId, since: now, limit: 10 })).records).toEqual([]);
  });
});

describe("tidying", () => {
  test("puts small blocks together and changes nothing that is read", async () => {
    const made = await fill(450, 3);
    expect(blocks()).toBe(150);
    now += 3_600_000;
    await trail.tidy();
    expect(blocks()).toBeLessThan(5);
    expect(await names()).toEqual(made);
    expect(await backward()).toEqual(made.toReversed());
    note("after");
    expect(await names()).toEqual([...made, "after"]);
    await trail.tidy();
    expect(await names()).toEqual([...made, "after"]);
  });

  test("keeps places, so that a page that was begun goes on", async () => {
    const made = await fill(40, 4);
    const first = await trail.search({
      accountId,
      since: 0,
      until: now,
      limit: 13,
      matches: () => true,
    });
    now += 3_600_000;
    await trail.tidy();
    const rest = await trail.search({
      accountId,
      since: 0,
      until: now,
      limit: 100,
      before: first.next,
      matches: () => true,
    });
    const found = [...first.records, ...rest.records].map(({ record }) => record.eventName);
    expect(found).toEqual(made.toReversed());
  });

  test("removes what is older than the retention, of every account, and nothing younger", async () => {
    await trail.close();
    trail = open(90);
    note("old");
    note("another's old", { accountId: "444455556666" });
    await trail.flush();
    now += 89 * dayMs;
    note("young");
    await trail.tidy();
    expect(await names()).toEqual(["old", "young"]);
    now += 2 * dayMs;
    await trail.tidy();
    expect(await names()).toEqual(["young"]);
    expect(blocks()).toBe(1);
  });

  test("removes nothing when the retention is 0", async () => {
    note("old");
    now += 10_000 * dayMs;
    await trail.tidy();
    expect(await names()).toEqual(["old"]);
  });
});

describe("a queue that is full", () => {
  test("is written at once, and nothing is lost", async () => {
    const count = limits.pendingRecords + 500;
    for (let index = 0; index < count; index += 1) note(`event ${index}`);
    expect(blocks()).toBeGreaterThan(0);
    const all = await names();
    expect(all).toHaveLength(count);
    expect(new Set(all).size).toBe(count);
    expect(logged).toEqual([]);
  });

  test("loses the oldest when the file cannot be written, says so once in a minute, and goes on later", async () => {
    await trail.close();
    await rm(folder, { recursive: true });
    trail = open();
    expect(logged).toHaveLength(1);
    const count = limits.pendingRecords + 1;
    for (let index = 0; index < count; index += 1) note(`event ${index}`);
    expect(logged).toHaveLength(1);
    now += 60_000;
    await trail.flush();
    expect(logged).toHaveLength(2);
    expect(logged[1]).toMatchObject({
      lost: limits.recordsPerStep,
      waiting: limits.pendingRecords + 1 - limits.recordsPerStep,
    });
    await mkdir(folder);
    const all = await names();
    expect(all[0]).toBe(`event ${limits.recordsPerStep}`);
    expect(all).toHaveLength(count - limits.recordsPerStep);
  });
});

test("of the refusals of strangers a bounded number is kept in each second", async () => {
  for (let index = 0; index < limits.strangerRecordsPerSecond + 10; index += 1)
    note("stranger", { isStranger: true });
  note("known");
  expect(await names()).toHaveLength(limits.strangerRecordsPerSecond + 1);
  expect(logged).toHaveLength(1);
  now += 1000;
  note("stranger", { isStranger: true });
  expect(await names()).toHaveLength(limits.strangerRecordsPerSecond + 2);
});

test("a file that is no database is refused", async () => {
  await trail.close();
  await rm(path());
  await Bun.write(
    path(),
    "this is a text, and long enough to be looked at as the head of a database file".repeat(10),
  );
  expect(() => open()).toThrow("not a database");
  await rm(path());
  trail = open();
});

test("the export has the records of all accounts, or of one", async () => {
  note("mine");
  note("another's", { accountId: "444455556666" });
  await trail.flush();
  const exported = async (only?: string) => {
    const sqlite = new Sqlite(path(), { readonly: true });
    const lines = [];
    for await (const some of exportLines(sqlite, { since: 0, until: now, accountId: only }))
      lines.push(...some);
    sqlite.close();
    return lines.map((line) => (JSON.parse(line) as { eventName: string }).eventName);
  };
  expect((await exported()).toSorted()).toEqual(["another's", "mine"]);
  expect(await exported(accountId)).toEqual(["mine"]);
});
