/** What is sent, and how. */
export interface Load {
  route: "usage" | "quota-check";
  /** Events of one request; null is one object that is no batch. */
  batch: number | null;
  accounts: number;
  /** Whether a batch holds a different account in each place, or one alone. */
  isMixed: boolean;
  /** One event in so many is one that was sent before; null for none. */
  repeatEvery: number | null;
  connections: number;
  /** Sent at this rate whatever the answers do (open loop); null sends the next as soon as one is answered. */
  requestsPerSecond: number | null;
}

export interface RowPlan {
  name: string;
  what: string;
  load: Load;
  aggregators: number;
  durability: "redis" | "fsync" | "committed";
  /** Records that are there before the row begins. */
  storedRows: number;
  /** Sends at half the rate that this row reached, and watches how soon an accepted event is seen. */
  halfOf: string | null;
  /** Measured seconds of `--quick`; null leaves the row out there. */
  quickSeconds: number | null;
  /** Stops the aggregators (SIGSTOP) for the whole measurement, so that all of it waits in Redis. */
  areAggregatorsStopped: boolean;
  /** Measured seconds, whatever the others take; null for none of its own. */
  seconds: number | null;
  /** For `--huge` alone. */
  isHuge: boolean;
}

const main: RowPlan = {
  name: "main",
  what: "batches of 500, 500 of 1,000 accounts in each",
  load: {
    route: "usage",
    batch: 500,
    accounts: 1_000,
    isMixed: true,
    repeatEvery: null,
    connections: 8,
    requestsPerSecond: null,
  },
  aggregators: 1,
  durability: "redis",
  storedRows: 0,
  halfOf: null,
  quickSeconds: null,
  areAggregatorsStopped: false,
  seconds: null,
  isHuge: false,
};

type Difference = Pick<RowPlan, "name" | "what"> & Partial<Omit<RowPlan, "load">> & { load?: Partial<Load> };

/** The main row with something else about it. */
const like = ({ load, ...rest }: Difference): RowPlan => ({
  ...main,
  ...rest,
  load: { ...main.load, ...load },
});

/** The main row, then one axis at a time, then what is measured at a fixed rate. */
export const rows: readonly RowPlan[] = [
  { ...main, quickSeconds: 10 },
  like({
    name: "one-account-a-batch",
    what: "batches of 500, one account in each",
    load: { isMixed: false },
    quickSeconds: 10,
  }),
  like({ name: "repeats-5", what: "5 % repeats", load: { repeatEvery: 20 }, quickSeconds: 10 }),
  like({ name: "batch-10", what: "batches of 10", load: { batch: 10, connections: 32 } }),
  like({ name: "batch-1", what: "batches of 1", load: { batch: 1, connections: 128 } }),
  like({
    name: "single",
    what: "single events, as fast as they go",
    load: { batch: null, connections: 128 },
  }),
  like({ name: "accounts-1", what: "one account in all", load: { accounts: 1, isMixed: false } }),
  like({ name: "accounts-100000", what: "100,000 accounts", load: { accounts: 100_000 } }),
  like({ name: "durability-fsync", what: "USAGE_DURABILITY=fsync", durability: "fsync" }),
  like({
    name: "durability-committed",
    what: "USAGE_DURABILITY=committed",
    durability: "committed",
    load: { connections: 32 },
  }),
  like({ name: "aggregators-3", what: "three aggregators", aggregators: 3 }),
  like({ name: "stored-1m", what: "1 million rows stored before", storedRows: 1_000_000 }),
  like({ name: "stored-10m", what: "10 million rows stored before", storedRows: 10_000_000 }),
  like({
    name: "stored-100m",
    what: "100 million rows stored before",
    storedRows: 100_000_000,
    isHuge: true,
  }),
  like({
    name: "backlog-10m",
    what: "aggregators stopped until some 10 million events wait",
    areAggregatorsStopped: true,
    seconds: 90,
    isHuge: true,
  }),
  like({
    name: "single-5000",
    what: "single events at 5,000/s",
    load: { batch: null, connections: 64, requestsPerSecond: 5_000 },
    quickSeconds: 5,
  }),
  like({
    name: "quota-5000",
    what: "quota checks at 5,000/s",
    load: { route: "quota-check", batch: null, connections: 64, requestsPerSecond: 5_000 },
    quickSeconds: 5,
  }),
  like({
    name: "half-rate",
    what: "the main row at half its rate",
    load: { connections: 16 },
    halfOf: "main",
    quickSeconds: 5,
  }),
];
