/** IAM's operations on access keys. */

import {
  type AccessKey,
  deleteKey,
  findKey,
  generateKey,
  insertKey,
  type KeyOwner,
  keysOf,
  setKeyStatus,
} from "../../../access/credentials/keys.ts";
import { arnOf, findIdentityById } from "../../../access/identities/identities.ts";
import { rootArn } from "../../../lib/arn.ts";
import { fault } from "../../../lib/faults.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import { anyResource, type Offered } from "../operation.ts";
import { pagedInMemory } from "./rows.ts";
import { keyOwner, subjectResource } from "./subjects.ts";

type In<Name extends keyof IamOperations> = IamOperations[Name]["input"];
type Out<Name extends keyof IamOperations> = Promise<IamOperations[Name]["output"]>;

/** A key without its secret. The root has no user name. */
function keyItem({ id, status, created_at }: AccessKey, { user }: KeyOwner) {
  return {
    UserName: user?.name,
    AccessKeyId: id,
    Status: status === "Active" ? ("Active" as const) : ("Inactive" as const),
    CreateDate: new Date(created_at),
  };
}

/** IAM API, CreateAccessKey: the only time that the secret is shown. */
async function create(call: Call, input: In<"CreateAccessKey">): Out<"CreateAccessKey"> {
  const { db, secrets, clock, ids } = call;
  const key = generateKey(ids);
  return db.write(async (tx) => {
    const owner = await keyOwner(tx, call, input);
    const row = await insertKey(tx, { secrets, clock, owner, key });
    return { AccessKey: { ...keyItem(row, owner), SecretAccessKey: key.secretAccessKey } };
  });
}

/** IAM API, ListAccessKeys. */
async function list(call: Call, input: In<"ListAccessKeys">): Out<"ListAccessKeys"> {
  const owner = await keyOwner(call.db.read, call, input);
  const { rows, end } = pagedInMemory(await keysOf(call.db.read, owner), input);
  return { AccessKeyMetadata: rows.map((row) => keyItem(row, owner)), ...end };
}

/** IAM API, UpdateAccessKey. A key expires by no request, so the status that says so is refused. */
async function update(call: Call, input: In<"UpdateAccessKey">): Out<"UpdateAccessKey"> {
  const { AccessKeyId: id, Status: status } = input;
  if (status === "Expired") {
    throw fault("InvalidInput", {
      reason: "A key's status can be set to Active or Inactive, not to Expired",
    });
  }
  await call.db.write(async (tx) => setKeyStatus(tx, await keyOwner(tx, call, input), { id, status }));
  return {};
}

/** The user or root of the key, if it is one of the caller's account. */
async function ownerOf(call: Call, { AccessKeyId }: { AccessKeyId: string }) {
  const { db, accountId } = call;
  const key = await findKey(db.read, AccessKeyId);
  if (key?.account_id !== accountId) return undefined;
  const user = key.identity_id === null ? undefined : await findIdentityById(db.read, key.identity_id);
  return { key, user };
}

/** Whoever has the key: its user. */
async function lastUsedResources(
  call: Call,
  input: In<"GetAccessKeyLastUsed">,
): Promise<readonly Resource[]> {
  const { accountId } = call;
  const owner = await ownerOf(call, input);
  if (!owner) return anyResource(call);
  return [{ arn: owner.user ? arnOf(owner.user) : rootArn(accountId), accountId }];
}

/** IAM API, GetAccessKeyLastUsed. What is noted and not written yet counts, too. */
async function lastUsed(call: Call, input: In<"GetAccessKeyLastUsed">): Out<"GetAccessKeyLastUsed"> {
  const owner = await ownerOf(call, input);
  if (!owner) {
    throw fault("EntityNotFound", { reason: `The Access Key with id ${input.AccessKeyId} cannot be found.` });
  }
  const { key, user } = owner;
  const noted = call.keyUses.lastUse(key.id);
  const at = noted?.at ?? key.last_used_at;
  return {
    UserName: user?.name,
    AccessKeyLastUsed: {
      LastUsedDate: at === null ? undefined : new Date(at),
      ServiceName: noted?.service ?? key.last_used_service ?? "N/A",
      Region: noted?.region ?? key.last_used_region ?? "N/A",
    },
  };
}

export const keyOperations: Offered<IamOperations> = {
  CreateAccessKey: { actions: () => ["iam:CreateAccessKey"], resources: subjectResource, run: create },
  DeleteAccessKey: {
    actions: () => ["iam:DeleteAccessKey"],
    resources: subjectResource,
    run: async (call, input) => {
      await call.db.write(async (tx) => deleteKey(tx, await keyOwner(tx, call, input), input.AccessKeyId));
      return {};
    },
  },
  GetAccessKeyLastUsed: {
    actions: () => ["iam:GetAccessKeyLastUsed"],
    resources: lastUsedResources,
    run: lastUsed,
  },
  ListAccessKeys: { actions: () => ["iam:ListAccessKeys"], resources: subjectResource, run: list },
  UpdateAccessKey: { actions: () => ["iam:UpdateAccessKey"], resources: subjectResource, run: update },
};
