import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface NotificationEndpointRow {
  endpointId: string;
  url: string;
  /** Signs what is sent there; plain, since signing needs it. */
  secret: string;
  createdAt: Date;
}

export const listNotificationEndpoints = (
  q: Queryable,
  accountId: string,
): Promise<NotificationEndpointRow[]> =>
  q.rows(
    "notificationEndpoints.list",
    sql`select endpoint_id as "endpointId", url, secret, created_at as "createdAt"
    from notification_endpoints where account_id = ${accountId}::text order by created_at, endpoint_id`,
  );

/** Removes those of the account whose URL is not among `urls`, with what was still to be delivered there. */
export const deleteOtherNotificationEndpoints = (
  q: Queryable,
  accountId: string,
  urls: readonly string[],
): Promise<number> =>
  q.run(
    "notificationEndpoints.deleteOthers",
    sql`delete from notification_endpoints where account_id = ${accountId}::text and url <> all(${urls}::text[])`,
  );

/** Adds an endpoint where the account has none at that URL; one that it has keeps its id and secret. */
export const insertNotificationEndpointIfMissing = (
  q: Queryable,
  accountId: string,
  endpoint: NotificationEndpointRow,
): Promise<number> =>
  q.run(
    "notificationEndpoints.insertIfMissing",
    sql`insert into notification_endpoints (endpoint_id, account_id, url, secret, created_at)
    values (${endpoint.endpointId}::text, ${accountId}::text, ${endpoint.url}::text, ${endpoint.secret}::text, ${endpoint.createdAt}::timestamptz)
    on conflict (account_id, url) do nothing`,
  );
