// The load generator, a process of its own: takes one order from its parent, and tells it how far it is.
import type { LoadOrder, LoadReport } from "./run-load.ts";
import { runLoad } from "./run-load.ts";

export type GeneratorMessage =
  | { phase: "measuring" }
  | { phase: "ended" }
  | { phase: "done"; report: LoadReport };

const tell = (message: GeneratorMessage) => void process.send?.(message);

for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {}); // our parent stops us
process.on("disconnect", () => process.exit(0));
process.once("message", (order: LoadOrder) => {
  void runLoad(order, {
    measuring: () => tell({ phase: "measuring" }),
    ended: () => tell({ phase: "ended" }),
  }).then((report) => tell({ phase: "done", report }));
});
