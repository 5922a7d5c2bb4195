import type { PaymentMethodDto, PortalDto } from "@driftlock/contracts";
import { type Db, installation } from "@driftlock/db";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import type { EnsureCustomer } from "./ensure-customer.ts";
import type { CheckReturnUrl } from "./return-urls.ts";

interface Deps {
  db: Db;
  stripe: Stripe;
  ensureCustomer: EnsureCustomer;
  checkReturnUrl: CheckReturnUrl;
  /** Where the portal leads back to, by default. */
  returnUrl: string;
}

/** What leads a customer to Stripe's pages and forms; an account without a customer gets one. */
export function createStripePages({ db, stripe, ensureCustomer, checkReturnUrl, returnUrl }: Deps) {
  /** @throws RETURN_URL_NOT_ALLOWED, ACCOUNT_NOT_FOUND, STRIPE_UNAVAILABLE. */
  const createPortalSession = async (accountId: string, wished: string | undefined): Promise<PortalDto> => {
    const return_url = checkReturnUrl(wished ?? returnUrl);
    const customer = await ensureCustomer(accountId);
    // Ours, not the account's default one, which may be somebody else's; before the first push there is none.
    const configuration = (await installation.findInstallation(db))?.stripePortalConfigurationId ?? null;
    const { url } = await stripeCall(() =>
      stripe.billingPortal.sessions.create({
        customer,
        return_url,
        ...(configuration !== null && { configuration }),
      }),
    );
    return { url };
  };

  /** A SetupIntent for a card that is charged later without the customer. @throws ACCOUNT_NOT_FOUND, STRIPE_UNAVAILABLE. */
  const createPaymentSetup = async (accountId: string): Promise<PaymentMethodDto> => {
    const customer = await ensureCustomer(accountId);
    const intent = await stripeCall(() =>
      stripe.setupIntents.create({ customer, usage: "off_session", metadata: { account_id: accountId } }),
    );
    if (intent.client_secret === null) throw new Error(`${intent.id} has no client secret`);
    return { setupIntentId: intent.id, clientSecret: intent.client_secret };
  };

  return { createPortalSession, createPaymentSetup };
}
