/**
 * Reading the audit. A row is a block of records of one account. Reading goes block by block and lets others run in
 * between, so a search through months holds nobody up.
 */
import type { Database as Sqlite } from "bun:sqlite";
import { timeOfUuid } from "../lib/ids.ts";
import { limits } from "../lib/limits.ts";
import { jsonOf, recordOf, unpack } from "./trail-format.ts";
import type { TrailRecord } from "./trail-record.ts";

/** A record with its place in its account's trail; later records have higher places. */
type Placed = { record: TrailRecord; place: number };

/** `next` is where the next page goes on; undefined when there is nothing more. */
type TrailPage = { records: readonly Placed[]; next: number | undefined };

type Backward = {
  accountId: string;
  limit: number;
  /** The `next` of the page before. */
  before?: number | undefined;
};

export type TrailReader = {
  /** What the request with this id did; of the records of several accounts that of the caller's account. */
  findByRequestId: (requestId: string) => Promise<TrailRecord | undefined>;
  /** Refusals by policies, newest first, not older than `since` (milliseconds). A page may be short and have a `next`. */
  denialsOf: (query: Backward & { since: number }) => Promise<TrailPage>;
  /** All records, oldest first, not older than `since`. `after` is the `next` of the page before. */
  recordsOf: (query: {
    accountId: string;
    since: number;
    limit: number;
    after?: number | undefined;
  }) => Promise<TrailPage>;
  /** Records that match, newest first, from `since` up to `until`, both included. A page may be short and have a `next`. */
  search: (query: Backward & { since: number; until: number } & Filter) => Promise<TrailPage>;
};

type Filter = {
  /** A text that is in the frame of every match: what has another frame is not parsed. */
  contains?: string | undefined;
  matches: (record: TrailRecord) => boolean;
};

type Head = { id: number; startedAt: number; fromAt: number; toAt: number };

type Block = Head & { accountId: string; seq: number; records: Uint8Array };

const headColumns = "id, started_at AS startedAt, from_at AS fromAt, to_at AS toAt";
const blockColumns = `${headColumns}, account_id AS accountId, seq, records`;
const headsPerStep = 1_000;
const isAny = () => true;

