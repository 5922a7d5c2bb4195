import { Stripe } from "stripe";
import { expect, test } from "vitest";
import { readWebhook, verifyWebhook } from "./index.ts";

const secrets = ["whsec_new", "whsec_old"];
const now = new Date("2026-11-01T00:00:00Z");
const event = {
  id: "evt_1",
  object: "event",
  type: "payment_method.detached",
  api_version: "2026-10-28.endive",
  livemode: false,
  data: {
    object: { id: "pm_1", object: "payment_method", customer: null },
    previous_attributes: { customer: "cus_1" },
  },
};
const payload = JSON.stringify(event);
const signed = (secret: string, offSeconds = 0) =>
  Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: now.getTime() / 1000 + offSeconds });
const verify = (signature: string | undefined, rawBody = Buffer.from(payload)) =>
  verifyWebhook({ rawBody, signature, secrets, now });

test("an event signed with either secret is read, with the customer it used to belong to", () => {
  const expected = {
    kind: "snapshot",
    id: "evt_1",
    type: "payment_method.detached",
    apiVersion: "2026-10-28.endive",
    objectType: "payment_method",
    objectId: "pm_1",
    customerId: "cus_1",
    isLive: false,
    event,
  };
  for (const secret of secrets) expect(verify(signed(secret))).toEqual(expected);
  // While a secret is rolled Stripe signs with both.
  expect(verify(`${signed("whsec_gone")},${signed("whsec_old").split(",")[1]}`)).toEqual(expected);
});

test.each([-300, 300])("a timestamp %i s away is taken, one second further is not", (offSeconds) => {
  expect(verify(signed("whsec_new", offSeconds)).id).toBe("evt_1");
  expect(() => verify(signed("whsec_new", offSeconds + Math.sign(offSeconds)))).toThrow("300 s away");
});

test.each([undefined, "", "t=1", "v1=,t=", signed("whsec_other"), signed("whsec_new").replace("v1", "v0")])(
  "the signature %s is refused",
  (signature) => {
    expect(() => verify(signature)).toThrow(expect.objectContaining({ code: "WEBHOOK_SIGNATURE_INVALID" }));
  },
);

test("another body under the same signature is refused", () => {
  expect(() => verify(signed("whsec_new"), Buffer.from(`${payload} `))).toThrow(
    "none of the configured secrets",
  );
});

test("a thin event is told apart; what is no event is malformed", () => {
  const thin = {
    id: "evt_2",
    object: "v2.core.event",
    type: "v1.billing.meter.no_meter_found",
    livemode: true,
    related_object: { id: "mtr_1", type: "billing.meter" },
  };
  expect(readWebhook(thin)).toMatchObject({
    kind: "thin",
    objectId: "mtr_1",
    customerId: null,
    isLive: true,
  });
  expect(readWebhook({ ...thin, related_object: null })).toMatchObject({ objectId: null, objectType: null });
  for (const none of [null, [], "evt", {}, { ...thin, object: "account" }, { ...event, data: {} }]) {
    expect(() => readWebhook(none)).toThrow(expect.objectContaining({ code: "MALFORMED_BODY" }));
  }
});

test("a customer is its own customer, and an expanded one is read too", () => {
  const about = (object: object) => readWebhook({ ...event, data: { object } }).customerId;
  expect(about({ id: "cus_1", object: "customer" })).toBe("cus_1");
  expect(about({ id: "in_1", object: "invoice", customer: { id: "cus_2" } })).toBe("cus_2");
  expect(about({ id: "price_1", object: "price" })).toBeNull();
});
