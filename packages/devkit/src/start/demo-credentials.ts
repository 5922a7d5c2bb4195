import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT, type JWK } from "jose";
import { writeFileAtomic } from "../infra/write-file-atomic.ts";

export const DEMO_ISSUER = "driftlock-demo";
export const DEMO_AUDIENCE = "driftlock";
const VALID_YEARS = 10;

export interface DemoAccount {
  id: string;
  name: string;
  email: string;
  userToken: string;
  apiKey: string;
}

/** What a simulator installation lets itself be used with; made once for each home. */
export interface DemoCredentials {
  jwks: { keys: JWK[] };
  accounts: DemoAccount[];
  serviceKey: string;
  operatorKey: string;
  stripeSecretKey: string;
  stripePublishableKey: string;
}

/** Finds or makes the credentials of a home; they are never in any other place. */
export async function keepDemoCredentials(folder: string, accountClaim: string): Promise<DemoCredentials> {
  const file = join(folder, `credentials-${accountClaim}.json`);
  if (!existsSync(file)) writeFileAtomic(file, JSON.stringify(await makeCredentials(accountClaim), null, 2));
  return JSON.parse(readFileSync(file, "utf8")) as DemoCredentials;
}

/** The file of DRIFTLOCK_DEMO_FILE: what the seed inserts. */
export function writeDemoSeed(folder: string, credentials: DemoCredentials): string {
  const file = join(folder, "demo-seed.json");
  const seed = {
    accounts: credentials.accounts.map(({ id, name, email }) => ({ id, name, email })),
    keys: [
      ...credentials.accounts.map(({ id, apiKey }) => ({
        key: apiKey,
        scopes: ["usage:write", "billing:read"],
        accountId: id,
      })),
      {
        key: credentials.serviceKey,
        scopes: ["service", "usage:write", "billing:read", "billing:write"],
        accountId: null,
      },
      { key: credentials.operatorKey, scopes: ["operator"], accountId: null },
    ],
  };
  writeFileAtomic(file, JSON.stringify(seed));
  return file;
}

const makeKey = () => `dlk_test_${randomBytes(24).toString("hex")}`;

async function makeCredentials(accountClaim: string): Promise<DemoCredentials> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const kid = randomBytes(8).toString("hex");
  const issuedAtSeconds = Math.floor(Date.now() / 1000);
  const makeAccount = async (number: number): Promise<DemoAccount> => {
    const id = `acct_demo_${number}`;
    const userToken = await new SignJWT({ [accountClaim]: id, scope: "billing:read billing:write" })
      .setProtectedHeader({ alg: "ES256", kid, typ: "JWT" })
      .setSubject(`user_demo_${number}`)
      .setIssuer(DEMO_ISSUER)
      .setAudience(DEMO_AUDIENCE)
      .setIssuedAt(issuedAtSeconds)
      .setExpirationTime(issuedAtSeconds + VALID_YEARS * 365 * 24 * 3600)
      .sign(privateKey);
    const name = `Demo ${number}`;
    return { id, name, email: `demo-${number}@example.com`, userToken, apiKey: makeKey() };
  };
  // The private key is not kept: nobody needs another token, and what is not there cannot leak.
  return {
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" }] },
    accounts: await Promise.all([1, 2, 3].map(makeAccount)),
    serviceKey: makeKey(),
    operatorKey: makeKey(),
    stripeSecretKey: `sk_test_${randomBytes(24).toString("hex")}`,
    stripePublishableKey: `pk_test_${randomBytes(24).toString("hex")}`,
  };
}
