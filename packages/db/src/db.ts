import pg from "pg";
import { isConnectionError, isTransactionConflict, unavailable } from "./errors.ts";
import type { Sql } from "./sql.ts";

const transactionTriesMax = 5;
const int8Oid = 20;

// Every bigint of the schema is a quantity or a money amount below 2^53 by its check; a larger one is a fault.
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is past 2^53`);
  return value;
}

/** A pool or a transaction: queries do not know which. */
export interface Queryable {
  /** All rows. `name` is the query's name in metrics and traces: "<table>.<verb><Noun>". */
  rows<Row>(name: string, query: Sql): Promise<Row[]>;
  /** The first row, or null. */
  row<Row>(name: string, query: Sql): Promise<Row | null>;
  /** How many rows the statement touched. */
  run(name: string, query: Sql): Promise<number>;
}

export interface Transaction extends Queryable {
  /** The connection itself, for COPY. */
  readonly client: pg.PoolClient;
}

export interface Db extends Queryable {
  /**
   * Runs `work` in one transaction (read committed) and commits. A deadlock, serialization failure or lock time-out
   * repeats the whole of `work`, at most 5 times; so `work` holds no effect outside the database.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Resolves when the server answers. */
  ping(): Promise<void>;
  end(): Promise<void>;
}

export interface DbOptions {
  connectionString: string;
  /** Connections at most. (Default: 10.) */
  connectionsMax?: number;
  /** How long a query waits for one of them before it fails; 0 waits for as long as it takes. (Default: 5,000.) */
  connectionWaitMsMax?: number;
  applicationName: string;
  /** Told of every query's wall time, for metrics. */
  onQuery?: (name: string, durationMs: number) => void;
  /** Told of connections that break, so that an outage is logged and never crashes. */
  onConnectionError?: (error: Error) => void;
}

const toConfig = (name: string, { text, values, isPrepared }: Sql): pg.QueryConfig => ({
  text,
  values: [...values],
  ...(isPrepared === true && { name }),
});

function queryableOver(
  execute: (query: pg.QueryConfig) => Promise<pg.QueryResult>,
  options: DbOptions,
): Queryable {
  const timed = async (name: string, query: Sql) => {
    const startedAt = performance.now();
    try {
      return await execute(toConfig(name, query));
    } catch (error) {
      throw isConnectionError(error) ? unavailable(error) : error;
    } finally {
      options.onQuery?.(name, performance.now() - startedAt);
    }
  };
  return {
    rows: async <Row>(name: string, query: Sql) => (await timed(name, query)).rows as Row[],
    row: async <Row>(name: string, query: Sql) =>
      ((await timed(name, query)).rows[0] as Row | undefined) ?? null,
    run: async (name, query) => (await timed(name, query)).rowCount ?? 0,
  };
}

async function runTransaction<T>(
  pool: pg.Pool,
  options: DbOptions,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw isConnectionError(error) ? unavailable(error) : error;
  });
  let broken: Error | undefined;
  try {
    await client.query("begin");
    const queryable = queryableOver((query) => client.query(query), options);
    const result = await work({ ...queryable, client });
    await client.query("commit");
    return result;
  } catch (error) {
    // A connection that cannot roll back is thrown away: the server then rolls back by itself.
    await client.query("rollback").catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw isConnectionError(error) ? unavailable(error) : error;
  } finally {
    client.release(broken);
  }
}

/** Opens a pool. Nothing is connected until the first query. */
export function createDb(options: DbOptions): Db {
  const types = {
    getTypeParser: ((oid: number, format?: "text" | "binary") =>
      oid === int8Oid
        ? parseInt8
        : pg.types.getTypeParser(oid, format as "text")) as typeof pg.types.getTypeParser,
  };
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: options.connectionsMax ?? 10,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectionWaitMsMax ?? 5_000,
    types,
  });
  // The pool listens to idle connections only. One that breaks between two statements, or in the moment when it is
  // handed over or thrown away, would end the process.
  pool.on("connect", (client) => client.on("error", (error) => options.onConnectionError?.(error)));
  pool.on("error", () => {});
  const transaction = async <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await runTransaction(pool, options, work);
      } catch (error) {
        if (tries >= transactionTriesMax || !isTransactionConflict(error)) throw error;
      }
    }
  };
  const queryable = queryableOver((query) => pool.query(query), options);
  return {
    ...queryable,
    transaction,
    ping: async () => {
      await queryable.run("ping", { text: "select 1", values: [] });
    },
    end: () => pool.end(),
  };
}
