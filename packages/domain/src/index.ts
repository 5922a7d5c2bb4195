export {
  areRecordsKept,
  countedReachMs,
  countedSpans,
  earlierFreeParts,
} from "./counted-spans.ts";
export {
  type MovableSubscription,
  type MoveStep,
  versionMoveStep,
  type WantedVersion,
} from "./version-move.ts";
export { type Cut, withoutCut } from "./without-cut.ts";
export {
  type Alert,
  type AlertRules,
  alertPeriodStart,
  alertsOf,
  parseThreshold,
  reachedAlerts,
  thresholdKey,
} from "./alerts.ts";
export { cycleAt, cycleIndexAt, initialFreePeriods } from "./cycle.ts";
export { type AccessPolicy, accessOf, defaultAccessPolicy, parseAccessPolicy } from "./access-policy.ts";
export { type DeclineAction, declineActionOf } from "./decline-codes.ts";
export {
  type DunningFinalStep,
  type DunningStep,
  type DunningStory,
  dunningFinalSteps,
  nextDunningStep,
  retryOnDays,
} from "./dunning.ts";
export { type ChargedTier, explainCharge, type ExplainedCharge } from "./explain-charge.ts";
export { type EventWhereabouts, explainEvent } from "./explain-event.ts";
export { segmentAt, segmentsOfLine } from "./line-segments.ts";
export { type TiledPeriod, type TilingInput, type TilingSubscription, tilePeriods } from "./period-tiling.ts";
export {
  adjustmentGatherMs,
  type AdjustmentWindow,
  decideAdjustment,
  describeAdjustment,
  priceAfter,
  windowAmountMinor,
} from "./adjustment.ts";
export { leftOf } from "./carried.ts";
export { overageAmountMinor, type OveragePrice } from "./price.ts";
export { cardEndsAt, cardWarningDays, isCardExpiring } from "./card-expiry.ts";
export { quantityWithinCap } from "./spend-cap.ts";
export { accountLimits, isLive, type LimitsInput } from "./limits.ts";
export {
  freezeWindow,
  isLeftToClose,
  mendableMeterErrors,
  meterEventIdentifier,
  meterEventTimestamp,
  meterEventValue,
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
export { type OwedInvoice, paymentStates, stateOfInvoice, waitsForCustomer } from "./payment-state.ts";
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
export {
  decideResend,
  decideStaleReports,
  lostReports,
  type ResendDecision,
  type StaleDecision,
  type StaleReport,
} from "./stale-reports.ts";
export {
  type Baseline,
  type Difference,
  type DifferenceKind,
  differenceKinds,
  driftPersistsMs,
  type EarlierLook,
  type Judgement,
  judgeLook,
  type Look,
  type ReconciliationState,
  reportLagMs,
} from "./reconcile.ts";
export { mergeCounted } from "./rollup.ts";
export {
  addToReading,
  type ReadRecord,
  type ReadSum,
  type ReadSums,
  valueOfReading,
} from "./usage-reading.ts";
export {
  billsByUse,
  decidePlanChange,
  itemChanges,
  type PlanChangeKind,
  type PlanDecision,
  plannedEnd,
  type PlanWish,
  previewParams,
  schedulePhases,
  upgradeParams,
  upgradeSecond,
} from "./plan-change.ts";
export {
  type ChangePlan,
  pendingPlan,
  type PlanPrices,
  presentSubscription,
  type PresentSubscription,
  pricesOfPlan,
} from "./present-subscription.ts";
