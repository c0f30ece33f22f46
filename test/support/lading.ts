/** Lading's own service, for which no SDK has a client: signed requests to `Lading.OPERATION`. */
import { call, type SignOptions } from "./aws.ts";
import type { TestServer } from "./server.ts";

type LadingAnswer<Output> = { status: number; output: Output; type: string; message: string };

type Credentials = Pick<SignOptions, "accessKeyId" | "secretAccessKey" | "sessionToken" | "region">;

/** `output` when the status is 200, else `type` and `message` of the exception. The root signs unless told otherwise. */
export async function lading<Output = Record<string, unknown>>(
  server: TestServer,
  operation: string,
  { input = {}, ...credentials }: Credentials & { input?: object } = {},
): Promise<LadingAnswer<Output>> {
  const answer = await call(server, {
    ...credentials,
    service: "lading",
    headers: { "x-amz-target": `Lading.${operation}` },
    body: JSON.stringify(input),
  });
  const body = JSON.parse(answer.text) as Output & { __type?: string; message?: string };
  return { status: answer.status, output: body, type: body.__type ?? "", message: body.message ?? "" };
}
