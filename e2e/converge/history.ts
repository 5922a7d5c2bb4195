/** What a customer does, or somebody at Stripe with what is the customer's. */
export type Action =
  | { do: "subscribe"; plan: "pro" | "business"; card: string }
  /** Two checkouts of the account are open at once, and both are paid. */
  | { do: "subscribe-twice"; plans: ["pro" | "business", "pro" | "business"] }
  | { do: "upgrade" }
  | { do: "downgrade" }
  | { do: "cancel-at-end"; by: "us" | "portal" }
  /** Usage is billed first. */
  | { do: "cancel-now" }
  /** In Stripe's Dashboard, without a word to us. */
  | { do: "cancel-at-stripe" }
  | { do: "resume"; by: "us" | "portal" }
  /** A card is made the one that is charged: through our form, or where Stripe keeps it (its portal). */
  | { do: "new-card"; card: string; by: "form" | "portal" | "attach" }
  | { do: "detach-card" }
  /** On the invoice's own page. */
  | { do: "pay-open-invoice"; card: string }
  | { do: "refund"; share: "all" | "half" }
  /** Its bank decides a dispute. */
  | { do: "decide-dispute"; status: "won" | "lost" }
  | { do: "delete-customer" }
  | { do: "use"; quantity: number };

/** What becomes of one event's delivery. `slots` later is days later, mostly. */
export interface Fate {
  how: "once" | "twice" | "late" | "lost" | "again";
  /** Deliveries of a slot are sorted by it. */
  order: number;
  slots: number;
  /** Rendered for an endpoint of another API version. */
  isOtherVersion: boolean;
}

/**
 * What happens to one run of a job, at its `at`-th await (a query, a call to Stripe, an add to a queue): the process
 * dies; the call fails; it takes effect and its answer is lost; the run is held up, with its job its own (`pause`) or
 * given to another worker meanwhile (`stall`); or the job is lost from the queue before it runs (`lose`).
 */
export interface Fault {
  slot: number;
  /** The job-th run of the slot. */
  job: number;
  at: number;
  how: "die" | "fail" | "lose-answer" | "pause" | "stall" | "lose";
}

/** One customer's life, and all that goes wrong in it. */
export interface History {
  actions: { slot: number; action: Action }[];
  /** Of the n-th event that names the customer, over and over. */
  fates: Fate[];
  faults: Fault[];
  /** Of the order in which waiting jobs run. */
  shuffle: number;
}

/** What all histories of a batch share: the course of time, and how the installation is set up. */
export interface Course {
  /** Minutes from each slot to the next; as many as there are slots. */
  gapsMinutes: number[];
  /** Whether Stripe's list of events is swept at the end of a slot. */
  sweeps: boolean[];
  dunningMode: "worker" | "stripe";
  finalStep: "cancel" | "pause" | "downgrade-to-free";
}
