/** What the functions of this layer need from the program; made once in `main.ts`, by hand in unit tests. */

import type { KeyUses } from "../access/credentials/key-uses.ts";
import type { Authority } from "../access/decisions/authority.ts";
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/ids.ts";
import type { Log } from "../lib/log.ts";
import type { Blobs } from "../store/blobs.ts";
import type { Database } from "../store/database.ts";
import type { Secrets } from "../store/secrets.ts";
import type { Trail } from "../store/trail.ts";
import type { PullTimes } from "./pull-times.ts";

export type Services = {
  db: Database;
  blobs: Blobs;
  secrets: Secrets;
  authority: Authority;
  clock: Clock;
  ids: Ids;
  log: Log;
  pullTimes: PullTimes;
  keyUses: KeyUses;
  trail: Trail;
};
