/** What the command line reads of its environment; an empty variable is one that is not set. */
export interface CliEnv {
  url: string | undefined;
  apiKey: string | undefined;
}

export const readCliEnv = (): CliEnv => ({
  url: process.env["DRIFTLOCK_URL"] || undefined,
  apiKey: process.env["DRIFTLOCK_API_KEY"] || undefined,
});
