import { execFileSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

/**
 * Builds what is published: JavaScript and types of this package with those of the contracts inside, so that a producer
 * installs one package. `node build.ts --out FOLDER` (default: dist), then `npm publish FOLDER`.
 */
const { values } = parseArgs({ options: { out: { type: "string", default: "dist" } } });
const here = import.meta.dirname;
const out = resolve(here, values.out);

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
execFileSync("tsc", ["-p", join(here, "tsconfig.build.json"), "--outDir", out], { stdio: "inherit" });

const contracts = join(out, "contracts/src/index.js");
for (const path of globSync("sdk/**/*.{js,d.ts}", { cwd: out }).map((found) => join(out, found))) {
  const way = relative(dirname(path), contracts);
  writeFileSync(path, readFileSync(path, "utf8").replaceAll('"@driftlock/contracts"', JSON.stringify(way)));
}

const readJson = (path: string) =>
  JSON.parse(readFileSync(join(here, path), "utf8")) as Record<string, string>;
const { name, version, license } = readJson("package.json");
const zod = readJson("../contracts/node_modules/zod/package.json")["version"];
const published = {
  name,
  version,
  license,
  type: "module",
  engines: { node: ">=22" },
  bin: { driftlock: "sdk/src/cli/main.js" },
  exports: { ".": { types: "./sdk/src/index.d.ts", default: "./sdk/src/index.js" } },
  dependencies: { zod: `^${zod}` },
};
writeFileSync(join(out, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
copyFileSync(join(here, "README.md"), join(out, "README.md"));
