// The law of imports, one rule for each sentence of it. What may see what:
//
//   contracts ──► domain ─────────────┐
//       ├──► db ───────────────────► apps/*   ◄── devkit, stripe-simulator (in tests only)
//       ├──► redis ────────────────►   ▲
//       ├──► stripe ───────────────►   │           arrows point at the importer; there is no arrow back
//       └──► runtime, sdk ─────────────┘
const TEST = "(\\.test\\.tsx?$|/test/)";
const SIBLINGS = "db|redis|stripe|runtime";

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Of imports that run; what the compiler erases cannot deadlock a module.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "everything-resolves", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "contracts-see-zod-alone",
      severity: "error",
      from: { path: "^packages/contracts/src", pathNot: TEST },
      to: { pathNot: "^packages/contracts/|(^|/)node_modules/zod/" },
    },
    {
      name: "domain-is-pure",
      comment: "Rules are functions of values: no SDK, no IO, nothing of Node.",
      severity: "error",
      from: { path: "^packages/domain/src", pathNot: TEST },
      to: { pathNot: "^packages/(contracts|domain)/" },
    },
    {
      name: "siblings-are-blind",
      comment: "Only apps combine them.",
      severity: "error",
      from: { path: `^packages/(${SIBLINGS})/` },
      to: { path: `^packages/(${SIBLINGS})/`, pathNot: "^packages/$1/" },
    },
    {
      name: "siblings-hold-no-rules",
      comment: "Except in tests: a script in Lua is compared there with the rule it repeats.",
      severity: "error",
      from: { path: `^packages/(${SIBLINGS}|sdk)/`, pathNot: TEST },
      to: { path: "^packages/domain/" },
    },
    {
      name: "sdk-sees-contracts-alone",
      severity: "error",
      from: { path: "^packages/sdk/src", pathNot: TEST },
      to: { path: "^packages/", pathNot: "^packages/(contracts|sdk)/" },
    },
    {
      name: "simulator-knows-nothing-of-us",
      comment: "It stands in for Stripe: what it shared with our code it could not find wrong in it.",
      severity: "error",
      from: { path: "^packages/stripe-simulator/src", pathNot: TEST },
      to: { path: "^(packages|apps)/", pathNot: "^packages/stripe-simulator/" },
    },
    {
      name: "devkit-starts-processes",
      comment: "ADR 0007: it imports none of what it starts, so that everything else may use it in tests.",
      severity: "error",
      from: { path: "^packages/devkit/" },
      to: { path: "^packages/", pathNot: "^packages/(contracts|devkit)/" },
    },
    {
      name: "packages-never-see-apps",
      severity: "error",
      from: { path: "^packages/" },
      to: { path: "^apps/" },
    },
    {
      name: "apps-are-strangers",
      comment: "The front end takes the type of the gateway's router, and nothing that runs.",
      severity: "error",
      from: { path: "^apps/([^/]+)/" },
      to: { path: "^apps/", pathNot: "^apps/$1/|^apps/api/src/trpc/router\\.ts$" },
    },
    {
      name: "only-the-web-sees-the-router",
      severity: "error",
      from: { path: "^apps/", pathNot: "^apps/(api|web)/" },
      to: { path: "^apps/api/" },
    },
    {
      name: "the-router-is-a-type",
      severity: "error",
      from: { path: "^apps/web/" },
      to: { path: "^apps/api/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "devkit-is-for-tests",
      severity: "error",
      from: { path: "^(apps|packages)/", pathNot: `^packages/devkit/|${TEST}` },
      to: { path: "^packages/devkit/" },
    },
    {
      name: "simulator-is-for-development",
      severity: "error",
      from: { path: "^(apps|packages)/", pathNot: `^packages/(devkit|stripe-simulator)/|${TEST}` },
      to: { path: "^packages/stripe-simulator/" },
    },
    {
      name: "stripe-has-one-door",
      comment: "No `new Stripe` elsewhere.",
      severity: "error",
      from: { path: "^(apps|packages)/", pathNot: `^packages/(stripe|stripe-simulator|devkit)/|${TEST}` },
      to: { path: "(^|/)node_modules/stripe/" },
    },
    {
      name: "packages-have-one-door",
      comment:
        "No deep imports: what another package may use is in its src/index.ts. Queues are beside it: not all pay for BullMQ.",
      severity: "error",
      from: { path: "^(apps|packages)/([^/]+)/" },
      to: {
        path: "^packages/[^/]+/src/.",
        pathNot: "^$1/$2/|^packages/[^/]+/src/index\\.ts$|^packages/runtime/src/queue/index\\.ts$",
      },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(dist|coverage|\\.turbo|\\.driftlock)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".tsx", ".js", ".mjs", ".cjs", ".json"],
    },
  },
};
