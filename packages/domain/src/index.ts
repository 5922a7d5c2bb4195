export { cycleAt, cycleIndexAt, initialFreePeriods } from "./cycle.ts";
export { type AccessPolicy, defaultAccessPolicy, parseAccessPolicy } from "./access-policy.ts";
export { type DeclineAction, declineActionOf } from "./decline-codes.ts";
export {
  type DunningFinalStep,
  type DunningStep,
  type DunningStory,
  dunningFinalSteps,
  nextDunningStep,
  retryOnDays,
} from "./dunning.ts";
export { type TiledPeriod, type TilingInput, type TilingSubscription, tilePeriods } from "./period-tiling.ts";
export { overageAmountMinor, type OveragePrice } from "./price.ts";
export { quantityWithinCap } from "./spend-cap.ts";
export { accountLimits, isLive, type LimitsInput } from "./limits.ts";
export {
  freezeWindow,
  meterEventIdentifier,
  meterEventTimestamp,
  type MeterWindow,
  type UnreportedTotal,
} from "./meter-event.ts";
export {
  type Counted,
  countedNothing,
  countEvent,
  decideQuota,
  type QuotaDecision,
  quotaStanding,
  refusedPast,
} from "./quota.ts";
export { abandonedCloseMs, closeDeadlineMs, closeLatenessMs, mismatchDeadlineMs } from "./close-schedule.ts";
export { type OwedInvoice, paymentState } from "./payment-state.ts";
export {
  isGranting,
  isLiveSubscription,
  overageLookupKey,
  planLookupKey,
  planOfPrice,
  type RankedSubscription,
  selectSubscription,
} from "./plan-selection.ts";
export { type SubscriptionState, subscriptionSteps } from "./subscription-steps.ts";
export { decideStaleReports, type StaleDecision, type StaleReport } from "./stale-reports.ts";
export { mergeCounted } from "./rollup.ts";
