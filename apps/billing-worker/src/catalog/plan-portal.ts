import { type Db, installation } from "@driftlock/db";
import type { Stripe } from "@driftlock/stripe";
import { type CatalogStep, differences, ownMetadata } from "./catalog-step.ts";

/**
 * What customers may do in Stripe's portal: see invoices, change cards and address, cancel at the period's end. Plans
 * are changed with us alone, since what was used under the old one is reported first.
 */
const features = {
  invoice_history: { enabled: true },
  payment_method_update: { enabled: true },
  customer_update: {
    enabled: true,
    allowed_updates: ["email" as const, "address" as const, "tax_id" as const],
  },
  subscription_cancel: { enabled: true, mode: "at_period_end" as const },
  subscription_update: { enabled: false },
};

/** A configuration of our own, which our sessions name: the account's default one may be somebody else's. */
export async function planPortal({ db, stripe }: { db: Db; stripe: Stripe }): Promise<CatalogStep> {
  const bound = await installation.findInstallation(db);
  if (bound === null) throw new Error("this database has no catalogue yet: run the seed first");
  const found: Stripe.BillingPortal.Configuration[] = [];
  for await (const configuration of stripe.billingPortal.configurations.list({ active: true, limit: 100 }))
    if (configuration.metadata?.["installation"] === bound.installationId) found.push(configuration);
  const ours = found.find(({ id }) => id === bound.stripePortalConfigurationId) ?? found[0];
  const step = { kind: "portal", key: "configuration" } as const;
  if (ours === undefined)
    return {
      ...step,
      action: "create",
      detail: ["invoices, cards, address, cancellation at the period's end"],
      apply: async () => {
        const metadata = { ...ownMetadata, installation: bound.installationId };
        const { id } = await stripe.billingPortal.configurations.create({ features, metadata });
        await installation.updatePortalConfiguration(db, id);
      },
    };
  const detail = [
    ...differences(featureDifferences(ours.features)),
    ...differences({ "in Postgres": [bound.stripePortalConfigurationId, ours.id] }),
  ];
  return {
    ...step,
    action: detail.length === 0 ? "unchanged" : "change",
    detail,
    apply: async () => {
      if (detail.length === 0) return;
      await stripe.billingPortal.configurations.update(ours.id, { features });
      await installation.updatePortalConfiguration(db, ours.id);
    },
  };
}

function featureDifferences(found: Stripe.BillingPortal.Configuration.Features) {
  const { customer_update: update, subscription_cancel: cancel } = features;
  return {
    invoices: [found.invoice_history.enabled, true],
    cards: [found.payment_method_update.enabled, true],
    address: [
      found.customer_update.enabled && found.customer_update.allowed_updates.toSorted(),
      update.allowed_updates.toSorted(),
    ],
    cancellation: [found.subscription_cancel.enabled && found.subscription_cancel.mode, cancel.mode],
    "change of plan": [found.subscription_update.enabled, false],
  } as const;
}
