import type { Driver } from "@driftlock/devkit";
import { afterAll } from "vitest";
import { system } from "./system.ts";

/** Ends every live subscription: each of them would make every later journey through time stop at its renewals. */
export async function endSubscriptions({ stripe }: Driver): Promise<void> {
  for await (const { id } of stripe.subscriptions.list({ limit: 100 })) await stripe.subscriptions.cancel(id);
}

// As a set-up file: no test file leaves the next one its customers.
afterAll(() => endSubscriptions(system()));
