import { createHash } from "node:crypto";
import { StripeError } from "../errors.ts";
import type { IdempotencyRecord } from "../objects.ts";
import type { Simulation } from "../simulation.ts";
import { behavioursOf } from "../behaviours.ts";

const HOUR_MS = 3_600_000;

/** What makes two requests under one idempotency key the same: method, path and parameters. */
export const fingerprint = (method: string, path: string, params: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify([method, path, sortKeys(params)]))
    .digest("hex");

/** The stored answer to the same request; throws `idempotency_error` (400) where the key was used for another one. */
export function findReplay(sim: Simulation, id: string, print: string): IdempotencyRecord | undefined {
  const record = sim.store.get("sim.idempotency", id);
  const { idempotencyKeyHours: hours } = behavioursOf(sim.store);
  if (record === undefined || (hours !== null && sim.wallNowMs() - record.createdAtMs >= hours * HOUR_MS))
    return undefined;
  if (record.fingerprint !== print)
    throw new StripeError(400, {
      type: "idempotency_error",
      message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${id.split(" ").at(-1)}' if you meant to execute a different request.`,
    });
  return record;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}
