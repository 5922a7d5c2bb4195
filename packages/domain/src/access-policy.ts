import { accessLevels, type Access, type PaymentState, paymentStates } from "@driftlock/contracts";

/** What the product lets an account do in each payment state. */
export type AccessPolicy = Readonly<Record<PaymentState, Access>>;

/**
 * While dunning runs the customer keeps what was bought; once it gave up, data stays readable until the debt is paid. A
 * dispute takes nothing until somebody decides so.
 */
export const defaultAccessPolicy: AccessPolicy = {
  ok: "full",
  action_required: "full",
  past_due: "full",
  unpaid: "read_only",
  disputed: "full",
};

/** The least that any of the states that hold allows, so that no state hides another. */
export const accessOf = (policy: AccessPolicy, states: readonly PaymentState[]): Access =>
  states
    .map((state) => policy[state])
    .reduce((least, level) => (isLess(level, least) ? level : least), "full");

const isLess = (a: Access, b: Access): boolean => accessLevels.indexOf(a) > accessLevels.indexOf(b);

/**
 * The default policy with what `json` overrides, for example `{"past_due":"read_only"}`.
 * @throws where it is not an object of known states and levels; the message names what is wrong.
 */
export function parseAccessPolicy(json: string): AccessPolicy {
  const given: unknown = JSON.parse(json);
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new Error("is not a JSON object");
  for (const [state, level] of Object.entries(given)) {
    if (!paymentStates.some((known) => known === state))
      throw new Error(`"${state}" is not a payment state: ${paymentStates.join(", ")}`);
    if (!accessLevels.some((known) => known === level))
      throw new Error(`"${String(level)}" is not an access level: ${accessLevels.join(", ")}`);
  }
  return { ...defaultAccessPolicy, ...given };
}
