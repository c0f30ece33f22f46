/**
 * The actions of the services whose every action is known here; a name of theirs that is none of these is a slip. Of
 * other services policies may name what they like, since they were often written for AWS as well.
 */
import {
  type Contract,
  cloudtrailContract,
  iamContract,
  ladingContract,
  organizationsContract,
  stsContract,
} from "./contract/contract.ts";
import moreActions from "./contract/more-actions.json";
import { ecrActions } from "./ecr/actions.ts";

/**
 * A contract keeps the operations that are offered here. A policy may name the others too, since it may come from an AWS
 * account: the operations of the SDK, and permissions that are no operation (service authorization reference).
 */
const services: readonly { prefix: string; contract: Contract; more: readonly string[] }[] = [
  { prefix: "iam", contract: iamContract, more: moreActions.iam },
  { prefix: "sts", contract: stsContract, more: moreActions.sts },
  { prefix: "organizations", contract: organizationsContract, more: moreActions.organizations },
  { prefix: "cloudtrail", contract: cloudtrailContract, more: moreActions.cloudtrail },
  { prefix: "lading", contract: ladingContract, more: [] },
];

export const knownActions: readonly string[] = [
  ...ecrActions,
  ...services.flatMap(({ prefix, contract, more }) =>
    [...Object.keys(contract.operations), ...more].map((name) => `${prefix}:${name}`),
  ),
];
