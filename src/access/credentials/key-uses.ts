/**
 * When access keys and roles were last used. A request only notes it in memory, and the worker writes what is noted in
 * one batch, since a commit for every request would be the end of all speed. What a crash forgets is at most half a
 * minute of such times.
 */
import { limits } from "../../lib/limits.ts";
import type { Database } from "../../store/database.ts";
import type { Principal } from "../caller.ts";
import { setRoleUses } from "../identities/identities.ts";
import { setKeyUses } from "./keys.ts";

/** `at` in milliseconds since the epoch; `service` is its signing name, such as `ecr`. */
type Use = { at: number; service: string; region: string };
/** `id` is an access key's or a role's. */
type IdentifiedUse = Use & { id: string };

export type KeyUses = {
  /** Who made a request, to which service and where. */
  note: (principal: Principal, use: Use) => void;
  /** The use of a key, or of a role by its unique id, that is noted and not written yet. */
  lastUse: (id: string) => Use | undefined;
  /** Writes what was noted since the last time. */
  flush: (db: Database) => Promise<void>;
};

export function makeKeyUses(): KeyUses {
  let noted = new Map<string, IdentifiedUse>();
  let onTheWay: ReadonlyMap<string, IdentifiedUse> = new Map();
  return {
    note: (principal, { at, service, region }) => {
      const id = usedId(principal);
      if (id === undefined) return;
      const known = noted.get(id);
      if (known) {
        known.at = at;
        known.service = service;
        known.region = region;
      } else if (noted.size < limits.pendingKeyUses) noted.set(id, { id, at, service, region });
    },
    lastUse: (id) => noted.get(id) ?? onTheWay.get(id),
    flush: async (db) => {
      if (noted.size === 0 && onTheWay.size === 0) return;
      // What could not be written the last time goes first, so that a later use has the last word.
      const batch = [...onTheWay.values(), ...noted.values()].slice(-limits.pendingKeyUses);
      onTheWay = new Map(batch.map((use) => [use.id, use]));
      noted = new Map();
      for (let from = 0; from < batch.length; from += limits.rowsPerStep) {
        const step = batch.slice(from, from + limits.rowsPerStep);
        await db.write(async (tx) => {
          await setKeyUses(tx, step.filter(isOfKey));
          await setRoleUses(
            tx,
            step.filter((use) => !isOfKey(use)),
          );
        });
      }
      onTheWay = new Map();
    },
  };
}

/** A key's id, or a role's when one of its sessions asks. Other temporary credentials leave no trace at AWS either. */
function usedId({ who, accessKeyId, identityId, session }: Principal): string | undefined {
  if (session === undefined) return accessKeyId;
  return who.kind === "role-session" ? identityId : undefined;
}

/** Roles have ids of one form, and a root's key can be configured to have any. */
function isOfKey({ id }: IdentifiedUse): boolean {
  return !id.startsWith("AROA");
}
