import { createHmac } from "node:crypto";

/** What is delivered: `count` events about objects in turn, each event with an id of its own. */
export interface Deliveries {
  secret: string;
  /** Distinguishes the ids of this row from those of others. */
  prefix: string;
  count: number;
  /** The objects as Stripe's JSON, before and after the change that lies in the middle of the events. */
  before: readonly string[];
  after: readonly string[];
}

export interface Delivery {
  body: Buffer;
  signature: string;
}

const idDigits = 8;

/** The events of a row, signed now: a signature holds for 300 s. */
export function* makeDeliveries({ secret, prefix, count, before, after }: Deliveries): Generator<Delivery> {
  const timestamp = Math.floor(Date.now() / 1_000);
  const templates = [
    before.map((object) => makeTemplate(prefix, object, timestamp)),
    after.map((object) => makeTemplate(prefix, object, timestamp + 1)),
  ];
  for (let n = 0; n < count; n++) {
    const template = templates[n < count / 2 ? 0 : 1]?.[n % before.length];
    if (template === undefined) throw new Error("there is no object to tell of");
    const body = Buffer.from(template.bytes);
    body.write(String(n).padStart(idDigits, "0"), template.idOffset, "latin1");
    const hmac = createHmac("sha256", secret).update(`${timestamp}.`).update(body).digest("hex");
    yield { body, signature: `t=${timestamp},v1=${hmac}` };
  }
}

function makeTemplate(prefix: string, object: string, created: number): { bytes: Buffer; idOffset: number } {
  const head = `{"id":"evt_${prefix}`;
  const envelope = {
    object: "event",
    api_version: "2026-10-28.endive",
    created,
    livemode: false,
    pending_webhooks: 1,
    request: { id: "req_bench00000000", idempotency_key: null },
    type: "customer.subscription.updated",
  };
  const rest = JSON.stringify(envelope).slice(1, -1);
  return {
    bytes: Buffer.from(`${head}${"0".repeat(idDigits)}",${rest},"data":{"object":${object}}}`),
    idOffset: head.length,
  };
}
