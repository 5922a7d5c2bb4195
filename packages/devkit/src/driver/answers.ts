// What the driver reads of the gateway's answers; the contract itself is in packages/contracts, which devkit does not import.

export interface Answer<Body = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: Body;
}

export interface SubscriptionView {
  accountId: string;
  planId: string;
  status: string;
  period: { start: string; end: string };
  cancelAtPeriodEnd: boolean;
  pendingPlanId: string | null;
  paymentState: string;
  access: string;
  dueInvoice: {
    id: string;
    amountRemainingMinor: number;
    hostedUrl: string | null;
    needsConfirmation: boolean;
    declineCode: string | null;
    nextAttemptAt: string | null;
  } | null;
  expiringCard: { last4: string | null; hasExpired: boolean } | null;
}

export interface MetricView {
  metric: string;
  used: number;
  held: number;
  limit: number | null;
  remaining: number | null;
  overage: number;
  overagePolicy: string;
  resetsAt: string;
}

export interface InvoiceView {
  id: string;
  status: string;
  totalMinor: number;
  amountDueMinor: number;
  currency: string;
  period: { start: string; end: string };
  lines: { description: string | null; amountMinor: number; quantity: number | null }[];
}

export interface BatchAnswer {
  accepted: number;
  duplicates: number;
  rejected: number;
  results: { index: number; id: string; outcome: string; code: string; detail: string }[];
}
