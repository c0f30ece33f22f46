/**
 * The database: SQLite in WAL mode through Kysely, one connection that writes and one that reads. The driver is
 * synchronous, so a transaction holds the writer while nothing but SQL is awaited in it.
 */
import { Database as Sqlite } from "bun:sqlite";
import {
  type CompiledQuery,
  Kysely,
  Migrator,
  SqliteAdapter,
  SqliteDialect,
  SqliteQueryCompiler,
  type Transaction,
} from "kysely";
import { limits } from "../lib/limits.ts";
import { migrations } from "./migrations/index.ts";
import type { Tables } from "./tables.ts";

/** Anything that can be asked: the reader, or a transaction. */
export type Queryable = Kysely<Tables>;
/** An open transaction. Only SQL may be awaited while it lasts. */
export type Tx = Transaction<Tables>;

export type Database = {
  /** For reads outside of transactions; sees what is committed. */
  read: Queryable;
  /** Runs `body` in a transaction that is durable when the promise resolves, and undone when `body` throws. */
  write: <T>(body: (tx: Tx) => Promise<T>) => Promise<T>;
  /** Rises with every transaction: what was read at one revision is true as long as it stays. */
  revision: () => number;
  close: () => Promise<void>;
};

const pragmas = [
  "journal_mode = WAL",
  // An answer of success is durable: WAL with NORMAL could lose the last transactions when the power goes.
  "synchronous = FULL",
  "foreign_keys = ON",
  "busy_timeout = 5000",
  "journal_size_limit = 67108864",
  "temp_store = MEMORY",
];

/** Opens the file at `path`, makes it if need be, and brings its schema up to date. Throws when a migration fails. */
export async function openDatabase(path: string): Promise<Database> {
  const writer = connect(path);
  await migrate(writer);
  const read = connect(path);
  let revision = 0;
  return {
    read,
    revision: () => revision,
    write: async (body) => {
      try {
        return await writer.transaction().execute(body);
      } finally {
        // Before the writer is answered: nobody who knows of the change can read what was before it.
        connections.get(read)?.rows.clear();
        revision += 1;
      }
    },
    close: async () => {
      await read.destroy();
      await writer.destroy();
    },
  };
}

/** Opens an existing database to look at it only, also beside a running server. */
export function openReadOnly(path: string): { read: Queryable; close: () => Promise<void> } {
  const read = kysely(new Sqlite(path, { readonly: true }));
  return { read, close: () => read.destroy() };
}

function connect(path: string): Kysely<Tables> {
  const sqlite = new Sqlite(path, { create: true });
  for (const pragma of pragmas) sqlite.run(`PRAGMA ${pragma}`);
  const db = kysely(sqlite);
  connections.set(db, { sqlite, rows: new Map() });
  return db;
}

/**
 * What is below a connection, for {@link prepared}; a transaction has none here and goes through Kysely. `rows` are those
 * that were read since the last commit. Only this process writes: it holds the lock of the folder.
 */
const connections = new WeakMap<Queryable, { sqlite: Sqlite; rows: Map<string, unknown> }>();

/** Kysely says that SQLite cannot; it can. Without it a migration that is interrupted would stay half done for ever. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): true {
    return true;
  }
}

/**
 * A parameter is written `+?`, which is the same value. In a join with `column = ?` SQLite's planner looks at the value,
 * and a statement whose plan depends on a value is planned anew for every execution: 25 µs in place of 3.
 */
class Compiler extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return "+?";
  }
}

class Dialect extends SqliteDialect {
  override createQueryCompiler(): SqliteQueryCompiler {
    return new Compiler();
  }

  override createAdapter(): TransactionalAdapter {
    return new TransactionalAdapter();
  }
}

/** Kysely's own SQLite dialect, given Bun's driver in the shape that it expects. */
function kysely(sqlite: Sqlite): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new Dialect({
      database: {
        close: () => sqlite.close(),
        prepare: (text) => {
          const statement = sqlite.query<unknown, never[]>(text);
          return {
            reader: statement.columnNames.length > 0,
            all: (parameters) => statement.all(...(parameters as never[])),
            run: (parameters) => {
              // Without space SQLite undoes the transaction by itself, and a failing rollback would hide why.
              if (text === "rollback" && !sqlite.inTransaction) return { changes: 0, lastInsertRowid: 0 };
              return statement.run(...(parameters as never[]));
            },
            iterate: (parameters) => statement.iterate(...(parameters as never[])),
          };
        },
      },
    }),
  });
}

async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/**
 * A query that is compiled once and kept, for the hot path. `build` is called with markers in place of the parameters;
 * they must appear in the query in the order of `Parameters`.
 */
export function prepared<Parameters extends readonly (string | number)[], Row>(
  build: (db: Queryable) => { compile: () => CompiledQuery<Row> },
): (db: Queryable, ...parameters: Parameters) => Promise<Row | undefined> {
  let compiled: CompiledQuery<Row> | undefined;
  const prefix = `${preparedQueries++} `;
  return async (db, ...parameters) => {
    compiled ??= build(db).compile();
    const connection = connections.get(db);
    if (!connection) return (await db.executeQuery<Row>({ ...compiled, parameters })).rows[0];
    const { sqlite, rows } = connection;
    const key = prefix + parameters.join("\n");
    const known = rows.get(key) as Row | undefined;
    if (known !== undefined) return known;
    const row = sqlite.query<Row, (string | number)[]>(compiled.sql).get(...parameters) ?? undefined;
    if (rows.size >= limits.rowsInMemory) rows.clear();
    if (row !== undefined) rows.set(key, row);
    return row;
  };
}

let preparedQueries = 0;
