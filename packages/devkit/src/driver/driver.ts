import { randomUUID } from "node:crypto";
import Stripe from "stripe";
import type { DevFile } from "../start/dev-file.ts";
import type { Answer, BatchAnswer, InvoiceView, MetricView, SubscriptionView } from "./answers.ts";
import { until } from "./until.ts";

const dayMs = 24 * 60 * 60 * 1000;
const eventsPerRequest = 5_000;

const fetchAnswered = (url: string, init?: RequestInit): Promise<Response> =>
  until(`${url} answers`, () => fetch(url, init));

/** Drives a running system as its users do, over HTTP alone: producers, the front end, operators, and a person who pays. */
export function createDriver(dev: DevFile) {
  const { hostname, port } = new URL(dev.stripeUrl);
  const stripe = new Stripe(dev.stripeSecretKey, {
    host: hostname,
    port: Number(port),
    protocol: "http",
    telemetry: false,
  });

  const request = async <Body = Record<string, unknown>>(
    method: string,
    path: string,
    options: { body?: unknown; bearer?: string } = {},
  ): Promise<Answer<Body>> => {
    const response = await fetch(`${dev.apiUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${options.bearer ?? dev.serviceKey}`,
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === "" ? {} : JSON.parse(text)) as Body,
    };
  };

  // As a client should: what is not answered, or answered 503, is repeated; all that is posted here is safe to repeat.
  const expectOk = async <Body>(
    method: string,
    path: string,
    options: { body?: unknown; bearer?: string } = {},
  ): Promise<Body> => {
    const answer = await until(`${method} ${path} is answered`, async () => {
      const given = await request<Body>(method, path, options);
      return given.status === 503 ? null : given;
    });
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };

  const openAccount = async (name: string): Promise<string> => {
    const id = `${name}-${randomUUID().slice(0, 8)}`;
    await expectOk("POST", "/operator/accounts", {
      body: { id, name, email: `${id}@example.test` },
      bearer: dev.operatorKey,
    });
    return id;
  };

  const subscription = (accountId: string) =>
    expectOk<SubscriptionView>("GET", `/billing/subscription?accountId=${accountId}`);

  const metric = async (accountId: string, name: string): Promise<MetricView> => {
    const usage = await expectOk<{ metrics: MetricView[] }>("GET", `/billing/usage?accountId=${accountId}`);
    const found = usage.metrics.find((each) => each.metric === name);
    if (found === undefined) throw new Error(`no metric ${name}`);
    return found;
  };

  const checkout = (accountId: string, planId: string) =>
    expectOk<{ sessionId: string; url: string }>("POST", "/billing/checkout", {
      body: { accountId, planId },
    });

  const pay = async (sessionId: string, card: string): Promise<Answer> => {
    const response = await fetchAnswered(`${dev.stripeUrl}/_sim/checkout/${sessionId}/pay`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${dev.stripeSecretKey}` },
      body: JSON.stringify({ card }),
    });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    };
  };

  const subscribe = async (
    accountId: string,
    planId: string,
    card = "4242424242424242",
  ): Promise<SubscriptionView> => {
    const { sessionId } = await checkout(accountId, planId);
    const paid = await pay(sessionId, card);
    if (paid.status !== 200) throw new Error(`paying failed: ${JSON.stringify(paid.body)}`);
    return until(`${accountId} is on ${planId}`, async () => {
      const view = await subscription(accountId);
      return view.planId === planId && view.status === "active" ? view : null;
    });
  };

  /** Posts events `first` to `first + count - 1`; the ids are `<prefix>-<n>`, so that sending again repeats them. */
  const send = async (
    accountId: string,
    options: { prefix: string; count: number; first?: number; metric?: string; perRequest?: number },
  ) => {
    const sum: BatchAnswer = { accepted: 0, duplicates: 0, rejected: 0, results: [] };
    const first = options.first ?? 0;
    const perRequest = options.perRequest ?? eventsPerRequest;
    for (let from = first; from < first + options.count; from += perRequest) {
      const to = Math.min(from + perRequest, first + options.count);
      const events = Array.from({ length: to - from }, (_, index) => ({
        id: `${options.prefix}-${from + index}`,
        metric: options.metric ?? "events",
        accountId,
      }));
      const answer = await postUntilTaken(events);
      sum.accepted += answer.accepted;
      sum.duplicates += answer.duplicates;
      sum.rejected += answer.rejected;
      sum.results.push(...answer.results);
    }
    return sum;
  };

  // A producer repeats the same body until it is answered: a 503, a 429 of the rate limit or a cut connection.
  const postUntilTaken = (events: unknown[]) =>
    until(
      "a batch is taken",
      async () => {
        const answer = await request<BatchAnswer>("POST", "/billing/usage", { body: { events } });
        if (answer.status === 202) return answer.body;
        if (answer.status === 503 || answer.status === 429) return null;
        throw new Error(`batch: ${answer.status} ${JSON.stringify(answer.body)}`);
      },
      60_000,
    );

  const simulatedNow = async (): Promise<Date> => {
    const response = await fetchAnswered(`${dev.stripeUrl}/_sim/clock`);
    return new Date(((await response.json()) as { nowMs: number }).nowMs);
  };

  /** Advances the one clock through Stripe's own API and resolves when it is ready there. */
  const travelTo = async (instant: Date, timeoutMs = 60_000): Promise<void> => {
    const frozen_time = Math.ceil(instant.getTime() / 1000);
    await until(
      `the clock is at ${instant.toISOString()}`,
      async () => {
        const clock = await stripe.testHelpers.testClocks.retrieve(dev.testClockId);
        if (clock.status !== "ready") return false;
        if (clock.frozen_time >= frozen_time) return true;
        await stripe.testHelpers.testClocks.advance(dev.testClockId, { frozen_time });
        return false;
      },
      timeoutMs,
    );
  };

  const travelDays = async (days: number, timeoutMs?: number): Promise<void> =>
    travelTo(new Date((await simulatedNow()).getTime() + days * dayMs), timeoutMs);

  const customerOf = async (accountId: string): Promise<string> => {
    const account = await expectOk<{ stripeCustomerId: string | null }>(
      "GET",
      `/operator/accounts/${accountId}`,
      {
        bearer: dev.operatorKey,
      },
    );
    if (account.stripeCustomerId === null) throw new Error(`${accountId} has no customer yet`);
    return account.stripeCustomerId;
  };

  const invoices = async (accountId: string): Promise<InvoiceView[]> =>
    (await expectOk<{ data: InvoiceView[] }>("GET", `/billing/invoices?accountId=${accountId}`)).data;

  /** The first invoice that renewed the account's subscription, once it is paid. */
  const renewalOf = (accountId: string): Promise<InvoiceView> =>
    until("the renewal is paid", async () => {
      const all = (await invoices(accountId)).toSorted((a, b) => a.period.end.localeCompare(b.period.end));
      const renewal = all[1];
      return renewal?.status === "paid" ? renewal : null;
    });

  /** Puts another card on file as a person does in the portal or the card form, and makes it the default. */
  const changeCard = async (accountId: string, token: string): Promise<void> => {
    const customer = await customerOf(accountId);
    const intent = await stripe.setupIntents.create({ customer, usage: "off_session" });
    await stripe.setupIntents.confirm(intent.id, { payment_method: token });
  };

  /** Asks the simulator itself: faults, its clock. */
  const simulate = async (method: string, path: string, body?: object): Promise<void> => {
    const response = await fetchAnswered(`${dev.stripeUrl}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  };

  return {
    dev,
    stripe,
    request,
    expectOk,
    simulate,
    openAccount,
    subscription,
    metric,
    checkout,
    pay,
    subscribe,
    send,
    simulatedNow,
    travelTo,
    travelDays,
    customerOf,
    invoices,
    renewalOf,
    changeCard,
  };
}

export type Driver = ReturnType<typeof createDriver>;
