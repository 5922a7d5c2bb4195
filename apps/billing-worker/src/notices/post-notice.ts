import { lookup as resolve } from "node:dns";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isLoopbackAddress, isPublicAddress } from "./public-address.ts";

const timeoutMs = 10_000;

export interface Post {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** The simulator's receivers are on this machine, and speak http. */
  allowsLoopback: boolean;
  signal: AbortSignal;
}

/** Where a notice may not go: it is not sent there, and never will be. */
export class TargetRefusedError extends Error {}

/**
 * Posts to a customer's URL and resolves with the status. Https only, to public addresses only, which is checked for the
 * very address that is connected to; redirects are not followed; the answer's body is not read. Rejects after 10 s.
 */
export async function postNotice({ url, headers, body, allowsLoopback, signal }: Post): Promise<number> {
  const target = new URL(url);
  const isAllowed = (address: string) =>
    isPublicAddress(address) || (allowsLoopback && isLoopbackAddress(address));
  refuseUnless(target, { isAllowed, allowsLoopback });
  const request = target.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((done, failed) => {
    const outgoing = request(
      target,
      {
        method: "POST",
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
        lookup: checkedLookup(isAllowed),
        // No pooled connection: the address is checked for each notice.
        agent: false,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      },
      (response) => {
        done(response.statusCode ?? 0);
        response.destroy();
      },
    );
    outgoing.on("error", failed);
    outgoing.end(body);
  });
}

function refuseUnless(
  target: URL,
  { isAllowed, allowsLoopback }: { isAllowed: (address: string) => boolean; allowsLoopback: boolean },
): void {
  // A literal address is connected to without a lookup.
  const host = target.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !isAllowed(host)) throw new TargetRefusedError(`${host} is not a public address`);
  const isLocal = host === "localhost" || isLoopbackAddress(host);
  if (target.protocol !== "https:" && !(target.protocol === "http:" && allowsLoopback && isLocal))
    throw new TargetRefusedError(`${target.protocol}// is not https://`);
}

const checkedLookup =
  (isAllowed: (address: string) => boolean): LookupFunction =>
  (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, "");
      const [first] = found;
      const refused = found.find(({ address }) => !isAllowed(address));
      if (refused !== undefined || first === undefined)
        return callback(
          new TargetRefusedError(
            `${hostname} leads to ${refused?.address ?? "no address"}, which is not public`,
          ),
          "",
        );
      if (options.all) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
