import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, onTestFinished, test } from "vitest";
import { startProcess, waitUntilReady } from "../src/infra/child-process.ts";
import { isEngineThere } from "../src/infra/containers.ts";
import { createGuard } from "../src/infra/guard.ts";
import { unpackRedisFromDebian } from "../src/infra/apt-unpack.ts";
import { provisionPostgres, provisionRedis, type ProvisionOptions } from "../src/infra/strategy.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

async function options(): Promise<ProvisionOptions> {
  const folder = await makeTemporaryFolder();
  const { toolsHome } = inject("driftlock");
  return {
    ...{ folder, toolsHome, logFolder: folder, isDurable: false, say: () => {} },
    ...{ givenUrl: undefined, infra: undefined },
  };
}

test("a URL that was given comes before everything", async () => {
  const { postgresUrl } = inject("driftlock");
  const given = { ...(await options()), givenUrl: postgresUrl, infra: "containers" };
  expect(await provisionPostgres(given)).toEqual({ kind: "given", url: postgresUrl });
});

test("an INFRA that is neither is refused", async () => {
  await expect(provisionRedis({ ...(await options()), infra: "docker" })).rejects.toThrow(
    'INFRA is "docker"; it takes "containers" or "local"',
  );
});

test("INFRA=containers without an engine fails, and says what to do", async ({ skip }) => {
  skip(await isEngineThere(), "a Docker engine answers here");
  await expect(provisionPostgres({ ...(await options()), infra: "containers" })).rejects.toThrow(
    "no Docker engine answers; start one, or unset INFRA",
  );
});

test("Postgres starts over a postmaster.pid whose pid is now another program's, and keeps its URL", async () => {
  const settings = await options();
  const guard = createGuard(join(settings.folder, "pids"));
  onTestFinished(() => guard.close());
  const first = await provisionPostgres(settings);
  if (first.kind !== "local") throw new Error("a local Postgres was asked for");
  writeFileSync(join(first.spec.cwd, "postmaster.pid"), `${process.pid}\n${first.spec.cwd}\n`);

  const second = await provisionPostgres(settings);
  if (second.kind !== "local") throw new Error("a local Postgres was asked for");
  expect(second.url).toBe(first.url);
  const running = await startProcess(second.spec, guard);
  await waitUntilReady(second.spec, running);
  expect(await running.stop()).toBe("stopped");
  expect(existsSync(join(second.spec.cwd, "postmaster.pid"))).toBe(false);
});

test("Redis keeps its password out of the command line and its files to itself", async () => {
  const provision = await provisionRedis(await options());
  if (provision.kind !== "local") throw new Error("a local Redis was asked for");
  const [config = ""] = provision.spec.args;
  expect(statSync(config).mode & 0o777).toBe(0o600);
  const { password } = new URL(provision.url);
  expect(readFileSync(config, "utf8")).toContain(`requirepass ${password}`);
  expect(provision.spec.args.join(" ")).not.toContain(password);
});

test("on Debian and Ubuntu Redis is unpacked without touching the system", async ({ skip }) => {
  skip(!existsSync("/usr/bin/apt-get"), "this is not Debian or Ubuntu");
  const home = await makeTemporaryFolder();
  const binary = unpackRedisFromDebian({ home, names: ["redis-server", "valkey-server"], say: () => {} });
  expect(binary?.command.startsWith(home)).toBe(true);
  const version = spawnSync(binary?.command ?? "", ["--version"], { encoding: "utf8", env: binary?.env });
  expect(version.stdout).toMatch(/v=\d+\./);
});
