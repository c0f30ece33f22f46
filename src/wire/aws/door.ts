/**
 * The AWS door: `POST /`. The operation's name leads to its row; signature, input, permission and errors are handled
 * here for all of them. Two protocols: awsJson1_1 (`X-Amz-Target`), and Query (form and XML) for IAM and STS.
 */
import { anonymous, type Caller } from "../../access/caller.ts";
import { type Fault, fault } from "../../lib/faults.ts";
import { parseJson } from "../../lib/json.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import { makeTurns } from "../../lib/turns.ts";
import type { Services } from "../../registry/context.ts";
import type { Spool } from "../../store/spool.ts";
import { type AddressSettings, addressesFor } from "../addresses.ts";
import { bodyOf } from "../body.ts";
import type { Call, Incoming } from "../call.ts";
import { asFault, awsErrors } from "../errors.ts";
import { demand } from "../permission.ts";
import { type Authenticated, authenticate } from "./authenticate.ts";
import {
  type Contract,
  ecrContract,
  type OperationContract,
  type QueryService,
  stsContract,
} from "./contract/contract.ts";
import { largeInputs } from "./ecr/index.ts";
import { notOffered, type Operation } from "./operation.ts";
import { formFields, queryErrorOf } from "./query.ts";
import { decodeQuery } from "./query-input.ts";
import { encodeQuery, encodeQueryError } from "./query-output.ts";
import { queryService, queryServiceWith, type Service, serviceByTarget } from "./services.ts";
import { decode, encode } from "./shape.ts";
import { noteAwsRequest, type Seen } from "./trail.ts";

export type AwsDoor = (incoming: Incoming) => Promise<Response>;

type QueryContract = Contract<string, QueryService>;

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
    const dot = target.lastIndexOf(".");
    const name = target.slice(dot + 1);
    const service = serviceByTarget(target.slice(0, Math.max(dot, 0)));
    const isLarge = largeInputs.has(name);
    const bodyLimitBytes = isLarge ? limits.awsLargeBodyBytes : limits.awsBodyBytes;
    const { signingName } = (service?.contract ?? ecrContract).service;
    const seen: Seen = { service: signingName, operation: name };
    try {
      // A request with a bad operation is still a request of somebody: the signature comes first.
      const expected = { services: [signingName], bodyLimitBytes };
      const authenticated = await authenticate(services, spool, incoming, expected);
      const call = makeCall(incoming, authenticated);
      seen.call = call;
      try {
        const row = service?.row(name);
        if (!service || !row) throw fault("UnknownOperation", { operation: echo(target) });
        if (row === notOffered) throw fault("NotOffered", { operation: name });
        const run = () => runJson(call, service, { row, body: authenticated.body, seen });
        const response = await (isLarge ? largeTurns(run) : run());
        noteAwsRequest(services, settings, { incoming, seen });
        return response;
      } finally {
        await authenticated.body.close();
      }
    } catch (error) {
      const met = asFault(error, services.log, incoming.requestId);
      const problem = service?.faultOf(met) ?? met;
      noteAwsRequest(services, settings, { incoming, seen, problem });
      return jsonError(problem);
    }
  }

  async function runJson(
    call: Call,
    { contract }: Service,
    { row, body, seen }: { row: Operation<unknown, unknown>; body: Authenticated["body"]; seen: Seen },
  ): Promise<Response> {
    const { input, output } = contract.operations[seen.operation] as OperationContract;
    seen.input = decode(contract, input, readJson(await body.bytes()));
    seen.output = await perform(call, row, seen.input);
    return jsonResponse(200, encode(contract, output, seen.output));
  }

  async function serveQuery(incoming: Incoming): Promise<Response> {
    const { requestId } = incoming;
    let contract = stsContract as QueryContract;
    const seen: Seen = { service: "sts", operation: "" };
    try {
      const { body, ...authenticated } = await queryBody(incoming);
      seen.call = makeCall(incoming, authenticated);
      let service = authenticated.service === undefined ? undefined : queryService(authenticated.service);
      // Found by its signing name, a service of the Query protocol has a contract of that protocol.
      if (service) contract = service.contract as QueryContract;
      const fields = formFields(incoming.query, body);
      const action = fields.get("Action") ?? "";
      // Without a signature it is the operation that tells which service is meant.
      if (authenticated.service === undefined) {
        service = queryServiceWith(action);
        if (service) contract = service.contract as QueryContract;
      }
      seen.service = contract.service.signingName;
      seen.operation = action;
      const row = service?.row(action);
      if (!row) throw fault("UnknownOperation", { operation: echo(action) });
      if (row === notOffered) throw fault("NotOffered", { operation: action });
      const { unsigned } = (contract.operations as Readonly<Record<string, OperationContract>>)[action] ?? {};
      if (authenticated.caller.kind === "anonymous" && !unsigned) throw fault("MissingAuthenticationToken");
      seen.input = decodeQuery(contract, action, fields);
      seen.output = await perform(seen.call, row, seen.input);
      const answer = encodeQuery(contract, action, seen.output, requestId);
      noteAwsRequest(services, settings, { incoming, seen });
      return xml(200, answer);
    } catch (error) {
      const problem = asFault(error, services.log, requestId);
      const { code, status } = queryErrorOf(problem);
      noteAwsRequest(services, settings, { incoming, seen, problem, errorCode: code });
      const detail = problem.members.encodedAuthorizationMessage?.toString();
      const { message } = problem;
      return xml(status, encodeQueryError(contract, { code, status, message, detail }, requestId));
    }
  }

  /** The body, and who signed it. Some operations of STS need no signature: they bring a proof of their own. */
  async function queryBody(incoming: Incoming) {
    const bodyLimitBytes = limits.awsBodyBytes;
    if (isSigned(incoming)) {
      const expected = { services: ["sts", "iam"], bodyLimitBytes };
      const { body, ...authenticated } = await authenticate(services, spool, incoming, expected);
      return { ...authenticated, body: await body.bytes().finally(body.close) };
    }
    const body = await spool.receive(bodyOf(incoming.request), bodyLimitBytes);
    return {
      caller: anonymous,
      region: settings.region,
      service: undefined,
      body: await body.bytes().finally(body.close),
    };
  }

  /** Permission first, then the deed: no row is reached another way. */
  async function perform<Input, Output>(
    call: Call,
    operation: Operation<Input, Output>,
    input: Input,
  ): Promise<Output> {
    for (const resource of await operation.resources(call, input)) {
      for (const action of operation.actions(input, call)) await demand(call, action, resource);
    }
    return operation.run(call, input);
  }

  function makeCall(
    incoming: Incoming,
    { caller, region }: Pick<Authenticated, "region"> & { caller: Caller },
  ): Call {
    return {
      ...services,
      caller,
      facts: incoming.facts(region),
      asked: [],
      accountId: caller.kind === "principal" ? caller.accountId : settings.accountId,
      region,
      requestId: incoming.requestId,
      addresses: addressesFor(settings, incoming.host),
    };
  }
}

function isSigned({ request, query }: Incoming): boolean {
  return request.headers.has("authorization") || query.includes("X-Amz-");
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

function xml(status: number, text: string): Response {
  return new Response(text, { status, headers: { "content-type": "text/xml" } });
}

function jsonResponse(status: number, value: unknown): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": jsonType } });
}

function jsonError(problem: Fault): Response {
  const { status, name } = awsErrors[problem.fault];
  return jsonResponse(status, { __type: name, message: problem.message, ...problem.members });
}
