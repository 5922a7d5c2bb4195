import { connectTo } from "../database.ts";
import { watchProcesses } from "../measure/watch-processes.ts";
import * as database from "./database.ts";
import type { PeerReport, PeerTask } from "./peer-main.ts";
import { makeRow, type WebhookRow } from "./row.ts";
import { startChild } from "./start-child.ts";
import type { SurgeOptions } from "./surge.ts";

const IN_FLIGHT = 10;
const NAME = "bench_peer";

/** The same events in a loop of the peer's own process, without HTTP and queue, on a database of the same Postgres. */
export async function runPeer({ parts, stripe, ids }: SurgeOptions, events: number): Promise<WebhookRow> {
  const databaseUrl = await parts.createDatabase(NAME);
  const peer = startChild<PeerTask, PeerReport>(new URL("peer-main.ts", import.meta.url));
  const sql = await connectTo(databaseUrl);
  try {
    await database.createPeerRole(sql);
    const objects = await stripe.read(ids);
    const { postgres } = parts.pids;
    const watched = watchProcesses({
      worker: [peer.pid],
      ...(postgres !== null && { postgres: [postgres] }),
    });
    const deliveries = { secret: "whsec_bench0123456789", prefix: "peer", count: events };
    const { seconds, failures } = await peer.ask({
      databaseUrl,
      inFlight: IN_FLIGHT,
      deliveries: { ...deliveries, before: objects, after: objects },
    });
    const mirrored = await database.readPeerMirror(sql);
    const faults = failures.slice(0, 1).map((first) => `${failures.length} failed, the first: ${first}`);
    if (mirrored.length !== ids.length) faults.push(`${mirrored.length} rows instead of ${ids.length}`);
    return makeRow({
      name: "peer",
      what: `@supabase/stripe-sync-engine, ${IN_FLIGHT} events at a time`,
      ...{ events, faults, costs: watched.stop(), recordedPerSecond: Math.round(events / seconds) },
    });
  } finally {
    peer.stop();
    await sql.end();
    await parts.dropDatabase(NAME);
  }
}
