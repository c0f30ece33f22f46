/** New accounts of the organization, with the role by which its management account gets in. */
import { rootArn } from "../../lib/arn.ts";
import type { Clock } from "../../lib/clock.ts";
import { fault } from "../../lib/faults.ts";
import type { Ids } from "../../lib/ids.ts";
import { echo } from "../../lib/text.ts";
import type { Tx } from "../../store/database.ts";
import { attachPolicy } from "../identities/attachments.ts";
import { type IdentityTag, putTags } from "../identities/identity-tags.ts";
import { checkPolicy } from "../identities/policy-text.ts";
import { createRole } from "../identities/roles.ts";
import { type Account, accountExists, findAccountByEmail, insertAccount } from "./accounts.ts";
import { findOrganization } from "./organizations.ts";

/** A tag with this key chooses the new account's id; without it the id is random. */
const accountIdTag = "lading:account-id";

const administratorAccess = "arn:aws:iam::aws:policy/AdministratorAccess";

type NewAccount = {
  name: string;
  email: string;
  /** Of the role that the management account may take on, with all rights. */
  roleName: string;
  tags: readonly IdentityTag[];
};

/**
 * The account with its role, or why there is none, in a word of Organizations (API, CreateAccountStatus, FailureReason).
 * A tag `lading:account-id` with 12 digits chooses the id, for who moves accounts from elsewhere: throws InvalidInput when
 * its value is none, or is taken.
 */
export async function createAccount(
  tx: Tx,
  context: { ids: Ids; clock: Clock },
  { name, email, roleName, tags }: NewAccount,
): Promise<Account | "EMAIL_ALREADY_EXISTS"> {
  const id = await idOf(tx, context.ids, tags);
  if (await findAccountByEmail(tx, email)) return "EMAIL_ALREADY_EXISTS";
  const account = await insertAccount(tx, context.clock, { id, name, email });
  await putTags(tx, id, tags);
  const { managementAccountId } = await findOrganization(tx);
  const role = await createRole(tx, context, {
    accountId: id,
    name: roleName,
    path: "/",
    trust: trustIn(managementAccountId),
    description: undefined,
    maxSessionSeconds: undefined,
    boundaryArn: undefined,
    tags: [],
  });
  await attachPolicy(tx, role, administratorAccess);
  return account;
}

async function idOf(tx: Tx, ids: Ids, tags: readonly IdentityTag[]): Promise<string> {
  const wanted = tags.find(({ key }) => key === accountIdTag)?.value;
  if (wanted === undefined) return freeId(tx, ids);
  if (!/^\d{12}$/.test(wanted)) {
    refuse(`The tag '${accountIdTag}' has the value '${echo(wanted)}'; an account's id has 12 digits`);
  }
  if (await accountExists(tx, wanted)) {
    refuse(`The tag '${accountIdTag}' asks for the id '${wanted}', which an account has already`);
  }
  return wanted;
}

function refuse(reason: string): never {
  throw fault("InvalidInput", { reason }, { Reason: "INVALID_LIST_MEMBER" });
}

async function freeId(tx: Tx, ids: Ids): Promise<string> {
  for (;;) {
    // Without a zero in front, which too many tools take for a number's and leave out.
    const id = Array.from(ids.bytes(12), (byte, at) => (at === 0 ? 1 + (byte % 9) : byte % 10)).join("");
    if (!(await accountExists(tx, id))) return id;
  }
}

function trustIn(accountId: string) {
  const allow = { Effect: "Allow", Principal: { AWS: rootArn(accountId) }, Action: "sts:AssumeRole" };
  const text = JSON.stringify({ Version: "2012-10-17", Statement: [allow] });
  return { text, policy: checkPolicy({ text, kind: "trust", name: "the trust policy", actions: [] }) };
}
