import type { FastifyInstance } from "fastify";
import type { FaultRecord, RateLimitReason } from "../objects.ts";
import { newId, type Simulation } from "../simulation.ts";

const KINDS: FaultRecord["kind"][] = [
  "rate-limit",
  "lock-timeout",
  "server-error",
  "time-out",
  "slow",
  "drop-webhook",
  "duplicate-webhook",
  "reorder-webhooks",
  "delay-webhook",
  "no-holding",
];
const REASONS: RateLimitReason[] = [
  "global-rate",
  "global-concurrency",
  "endpoint-rate",
  "endpoint-concurrency",
  "resource-specific",
];
const DELAY_MS_DEFAULT = 2000;

/** A fault with nothing said but its kind and what is given: about everything, every time, until it is removed. */
export const newFault = (given: Partial<FaultRecord> & Pick<FaultRecord, "kind">): FaultRecord => ({
  id: newId("fault"),
  method: null,
  pathPrefix: null,
  eventType: null,
  delayMs: DELAY_MS_DEFAULT,
  afterEffect: false,
  every: 1,
  seen: 0,
  reason: null,
  shouldRetry: null,
  scenario: null,
  remaining: null,
  ...given,
});

interface FaultBody {
  kind?: string;
  method?: string;
  pathPrefix?: string;
  eventType?: string;
  delayMs?: number;
  count?: number | null;
  afterEffect?: boolean;
  every?: number;
  reason?: string;
  shouldRetry?: boolean;
}

/** Registers `/_sim/faults`: POST adds one (`count` uses, 1 by default, null until removed), GET lists, DELETE removes. */
export function registerFaults(app: FastifyInstance, sim: Simulation): void {
  app.get("/_sim/faults", () => ({ data: sim.store.list("sim.fault") }));

  app.post<{ Body: string }>("/_sim/faults", ({ body }, reply) => {
    const given = parse(body);
    const kind = KINDS.find((each) => each === given?.kind);
    const { delayMs = DELAY_MS_DEFAULT, every = 1, count = kind === "no-holding" ? null : 1 } = given ?? {};
    const isSound =
      kind !== undefined &&
      Number.isInteger(delayMs) &&
      delayMs >= 0 &&
      Number.isInteger(every) &&
      every > 0 &&
      (given?.reason === undefined || REASONS.some((each) => each === given.reason)) &&
      (count === null || (Number.isInteger(count) && count > 0));
    if (!isSound)
      return reply.code(400).send({
        error: {
          message: `Pass { kind, method?, pathPrefix?, eventType?, delayMs?, count?, every?, afterEffect?, reason?, shouldRetry? }; kind is one of ${KINDS.join(", ")}.`,
        },
      });
    const fault = newFault({
      kind,
      method: given?.method?.toUpperCase() ?? null,
      pathPrefix: given?.pathPrefix ?? null,
      eventType: given?.eventType ?? null,
      delayMs,
      afterEffect: given?.afterEffect ?? false,
      every,
      reason: REASONS.find((each) => each === given?.reason) ?? null,
      shouldRetry: given?.shouldRetry ?? null,
      remaining: count,
    });
    sim.transact(null, ({ store }) => store.put("sim.fault", fault));
    return reply.code(201).send(fault);
  });

  app.delete("/_sim/faults", (_request, reply) => {
    sim.transact(null, ({ store }) => {
      for (const { id } of store.list("sim.fault")) store.delete("sim.fault", id);
    });
    return reply.code(204).send();
  });
  app.delete<{ Params: { id: string } }>("/_sim/faults/:id", ({ params }, reply) => {
    sim.transact(null, ({ store }) => store.delete("sim.fault", params.id));
    return reply.code(204).send();
  });
}

function parse(body: string): FaultBody | null {
  try {
    return JSON.parse(body) as FaultBody;
  } catch {
    return null;
  }
}
