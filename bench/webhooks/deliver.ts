import { createLatencies } from "../generator/latencies.ts";
import { openConnection } from "../generator/open-connection.ts";
import { createRateClock } from "../generator/rate-clock.ts";
import { type Deliveries, makeDeliveries } from "./make-deliveries.ts";

export interface DeliveryOrder {
  url: string;
  connections: number;
  deliveries: Deliveries;
}

export interface DeliveryReport {
  sent: number;
  seconds: number;
  /** From the instant at which a delivery was due, or, without a rate, from its sending. */
  p50Ms: number | null;
  p99Ms: number | null;
  maxMs: number | null;
  /** Answers by their status, and how the first that was no 200 reads. */
  statuses: Record<string, number>;
  refusal: string | null;
  cpuMicroseconds: number;
}

/** Makes all requests of an order ahead, and sends them in parts: at a rate whatever the answers do, or as they are answered. */
export function createDeliverer({ url, connections, deliveries }: DeliveryOrder) {
  const { hostname: host, port, pathname } = new URL(url);
  const address = { host, port: Number(port) };
  const requests = Array.from(makeDeliveries(deliveries), ({ body, signature }) => {
    const head =
      `POST ${pathname} HTTP/1.1\r\nhost: ${host}:${port}\r\nuser-agent: Stripe/1.0\r\naccept: */*\r\n` +
      `content-type: application/json; charset=utf-8\r\nstripe-signature: ${signature}\r\ncontent-length: ${body.length}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), body]);
  });
  let next = 0;

  return (count: number, requestsPerSecond: number | null): Promise<DeliveryReport> => {
    const until = Math.min(next + count, requests.length);
    const latencies = createLatencies();
    const statuses: Record<string, number> = {};
    const rate = requestsPerSecond === null ? null : createRateClock(requestsPerSecond);
    const startedAtMs = performance.now();
    const cpu = process.cpuUsage();
    const wanted = until - next;
    let answered = 0;
    let refusal: string | null = null;
    rate?.start(startedAtMs);

    return new Promise((resolve, reject) => {
      const idle: ReturnType<typeof openSlot>[] = [];
      const slots = Array.from({ length: connections }, openSlot);
      const timer = rate && setInterval(sendDue, 1);
      for (const slot of slots) proceed(slot);

      function openSlot() {
        const slot = {
          beganAtMs: 0,
          connection: openConnection(address, {
            onAnswer: ({ status, text }) => {
              latencies.add(performance.now() - slot.beganAtMs);
              statuses[status] = (statuses[status] ?? 0) + 1;
              if (status !== 200) refusal ??= text;
              if (++answered === wanted) finish();
              else proceed(slot);
            },
            onLost: reject,
          }),
        };
        return slot;
      }

      function proceed(slot: ReturnType<typeof openSlot>): void {
        if (next >= until) return;
        const nowMs = performance.now();
        const dueAtMs = rate === null ? nowMs : rate.takeDue(nowMs);
        if (dueAtMs === null) return void idle.push(slot);
        slot.beganAtMs = dueAtMs;
        const request = requests[next++];
        if (request !== undefined) slot.connection.send(request);
      }

      function sendDue(): void {
        for (let count = idle.length; count > 0 && next < until; count--) {
          const slot = idle.pop();
          if (slot !== undefined) proceed(slot);
        }
      }

      function finish(): void {
        if (timer) clearInterval(timer);
        for (const { connection } of slots) connection.close();
        const { user, system } = process.cpuUsage(cpu);
        resolve({
          ...{ sent: wanted, seconds: (performance.now() - startedAtMs) / 1_000, statuses, refusal },
          ...{
            p50Ms: latencies.percentile(50),
            p99Ms: latencies.percentile(99),
            maxMs: latencies.percentile(100),
          },
          cpuMicroseconds: user + system,
        });
      }
    });
  };
}
