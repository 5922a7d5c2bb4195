// Walks acceptance steps 2 to 5 against the containers of docker-compose.yml, with two kinds of death on the way:
//   node scripts/compose-check.ts [--no-build] [--keep]
// A project, ports and volumes of its own; all of it is removed at the end, unless --keep.
import { isDeepStrictEqual, parseArgs } from "node:util";
import { createDriver, type Driver, freeSystemPorts } from "@driftlock/devkit";
import { type Containers, createContainers } from "../e2e/compose/containers.ts";
import {
  renewals,
  walkCheckout,
  walkFreeQuota,
  walkOverage,
  walkPlans,
  walkSignIn,
} from "../e2e/compose/walk.ts";

const stripeSecretKey = "sk_test_simulator";
const scales = { "usage-aggregator": 3, "billing-worker": 2 };
const startedAt = performance.now();
const say = (text: string) =>
  console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${text}`);

let faults = 0;
function expect(what: string, found: unknown, wanted: unknown): void {
  const isRight = isDeepStrictEqual(found, wanted);
  if (!isRight) faults += 1;
  const text = JSON.stringify(found);
  say(isRight ? `ok     ${what}: ${text}` : `WRONG  ${what}: ${text}, not ${JSON.stringify(wanted)}`);
}

const { values: wish } = parseArgs({
  options: { "no-build": { type: "boolean" }, keep: { type: "boolean" } },
});
const containers = await createContainers("driftlock-check", await freeSystemPorts());
const remove = () => containers.compose("down", "--volumes", "--remove-orphans");
process.once("SIGINT", () => void remove().finally(() => process.exit(130)));
try {
  if (!wish["no-build"]) await containers.compose("build");
  await start(containers);
  const driver = await createContainerDriver(containers);
  await expectHardened(containers);
  const walk = { driver, containers, expect };
  await walkPlans(walk);
  await walkSignIn(walk);
  await walkFreeQuota(walk);
  await walkCheckout(walk);
  const account = await walkOverage(walk);
  const restarted = (await containers.inspect()).filter(({ RestartCount }) => RestartCount > 0);
  expect(
    "killed and restarted",
    restarted.map(({ Name }) => Name.replace(/^.*check[-_](.*)[-_]\d+$/, "$1")).sort(),
    ["billing-worker", "usage-aggregator", "webhook-ingester"],
  );
  await expectCleanStop(containers);
  await start(containers);
  const after = await createContainerDriver(containers, driver.dev);
  expect("after a stop and a start the invoice is there", await renewals(after, account), ["5400 usd paid"]);
} catch (error) {
  faults += 1;
  console.error(error);
  console.error(await containers.compose("logs", "--tail", "40"));
} finally {
  if (!wish.keep) await remove();
}
say(faults === 0 ? "all as it should be" : `${faults} went wrong`);
process.exitCode = faults === 0 ? 0 : 1;

async function start({ compose, untilHealthy, inspect }: Containers): Promise<void> {
  const scaling = Object.entries(scales).flatMap(([service, count]) => ["--scale", `${service}=${count}`]);
  await compose("up", "--detach", ...scaling);
  await untilHealthy();
  say(`${(await inspect()).length} containers, healthy`);
}

/** A driver for the system in the containers; `known` keeps the keys of an earlier one. */
async function createContainerDriver(
  { compose, published }: Containers,
  known?: Driver["dev"],
): Promise<Driver> {
  const stripeUrl = `http://${await published("stripe-simulator", 4010)}`;
  const urls = {
    apiUrl: `http://${await published("api", 4000)}`,
    stripeUrl,
    webhookUrl: `http://${await published("webhook-ingester", 4001)}/webhooks/stripe`,
    databaseUrl: `postgres://driftlock:driftlock@${await published("postgres", 5432)}/driftlock`,
  };
  if (known) return createDriver({ ...known, ...urls });
  const operatorKey = (
    await compose("exec", "-T", "api", "driftlock", "keys", "create", "--scope", "operator")
  ).trim();
  expect("the command makes the first operator key", operatorKey.startsWith("dlk_test_"), true);
  const unused = { webUrl: "", webhookSecret: "", accounts: [], redisUrl: "" };
  const dev = { ...unused, ...urls, operatorKey, serviceKey: "", stripeSecretKey, testClockId: "" };
  const operator = createDriver(dev);
  const [clock] = (await operator.stripe.testHelpers.testClocks.list({ limit: 1 })).data;
  const { status, body } = await operator.request<{ key: string }>("POST", "/operator/keys", {
    bearer: operatorKey,
    body: { name: "compose-check", scopes: ["service"] },
  });
  expect("a service key through POST /operator/keys", status, 201);
  return createDriver({ ...dev, serviceKey: body.key, testClockId: clock?.id ?? "" });
}

/** Our own containers run as nobody in particular on a file system that cannot be written, and are seen from here alone. */
async function expectHardened({ inspect }: Containers): Promise<void> {
  const found = await inspect();
  const loose = found.filter(
    ({ HostConfig, Config }) => !HostConfig.ReadonlyRootfs || Config.User !== "node",
  );
  expect(
    "only Postgres and Redis may write or start as root",
    loose.map(({ Name }) => Name.replace(/^.*(postgres|redis).*$/, "$1")).sort(),
    ["postgres", "redis"],
  );
  const hosts = found.flatMap(({ HostConfig }) =>
    Object.values(HostConfig.PortBindings ?? {}).flatMap((bindings) =>
      (bindings ?? []).map(({ HostIp }) => HostIp),
    ),
  );
  expect("published on", [...new Set(hosts)], ["127.0.0.1"]);
}

async function expectCleanStop({ compose, inspect }: Containers): Promise<void> {
  const stoppingAt = performance.now();
  await compose("stop");
  say(`stopped in ${((performance.now() - stoppingAt) / 1_000).toFixed(1)} s`);
  const codes = (await inspect()).map(({ State }) => State.ExitCode);
  expect("every exit code", [...new Set(codes)], [0]);
}
