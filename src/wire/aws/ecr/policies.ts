/** ECR's operations on the policy of a repository. */
import { repositoryPolicyProblem } from "../../../access/policy/document.ts";
import { fault } from "../../../lib/faults.ts";
import { getRepository } from "../../../registry/repositories.ts";
import { deletePolicy, getPolicy, setPolicy } from "../../../registry/repository-policies.ts";
import type { Call } from "../../call.ts";
import type { EcrOperations } from "../contract/ecr-operations.ts";
import { repositoryIn } from "../operation.ts";
import { ecrActions } from "./actions.ts";

type In<Name extends keyof EcrOperations> = EcrOperations[Name]["input"];
type Out<Name extends keyof EcrOperations> = Promise<EcrOperations[Name]["output"]>;

/** ECR API, SetRepositoryPolicy: replaces the whole document. The text comes back as it was written. */
export async function setRepositoryPolicy(
  call: Call,
  input: In<"SetRepositoryPolicy">,
): Out<"SetRepositoryPolicy"> {
  const address = repositoryIn(call, input);
  const problem = repositoryPolicyProblem(input.policyText, ecrActions);
  if (problem !== undefined) {
    await getRepository(call.db.read, address);
    throw fault("InvalidParameter", {
      at: "PolicyText",
      reason: `Invalid repository policy provided: ${problem}`,
    });
  }
  await call.db.write(async (tx) => setPolicy(tx, (await getRepository(tx, address)).id, input.policyText));
  return {
    registryId: address.accountId,
    repositoryName: address.repositoryName,
    policyText: input.policyText,
  };
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
