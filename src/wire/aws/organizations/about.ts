/** What the operations of Organizations are about: ARNs, pages, and who may ask at all. */

import { findOrganization, type Organization, scpType } from "../../../access/accounts/organizations.ts";
import type { Action } from "../../../access/decisions/authority.ts";
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import { cutPage, parsePageToken } from "../../../lib/page.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import { requestKeys } from "../iam/rows.ts";
import type { Operation } from "../operation.ts";

/** Service authorization reference, Organizations, "Resource types": the ARN of what has this id. */
export function arnOfId({ id, managementAccountId, rootId }: Organization, target: string): string {
  const arn = (kind: string) => `arn:aws:organizations::${managementAccountId}:${kind}/${id}/${target}`;
  if (/^\d{12}$/.test(target)) return arn("account");
  if (target.startsWith("p-")) return policyArn({ id, managementAccountId }, target);
  return arn(target === rootId || target.startsWith("r-") ? "root" : "ou");
}

function policyArn(
  { id, managementAccountId }: Omit<Organization, "rootId" | "scpEnabled">,
  policyId: string,
) {
  const kind = scpType.toLowerCase();
  // Ids of our own making have small letters only.
  return /[A-Z]/.test(policyId)
    ? `arn:aws:organizations::aws:policy/${kind}/${policyId}`
    : `arn:aws:organizations::${managementAccountId}:policy/${id}/${kind}/${policyId}`;
}

type Tag = { Key: string; Value: string };

type KeyedInput = {
  Tags?: readonly Tag[] | undefined;
  TagKeys?: readonly string[] | undefined;
  Type?: string | undefined;
  PolicyType?: string | undefined;
  Filter?: string | undefined;
};

/**
 * An operation of the management account: the organization is that account's, and no policy on it lets others in. Without
 * `ids` it is about no resource.
 */
export function managed<Input extends object, Output>(
  action: Action | ((input: Input) => readonly Action[]),
  {
    ids,
    run,
  }: { ids?: (input: Input) => readonly string[]; run: (call: Call, input: Input) => Promise<Output> },
): Operation<Input, Output> {
  return {
    actions: (input) => (typeof action === "string" ? [action] : action(input)),
    resources: async (call, input) => {
      const organization = await findOrganization(call.db.read);
      const accountId = organization.managementAccountId;
      const keys = keysOf(input);
      return (
        ids?.(input).map((id): Resource => ({ arn: arnOfId(organization, id), accountId, keys })) ?? [
          { arn: "*", accountId, keys },
        ]
      );
    },
    run,
  };
}

/** `aws:RequestTag/KEY`, `aws:TagKeys` and `organizations:PolicyType`. */
function keysOf(input: KeyedInput): NonNullable<Resource["keys"]> {
  const type = input.Type ?? input.PolicyType ?? input.Filter;
  const keys = new Map(requestKeys({ Tags: input.Tags, TagKeys: input.TagKeys }));
  if (type !== undefined) keys.set("organizations:policytype", [type]);
  return keys;
}

/** `organizations:TagResource` beside the action when tags are passed. */
export function withTagging<Input extends { Tags?: readonly Tag[] | undefined }>(
  action: Action,
): (input: Input) => readonly Action[] {
  return ({ Tags = [] }) => (Tags.length > 0 ? [action, "organizations:TagResource"] : [action]);
}

type PageInput = { NextToken?: string | undefined; MaxResults?: number | undefined };

/** `after` is the key of the last row of the page before; read `limit + 1` rows for {@link paged}. */
export function pageOf({ NextToken, MaxResults = limits.organizationPageSize }: PageInput) {
  if (NextToken === undefined) return { after: "", size: MaxResults, limit: MaxResults + 1 };
  try {
    return { after: parsePageToken(NextToken, 1)[0] ?? "", size: MaxResults, limit: MaxResults + 1 };
  } catch {
    // The parser knows one mistake only, and words it for ECR.
    throw fault(
      "InvalidInput",
      { reason: "The value of NextToken is none that this list has given." },
      { Reason: "INVALID_NEXT_TOKEN" },
    );
  }
}

/** One page of rows, and the token of the next: `{ Accounts: rows.map(…), ...end }`. */
export function paged<Row>(
  rows: readonly Row[],
  { size }: { size: number },
  key: (row: Row) => string,
): { rows: readonly Row[]; end: { NextToken?: string } } {
  const { rows: some, nextToken } = cutPage(rows, size, (row) => [key(row)]);
  return { rows: some, end: nextToken === undefined ? {} : { NextToken: nextToken } };
}
