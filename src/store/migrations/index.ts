/** Every migration there is, in order. Append only: what has run somewhere is never changed. */
import type { Migration } from "kysely";
import { up as registry } from "./0001-registry.ts";
import { up as identities } from "./0002-identities.ts";
import { up as referencesByTarget } from "./0003-references-by-target.ts";

export const migrations: Readonly<Record<string, Migration>> = {
  "0001-registry": { up: registry },
  "0002-identities": { up: identities },
  "0003-references-by-target": { up: referencesByTarget },
};
