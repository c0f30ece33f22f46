/** What the tests of IAM share: its client, users with keys, and the exceptions of the Query protocol. */
import { expect } from "bun:test";
import { IAM } from "@aws-sdk/client-iam";
import { uuid } from "./aws.ts";
import type { TestServer } from "./server.ts";

export type Keys = { accessKeyId: string; secretAccessKey: string; sessionToken?: string };

/** The client of somebody, of the root unless told otherwise. It tries once, so the test sees every answer. */
export function iam(server: TestServer, keys: Keys = server, region: string = server.region): IAM {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  return new IAM({ endpoint: server.url, region, credentials, maxAttempts: 1 });
}

/** Makes a key for a user, who is made before unless there is one. */
export async function userWithKey(server: TestServer, UserName: string): Promise<Keys> {
  const root = iam(server);
  const isThere = await root.getUser({ UserName }).then(
    () => true,
    () => false,
  );
  if (!isThere) await root.createUser({ UserName });
  return newKey(server, UserName);
}

export async function newKey(server: TestServer, UserName?: string): Promise<Keys> {
  const { AccessKey } = await iam(server).createAccessKey({ UserName });
  return { accessKeyId: AccessKey?.AccessKeyId ?? "", secretAccessKey: AccessKey?.SecretAccessKey ?? "" };
}

/** Gives a user an inline policy of one statement. */
export async function allow(
  server: TestServer,
  UserName: string,
  statement: Readonly<Record<string, unknown>>,
): Promise<void> {
  const Statement = [{ Effect: "Allow", Resource: "*", ...statement }];
  await iam(server).putUserPolicy({
    UserName,
    PolicyName: "test",
    PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement }),
  });
}

type IamError = Error & { Code?: string; $metadata: { httpStatusCode?: number; requestId?: string } };
type ErrorClass = new (...args: never[]) => Error;

/** Expects a modelled exception, its class, status and whole sentence. */
export async function expectModelled(
  call: Promise<unknown>,
  type: ErrorClass,
  { status, message }: { status: number; message: string },
): Promise<void> {
  const error = await rejected(call);
  expect(`${error.name}: ${error.message}`).toBe(`${type.name}: ${message}`);
  expect(error).toBeInstanceOf(type);
  expect(error.$metadata.httpStatusCode).toBe(status);
  expect(error.$metadata.requestId).toMatch(uuid);
}

/** Expects AccessDenied for a lack of a policy that allows `action` on `resource`. */
export async function expectDenied(
  call: Promise<unknown>,
  { user, action, resource }: { user: string; action: string; resource: string },
): Promise<void> {
  const error = await rejected(call);
  expect({ code: error.Code, status: error.$metadata.httpStatusCode, message: error.message }).toEqual({
    code: "AccessDenied",
    status: 403,
    message: `User: ${user} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
  });
}

/** Expects an exception that the model does not have, by its code. */
export async function expectCode(
  call: Promise<unknown>,
  expected: { status: number; code: string; message: string },
): Promise<void> {
  const error = await rejected(call);
  const { Code: code, message } = error;
  expect({ status: error.$metadata.httpStatusCode, code, message }).toEqual(expected);
}

async function rejected(call: Promise<unknown>): Promise<IamError> {
  const error: unknown = await call.then(
    (output) => new Error(`Expected an exception, got ${JSON.stringify(output)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof Error && "$metadata" in error) return error as IamError;
  throw error;
}
