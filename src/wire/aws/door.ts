/**
 * The AWS door: `POST /`. The operation's name leads to its row; signature, input, permission and errors are handled
 * here for all of them. Two protocols: awsJson1_1 (`X-Amz-Target`) for ECR, and Query (form and XML) for STS.
 */
import { authorize } from "../../access/authorize.ts";
import { type Fault, fault } from "../../lib/faults.ts";
import { parseJson } from "../../lib/json.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import { makeTurns } from "../../lib/turns.ts";
import type { Services } from "../../registry/context.ts";
import type { Spool } from "../../store/spool.ts";
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

export function makeAwsDoor(services: Services, spool: Spool, settings: AddressSettings): AwsDoor {
  const largeTurns = makeTurns(limits.awsLargeBodiesAtOnce);

  return async (incoming) => {
    const { headers } = incoming.request;
    const isJson =
      headers.has("x-amz-target") || headers.get("content-type")?.startsWith("application/x-amz-json");
    const response = isJson
      ? await serveJson(incoming, headers.get("x-amz-target") ?? "")
      : await serveQuery(incoming);
    response.headers.set("x-amzn-requestid", incoming.requestId);
    return response;
  };

  async function serveJson(incoming: Incoming, target: string): Promise<Response> {
    const { signingName, targetPrefix } = ecrContract.service;
    const name = target.slice(target.indexOf(".") + 1);
    const isLarge = largeInputs.has(name);
    const bodyLimitBytes = isLarge ? limits.awsLargeBodyBytes : limits.awsBodyBytes;
    try {
      // A request with a bad operation is still a request of somebody: the signature comes first.
      const authenticated = await authenticate(services, spool, incoming, {
        service: signingName,
        bodyLimitBytes,
      });
      try {
        if (target !== `${targetPrefix}.${name}` || !isOperation(name)) {
          throw fault("UnknownOperation", { operation: echo(target) });
        }
        const run = () => runJson(incoming, authenticated, name);
        return await (isLarge ? largeTurns(run) : run());
      } finally {
        await authenticated.body.close();
      }
    } catch (error) {
      return jsonError(asFault(error, services.log, incoming.requestId));
    }
  }

  async function runJson(
    incoming: Incoming,
    authenticated: Authenticated,
    name: OperationName,
  ): Promise<Response> {
    const row = ecrOperations[name];
    if (row === notOffered) throw fault("NotOffered", { operation: name });
    const contract = ecrContract.operations[name];
    // The row and its contract have one name, so the decoded input is what the row takes.
    const operation = row as Operation<unknown, unknown>;
    const input = decode(ecrContract, contract.input, readJson(await authenticated.body.bytes()));
    const output = await perform(makeCall(incoming, authenticated), operation, input);
    return jsonResponse(200, encode(ecrContract, contract.output, output));
  }

  async function serveQuery(incoming: Incoming): Promise<Response> {
    const { requestId } = incoming;
    try {
      const expected = { service: "sts", bodyLimitBytes: limits.awsBodyBytes };
      const authenticated = await authenticate(services, spool, incoming, expected);
      const body = await authenticated.body.bytes().finally(authenticated.body.close);
      const fields = formFields(incoming.query, body);
      const action = fields.Action ?? "";
      const operation = Object.hasOwn(stsOperations, action) ? stsOperations[action] : undefined;
      if (!operation) throw fault("UnknownOperation", { operation: echo(action) });
      return queryResult(
        action,
        await perform(makeCall(incoming, authenticated), operation, fields),
        requestId,
      );
    } catch (error) {
      return queryError(asFault(error, services.log, requestId), requestId);
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

function readJson(body: Uint8Array): unknown {
  if (body.length === 0) return {};
  try {
    return parseJson(body, limits.requestValues);
  } catch (error) {
    const isTooMuch = error instanceof RangeError;
    throw fault("MalformedInput", { reason: isTooMuch ? error.message : "The request body is not JSON" });
  }
}

function jsonResponse(status: number, value: unknown): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": jsonType } });
}

function jsonError(problem: Fault): Response {
  const { status, name } = awsErrors[problem.fault];
  return jsonResponse(status, { __type: name, message: problem.message, ...problem.members });
}
