// Outlives the process that started it by exactly as long as it takes to stop that process's children. It reads
// its orders from a pipe; when the pipe closes, its owner is gone, however it went, and what is still on the list
// is stopped in order.
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import type { GuardOrder } from "./guard.ts";
import { stopInOrder, type ProcessRecord } from "./stop-processes.ts";

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
for (const path of paths) rmSync(path, { recursive: true, force: true });
