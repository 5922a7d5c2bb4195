import type { Db } from "@driftlock/db";

type Row = Record<string, unknown>;

/** Everything of ours that a judgement is about, by account. */
export interface Rows {
  account: Row;
  subscriptions: Row[];
  invoices: Row[];
  methods: Row[];
  disputes: Row[];
  refunded: Row[];
  periods: Row[];
  notices: Row[];
  cases: Row[];
  attempts: Row[];
  closes: Row[];
  doubles: Row[];
  newCards: Row[];
  objects: Row[];
}

const tables = {
  subscriptions: "select * from user_subscriptions order by stripe_subscription_id",
  invoices: "select * from invoices order by created_at, invoice_id",
  methods: "select * from payment_methods order by payment_method_id",
  disputes: "select * from disputes order by dispute_id",
  refunded: "select * from refunded_charges where refunded_minor > 0 order by charge_id",
  periods: "select * from usage_periods order by period_start",
  notices: "select * from notices order by notice_no",
  cases: "select * from dunning_cases order by first_failed_at",
  attempts:
    "select c.account_id, a.* from dunning_attempts a join dunning_cases c using (invoice_id) order by attempt",
  closes: "select * from period_closes order by period_start",
  doubles: "select * from double_checkouts",
  newCards: "select * from new_cards where adopted_at is null",
  objects:
    "select * from stripe_objects where (synced_generation < generation or failure is not null) and object_type <> 'none'",
} as const;

/** Reads each table once; what is dirty and nobody's lies under "". */
export async function readRows(db: Db, accountIds: readonly string[]): Promise<Map<string, Rows>> {
  const read = (text: string) => db.rows<Row>("converge.judge", { text, values: [] });
  const accounts = await read("select * from accounts");
  const found = await Promise.all(
    Object.entries(tables).map(
      async ([name, text]) =>
        [name, Map.groupBy(await read(text), (row) => (row["account_id"] ?? "") as string)] as const,
    ),
  );
  return new Map(
    ["", ...accountIds].map((accountId) => {
      const account = accounts.find((row) => row["account_id"] === accountId) ?? {};
      const rows = Object.fromEntries(
        found.map(([name, byAccount]) => [name, byAccount.get(accountId) ?? []]),
      );
      return [accountId, { account, ...rows } as unknown as Rows];
    }),
  );
}
