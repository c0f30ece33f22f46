/**
 * What the tests of the AWS door share: the SDK's client, the exceptions that it throws, and signed requests in pieces,
 * for what the SDK would never send.
 */
import { expect } from "bun:test";
import { ECR, type ECRClientConfig } from "@aws-sdk/client-ecr";
import { Sha256 } from "@smithy/core/checksum";
import { HttpRequest } from "@smithy/core/protocols";
import { SignatureV4 } from "@smithy/signature-v4";
import type { TestServer } from "./server.ts";

export const jsonType = "application/x-amz-json-1.1";
export const targetPrefix = "AmazonEC2ContainerRegistry_V20150921";

/** The form of `x-amzn-RequestId`. */
export const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const clients = new WeakMap<TestServer, Map<string, ECR>>();

/** The SDK's client with the root's key. It tries once, so that every answer is the one that the test sees. */
export function client(server: TestServer, options: ECRClientConfig = {}): ECR {
  const key = JSON.stringify(options);
  const known = clients.get(server) ?? new Map<string, ECR>();
  clients.set(server, known);
  const existing = known.get(key);
  if (existing !== undefined) return existing;
  const { accessKeyId, secretAccessKey, region } = server;
  const credentials = { accessKeyId, secretAccessKey };
  const made = new ECR({ endpoint: server.url, region, credentials, maxAttempts: 1, ...options });
  known.set(key, made);
  return made;
}

type ErrorClass<E> = new (...args: never[]) => E;

type SdkError = Error & { $metadata: { httpStatusCode?: number; requestId?: string } };

/** Expects a modelled exception with this whole sentence. Every one has status 400 and a request id. */
export async function expectError<E extends SdkError>(
  call: Promise<unknown>,
  type: ErrorClass<E>,
  message: string,
): Promise<E> {
  const error = await rejection(call);
  expect(`${error.name}: ${error.message}`).toBe(`${type.name}: ${message}`);
  if (!(error instanceof type)) throw new Error(`${error.name} came without the class of the SDK`);
  expect(error.$metadata.httpStatusCode).toBe(400);
  expect(error.$metadata.requestId).toMatch(uuid);
  return error;
}

/** Expects an exception that the model does not have, such as those of the signature. */
export async function expectUnmodelled(
  call: Promise<unknown>,
  expected: { status: number; name: string; message: string },
): Promise<void> {
  const error = await rejection(call);
  expect({ status: error.$metadata.httpStatusCode, name: error.name, message: error.message }).toEqual(
    expected,
  );
  expect(error.$metadata.requestId).toMatch(uuid);
}

/** What the call rejects with, which has to be an answer of the server. */
async function rejection(call: Promise<unknown>): Promise<SdkError> {
  const error: unknown = await call.then(
    (output) => new Error(`Expected an exception, got ${JSON.stringify(output)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof Error && "$metadata" in error) return error as SdkError;
  throw error;
}

/** A request as it goes over the wire. */
export type WireRequest = {
  method: string;
  path: string;
  /** Encoded, without the question mark. */
  query: string;
  headers: Record<string, string>;
  body: string | Uint8Array<ArrayBuffer>;
};

export type SignOptions = {
  /** The `X-Amz-Target` is that of this ECR operation; `headers` can have another. */
  operation?: string;
  body?: WireRequest["body"];
  headers?: Readonly<Record<string, string>>;
  accessKeyId?: string;
  secretAccessKey?: string;
  sessionToken?: string;
  region?: string;
  service?: string;
  signingDate?: Date;
};

/** A request for `POST /`, signed with the signer of the SDK. The test may alter it before it sends it. */
export async function signed(server: TestServer, options: SignOptions = {}): Promise<WireRequest> {
  const { operation, body = "{}" } = options;
  const headers = {
    host: server.host,
    "content-type": jsonType,
    ...(operation !== undefined && { "x-amz-target": `${targetPrefix}.${operation}` }),
    ...options.headers,
  };
  const request = new HttpRequest({ method: "POST", path: "/", headers, body });
  const { headers: all } = await signer(server, options).sign(request, {
    signingDate: options.signingDate ?? new Date(),
  });
  return { method: "POST", path: "/", query: "", headers: all, body };
}

export function signer(server: TestServer, options: SignOptions = {}): SignatureV4 {
  const { accessKeyId = server.accessKeyId, secretAccessKey = server.secretAccessKey } = options;
  return new SignatureV4({
    credentials: { accessKeyId, secretAccessKey, sessionToken: options.sessionToken },
    region: options.region ?? server.region,
    service: options.service ?? "ecr",
    sha256: Sha256,
    applyChecksum: false,
  });
}

export type WireAnswer = { status: number; headers: Headers; text: string };

export async function send(server: TestServer, request: WireRequest): Promise<WireAnswer> {
  const { method, path, query, headers, body } = request;
  const response = await fetch(`${server.url}${path}${query === "" ? "" : `?${query}`}`, {
    method,
    headers,
    redirect: "manual",
    ...(method !== "GET" && method !== "HEAD" && { body }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Signs and sends. */
export async function call(server: TestServer, options: SignOptions): Promise<WireAnswer> {
  return send(server, await signed(server, options));
}

/** Expects an error of the JSON protocol, with its status, its type and its whole sentence. */
export function expectWireError(
  answer: WireAnswer,
  expected: { status: number; type: string; message: string },
): void {
  expect(answer.text).toStartWith("{");
  const { __type: type, message } = JSON.parse(answer.text) as Record<string, unknown>;
  expect({ status: answer.status, type, message }).toEqual(expected);
  expect(answer.headers.get("content-type")).toBe(jsonType);
  expect(answer.headers.get("x-amzn-requestid")).toMatch(uuid);
}

/** How ECR names a repository in its sentences; the default account unless told otherwise. */
export function inRegistry(repositoryName: string, registryId = "000000000000"): string {
  return `repository with name '${repositoryName}' in the registry with id '${registryId}'`;
}

export function noRepository(repositoryName: string, registryId = "000000000000"): string {
  return `The repository with name '${repositoryName}' does not exist in the registry with id '${registryId}'`;
}

/** A constraint that ECR itself reports. */
export function invalid(at: string, reason: string): string {
  return `Invalid parameter at '${at}' failed to satisfy constraint: '${reason}'`;
}

/** Constraints that the framework reports, all of a request in one sentence. */
export function failedConstraints(...failures: readonly string[]): string {
  return `${failures.length} validation error${failures.length === 1 ? "" : "s"} detected: ${failures.join("; ")}`;
}
