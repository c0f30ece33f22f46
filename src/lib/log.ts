/** The log: one JSON object a line on standard error, by pino. */
import { destination, type Logger, pino } from "pino";

export type Log = Logger;

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** Synchronous, because a log that is lost when the process dies is the one that was needed. */
export function makeLog(level: string): Log {
  return pino(
    { level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` },
    destination({ fd: 2, sync: true }),
  );
}
