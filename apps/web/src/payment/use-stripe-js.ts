import type { Stripe } from "@stripe/stripe-js";
import { useQuery } from "@tanstack/react-query";
import { appConfigQuery } from "../api/app-config.ts";
import { loadStripeJs } from "./load-stripe-js.ts";

interface LoadedStripe {
  /** Null until it is there. */
  instance: Stripe | null;
  isError: boolean;
  retry: () => void;
}

/** Stripe.js of this installation. It is loaded ahead of its use, as Stripe asks, and once. */
export function useStripeJs(): LoadedStripe {
  const config = useQuery(appConfigQuery);
  const stripe = useQuery({
    queryKey: ["stripe-js", config.data?.stripeJsUrl],
    enabled: config.data !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    // An instance of Stripe cannot be compared or merged by its parts.
    structuralSharing: false,
    queryFn: () => loadStripeJs(config.data?.stripeJsUrl ?? "", config.data?.stripePublishableKey ?? null),
  });
  return {
    instance: stripe.data ?? null,
    isError: config.isError || stripe.isError,
    retry: () => void (config.isError ? config.refetch() : stripe.refetch()),
  };
}
