// The documents must not point at what is not there: relative links, and paths of this repository in code spans.
// A pattern such as `apps/*/src/env.ts` must match something; what has a placeholder in it is left alone.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const documents = globSync("**/*.md", { exclude: (path) => /node_modules|^\.driftlock/.test(path) });
const ourPath = /^(?:apps|packages|scripts|docs|e2e|bench|deploy|test-support)\/\S*$/;
const placeholder = /[<>…$]|NNNN/;

const faults = documents.flatMap((document) => {
  const text = readFileSync(document, "utf8");
  const links = [...text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].flatMap(([, target = ""]) =>
    /^[a-z]+:/.test(target) ? [] : [join(dirname(document), decodeURI(target))],
  );
  const spans = [...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, span = ""]) =>
    ourPath.test(span) ? [span] : [],
  );
  return [...links, ...spans]
    .filter((path) => !placeholder.test(path) && !existsSync(path) && globSync(path).length === 0)
    .map((path) => `${document}: there is no ${path}`);
});

for (const fault of faults) console.log(fault);
console.log(`${documents.length} documents`);
process.exitCode = faults.length === 0 ? 0 : 1;
