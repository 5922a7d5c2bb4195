import type {
  AccountDetailDto,
  AccountDto,
  CreatedKeyDto,
  CreateKeyBody,
  DunningCaseDto,
  FailedJobDto,
  KeyDto,
  OpenAccountBody,
  Page,
  PageQuery,
  QueueDto,
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
  listDunningCases(page: PageQuery): Promise<Page<DunningCaseDto>>;
  listQueues(): Promise<Page<QueueDto>>;
  listFailedJobs(queue: string, page: PageQuery): Promise<Page<FailedJobDto>>;
  retryFailedJob(actor: string, queue: string, jobId: string): Promise<void>;
}
