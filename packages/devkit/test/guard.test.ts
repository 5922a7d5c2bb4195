import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { stopLeftovers } from "../src/infra/guard.ts";
import { identifyProcess } from "../src/infra/process-table.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

async function startOwner() {
  const folder = await makeTemporaryFolder();
  const pidFolder = join(folder, "pids");
  writeFileSync(join(folder, "ready-file"), "");
  const owner = spawn(process.execPath, [
    join(import.meta.dirname, "fixtures/owner-main.ts"),
    pidFolder,
    folder,
  ]);
  onTestFinished(() => void owner.kill("SIGKILL"));
  const [output] = (await once(owner.stdout, "data")) as [Buffer];
  const [base = 0, app = 0] = output.toString().trim().split(" ").map(Number);
  const order = () => readFileSync(join(folder, "order"), "utf8").trim().split("\n");
  await vi.waitFor(() => expect(order().toSorted()).toEqual(["app started", "base started"]), 5_000);
  return { folder, pidFolder, owner, base, app, order };
}

test("when their owner is killed with -9 its children stop in order, and its files go", async () => {
  const { folder, owner, base, app, order } = await startOwner();
  owner.kill("SIGKILL");
  await vi.waitFor(() => {
    expect([identifyProcess(base), identifyProcess(app)]).toEqual([null, null]);
    expect(existsSync(join(folder, "ready-file"))).toBe(false);
  }, 10_000);
  expect(order().slice(2)).toEqual(["app told", "app ended", "base told", "base ended"]);
});

test("what survives the guardian too is stopped by the next run, and a stranger with a noted pid is not", async () => {
  const { pidFolder, owner, base, app } = await startOwner();
  // Standing in for a machine where the guardian died as well: it is stopped before it can act.
  const guardian = Number(
    readFileSync(`/proc/${owner.pid}/task/${owner.pid}/children`, "utf8").split(" ")[0],
  );
  process.kill(guardian, "SIGKILL");
  owner.kill("SIGKILL");
  await once(owner, "exit");
  const stranger = { name: "stranger", pid: process.pid, identity: "of another process", rank: 0 };
  writeFileSync(join(pidFolder, "stranger.json"), JSON.stringify(stranger));

  expect((await stopLeftovers(pidFolder)).toSorted()).toEqual(["app", "base"]);
  expect([identifyProcess(base), identifyProcess(app)]).toEqual([null, null]);
  expect(readdirSync(pidFolder)).toEqual([]);
});
