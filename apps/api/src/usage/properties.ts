import { propertiesBytesMax, propertiesKeysMax } from "@driftlock/contracts";

// Postgres stores neither NUL nor half a surrogate pair in JSON.
const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes("\u0000");

/**
 * An event's properties as canonical JSON (keys sorted by code unit), null where there are none.
 * @returns what is wrong with them as `fault`. Written as text throughout: a key like `__proto__` is one like any other.
 */
export function canonicalProperties(properties: unknown): string | null | { fault: string } {
  if (properties === undefined) return null;
  if (typeof properties !== "object" || properties === null || Array.isArray(properties)) {
    return { fault: "properties must be an object" };
  }
  const keys = Object.keys(properties);
  if (keys.length === 0) return null;
  if (keys.length > propertiesKeysMax)
    return { fault: `properties may have ${propertiesKeysMax} keys at most` };
  const json = writeCanonical(properties as Record<string, unknown>, keys);
  if (typeof json !== "string") return json;
  if (json.length > propertiesBytesMax / 3 && Buffer.byteLength(json) > propertiesBytesMax) {
    return { fault: `properties may take ${propertiesBytesMax} bytes of JSON at most` };
  }
  return json;
}

function writeCanonical(properties: Record<string, unknown>, keys: string[]): string | { fault: string } {
  let areSorted = true;
  let before = "";
  for (const key of keys) {
    const value = properties[key];
    const kind = typeof value;
    const isScalar =
      kind === "string" ||
      kind === "boolean" ||
      value === null ||
      (kind === "number" && Number.isFinite(value));
    if (!isScalar) return { fault: `properties.${JSON.stringify(key)} ${faultOfValue(value)}` };
    if (key < before) areSorted = false;
    before = key;
  }
  const json = areSorted
    ? JSON.stringify(properties)
    : `{${keys
        .sort((one, other) => (one < other ? -1 : 1))
        .map((key) => `${JSON.stringify(key)}:${JSON.stringify(properties[key])}`)
        .join(",")}}`;
  // What cannot be stored is written as an escape, and hardly anything else is.
  return json.includes("\\u") ? refuseUnstorable(properties, keys, json) : json;
}

const faultOfValue = (value: unknown): string =>
  typeof value === "number" ? "is too large a number" : "must be a string, a number, true, false or null";

function refuseUnstorable(
  properties: Record<string, unknown>,
  keys: readonly string[],
  json: string,
): string | { fault: string } {
  for (const key of keys) {
    const name = `properties.${JSON.stringify(key)}`;
    const value = properties[key];
    if (!isStorable(key)) return { fault: `${name} has a key that is not valid Unicode text` };
    if (typeof value === "string" && !isStorable(value))
      return { fault: `${name} is not valid Unicode text` };
  }
  return json;
}
