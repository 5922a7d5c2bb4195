import { afterAll } from "vitest";
import { type Gateway, openGateway } from "./helpers.ts";

/** A gateway for the tests of one file, closed after them. `overrides`: variables of its environment. */
export async function openFileGateway(overrides?: Record<string, string>): Promise<Gateway> {
  const gateway = await openGateway(overrides);
  afterAll(() => gateway.close());
  return gateway;
}
