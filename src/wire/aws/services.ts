/** The services behind the AWS door: for each its contract and its rows. */
import type { Fault } from "../../lib/faults.ts";
import { cloudtrailFault, cloudtrailOperations } from "./cloudtrail.ts";
import {
  type Contract,
  cloudtrailContract,
  ecrContract,
  iamContract,
  ladingContract,
  organizationsContract,
  stsContract,
} from "./contract/contract.ts";
import { ecrOperations } from "./ecr/index.ts";
import { iamOperations } from "./iam/index.ts";
import { ladingOperations } from "./lading/index.ts";
import { notOffered, type Operation } from "./operation.ts";
import { organizationsFault, organizationsOperations } from "./organizations/index.ts";
import { stsOperations } from "./sts/index.ts";

const tables: readonly { contract: Contract; rows: object; faultOf?: Service["faultOf"] }[] = [
  { contract: ecrContract, rows: ecrOperations },
  { contract: iamContract, rows: iamOperations },
  { contract: stsContract, rows: stsOperations },
  { contract: organizationsContract, rows: organizationsOperations, faultOf: organizationsFault },
  { contract: cloudtrailContract, rows: cloudtrailOperations, faultOf: cloudtrailFault },
  { contract: ladingContract, rows: ladingOperations },
];

export type Service = {
  contract: Contract;
  /** The fault as this service has it, where it has a name of its own for something that all have. */
  faultOf: (problem: Fault) => Fault;
  /** Every operation of the contract by name. One without a row of its own is not offered. */
  row: (name: string) => Operation<unknown, unknown> | typeof notOffered | undefined;
};

export const services: readonly Service[] = tables.map(({ contract, rows, faultOf }) => ({
  contract,
  faultOf: faultOf ?? ((problem) => problem),
  row: (name) => {
    if (!Object.hasOwn(contract.operations, name)) return undefined;
    // A row and its contract have one name, so the decoded input is what the row takes.
    return Object.hasOwn(rows, name)
      ? (rows as Record<string, Operation<unknown, unknown>>)[name]
      : notOffered;
  },
}));

/** The service that `X-Amz-Target: PREFIX.Operation` names. The JavaScript SDK sends the last part of a long prefix only. */
export function serviceByTarget(prefix: string): Service | undefined {
  return services.find(({ contract: { service } }) => {
    if (service.protocol !== "json") return false;
    const { targetPrefix } = service;
    return prefix === targetPrefix || prefix === targetPrefix.slice(targetPrefix.lastIndexOf(".") + 1);
  });
}

/** The service of the Query protocol that a signature names. */
export function queryService(signingName: string): Service | undefined {
  return services.find(
    ({ contract: { service } }) => service.protocol === "query" && service.signingName === signingName,
  );
}

/** The service of the Query protocol that has an operation of this name; their names differ. */
export function queryServiceWith(operation: string): Service | undefined {
  return services.find(
    ({ contract: { service }, row }) => service.protocol === "query" && row(operation) !== undefined,
  );
}
