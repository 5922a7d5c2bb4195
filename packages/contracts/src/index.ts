export * from "./jobs/define-job.ts";
export * from "./errors.ts";
export * from "./ids.ts";
export * from "./notices.ts";
export * from "./period.ts";
export * from "./plan.ts";
export * from "./stripe-event-types.ts";
export * from "./usage.ts";
