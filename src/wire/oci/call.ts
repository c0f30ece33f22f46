/** A request on the registry door, after authentication. */

import type { Action } from "../../access/decisions/authority.ts";
import type { RepositoryAddress } from "../../lib/arn.ts";
import { isDigest } from "../../lib/digest.ts";
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import type { Call } from "../call.ts";

export type OciCall = Call & {
  request: Request;
  repositoryName: string;
  /** Reference, digest or upload id; what the route has at its end. */
  argument: string;
  query: URLSearchParams;
  /** What goes before a path in `Location` and `Link`: `/v2/` and the registry as the client wrote it. */
  base: string;
  /** Asks whether the caller may do something more than the endpoint's own actions; for a mount's source. */
  may: (action: Action, resource: RepositoryAddress) => Promise<boolean>;
};

export function addressOfCall({ accountId, region, repositoryName }: OciCall): RepositoryAddress {
  return { accountId, region, repositoryName };
}

/** The digest at the end of the path or in `?digest=`. Throws DigestInvalid. */
export function checkedDigest(digest: string): string {
  if (!isDigest(digest)) throw fault("DigestInvalid", { digest: echo(digest) });
  return digest;
}

/** `n` and `last` of a list. OCI distribution 1.1, "Listing Tags"; a larger `n` than the bound is clamped to it. */
export function pageOf(query: URLSearchParams): { size: number; last: string } {
  const n = query.get("n");
  const last = query.get("last") ?? "";
  if (n === null) return { size: limits.pageSize, last };
  if (!/^\d+$/.test(n)) throw fault("PageSizeInvalid", { value: echo(n) });
  return { size: Math.min(Number(n), limits.pageSize), last };
}

/** The `Link` header of a page that is not the last. Relative, so that it is right behind every proxy. */
export function nextLink(path: string, query: Readonly<Record<string, string>>): Record<string, string> {
  return { link: `<${path}?${new URLSearchParams(query)}>; rel="next"` };
}

export function json(value: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}
