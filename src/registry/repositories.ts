/** Repositories: the rows of `repositories`. A deleted one disappears at once and is emptied in steps by a job. */
import type { Selectable } from "kysely";
import type { RepositoryAddress } from "../lib/arn.ts";
import type { Clock } from "../lib/clock.ts";
import { fault } from "../lib/faults.ts";
import { prepared, type Queryable, type Tx } from "../store/database.ts";
import { emit } from "../store/events.ts";
import { enqueue } from "../store/queue.ts";
import type { Tables } from "../store/tables.ts";
import type { ExclusionFilter, MutabilityRule, TagMutability } from "./mutability.ts";

export type Repository = RepositoryAddress & {
  id: number;
  /** Milliseconds since the epoch. */
  createdAt: number;
  mutability: MutabilityRule;
  scanOnPush: boolean;
};

/** The kind of the job that removes a deleted repository's rows. */
export const purgeJob = "repository.purge";

const columns = [
  "id",
  "account_id",
  "region",
  "name",
  "created_at",
  "tag_mutability",
  "tag_mutability_filters",
  "scan_on_push",
] as const;

type Row = Pick<Selectable<Tables["repositories"]>, (typeof columns)[number]>;

/** Throws RepositoryAlreadyExists. */
export async function createRepository(
  tx: Tx,
  clock: Clock,
  wanted: RepositoryAddress & { mutability: MutabilityRule; scanOnPush: boolean },
): Promise<Repository> {
  const row = await tx
    .insertInto("repositories")
    .values({
      account_id: wanted.accountId,
      region: wanted.region,
      name: wanted.repositoryName,
      created_at: clock.now(),
      ...mutabilityColumns(wanted.mutability),
      scan_on_push: wanted.scanOnPush ? 1 : 0,
      encryption_type: "AES256",
      deleted_at: null,
    })
    .onConflict((conflict) =>
      conflict.columns(["account_id", "region", "name"]).where("deleted_at", "is", null).doNothing(),
    )
    .returning(columns)
    .executeTakeFirst();
  if (!row) throw fault("RepositoryAlreadyExists", inMessages(wanted));
  await emit(tx, clock, "repository.created", addressOf(wanted));
  return fromRow(row);
}

const byAddress = prepared<[string, string, string], Row>((db) =>
  db
    .selectFrom("repositories")
    .select(columns)
    .where("account_id", "=", "")
    .where("region", "=", "")
    .where("name", "=", "")
    .where("deleted_at", "is", null),
);

/** Throws RepositoryNotFound. */
export async function getRepository(db: Queryable, address: RepositoryAddress): Promise<Repository> {
  const row = await byAddress(db, address.accountId, address.region, address.repositoryName);
  if (!row) throw fault("RepositoryNotFound", inMessages(address));
  return fromRow(row);
}

const byId = prepared<[number], Row>((db) =>
  db.selectFrom("repositories").select(columns).where("id", "=", 0).where("deleted_at", "is", null),
);

export async function findRepositoryById(db: Queryable, id: number): Promise<Repository | undefined> {
  const row = await byId(db, id);
  return row && fromRow(row);
}

/** Repositories of one registry in the byte order of their names, after the name `after`; `limit` at most. */
export async function listRepositories(
  db: Queryable,
  page: { accountId: string; region: string; after: string; limit: number },
): Promise<Repository[]> {
  const rows = await db
    .selectFrom("repositories")
    .select(columns)
    .where("account_id", "=", page.accountId)
    .where("region", "=", page.region)
    .where("name", ">", page.after)
    .where("deleted_at", "is", null)
    .orderBy("name")
    .limit(page.limit)
    .execute();
  return rows.map(fromRow);
}

export async function setMutability(tx: Tx, repositoryId: number, rule: MutabilityRule): Promise<void> {
  await tx.updateTable("repositories").set(mutabilityColumns(rule)).where("id", "=", repositoryId).execute();
}

export async function setScanOnPush(tx: Tx, repositoryId: number, scanOnPush: boolean): Promise<void> {
  await tx
    .updateTable("repositories")
    .set({ scan_on_push: scanOnPush ? 1 : 0 })
    .where("id", "=", repositoryId)
    .execute();
}

/** Hides the repository and leaves its rows to the purge job. The caller has checked that it may go. */
export async function deleteRepository(tx: Tx, clock: Clock, repository: Repository): Promise<void> {
  await tx
    .updateTable("repositories")
    .set({ deleted_at: clock.now() })
    .where("id", "=", repository.id)
    .where("deleted_at", "is", null)
    .execute();
  await emit(tx, clock, "repository.deleted", { ...addressOf(repository), repositoryId: repository.id });
  await enqueue(tx, { kind: purgeJob, payload: { repositoryId: repository.id }, runAt: clock.now() });
}

/** Removes the row of a deleted repository; everything that refers to it must be gone. */
export async function forgetRepository(tx: Tx, repositoryId: number): Promise<void> {
  await tx
    .deleteFrom("repositories")
    .where("id", "=", repositoryId)
    .where("deleted_at", "is not", null)
    .execute();
}

/** How ECR's sentences name a repository. */
export function inMessages(address: RepositoryAddress): { repositoryName: string; registryId: string } {
  return { repositoryName: address.repositoryName, registryId: address.accountId };
}

/** The address alone, without what else a repository carries. */
export function addressOf({ accountId, region, repositoryName }: RepositoryAddress): RepositoryAddress {
  return { accountId, region, repositoryName };
}

function mutabilityColumns(rule: MutabilityRule) {
  return {
    tag_mutability: rule.mode,
    tag_mutability_filters: rule.filters.length > 0 ? JSON.stringify(rule.filters) : null,
  };
}

function fromRow(row: Row): Repository {
  return {
    id: row.id,
    accountId: row.account_id,
    region: row.region,
    repositoryName: row.name,
    createdAt: row.created_at,
    mutability: {
      mode: row.tag_mutability as TagMutability,
      filters:
        row.tag_mutability_filters === null
          ? []
          : (JSON.parse(row.tag_mutability_filters) as ExclusionFilter[]),
    },
    scanOnPush: row.scan_on_push === 1,
  };
}
