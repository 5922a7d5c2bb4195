import type { Lifecycle } from "@driftlock/runtime";
import { startSimulator } from "@driftlock/stripe-simulator";

const silent = { info() {}, warn() {}, error() {} };

/** A Stripe with nothing in it; it ends with `life`. */
export const openSimulator = async (life: Lifecycle) =>
  life.own(
    "simulator",
    await startSimulator({
      port: 0,
      host: "127.0.0.1",
      statePath: null,
      log: silent,
      wallNow: () => new Date(),
    }),
    (server) => server.close(),
  );
