import type {
  AccountDetailDto,
  AccountDto,
  AccountsQuery,
  AdjustmentDto,
  AdjustmentQuery,
  AuditEntryDto,
  AuditQuery,
  CreatedKeyDto,
  CreateKeyBody,
  CreateMetricBody,
  DecideReportBody,
  DisputeDto,
  DoubtedLaneDto,
  DoubtQuery,
  DunningCaseDetailDto,
  DunningCaseDto,
  DunningQuery,
  FailedJobDto,
  KeyDto,
  LatePreviewDto,
  MetricDto,
  MirrorDifferenceDto,
  OpenAccountBody,
  Page,
  PageQuery,
  QuarantineDto,
  QuarantineQuery,
  QueueDto,
  ReconciliationDto,
  ReconciliationQuery,
  ReconciliationReportDto,
  ReconciliationReportQuery,
  ReportDecision,
  ReportDecisionDto,
  ReportKeyDto,
  ReportKeysDto,
  RepairBody,
  RepairDto,
  UpdateMetricBody,
} from "@driftlock/contracts";

/** What an operator does; `actor` is the credential's id, for the audit log. */
export interface OperatorUseCases {
  openAccount(actor: string, body: OpenAccountBody): Promise<AccountDto>;
  listAccounts(query: AccountsQuery): Promise<Page<AccountDto>>;
  getAccount(accountId: string): Promise<AccountDetailDto>;
  createKey(actor: string, body: CreateKeyBody): Promise<CreatedKeyDto>;
  listKeys(page: PageQuery): Promise<Page<KeyDto>>;
  rollKey(actor: string, keyId: string): Promise<CreatedKeyDto>;
  revokeKey(actor: string, keyId: string): Promise<KeyDto>;
  listMetrics(page: PageQuery): Promise<Page<MetricDto>>;
  createMetric(actor: string, body: CreateMetricBody): Promise<MetricDto>;
  updateMetric(actor: string, metric: string, body: UpdateMetricBody): Promise<MetricDto>;
  listQuarantined(query: QuarantineQuery): Promise<Page<QuarantineDto>>;
  replayQuarantined(actor: string, quarantineId: number): Promise<QuarantineDto>;
  discardQuarantined(actor: string, quarantineId: number): Promise<QuarantineDto>;
  previewReplay(quarantineIds: readonly number[]): Promise<LatePreviewDto>;
  previewLateUsage(items: readonly unknown[]): Promise<LatePreviewDto>;
  listAdjustments(query: AdjustmentQuery): Promise<Page<AdjustmentDto>>;
  billAdjustment(actor: string, adjustmentId: string): Promise<AdjustmentDto>;
  waiveAdjustment(actor: string, adjustmentId: string): Promise<AdjustmentDto>;
  listDoubtedReports(query: DoubtQuery): Promise<Page<DoubtedLaneDto>>;
  decideReport(
    actor: string,
    of: { identifier: string; decision: ReportDecision },
    body: DecideReportBody,
  ): Promise<ReportDecisionDto>;
  listDunningCases(query: DunningQuery): Promise<Page<DunningCaseDto>>;
  getDunningCase(invoiceId: string): Promise<DunningCaseDetailDto>;
  retryDunning(actor: string, invoiceId: string): Promise<DunningCaseDto>;
  stopDunning(actor: string, invoiceId: string): Promise<DunningCaseDto>;
  listDisputes(page: PageQuery): Promise<Page<DisputeDto>>;
  listAudit(query: AuditQuery): Promise<Page<AuditEntryDto>>;
  listQueues(): Promise<Page<QueueDto>>;
  listReconciliations(query: ReconciliationQuery): Promise<Page<ReconciliationDto>>;
  listMirrorDifferences(): Promise<Page<MirrorDifferenceDto>>;
  getReconciliationReport(query: ReconciliationReportQuery): Promise<ReconciliationReportDto>;
  listReportKeys(): Promise<ReportKeysDto>;
  rotateReportKey(actor: string): Promise<ReportKeyDto>;
  repairReconciliation(actor: string, id: string, body: RepairBody): Promise<RepairDto>;
  listFailedJobs(queue: string, page: PageQuery): Promise<Page<FailedJobDto>>;
  retryFailedJob(actor: string, queue: string, jobId: string): Promise<void>;
}
