/** SQL text with its parameters; made by the `sql` tag only, so that no value is ever spliced into text. */
export interface Sql {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Tags SQL: every interpolation becomes a parameter. Cast each one (`${ids}::text[]`) in the text. */
export function sql(strings: TemplateStringsArray, ...values: unknown[]): Sql {
  return { text: strings.reduce((text, part, index) => `${text}$${index}${part}`), values };
}
