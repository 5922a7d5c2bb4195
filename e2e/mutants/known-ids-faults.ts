import type { Fault } from "./faults.ts";

const knownIds = "apps/usage-aggregator/src/known-ids/";
const unindexed = {
  project: "integration",
  test: "apps/usage-aggregator/test/unindexed-generation.test.ts",
} as const;

/** Of what a writer must know where no index tells it: ADR 0037. */
export const knownIdsFaults: readonly Fault[] = [
  {
    name: "a repeat in a generation without an index is new",
    file: `${knownIds}known-ids.ts`,
    code: "if (isTwice || hasAny(ids, hashes)) throw",
    fault: "if (isTwice) throw",
    ...unindexed,
  },
  {
    name: "one id twice in a batch is two",
    file: `${knownIds}known-ids.ts`,
    code: "if (isTwice || hasAny(ids, hashes)) throw",
    fault: "if (hasAny(ids, hashes)) throw",
    ...unindexed,
  },
  {
    name: "a commit whose answer was lost is not missed by the next",
    file: `${knownIds}commit-log.ts`,
    code: "return isSame(log.from, from) && isSame(log.to, to) ?",
    fault: "return isSame(log.from, from) ?",
    ...unindexed,
  },
  {
    name: "a commit whose answer was lost is not missed by the filter",
    file: `${knownIds}commit-log.ts`,
    code: "if (!isSame(log.to, from) || countAll()",
    fault: "if (countAll()",
    project: "integration",
    test: "apps/usage-aggregator/test/known-ids.test.ts",
  },
  {
    name: "a takeover takes a generation for empty",
    file: `${knownIds}commit-log.ts`,
    code: "return isSame(from, to) ? noIds : null;",
    fault: "return noIds;",
    ...unindexed,
  },
  {
    name: "a repeat of a sealed generation without an index is new",
    file: `${knownIds}known-ids.ts`,
    code: "if (ids === null || hasAny(ids, hash(rows))) throw",
    fault: "if (ids === null) throw",
    ...unindexed,
  },
  {
    name: "what the guard has forgotten goes where nobody looks it up",
    file: `${knownIds}known-ids.ts`,
    code: "if (ids === null || isOld) throw",
    fault: "if (ids === null) throw",
    ...unindexed,
  },
  {
    name: "a guard of another life is believed",
    file: "apps/api/src/usage/look-up-refused.ts",
    code: " || asked.some(",
    fault: " && asked.some(",
    project: "integration",
    test: "apps/api/test/usage/look-up-refused.test.ts",
  },
];
