/** Operations on accounts. */
import {
  type Account,
  listAccounts as accountsAfter,
  findAccount,
  getAccount,
  suspendAccount,
} from "../../../access/accounts/accounts.ts";
import { createAccount as openAccount } from "../../../access/accounts/new-accounts.ts";
import { findOrganization, type Organization } from "../../../access/accounts/organizations.ts";
import { fault } from "../../../lib/faults.ts";
import type { Call } from "../../call.ts";
import type { OrganizationsOperations } from "../contract/kept-operations.ts";
import { tagsIn } from "../iam/rows.ts";
import { arnOfId, paged, pageOf } from "./about.ts";
import { makeRequestId, readRequestId } from "./request-ids.ts";
import { checkTags } from "./tags.ts";

type In<Name extends keyof OrganizationsOperations> = OrganizationsOperations[Name]["input"];
type Out<Name extends keyof OrganizationsOperations> = Promise<OrganizationsOperations[Name]["output"]>;
type AccountOutput = NonNullable<OrganizationsOperations["DescribeAccount"]["output"]["Account"]>;
type StatusOutput = NonNullable<OrganizationsOperations["CreateAccount"]["output"]["CreateAccountStatus"]>;

/** Organizations API, CreateAccount, RoleName. */
const defaultRoleName = "OrganizationAccountAccessRole";

/**
 * Organizations API, CreateAccount. AWS takes minutes and answers IN_PROGRESS; here the first answer is the last, and
 * DescribeCreateAccountStatus repeats it. A tag `lading:account-id` chooses the account's id.
 */
export async function createAccount(call: Call, input: In<"CreateAccount">): Out<"CreateAccount"> {
  const { Email, AccountName, RoleName = defaultRoleName, Tags = [] } = input;
  checkTags(Tags);
  const made = await call.db.write((tx) =>
    openAccount(tx, call, {
      name: AccountName,
      email: Email,
      roleName: RoleName,
      tags: tagsIn({ Tags }),
    }),
  );
  if (typeof made !== "string") return { CreateAccountStatus: succeeded(call, made) };
  const failure = { reason: made, at: call.clock.now() };
  return { CreateAccountStatus: { ...failed(call, failure), AccountName } };
}

export async function describeCreateAccountStatus(
  call: Call,
  { CreateAccountRequestId: id }: In<"DescribeCreateAccountStatus">,
): Out<"DescribeCreateAccountStatus"> {
  const outcome = readRequestId(call.secrets, id);
  if (outcome && "reason" in outcome) return { CreateAccountStatus: failed(call, outcome) };
  const account = outcome && (await findAccount(call.db.read, outcome.accountId));
  if (!account) throw fault("CreateAccountStatusNotFound", { id });
  return { CreateAccountStatus: succeeded(call, account) };
}

function succeeded({ secrets }: Call, account: Account): StatusOutput {
  const at = new Date(account.created_at);
  return {
    Id: makeRequestId(secrets, { accountId: account.id }),
    AccountName: account.name,
    State: "SUCCEEDED",
    RequestedTimestamp: at,
    CompletedTimestamp: at,
    AccountId: account.id,
  };
}

function failed({ secrets }: Call, failure: { reason: "EMAIL_ALREADY_EXISTS"; at: number }): StatusOutput {
  const at = new Date(failure.at);
  return {
    Id: makeRequestId(secrets, failure),
    State: "FAILED",
    RequestedTimestamp: at,
    CompletedTimestamp: at,
    FailureReason: failure.reason,
  };
}

export async function describeAccount(
  call: Call,
  { AccountId }: In<"DescribeAccount">,
): Out<"DescribeAccount"> {
  const account = await getAccount(call.db.read, AccountId);
  return { Account: accountOutput(await findOrganization(call.db.read), account) };
}

export async function listAccounts(call: Call, input: In<"ListAccounts">): Out<"ListAccounts"> {
  const page = pageOf(input);
  const { rows, end } = paged(await accountsAfter(call.db.read, page), page, ({ id }) => id);
  const organization = await findOrganization(call.db.read);
  return { Accounts: rows.map((account) => accountOutput(organization, account)), ...end };
}

/** Organizations API, CloseAccount. Nobody can sign for it from now on; what it has stays. */
export async function closeAccount(call: Call, { AccountId }: In<"CloseAccount">): Out<"CloseAccount"> {
  await call.db.write(async (tx) => {
    const account = await getAccount(tx, AccountId);
    const { managementAccountId } = await findOrganization(tx);
    if (account.id === managementAccountId) {
      throw fault(
        "ConstraintViolation",
        { reason: "You cannot close the management account of an organization." },
        { Reason: "CANNOT_CLOSE_MANAGEMENT_ACCOUNT" },
      );
    }
    if (account.status !== "ACTIVE") throw fault("AccountAlreadyClosed", { accountId: account.id });
    await suspendAccount(tx, account.id);
  });
  return {};
}

/** Organizations API, RemoveAccountFromOrganization. An installation has one organization, so an account has nowhere to go. */
export async function removeAccountFromOrganization(
  call: Call,
  { AccountId }: In<"RemoveAccountFromOrganization">,
): Out<"RemoveAccountFromOrganization"> {
  const { id: accountId } = await getAccount(call.db.read, AccountId);
  const { managementAccountId } = await findOrganization(call.db.read);
  if (accountId === managementAccountId) throw fault("ManagementAccountCannotLeave", { accountId });
  throw fault(
    "ConstraintViolation",
    {
      reason: `The account '${accountId}' cannot leave the organization, which all accounts of this registry are in. CloseAccount closes it; in Terraform say close_on_deletion = true.`,
    },
    { Reason: "ACCOUNT_CANNOT_LEAVE_ORGANIZATION" },
  );
}

export function accountOutput(organization: Organization, account: Account): AccountOutput {
  const { id, name, email, created_at } = account;
  const status = account.status === "ACTIVE" ? "ACTIVE" : "SUSPENDED";
  return {
    Id: id,
    Arn: arnOfId(organization, id),
    ...(email !== null && { Email: email }),
    Name: name,
    Status: status,
    State: status,
    Paths: [`${organization.id}/${organization.rootId}/${id}/`],
    JoinedMethod: id === organization.managementAccountId ? "INVITED" : "CREATED",
    JoinedTimestamp: new Date(created_at),
  };
}
