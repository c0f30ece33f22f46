/** ECR's operations on the policy of the caller's registry. */
import { accountSetting } from "../../../registry/account-settings.ts";
import * as policies from "../../../registry/registry-policies.ts";
import type { Call } from "../../call.ts";
import type { EcrOperations } from "../contract/ecr-operations.ts";
import { checkedPrincipalIds } from "./policy-texts.ts";

type In<Name extends keyof EcrOperations> = EcrOperations[Name]["input"];
type Out<Name extends keyof EcrOperations> = Promise<EcrOperations[Name]["output"]>;

/** ECR API, PutRegistryPolicy: replaces the whole document. The text comes back as it was written. */
export async function putRegistryPolicy(
  call: Call,
  { policyText }: In<"PutRegistryPolicy">,
): Out<"PutRegistryPolicy"> {
  await call.db.write(async (tx) => {
    // In the transaction, so that the scope cannot change between the check and the row.
    const scope = await accountSetting(tx, call, "REGISTRY_POLICY_SCOPE");
    const principalIds = await checkedPrincipalIds(tx, { kind: "registry", text: policyText, scope });
    await policies.putRegistryPolicy(tx, call, { policyText, principalIds });
  });
  return { registryId: call.accountId, policyText };
}

/** ECR API, GetRegistryPolicy. */
export async function getRegistryPolicy(call: Call): Out<"GetRegistryPolicy"> {
  return { registryId: call.accountId, policyText: await policies.getRegistryPolicy(call.db.read, call) };
}

/** ECR API, DeleteRegistryPolicy: answers the text that was removed. */
export async function deleteRegistryPolicy(call: Call): Out<"DeleteRegistryPolicy"> {
  return call.db.write(async (tx) => {
    const policyText = await policies.getRegistryPolicy(tx, call);
    await policies.deleteRegistryPolicy(tx, call);
    return { registryId: call.accountId, policyText };
  });
}
