import { errorCatalog, type ErrorCode } from "@driftlock/contracts";
import swagger from "@fastify/swagger";
import fp from "fastify-plugin";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import type { RouteAccess } from "../auth/credential.ts";

/** What any route with a credential can answer beside its own; 422 and the rest are in the table of codes. */
const problemStatuses = ["400", "401", "403", "404", "409", "422", "429", "503"];
const publicStatuses = ["400", "422", "503"];

const problemResponse = {
  description: "A problem: see the table of codes",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** OpenAPI 3.1 at /openapi.json, made from the schemas that validate. */
export const openapiPlugin = fp<{ publicUrl: string }>(async (app, { publicUrl }) => {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "DriftLock Billing", version: "1.0.0", description: description() },
      servers: [{ url: publicUrl }],
      components: {
        securitySchemes: {
          bearer: {
            type: "http",
            scheme: "bearer",
            description: "An API key (`dlk_…`), or a JWT of a user of the front end.",
          },
        },
      },
    },
    transform: (input) => {
      const { schema, url } = jsonSchemaTransform(input);
      return { schema: withAccess(schema, input.route.config?.access), url };
    },
    transformObject: jsonSchemaTransformObject,
  });
  app.get("/openapi.json", { config: { access: "public" }, schema: { hide: true } }, () => app.swagger());
});

/** Adds to a route's documentation what its access means: the credential, the scope, and the refusals. */
function withAccess(schema: object | undefined, access: RouteAccess | undefined): object {
  const isHidden = (schema as { hide?: boolean } | undefined)?.hide ?? false;
  if (schema === undefined || isHidden || access === undefined) return { hide: true };
  const { description: own, response } = schema as { description?: string; response?: object };
  const scope = access === "public" ? [] : [`Scope: \`${[access].flat().join("` or `")}\`.`];
  const statuses = access === "public" ? publicStatuses : problemStatuses;
  const problems = statuses.map((status) => [status, problemResponse]);
  return {
    ...schema,
    description: [...scope, ...(own === undefined ? [] : [own])].join(" "),
    security: access === "public" ? [] : [{ bearer: [] }],
    response: { ...response, ...Object.fromEntries(problems) },
  };
}

function description(): string {
  const rows = (Object.keys(errorCatalog) as ErrorCode[]).map((code) => {
    const { status, title, retryable } = errorCatalog[code];
    return `| ${status} | \`${code}\` | ${title} | ${retryable ? "yes" : "no"} |`;
  });
  return [
    "Subscriptions, usage, quotas and invoices.",
    "JSON is camelCase; money is in integer minor units with its currency; instants are RFC 3339 in UTC; periods are half open; unlimited is `null`. Lists are `{ data, nextCursor }` with `?limit&cursor`.",
    "`Authorization: Bearer` carries an API key or a JWT. A key of scope `service` acts for any account, named by `accountId` in the query or the body; every other credential sees its own account only.",
    "## Errors",
    "Every error is `application/problem+json` (RFC 9457) with a stable `code`. Where a repeat helps, `Retry-After` says when.",
    ["| Status | Code | Meaning | Repeat |", "| --- | --- | --- | --- |", ...rows].join("\n"),
  ].join("\n\n");
}
