import { resolve } from "node:path";
import { checkoutRoot } from "./run-as.ts";

/** The home of the run that set us up, so that a start with another home downloads and builds nothing again. */
export const findToolsHome = (env: NodeJS.ProcessEnv): string =>
  resolve(checkoutRoot, env["DRIFTLOCK_TOOLS_HOME"] || ".driftlock");
