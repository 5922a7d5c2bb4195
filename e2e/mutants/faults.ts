/** A fault to plant: `code`, found once in `file`, becomes `fault`; what is named last has to fail then. */
export type Fault = {
  name: string;
  file: string;
  code: string;
  fault: string;
} & (
  | {
      project: "unit" | "integration";
      test: string;
      /** Of the tests that are run. */
      title?: string;
    }
  /** Histories of this seed, of which one has to diverge. */
  | { converge: { seed: number; histories: number } }
);

const redis = "packages/redis/src/scripts/";
const flush = "apps/usage-aggregator/src/flush/";
const flushTests = "apps/usage-aggregator/test/";
const integration = "integration" as const;

/** The faults that good teams made (FIELD.md H1 to H6, H15 to H17, H22), and those that this design invites. */
export const faults: readonly Fault[] = [
  {
    name: "acknowledge before commit",
    file: `${flush}partition-writer.ts`,
    code: "    const report = await commitBatch(",
    fault: "    await trimStream(redis, partition, batch.to);\n    const report = await commitBatch(",
    project: integration,
    test: `${flushTests}partition-writer.test.ts`,
  },
  {
    name: "a paused owner that wakes writes on",
    file: "packages/db/src/queries/usage-stream-positions.ts",
    code: "and fence = ${move.fence}::bigint\n      and epoch",
    fault: "and (fence = ${move.fence}::bigint or true)\n      and epoch",
    project: integration,
    test: `${flushTests}commit-batch.test.ts`,
  },
  {
    name: "a batch is written again after a lost answer",
    file: "packages/db/src/queries/usage-stream-positions.ts",
    code: "and last_stream_id = ${move.from.streamId}::text`",
    fault: "and (last_stream_id = ${move.from.streamId}::text or true)`",
    project: integration,
    test: `${flushTests}commit-batch.test.ts`,
  },
  {
    name: "guard before effect, in two steps",
    file: `${redis}accept-usage.lua`,
    code: "  local code\n  if earlier then",
    fault:
      "  local code\n  if mode ~= 'check' then redis.call('HSET', KEYS[3], id, payload) end\n  if earlier then",
    project: integration,
    test: "packages/redis/test/accept-usage.test.ts",
  },
  {
    name: "dedupe by timestamp",
    file: `${redis}accept-call.ts`,
    code: "for (const event of events) writeSeenField(call, event);",
    fault:
      "for (const event of events) writeSeenField(call, { ...event, id: event.id + String(event.occurredAtMs) });",
    project: integration,
    test: "packages/redis/test",
  },
  {
    name: "a batch's tuples are written over while they may still be sent",
    file: `${flush}batch-room.ts`,
    code: "isWritten ? buffer : noRoom",
    fault: "buffer",
    project: "unit",
    test: `${flush}batch-room.test.ts`,
  },
  {
    name: "two ids are one where their letters differ in nothing but their case",
    file: "packages/redis/src/seen-ids.ts",
    code: "digitOfUnit[digit.toString(16).charCodeAt(0)] = digit;",
    fault:
      "digitOfUnit[digit.toString(16).charCodeAt(0)] = digitOfUnit[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;",
    project: "unit",
    test: "packages/redis/src/seen-ids.property.test.ts",
  },
  {
    name: "a call's bytes are written over while they may still be sent",
    file: "packages/redis/src/script-call.ts",
    code: "        throw toAppError(error);",
    fault: "        idle.push(call);\n        throw toAppError(error);",
    project: integration,
    test: "packages/redis/test/script-call.test.ts",
  },
  {
    name: "a row is of the account of another one whose name is as long",
    file: "packages/redis/src/record.ts",
    code: "if (byte > 0x7f || text.charCodeAt(at - start) !== byte) return false;",
    fault: "if (byte > 0x7f) return false;",
    project: "unit",
    test: "packages/redis/src/record.test.ts",
  },
  {
    name: "counters lost without a rebuild",
    file: `${redis}accept-usage.lua`,
    code: " or redis.call('HGET', KEYS[6], 'epoch') ~= epoch then",
    fault: " then",
    project: integration,
    test: "packages/redis/test",
  },
  {
    name: "careful path that skips totals",
    file: `${flush}store-rows.ts`,
    code: "  await storeRows(storing, groupRows(fresh, definitions));\n  return aside;",
    fault:
      "  await usageRecords.copyRecords(tx, storing.current.tableName, groupRows(fresh, definitions).tuples);\n  return aside;",
    project: integration,
    test: `${flushTests}careful-commit.test.ts`,
  },
  {
    name: "a correction applied twice",
    file: `${redis}correct-counters.lua`,
    code: "if ms < builtMs or (ms == builtMs and sequence <= builtSequence) then return 0 end",
    fault: "",
    project: integration,
    test: "packages/redis/test/counters.test.ts",
  },
  {
    name: "older limits replace newer ones",
    file: `${redis}put-limits.lua`,
    code: "if known and known.version > version then return 0 end",
    fault: "",
    project: integration,
    test: "packages/redis/test",
  },
  {
    name: "one past the limit",
    file: `${redis}accept-usage.lua`,
    code: "after + held[c] > stop then",
    fault: "after + held[c] > stop + 1 then",
    project: integration,
    test: "packages/redis/test/accept-usage.test.ts",
  },
  {
    name: "what is held is given out again",
    file: `${redis}accept-usage.lua`,
    code: "after + held[c] > stop then",
    fault: "after > stop then",
    project: integration,
    test: "packages/redis/test",
  },
  {
    name: "rebuilt without the stream's tail",
    file: `${redis}seed-counters.lua`,
    code: "    if accounts[name] then count(",
    fault: "    if false then count(",
    project: integration,
    test: "packages/redis/test/counters.test.ts",
  },
  {
    name: "an id of an older partition is new again",
    file: "apps/usage-aggregator/src/known-ids/known-ids.ts",
    code: "filter === undefined ? rows : findHits(filter, hash(rows))",
    fault: "filter === undefined ? [] : findHits(filter, hash(rows))",
    project: integration,
    test: `${flushTests}known-ids.test.ts`,
  },
  {
    name: "committed answers before the commit",
    file: "apps/api/src/usage/commit-wait.ts",
    code: '  return isAll ? "committed" : "open";',
    fault: '  return "committed";',
    project: integration,
    test: "apps/api/test/usage/durability.test.ts",
  },
  {
    name: "a cent past the spend cap",
    file: "packages/domain/src/spend-cap.ts",
    code: "BigInt(capMinor) + 1n) - 1n",
    fault: "BigInt(capMinor) + 3n) - 1n",
    project: "unit",
    test: "packages/domain/src",
    title: "cap",
  },
  {
    name: "a poisoned row takes its batch with it",
    file: `${flush}store-rows.ts`,
    code: "    if (rows.length === 1)\n",
    fault: "    if (rows.length >= 1)\n",
    project: integration,
    test: `${flushTests}careful-commit.test.ts`,
  },
  {
    name: "usage that is not kept reads as none",
    file: "apps/api/src/use-cases/get-usage-series.ts",
    code: "if (from.getTime() >= keptSinceMs) return;",
    fault: "if (from.getTime() >= 0) return;",
    project: integration,
    test: "apps/api/test/rest/usage-series.test.ts",
  },
  {
    name: "hours become days by their sum, whatever the metric",
    file: "packages/db/src/queries/usage-totals.ts",
    code: "case m.aggregation when 'max' then max(o.quantity)",
    fault: "case m.aggregation when 'max' then sum(o.quantity)",
    project: integration,
    test: `${flushTests}drop-old-usage.test.ts`,
  },
  {
    name: "unique values go while their period takes late events",
    file: "apps/usage-aggregator/src/known-ids/drop-old-usage.ts",
    code: "new Date(neededSinceMs - dayMs)",
    fault: "new Date(nowMs)",
    project: integration,
    test: `${flushTests}drop-old-usage.test.ts`,
  },
  {
    name: "a reservation's commit passes the backlog's bound",
    file: "apps/api/src/usage/reservation-steps.ts",
    code: "      backlog.assertRoom();\n",
    fault: "",
    project: integration,
    test: "apps/api/test/usage/backlog-watch.test.ts",
  },
  {
    name: "a period's end counts in it",
    file: "packages/redis/src/resolved-limits.ts",
    code: "startMs <= atMs && atMs < endMs",
    fault: "startMs <= atMs && atMs <= endMs",
    project: integration,
    test: "packages/redis/test/accept-usage.test.ts",
  },
  {
    name: "usage is reported again under another identifier",
    file: "apps/usage-aggregator/src/reports/usage-sink.ts",
    code: "            identifier,\n",
    fault: "            identifier: identifier + String(performance.now()),\n",
    project: integration,
    test: `${flushTests}reports.test.ts`,
  },
  {
    name: "a person's decision on a report is overtaken by a comparison",
    file: "packages/db/src/queries/usage-report-failures.ts",
    code: "[]) and state = 'sent' returning identifier`",
    fault: "[]) returning identifier`",
    project: integration,
    test: `${flushTests}reports-in-doubt.test.ts`,
  },
  {
    name: "a report that a person takes for missing is sent although Stripe has too much",
    file: "packages/domain/src/stale-reports.ts",
    code: '  return isDecided && isRoomLeft ? "send-again" : "unexplained";',
    fault: '  return isDecided ? "send-again" : "unexplained";',
    project: integration,
    test: `${flushTests}reports-in-doubt.test.ts`,
  },
  {
    name: "a producer whose request is refused drops its events",
    file: "packages/sdk/src/usage-client.ts",
    code: "      failure = error as Error;\n",
    fault: "      failure = error as Error;\n      pending.length = 0;\n",
    project: integration,
    test: "packages/sdk/test/usage-client.test.ts",
  },
];
