export { createDriver, type Driver } from "./driver/driver.ts";
export { type ReceivedNotice, startNoticeReceiver } from "./driver/notice-receiver.ts";
export { type RunningSystem, startSystem } from "./driver/start-system.ts";
export { freeSystemPorts } from "./driver/system-ports.ts";
export { until } from "./driver/until.ts";
export { createTestDatabase, type TestDatabase } from "./testing/test-database.ts";
export { createTestRedis, type TestRedis } from "./testing/test-redis.ts";
export { startPrivatePostgres, startPrivateRedis, type PrivateServer } from "./testing/private-server.ts";
export type { DevFile } from "./start/dev-file.ts";
