import { sendMail } from "@driftlock/contracts";
import { type Db, noticeMails } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";
import type { Schedule } from "../schedules.ts";
import { mailedTypes } from "./mail-text.ts";

interface Deps {
  db: Db;
  producer: Producer;
  clock: Clock;
  wallClock: Clock;
}

const atOnceMax = 200;
/** Older notices are no news: they are not mailed when a mail server is first configured. */
const newsMaxMs = 3 * 24 * 60 * 60 * 1000;

/** The ticks of an installation with a mail server. */
export const mailSchedules = ({ db, producer, clock, wallClock }: Deps): Schedule[] => [
  {
    name: "mails",
    intervalMs: 2_000,
    run: async () => {
      const since = new Date(clock.now().getTime() - newsMaxMs);
      await noticeMails.insertDueMails(db, { types: mailedTypes, since });
      for (const noticeId of await noticeMails.claimDueMails(db, wallClock.now(), atOnceMax))
        await producer.add(sendMail, { noticeId });
    },
  },
];
