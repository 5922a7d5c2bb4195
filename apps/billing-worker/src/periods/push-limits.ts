/** Puts the account's present limits beside its live counters in Redis; what is there already is left alone. */
export type PushLimits = (of: { accountId: string }) => Promise<void>;
