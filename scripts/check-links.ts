// The documents must not point at what is not there: relative links, paths of this repository in code spans, and tests,
// which are named in lines of a path and a title: - `e2e/x.test.ts`: "what it shows".
// A pattern such as `apps/*/src/env.ts` must match something; what has a placeholder in it is left alone.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const documents = globSync("**/*.md", { exclude: (path) => /node_modules|^\.driftlock/.test(path) });
const ourPath = /^(?:apps|packages|scripts|docs|e2e|bench|deploy|test-support)\/\S*$/;
const placeholder = /[<>…$]|NNNN/;
const namedTest = /^- `([^`]+\.test\.ts)`: "(.+)"$/gm;

const faults = documents.flatMap((document) => {
  const text = readFileSync(document, "utf8");
  const links = [...text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].flatMap(([, target = ""]) =>
    /^[a-z]+:/.test(target) ? [] : [join(dirname(document), decodeURI(target))],
  );
  const spans = [...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, span = ""]) =>
    ourPath.test(span) ? [span] : [],
  );
  const missing = [...links, ...spans].filter(
    (path) => !placeholder.test(path) && !existsSync(path) && globSync(path).length === 0,
  );
  const tests = [...text.matchAll(namedTest)].flatMap(([, path = "", title = ""]) =>
    existsSync(path) && !readFileSync(path, "utf8").includes(title) ? [`test "${title}" in ${path}`] : [],
  );
  return [...missing, ...tests].map((each) => `${document}: there is no ${each}`);
});

for (const fault of faults) console.log(fault);
console.log(`${documents.length} documents`);
process.exitCode = faults.length === 0 ? 0 : 1;
