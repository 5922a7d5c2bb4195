import type { CardInput } from "../payments/payment-methods.ts";
import { type Html, html } from "./html.ts";

/** What a page's card form posts. */
export interface CardFields {
  number?: string;
  expiry?: string;
  cvc?: string;
  name?: string;
  email?: string;
}

/** The fields of a card, as a browser's autofill knows them. */
export const cardFields = (values: CardFields): Html => html`
<label for="number">Card number</label>
<input id="number" name="number" inputmode="numeric" autocomplete="cc-number" placeholder="4242 4242 4242 4242" required value="${values.number}">
<div class="pair"><div><label for="expiry">Expiry (MM / YY)</label>
<input id="expiry" name="expiry" inputmode="numeric" autocomplete="cc-exp" placeholder="12 / 34" required value="${values.expiry}"></div>
<div><label for="cvc">Security code</label>
<input id="cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" placeholder="123" required value="${values.cvc}"></div></div>
<label for="name">Name on card</label>
<input id="name" name="name" autocomplete="cc-name" value="${values.name}">`;

/** The card that a form says; what is missing or malformed becomes Stripe's own error when the card is made. */
export function cardFromForm({ number = "", expiry = "", cvc = "" }: CardFields): CardInput {
  const [month = "", year = ""] = expiry.split("/").map((part) => part.trim());
  return { number, exp_month: Number(month) || 0, exp_year: Number(year) || 0, cvc };
}
