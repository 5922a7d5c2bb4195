import type {
  AlertsBody,
  AlertsDto,
  ChangePreviewDto,
  CheckoutDto,
  EntitlementsDto,
  EventTraceDto,
  ExplainedEventDto,
  ExplainedInvoiceDto,
  ExplainPageQuery,
  InvoiceConfirmationDto,
  InvoiceDto,
  NotificationEndpointDto,
  Page,
  PageQuery,
  PaymentMethodDto,
  PlansDto,
  PortalDto,
  SpendCapDto,
  SubscriptionDto,
  UsageDto,
  UsageReportDto,
  UsageSeriesDto,
  UsageSeriesQuery,
} from "@driftlock/contracts";

/** What a customer does, or a service in a customer's name: REST routes and tRPC procedures call the same. */
export interface CustomerUseCases {
  listPlans(): Promise<PlansDto>;
  createCheckout(
    accountId: string,
    wish: { planId: string; successUrl?: string | undefined; cancelUrl?: string | undefined },
  ): Promise<CheckoutDto>;
  getSubscription(accountId: string): Promise<SubscriptionDto>;
  changePlan(accountId: string, planId: string): Promise<SubscriptionDto>;
  previewChange(accountId: string, planId: string): Promise<ChangePreviewDto>;
  cancelSubscription(accountId: string, when: "period-end" | "now"): Promise<SubscriptionDto>;
  resumeSubscription(accountId: string): Promise<SubscriptionDto>;
  listInvoices(accountId: string, page: PageQuery): Promise<Page<InvoiceDto>>;
  getInvoice(accountId: string, invoiceId: string): Promise<InvoiceDto>;
  explainInvoice(accountId: string, invoiceId: string): Promise<ExplainedInvoiceDto>;
  listInvoiceEvents(
    accountId: string,
    invoiceId: string,
    page: ExplainPageQuery,
  ): Promise<Page<ExplainedEventDto>>;
  listInvoiceReports(
    accountId: string,
    invoiceId: string,
    page: ExplainPageQuery,
  ): Promise<Page<UsageReportDto>>;
  findEvent(accountId: string, eventId: string): Promise<EventTraceDto>;
  createConfirmation(accountId: string, invoiceId: string): Promise<InvoiceConfirmationDto>;
  createPortalSession(accountId: string, returnUrl: string | undefined): Promise<PortalDto>;
  createPaymentSetup(accountId: string): Promise<PaymentMethodDto>;
  listNotificationEndpoints(accountId: string): Promise<Page<NotificationEndpointDto>>;
  replaceNotificationEndpoints(
    accountId: string,
    urls: readonly string[],
  ): Promise<Page<NotificationEndpointDto>>;
  getUsage(accountId: string): Promise<UsageDto>;
  getUsageSeries(accountId: string, query: UsageSeriesQuery): Promise<UsageSeriesDto>;
  getEntitlements(accountId: string): Promise<EntitlementsDto>;
  getSpendCap(accountId: string): Promise<SpendCapDto>;
  setSpendCap(accountId: string, amountMinor: number | null): Promise<SpendCapDto>;
  getAlerts(accountId: string): Promise<AlertsDto>;
  setAlerts(accountId: string, metrics: AlertsBody["metrics"]): Promise<AlertsDto>;
}
