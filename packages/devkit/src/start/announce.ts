import type { StartSettings } from "./env.ts";
import type { StartedSystem } from "./start-everything.ts";

/** What is printed when everything is ready: where it is, a key, and one request to try. */
export function announce({ urls, demo }: StartedSystem, settings: StartSettings): string {
  const lines = [
    "ready",
    "",
    `  Web and API        ${demo?.webUrl ?? urls.apiUrl}`,
    `  API documentation  ${urls.apiUrl}/docs`,
    `  Webhooks           ${urls.webhookUrl}`,
    ...(urls.stripeUrl
      ? [`  Stripe simulator   ${urls.stripeUrl}`]
      : [`  Stripe             real, ${settings.mode} mode`]),
    `  Logs               ${settings.folder}/logs`,
  ];
  const [account] = demo?.credentials.accounts ?? [];
  if (account) {
    lines.push(
      `  Credentials        ${settings.home}/dev.json (the link above signs in once; the next one is in there)`,
      `  Demo key           ${account.apiKey}`,
      "",
      `  curl -s ${urls.apiUrl}/billing/usage -H "Authorization: Bearer ${account.apiKey}"`,
    );
  }
  return [...lines, "", "Ctrl-C stops all of it."].join("\n");
}
