import type { Load } from "../rows.ts";

/** A request that is sent again and again, with new ids each time. */
export interface Body {
  route: Load["route"];
  /** Head and body, as they go over the wire. */
  bytes: Buffer;
  /** Where the part of each event's id that changes begins: eight hexadecimal digits. */
  idOffsets: Uint32Array;
  quantities: Uint8Array;
  /** How often it got new ids. */
  turns: number;
}

export interface Target {
  host: string;
  port: number;
  serviceKey: string;
}

const ROUTES = { usage: "/billing/usage", "quota-check": "/billing/quota/check" } as const;
const ID_MARK = "~~~~~~~~";

/** Ids are benched as UUIDs look: the first 32 bits differ in every event, the rest in each place of a body. */
export function makeBodies(load: Load, target: Target, random: () => number): Body[] {
  const perBody = load.isMixed ? (load.batch ?? 1) : 1;
  const count = Math.max(load.connections * 4, Math.ceil(load.accounts / perBody));
  const accounts = dealAccounts(load.accounts, random);
  return Array.from({ length: count }, () => {
    const own = load.isMixed ? null : accounts();
    const events = Array.from({ length: load.batch ?? 1 }, (_, place) => ({
      id: `${ID_MARK}${idTail(random)}`,
      metric: "events",
      quantity: 1 + (place % 9),
      accountId: own ?? accounts(),
    }));
    return toRequest(load, events, target);
  });
}

const PRIMING_BATCH = 500;

/** Bodies that touch each account once. */
export const makePrimingBodies = (load: Load, target: Target, random: () => number): Body[] =>
  makeBodies(
    { ...load, route: "usage", batch: Math.min(PRIMING_BATCH, load.accounts), isMixed: true, connections: 0 },
    target,
    random,
  );

function toRequest(
  load: Load,
  events: readonly { id: string; metric: string; quantity: number; accountId: string }[],
  { host, port, serviceKey }: Target,
): Body {
  const [first] = events;
  const content =
    load.route === "quota-check"
      ? { accountId: first?.accountId, items: [{ metric: first?.metric, quantity: first?.quantity }] }
      : load.batch === null
        ? first
        : events;
  const body = Buffer.from(JSON.stringify(content));
  const head = [
    `POST ${ROUTES[load.route]} HTTP/1.1`,
    `host: ${host}:${port}`,
    `authorization: Bearer ${serviceKey}`,
    "content-type: application/json",
    `content-length: ${body.length}`,
  ];
  const bytes = Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
  const idOffsets: number[] = [];
  for (let at = bytes.indexOf(ID_MARK); at !== -1; at = bytes.indexOf(ID_MARK, at + 1)) idOffsets.push(at);
  return {
    route: load.route,
    bytes,
    idOffsets: Uint32Array.from(idOffsets),
    quantities: Uint8Array.from(events, ({ quantity }) => quantity),
    turns: 0,
  };
}

/** The account ids that `createAccounts` makes. */
export const accountIdOf = (number: number): string => `bench_${String(number).padStart(6, "0")}`;

/** All accounts in random order, again and again: none twice before each was there once. */
function dealAccounts(count: number, random: () => number): () => string {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  let at = count;
  return () => {
    if (at === count) {
      at = 0;
      for (let from = count - 1; from > 0; from--) {
        const to = Math.floor(random() * (from + 1));
        const moved = order[from] ?? 0;
        order[from] = order[to] ?? 0;
        order[to] = moved;
      }
    }
    return accountIdOf(order[at++] ?? 0);
  };
}

function idTail(random: () => number): string {
  const hex = (digits: number) =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, "0");
  return `-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(6)}${hex(6)}`;
}
