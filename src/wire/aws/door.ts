/**
 * The AWS door: `POST /`. The operation's name leads to its row; signature, input, permission and errors are handled
 * here for all of them. Two protocols: awsJson1_1 (`X-Amz-Target`) for ECR, and Query (form and XML) for STS.
 */
import { authorize } from "../../access/authorize.ts";
import { type Fault, fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import { makeTurns } from "../../lib/turns.ts";
import type { Services } from "../../registry/context.ts";
import { type AddressSettings, addressesFor } from "../addresses.ts";
import type { Call, Incoming } from "../call.ts";
import { asFault, awsErrors } from "../errors.ts";
import { type Authenticated, authenticate } from "./authenticate.ts";
import { ecrContract } from "./contract/contract.ts";
import { ecrOperations, largeInputs } from "./ecr/index.ts";
import { notOffered, type Operation } from "./operation.ts";
import { formFields, queryError, queryResult } from "./query.ts";
import { decode, encode } from "./shape.ts";
import { stsOperations } from "./sts.ts";

export type AwsDoor = (incoming: Incoming) => Promise<Response>;

type OperationName = keyof typeof ecrOperations;

const jsonType = "application/x-amz-json-1.1";

export function makeAwsDoor(services: Services, settings: AddressSettings): AwsDoor {
  const largeTurns = makeTurns(limits.awsLargeBodiesAtOnce);

  return async (incoming) => {
    const target = incoming.request.headers.get("x-amz-target");
    const response = target === null ? await serveQuery(incoming) : await serveJson(incoming, target);
    response.headers.set("x-amzn-requestid", incoming.requestId);
    return response;
  };

  async function serveJson(incoming: Incoming, target: string): Promise<Response> {
    try {
      const [prefix, name = ""] = target.split(".", 2);
      // A request with a bad operation is still a request of somebody: the signature comes first.
      const isLarge =
        largeInputs.has(name) && Number(incoming.request.headers.get("content-length")) > limits.awsBodyBytes;
      const work = async () => {
        const bodyLimitBytes = isLarge ? limits.awsLargeBodyBytes : limits.awsBodyBytes;
        const { signingName, targetPrefix } = ecrContract.service;
        const authenticated = await authenticate(services, incoming, {
          service: signingName,
          bodyLimitBytes,
        });
        if (prefix !== targetPrefix || !isOperation(name))
          throw fault("UnknownOperation", { operation: echo(target) });
        const row = ecrOperations[name];
        if (row === notOffered) throw fault("NotOffered", { operation: name });
        const contract = ecrContract.operations[name];
        const call = makeCall(incoming, authenticated);
        // The row and its contract have one name, so the decoded input is what the row takes.
        const operation = row as Operation<unknown, unknown>;
        const input = decode(ecrContract, contract.input, parseJson(authenticated.body));
        const output = await perform(call, operation, input);
        return jsonResponse(200, encode(ecrContract, contract.output, output));
      };
      return await (isLarge ? largeTurns(work) : work());
    } catch (error) {
      return jsonError(asFault(error, services.log, incoming.requestId));
    }
  }

  async function serveQuery(incoming: Incoming): Promise<Response> {
    try {
      const bodyLimitBytes = limits.awsBodyBytes;
      const authenticated = await authenticate(services, incoming, { service: "sts", bodyLimitBytes });
      const fields = formFields(incoming.query, authenticated.body);
      const action = fields.Action ?? "";
      const operation = Object.hasOwn(stsOperations, action) ? stsOperations[action] : undefined;
      if (!operation) throw fault("UnknownOperation", { operation: echo(action) });
      const output = await perform(makeCall(incoming, authenticated), operation, fields);
      return queryResult(action, output, incoming.requestId);
    } catch (error) {
      return queryError(asFault(error, services.log, incoming.requestId), incoming.requestId);
    }
  }

  /** Permission first, then the deed: no row is reached another way. */
  async function perform<Input, Output>(
    call: Call,
    operation: Operation<Input, Output>,
    input: Input,
  ): Promise<Output> {
    for (const { arn, accountId } of operation.resources(call, input)) {
      for (const action of operation.actions(input)) {
        authorize({ caller: call.caller, action, resource: arn, ownerAccountId: accountId });
      }
    }
    return operation.run(call, input);
  }

  function makeCall(incoming: Incoming, { caller, region }: Authenticated): Call {
    return {
      ...services,
      caller,
      accountId: caller.accountId,
      region,
      requestId: incoming.requestId,
      addresses: addressesFor(settings, incoming.host),
    };
  }
}

function isOperation(name: string): name is OperationName {
  return Object.hasOwn(ecrOperations, name);
}

function parseJson(body: Uint8Array): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw fault("MalformedInput", { reason: "The request body is not JSON" });
  }
}

function jsonResponse(status: number, value: unknown): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": jsonType } });
}

function jsonError(problem: Fault): Response {
  const { status, name } = awsErrors[problem.fault];
  return jsonResponse(status, { __type: name, message: problem.message, ...problem.members });
}
