import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Lifecycle } from "@driftlock/runtime";
import { handledStripeEventTypes } from "@driftlock/contracts";
import { type Sibling, startSibling } from "../../chaos/sibling.ts";
import { findFreePort } from "../../../packages/devkit/src/infra/ports.ts";
import type { Course } from "../history.ts";
import { openPlace, type Place, type Stores } from "../place.ts";
import { type Ruin, type Victim, victims } from "./ruin.ts";

const otherVersion = "2024-06-20";

/** An installation of processes, beside a Stripe that posts to them. */
export interface Installation extends Place {
  processes: ReadonlyMap<Victim, Sibling>;
  ingesterUrl: string;
  /** Each process has a key of its own at Stripe. */
  ownerOf(secretKey: string): Victim | null;
}

const keyOf = (victim: Victim): string => `sk_test_${victim.replaceAll("-", "")}`;
const appOf = (victim: Victim) =>
  victim === "webhook-ingester" || victim === "usage-aggregator" ? victim : "billing-worker";

interface InstallationOptions {
  stores: Stores;
  course: Course;
  ruin: Pick<Ruin, "isInTwoVersions" | "workers">;
  /** What the processes write is kept here. */
  logFolder: string;
}

/** Starts ingester, aggregator and workers as `npm start` does, each by itself; resolves when all are ready. */
export async function startInstallation(
  life: Lifecycle,
  { stores, course, ruin, logFolder }: InstallationOptions,
): Promise<Installation> {
  const port = await findFreePort();
  const ingesterUrl = `http://127.0.0.1:${port}/webhooks/stripe`;
  const secretFile = join(logFolder, "webhook-secrets");
  const place = await openPlace(life, { stores, webhooks: { url: ingesterUrl, secretFile } });
  const secrets = readFileSync(secretFile, "utf8").trim().split("\n");
  if (ruin.isInTwoVersions) secrets.push(await addEndpoint(place, ingesterUrl));
  const runs = victims.filter((each) => ruin.workers === 2 || each !== "billing-worker-2");
  const processes = new Map(
    runs.map((victim) => [
      victim,
      life.own(
        victim,
        startSibling({
          app: appOf(victim),
          dev: { ...stores, stripeUrl: place.simulator.url, stripeSecretKey: keyOf(victim) },
          env: {
            WEBHOOK_PORT: String(port),
            STRIPE_WEBHOOK_SECRETS: secrets.join(","),
            DUNNING_MODE: course.dunningMode,
            DUNNING_FINAL_STEP: course.finalStep,
            // Nobody here has a limit but what the machine gives; and it sweeps when it is told to.
            STRIPE_READS_PER_SECOND: "1000",
            SWEEP_INTERVAL_MS: String(24 * 3_600_000),
          },
          logFile: join(logFolder, `${victim}.log`),
        }),
        (sibling) => sibling.stop("SIGKILL"),
      ),
    ]),
  );
  await Promise.all([...processes.values()].map(({ ready }) => ready));
  const ownerOf = (secretKey: string) => runs.find((victim) => keyOf(victim) === secretKey) ?? null;
  return { ...place, processes, ingesterUrl, ownerOf };
}

/** A second endpoint at the same URL, of a version that ours is not. @returns its secret. */
async function addEndpoint({ stripe }: Place, url: string): Promise<string> {
  const { secret } = await stripe.webhookEndpoints.create({
    url,
    enabled_events: [...handledStripeEventTypes],
    api_version: otherVersion,
  });
  if (secret === undefined) throw new Error("the second endpoint has no secret");
  return secret;
}
