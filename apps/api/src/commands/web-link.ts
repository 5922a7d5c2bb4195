import { createHash, randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { AccountId } from "@driftlock/contracts";
import { createRedis } from "@driftlock/redis";
import { z } from "zod";
import { readWebLinkEnv } from "../env.ts";

const validSeconds = 86_400;

// `driftlock web-link [--account <id>]`: prints an address that signs a browser in once, as a user of that account, which
// is opened on Free where there is none. Simulator mode only: the simulator signs the token.
const env = readWebLinkEnv();
const { values } = parseArgs({ options: { account: { type: "string", default: "acct_demo_1" } } });
const accountId = AccountId.parse(values.account);
const answer = await fetch(`${env.STRIPE_API_URL}/_sim/tokens`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    iss: env.AUTH_ISSUER,
    aud: env.AUTH_AUDIENCE,
    sub: `user:${accountId}`,
    scope: "billing:read billing:write",
    [env.AUTH_ACCOUNT_CLAIM]: accountId,
  }),
});
if (!answer.ok) throw new Error(`the simulator answers ${answer.status}: somebody else signs tokens here`);
const { token } = z.object({ token: z.string() }).parse(await answer.json());

const oneTime = randomBytes(24).toString("base64url");
const hash = createHash("sha256").update(oneTime).digest("hex");
const redis = createRedis({
  url: env.REDIS_URL,
  connectionName: "driftlock-web-link",
  purpose: "requests",
  onConnectionError: () => {},
});
try {
  await redis.set(`demo:login:${hash}`, token, "EX", validSeconds);
} finally {
  redis.disconnect();
}
process.stdout.write(`${env.PUBLIC_URL}/#token=${oneTime}\n`);
