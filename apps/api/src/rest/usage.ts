import {
  AccountChoice,
  AppError,
  EntitlementsDto,
  UsageBatchDto,
  type UsageBatchDto as UsageBatch,
  UsageBody,
  UsageDto,
  type UsageEvent,
  UsageReceiptDto,
  type UsageReceiptDto as UsageReceipt,
  usageResultCodes,
  UsageSeriesDto,
  UsageSeriesQuery,
} from "@driftlock/contracts";
import type { Clock } from "@driftlock/runtime";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { isService } from "../auth/credential.ts";
import { credentialOf, requestAccount } from "../plugins/auth.ts";
import { noRequestLog } from "../plugins/metrics.ts";
import type { UsageItems } from "../usage/parse-usage-body.ts";
import { addUsageBodyParsers } from "../usage/usage-body-parsers.ts";
import type { CustomerUseCases } from "../use-cases/customer-use-cases.ts";
import type { RecordUsage, RefusedEvent } from "../use-cases/record-usage.ts";

interface Deps extends Pick<CustomerUseCases, "getUsage" | "getUsageSeries" | "getEntitlements"> {
  recordUsage: RecordUsage;
  clock: Clock;
}

const seriesDescription =
  "Windows are aligned in UTC; `from` and `to` are widened to whole ones, and every window has a point. `groupBy` names a property that the metric declares (else 422 `UNKNOWN_GROUP_KEY`, which names those): `groups` then holds a series for each value, the largest first, as many as make 20,000 points, 100 at most; the rest is in the group `other`, as are values past the first 1,000 of a UTC day and values longer than 256 characters. The group `none` is what carries no such property, or came before the metric declared it. A series reaches back 35 days by minute and 400 by hour, by day without end; in groups 35 days by minute and hour, 400 by day. Further back is 422 `USAGE_NOT_KEPT`, with `keptSince`.";

export const usageRoutes =
  ({ recordUsage, getUsage, getUsageSeries, getEntitlements, clock }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    addUsageBodyParsers(app);
    app.post(
      "/billing/usage",
      {
        config: { access: "usage:write", encodings: ["gzip", "zstd"] },
        childLoggerFactory: noRequestLog,
        // Events are checked one by one, so that a bad one is refused alone; the schema is for the documentation.
        validatorCompiler: () => (value: unknown) => ({ value }),
        serializerCompiler: () => JSON.stringify,
        schema: {
          tags: ["usage"],
          summary: "Record usage: one event, or a batch of up to 10,000",
          description:
            "One object with an id is a single event and has a status of its own. An array, `{ events }`, NDJSON (application/x-ndjson) and CloudEvents (application/cloudevents+json is single, application/cloudevents-batch+json a batch) are taken too, and so are bodies in Content-Encoding gzip or zstd, up to 8 MiB when decompressed. A batch is 202 whatever its items are, and lists what was not accepted. Sending the same body again is always safe.",
          body: UsageBody,
          response: { 202: z.union([UsageReceiptDto, UsageBatchDto]) },
        },
      },
      async (request, reply) => {
        const credential = credentialOf(request);
        if (credential.accountId === null && !isService(credential)) {
          throw new AppError(
            "SCOPE_MISSING",
            "This key belongs to no account; that needs the scope service.",
          );
        }
        const { isSingle, items } = request.body as unknown as UsageItems;
        // What was parsed is not needed once it is validated: it must not outlive the wait for Redis.
        request.body = undefined as never;
        const ownAccountId = isService(credential) ? null : credential.accountId;
        const recorded = await recordUsage({ accountId: ownAccountId }, items);
        const [first] = recorded;
        const answer = isSingle && first !== undefined ? toReceipt(first, clock.now()) : toBatch(recorded);
        return reply.code(202).send(answer);
      },
    );
    app.get(
      "/billing/usage",
      {
        config: { access: "billing:read" },
        schema: {
          tags: ["usage"],
          summary: "Usage of the present period",
          description:
            "`remaining` is what may still be used: what reservations hold (`held`) is not used yet, and not in it either.",
          querystring: AccountChoice,
          response: { 200: UsageDto },
        },
      },
      (request) => getUsage(requestAccount(request)),
    );
    app.get(
      "/billing/usage/series",
      {
        config: { access: "billing:read" },
        // Thousands of points of our own making: checking each once more would cost more than reading them.
        serializerCompiler: () => JSON.stringify,
        schema: {
          tags: ["usage"],
          summary: "One metric over time, for plots",
          description: seriesDescription,
          querystring: UsageSeriesQuery,
          response: { 200: UsageSeriesDto },
        },
      },
      (request) => getUsageSeries(requestAccount(request), request.query),
    );
    app.get(
      "/billing/entitlements",
      {
        config: { access: "billing:read" },
        schema: {
          tags: ["usage"],
          summary: "What the account's plan and payment state allow",
          querystring: AccountChoice,
          response: { 200: EntitlementsDto },
        },
      },
      (request) => getEntitlements(requestAccount(request)),
    );
  };

function toBatch(recorded: readonly (UsageEvent | RefusedEvent)[]): UsageBatch {
  const batch: UsageBatch = { accepted: 0, duplicates: 0, rejected: 0, results: [] };
  recorded.forEach((each, index) => {
    if (!("outcome" in each)) {
      batch.accepted++;
      return;
    }
    const { id, outcome, detail } = each;
    if (outcome === "duplicate") batch.duplicates++;
    else batch.rejected++;
    batch.results.push({ index, id, outcome, code: usageResultCodes[outcome], detail });
  });
  return batch;
}

function toReceipt(recorded: UsageEvent | RefusedEvent, now: Date): UsageReceipt {
  if (!("outcome" in recorded))
    return {
      id: recorded.id,
      outcome: "accepted",
      accepted: 1,
      duplicates: 0,
      rejected: 0,
      results: [],
    };
  const { id, outcome, detail, resetsAt } = recorded;
  if (outcome === "duplicate") return { id: id ?? "", outcome, ...toBatch([recorded]) };
  const secondsLeft = resetsAt === null ? 0 : Math.ceil((resetsAt.getTime() - now.getTime()) / 1000);
  throw new AppError(usageResultCodes[outcome], detail, {
    extensions: { outcome, id },
    ...(outcome === "quota-exceeded" && { retryAfterSeconds: Math.max(1, secondsLeft) }),
  });
}
