/** What IAM's operations share: pages by marker, tags, and the resource that a permission is asked about. */
import { arnOfNamed, type IdentityKind } from "../../../access/identities/identities.ts";
import type { IdentityTag } from "../../../access/identities/identity-tags.ts";
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import { cutPage, parsePageToken } from "../../../lib/page.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";

type PageInput = { Marker?: string | undefined; MaxItems?: number | undefined };

/** `after` is the key of the last row of the page before, empty at the first; read `size + 1` rows for {@link paged}. */
type Page = { after: string; size: number };

type PageEnd = { IsTruncated: boolean; Marker?: string };

/** IAM API, `Marker` and `MaxItems`: 100 without. Throws ConstraintsFailed for a marker that no page ended with. */
export function pageOf({ Marker, MaxItems = limits.defaultPageSize }: PageInput): Page {
  if (Marker === undefined) return { after: "", size: MaxItems };
  try {
    return { after: parsePageToken(Marker, 1)[0] ?? "", size: MaxItems };
  } catch {
    // The parser knows one mistake only, and words it for ECR.
    throw fault("ConstraintsFailed", {
      failures: ["Value at 'marker' failed to satisfy constraint: Member must be a marker of this list"],
    });
  }
}

/** One page of rows in the order of `key`, and how IAM says whether there are more: `{ Users: rows.map(…), ...end }`. */
export function paged<Row>(
  rows: readonly Row[],
  { size }: Page,
  key: (row: Row) => string,
): { rows: readonly Row[]; end: PageEnd } {
  const { rows: some, nextToken } = cutPage(rows, size, (row) => [key(row)]);
  return {
    rows: some,
    end: nextToken === undefined ? { IsTruncated: false } : { IsTruncated: true, Marker: nextToken },
  };
}

/** A page of a list that is bounded and in memory, such as a resource's tags: the marker is the place in it. */
export function pagedInMemory<Row>(
  all: readonly Row[],
  input: PageInput,
): { rows: readonly Row[]; end: PageEnd } {
  const page = pageOf(input);
  const from = /^\d{1,9}$/.test(page.after) ? Number(page.after) : 0;
  const places = all.slice(from).map((row, index) => ({ row, place: String(from + index + 1) }));
  const { rows, end } = paged(places, page, ({ place }) => place);
  return { rows: rows.map(({ row }) => row), end };
}

type Tag = { Key: string; Value: string };

/** Tags of an input, as `access/` has them. */
export function tagsIn({ Tags = [] }: { Tags?: readonly Tag[] | undefined }): readonly IdentityTag[] {
  return Tags.map(({ Key, Value }) => ({ key: Key, value: Value }));
}

/** Tags as IAM answers them. */
export function tagList(tags: readonly IdentityTag[]): Tag[] {
  return tags.map(({ key, value }) => ({ Key: key, Value: value }));
}

/**
 * The condition keys that an input brings: `aws:RequestTag/KEY` and `aws:TagKeys` for tags that it gives, `aws:TagKeys`
 * for those that it takes away, and `iam:PermissionsBoundary` (service authorization reference, IAM).
 */
export function requestKeys(input: {
  Tags?: readonly Tag[] | undefined;
  TagKeys?: readonly string[] | undefined;
  PermissionsBoundary?: string | undefined;
}): NonNullable<Resource["keys"]> {
  const { Tags = [], PermissionsBoundary } = input;
  const tagKeys = input.TagKeys ?? Tags.map(({ Key }) => Key);
  const keys = new Map<string, readonly string[]>();
  for (const { Key, Value } of Tags) keys.set(`aws:requesttag/${Key.toLowerCase()}`, [Value]);
  if (tagKeys.length > 0) keys.set("aws:tagkeys", tagKeys);
  if (PermissionsBoundary !== undefined) keys.set("iam:permissionsboundary", [PermissionsBoundary]);
  return keys;
}

/** The user, group or role of the caller's account that an input names, whether it is there or not. */
export async function identityResource(call: Call, kind: IdentityKind, name: string): Promise<Resource> {
  const { accountId } = call;
  return { arn: await arnOfNamed(call.db.read, { accountId, kind, name }), accountId };
}

/**
 * What a list of users, groups or roles is asked about. IAM's own reference says `*`, and its refusals name the path
 * from which the list is, such as `arn:aws:iam::111122223333:user/`.
 */
export function listResource({ accountId }: Call, kind: IdentityKind | "mfa", pathPrefix = "/"): Resource {
  return { arn: `arn:aws:iam::${accountId}:${kind}${pathPrefix}`, accountId };
}
