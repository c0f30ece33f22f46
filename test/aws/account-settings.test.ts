/** PutAccountSetting and GetAccountSetting: what can be set has an effect, and what would have none is refused. */
import { describe, expect, test } from "bun:test";
import { InvalidParameterException } from "@aws-sdk/client-ecr";
import { client, expectError, invalid } from "../support/aws.ts";
import { registryForFile, withQuery } from "../support/oci.ts";

const registry = registryForFile();
const inRegion = (region: string) => client(registry.server, { region });
const valueIn = async (region: string, name: string) =>
  (await inRegion(region).getAccountSetting({ name })).value;

const settings: readonly [name: string, initial: string, other: string][] = [
  ["REGISTRY_POLICY_SCOPE", "V2", "V1"],
  ["BLOB_MOUNTING", "ENABLED", "DISABLED"],
];

describe.each(settings)("%s", (name, initial, other) => {
  test("has a value before it is set, can be set, and belongs to its region", async () => {
    const region = "eu-central-1";
    expect(await valueIn(region, name)).toBe(initial);
    for (const value of [other, initial, other]) {
      const { $metadata: _, ...put } = await inRegion(region).putAccountSetting({ name, value });
      expect(put).toEqual({ name, value });
      const { $metadata: __, ...got } = await inRegion(region).getAccountSetting({ name });
      expect(got).toEqual({ name, value });
    }
    expect(await valueIn("eu-central-2", name)).toBe(initial);
  });

  test("has no other values", async () => {
    const values = [initial, other];
    for (const value of ["", "V3", other.toLowerCase()]) {
      const error: unknown = await inRegion("eu-west-1")
        .putAccountSetting({ name, value })
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidParameterException);
      for (const known of values) expect(String(error)).toContain(known);
    }
    expect(await valueIn("eu-west-1", name)).toBe(initial);
  });
});

test("a setting that is none is refused, and so is the scan type, which would have no effect", async () => {
  const rows = [
    ["SOMETHING", "'SOMETHING' is not an account setting; settings are REGISTRY_POLICY_SCOPE, BLOB_MOUNTING"],
    [
      "BASIC_SCAN_TYPE_VERSION",
      "BASIC_SCAN_TYPE_VERSION would have no effect: this registry does not scan images",
    ],
  ] as const;
  for (const [name, reason] of rows) {
    for (const ask of [
      () => client(registry.server).getAccountSetting({ name }),
      () => client(registry.server).putAccountSetting({ name, value: "AWS_NATIVE" }),
    ]) {
      await expectError(ask(), InvalidParameterException, invalid("name", reason));
    }
  }
});

describe("the scope of the registry policy", () => {
  const statement = (Action: string) => ({ Effect: "Deny", Principal: "*", Action, Resource: "*" });
  const policyText = (...actions: readonly string[]) => JSON.stringify({ Statement: actions.map(statement) });

  test("V1 takes three actions in it, and a policy with others has to go first", async () => {
    const ecr = inRegion("ap-south-1");
    const v1 = { name: "REGISTRY_POLICY_SCOPE", value: "V1" };
    await ecr.putRegistryPolicy({ policyText: policyText("ecr:CreateRepository", "ecr:ListImages") });
    await expectError(
      ecr.putAccountSetting(v1),
      InvalidParameterException,
      invalid(
        "value",
        "The registry policy does not fit scope V1: statement 2 (Statement[1].Action): 'ecr:ListImages' cannot stand in a registry policy of scope V1; it may name ecr:ReplicateImage, ecr:BatchImportUpstreamImage, ecr:CreateRepository. Change or delete the policy first",
      ),
    );
    expect(await valueIn("ap-south-1", "REGISTRY_POLICY_SCOPE")).toBe("V2");

    await ecr.putRegistryPolicy({ policyText: policyText("ecr:CreateRepository") });
    await ecr.putAccountSetting(v1);
    await expectError(
      ecr.putRegistryPolicy({ policyText: policyText("ecr:*") }),
      InvalidParameterException,
      invalid(
        "PolicyText",
        "Invalid registry policy provided: statement 1 (Statement[0].Action): 'ecr:*' cannot stand in a registry policy of scope V1; it may name ecr:ReplicateImage, ecr:BatchImportUpstreamImage, ecr:CreateRepository",
      ),
    );
    await expect(ecr.createRepository({ repositoryName: "denied" })).rejects.toHaveProperty(
      "name",
      "AccessDeniedException",
    );
    await ecr.putAccountSetting({ ...v1, value: "V2" });
    await ecr.putRegistryPolicy({ policyText: policyText("ecr:ListImages") });
    await ecr.createRepository({ repositoryName: "allowed" });
  });
});

describe("mounting of blobs", () => {
  test("that is disabled makes a mount an upload, until it is enabled again", async () => {
    const [source, target] = [await registry.createRepository(), await registry.createRepository()];
    const { digest } = await registry.pushBlob(source);
    const set = (value: string) =>
      client(registry.server).putAccountSetting({ name: "BLOB_MOUNTING", value });
    const mount = async (query: Record<string, string>) => {
      const path = withQuery(`/v2/${target}/blobs/uploads/`, query);
      return (await registry.request("POST", path)).status;
    };
    await set("DISABLED");
    expect(await mount({ mount: digest, from: source })).toBe(202);
    expect(await mount({ mount: digest })).toBe(202);
    expect(await registry.has(target, "blobs", digest)).toBe(false);
    await set("ENABLED");
    expect(await mount({ mount: digest, from: source })).toBe(201);
    await set("DISABLED");
    // What is mounted stays.
    expect(await registry.has(target, "blobs", digest)).toBe(true);
    await set("ENABLED");
  });
});

test("a policy can ask for the name of the setting", async () => {
  const ecr = inRegion("sa-east-1");
  const condition = { StringEquals: { "ecr:AccountSetting": "BLOB_MOUNTING" } };
  const statement = {
    Effect: "Deny",
    Principal: "*",
    Action: "ecr:PutAccountSetting",
    Resource: "*",
    Condition: condition,
  };
  await ecr.putRegistryPolicy({ policyText: JSON.stringify({ Statement: [statement] }) });
  await expect(ecr.putAccountSetting({ name: "BLOB_MOUNTING", value: "ENABLED" })).rejects.toHaveProperty(
    "message",
    "User: arn:aws:iam::000000000000:root is not authorized to perform: ecr:PutAccountSetting on resource: * with an explicit deny in a resource-based policy",
  );
  await ecr.putAccountSetting({ name: "REGISTRY_POLICY_SCOPE", value: "V2" });
});
