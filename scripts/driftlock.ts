/** `npm run driftlock -- …`: the commands of an installation and of a producer under one name. */
const commands: Record<string, string> = {
  catalog: "../apps/billing-worker/src/commands/catalog.ts",
  keys: "../apps/api/src/commands/create-key.ts",
  plans: "../apps/billing-worker/src/commands/plans.ts",
  usage: "../packages/sdk/src/cli/main.ts",
};

const [subject = ""] = process.argv.slice(2);
const command = commands[subject];
if (command === undefined) {
  process.stderr.write(
    "driftlock keys create …, driftlock usage push FILE.ndjson …, driftlock catalog push … or driftlock plans migrate …\n",
  );
  process.exitCode = 64;
} else {
  await import(command);
}
