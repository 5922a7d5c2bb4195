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
