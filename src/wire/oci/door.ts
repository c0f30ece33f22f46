/**
 * The registry door: `/v2/…`. Who is it, which endpoint, may they, do it; errors are written here and nowhere else.
 * OCI distribution 1.1, with ECR's sentences in its errors.
 */
import { accountExists } from "../../access/accounts/accounts.ts";
import { anonymous, type Caller, callerName } from "../../access/caller.ts";
import type { Authentication, BasicAuthenticator } from "../../access/credentials/basic.ts";
import { type RepositoryAddress, repositoryArn } from "../../lib/arn.ts";
import { type Fault, type FaultName, fault } from "../../lib/faults.ts";
import { echo } from "../../lib/text.ts";
import type { Services } from "../../registry/context.ts";
import { isRepositoryName, repositoryNamePattern } from "../../registry/names.ts";
import { getRepository } from "../../registry/repositories.ts";
import { getUpload } from "../../registry/uploads.ts";
import { type AddressSettings, addressesFor, type RegistryPath, registryOf } from "../addresses.ts";
import type { Incoming } from "../call.ts";
import { asFault, ociErrors } from "../errors.ts";
import { denial, type Resource, refusalOf } from "../permission.ts";
import type { OciCall } from "./call.ts";
import { type Endpoint, endpoints } from "./endpoints.ts";
import { matchRoute, type RouteMatch } from "./routes.ts";
import { type Answered, noteOciRequest } from "./trail.ts";
import { resumeHeaders } from "./uploads.ts";

export type OciDoor = (incoming: Incoming) => Promise<Response>;

const apiVersion = ["docker-distribution-api-version", "registry/2.0"] as const;

/** Headers that a refusal needs beside its body. */
const faultHeaders: Partial<Record<FaultName, (fault: Fault, call: OciCall) => Record<string, string>>> = {
  InvalidLayerPart: (fault, call) => resumeHeaders(call, fault),
  RangeNotSatisfiable: ({ members }) => ({ "content-range": `bytes */${members.sizeBytes}` }),
};

export function makeOciDoor(
  services: Services,
  settings: AddressSettings,
  authenticate: BasicAuthenticator,
): OciDoor {
  return async (incoming) => {
    let meant: Answered["meant"];
    let call: OciCall | undefined;
    let caller: Caller = anonymous;
    let problem: Fault | undefined;
    let response: Response;
    try {
      const authentication = await authenticate(
        services.db.read,
        incoming.request.headers.get("authorization"),
      );
      if ("caller" in authentication) caller = authentication.caller;
      meant = whatIsMeant(incoming, authentication);
      const endpoint = endpointFor(incoming.method, meant.match);
      call = makeCall(incoming, meant);
      call.caller = await settledCaller(authentication, endpoint, call);
      noteUse(call);
      await admit(endpoint, call);
      response = await endpoint.handler(call);
    } catch (error) {
      problem = asFault(error, services.log, incoming.requestId);
      response = refusal(problem, incoming, call);
    }
    response.headers.set(...apiVersion);
    noteOciRequest(services, settings, {
      incoming,
      meant,
      call,
      caller: call?.caller ?? caller,
      problem,
      response,
    });
    return response;
  };

  /** Without credentials nobody learns what is here: the first question is who asks. */
  function whatIsMeant(
    incoming: Incoming,
    authentication: Authentication,
  ): { match: RouteMatch; path: RegistryPath } {
    if ("refused" in authentication) throw fault("Unauthorized", { reason: authentication.refused });
    const isAnonymous = "caller" in authentication && authentication.caller.kind === "anonymous";
    const path = registryOf(settings, incoming.host, incoming.path.slice("/v2/".length));
    const match = path && matchRoute(path.rest);
    if (isAnonymous && (!match || match.route === "base")) throw noCredentials();
    if (!path || !match) throw fault("RouteNotFound", { method: incoming.method, path: echo(incoming.path) });
    return { match, path };
  }

  function makeCall(incoming: Incoming, { match, path }: { match: RouteMatch; path: RegistryPath }): OciCall {
    const addresses = addressesFor(settings, incoming.host);
    const base = `${settings.externalUrl !== undefined ? addresses.origin : ""}/v2/${path.prefix}`;
    const call: OciCall = {
      ...services,
      caller: { kind: "anonymous" },
      facts: incoming.facts(path.region),
      asked: [],
      accountId: path.accountId,
      region: path.region,
      requestId: incoming.requestId,
      addresses,
      request: incoming.request,
      repositoryName: match.repositoryName,
      argument: match.argument,
      query: new URLSearchParams(incoming.query),
      base,
      may: async (action, address) => (await refusalOf(call, action, resourceOf(address))) === undefined,
    };
    return call;
  }

  function refusal(problem: Fault, incoming: Incoming, call: OciCall | undefined): Response {
    const { status, code } = ociErrors[problem.fault];
    const extra = call && faultHeaders[problem.fault]?.(problem, call);
    const message = status === 401 ? `${problem.message} ${loginAdvice(incoming.host)}` : problem.message;
    const { encodedAuthorizationMessage } = problem.members;
    const { requestId } = incoming;
    const detail = encodedAuthorizationMessage !== undefined && {
      detail: { requestId, encodedAuthorizationMessage },
    };
    return new Response(`${JSON.stringify({ errors: [{ code, message, ...detail }] })}\n`, {
      status,
      headers: {
        "content-type": "application/json",
        ...extra,
        ...(problem.fault === "MethodNotAllowed" && { allow: String(problem.members.allow) }),
        ...(status === 401 && { "www-authenticate": challenge(settings, incoming.host) }),
      },
    });
  }
}

