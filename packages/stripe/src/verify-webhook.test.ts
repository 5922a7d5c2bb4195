import { createHmac } from "node:crypto";
import fc from "fast-check";
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
const verify = (signature: string | undefined, rawBody: Buffer = Buffer.from(payload)) =>
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

const nowSeconds = now.getTime() / 1000;
const digest = (secret: string, timestamp: string, body: Buffer) =>
  createHmac("sha256", secret).update(`${timestamp}.`).update(body).digest("hex");

/** Bodies as they come, as the SDK alone can read them, and as nobody can. */
const bodies = fc.oneof(
  fc.constant(Buffer.from(payload)),
  fc.json().map((text) => Buffer.from(text)),
  fc.constant(Buffer.from(`\ufeff${payload}`)),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
);
const timestamps = fc.oneof(
  fc.integer({ min: -301, max: 301 }).map((off) => String(nowSeconds + off)),
  fc.constantFrom(String(nowSeconds), "-1", "", "NaN", "x", `${nowSeconds}.5`, ` ${nowSeconds}`),
);

test("it takes what the SDK takes, and nothing else, but for a timestamp too far ahead", () => {
  const headers = fc.record({ body: bodies, timestamp: timestamps }).chain(({ body, timestamp }) => {
    const signature = fc
      .tuple(
        fc.constantFrom("whsec_new", "whsec_old", "whsec_other"),
        fc.constantFrom(timestamp, "NaN"),
        bodies,
      )
      .chain(([secret, at, other]) =>
        fc.constantFrom(
          digest(secret, at, body),
          // What the SDK signs of a body that is no UTF-8.
          digest(secret, at, Buffer.from(new TextDecoder().decode(body))),
          digest(secret, at, other),
        ),
      );
    const item = fc.oneof(
      { weight: 8, arbitrary: signature.map((made) => `v1=${made}`) },
      fc.constantFrom(`t=${timestamp}`, "t="),
      signature.map((made) => `v0=${made}`),
      signature.map((made) => `v1=${made.toUpperCase()}`),
      signature.map((made) => `v1=${made}=`),
      fc.constantFrom("t", "v1", "v1=", "v1=00", `v1=${"é".repeat(64)}`, "é", "", " "),
      timestamps.map((other) => `t=${other}`),
    );
    return fc.record({
      rawBody: fc.constant(body),
      signature: fc.array(item, { maxLength: 4 }).map((items) => [`t=${timestamp}`, ...items].join()),
    });
  });
  const { signature: sdk } = Stripe.webhooks;
  const isTakenBySdk = ({ rawBody, signature }: { rawBody: Buffer; signature: string }) =>
    secrets.some((secret) => {
      try {
        return sdk?.verifyHeader(rawBody, signature, secret, 300, undefined, now.getTime()) === true;
      } catch {
        return false;
      }
    });
  const isTaken = (request: { rawBody: Buffer; signature: string }) => {
    try {
      verify(request.signature, request.rawBody);
      return true;
    } catch (error) {
      return (error as { code?: string }).code === "MALFORMED_BODY";
    }
  };
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(headers, (request) => {
      const last = request.signature.split(",").findLast((item) => item.split("=")[0] === "t");
      const seconds = Number.parseInt(last?.split("=")[1] ?? "", 10);
      // Age alone is the SDK's, and nothing is older than what is no number.
      const isInTime = Math.abs(nowSeconds - seconds) <= 300;
      const isExpected = isTakenBySdk(request) && isInTime;
      seen[isExpected ? "taken" : "refused"]++;
      expect(isTaken(request)).toBe(isExpected);
    }),
    { numRuns: 2_000 },
  );
  expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(50);
});

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
