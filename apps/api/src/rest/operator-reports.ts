import {
  DecideReportBody,
  DoubtedLaneDto,
  DoubtQuery,
  pageOf,
  ReportDecisionDto,
  reportDecisions,
} from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { credentialOf } from "../plugins/auth.ts";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

const summaries = {
  "at-stripe": "Stripe has this report: count it as arrived, and send nothing",
  missing: "Stripe does not have this report: send it under a new identifier",
} as const;

export const operatorReportRoutes =
  ({
    listDoubtedReports,
    decideReport,
  }: Pick<OperatorUseCases, "listDoubtedReports" | "decideReport">): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "operator" } as const;
    const tags = ["operator"];
    app.get(
      "/operator/reports",
      {
        config,
        schema: {
          tags,
          summary: "Reports to Stripe of which nobody but a person can tell whether it has them",
          description:
            "By customer and meter, the oldest doubt first, with our ledger's figure and Stripe's of the minutes that hold them. `state` is `unanswered` (sent 23 hours ago, the answer never came), `not-found` (taken, and not in Stripe's summaries) or `not-resent` (failed, and the summaries do not say whether it arrived).",
          querystring: DoubtQuery,
          response: { 200: pageOf(DoubtedLaneDto) },
        },
      },
      (request) => listDoubtedReports(request.query),
    );
    for (const decision of reportDecisions) {
      app.post(
        `/operator/reports/:identifier/${decision}`,
        {
          config,
          schema: {
            tags,
            summary: summaries[decision],
            description:
              "With `preview`, says what it would do: the same work, rolled back. A repeat gives the same answer and does nothing. 409 `REPORT_SETTLED` where the report is not in doubt: it was decided otherwise, or a comparison has found out by itself.",
            params: z.object({ identifier: z.string().min(1).max(100) }),
            body: DecideReportBody,
            response: { 200: ReportDecisionDto },
          },
        },
        (request) => {
          const { identifier } = request.params;
          return decideReport(credentialOf(request).id, { identifier, decision }, request.body);
        },
      );
    }
  };
