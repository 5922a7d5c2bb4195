import type { Stripe } from "@stripe/stripe-js";

/**
 * Loads Stripe.js from where the gateway says (Stripe itself, or the simulator's stand-in) and makes an instance of
 * it. @throws where it is blocked or away, and without a publishable key.
 */
export async function loadStripeJs(url: string, publishableKey: string | null): Promise<Stripe> {
  if (publishableKey === null) throw new Error("STRIPE_PUBLISHABLE_KEY is not set at the gateway");
  if (window.Stripe === undefined) await loadScript(url);
  if (window.Stripe === undefined) throw new Error(`${url} defines no Stripe`);
  return window.Stripe(publishableKey);
}

function loadScript(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.async = true;
    script.addEventListener("load", () => resolve());
    script.addEventListener("error", () => {
      script.remove();
      reject(new Error(`${url} cannot be loaded`));
    });
    document.head.append(script);
  });
}
