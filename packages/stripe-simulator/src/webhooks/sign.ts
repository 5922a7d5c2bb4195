import { createHmac } from "node:crypto";

/** Stripe's `Stripe-Signature` header: one `v1` for each live secret, over `t.payload`; `atMs` is the wall clock. */
export function signatureHeader(payload: string, secrets: string[], atMs: number): string {
  const timestamp = Math.floor(atMs / 1000);
  const signatures = secrets.map((secret) =>
    createHmac("sha256", secret).update(`${timestamp}.${payload}`).digest("hex"),
  );
  return [`t=${timestamp}`, ...signatures.map((signature) => `v1=${signature}`)].join(",");
}
