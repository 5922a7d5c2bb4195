import { readFileSync } from "node:fs";
import { invalidRequest } from "../errors.ts";
import { eventObjectTypes } from "../events/object-types.ts";
import { type Mismatch, type Schemas, walk } from "./schema.ts";

/** What a request may say and what an answer must be, by the names of the `stripe` package's types. */
export interface Contract {
  /** Coerces and checks decoded parameters; throws Stripe's 400 with the parameter's name. Strict for the pinned version. */
  decode(
    name: string | undefined,
    raw: Record<string, unknown>,
    mode: { isPinned: boolean; isJson: boolean },
  ): Record<string, unknown>;
  /** Returns the answer; throws a plain Error (a fault of the simulator) where it is not of the named type. */
  checkAnswer<T>(name: string | string[] | undefined, answer: T): T;
  /** The same for the object of a snapshot event, by its `object` field. */
  checkEventObject(object: Record<string, unknown>): void;
}

/** Parameters of versions before the pinned one: taken and ignored where a request does not name a version. */
const OLDER_PARAMS = new Set(["payment_method_types", "coupon", "promotion_code", "tax_percent", "source"]);

/** The contract that the generated schemas state. */
export function createContract(): Contract {
  const schemas = JSON.parse(
    readFileSync(new URL("../generated/schemas.json", import.meta.url), "utf8"),
  ) as Schemas;
  const { definitions } = schemas;
  const rootOf = (name: string) => {
    const root = schemas.roots[name];
    if (root === undefined)
      throw new Error(`no schema for ${name}: run \`pnpm --filter @driftlock/stripe-simulator schemas\``);
    return root;
  };
  const contract: Contract = {
    decode(name, raw, { isPinned, isJson }) {
      const known = isPinned
        ? raw
        : Object.fromEntries(Object.entries(raw).filter(([key]) => !OLDER_PARAMS.has(key)));
      const schema =
        name === undefined ? { type: "object" as const, additionalProperties: false as const } : rootOf(name);
      const walked = walk({ definitions, coerces: !isJson }, schema, known, []);
      if (walked.mismatch !== undefined) throw badParameter(walked.mismatch);
      return walked.value as Record<string, unknown>;
    },
    checkAnswer(name, answer) {
      if (name === undefined) return answer;
      const names = typeof name === "string" ? [name] : name;
      const results = names.map((each) => walk({ definitions, coerces: false }, rootOf(each), answer, []));
      const mismatch = results.every((each) => each.mismatch !== undefined)
        ? results[0]?.mismatch
        : undefined;
      if (mismatch !== undefined)
        throw new Error(`the answer is not a ${names.join(" or ")}: ${JSON.stringify(mismatch)}`);
      return answer;
    },
    checkEventObject(object) {
      const name = eventObjectTypes[String(object["object"])];
      if (name === undefined) throw new Error(`events about ${String(object["object"])} are not known`);
      contract.checkAnswer(object["deleted"] === true ? undefined : name, object);
    },
  };
  return contract;
}

function badParameter(mismatch: Mismatch) {
  const [first = "", ...rest] = mismatch.path;
  const param = first + rest.map((key) => `[${key}]`).join("");
  const name = mismatch.path.findLast((key) => !/^\d+$/.test(key)) ?? first;
  switch (mismatch.kind) {
    case "unknown":
      return invalidRequest(`Received unknown parameter: ${param}`, { code: "parameter_unknown", param });
    case "missing":
      return invalidRequest(`Missing required param: ${param}.`, { code: "parameter_missing", param });
    case "enum":
      return invalidRequest(`Invalid ${name}: must be one of ${mismatch.allowed.join(", ")}`, { param });
    case "type": {
      const isNumber = mismatch.expected === "number";
      const said = typeof mismatch.value === "string" ? `: ${mismatch.value}` : "";
      return invalidRequest(`Invalid ${isNumber ? "integer" : mismatch.expected}${said}`, {
        param,
        ...(isNumber ? { code: "parameter_invalid_integer" } : {}),
      });
    }
  }
}
