#!/usr/bin/env node
import { readCliEnv } from "./env.ts";
import { runUsagePush, usagePushHelp } from "./usage-push.ts";

const stopping = new AbortController();
// A second one ends it at once.
process.once("SIGINT", () => stopping.abort());
process.once("SIGTERM", () => stopping.abort());

const [subject, verb, ...args] = process.argv.slice(2);
if (subject === "usage" && verb === "push") {
  const terminal = {
    env: readCliEnv(),
    out: process.stdout,
    err: process.stderr,
    signal: stopping.signal,
  };
  process.exitCode = await runUsagePush(args, terminal);
} else {
  process.stderr.write(usagePushHelp);
  process.exitCode = 64;
}
