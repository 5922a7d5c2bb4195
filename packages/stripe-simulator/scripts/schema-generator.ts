import { fileURLToPath } from "node:url";
import ts from "typescript6";

export type Schema = Record<string, unknown>;

interface Names {
  params: string[];
  answers: string[];
}

/** Types that the package has but does not export by name. */
const UNEXPORTED: Record<string, string> = {
  "V2.Billing.MeterEventStreamCreateParams":
    'Parameters<Stripe["v2"]["billing"]["meterEventStream"]["create"]>[0]',
};

const ENTRY = fileURLToPath(new URL("../src/names.generated.ts", import.meta.url));

/**
 * JSON Schemas of the named types of the `stripe` package, closed over references: `{ definitions, roots }`, where
 * `roots` is the schema of each name. Closed enums (Stripe's open ones lose their "or any string"), no unknown keys,
 * decimals as numeric strings. An expandable reference to an object that no route answers with is its id alone.
 */
export function generateSchemas(names: Names): {
  roots: Record<string, Schema>;
  definitions: Record<string, Schema>;
} {
  const all = [...new Set([...names.answers, ...names.params])];
  const { checker, types } = readTypes(all);
  const answered = new Set(
    names.answers.map((name) => objectLiteral(checker, types.get(name))).filter((each) => each !== undefined),
  );
  const build = createBuilder(checker, answered);
  const roots = Object.fromEntries(all.map((name) => [name, build.schemaOf(must(types.get(name), name))]));
  return { roots, definitions: build.definitions };
}

function readTypes(names: string[]) {
  const source = [
    'import type Stripe from "stripe";',
    ...names.map((name, index) => `export type T${index} = ${UNEXPORTED[name] ?? `Stripe.${name}`};`),
  ].join("\n");
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2024,
    types: ["node"],
    noEmit: true,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => path === ENTRY || fileExists(path);
  host.getSourceFile = (path, target, ...rest) =>
    path === ENTRY ? ts.createSourceFile(path, source, target) : getSourceFile(path, target, ...rest);
  const program = ts.createProgram([ENTRY], options, host);
  const file = must(program.getSourceFile(ENTRY), ENTRY);
  const fault = program.getSemanticDiagnostics(file)[0];
  if (fault !== undefined) throw new Error(ts.flattenDiagnosticMessageText(fault.messageText, "\n"));
  const checker = program.getTypeChecker();
  const aliases = file.statements.filter(ts.isTypeAliasDeclaration);
  return {
    checker,
    types: new Map(aliases.map((alias, index) => [names[index] ?? "", checker.getTypeAtLocation(alias)])),
  };
}

