/** `npm run driftlock -- …`: the commands of an installation and of a producer under one name. */
const commands: Record<string, string> = {
  keys: "../apps/api/src/commands/create-key.ts",
  usage: "../packages/sdk/src/cli/main.ts",
};

const [subject = ""] = process.argv.slice(2);
const command = commands[subject];
if (command === undefined) {
  process.stderr.write("driftlock keys create …, or driftlock usage push FILE.ndjson …\n");
  process.exitCode = 64;
} else {
  await import(command);
}
