import { handledThinEventTypes, type StripeHint } from "@driftlock/contracts";
import { accounts, type Db, replays } from "@driftlock/db";
import { readWebhook, stripeHintOf } from "@driftlock/stripe";
import { CommandFault } from "../commands/command-fault.ts";

/** Whose history is replayed: an account's, that of whoever has a customer, or what a file of events is about. */
export type Choice =
  | { account: string }
  | { customer: string }
  /** The file's text: a JSON array of events, Stripe's list of them, or one event on each line. */
  | { events: string };

export interface RecordedHistory {
  accountIds: string[];
  /** As they were recorded, or as they stand in the file. */
  hints: StripeHint[];
  /** Whether these are all events that there were: then a row that they do not lead to is one too many. */
  isWhole: boolean;
}

/** @throws CommandFault where there is no such account, or nothing of one. */
export async function chooseHistory(
  db: Db,
  choice: Choice,
  { isLive }: { isLive: boolean },
): Promise<RecordedHistory> {
  if ("events" in choice) return fromFile(db, choice.events);
  const accountIds =
    "account" in choice ? [choice.account] : await replays.listAccountsOfCustomers(db, [choice.customer]);
  const [accountId] = accountIds;
  if (accountId === undefined || (await accounts.findAccount(db, accountId)) === null)
    throw new CommandFault(
      "account" in choice
        ? `there is no account ${choice.account}`
        : `no account has, or had, the customer ${"customer" in choice ? choice.customer : ""}`,
    );
  const hints = (await replays.listRecordedEvents(db, accountId)).flatMap((event): StripeHint[] =>
    isThin(event.type) ? [] : [{ ...event, kind: "snapshot", isLive }],
  );
  if (hints.length === 0) throw new CommandFault(`no event is recorded of the account ${accountId}`);
  return { accountIds: [accountId], hints, isWhole: true };
}

async function fromFile(db: Db, text: string): Promise<RecordedHistory> {
  const hints = readEvents(text)
    .map((event) => stripeHintOf(readWebhook(event)))
    .filter(({ type }) => !isThin(type));
  const customers = new Set(hints.flatMap(({ customerId }) => customerId ?? []));
  const accountIds = await replays.listAccountsOfCustomers(db, [...customers]);
  if (accountIds.length === 0) throw new CommandFault("no event of the file is about a customer of ours");
  return { accountIds, hints, isWhole: false };
}

/** @throws CommandFault where the text is none of the three forms. */
function readEvents(text: string): unknown[] {
  const json = parsed(text);
  if (Array.isArray(json)) return json;
  const data = (json as { data?: unknown } | null)?.data;
  if (Array.isArray(data)) return data;
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line, index) => {
      const event = parsed(line);
      if (event === null) throw new CommandFault(`line ${index + 1} of the file is no JSON`);
      return event;
    });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

const isThin = (type: string): boolean => handledThinEventTypes.some((each) => each === type);
