export const operatorSections = [
  "reconciliation",
  "dunning",
  "quarantine",
  "reports",
  "late-usage",
  "accounts",
] as const;

export interface OperatorRoute {
  page: "operator";
  section: (typeof operatorSections)[number];
  /** Of one account. */
  id: string | null;
  /** What a list is narrowed down to. */
  filter: Readonly<Record<string, string>>;
}

/** The pages, by their paths. */
export type Route =
  | OperatorRoute
  | { page: "overview" }
  | { page: "plans" }
  | { page: "change-plan"; planId: string }
  | { page: "cancel" }
  | { page: "checkout-done" }
  | { page: "checkout-canceled" }
  | { page: "invoices" }
  | { page: "invoice"; invoiceId: string; isBackFromBank: boolean }
  | { page: "payment"; setup: "succeeded" | "failed" | "processing" | null }
  | { page: "not-found" };

/** Finds the page of an address; a trailing slash makes no difference. */
export function matchRoute(pathname: string, search: string): Route {
  const query = new URLSearchParams(search);
  const parts = pathname.split("/").filter((part) => part !== "");
  if (parts.length === 0) return { page: "overview" };
  const [app, section, id, ...rest] = parts;
  if (app === "app" && section === "operator") return matchOperator([id, ...rest], query);
  if (app !== "app" || rest.length > 0) return { page: "not-found" };
  if (id === undefined) return matchSection(section, query);
  if (section === "plans") return { page: "change-plan", planId: decode(id) };
  if (section === "invoices") {
    // A bank's own page comes back with what Stripe added to the address.
    return { page: "invoice", invoiceId: decode(id), isBackFromBank: query.has("payment_intent") };
  }
  return { page: "not-found" };
}

function matchOperator([name, id, ...rest]: (string | undefined)[], query: URLSearchParams): Route {
  const section = operatorSections.find((each) => each === (name ?? "reconciliation"));
  if (section === undefined || rest.length > 0 || (id !== undefined && section !== "accounts"))
    return { page: "not-found" };
  return {
    page: "operator",
    section,
    id: id === undefined ? null : decode(id),
    filter: Object.fromEntries(query),
  };
}

// Where the gateway lets a payment page come back to, unless another address was asked for.
const checkoutPages: Record<string, "checkout-done" | "checkout-canceled"> = {
  success: "checkout-done",
  canceled: "checkout-canceled",
};

function matchSection(section: string | undefined, query: URLSearchParams): Route {
  switch (section) {
    case undefined:
      return { page: checkoutPages[query.get("checkout") ?? ""] ?? "overview" };
    case "plans":
    case "cancel":
    case "invoices":
      return { page: section };
    case "payment":
      return { page: "payment", setup: setupOutcome(query.get("redirect_status")) };
    default:
      return { page: "not-found" };
  }
}

// Stripe comes back with redirect_status when a bank asked for its own page.
function setupOutcome(status: string | null): "succeeded" | "failed" | "processing" | null {
  if (status === null || status === "succeeded" || status === "processing") return status;
  return "failed";
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
