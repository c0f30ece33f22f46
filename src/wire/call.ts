/** One request, as the functions behind the doors see it. */

import type { Caller } from "../access/caller.ts";
import type { Question } from "../access/decisions/authority.ts";
import type { RequestFacts } from "../access/decisions/request-context.ts";
import type { Services } from "../registry/context.ts";
import type { Addresses } from "./addresses.ts";

export type Call = Services & {
  caller: Caller;
  facts: RequestFacts;
  /** What the caller was asked to have the right to, and whether it has: for the audit. */
  asked: AskedRight[];
  /** The registry that the request is about: an account and a region. */
  accountId: string;
  region: string;
  requestId: string;
  /** How this caller reaches registries. */
  addresses: Addresses;
};

export type AskedRight = Pick<Question, "action" | "resource" | "ownerAccountId" | "keys"> & {
  isAllowed: boolean;
};

/** A request before anything is known about it but its address. */
export type Incoming = {
  request: Request;
  method: string;
  /** As sent, percent-encoding untouched, beginning with `/`. */
  path: string;
  /** Without the question mark. */
  query: string;
  /** The Host header, or the address of the listener when that is no host name. */
  host: string;
  /** What policies can ask of any request, once it is known for which region. */
  facts: (region: string) => RequestFacts;
  requestId: string;
};
