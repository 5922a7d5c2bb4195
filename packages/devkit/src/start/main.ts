// The supervisor behind `npm start` and `npm run dev` (`--watch`).
import { mkdirSync } from "node:fs";
import { announce } from "./announce.ts";
import { checkPorts } from "./check-ports.ts";
import { urlsOf } from "./child-env.ts";
import { devFilePath, removeDevFile } from "./dev-file.ts";
import { loadStartSettings, type StartSettings } from "./env.ts";
import { takeHome } from "./home-lock.ts";
import { startEverything } from "./start-everything.ts";
import { watchForStop, type StopRequest } from "./stop-request.ts";
import { openSystem } from "./system.ts";

function say(text: string, source = "driftlock"): void {
  process.stdout.write(
    `${text
      .split("\n")
      .map((line) => `${source} | ${line}`)
      .join("\n")}\n`,
  );
}

/** Runs the system until it is told to stop; throws what kept it from starting, after everything is stopped again. */
async function run(settings: StartSettings, stop: StopRequest): Promise<void> {
  mkdirSync(settings.folder, { recursive: true });
  const lock = takeHome(settings.folder, { pid: process.pid, apiUrl: urlsOf(settings).apiUrl });
  try {
    removeDevFile(settings.home);
    const system = await openSystem({ settings, say });
    system.guard.removeAtEnd(devFilePath(settings.home)); // should we be killed
    let unpublish = async () => {};
    const started = checkPorts(settings).then(async () => {
      const result = await startEverything({ settings, system, signal: stop.signal, say });
      unpublish = result.unpublish;
      return result;
    });
    try {
      const result = await Promise.race([started, stop.requested]);
      if (result) {
        process.stdout.write(`\n${announce(result, settings)}\n\n`);
        await stop.requested;
      }
      say(`stopping (${String(stop.signal.reason)})`);
    } finally {
      await unpublish();
      await system.stop(stop.hurry);
      await started.catch(() => {}); // given up with what it waited for
      await unpublish();
    }
    say("stopped; the data stays for the next start");
  } finally {
    lock.release();
  }
}

// Where the terminal is gone there is nobody to tell, and stopping in order matters more.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

try {
  const settings = loadStartSettings(process.env, process.argv.slice(2));
  await run(settings, watchForStop({ parentPid: settings.parentPid, say }));
  process.exit(0);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