/** Lets others run before it resolves. */
export function breathe(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** `open` answers undefined while there is no file to read, `settle` writes what waits to be written. */
export function makeTrailReader(open: () => Sqlite | undefined, settle: () => Promise<void>): TrailReader {
  const first = <Row>(sql: string, ...values: readonly (string | number)[]): Row | undefined =>
    open()
      ?.query<Row, (string | number)[]>(sql)
      .get(...values) ?? undefined;

  /** The block that the place before `place` is in, or the last one before it. */
  const blockBefore = (accountId: string, place: number, where = "") =>
    first<Block>(
      `SELECT ${blockColumns} FROM trail WHERE account_id = ? AND seq < ? ${where} ORDER BY seq DESC LIMIT 1`,
      accountId,
      place,
    );

  const blockAfter = (accountId: string, place: number) =>
    first<Block>(
      `SELECT ${blockColumns} FROM trail WHERE account_id = ? AND seq > ? ORDER BY seq LIMIT 1`,
      accountId,
      place,
    );

  /** The place behind all records up to `at`, as far as the clock never went back. */
  const placeAt = (accountId: string, at: number): number =>
    first<{ end: number }>(
      `SELECT seq + count AS end FROM trail WHERE account_id = ? AND from_at <= ? ORDER BY from_at DESC LIMIT 1`,
      accountId,
      at,
    )?.end ?? 0;

  const backward = async (
    { accountId, limit, before, since, until, contains, matches }: Parameters<TrailReader["search"]>[0],
    where?: string,
  ): Promise<TrailPage> => {
    await settle();
    const found: Placed[] = [];
    let place = before ?? placeAt(accountId, until);
    for (let opened = 0; opened < limits.trailBlocksPerSearch; opened += 1) {
      const block = blockBefore(accountId, place, where);
      if (!block || block.toAt < since) return { records: found, next: undefined };
      const unpacked = unpack(block.records);
      const { frames, kept } = unpacked;
      const isPossible = frames.map((frame) => contains === undefined || frame.includes(contains));
      for (let index = Math.min(place - block.seq, kept.length) - 1; index >= 0; index -= 1) {
        const one = kept[index];
        if (!one || !isPossible[one.frame] || one.at < since || one.at > until) continue;
        const record = recordOf(unpacked, one);
        if (!matches(record)) continue;
        found.push({ record, place: block.seq + index });
        if (found.length >= limit) return { records: found, next: block.seq + index || undefined };
      }
      place = block.seq;
      await breathe();
    }
    return { records: found, next: place };
  };

  const recordsOf: TrailReader["recordsOf"] = async ({ accountId, since, limit, after }) => {
    await settle();
    const found: Placed[] = [];
    let place = after ?? blockBefore(accountId, placeAt(accountId, since))?.seq ?? 0;
    for (let opened = 0; opened < limits.trailBlocksPerSearch; opened += 1) {
      let block = blockBefore(accountId, place + 1);
      let unpacked = block && unpack(block.records);
      if (!block || !unpacked || block.seq + unpacked.kept.length <= place) {
        block = blockAfter(accountId, place);
        if (!block) return { records: found, next: undefined };
        unpacked = unpack(block.records);
      }
      for (const [index, one] of unpacked.kept.entries()) {
        if (block.seq + index < place || one.at < since) continue;
        found.push({ record: recordOf(unpacked, one), place: block.seq + index });
        if (found.length >= limit) return { records: found, next: block.seq + index + 1 };
      }
      place = block.seq + unpacked.kept.length;
      await breathe();
    }
    return { records: found, next: place };
  };

  const findByRequestId: TrailReader["findByRequestId"] = async (requestId) => {
    const startedAt = timeOfUuid(requestId);
    if (startedAt === undefined) return undefined;
    await settle();
    let found: TrailRecord | undefined;
    let foundAt = 0;
    for await (const head of headsFrom(open, startedAt, limits.trailHeadsPerSearch)) {
      if (found && head.fromAt > foundAt) return found;
      if (head.startedAt > startedAt) continue;
      const block = first<Block>(`SELECT ${blockColumns} FROM trail WHERE id = ?`, head.id);
      const unpacked = block && unpack(block.records);
      const kept = unpacked?.kept.find((one) => one.requestId === requestId);
      if (!kept || !unpacked) continue;
      foundAt = kept.at;
      const record = recordOf(unpacked, kept);
      if (record.sharedEventID === undefined || record.userIdentity.accountId === record.recipientAccountId)
        return record;
      found ??= record;
    }
    return found;
  };

  return {
    findByRequestId,
    recordsOf,
    search: (query) => backward(query),
    denialsOf: (query) =>
      backward(
        {
          ...query,
          until: Number.MAX_SAFE_INTEGER,
          contains: '"errorCode":"AccessDenied"',
          matches: isAny,
        },
        "AND denied > 0",
      ),
  };
}

/** The JSON lines of all accounts, or of one, in the order of time up to what a block holds. For a snapshot of the file. */
export async function* exportLines(
  sqlite: Sqlite,
  { since, until, accountId }: { since: number; until: number; accountId: string | undefined },
): AsyncGenerator<readonly string[]> {
  for await (const { id, fromAt } of headsFrom(() => sqlite, since)) {
    if (fromAt > until) continue;
    const block = sqlite.query<Block, [number]>(`SELECT ${blockColumns} FROM trail WHERE id = ?`).get(id);
    if (!block || (accountId !== undefined && block.accountId !== accountId)) continue;
    const unpacked = unpack(block.records);
    yield unpacked.kept.filter(({ at }) => at >= since && at <= until).map((one) => jsonOf(unpacked, one));
  }
}

/** Heads of blocks that have records of `since` or later, in the order of their last records; at most `limit`. */
async function* headsFrom(
  open: () => Sqlite | undefined,
  since: number,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Head> {
  let [toAt, id] = [since, -1];
  for (let seen = 0; seen < limit; ) {
    const heads =
      open()
        ?.query<Head, [number, number, number]>(
          `SELECT ${headColumns} FROM trail WHERE (to_at, id) > (?, ?) ORDER BY to_at, id LIMIT ?`,
        )
        .all(toAt, id, headsPerStep) ?? [];
    yield* heads;
    const last = heads.at(-1);
    if (!last || heads.length < headsPerStep) return;
    [toAt, id] = [last.toAt, last.id];
    seen += heads.length;
    await breathe();
  }
}
