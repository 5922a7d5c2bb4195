import type { Secret } from "@driftlock/runtime";
import { createTransport } from "nodemailer";

const timeoutMs = 15_000;

export interface Mail {
  to: string;
  subject: string;
  text: string;
  /** Names the mail for good: a mailbox that gets it twice knows. */
  messageId: string;
}

/** `isFinal`: the server will never take it. */
export type MailOutcome = { isSent: true } | { isSent: false; isFinal: boolean; error: string };

/** Hands a mail to the server and says whether it was taken; never rejects. */
export type SendMail = (mail: Mail) => Promise<MailOutcome>;

/** Mail by SMTP: `smtps://user:password@host:465`, or `smtp://…:587`, encrypted where the server can. */
export function createMailer({ url, from }: { url: Secret; from: string }) {
  const transport = createTransport({
    url: url.reveal(),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  });
  const send: SendMail = async ({ messageId, ...mail }) => {
    try {
      await transport.sendMail({
        ...mail,
        from,
        messageId: `<${messageId}@${from.replace(/^.*@|>$/g, "")}>`,
        headers: { "Auto-Submitted": "auto-generated" },
      });
      return { isSent: true };
    } catch (error) {
      const { responseCode = 0, message } = error as { responseCode?: number; message: string };
      // 5xx of the address or the content; a refused log-in is ours to mend, and the mail waits for it.
      return { isSent: false, isFinal: responseCode >= 550 && responseCode < 560, error: message };
    }
  };
  return { send, close: () => transport.close() };
}