function createBuilder(checker: ts.TypeChecker, answered: Set<string>) {
  const definitions: Record<string, Schema> = {};
  const nameOf = new Map<ts.Type, string>();

  const named = (type: ts.Type): Schema => {
    const known = nameOf.get(type);
    if (known !== undefined) return { $ref: known };
    const base = checker.typeToString(
      type,
      undefined,
      ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseFullyQualifiedType,
    );
    const short =
      base
        .replace(/import\([^)]*\)\.?/g, "")
        .replaceAll("default.", "")
        .slice(0, 80) || "Anonymous";
    let name = short;
    for (let count = 2; name in definitions; count++) name = `${short}#${count}`;
    nameOf.set(type, name);
    definitions[name] = {};
    definitions[name] = objectSchema(type);
    return { $ref: name };
  };

  const objectSchema = (type: ts.Type): Schema => {
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    for (const property of checker.getPropertiesOfType(type)) {
      const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
      const propertyType = checker.getTypeOfSymbol(property);
      if (propertyType.getCallSignatures().length > 0) continue;
      const schema = schemaOrNever(propertyType);
      if (schema === null) continue;
      properties[property.name] = schema;
      if (!isOptional) required.push(property.name);
    }
    const index = checker.getIndexInfoOfType(type, ts.IndexKind.String);
    return {
      type: "object",
      ...(Object.keys(properties).length > 0 ? { properties } : {}),
      ...(required.length > 0 ? { required } : {}),
      additionalProperties: index === undefined ? false : schemaOf(index.type),
    };
  };

  const unionSchema = (type: ts.UnionType): Schema | null => {
    const parts = withoutUnanswered(checker, type.types, answered);
    const literals: ts.Type[] = parts.filter((part) => part.isStringLiteral() || part.isNumberLiteral());
    const isBoolean = parts.some((part) => (part.flags & ts.TypeFlags.BooleanLiteral) !== 0);
    const branches: Schema[] = [];
    const values = literals.map((part) => (part as ts.LiteralType).value);
    if (values.length > 0) branches.push({ enum: values });
    if (isBoolean) branches.push({ type: "boolean" });
    for (const part of parts) {
      if (literals.includes(part) || (part.flags & ts.TypeFlags.BooleanLiteral) !== 0) continue;
      if (values.some((value) => value !== "") && isOtherString(part)) continue;
      const schema = schemaOrNever(part);
      if (schema !== null) branches.push(schema);
    }
    return branches.length === 1 ? (branches[0] ?? null) : branches.length === 0 ? null : { anyOf: branches };
  };

  const schemaOrNever = (type: ts.Type): Schema | null => {
    const never = ts.TypeFlags.Undefined | ts.TypeFlags.Void | ts.TypeFlags.Never;
    if ((type.flags & never) !== 0) return null;
    if ((type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.NonPrimitive)) !== 0) return {};
    if ((type.flags & ts.TypeFlags.Null) !== 0) return { type: "null" };
    if (type.isStringLiteral() || type.isNumberLiteral()) return { enum: [type.value] };
    if ((type.flags & ts.TypeFlags.BooleanLiteral) !== 0)
      return { enum: [checker.typeToString(type) === "true"] };
    if ((type.flags & ts.TypeFlags.Boolean) !== 0) return { type: "boolean" };
    if ((type.flags & ts.TypeFlags.String) !== 0 || isOtherString(type)) return { type: "string" };
    if ((type.flags & ts.TypeFlags.Number) !== 0) return { type: "number" };
    if (isDecimal(type)) return { type: "string", format: "decimal" };
    if (type.isUnion()) return unionSchema(type);
    if (checker.isArrayType(type))
      return {
        type: "array",
        items: schemaOf(must(checker.getTypeArguments(type as ts.TypeReference)[0], "element")),
      };
    if ((type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) !== 0) return named(type);
    throw new Error(`no schema for ${checker.typeToString(type)}`);
  };
  const schemaOf = (type: ts.Type): Schema => schemaOrNever(type) ?? { not: {} };
  return { schemaOf, definitions };
}

/** Of an expandable (`string | Customer`) or a union of objects, keeps only the objects that some route answers with. */
function withoutUnanswered(checker: ts.TypeChecker, parts: ts.Type[], answered: Set<string>): ts.Type[] {
  const isExpandable = parts.some((part) => (part.flags & ts.TypeFlags.String) !== 0);
  const kinds = new Set(
    parts.map((part) => objectLiteral(checker, part)).filter((each) => each !== undefined),
  );
  if (!isExpandable && kinds.size < 2) return parts;
  return parts.filter((part) => {
    const literal = objectLiteral(checker, part);
    return literal === undefined || answered.has(literal);
  });
}

/** The value of a Stripe object's `object` field, where it has one. */
function objectLiteral(checker: ts.TypeChecker, type: ts.Type | undefined): string | undefined {
  const symbol = type === undefined || type.isUnion() ? undefined : type.getProperty("object");
  const value = symbol === undefined ? undefined : checker.getTypeOfSymbol(symbol);
  return value?.isStringLiteral() === true ? value.value : undefined;
}

const isOtherString = (type: ts.Type): boolean =>
  type.isIntersection() && type.types.some((part) => (part.flags & ts.TypeFlags.String) !== 0);

const isDecimal = (type: ts.Type): boolean =>
  type.isIntersection() && type.types.some((part) => part.getSymbol()?.name === "DecimalImpl");

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`not found: ${what}`);
  return value;
}
