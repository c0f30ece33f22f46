/** The grammars of names: ECR's for repositories, the OCI specification's for tags. */
import { fault } from "../lib/faults.ts";
import { limits } from "../lib/limits.ts";

/** ECR API, RepositoryName, as its messages print it. */
export const repositoryNamePattern =
  "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*";
const repositoryName = new RegExp(`^${repositoryNamePattern}$`);
const shortestName = 2;
const longestName = 256;

/** OCI distribution 1.1, "Pulling manifests". ECR's API takes longer tags that no client could pull. */
const tagPattern = `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,${limits.tagLength - 1}}`;
const tag = new RegExp(`^${tagPattern}$`);

export function isRepositoryName(name: string): boolean {
  return name.length >= shortestName && name.length <= longestName && repositoryName.test(name);
}

export function isTag(value: string): boolean {
  return tag.test(value);
}

/** Throws TagInvalid. */
export function checkTag(value: string): void {
  if (!isTag(value)) throw fault("TagInvalid", { tag: value, pattern: tagPattern });
}
