// Stripe, as far as its deliveries go; a process of its own, driven by its parent.
import { createDeliverer, type DeliveryOrder, type DeliveryReport } from "./deliver.ts";

export type DelivererTask = { prepare: DeliveryOrder } | { send: number; requestsPerSecond: number | null };
export type DelivererMessage = "prepared" | DeliveryReport;

const tell = (message: DelivererMessage) => void process.send?.(message);
let deliver: ReturnType<typeof createDeliverer> | null = null;

for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {}); // our parent stops us
process.on("disconnect", () => process.exit(0));
process.on("message", (task: DelivererTask) => {
  if ("prepare" in task) {
    deliver = createDeliverer(task.prepare);
    tell("prepared");
  } else void deliver?.(task.send, task.requestsPerSecond).then(tell);
});
