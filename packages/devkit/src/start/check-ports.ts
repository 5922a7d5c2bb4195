import { isPortFree } from "../infra/ports.ts";
import { portNames, portTable, type StartSettings } from "./env.ts";

/** Throws where a port of ours is in use, naming each with its purpose and the variable that moves it. */
export async function checkPorts({ bindHost, ports, mode }: StartSettings): Promise<void> {
  const wanted = portNames.filter((name) => mode === "simulator" || name !== "STRIPE_SIMULATOR_PORT");
  const areFree = await Promise.all(wanted.map((name) => isPortFree(bindHost, ports[name])));
  const faults = wanted
    .filter((_, index) => !areFree[index])
    .map((name) => `port ${ports[name]} (${portTable[name].what}) is in use; set ${name}`);
  const twice = wanted.filter(
    (name, index) => wanted.findIndex((other) => ports[other] === ports[name]) !== index,
  );
  faults.push(...twice.map((name) => `port ${ports[name]} is given twice; set ${name} to another`));
  if (faults.length > 0) throw new Error(faults.join("\n"));
}
