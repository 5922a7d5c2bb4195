import type { Db } from "@driftlock/db";
import type { AccessPolicy } from "@driftlock/domain";
import type { RedisClient } from "@driftlock/redis";
import type { Clock, Logger } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";
import type { Stripe } from "@driftlock/stripe";
import type { UsageUseCases } from "../usage/create-usage-use-cases.ts";
import { createAlerts } from "./alerts.ts";
import { createChangePlan } from "./change-plan.ts";
import { createCheckout } from "./create-checkout.ts";
import type { CustomerUseCases } from "./customer-use-cases.ts";
import { createEnsureCustomer } from "./ensure-customer.ts";
import { createExplainInvoice } from "./explain-invoice.ts";
import { createFindEvent } from "./find-event.ts";
import { createGetSubscription } from "./get-subscription.ts";
import { createInvoices } from "./invoices.ts";
import { createListPlans } from "./list-plans.ts";
import { createNotificationEndpoints } from "./notification-endpoints.ts";
import { createPreviewChange } from "./preview-change.ts";
import { createCheckReturnUrl } from "./return-urls.ts";
import { createSettleUsage } from "./settle-usage.ts";
import { createStripePages } from "./stripe-pages.ts";
import { createSyncFromStripe } from "./sync-from-stripe.ts";

export interface CustomerResources {
  db: Db;
  redis: RedisClient;
  partitions: number;
  stripe: Stripe;
  producer: Producer;
  clock: Clock;
  wallNow: () => Date;
  log: Logger;
  isSimulator: boolean;
  accessPolicy: AccessPolicy;
  usage: UsageUseCases;
  publicUrl: string;
  returnOrigins: readonly string[];
  /** Unique for ever. */
  makeId: () => string;
  randomBytes: (count: number) => Buffer;
}

/** Wires what customers do. */
export function createCustomerUseCases(resources: CustomerResources): CustomerUseCases {
  const { db, stripe, clock, accessPolicy, usage, makeId, publicUrl } = resources;
  const page = (search: string) => new URL(`/app${search}`, publicUrl).href;
  const checkReturnUrl = createCheckReturnUrl(resources.returnOrigins);
  const ensureCustomer = createEnsureCustomer({ db, stripe });
  const syncFromStripe = createSyncFromStripe(resources);
  const getSubscription = createGetSubscription({ db, clock, accessPolicy });
  const endpoints = createNotificationEndpoints({
    ...resources,
    makeEndpointId: () => `ne_${resources.randomBytes(12).toString("hex")}`,
    makeEndpointSecret: () => `whsec_${resources.randomBytes(24).toString("base64")}`,
  });
  const settleUsage = createSettleUsage(resources);
  return {
    listPlans: createListPlans({ db }),
    createCheckout: createCheckout({
      db,
      stripe,
      clock,
      ensureCustomer,
      checkReturnUrl,
      syncFromStripe,
      successUrl: page("?checkout=success"),
      cancelUrl: page("?checkout=canceled"),
      makeIdempotencyKey: () => `checkout.${makeId()}`,
    }),
    getSubscription,
    ...createChangePlan({ ...resources, getSubscription }),
    previewChange: createPreviewChange({ db, stripe, clock, settleUsage }),
    ...createInvoices({ db, stripe }),
    ...createExplainInvoice({ db }),
    findEvent: createFindEvent({ db }),
    ...usage.spendCap,
    ...createAlerts({ db, clock }),
    ...createStripePages({ db, stripe, ensureCustomer, checkReturnUrl, returnUrl: page("") }),
    listNotificationEndpoints: endpoints.list,
    replaceNotificationEndpoints: endpoints.replace,
    getUsage: usage.getUsage,
    getUsageSeries: usage.getUsageSeries,
    getEntitlements: usage.getEntitlements,
  };
}
