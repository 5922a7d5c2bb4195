import type { FastifyInstance } from "fastify";
import type { ParticipantReport } from "../clock/participants.ts";
import type { SimDeps } from "./routes.ts";

const WAIT_MAX_MS = 25_000;

/** Registers `/_sim/clock`, a long poll when `version` is given, and the participants' reports. */
export function registerClock(
  app: FastifyInstance,
  { clock, participants }: Pick<SimDeps, "clock" | "participants">,
): void {
  app.get<{ Querystring: { version?: string; waitMs?: string } }>("/_sim/clock", ({ query }) =>
    query.version === undefined
      ? clock.state()
      : clock.changed(Number(query.version), Math.min(Number(query.waitMs ?? WAIT_MAX_MS), WAIT_MAX_MS)),
  );
  app.get("/_sim/clock/participants", () => ({ data: participants.list() }));
  app.put<{ Params: { name: string }; Body: string }>(
    "/_sim/clock/participants/:name",
    ({ params, body }, reply) => {
      const report = readReport(body);
      if (report === null)
        return reply
          .code(400)
          .send({ error: { message: "Pass JSON { caughtUpToMs, nextDueAtMs: number or null }." } });
      participants.report(params.name, report);
      return reply.send(clock.state());
    },
  );
}

function readReport(body: string): ParticipantReport | null {
  try {
    const { caughtUpToMs, nextDueAtMs = null } = JSON.parse(body) as Partial<ParticipantReport>;
    const isSound = Number.isFinite(caughtUpToMs) && (nextDueAtMs === null || Number.isFinite(nextDueAtMs));
    return isSound && caughtUpToMs !== undefined ? { caughtUpToMs, nextDueAtMs } : null;
  } catch {
    return null;
  }
}
