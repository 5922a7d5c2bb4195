import type { Includes } from "./expand.ts";

/** Every field that is only included when expanded. */
export const includes: Includes = {};
