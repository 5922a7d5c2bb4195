import { expect, test } from "vitest";
import { createPostJson } from "../src/gateway.ts";
import { createSendUsage } from "../src/usage-sender.ts";
import { acceptAll, startGateway } from "./helpers.ts";

test("it waits as long as the gateway asks, else longer each time", async () => {
  const failures = [
    { status: 500 },
    { status: 500 },
    { status: 429, headers: { "retry-after": "7" } },
    { status: 500 },
  ];
  const { url } = await startGateway((request, place) => failures[place] ?? acceptAll(request));
  const pauses: number[] = [];
  const send = createSendUsage({
    postJson: createPostJson({ url, apiKey: "dlk_test_key" }),
    pause: async (ms) => void pauses.push(ms),
    random: () => 0,
  });
  const event = JSON.stringify({ id: "a", metric: "events" });
  expect(await send([event], new AbortController().signal)).toMatchObject({ accepted: 1 });
  expect(pauses).toEqual([50, 100, 7_000, 400]);
});
