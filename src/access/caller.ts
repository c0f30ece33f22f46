/** Who is asking. */

export type Principal = {
  kind: "principal";
  /** Such as `arn:aws:iam::111122223333:root`. */
  arn: string;
  accountId: string;
  /** The key that the request, or the token that it carries, was made with. */
  accessKeyId: string;
};

export type Caller = { kind: "anonymous" } | Principal;

export const anonymous: Caller = { kind: "anonymous" };

/** How messages name the caller. */
export function callerName(caller: Caller): string {
  return caller.kind === "anonymous" ? "anonymous" : caller.arn;
}
