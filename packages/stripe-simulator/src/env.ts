/** How the simulator runs as a process; every variable has a default that suits a laptop. */
export interface Env {
  port: number;
  host: string;
  /** Where browsers and our processes reach it, for the links it hands out; null is host and port. */
  publicUrl: string | null;
  /** Path of the SQLite file that keeps its state; null keeps nothing. */
  statePath: string | null;
  /** The public keys served at `/_sim/jwks.json`. */
  jwks: { keys: unknown[] };
}

/** Reads and checks the environment; throws one Error that names every fault. */
export function loadEnv(source: NodeJS.ProcessEnv = process.env): Env {
  const faults: string[] = [];
  const port = Number(source["STRIPE_SIMULATOR_PORT"] ?? "4010");
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    faults.push("STRIPE_SIMULATOR_PORT must be a port number");
  let jwks: Env["jwks"] = { keys: [] };
  try {
    jwks = JSON.parse(source["STRIPE_SIMULATOR_JWKS"] ?? '{"keys":[]}') as Env["jwks"];
    if (!Array.isArray(jwks.keys)) faults.push("STRIPE_SIMULATOR_JWKS must have an array `keys`");
  } catch {
    faults.push("STRIPE_SIMULATOR_JWKS must be JSON");
  }
  const publicUrl = source["STRIPE_SIMULATOR_URL"]?.replace(/\/$/, "") ?? null;
  if (publicUrl !== null && !URL.canParse(publicUrl)) faults.push("STRIPE_SIMULATOR_URL must be a URL");
  if (faults.length > 0) throw new Error(`wrong configuration:\n- ${faults.join("\n- ")}`);
  return {
    port,
    host: source["BIND_HOST"] ?? "127.0.0.1",
    publicUrl,
    statePath: source["STRIPE_SIMULATOR_STATE"] ?? null,
    jwks,
  };
}
