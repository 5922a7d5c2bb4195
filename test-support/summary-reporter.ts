import type { Reporter, TestModule } from "vitest/node";

/** Prints `N passed, N failed` as the last line of all, after the teardown's own output. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      const states = [...module.children.allTests()].map((test) => test.result().state);
      const failedTests = states.filter((state) => state === "failed").length;
      passed += states.filter((state) => state === "passed").length;
      skipped += states.filter((state) => state === "skipped" || state === "pending").length;
      // A file that did not load, or whose suite hook failed, has no failed test of its own.
      failed += failedTests === 0 && module.state() === "failed" ? 1 : failedTests;
    }
    const line = `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}\n`;
    process.once("exit", () => process.stdout.write(line));
  }
}
