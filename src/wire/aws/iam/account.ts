/** IAM's operations on the account: its alias, its numbers, its password policy. */
import { aliasOf, removeAlias, setAlias } from "../../../access/accounts/accounts.ts";
import { keysOf } from "../../../access/credentials/keys.ts";
import { countIdentities } from "../../../access/identities/identities.ts";
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import type { Queryable } from "../../../store/database.ts";
import type { Call } from "../../call.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import { anyResource, type Offered } from "../operation.ts";
import { pagedInMemory } from "./rows.ts";

type In<Name extends keyof IamOperations> = IamOperations[Name]["input"];
type Out<Name extends keyof IamOperations> = Promise<IamOperations[Name]["output"]>;

/** IAM API, CreateAccountAlias. An alias stands where an account id can stand, so it must not look like one. */
async function createAlias(
  call: Call,
  { AccountAlias }: In<"CreateAccountAlias">,
): Out<"CreateAccountAlias"> {
  if (/^\d{12}$/.test(AccountAlias)) {
    throw fault("ValidationFailed", {
      reason: `The account alias '${AccountAlias}' has the form of an account id; choose one that has not`,
    });
  }
  await call.db.write((tx) => setAlias(tx, call.accountId, AccountAlias));
  return {};
}

/** IAM API, ListAccountAliases. */
async function listAliases(call: Call, input: In<"ListAccountAliases">): Out<"ListAccountAliases"> {
  const alias = await aliasOf(call.db.read, call.accountId);
  const { rows, end } = pagedInMemory(alias === undefined ? [] : [alias], input);
  return { AccountAliases: [...rows], ...end };
}

/** What is counted of managed policies and providers of the account. */
async function policyCounts(db: Queryable, accountId: string) {
  const policies = await db
    .selectFrom("managed_policies")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  const versions = await db
    .selectFrom("managed_policy_versions as v")
    .innerJoin("managed_policies as p", "p.arn", "v.policy_arn")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("p.account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  const providers = await db
    .selectFrom("oidc_providers")
    .select((e) => e.fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return { policies: policies.count, versions: versions.count, providers: providers.count };
}

/** IAM API, GetAccountSummary. What this installation has nothing of is counted 0, and so is its quota. */
async function summary(call: Call): Out<"GetAccountSummary"> {
  const { db, accountId } = call;
  const { policies, versions, providers } = await policyCounts(db.read, accountId);
  const rootKeys = await keysOf(db.read, { accountId, user: undefined });
  return {
    SummaryMap: {
      Users: await countIdentities(db.read, accountId, "user"),
      UsersQuota: limits.usersPerAccount,
      Groups: await countIdentities(db.read, accountId, "group"),
      GroupsQuota: limits.groupsPerAccount,
      Roles: await countIdentities(db.read, accountId, "role"),
      RolesQuota: limits.rolesPerAccount,
      Policies: policies,
      PoliciesQuota: limits.managedPoliciesPerAccount,
      PolicyVersionsInUse: versions,
      PolicyVersionsInUseQuota: limits.managedPoliciesPerAccount * limits.managedPolicyVersions,
      VersionsPerPolicyQuota: limits.managedPolicyVersions,
      PolicySizeQuota: limits.managedPolicyCharacters,
      UserPolicySizeQuota: limits.inlinePolicyCharacters.user,
      GroupPolicySizeQuota: limits.inlinePolicyCharacters.group,
      RolePolicySizeQuota: limits.inlinePolicyCharacters.role,
      AssumeRolePolicySizeQuota: limits.trustPolicyCharacters,
      AttachedPoliciesPerUserQuota: limits.attachedPolicies,
      AttachedPoliciesPerGroupQuota: limits.attachedPolicies,
      AttachedPoliciesPerRoleQuota: limits.attachedPolicies,
      GroupsPerUserQuota: limits.groupsPerUser,
      AccessKeysPerUserQuota: limits.accessKeysPerUser,
      AccountAccessKeysPresent: rootKeys.length > 0 ? 1 : 0,
      AccountPasswordPresent: 0,
      AccountMFAEnabled: 0,
      AccountSigningCertificatesPresent: 0,
      MFADevices: 0,
      MFADevicesInUse: 0,
      Providers: providers,
      InstanceProfiles: 0,
      InstanceProfilesQuota: 0,
      ServerCertificates: 0,
      ServerCertificatesQuota: 0,
      SigningCertificatesPerUserQuota: 0,
      GlobalEndpointTokenVersion: 2,
    },
  };
}

/** IAM API, GetAccountPasswordPolicy: nobody can set one here, and the default policy is none. */
async function passwordPolicy({ accountId }: Call): Out<"GetAccountPasswordPolicy"> {
  throw fault("EntityNotFound", {
    reason: `The Password Policy with domain name ${accountId} cannot be found.`,
  });
}

export const accountOperations: Offered<IamOperations> = {
  CreateAccountAlias: {
    actions: () => ["iam:CreateAccountAlias"],
    resources: anyResource,
    run: createAlias,
  },
  DeleteAccountAlias: {
    actions: () => ["iam:DeleteAccountAlias"],
    resources: anyResource,
    run: async (call, { AccountAlias }) => {
      await call.db.write((tx) => removeAlias(tx, call.accountId, AccountAlias));
      return {};
    },
  },
  GetAccountPasswordPolicy: {
    actions: () => ["iam:GetAccountPasswordPolicy"],
    resources: anyResource,
    run: passwordPolicy,
  },
  GetAccountSummary: { actions: () => ["iam:GetAccountSummary"], resources: anyResource, run: summary },
  ListAccountAliases: { actions: () => ["iam:ListAccountAliases"], resources: anyResource, run: listAliases },
};
