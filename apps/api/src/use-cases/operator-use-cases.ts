import type {
  AccountDetailDto,
  AccountDto,
  AuditEntryDto,
  AuditQuery,
  CreatedKeyDto,
  CreateKeyBody,
  DisputeDto,
  DunningCaseDetailDto,
  DunningCaseDto,
  DunningQuery,
  FailedJobDto,
  KeyDto,
  MirrorDifferenceDto,
  OpenAccountBody,
  Page,
  PageQuery,
  QueueDto,
  ReconciliationDto,
  ReconciliationQuery,
} from "@driftlock/contracts";

/** What an operator does; `actor` is the credential's id, for the audit log. */
export interface OperatorUseCases {
  openAccount(actor: string, body: OpenAccountBody): Promise<AccountDto>;
  listAccounts(page: PageQuery): Promise<Page<AccountDto>>;
  getAccount(accountId: string): Promise<AccountDetailDto>;
  createKey(actor: string, body: CreateKeyBody): Promise<CreatedKeyDto>;
  listKeys(page: PageQuery): Promise<Page<KeyDto>>;
  rollKey(actor: string, keyId: string): Promise<CreatedKeyDto>;
  revokeKey(actor: string, keyId: string): Promise<KeyDto>;
  listDunningCases(query: DunningQuery): Promise<Page<DunningCaseDto>>;
  getDunningCase(invoiceId: string): Promise<DunningCaseDetailDto>;
  retryDunning(actor: string, invoiceId: string): Promise<DunningCaseDto>;
  stopDunning(actor: string, invoiceId: string): Promise<DunningCaseDto>;
  listDisputes(page: PageQuery): Promise<Page<DisputeDto>>;
  listAudit(query: AuditQuery): Promise<Page<AuditEntryDto>>;
  listQueues(): Promise<Page<QueueDto>>;
  listReconciliations(query: ReconciliationQuery): Promise<Page<ReconciliationDto>>;
  listMirrorDifferences(): Promise<Page<MirrorDifferenceDto>>;
  listFailedJobs(queue: string, page: PageQuery): Promise<Page<FailedJobDto>>;
  retryFailedJob(actor: string, queue: string, jobId: string): Promise<void>;
}
