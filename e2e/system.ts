import { createDriver, type DevFile, type Driver } from "@driftlock/devkit";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    dev: DevFile;
    /** Where each process serves health and metrics. */
    opsUrls: Record<string, string>;
    /** One file for each process that runs: `<pid>.json` with its name. */
    pidFolder: string;
  }
}

/** The one running system of this run (global-setup.ts); every test opens accounts of its own in it. */
export const system = (): Driver => createDriver(inject("dev"));
