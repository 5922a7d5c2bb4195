import { createTRPCClient, httpBatchLink, httpLink, TRPCClientError } from "@trpc/client";
import { expect, test } from "vitest";
import type { AppRouter } from "../../src/trpc/router.ts";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway();

async function signIn() {
  const accountId = await gateway.openAccount();
  const token = await gateway.signToken({ account_id: accountId });
  const link = { url: `${gateway.url}/trpc`, headers: { authorization: `Bearer ${token}` } };
  return {
    accountId,
    client: createTRPCClient<AppRouter>({ links: [httpLink(link)] }),
    batching: createTRPCClient<AppRouter>({ links: [httpBatchLink(link)] }),
  };
}

const problemOf = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TRPCClientError)) throw new Error("it was no error");
  return (error as TRPCClientError<AppRouter>).data;
};

test("the front end's client reads and acts for its user's account", async () => {
  const { accountId, client } = await signIn();
  expect((await client.plans.list.query()).plans.map(({ id }) => id)).toEqual(["free", "pro", "business"]);
  expect(await client.subscription.get.query()).toMatchObject({ accountId, planId: "free" });
  expect(await client.invoices.list.query({ limit: 5 })).toEqual({ data: [], nextCursor: null });
  const session = await client.checkout.create.mutate({ planId: "pro" });
  expect(await client.checkout.create.mutate({ planId: "pro" })).toEqual(session);
  expect(await client.paymentMethod.setup.mutate()).toMatchObject({ clientSecret: expect.any(String) });
});

test("calls made at once travel in one request", async () => {
  const { batching } = await signIn();
  const [plans, subscription] = await Promise.all([
    batching.plans.list.query(),
    batching.subscription.get.query(),
  ]);
  expect(plans.plans).toHaveLength(3);
  expect(subscription.planId).toBe("free");
});

test("errors keep their code, detail and status", async () => {
  const { client } = await signIn();
  expect(await problemOf(client.subscription.cancel.mutate({}))).toMatchObject({
    httpStatus: 409,
    problem: { code: "NO_SUBSCRIPTION", detail: expect.any(String), requestId: expect.any(String) },
  });
  expect(await problemOf(client.checkout.create.mutate({ planId: "gold" }))).toMatchObject({
    httpStatus: 422,
    problem: { code: "UNKNOWN_PLAN" },
  });
  expect(await problemOf(client.checkout.create.mutate({ planId: 7 } as never))).toMatchObject({
    httpStatus: 422,
    problem: { code: "INVALID", errors: [{ path: "planId" }] },
  });
  expect(await problemOf(client.subscription.get.query({ accountId: "another" }))).toMatchObject({
    httpStatus: 404,
    problem: { code: "ACCOUNT_NOT_FOUND" },
  });
});

test("the status of the answer is that of its error", async () => {
  const get = (path: string, bearer?: string) => gateway.request("GET", `/trpc/${path}`, { bearer });
  expect((await get("subscription.get")).status).toBe(401);
  expect((await get("subscription.get", gateway.operatorKey)).status).toBe(403);
  expect((await get("nothing.here")).status).toBe(404);
  expect(
    (await gateway.request("POST", "/trpc/checkout.create", { bearer: gateway.serviceKey, body: "{" }))
      .status,
  ).toBe(400);
});
