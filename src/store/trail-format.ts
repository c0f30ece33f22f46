/**
 * What is in a block of the audit. Requests that are alike differ in when they were and in their ids, so a record is kept
 * as these and a frame, and each frame once: a pull takes about 20 bytes.
 */
import { timeOfUuid } from "../lib/ids.ts";
import type { TrailRecord } from "./trail-record.ts";

/** A record without what makes it different from others of its kind. */
export type Frame = Omit<TrailRecord, "eventTime" | "requestID" | "eventID" | "sharedEventID">;

/** One record for one account's trail. */
export type TrailEntry = {
  accountId: string;
  /** When the request was answered, in milliseconds. */
  at: number;
  /** A UUID that begins with the time at which the request came. */
  requestId: string;
  /** A policy refused it. */
  isDenied: boolean;
  /** It is in the trails of other accounts, too. */
  isShared: boolean;
  /** A {@link Frame} as JSON. */
  frame: string;
};

/** A record as it is in a block. */
type Kept = {
  at: number;
  requestId: string;
  /** The account of the trail, where the record is in several; otherwise empty. */
  sharer: string;
  /** The index of its frame. */
  frame: number;
};

type Unpacked = { frames: readonly string[]; kept: readonly Kept[] };

/** The fastest level: what is in one block is so much alike that others gain nothing. */
const level = 1;

/** Frames, an empty line, and a line for each record; under zstd. */
export function pack(
  entries: Iterable<Pick<Kept, "at" | "requestId" | "sharer"> & { frame: string }>,
): Uint8Array {
  const frames = new Map<string, number>();
  let lines = "";
  for (const { at, requestId, sharer, frame } of entries) {
    let index = frames.get(frame);
    if (index === undefined) {
      index = frames.size;
      frames.set(frame, index);
    }
    lines += `\n${index} ${at} ${requestId} ${sharer}`;
  }
  return Bun.zstdCompressSync(`${[...frames.keys()].join("\n")}\n${lines}`, { level });
}

export function unpack(block: Uint8Array): Unpacked {
  const text = new TextDecoder().decode(Bun.zstdDecompressSync(block as Uint8Array<ArrayBuffer>));
  const end = text.indexOf("\n\n");
  const kept = text
    .slice(end + 2)
    .split("\n")
    .map((line) => {
      const [frame, at, requestId = "", sharer = ""] = line.split(" ", 4);
      return { frame: Number(frame), at: Number(at), requestId, sharer };
    });
  return { frames: text.slice(0, end).split("\n"), kept };
}

/** The record's JSON, in one line. */
export function jsonOf({ frames }: Unpacked, { frame, at, requestId, sharer }: Kept): string {
  // In whole seconds, as CloudTrail has it; the id of the event begins with the milliseconds.
  const time = new Date(at).toISOString().slice(0, 19);
  const id = eventIdOf(at, requestId);
  const ids =
    sharer === "" ? `"eventID":"${id}"` : `"eventID":"${id.slice(0, 24)}${sharer}","sharedEventID":"${id}"`;
  return `{"eventTime":"${time}Z","requestID":"${requestId}",${ids},${(frames[frame] ?? "{}").slice(1)}`;
}

/**
 * RFC 9562, version 8: the time of the answer, and what is random in the request's id. In the trails of several accounts
 * each has its own number for the last part.
 */
function eventIdOf(at: number, requestId: string): string {
  const time = at.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-8${requestId.slice(15)}`;
}

/** When an event was, by its id; undefined when it is none of ours. */
export function timeOfEvent(eventId: string): number | undefined {
  return /^.{14}8/.test(eventId) ? timeOfUuid(`${eventId.slice(0, 14)}7${eventId.slice(15)}`) : undefined;
}

export function recordOf(unpacked: Unpacked, kept: Kept): TrailRecord {
  return JSON.parse(jsonOf(unpacked, kept)) as TrailRecord;
}
