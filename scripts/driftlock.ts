/** `npm run driftlock -- …`: the commands of an installation and of a producer under one name. */
const commands: Record<string, string> = {
  catalog: "../apps/billing-worker/src/commands/catalog.ts",
  keys: "../apps/api/src/commands/create-key.ts",
  usage: "../packages/sdk/src/cli/main.ts",
};

const [subject = ""] = process.argv.slice(2);
const command = commands[subject];
if (command === undefined) {
  process.stderr.write(
    "driftlock keys create …, driftlock usage push FILE.ndjson …, or driftlock catalog push …\n",
  );
  process.exitCode = 64;
} else {
  await import(command);
}
