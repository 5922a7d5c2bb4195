import type { QuotaCheckBody, QuotaCheckDto, QuotaItemDto } from "@driftlock/contracts";
import { DriftLockError } from "./errors.ts";
import { createPostJson, type GatewayOptions } from "./gateway.ts";
import { createKnownQuotas } from "./known-quotas.ts";

export interface QuotaCheckOptions extends GatewayOptions {
  /**
   * What is answered while the gateway cannot be reached: `open` allows, `closed` refuses, `last-known` goes by its last
   * answer for the account and metric and refuses what it never asked for. No default: it is a decision of the product.
   */
  onFailure: "open" | "closed" | "last-known";
  /** How long an answer is waited for; it is asked once. (Default: 1,000) */
  timeoutMs?: number;
  /** (Default: the machine's time) */
  now?: () => Date;
}

/** A question: `quantity` is 1 by default; with `consume`, each item needs an id. */
export interface QuotaQuestion {
  accountId?: string;
  items: { metric: string; quantity?: number; id?: string }[];
  consume?: boolean;
}

export interface QuotaAnswer {
  allowed: boolean;
  /** `policy`: the gateway did not answer, `onFailure` did. */
  decidedBy: "gateway" | "policy";
  /** The gateway's, in the order asked; empty by policy. */
  items: QuotaItemDto[];
  /** Why the gateway did not answer; null where it did. */
  failure: string | null;
  /**
   * `consume` was allowed by policy: `record` the items with the same ids, so that they are counted (once, also where
   * the gateway had counted them and its answer was lost).
   */
  mustRecord: boolean;
}

/**
 * Asks whether quantities fit, all or none. An access decision only: its policy never touches how usage is recorded.
 * @throws DriftLockError REFUSED or UNEXPECTED_ANSWER (a wrong key, a wrong question): no policy hides those.
 */
export type CheckQuota = (question: QuotaQuestion) => Promise<QuotaAnswer>;

/** @throws TypeError for a `url` or `apiKey` that cannot be used. */
export function createQuotaCheck(options: QuotaCheckOptions): CheckQuota {
  const { onFailure, timeoutMs = 1_000, now = () => new Date() } = options;
  const postJson = createPostJson(options);
  const known = createKnownQuotas();

  return async (question) => {
    const check = withDefaults(question);
    const answer = await postJson("/billing/quota/check", JSON.stringify(check), { timeoutMs });
    if (answer.kind === "refused") throw answer.error;
    if (answer.kind === "answered") {
      const { allowed, items } = readAnswer(answer.body, check.items.length);
      if (onFailure === "last-known") known.learn(check, items);
      return { allowed, decidedBy: "gateway", items, failure: null, mustRecord: false };
    }
    const allowed = onFailure === "last-known" ? known.decide(check, now().getTime()) : onFailure === "open";
    const mustRecord = allowed && check.consume;
    return { allowed, decidedBy: "policy", items: [], failure: answer.reason, mustRecord };
  };
}

function withDefaults({ accountId, items, consume = false }: QuotaQuestion): QuotaCheckBody {
  return {
    ...(accountId !== undefined && { accountId }),
    items: items.map((item) => ({ quantity: 1, ...item })),
    consume,
  };
}

function readAnswer(body: unknown, itemCount: number): QuotaCheckDto {
  const answer = body as Partial<QuotaCheckDto> | null;
  if (typeof answer?.allowed === "boolean" && answer.items?.length === itemCount) {
    return answer as QuotaCheckDto;
  }
  throw new DriftLockError("UNEXPECTED_ANSWER", "The answer is no quota check; check that the url is right.");
}
