export { cycleAt, cycleIndexAt, initialFreePeriods } from "./cycle.ts";
