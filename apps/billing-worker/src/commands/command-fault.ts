/** What whoever typed the command can put right; told without a stack. */
export class CommandFault extends Error {
  override readonly name = "CommandFault";
}

/** What is said when a command ends with an error: the whole of it, and nothing of our code. */
export const faultText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
