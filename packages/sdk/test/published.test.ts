import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const run = promisify(execFile);
const here = join(import.meta.dirname, "..");

test("what is published runs and type-checks in a project that knows nothing of this repository", async () => {
  const project = await mkdtemp(join(tmpdir(), "driftlock-sdk-"));
  onTestFinished(() => rm(project, { recursive: true }));
  const modules = join(project, "node_modules");
  await mkdir(join(modules, "@driftlock"), { recursive: true });
  await run(process.execPath, [join(here, "build.ts"), "--out", join(modules, "@driftlock/sdk")]);
  for (const name of ["zod"])
    await symlink(join(here, "../contracts/node_modules", name), join(modules, name));
  await mkdir(join(modules, "@types"));
  await symlink(join(here, "../../node_modules/@types/node"), join(modules, "@types/node"));
  await writeFile(
    join(project, "producer.mts"),
    `import { createUsageClient, type UsageToRecord } from "@driftlock/sdk";
    const event: UsageToRecord = { metric: "events", quantity: 2 };
    const client = createUsageClient({ url: "http://127.0.0.1:9", apiKey: "dlk_test_key" });
    console.log(client.record({ ...event, id: "mine" }), client.unsent().length);
    process.exit(0);`,
  );
  const options = ["--module", "nodenext", "--target", "es2024", "--types", "node", "--strict", "--noEmit"];
  await run("tsc", [...options, "producer.mts"], { cwd: project });
  const { stdout } = await run(process.execPath, ["producer.mts"], { cwd: project });
  expect(stdout).toBe("mine 1\n");
  const cli = run(process.execPath, [join(modules, "@driftlock/sdk/sdk/src/cli/main.js")], { cwd: project });
  await expect(cli).rejects.toMatchObject({
    code: 64,
    stderr: expect.stringContaining("driftlock usage push"),
  });
});
