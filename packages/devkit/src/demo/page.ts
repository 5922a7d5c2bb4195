export type Page = ReturnType<typeof createPage>;

/** Prints the demo's steps and figures; a figure on which both sides differ, or a failed check, ends it with an error. */
export function createPage(print: (line: string) => void) {
  const faults: string[] = [];
  const row = (name: string, text: string) => print(`    ${name.padEnd(36)} ${text}`);
  return {
    step: (at: string, text: string) => print(`\n${at}  ${text}`),
    figure: (name: string, text: string) => row(name, text),
    both: (name: string, ours: string, stripes: string) => {
      row(name, `DriftLock ${ours.padEnd(14)} Stripe ${stripes}`);
      if (ours !== stripes) faults.push(`${name}: DriftLock says ${ours}, Stripe says ${stripes}`);
    },
    check: (name: string, isTrue: boolean) => {
      row(isTrue ? "ok" : "WRONG", name);
      if (!isTrue) faults.push(name);
    },
    end: () => {
      if (faults.length > 0) throw new Error(`the demo went wrong:\n${faults.join("\n")}`);
    },
  };
}
