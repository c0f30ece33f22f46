/** What every request says about itself, and how far proxies are believed. */

import type { RequestFacts } from "../access/decisions/request-context.ts";
import { type Address, type AddressRange, isInRange, readAddress } from "../access/policy/values.ts";

type Settings = { tls: unknown; trustedProxies: readonly AddressRange[] };

/**
 * Read when somebody asks, since most policies do not. The client's address is the last one that no trusted proxy wrote:
 * `X-Forwarded-For` is read from its end, and what a client put in front of it is not believed. Where a proxy wrote what is
 * no address, the client's is unknown: it must not pass for the proxy. `peer` is who connected.
 */
export function factsOf(
  { headers }: Request,
  { tls, trustedProxies }: Settings,
  { peer, at, region }: { peer: () => string | undefined; at: number; region: string },
): RequestFacts {
  let sender: { address: string | undefined; isTrusted: boolean } | undefined;
  const senderOf = () => {
    if (sender) return sender;
    const address = plain(peer());
    sender = { address, isTrusted: isTrusted(address, trustedProxies) };
    return sender;
  };
  return {
    region,
    at,
    get sourceIp() {
      const { address, isTrusted: isProxy } = senderOf();
      return isProxy ? beforeProxies(address, headers.get("x-forwarded-for"), trustedProxies) : address;
    },
    get isSecure() {
      if (trustedProxies.length === 0 || !senderOf().isTrusted) return tls !== undefined;
      return headers.get("x-forwarded-proto")?.split(",").at(-1)?.trim() === "https";
    },
    get userAgent() {
      return headers.get("user-agent") ?? undefined;
    },
    get referer() {
      return headers.get("referer") ?? undefined;
    },
  };
}

function beforeProxies(
  sender: string | undefined,
  forwardedFor: string | null,
  trusted: readonly AddressRange[],
): string | undefined {
  let client = sender;
  for (const item of (forwardedFor ?? "").split(",").reverse()) {
    if (item.trim() === "") continue;
    const address = plain(withoutPort(item.trim()));
    if (address === undefined || readAddress(address) === undefined) return undefined;
    client = address;
    if (!isTrusted(address, trusted)) return client;
  }
  return client;
}

function isTrusted(text: string | undefined, trusted: readonly AddressRange[]): boolean {
  if (text === undefined || trusted.length === 0) return false;
  const address: Address | undefined = readAddress(text);
  return address !== undefined && trusted.some((range) => isInRange(address, range));
}

/** Some proxies write `203.0.113.7:49152` or `[2001:db8::7]:49152`. */
function withoutPort(text: string): string {
  return /^(\d+(?:\.\d+){3}):\d+$/.exec(text)?.[1] ?? /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? text;
}

/** An IPv4 address that arrives on an IPv6 socket is still that address. */
function plain(text: string | undefined): string | undefined {
  return text?.replace(/^::ffff:(?=\d+\.)/i, "");
}
