import { AppError, type NotificationEndpointDto, type Page } from "@driftlock/contracts";
import { accounts, type Db, notificationEndpoints } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { noSuchAccount } from "../auth/credential.ts";
import { requireAccount } from "./require-account.ts";

interface Deps {
  db: Db;
  clock: Clock;
  isSimulator: boolean;
  makeEndpointId: () => string;
  /** `whsec_` and base64 of at least 24 random bytes (Standard Webhooks). */
  makeEndpointSecret: () => string;
}

/** Where an account's notices go. */
export function createNotificationEndpoints({
  db,
  clock,
  isSimulator,
  makeEndpointId,
  makeEndpointSecret,
}: Deps) {
  const list = async (accountId: string): Promise<Page<NotificationEndpointDto>> => {
    await requireAccount(db, accountId);
    const rows = await notificationEndpoints.listNotificationEndpoints(db, accountId);
    return {
      data: rows.map(({ endpointId, url, createdAt }) => ({
        id: endpointId,
        url,
        createdAt: createdAt.toISOString(),
      })),
      nextCursor: null,
    };
  };

  /**
   * Replaces the whole set; a URL that stays keeps its id and secret, so that a repeat changes nothing.
   * @throws INVALID for a target that is not allowed, ACCOUNT_NOT_FOUND.
   */
  const replace = async (
    accountId: string,
    urls: readonly string[],
  ): Promise<Page<NotificationEndpointDto>> => {
    const targets = [...new Set(urls.map((url, index) => targetOf(url, index, isSimulator)))];
    const rows = await db.transaction(async (tx) => {
      if ((await accounts.findAccountForUpdate(tx, accountId)) === null) throw noSuchAccount(accountId);
      await notificationEndpoints.deleteOtherNotificationEndpoints(tx, accountId, targets);
      for (const url of targets) {
        await notificationEndpoints.insertNotificationEndpointIfMissing(tx, accountId, {
          endpointId: makeEndpointId(),
          url,
          secret: makeEndpointSecret(),
          createdAt: clock.now(),
        });
      }
      return notificationEndpoints.listNotificationEndpoints(tx, accountId);
    });
    return {
      data: rows.map(({ endpointId, createdAt, ...row }) => ({
        id: endpointId,
        ...row,
        createdAt: createdAt.toISOString(),
      })),
      nextCursor: null,
    };
  };

  return { list, replace };
}

const loopbackNames = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * DESIGN 9: https, loopback only on the simulator. Which address a name leads to is checked when it is connected to;
 * here is refused what can be seen without asking anybody.
 */
function targetOf(text: string, index: number, isSimulator: boolean): string {
  const url = new URL(text);
  const isLoopback = loopbackNames.has(url.hostname);
  const fault =
    url.username !== "" || url.password !== ""
      ? "must carry no user name or password"
      : isLoopback && !isSimulator
        ? "must be a public address"
        : url.protocol !== "https:" && !isLoopback
          ? "must be an https URL"
          : null;
  if (fault === null) return url.href;
  throw new AppError("INVALID", `endpoints.${index}.url: ${fault}`, {
    extensions: { errors: [{ path: `body.endpoints.${index}.url`, message: fault }] },
  });
}
