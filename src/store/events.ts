/** What happened, written in the transaction that made it true. `worker.ts` lists who listens. */
import type { Clock } from "../lib/clock.ts";
import type { Tx } from "./database.ts";

type RepositoryEvent = { accountId: string; region: string; repositoryName: string };
type ImageEvent = RepositoryEvent & { imageDigest: string; imageTag?: string | undefined };

type Events = {
  "repository.created": RepositoryEvent;
  "repository.deleted": RepositoryEvent & { repositoryId: number };
  "image.pushed": ImageEvent & { mediaType: string };
  "image.deleted": ImageEvent;
};

export type EventType = keyof Events;

export async function emit<T extends EventType>(
  tx: Tx,
  clock: Clock,
  type: T,
  detail: Events[T],
): Promise<void> {
  await tx
    .insertInto("events")
    .values({ at: clock.now(), type, detail: JSON.stringify(detail) })
    .execute();
}

/** The oldest events, at most `count`. */
export function nextEvents(tx: Tx, count: number) {
  return tx.selectFrom("events").select(["id", "at", "type", "detail"]).orderBy("id").limit(count).execute();
}

export async function forgetEvents(tx: Tx, upToId: number): Promise<void> {
  await tx.deleteFrom("events").where("id", "<=", upToId).execute();
}
