import { AppError } from "@driftlock/contracts";
import { createClusterWitness } from "./cluster-witness.ts";
import { isClusterUrl } from "./connection.ts";
import { createNodeWitness, type Witness, type WitnessOptions } from "./node-witness.ts";

/** Of the one server behind the URL, or of each master of a cluster. */
export function createWitness<Prepared>(options: WitnessOptions<Prepared>): Witness<Prepared> {
  if (isClusterUrl(options.url)) return createClusterWitness(options);
  const node = createNodeWitness(options);
  return {
    ready: node.ready,
    lives: () => {
      const life = node.life();
      if (life === null) throw notAlive();
      return { of: () => life };
    },
    close: node.close,
  };
}

const notAlive = () =>
  new AppError("UNAVAILABLE", "Redis cannot be reached; try again.", { retryAfterSeconds: 2 });
