/** Tags of accounts, policies and the root. */
import { findAccount } from "../../../access/accounts/accounts.ts";
import { findOrganization, findPolicy } from "../../../access/accounts/organizations.ts";
import { putTags, removeTags, tagsOf } from "../../../access/identities/identity-tags.ts";
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import { echo } from "../../../lib/text.ts";
import type { Queryable } from "../../../store/database.ts";
import type { Call } from "../../call.ts";
import type { OrganizationsOperations } from "../contract/kept-operations.ts";
import { tagList, tagsIn } from "../iam/rows.ts";

type In<Name extends keyof OrganizationsOperations> = OrganizationsOperations[Name]["input"];
type Out<Name extends keyof OrganizationsOperations> = Promise<OrganizationsOperations[Name]["output"]>;

export async function tagResource(call: Call, { ResourceId, Tags }: In<"TagResource">): Out<"TagResource"> {
  checkTags(Tags);
  await call.db.write(async (tx) => {
    await checkTaggable(tx, ResourceId);
    const there = (await tagsOf(tx, ResourceId)).map(({ key }) => key);
    checkCount([...there, ...Tags.map(({ Key }) => Key)]);
    await putTags(tx, ResourceId, tagsIn({ Tags }));
  });
  return {};
}

export async function untagResource(
  call: Call,
  { ResourceId, TagKeys }: In<"UntagResource">,
): Out<"UntagResource"> {
  await call.db.write(async (tx) => {
    await checkTaggable(tx, ResourceId);
    await removeTags(tx, ResourceId, TagKeys);
  });
  return {};
}

/** All of them at once: a quota bounds them. */
export async function listTagsForResource(
  call: Call,
  { ResourceId }: In<"ListTagsForResource">,
): Out<"ListTagsForResource"> {
  await checkTaggable(call.db.read, ResourceId);
  return { Tags: tagList(await tagsOf(call.db.read, ResourceId)) };
}

/** Throws InvalidInput and ConstraintViolation. Keys are compared without case, as everywhere in this registry. */
export function checkTags(tags: readonly { Key: string }[]): void {
  const keys = tags.map(({ Key }) => Key);
  const reserved = keys.find((key) => /^aws:/i.test(key));
  if (reserved !== undefined) {
    throw fault(
      "InvalidInput",
      { reason: `The tag key '${echo(reserved)}' begins with 'aws:', which is reserved.` },
      { Reason: "INVALID_SYSTEM_TAGS_PARAMETER" },
    );
  }
  if (new Set(keys.map((key) => key.toLowerCase())).size < keys.length) {
    const reason = "Tag keys must be unique; they are compared without case.";
    throw fault("InvalidInput", { reason }, { Reason: "DUPLICATE_TAG_KEY" });
  }
  checkCount(keys);
}

function checkCount(keys: readonly string[]): void {
  if (new Set(keys.map((key) => key.toLowerCase())).size <= limits.resourceTags) return;
  throw fault(
    "ConstraintViolation",
    { reason: `A resource can have at most ${limits.resourceTags} tags.` },
    { Reason: "MAX_TAG_LIMIT_EXCEEDED" },
  );
}

async function checkTaggable(db: Queryable, id: string): Promise<void> {
  const { rootId } = await findOrganization(db);
  if (id === rootId || (await findAccount(db, id))) return;
  const policy = await findPolicy(db, id);
  if (!policy || policy.isAws) throw fault("TargetNotFound", { id });
}
