/** The API version that the simulator speaks: the one the `stripe` package pins. */
export const API_VERSION = "2026-10-28.endive";
