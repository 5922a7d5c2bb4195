/** What a request may say and what an answer must be, by the names of the `stripe` package's types. */
export interface Contract {
  /** Coerces and checks decoded parameters; throws Stripe's 400 with the parameter's name. Strict for the pinned version. */
  decode(
    name: string | undefined,
    raw: Record<string, unknown>,
    mode: { isPinned: boolean; isJson: boolean },
  ): Record<string, unknown>;
  /** Returns the answer; throws a plain Error (a fault of the simulator) where it is not of the named type. */
  checkAnswer<T>(name: string | string[] | undefined, answer: T): T;
}

/** Stand-in until the schemas are generated. */
export function createContract(): Contract {
  return { decode: (_name, raw) => raw, checkAnswer: (_name, answer) => answer };
}
