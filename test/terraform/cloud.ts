/** What is there before Terraform begins, and what has to be there after it. */
import { deepStrictEqual as equal, rejects } from "node:assert/strict";
import { client } from "../support/aws.ts";
import { iam, type Keys } from "../support/iam.ts";
import { makeAccount, organizations } from "../support/organizations.ts";
import type { TestServer } from "../support/server.ts";
import { ecr, policy, sts } from "../support/sts.ts";
import { makeUser } from "../support/users.ts";

export type Cloud = {
  server: TestServer;
  /** Of a user of the management account with all rights: roots cannot take on roles. */
  keys: Keys;
  /** A second account, with keys for it. */
  build: { id: string; keys: Keys };
  /** A role of it that the user can take on with the external id. */
  buildRoleArn: string;
  externalId: string;
};

const userName = "terraform";
const buildRole = "terraform-deploy";
const externalId = "agreed-with-build";
const administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
const buildRegion = "eu-west-2";
const versionsKept = 5;

export async function prepare(server: TestServer): Promise<Cloud> {
  const { keys, arn } = await makeUser(server, { name: userName });
  await iam(server).attachUserPolicy({ UserName: userName, PolicyArn: administrator });
  const build = await makeAccount(server, keys);
  const { Role } = await iam(server, build.keys).createRole({
    RoleName: buildRole,
    AssumeRolePolicyDocument: policy({
      Principal: { AWS: arn },
      Action: "sts:AssumeRole",
      Condition: { StringEquals: { "sts:ExternalId": externalId } },
    }),
  });
  await iam(server, build.keys).attachRolePolicy({ RoleName: buildRole, PolicyArn: administrator });
  return { server, keys, build, buildRoleArn: Role?.Arn ?? "", externalId };
}

type Outputs = {
  sandbox: { id: string; policies: string[]; tags: unknown };
  organization: { id: string; root: string; accounts: string[] };
  logins: { current: string; build: string };
  ci: { id: string; secret: string };
};

/** What Terraform read has to be what it made in the first step or changed in the second, and the keys have to work. */
export async function checkOutputs(
  { server, build }: Cloud,
  step: number,
  outputs: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { sandbox, organization, logins, ci, ...others } = outputs as Outputs;
  const changed = step > 1;
  equal(others, {
    app: {
      arn: `arn:aws:ecr:us-east-1:${server.accountId}:repository/team/app`,
      url: `${server.host}/team/app`,
      tags: changed
        ? { team: "app", stage: "live", "cost:center": "7" }
        : { team: "app", stage: "test", "to/remove": "" },
    },
    build: {
      arn: `arn:aws:ecr:${buildRegion}:${build.id}:repository/build/tools`,
      url: `${server.host}/${build.id}.${buildRegion}/build/tools`,
    },
    build_caller: `arn:aws:sts::${build.id}:assumed-role/${buildRole}/terraform-test`,
    build_role: `arn:aws:iam::${build.id}:role/${buildRole}`,
    caller: `arn:aws:iam::${server.accountId}:user/${userName}`,
    people: changed ? ["ci", "person"] : ["person"],
    repositories: [
      "shared/account-id",
      "shared/every-aws",
      "shared/everybody",
      "shared/role",
      "shared/root",
      "shared/service",
      "shared/several",
      "shared/text-list",
      "shared/text-single",
      "team/app",
    ],
    simulation: { "ecr:BatchGetImage": "allowed", "ecr:DeleteRepository": "implicitDeny" },
    versions: `Step${step}`,
  });
  equal(sandbox.tags, { step: `${step}` });
  equal(sandbox.policies.length, 2);
  equal(organization.accounts, [server.accountId, build.id, sandbox.id].sort());
  for (const login of Object.values(logins)) {
    const answer = await fetch(`${server.url}/v2/`, { headers: { authorization: `Basic ${login}` } });
    equal(answer.status, 200);
  }
  const asCi = sts(server, { accessKeyId: ci.id, secretAccessKey: ci.secret }).getCallerIdentity({});
  if (changed) await rejects(asCi, { name: "InvalidClientTokenId" });
  else equal((await asCi).Arn, `arn:aws:iam::${server.accountId}:user/machines/ci`);
}

/** A policy keeps its newest versions. */
export async function checkVersions({ server }: Cloud, newest: number): Promise<void> {
  const PolicyArn = `arn:aws:iam::${server.accountId}:policy/delivery/versions`;
  const { Versions = [] } = await iam(server).listPolicyVersions({ PolicyArn });
  const expected = Array.from({ length: versionsKept }, (_, index) => `v${newest - index}`);
  equal(
    Versions.map(({ VersionId }) => VersionId),
    expected,
  );
}

/** Nothing that Terraform made may be left, except for the account, which is closed. */
export async function checkDestroyed({ server, build }: Cloud): Promise<void> {
  const root = iam(server);
  equal(
    (await root.listUsers({})).Users?.map(({ UserName }) => UserName),
    [userName],
  );
  equal((await root.listGroups({})).Groups, []);
  equal((await root.listRoles({})).Roles, []);
  equal((await root.listPolicies({ Scope: "Local" })).Policies, []);
  equal((await root.listOpenIDConnectProviders({})).OpenIDConnectProviderList, []);
  equal((await root.listAccountAliases({})).AccountAliases, []);
  equal((await client(server).describeRepositories({})).repositories, []);
  equal((await ecr(server, build.keys, buildRegion).describeRepositories({})).repositories, []);
  await rejects(client(server).getRegistryPolicy({}), { name: "RegistryPolicyNotFoundException" });

  const { Policies } = await organizations(server).listPolicies({ Filter: "SERVICE_CONTROL_POLICY" });
  equal(
    Policies?.map(({ Id }) => Id),
    ["p-FullAWSAccess"],
  );
  const { Accounts } = await organizations(server).listAccounts({});
  equal(Accounts?.map(({ Name, Status }) => `${Name} ${Status}`).sort(), [
    "account-1 ACTIVE",
    "default ACTIVE",
    "sandbox SUSPENDED",
  ]);
}
