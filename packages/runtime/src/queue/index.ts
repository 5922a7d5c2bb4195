// Apart from the rest of the package: BullMQ is 25 MB of memory, for processes that have queues alone.
export {
  type Consumer,
  createConsumer,
  type JobContext,
  type Processor,
  processor,
} from "./consumer.ts";
export {
  createQueueInspector,
  type FailedJob,
  observeQueues,
  type QueueCounts,
  type QueueInspector,
  queuesOf,
} from "./inspector.ts";
export { type Addition, type AddOptions, createProducer, type Producer } from "./producer.ts";
