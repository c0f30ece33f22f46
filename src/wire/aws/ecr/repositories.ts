/** ECR's operations on repositories and their settings. */

import { repositoryArn } from "../../../lib/arn.ts";
import { fault } from "../../../lib/faults.ts";
import { limits } from "../../../lib/limits.ts";
import { cutPage, parsePageToken } from "../../../lib/page.ts";
import { checkEmpty } from "../../../registry/delete-image.ts";
import { hasImages } from "../../../registry/images.ts";
import { mutabilityRule } from "../../../registry/mutability.ts";
import {
  createRepository as create,
  getRepository,
  listRepositories,
  type Repository,
  deleteRepository as remove,
  setMutability,
  setScanOnPush,
} from "../../../registry/repositories.ts";
import { putTags } from "../../../registry/repository-tags.ts";
import type { Call } from "../../call.ts";
import type { EcrOperations } from "../contract/ecr-operations.ts";
import { registryIn, repositoryIn } from "../operation.ts";

type In<Name extends keyof EcrOperations> = EcrOperations[Name]["input"];
type Out<Name extends keyof EcrOperations> = Promise<EcrOperations[Name]["output"]>;

/** ECR API, CreateRepository. KMS encryption is refused: content is stored as it comes. */
export async function createRepository(call: Call, input: In<"CreateRepository">): Out<"CreateRepository"> {
  const { encryptionType = "AES256" } = input.encryptionConfiguration ?? {};
  if (encryptionType !== "AES256" || input.encryptionConfiguration?.kmsKey !== undefined) {
    throw fault("InvalidParameter", {
      at: "encryptionConfiguration",
      reason: `Encryption with ${encryptionType} is not offered by this registry; leave encryptionConfiguration out or use AES256 without a key`,
    });
  }
  const mutability = mutabilityRule(input.imageTagMutability, input.imageTagMutabilityExclusionFilters);
  const repository = await call.db.write(async (tx) => {
    const made = await create(tx, call.clock, {
      ...repositoryIn(call, input),
      mutability,
      scanOnPush: input.imageScanningConfiguration?.scanOnPush ?? false,
    });
    await putTags(
      tx,
      made.id,
      (input.tags ?? []).map(({ Key, Value }) => ({ key: Key, value: Value })),
    );
    return made;
  });
  return { repository: describe(call, repository) };
}

/** ECR API, DescribeRepositories: all in the order of their names, or those that are named. */
export async function describeRepositories(
  call: Call,
  input: In<"DescribeRepositories">,
): Out<"DescribeRepositories"> {
  const registry = registryIn(call, input);
  if (input.repositoryNames) {
    if (input.nextToken !== undefined || input.maxResults !== undefined) throw notBoth("repositoryNames");
    const found: Repository[] = [];
    for (const repositoryName of input.repositoryNames) {
      found.push(await getRepository(call.db.read, { ...registry, repositoryName }));
    }
    return { repositories: found.map((repository) => describe(call, repository)) };
  }
  const size = input.maxResults ?? limits.defaultPageSize;
  const [after = ""] = input.nextToken === undefined ? [] : parsePageToken(input.nextToken, 1);
  const rows = await listRepositories(call.db.read, { ...registry, after, limit: size + 1 });
  const page = cutPage(rows, size, ({ repositoryName }) => [repositoryName]);
  return { repositories: page.rows.map((row) => describe(call, row)), nextToken: page.nextToken };
}

/** ECR API, DeleteRepository. */
export async function deleteRepository(call: Call, input: In<"DeleteRepository">): Out<"DeleteRepository"> {
  const repository = await call.db.write(async (tx) => {
    const found = await getRepository(tx, repositoryIn(call, input));
    checkEmpty(found, await hasImages(tx, found.id), input.force ?? false);
    await remove(tx, call.clock, found);
    return found;
  });
  return { repository: describe(call, repository) };
}

/** ECR API, PutImageTagMutability. */
export async function putImageTagMutability(
  call: Call,
  input: In<"PutImageTagMutability">,
): Out<"PutImageTagMutability"> {
  const rule = mutabilityRule(input.imageTagMutability, input.imageTagMutabilityExclusionFilters);
  const repository = await change(call, input, (tx, { id }) => setMutability(tx, id, rule));
  return { ...named(repository), ...mutabilityMembers({ ...repository, mutability: rule }) };
}

/** ECR API, PutImageScanningConfiguration. An absent boolean is false: the Go SDK leaves false out. */
export async function putImageScanningConfiguration(
  call: Call,
  input: In<"PutImageScanningConfiguration">,
): Out<"PutImageScanningConfiguration"> {
  const scanOnPush = input.imageScanningConfiguration.scanOnPush ?? false;
  const repository = await change(call, input, (tx, { id }) => setScanOnPush(tx, id, scanOnPush));
  return { ...named(repository), imageScanningConfiguration: { scanOnPush } };
}

/** ECR API, DescribeRegistry. Replication is not configured as long as it is not offered. */
export async function describeRegistry(call: Call): Out<"DescribeRegistry"> {
  return { registryId: call.accountId, replicationConfiguration: { rules: [] } };
}

/** Finds the repository and changes it, in one transaction. */
async function change(
  call: Call,
  input: { registryId?: string | undefined; repositoryName: string },
  body: (tx: Parameters<typeof setScanOnPush>[0], repository: Repository) => Promise<void>,
): Promise<Repository> {
  return call.db.write(async (tx) => {
    const repository = await getRepository(tx, repositoryIn(call, input));
    await body(tx, repository);
    return repository;
  });
}

function named({ accountId, repositoryName }: Repository): { registryId: string; repositoryName: string } {
  return { registryId: accountId, repositoryName };
}

function mutabilityMembers({ mutability: { mode, filters } }: Repository) {
  return {
    imageTagMutability: mode,
    ...(filters.length > 0 && { imageTagMutabilityExclusionFilters: [...filters] }),
  };
}

function describe(call: Call, repository: Repository) {
  return {
    repositoryArn: repositoryArn(repository),
    ...named(repository),
    repositoryUri: call.addresses.repositoryUri(repository),
    createdAt: new Date(repository.createdAt),
    ...mutabilityMembers(repository),
    imageScanningConfiguration: { scanOnPush: repository.scanOnPush },
    encryptionConfiguration: { encryptionType: "AES256" as const },
  };
}

/** ECR API: explicit names and pages exclude each other. */
function notBoth(member: string) {
  return fault("InvalidParameter", {
    at: member,
    reason: `nextToken and maxResults cannot be used with ${member}`,
  });
}
