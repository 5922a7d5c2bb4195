// Outlives the process that started it by exactly as long as it takes to stop that process's children. It reads
// its orders from a pipe; when the pipe closes, its owner is gone, however it went, and what is still on the list
// is stopped in order.
import { existsSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { GuardOrder } from "./guard.ts";
import { stopInOrder, type ProcessRecord } from "./stop-processes.ts";

const REMOVE_ATTEMPTS_MAX = 100;
const REMOVE_RETRY_MS = 200;

const processes = new Map<number, ProcessRecord>();
const paths = new Set<string>();

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as GuardOrder;
  if (order.do === "guard") processes.set(order.process.pid, order.process);
  else if (order.do === "release") processes.delete(order.pid);
  else paths.add(order.path);
}
await stopInOrder([...processes.values()]);
// What ran in a folder may be writing its last lines just now, and make removing it fail.
for (const path of paths) {
  for (let attempt = 1; attempt <= REMOVE_ATTEMPTS_MAX && existsSync(path); attempt++) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      await delay(REMOVE_RETRY_MS);
    }
  }
}
