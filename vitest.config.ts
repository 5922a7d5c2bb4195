import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// A test file with infrastructure mostly waits for it, so two at a time are right on two cores; more only on more.
const maxWorkers = Math.max(2, Math.min(availableParallelism(), 6));
const globalSetup = "./packages/devkit/src/testing/global-setup.ts";

export default defineConfig({
  test: {
    reporters: ["default", "./test-support/summary-reporter.ts"],
    retry: 0,
    maxWorkers,
    teardownTimeout: 60_000,
    coverage: { provider: "v8", include: ["{apps,packages}/*/src/**/*.ts"] },
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["{packages,apps}/*/src/**/*.test.{ts,tsx}"] },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["{packages,apps}/*/test/**/*.test.ts"],
          globalSetup,
          testTimeout: 30_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["e2e/**/*.test.ts"],
          globalSetup: "./e2e/global-setup.ts",
          setupFiles: "./e2e/end-subscriptions.ts",
          // All files drive one system, and its clock.
          maxWorkers: 1,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
