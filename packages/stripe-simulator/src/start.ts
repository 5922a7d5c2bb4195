import { DatabaseSync } from "node:sqlite";
import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { createClock } from "./clock/clock.ts";
import { createParticipants, type ParticipantNames } from "./clock/participants.ts";
import { dueWork } from "./due-work.ts";
import { registerApi } from "./http/api.ts";
import { createContract } from "./http/contract.ts";
import { includes } from "./http/include-tables.ts";
import { routes } from "./http/route-tables.ts";
import { createTestClock } from "./routes/test-clocks.ts";
import { createSimulation, type Simulation } from "./simulation.ts";
import { createStore } from "./store.ts";
import { registerSim } from "./sim/routes.ts";
import { createDeliverer } from "./webhooks/deliverer.ts";

export interface SimulatorLog {
  info(detail: object, message: string): void;
  warn(detail: object, message: string): void;
  error(detail: object, message: string): void;
}

export interface SimulatorOptions {
  /** 0 takes a free port. */
  port: number;
  host: string;
  /** Origin of the links it hands out, where it is not host and port. */
  publicUrl?: string | null;
  /** Path of the SQLite file that keeps the state; null keeps it in memory only. */
  statePath: string | null;
  log: SimulatorLog;
  /** The wall clock. */
  wallNow: () => Date;
  /** Public keys served at `/_sim/jwks.json`. */
  jwks?: { keys: unknown[] };
}

export interface Simulator {
  url: string;
  port: number;
  /** The test clock that every customer lives on. */
  testClockId: string;
  close(): Promise<void>;
}

/** Stripe keeps idempotency keys for at least 24 hours. */
const KEYS_LIVE_MS = 48 * 3_600_000;

/** Starts the simulator: loads its state, listens, delivers what is pending and goes on with an unfinished advance. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { log } = options;
  const app = Fastify({ bodyLimit: 8 * 1024 * 1024, forceCloseConnections: true });
  const port = options.port === 0 ? await freePort(options.host) : options.port;
  const url = `http://${options.host}:${port}`;
  const store = createStore(options.statePath === null ? null : new DatabaseSync(options.statePath));
  const contract = createContract();
  const sim = createSimulation({
    store,
    wallNow: options.wallNow,
    baseUrl: options.publicUrl ?? url,
    contract,
  });
  const testClockId = prepare(sim);
  const deliverer = createDeliverer({ sim, log });
  const participants = createParticipants(sim.wallNowMs, participantNames(sim));
  const clock = createClock({ sim, work: dueWork, deliverer, participants, log });

  takeRawBodies(app);
  registerApi(app, { sim, routes, includes, contract, log });
  registerSim(app, { sim, clock, participants, deliverer, testClockId, jwks: options.jwks ?? { keys: [] } });
  await app.listen({ port, host: options.host }).catch((error: unknown) => {
    store.close();
    throw error;
  });
  deliverer.start();
  clock.start();
  log.info({ url, testClockId }, "simulator.started");
  return {
    url,
    port,
    testClockId,
    async close() {
      await clock.stop();
      await deliverer.stop();
      await app.close();
      store.close();
    },
  };
}

const participantNames = (sim: Simulation): ParticipantNames => ({
  list: () => sim.store.list("sim.clock_participant").map(({ id }) => id),
  add: (id) => sim.transact(null, ({ store }) => store.put("sim.clock_participant", { id })),
  remove: (id) => sim.transact(null, ({ store }) => store.delete("sim.clock_participant", id)),
});

function prepare(sim: Simulation): string {
  return sim.transact(null, (ctx) => {
    if (ctx.store.get("sim.clock", "clock") === undefined)
      ctx.store.put("sim.clock", { id: "clock", offsetMs: 0, version: 1, targetMs: null });
    for (const { id, createdAtMs } of ctx.store.list("sim.idempotency"))
      if (createdAtMs < sim.wallNowMs() - KEYS_LIVE_MS) ctx.store.delete("sim.idempotency", id);
    return (ctx.store.list("test_helpers.test_clock")[0] ?? createTestClock(ctx, "DriftLock")).id;
  });
}

/** Handlers decode bodies themselves: Stripe's v1 is a form whatever the content type says. */
function takeRawBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
}

async function freePort(host: string): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
