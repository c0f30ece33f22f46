/** ECR's operations on the resource tags of repositories. */
import { parseRepositoryArn, type RepositoryAddress } from "../../../lib/arn.ts";
import { fault } from "../../../lib/faults.ts";
import { isRepositoryName } from "../../../registry/names.ts";
import { getRepository } from "../../../registry/repositories.ts";
import { listTags, putTags, removeTags } from "../../../registry/repository-tags.ts";
import type { Call } from "../../call.ts";
import type { EcrOperations } from "../contract/ecr-operations.ts";

type In<Name extends keyof EcrOperations> = EcrOperations[Name]["input"];
type Out<Name extends keyof EcrOperations> = Promise<EcrOperations[Name]["output"]>;

/** The repository that `resourceArn` names. Throws InvalidParameter; only repositories have tags. */
export function taggedRepository(call: Call, { resourceArn }: { resourceArn: string }): RepositoryAddress {
  const address = parseRepositoryArn(resourceArn);
  if (!address || !isRepositoryName(address.repositoryName) || address.region !== call.region) {
    throw fault("InvalidParameter", { at: "resourceArn", reason: "Invalid ARN" });
  }
  return address;
}

/** ECR API, TagResource. */
export async function tagResource(call: Call, input: In<"TagResource">): Out<"TagResource"> {
  const tags = input.tags.map(({ Key, Value }) => ({ key: Key, value: Value }));
  await call.db.write(async (tx) =>
    putTags(tx, (await getRepository(tx, taggedRepository(call, input))).id, tags),
  );
  return {};
}

/** ECR API, UntagResource. */
export async function untagResource(call: Call, input: In<"UntagResource">): Out<"UntagResource"> {
  await call.db.write(async (tx) =>
    removeTags(tx, (await getRepository(tx, taggedRepository(call, input))).id, input.tagKeys),
  );
  return {};
}

/** ECR API, ListTagsForResource. */
export async function listTagsForResource(
  call: Call,
  input: In<"ListTagsForResource">,
): Out<"ListTagsForResource"> {
  const repository = await getRepository(call.db.read, taggedRepository(call, input));
  const tags = await listTags(call.db.read, repository.id);
  return { tags: tags.map(({ key, value }) => ({ Key: key, Value: value })) };
}
