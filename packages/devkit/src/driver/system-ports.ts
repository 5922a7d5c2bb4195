import { findFreePort } from "../infra/ports.ts";

const portNames = [
  "API_PORT",
  "WEBHOOK_PORT",
  "STRIPE_SIMULATOR_PORT",
  "API_OPS_PORT",
  "WEBHOOK_OPS_PORT",
  "AGGREGATOR_OPS_PORT",
  "WORKER_OPS_PORT",
] as const;

/** A free port for each that DESIGN 2.2 names, as the environment of a system that runs beside another. */
export async function freeSystemPorts(): Promise<Record<string, string>> {
  const ports = new Set<number>();
  while (ports.size < portNames.length) ports.add(await findFreePort());
  return Object.fromEntries([...ports].map((port, index) => [portNames[index] ?? "", String(port)]));
}
