/** SQL text with its parameters; made by the `sql` tag only, so that no value is ever spliced into text. */
export interface Sql {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Planned once by each connection and kept under the query's name, which then has this text only. */
  readonly isPrepared?: boolean;
}

/** For a query that runs all the time; never for one whose best plan follows from its values. */
export const prepared = (query: Sql): Sql => ({ ...query, isPrepared: true });

/** Tags SQL: every interpolation becomes a parameter. Cast each one (`${ids}::text[]`) in the text. */
export function sql(strings: TemplateStringsArray, ...values: unknown[]): Sql {
  return { text: strings.reduce((text, part, index) => `${text}$${index}${part}`), values };
}
