import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { Simulation } from "../simulation.ts";

const VALID_SECONDS = 30 * 24 * 3600;
const KID = "stripe-simulator";

/**
 * Registers `POST /_sim/tokens` with claims as its body: a JWT that `/_sim/jwks.json` verifies, for installations where
 * nobody else signs people in. The key is made once and kept with the state. @returns the public key.
 */
export function registerTokens(app: FastifyInstance, sim: Simulation): JsonWebKey {
  const kept = sim.store.get("sim.signing_key", KID);
  const jwk = kept?.jwk ?? makeKey();
  if (kept === undefined) sim.transact(null, ({ store }) => store.put("sim.signing_key", { id: KID, jwk }));
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  app.post<{ Body: string }>("/_sim/tokens", ({ body }, reply) => {
    const claims = parseObject(body);
    if (claims === null) return reply.code(400).send({ error: { message: "Pass the claims as JSON." } });
    const iat = Math.floor(sim.wallNowMs() / 1000);
    const parts = [
      { alg: "ES256", kid: KID, typ: "JWT" },
      { ...claims, iat, exp: iat + VALID_SECONDS },
    ];
    const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    const signature = sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" });
    return { token: `${signed}.${signature.toString("base64url")}` };
  });
  return { ...createPublicKey(key).export({ format: "jwk" }), kid: KID, alg: "ES256", use: "sig" };
}

const makeKey = (): JsonWebKey =>
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });

function parseObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