/** What a person can do about missing or bad credentials. */
function loginAdvice(host: string): string {
  return `Log in with: aws ecr get-login-password | docker login --username AWS --password-stdin ${host}`;
}

function challenge(settings: AddressSettings, host: string): string {
  return `Basic realm="${addressesFor(settings, host).origin}/",service="ecr.amazonaws.com"`;
}

function endpointFor(method: string, match: RouteMatch): Endpoint {
  const there = endpoints.filter(({ route }) => route === match.route);
  const endpoint = there.find((row) => row.method === method);
  if (endpoint) return endpoint;
  const allowed = there.map((row) => row.method);
  throw fault("MethodNotAllowed", { method, allowed }, { allow: allowed.join(", ") });
}

/** The sender of an upload was settled when it began (the design's promise about tokens that run out under way). */
async function settledCaller(
  authentication: Authentication,
  endpoint: Endpoint,
  call: OciCall,
): Promise<Caller> {
  if ("caller" in authentication) return authentication.caller;
  if ("refused" in authentication) throw fault("Unauthorized", { reason: authentication.refused });
  if (endpoint.continuesUpload) {
    const upload = await getUpload(call, await getRepository(call.db.read, call), call.argument).catch(
      () => undefined,
    );
    if (upload?.principalArn === callerName(authentication.expired)) return authentication.expired;
  }
  throw fault("Unauthorized", { reason: authentication.reason });
}

function noteUse({ caller, keyUses, facts, region }: OciCall): void {
  if (caller.kind === "principal") keyUses.note(caller, { at: facts.at, service: "ecr", region });
}

/** Every action of the endpoint is asked about and names are checked. Throws NameInvalid, AccessDenied, Unauthorized. */
async function admit(endpoint: Endpoint, call: OciCall): Promise<void> {
  const { caller, accountId, region } = call;
  const isRegistryWide = endpoint.route === "base" || endpoint.route === "catalog";
  const repositoryName = isRegistryWide ? "*" : call.repositoryName;
  const resource = { ...resourceOf({ accountId, region, repositoryName }), ...endpoint.keys?.(call) };
  for (const action of endpoint.actions) {
    const sentence = await refusalOf(call, action, resource);
    if (sentence === undefined) continue;
    // Who sent no credentials is asked for them: a plain "denied" would not make a client log in.
    if (caller.kind === "anonymous") throw noCredentials();
    throw await denial(call, { action, resource, sentence });
  }
  if (isRegistryWide) {
    const isKnown = await accountExists(call.db.read, accountId);
    if (!isKnown) throw fault("RegistryNotFound", { registryId: accountId, region });
  } else if (!isRepositoryName(call.repositoryName)) {
    throw fault("NameInvalid", { name: echo(call.repositoryName), pattern: repositoryNamePattern });
  }
}

function noCredentials(): Fault {
  return fault("Unauthorized", { reason: "No credentials were sent." });
}

function resourceOf(address: RepositoryAddress): Resource {
  return { arn: repositoryArn(address), accountId: address.accountId };
}
