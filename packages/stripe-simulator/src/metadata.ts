import { invalidRequest } from "./errors.ts";

type Metadata = Record<string, string>;
type MetadataChange = Record<string, string | number | null> | "" | null | undefined;

const KEYS_MAX = 50;
const KEY_LENGTH_MAX = 40;
const VALUE_LENGTH_MAX = 500;

/** Merges a `metadata` parameter as Stripe does: an empty value unsets a key, an empty parameter unsets all. */
export function applyMetadata(before: Metadata | null, change: MetadataChange): Metadata {
  if (change === undefined) return before ?? {};
  if (change === "" || change === null) return {};
  const merged: Metadata = { ...before };
  for (const [key, value] of Object.entries(change)) {
    if (key.length > KEY_LENGTH_MAX)
      throw invalidRequest(`Metadata keys can be at most ${KEY_LENGTH_MAX} characters long.`, {
        param: `metadata[${key}]`,
      });
    if (String(value).length > VALUE_LENGTH_MAX)
      throw invalidRequest(`Metadata values can have up to ${VALUE_LENGTH_MAX} characters.`, {
        param: `metadata[${key}]`,
      });
    if (value === "" || value === null) delete merged[key];
    else merged[key] = String(value);
  }
  if (Object.keys(merged).length > KEYS_MAX)
    throw invalidRequest(`You can have up to ${KEYS_MAX} metadata keys.`, { param: "metadata" });
  return merged;
}
