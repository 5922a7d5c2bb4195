/** `npm run driftlock -- …`: the commands of an installation and of a producer under one name. */
const commands: Record<string, string> = {
  catalog: "../apps/billing-worker/src/commands/catalog.ts",
  keys: "../apps/api/src/commands/create-key.ts",
  plans: "../apps/billing-worker/src/commands/plans.ts",
  replay: "../apps/billing-worker/src/commands/replay.ts",
  usage: "../packages/sdk/src/cli/main.ts",
};

const [subject = ""] = process.argv.slice(2);
const command = commands[subject];
if (command === undefined) {
  process.stderr.write(
    "driftlock keys create …, usage push FILE.ndjson …, catalog push …, plans migrate … or replay …\n",
  );
  process.exitCode = 64;
} else {
  await import(command);
}
