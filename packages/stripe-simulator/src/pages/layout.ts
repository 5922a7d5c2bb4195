import { type Html, html } from "./html.ts";

const STYLE = `
:root { color-scheme: light dark; --ink: #1a1f36; --soft: #5e6880; --line: #dfe3eb; --paper: #ffffff; --ground: #f5f7fa; --accent: #4338ca; --bad: #b3261e; --good: #1b7f4b; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceef4; --soft: #a2abc0; --line: #343b4f; --paper: #1b2030; --ground: #11141e; --accent: #8b83ff; --bad: #ff8a80; --good: #6fdda6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 30rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
main.wide { max-width: 76rem; }
.note { background: var(--line); color: var(--soft); font-size: .8rem; padding: .35rem 1rem; text-align: center; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem; margin-bottom: 1rem; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 0 0 .75rem; }
.price { font-size: 2rem; font-weight: 650; margin: .25rem 0; } .soft { color: var(--soft); }
label { display: block; font-size: .9rem; font-weight: 550; margin: .9rem 0 .25rem; }
input, select { width: 100%; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .75rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem; }
button, .button { display: inline-block; font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; border: 1px solid var(--accent); border-radius: .5rem; padding: .6rem 1.1rem; background: var(--accent); color: #fff; }
@media (prefers-color-scheme: dark) { button, .button { color: #11141e; } }
button.plain, .button.plain { background: transparent; color: var(--accent); }
button.small { padding: .15rem .6rem; font-size: .85rem; }
button.full { width: 100%; margin-top: 1.4rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.alert { border: 1px solid var(--bad); color: var(--bad); border-radius: .5rem; padding: .6rem .9rem; margin-top: 1rem; }
.bad { color: var(--bad); } .good { color: var(--good); }
table { width: 100%; border-collapse: collapse; font-size: .92rem; } th { text-align: left; color: var(--soft); font-weight: 550; }
td, th { padding: .45rem .6rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td.number, th.number { text-align: right; white-space: nowrap; padding-right: 0; }
.row { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; } .row > form { margin: 0; }
pre { overflow: auto; background: var(--ground); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; font-size: .82rem; }
a { color: var(--accent); } nav a { margin-right: 1rem; } .scroll { overflow-x: auto; }
`;

/** A whole page. It carries no script of its own and works by links and forms. */
export const layout = (
  title: string,
  body: Html,
  options: { isWide?: boolean; refreshes?: boolean } = {},
): string =>
  `<!doctype html>${
    html`<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${options.refreshes === true && html`<meta http-equiv="refresh" content="1">`}<title>${title}</title><style>${{ markup: STYLE }}</style></head>
<body><div class="note">Stripe simulator: no real money moves here</div><main class="${options.isWide === true ? "wide" : ""}">${body}</main></body></html>`
      .markup
  }`;
