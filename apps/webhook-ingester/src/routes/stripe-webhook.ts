import { AppError, applyStripeEvent, type StripeHint } from "@driftlock/contracts";
import { toAppError } from "@driftlock/redis";
import { type Clock, createBatcher, type Secret } from "@driftlock/runtime";
import type { Addition, Producer } from "@driftlock/runtime/queue";
import { stripeHintOf, verifyWebhook } from "@driftlock/stripe";
import type { FastifyPluginAsync } from "fastify";

/** DESIGN 3: as old as this, the workers count as gone. */
const heartbeatAgeMaxMs = 5 * 60 * 1000;
const bodyBytesMax = 1024 * 1024;
/** Redis is busy for some 10 ms with so many at once. */
const batchEventsMax = 500;
/** Written once: it is all that is ever answered to Stripe's. */
const received = JSON.stringify({ received: true });

export interface StripeWebhookDeps {
  secrets: readonly Secret[];
  producer: Producer;
  /** Transport: signatures are made by the wall clock. */
  wallClock: Clock;
  /** When a billing worker last showed that it lives (wall time); null where none ever did. */
  findWorkerHeartbeat: () => Promise<Date | null>;
}

/** Verify, enqueue, 200: what cannot be verified is refused and never queued, what cannot be queued is asked for again. */
export const stripeWebhookRoutes =
  (deps: StripeWebhookDeps): FastifyPluginAsync =>
  async (app) => {
    const secrets = deps.secrets.map((secret) => secret.reveal());
    // A job each, its identity the event's id, added together; a delivery is answered when all of its batch is in Redis.
    const enqueue = createBatcher<Addition<StripeHint>>({
      itemsMax: batchEventsMax,
      run: async (batch) => {
        await deps.producer.addMany(applyStripeEvent, batch);
        // One line for all: in a surge they are thousands a second.
        const events = batch.map(({ payload: { eventId, type, objectId }, requestId }) => ({
          ...{ eventId, type, objectId, requestId },
        }));
        app.log.info({ events }, "webhooks.queued");
      },
    });
    // Scoped to this route: the signature is over the bytes, whatever the content type says they are.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

    app.post("/webhooks/stripe", { bodyLimit: bodyBytesMax }, async (request, reply) => {
      const header = request.headers["stripe-signature"];
      const webhook = verifyWebhook({
        rawBody: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
        signature: typeof header === "string" ? header : undefined,
        secrets,
        now: deps.wallClock.now(),
      });
      if (webhook.type === "invoice.created") await expectWorkers(deps);
      await enqueue({ payload: stripeHintOf(webhook), requestId: request.id }).catch(rethrowAsAppError);
      return reply.type("application/json; charset=utf-8").send(received);
    });
  };

/** A 2xx to invoice.created starts Stripe's hour until the draft is finalized: without workers it would pass unused. */
async function expectWorkers({ findWorkerHeartbeat, wallClock }: StripeWebhookDeps): Promise<void> {
  const seenAt = await findWorkerHeartbeat().catch(rethrowAsAppError);
  if (seenAt !== null && wallClock.now().getTime() - seenAt.getTime() < heartbeatAgeMaxMs) return;
  throw new AppError(
    "UNAVAILABLE",
    "No billing worker is running to close the invoice's period; send it again later.",
    {
      retryAfterSeconds: 60,
    },
  );
}

function rethrowAsAppError(error: unknown): never {
  throw toAppError(error);
}
