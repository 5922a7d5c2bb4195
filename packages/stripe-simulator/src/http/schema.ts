/** The subset of JSON Schema that the generator writes; `$ref` names a definition. */
export interface Schema {
  $ref?: string;
  type?: "object" | "array" | "string" | "number" | "boolean" | "null";
  format?: "decimal";
  enum?: (string | number | boolean)[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: false | Schema;
}

export interface Schemas {
  roots: Record<string, Schema>;
  definitions: Record<string, Schema>;
}

export type Mismatch =
  | { kind: "unknown"; path: string[] }
  | { kind: "missing"; path: string[] }
  | { kind: "enum"; path: string[]; allowed: string[] }
  | { kind: "type"; path: string[]; expected: string; value: unknown };

export type Walked = { value: unknown; mismatch?: never } | { mismatch: Mismatch };

interface Walk {
  definitions: Record<string, Schema>;
  /** Form values are strings: numbers, booleans and arrays are read out of them. */
  coerces: boolean;
}

const NUMERIC = /^-?\d+(\.\d+)?$/;
/** Stripe's types say `number` for both; only these may have a fraction. */
const FRACTIONAL = /percent|rate|value$/;

/** Checks `value` against a schema and returns it (coerced), or the first mismatch with its path. */
export function walk(walking: Walk, schema: Schema, value: unknown, path: string[]): Walked {
  if (schema.$ref !== undefined) return walk(walking, walking.definitions[schema.$ref] ?? {}, value, path);
  if (schema.anyOf !== undefined) return walkUnion(walking, schema.anyOf, value, path);
  if (schema.enum !== undefined) return walkEnum(walking, schema.enum, value, path);
  switch (schema.type) {
    case undefined:
      return { value };
    case "object":
      return walkObject(walking, schema, value, path);
    case "array":
      return walkArray(walking, schema.items ?? {}, value, path);
    default:
      return walkPrimitive(walking, schema, value, path);
  }
}

function walkUnion(walking: Walk, branches: Schema[], value: unknown, path: string[]): Walked {
  let deepest: Mismatch | undefined;
  for (const branch of walking.coerces ? branches.toSorted((a, b) => rank(a) - rank(b)) : branches) {
    const walked = walk(walking, branch, value, path);
    if (walked.mismatch === undefined) return walked;
    if (
      deepest === undefined ||
      walked.mismatch.path.length > deepest.path.length ||
      isCloser(walked.mismatch, deepest)
    )
      deepest = walked.mismatch;
  }
  return { mismatch: deepest ?? { kind: "type", path, expected: "value", value } };
}

/** An exact literal says more than a number, and a number more than any string. */
const rank = (schema: Schema): number => {
  if (schema.enum !== undefined) return 0;
  if (schema.type === "null") return 3;
  return schema.type === "string" ? (schema.format === undefined ? 1 : 0) : 2;
};

const isCloser = (a: Mismatch, b: Mismatch): boolean =>
  a.path.length === b.path.length && b.kind === "type" && a.kind !== "type";

function walkEnum(
  { coerces }: Walk,
  allowed: (string | number | boolean)[],
  value: unknown,
  path: string[],
): Walked {
  const found = allowed.find((each) => each === value || (coerces && String(each) === value));
  return found === undefined
    ? { mismatch: { kind: "enum", path, allowed: allowed.map(String) } }
    : { value: found };
}

function walkObject(walking: Walk, schema: Schema, value: unknown, path: string[]): Walked {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { mismatch: { kind: "type", path, expected: "object", value } };
  const result: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    const known = Object.hasOwn(schema.properties ?? {}, key)
      ? schema.properties?.[key]
      : schema.additionalProperties;
    if (known === undefined || known === false)
      return { mismatch: { kind: "unknown", path: [...path, key] } };
    const walked = walk(walking, known, inner, [...path, key]);
    if (walked.mismatch !== undefined) return walked;
    result[key] = walked.value;
  }
  const missing = schema.required?.find((key) => result[key] === undefined);
  return missing === undefined
    ? { value: result }
    : { mismatch: { kind: "missing", path: [...path, missing] } };
}

function walkArray(walking: Walk, items: Schema, value: unknown, path: string[]): Walked {
  const elements = walking.coerces && isIndexed(value) ? Object.values(value) : value;
  if (!Array.isArray(elements)) return { mismatch: { kind: "type", path, expected: "array", value } };
  const result: unknown[] = [];
  for (const [index, inner] of elements.entries()) {
    const walked = walk(walking, items, inner, [...path, String(index)]);
    if (walked.mismatch !== undefined) return walked;
    result.push(walked.value);
  }
  return { value: result };
}

const isIndexed = (value: unknown): value is object =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).every((key) => /^\d+$/.test(key));

function walkPrimitive({ coerces }: Walk, schema: Schema, value: unknown, path: string[]): Walked {
  const mismatch: Mismatch = { kind: "type", path, expected: schema.type ?? "value", value };
  switch (schema.type) {
    case "null":
      return value === null ? { value } : { mismatch };
    case "boolean":
      if (coerces && (value === "true" || value === "false")) return { value: value === "true" };
      return typeof value === "boolean" ? { value } : { mismatch };
    case "number": {
      const number = coerces && typeof value === "string" && NUMERIC.test(value) ? Number(value) : value;
      if (typeof number !== "number") return { mismatch };
      const isWhole = Number.isSafeInteger(number) || FRACTIONAL.test(path.at(-1) ?? "");
      return isWhole ? { value: number } : { mismatch };
    }
    default: {
      if (typeof value !== "string") return { mismatch };
      const isFine = schema.format !== "decimal" || NUMERIC.test(value) || (coerces && value === "");
      return isFine ? { value } : { mismatch: { ...mismatch, expected: "decimal" } };
    }
  }
}
