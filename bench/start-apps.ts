import { join } from "node:path";
import type { UsageApp, UsageParts } from "@driftlock/devkit";
import type { RowPlan } from "./rows.ts";

export interface RunningApp {
  name: "api" | "usage-aggregator";
  app: UsageApp;
}

interface StartOptions {
  parts: UsageParts;
  databaseUrl: string;
  profileFolder: string | null;
}

/** One gateway and the row's aggregators, as in production: the simulator's hurry to report usage is switched off. */
export async function startApps(
  { name: row, aggregators, durability }: RowPlan,
  { parts, databaseUrl, profileFolder }: StartOptions,
): Promise<RunningApp[]> {
  const start = async (name: RunningApp["name"], number: number): Promise<RunningApp> => {
    const app = await parts.startApp(name, {
      databaseUrl,
      env: { USAGE_DURABILITY: durability, REPORT_INTERVAL_MS: "60000" },
      nodeArgs:
        profileFolder === null
          ? []
          : [
              "--cpu-prof",
              `--cpu-prof-dir=${join(profileFolder, row)}`,
              `--cpu-prof-name=${name}-${number}.cpuprofile`,
            ],
    });
    return { name, app };
  };
  return Promise.all([
    start("api", 1),
    ...Array.from({ length: aggregators }, (_, index) => start("usage-aggregator", index + 1)),
  ]);
}
