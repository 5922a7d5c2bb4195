import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { connect, createWorld } from "./world.ts";

test("a simulator that was stopped goes on where it was: the draft of before is finalized and paid", async () => {
  const folder = await mkdtemp(join(tmpdir(), "simulator-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const statePath = join(folder, "state.sqlite");
  const before = await createWorld(undefined, statePath);
  const customer = await before.customer();
  const subscription = await before.subscribe(customer.id, [before.catalog.pro, before.catalog.overage]);
  await before.use(customer.id, 200_000);
  await before.travelTo((subscription.items.data[0]?.current_period_end ?? 0) + 60);
  expect((await before.invoice(subscription.id, 1)).status).toBe("draft");
  await before.close();

  const after = await connect(undefined, statePath);
  onTestFinished(() => after.close());
  await after.travel({ hours: 1 });
  expect(await after.invoice(subscription.id, 1)).toMatchObject({ status: "paid", total: 5_000 + 2_900 });
});

test("a draft whose invoice.created nobody acknowledges is held back, for 72 hours at most", async () => {
  const world = await createWorld();
  onTestFinished(() => world.close());
  const server = createServer((_request, response) => response.writeHead(503).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const customer = await world.customer();
  const subscription = await world.subscribe(customer.id, [world.catalog.pro]);
  await world.stripe.webhookEndpoints.create({
    url: `http://127.0.0.1:${port}/`,
    enabled_events: ["invoice.created"],
  });
  const endsAt = subscription.items.data[0]?.current_period_end ?? 0;
  await world.travelTo(endsAt + 71 * 3_600);
  expect((await world.invoice(subscription.id, 1)).status).toBe("draft");
  await world.travelTo(endsAt + 74 * 3_600);
  expect((await world.invoice(subscription.id, 1)).status).toBe("paid");
});
