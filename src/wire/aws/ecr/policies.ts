/** ECR's operations on the policy of a repository. */

import { compile } from "../../../access/decisions/compiled.ts";
import { policyNames } from "../../../access/decisions/policy-names.ts";
import { uniqueIdsIn } from "../../../access/decisions/resource-policies.ts";
import { type RepositoryAddress, repositoryArn } from "../../../lib/arn.ts";
import { fault } from "../../../lib/faults.ts";
import { getRepository } from "../../../registry/repositories.ts";
import { deletePolicy, getPolicy, setPolicy } from "../../../registry/repository-policies.ts";
import type { Call } from "../../call.ts";
import type { EcrOperations } from "../contract/ecr-operations.ts";
import { repositoryIn } from "../operation.ts";
import { checkedPrincipalIds } from "./policy-texts.ts";

type In<Name extends keyof EcrOperations> = EcrOperations[Name]["input"];
type Out<Name extends keyof EcrOperations> = Promise<EcrOperations[Name]["output"]>;

/** ECR API, SetRepositoryPolicy: replaces the whole document. The text comes back as it was written. */
export async function setRepositoryPolicy(
  call: Call,
  input: In<"SetRepositoryPolicy">,
): Out<"SetRepositoryPolicy"> {
  const { policyText } = input;
  const address = repositoryIn(call, input);
  await getRepository(call.db.read, address);
  const principalIds = await checkedPrincipalIds(call.db.read, { kind: "repository", text: policyText });
  if (!input.force) await checkNotLockedOut(call, address, { policyText, principalIds });
  await call.db.write(async (tx) =>
    setPolicy(tx, (await getRepository(tx, address)).id, { policyText, principalIds }),
  );
  return { registryId: address.accountId, repositoryName: address.repositoryName, policyText };
}

/** ECR API, GetRepositoryPolicy. */
export async function getRepositoryPolicy(
  call: Call,
  input: In<"GetRepositoryPolicy">,
): Out<"GetRepositoryPolicy"> {
  const repository = await getRepository(call.db.read, repositoryIn(call, input));
  const policyText = await getPolicy(call.db.read, repository);
  return { registryId: repository.accountId, repositoryName: repository.repositoryName, policyText };
}

/** ECR API, DeleteRepositoryPolicy: answers the text that was removed. */
export async function deleteRepositoryPolicy(
  call: Call,
  input: In<"DeleteRepositoryPolicy">,
): Out<"DeleteRepositoryPolicy"> {
  return call.db.write(async (tx) => {
    const repository = await getRepository(tx, repositoryIn(call, input));
    const policyText = await getPolicy(tx, repository);
    await deletePolicy(tx, repository.id);
    return { registryId: repository.accountId, repositoryName: repository.repositoryName, policyText };
  });
}

/** ECR API, SetRepositoryPolicy, force. The root of the owner is never locked out. Throws InvalidParameter. */
async function checkNotLockedOut(
  { authority, caller, facts }: Call,
  address: RepositoryAddress,
  { policyText, principalIds }: { policyText: string; principalIds: string | null },
): Promise<void> {
  const resource = repositoryArn(address);
  const { sentence } = await authority.ask({
    caller,
    action: "ecr:SetRepositoryPolicy",
    resource,
    ownerAccountId: address.accountId,
    facts,
    proposed: compile({
      kind: "repository",
      name: policyNames.repository(resource),
      text: policyText,
      uniqueIds: uniqueIdsIn(principalIds),
    }),
  });
  if (sentence === undefined) return;
  throw fault("InvalidParameter", {
    at: "PolicyText",
    reason: `This policy would keep you from setting another one: ${sentence}. With force it is set all the same`,
  });
}
