import {
  CheckoutBody,
  CheckoutDto,
  PaymentMethodBody,
  PaymentMethodDto,
  PortalBody,
  PortalDto,
  AccountChoice,
} from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { requestAccount } from "../plugins/auth.ts";
import type { CustomerUseCases } from "../use-cases/customer-use-cases.ts";

type Deps = Pick<CustomerUseCases, "createCheckout" | "createPortalSession" | "createPaymentSetup">;

/** What leads the customer to pages and forms of Stripe's. */
export const checkoutRoutes =
  ({ createCheckout, createPortalSession, createPaymentSetup }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "billing:write" } as const;
    app.post(
      "/billing/checkout",
      {
        config,
        schema: {
          tags: ["subscription"],
          summary: "Open a Checkout Session for a paid plan",
          description:
            "While one is open for the same plan it is returned again; another plan expires it. 409 ALREADY_SUBSCRIBED for an account that pays: change its plan instead.",
          querystring: AccountChoice,
          body: CheckoutBody,
          response: { 200: CheckoutDto },
        },
      },
      (request) => createCheckout(requestAccount(request), request.body),
    );
    app.post(
      "/billing/portal",
      {
        config,
        schema: {
          tags: ["subscription"],
          summary: "Open a session of Stripe's customer portal",
          querystring: AccountChoice,
          body: PortalBody.optional(),
          response: { 200: PortalDto },
        },
      },
      (request) => createPortalSession(requestAccount(request), request.body?.returnUrl),
    );
    app.post(
      "/billing/payment-method",
      {
        config,
        schema: {
          tags: ["subscription"],
          summary: "Begin to put a card on file",
          description:
            "The client secret of a SetupIntent for Stripe Elements. A card confirmed with it becomes the default.",
          querystring: AccountChoice,
          body: PaymentMethodBody.optional(),
          response: { 200: PaymentMethodDto },
        },
      },
      (request) => createPaymentSetup(requestAccount(request)),
    );
  };
