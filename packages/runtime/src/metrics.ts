import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

interface Describe<Label extends string> {
  /** `noun_verb_unit`; `driftlock_` is put before it. */
  name: string;
  help: string;
  labels?: readonly Label[];
}

type Collect<Label extends string> = (gauge: Gauge<Label>) => Promise<void> | void;

export interface Metrics {
  registry: Registry;
  counter<Label extends string = never>(metric: Describe<Label>): Counter<Label>;
  /** `collect` is called at each scrape and sets the value. */
  gauge<Label extends string = never>(metric: Describe<Label> & { collect?: Collect<Label> }): Gauge<Label>;
  /** One that exists already is given again: all consumers of a process measure into the same. */
  histogram<Label extends string = never>(
    metric: Describe<Label> & { buckets: readonly number[] },
  ): Histogram<Label>;
}

/** A registry of its own, with Node's default metrics, every line labelled `process="<name>"`. */
export function createMetrics(processName: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ process: processName });
  collectDefaultMetrics({ register: registry });
  const describe = <Label extends string>({ name, help, labels = [] }: Describe<Label>) => ({
    name: `driftlock_${name}`,
    help,
    labelNames: labels,
    registers: [registry],
  });
  return {
    registry,
    counter: (metric) => new Counter(describe(metric)),
    gauge: <Label extends string>({ collect, ...metric }: Describe<Label> & { collect?: Collect<Label> }) => {
      const gauge: Gauge<Label> = new Gauge({
        ...describe(metric),
        ...(collect && { collect: () => collect(gauge) }),
      });
      return gauge;
    },
    histogram: <Label extends string>({
      buckets,
      ...metric
    }: Describe<Label> & { buckets: readonly number[] }) => {
      const described = describe(metric);
      const known = registry.getSingleMetric(described.name);
      if (known !== undefined) return known as Histogram<Label>;
      return new Histogram<Label>({ ...described, buckets: [...buckets] });
    },
  };
}
