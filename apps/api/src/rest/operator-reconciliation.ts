import {
  MirrorDifferenceDto,
  pageOf,
  ReconciliationDto,
  ReconciliationQuery,
  ReconciliationReportDto,
  ReconciliationReportQuery,
  RepairBody,
  RepairDto,
  ReportKeyDto,
  ReportKeysDto,
} from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { credentialOf } from "../plugins/auth.ts";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

type Deps = Pick<
  OperatorUseCases,
  | "listReconciliations"
  | "listMirrorDifferences"
  | "repairReconciliation"
  | "getReconciliationReport"
  | "listReportKeys"
  | "rotateReportKey"
>;

export const operatorReconciliationRoutes =
  (useCases: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "operator" } as const;
    app.get(
      "/operator/reconciliation",
      {
        config,
        schema: {
          tags: ["operator"],
          summary: "Accepted, stored, counted, reported and invoiced, for each account, metric and period",
          description:
            "The latest comparison of each, what has drifted first. A difference counts as drift once nothing is on its way that explains it and it has lasted for a minute.",
          querystring: ReconciliationQuery,
          response: { 200: pageOf(ReconciliationDto) },
        },
      },
      (request) => useCases.listReconciliations(request.query),
    );
    app.get(
      "/operator/reconciliation/stripe",
      {
        config,
        schema: {
          tags: ["operator"],
          summary: "Objects of Stripe that differ from our mirror of them",
          response: { 200: pageOf(MirrorDifferenceDto) },
        },
      },
      () => useCases.listMirrorDifferences(),
    );
    app.get(
      "/operator/reconciliation/report",
      {
        config,
        schema: {
          tags: ["operator"],
          summary: "The comparisons of a time, signed, to be checked offline",
          description:
            "Of the periods that ended in `[from, to)`. To check a page: write `payload` as canonical JSON (RFC 8785: keys sorted, no white space), and verify the Ed25519 `signature.value` over its UTF-8 bytes with the public key `signature.keyId` of `GET /billing/report-keys`. In Node: `crypto.verify(null, Buffer.from(canonical), publicKeyPem, Buffer.from(value, 'base64'))`.",
          querystring: ReconciliationReportQuery,
          response: { 200: ReconciliationReportDto },
        },
      },
      (request) => useCases.getReconciliationReport(request.query),
    );
    app.get(
      "/billing/report-keys",
      {
        config: { access: "public" },
        schema: {
          tags: ["operator"],
          summary: "Public keys that signed reports are checked with",
          response: { 200: ReportKeysDto },
        },
      },
      () => useCases.listReportKeys(),
    );
    app.post(
      "/operator/reconciliation/report-keys",
      {
        config,
        schema: {
          tags: ["operator"],
          summary: "Sign reports with a new key from now on",
          description:
            "The key before it signs nothing any more; its public part stays in `GET /billing/report-keys`, so that what it signed can be checked. Each call makes another key. 409 `REPORT_KEY_LOCKED` without REPORT_KEY_SECRET.",
          response: { 201: ReportKeyDto },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await useCases.rotateReportKey(credentialOf(request).id)),
    );
    app.post(
      "/operator/reconciliation/:id/repair",
      {
        config,
        schema: {
          tags: ["operator"],
          summary: "Mends what a comparison found; with `preview`, says what it would do",
          description:
            "A preview is the same work, rolled back. What is no longer as the comparison said is left alone, so a repeat does nothing.",
          params: z.object({ id: z.string().regex(/^\d{1,15}$/) }),
          body: RepairBody,
          response: { 200: RepairDto },
        },
      },
      (request) => useCases.repairReconciliation(credentialOf(request).id, request.params.id, request.body),
    );
  };
