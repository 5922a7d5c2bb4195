import type Stripe from "stripe";
import { createCreditNote, voidCreditNote } from "../billing/credit-notes.ts";
import { listRoute, type Route, route } from "../http/routes.ts";
import { inRange, isAsked } from "./filters.ts";

const response = "CreditNote";
const idOf = (path: Record<string, string>): string => path["id"] ?? "";

export const creditNoteRoutes: Route[] = [
  route<Stripe.CreditNoteCreateParams>(
    "POST",
    "/v1/credit_notes",
    { params: "CreditNoteCreateParams", response },
    (ctx, { params }) => createCreditNote(ctx, params),
  ),
  route("GET", "/v1/credit_notes/:id", { params: "CreditNoteRetrieveParams", response }, (ctx, { path }) =>
    ctx.store.getOrThrow("credit_note", idOf(path)),
  ),
  listRoute<Stripe.CreditNoteListParams>(
    "/v1/credit_notes",
    { params: "CreditNoteListParams", response },
    (ctx, { params }) =>
      ctx.store
        .list("credit_note")
        .filter(
          (note) =>
            isAsked(note.invoice, params.invoice) &&
            isAsked(note.customer, params.customer) &&
            inRange(note.created, params.created),
        )
        .toReversed(),
  ),
  listRoute(
    "/v1/credit_notes/:id/lines",
    { params: "CreditNoteListLineItemsParams", response: "CreditNoteLineItem" },
    (ctx, { path }) => ctx.store.getOrThrow("credit_note", idOf(path)).lines.data,
  ),
  route(
    "POST",
    "/v1/credit_notes/:id/void",
    { params: "CreditNoteVoidCreditNoteParams", response },
    (ctx, { path }) => voidCreditNote(ctx, idOf(path)),
  ),
];
