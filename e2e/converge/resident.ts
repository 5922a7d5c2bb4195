import { createCustomer } from "./customer.ts";
import type { Action, History } from "./history.ts";
import type { Place } from "./place.ts";

/** Whom a judgement is about. */
export interface Judged {
  accountId: string;
  /** Every customer that the account had at Stripe. */
  customerIds: readonly string[];
  /** Jobs that have failed for good, in words. */
  failed: readonly string[];
}

interface ResidentDeps {
  place: Place;
  history: History;
  index: number;
  /** Told of each customer that is made at Stripe. */
  onCustomer?(stripeCustomerId: string): void;
  /** Told of each change that is asked for. */
  onAsked?(changeId: string): void;
}

/** A history's customer as one account of a place, with what it did there. */
export function createResident({ place, history, index, onCustomer, onAsked }: ResidentDeps) {
  const accountId = `acct_${index}`;
  const customerIds: string[] = [];
  const taken: Record<string, number> = {};
  const customer = createCustomer({
    place,
    accountId,
    onCustomer: (id) => {
      if (!customerIds.includes(id)) customerIds.push(id);
      onCustomer?.(id);
    },
    onAsked: (changeId) => onAsked?.(changeId),
  });
  const act = async (action: Action): Promise<void> => {
    const isTaken = await customer.act(action);
    const name = isTaken ? action.do : `${action.do} (refused)`;
    taken[name] = (taken[name] ?? 0) + 1;
  };
  return {
    accountId,
    customerIds,
    taken,
    open: customer.openAccount,
    /** What the customer does in this slot; `onActed` is told after each of it. */
    async act(slot: number, onActed: () => void = () => {}): Promise<void> {
      for (const { action } of history.actions.filter((each) => each.slot === slot)) {
        await act(action);
        onActed();
      }
    },
  };
}
