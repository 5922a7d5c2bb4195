import { expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";
import { openProducer } from "./producer.ts";

const gateway = await openFileGateway();

test("NDJSON and CloudEvents are the same events in other clothes", async () => {
  const { account, post, usageOf } = await openProducer(gateway);
  const ndjson = `{"id":"n1","metric":"alerts"}\r\n\nnot json\n{"id":"n2","metric":"alerts","quantity":2}`;
  expect(await post(ndjson, { "content-type": "application/x-ndjson; charset=utf-8" })).toMatchObject({
    status: 202,
    body: {
      accepted: 2,
      rejected: 1,
      results: [{ index: 1, id: null, outcome: "invalid", code: "INVALID_EVENT" }],
    },
  });
  expect((await post("nothing\nreadable", { "content-type": "application/x-ndjson" })).status).toBe(400);
  const cloudEvent = {
    specversion: "1.0",
    source: "/test",
    id: "n2",
    type: "alerts",
    subject: account,
    time: new Date().toISOString(),
    data: { quantity: 2 },
  };
  expect(await post(cloudEvent, { "content-type": "application/cloudevents+json" })).toMatchObject({
    status: 202,
    body: { outcome: "duplicate" },
  });
  const batch = [
    { ...cloudEvent, id: "n3" },
    { ...cloudEvent, data: { quantity: 3 } },
    { ...cloudEvent, data: "x" },
  ];
  expect(await post(batch, { "content-type": "application/cloudevents-batch+json" })).toMatchObject({
    status: 202,
    body: { accepted: 1, rejected: 2, results: [{ outcome: "conflict" }, { id: "n2", outcome: "invalid" }] },
  });
  expect(
    (await post({ ...cloudEvent, subject: "other" }, { "content-type": "application/cloudevents+json" }))
      .status,
  ).toBe(404);
  expect(await usageOf("alerts")).toMatchObject({ used: 5 });
});
