import { expect, test } from "vitest";
import { matchRoute } from "./match-route.ts";

test.each([
  ["/", "", { page: "overview" }],
  ["/app", "", { page: "overview" }],
  ["/app/", "", { page: "overview" }],
  ["/app/plans", "", { page: "plans" }],
  ["/app/plans/pro", "", { page: "change-plan", planId: "pro" }],
  ["/app/cancel", "", { page: "cancel" }],
  ["/app", "?checkout=success", { page: "checkout-done" }],
  ["/app", "?checkout=canceled", { page: "checkout-canceled" }],
  ["/app", "?checkout=else", { page: "overview" }],
  ["/app/invoices/in_1", "", { page: "invoice", invoiceId: "in_1", isBackFromBank: false }],
  [
    "/app/invoices/in_1",
    "?payment_intent=pi_1",
    { page: "invoice", invoiceId: "in_1", isBackFromBank: true },
  ],
  ["/app/invoices/%zz", "", { page: "invoice", invoiceId: "%zz", isBackFromBank: false }],
  ["/app/payment", "?redirect_status=requires_payment_method", { page: "payment", setup: "failed" }],
  ["/app/payment", "", { page: "payment", setup: null }],
  ["/app/operator", "", { page: "operator", section: "reconciliation", id: null, filter: {} }],
  [
    "/app/operator/quarantine",
    "?reason=late",
    { page: "operator", section: "quarantine", id: null, filter: { reason: "late" } },
  ],
  [
    "/app/operator/reports",
    "?state=not-found",
    { page: "operator", section: "reports", id: null, filter: { state: "not-found" } },
  ],
  ["/app/operator/accounts/a-1", "", { page: "operator", section: "accounts", id: "a-1", filter: {} }],
  ["/app/operator/dunning/in_1", "", { page: "not-found" }],
  ["/app/operator/else", "", { page: "not-found" }],
  ["/app/nothing", "", { page: "not-found" }],
  ["/app/invoices/in_1/more", "", { page: "not-found" }],
  ["/elsewhere", "", { page: "not-found" }],
])("%s%s", (pathname, search, route) => expect(matchRoute(pathname, search)).toEqual(route));
