/** The row of an AWS operation. */
import type { Action } from "../../access/decisions/authority.ts";
import { type RepositoryAddress, repositoryArn } from "../../lib/arn.ts";
import type { Call } from "../call.ts";
import type { Resource } from "../permission.ts";

export type Operation<Input, Output> = {
  /** IAM actions that the caller needs on each of the resources. */
  actions: (input: Input, call: Call) => readonly Action[];
  resources: (call: Call, input: Input) => readonly Resource[] | Promise<readonly Resource[]>;
  run: (call: Call, input: Input) => Promise<Output>;
};

/** An operation that exists at AWS and is not built here: a signed caller is told so. */
export const notOffered = "not offered";

export type Row<Input, Output> = Operation<Input, Output> | typeof notOffered;

type Member = "input" | "output";

/** Rows of what is offered of a service. */
export type Offered<Operations extends Record<keyof Operations, Record<Member, unknown>>> = {
  readonly [Name in keyof Operations]?: Row<Operations[Name]["input"], Operations[Name]["output"]>;
};

/** The repository that an input names; without `registryId` in the caller's own account (ECR API). */
export function repositoryIn(
  call: Call,
  input: { registryId?: string | undefined; repositoryName: string },
): RepositoryAddress {
  return { ...registryIn(call, input), repositoryName: input.repositoryName };
}

export function registryIn(
  call: Call,
  input: { registryId?: string | undefined },
): { accountId: string; region: string } {
  return { accountId: input.registryId ?? call.accountId, region: call.region };
}

export function repositoryResource(address: RepositoryAddress): Resource {
  return { arn: repositoryArn(address), accountId: address.accountId };
}

/** For actions that have no resource in IAM. */
export function anyResource(call: Call): readonly Resource[] {
  return [{ arn: "*", accountId: call.accountId }];
}
