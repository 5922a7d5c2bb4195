import { type Db, prepared, type Queryable } from "@driftlock/db";

/**
 * A database whose every query is planned once by each connection: a run asks the same ones tens of thousands of times,
 * and planning them is more work than what they do. What they answer is the same.
 */
export function prepareQueries(db: Db): Db {
  const names = new Map<string, string>();
  /** One text has one name, which a query of several texts has not. */
  const nameOf = (text: string): string => {
    const name = names.get(text) ?? `q${names.size}`;
    names.set(text, name);
    return name;
  };
  const over = (q: Queryable): Queryable => ({
    rows: (_name, query) => q.rows(nameOf(query.text), prepared(query)),
    row: (_name, query) => q.row(nameOf(query.text), prepared(query)),
    run: (_name, query) => q.run(nameOf(query.text), prepared(query)),
  });
  return {
    ...db,
    ...over(db),
    transaction: (work) => db.transaction((tx) => work({ client: tx.client, ...over(tx) })),
  };
}
