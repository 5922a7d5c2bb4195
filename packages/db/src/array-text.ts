/**
 * An array as Postgres reads it, for thousands of short texts that need no escape: pg looks at each by itself, at ten
 * times the cost. Where one does need it, the array is left to pg.
 */
export function textArray(values: readonly string[]): string | readonly string[] {
  if (values.length === 0 || /[\\"]/.test(values.join(""))) return values;
  return `{"${values.join('","')}"}`;
}

/** An array of numbers as Postgres reads it. */
export const numberArray = (values: readonly number[]): string => `{${values.join(",")}}`;
