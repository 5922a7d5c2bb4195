import { propertiesBytesMax, propertiesKeysMax } from "@driftlock/contracts";

// Postgres stores neither NUL nor half a surrogate pair in JSON.
const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes("\u0000");

/**
 * An event's properties as canonical JSON (keys sorted by code unit), null where there are none, or what is wrong with
 * them. Written as text throughout: a key like `__proto__` is a key like any other.
 */
export function canonicalProperties(properties: unknown): { json: string | null } | { fault: string } {
  if (properties === undefined) return { json: null };
  if (typeof properties !== "object" || properties === null || Array.isArray(properties)) {
    return { fault: "properties must be an object" };
  }
  const entries = Object.entries(properties);
  if (entries.length === 0) return { json: null };
  if (entries.length > propertiesKeysMax)
    return { fault: `properties may have ${propertiesKeysMax} keys at most` };
  for (const [key, value] of entries) {
    const fault = faultOfValue(value);
    if (fault !== null || !isStorable(key)) {
      return {
        fault: `properties.${JSON.stringify(key)} ${fault ?? "has a key that is not valid Unicode text"}`,
      };
    }
  }
  const members = entries
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const json = `{${members.join(",")}}`;
  if (Buffer.byteLength(json) > propertiesBytesMax) {
    return { fault: `properties may take ${propertiesBytesMax} bytes of JSON at most` };
  }
  return { json };
}

function faultOfValue(value: unknown): string | null {
  if (typeof value === "string") return isStorable(value) ? null : "is not valid Unicode text";
  if (typeof value === "number") return Number.isFinite(value) ? null : "is too large a number";
  return typeof value === "boolean" || value === null
    ? null
    : "must be a string, a number, true, false or null";
}
