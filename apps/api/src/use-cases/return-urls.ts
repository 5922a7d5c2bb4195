import { AppError } from "@driftlock/contracts";

/** The URL as it goes to Stripe. @throws RETURN_URL_NOT_ALLOWED where its origin is not one of ours. */
export type CheckReturnUrl = (url: string) => string;

/** Return URLs leave Stripe's pages with the customer: they must lead to origins that the operator named (DESIGN 9). */
export const createCheckReturnUrl =
  (allowedOrigins: readonly string[]): CheckReturnUrl =>
  (text) => {
    const url = new URL(text);
    if (allowedOrigins.includes(url.origin) && url.username === "" && url.password === "") return url.href;
    throw new AppError(
      "RETURN_URL_NOT_ALLOWED",
      `The origin ${url.origin} is not one of ALLOWED_RETURN_ORIGINS: ${allowedOrigins.join(", ")}.`,
    );
  };
