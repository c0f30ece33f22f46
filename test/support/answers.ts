/** The answers of Lading's own service about who may do what and why, as tests read them. */
import { expect } from "bun:test";
import type { Person, Statement } from "./access.ts";
import { lading } from "./lading.ts";
import type { TestServer } from "./server.ts";

export type Cited = { side: string; policy: string; statement: number; sid?: string };

export type Explanation = {
  principal: string;
  action: string;
  resource: string;
  allowed: boolean;
  sentence?: string;
  recorded?: { at: number; allowed: boolean };
  decidedBy: Cited[];
  missing: string[];
  policies: { side: string; name: string; hidden: boolean; statements: Statement[] }[];
  suggestions: { side: string; text: string; statement?: string }[];
};

export type Right = {
  principal: string;
  kind: string;
  crossAccount: boolean;
  public: boolean;
  needsIdentityPolicy: boolean;
  through: Cited[];
  conditions: string[];
};

type Asker = Pick<Person, "keys">;

/** What the operation answers with success; it is somebody's request, of the root unless told otherwise. */
export async function answer<Output>(
  server: TestServer,
  operation: string,
  { input, as, region }: { input: object; as?: Asker | undefined; region?: string },
): Promise<Output> {
  const options = { input, ...as?.keys, ...(region !== undefined && { region }) };
  const { status, output } = await lading<Output>(server, operation, options);
  if (status !== 200) throw new Error(`${operation} answered ${status}: ${JSON.stringify(output)}`);
  return output;
}

/** Expects a refusal by `type`, with this whole sentence. */
export async function expectRefusal(
  server: TestServer,
  operation: string,
  { input, as, type, message }: { input: object; as?: Asker; type: string; message: string | RegExp },
): Promise<void> {
  const refused = await lading(server, operation, { input, ...as?.keys });
  expect(refused).toMatchObject({ status: 400, type });
  if (typeof message === "string") expect(refused.message).toBe(message);
  else expect(refused.message).toMatch(message);
}

/** ECR's sentence for a bad parameter. */
export function badParameter(at: string, reason: string): { type: string; message: string } {
  const message = `Invalid parameter at '${at}' failed to satisfy constraint: '${reason}'`;
  return { type: "InvalidParameterException", message };
}

/** The one explanation of a request that asks for one right. */
export async function explain(server: TestServer, input: object, as?: Asker): Promise<Explanation> {
  const { explanations } = await answer<{ explanations: Explanation[] }>(server, "Explain", { input, as });
  expect(explanations).toHaveLength(1);
  return explanations[0] as Explanation;
}

/** Everybody, over all pages. */
export async function whoCan(
  server: TestServer,
  { action, resource }: { action: string; resource: string },
  as?: Asker,
): Promise<Right[]> {
  const rights: Right[] = [];
  let nextToken: string | undefined;
  do {
    type Page = { rights: Right[]; nextToken?: string };
    const input = { action, resource, ...(nextToken !== undefined && { nextToken }) };
    const page = await answer<Page>(server, "WhoCan", { input, as });
    rights.push(...page.rights);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return rights;
}

type Failed = Error & { $metadata: { requestId?: string } };

/** The id of a request of the SDK that has to be refused. */
export async function refusedId(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => new Error("The request was not refused"),
    (reason: unknown) => reason,
  );
  const requestId = error instanceof Error && "$metadata" in error && (error as Failed).$metadata.requestId;
  if (!requestId) throw error;
  return requestId;
}
