/** PutRegistryPolicy, GetRegistryPolicy and DeleteRegistryPolicy: kept as written, per account and region, and in force. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { InvalidParameterException, RegistryPolicyNotFoundException } from "@aws-sdk/client-ecr";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import { client, expectError, invalid } from "../support/aws.ts";
import { registryForFile } from "../support/oci.ts";

const data = await folderWithOtherAccount();
const registry = registryForFile({ data });
const ecr = () => client(registry.server);
const others = () => client(registry.server, { credentials: otherRoot });

afterAll(() => rm(data, { recursive: true, force: true }));
// There is one policy in a registry, so each test leaves none.
afterEach(async () => {
  await ecr()
    .deleteRegistryPolicy({})
    .catch((error: unknown) => expect(error).toBeInstanceOf(RegistryPolicyNotFoundException));
});

const registryId = "000000000000";
const notFound = `Registry policy does not exist in the registry with id '${registryId}'`;

const replicate = {
  Sid: "Replicate",
  Effect: "Allow",
  Principal: { AWS: `arn:aws:iam::${otherRoot.accountId}:root` },
  Action: ["ecr:CreateRepository", "ecr:ReplicateImage"],
  Resource: `arn:aws:ecr:us-east-1:${registryId}:repository/*`,
};

function policy(change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: [{ ...replicate, ...change }] });
}

describe("a registry policy", () => {
  test("comes back byte for byte, from all three operations", async () => {
    const policyText = ` ${JSON.stringify({ Version: "2008-10-17", Statement: [replicate] }, null, 2)}\n`;
    const { $metadata: _, ...put } = await ecr().putRegistryPolicy({ policyText });
    expect(put).toEqual({ registryId, policyText });
    const { $metadata: __, ...got } = await ecr().getRegistryPolicy({});
    expect(got).toEqual({ registryId, policyText });
    const { $metadata: ___, ...deleted } = await ecr().deleteRegistryPolicy({});
    expect(deleted).toEqual({ registryId, policyText });
    for (const ask of [ecr().getRegistryPolicy({}), ecr().deleteRegistryPolicy({})]) {
      await expectError(ask, RegistryPolicyNotFoundException, notFound);
    }
  });

  test("is replaced as a whole", async () => {
    await ecr().putRegistryPolicy({ policyText: policy({ Sid: "first" }) });
    await ecr().putRegistryPolicy({ policyText: policy({ Sid: "second" }) });
    expect((await ecr().getRegistryPolicy({})).policyText).toBe(policy({ Sid: "second" }));
  });

  test("belongs to its account and region alone", async () => {
    await ecr().putRegistryPolicy({ policyText: policy() });
    await expectError(
      client(registry.server, { region: "eu-west-1" }).getRegistryPolicy({}),
      RegistryPolicyNotFoundException,
      notFound,
    );
    await expectError(
      others().getRegistryPolicy({}),
      RegistryPolicyNotFoundException,
      `Registry policy does not exist in the registry with id '${otherRoot.accountId}'`,
    );
  });

  test("lets another account do what it says in every repository that it names, with the next request", async () => {
    const repositoryName = await registry.createRepository();
    const list = () => others().listImages({ registryId, repositoryName });
    await expect(list()).rejects.toHaveProperty("name", "AccessDeniedException");
    await ecr().putRegistryPolicy({ policyText: policy({ Action: "ecr:ListImages" }) });
    expect((await list()).imageIds).toEqual([]);
    await expect(others().describeImages({ registryId, repositoryName })).rejects.toHaveProperty(
      "name",
      "AccessDeniedException",
    );
    await ecr().putRegistryPolicy({
      policyText: policy({
        Action: "ecr:ListImages",
        Resource: `arn:aws:ecr:us-east-1:${registryId}:repository/elsewhere/*`,
      }),
    });
    await expect(list()).rejects.toHaveProperty("name", "AccessDeniedException");
  });

  test("that denies everything is mended by the root, and by nobody else", async () => {
    const deny = policy({ Effect: "Deny", Principal: "*", Action: "ecr:*", Resource: "*" });
    await ecr().putRegistryPolicy({ policyText: deny });
    await expect(ecr().describeRepositories({})).rejects.toHaveProperty("name", "AccessDeniedException");
    await expect(ecr().getAccountSetting({ name: "BLOB_MOUNTING" })).rejects.toHaveProperty(
      "message",
      `User: arn:aws:iam::${registryId}:root is not authorized to perform: ecr:GetAccountSetting on resource: * with an explicit deny in a resource-based policy`,
    );
    expect((await ecr().deleteRegistryPolicy({})).policyText).toBe(deny);
    await ecr().describeRepositories({});
  });
});

describe("a registry policy is refused", () => {
  const problem = (path: string, reason: string) =>
    `Invalid registry policy provided: statement 1 (Statement[0]${path}): ${reason}`;
  const rows: readonly [name: string, policyText: string, reason: string][] = [
    ["that is a list", "[]", "Invalid registry policy provided: the document must be a JSON object"],
    [
      "without a resource",
      policy({ Resource: undefined }),
      problem("", "has neither Resource nor NotResource"),
    ],
    ["for nobody", policy({ Principal: undefined }), problem("", "has neither Principal nor NotPrincipal")],
    [
      "with an action that is none",
      policy({ Action: "ecr:ReplicateImages" }),
      problem(".Action", "'ecr:ReplicateImages' is not an action; did you mean 'ecr:ReplicateImage'?"),
    ],
    [
      "with another service's action",
      policy({ Action: "sts:AssumeRole" }),
      problem(".Action", "'sts:AssumeRole' is not an action on a registry; those begin with 'ecr:'"),
    ],
    [
      "for an account that there is not",
      policy({ Principal: { AWS: "999999999999" } }),
      `Principal not found: "AWS":"999999999999"; accounts, users and roles have to exist in this installation`,
    ],
  ];
  test.each(rows)("%s", async (_, policyText, reason) => {
    await expectError(
      ecr().putRegistryPolicy({ policyText }),
      InvalidParameterException,
      invalid("PolicyText", reason),
    );
    await expectError(ecr().getRegistryPolicy({}), RegistryPolicyNotFoundException, notFound);
  });

  test("without harm to the one that is there", async () => {
    await ecr().putRegistryPolicy({ policyText: policy() });
    await expect(ecr().putRegistryPolicy({ policyText: "{}" })).rejects.toBeInstanceOf(
      InvalidParameterException,
    );
    expect((await ecr().getRegistryPolicy({})).policyText).toBe(policy());
  });
});
