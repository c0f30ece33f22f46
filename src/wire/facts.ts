/** What every request says about itself, and how far proxies are believed. */
import { type Address, type AddressRange, isInRange, readAddress } from "../access/policy/values.ts";
import type { Incoming } from "./call.ts";

type Settings = { tls: unknown; trustedProxies: readonly AddressRange[] };

/**
 * The client's address is the last one that no trusted proxy wrote: `X-Forwarded-For` is read from its end, and what a
 * client put in front of it is not believed.
 */
export function factsOf(
  { headers }: Request,
  { tls, trustedProxies }: Settings,
  { peer, at }: { peer: string | undefined; at: number },
): Incoming["facts"] {
  const sender = plain(peer);
  const isProxied = isTrusted(sender, trustedProxies);
  return {
    sourceIp: isProxied ? beforeProxies(sender, headers.get("x-forwarded-for"), trustedProxies) : sender,
    isSecure: isProxied
      ? headers.get("x-forwarded-proto")?.split(",").at(-1)?.trim() === "https"
      : tls !== undefined,
    userAgent: headers.get("user-agent") ?? undefined,
    referer: headers.get("referer") ?? undefined,
    at,
  };
}

function beforeProxies(
  sender: string | undefined,
  forwardedFor: string | null,
  trusted: readonly AddressRange[],
): string | undefined {
  let client = sender;
  for (const item of (forwardedFor ?? "").split(",").reverse()) {
    const address = plain(item.trim());
    if (address === undefined || readAddress(address) === undefined) return client;
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

/** An IPv4 address that arrives on an IPv6 socket is still that address. */
function plain(text: string | undefined): string | undefined {
  return text?.replace(/^::ffff:(?=\d+\.)/i, "");
}
