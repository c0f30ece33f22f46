/** How commands ask a running server: signed requests to its own service, as any other client's. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import { type ClientConfig, UsageError } from "../config.ts";
import type { LadingOperationName, LadingOperations } from "../wire/aws/contract/lading-operations.ts";

/** Dates are seconds since the epoch on the wire. */
export type Answer<T> = T extends Date
  ? number
  : T extends readonly (infer Item)[]
    ? Answer<Item>[]
    : T extends object
      ? { [Key in keyof T]: Answer<T[Key]> }
      : T;

export type Client = <Name extends LadingOperationName>(
  operation: Name,
  input: Answer<LadingOperations[Name]["input"]>,
) => Promise<Answer<LadingOperations[Name]["output"]>>;

/** The keys of the environment, or those of the root that lie in the data folder. Throws UsageError without either. */
export async function connect(config: ClientConfig): Promise<Client> {
  const credentials = config.credentials ?? (await rootCredentials(config.data));
  const aws = new AwsClient({ ...credentials, service: "lading", region: config.region, retries: 0 });
  return async (operation, input) => {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `Lading.${operation}` };
    const request = { method: "POST", headers, body: JSON.stringify(input) };
    const response = await aws.fetch(`${config.endpoint}/`, request).catch((error: unknown) => {
      throw unreachable(config.endpoint, error);
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    throw new UsageError(
      messageIn(text) ?? `${config.endpoint} answered ${response.status}: ${text.slice(0, 200)}`,
    );
  };
}

export function unreachable(origin: string, error: unknown): UsageError {
  const why = error instanceof Error && "code" in error ? error.code : error;
  return new UsageError(
    `Cannot reach ${origin} (${why}); is the server running? --endpoint or AWS_ENDPOINT_URL says where it is`,
  );
}

/** The server's sentence. What ECR wraps around the reason of a bad parameter says nothing to a person. */
function messageIn(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text) as { message?: string };
    return (
      /^Invalid parameter at '\w+' failed to satisfy constraint: '(.*)'$/s.exec(message ?? "")?.[1] ?? message
    );
  } catch {
    return undefined;
  }
}

async function rootCredentials(data: string) {
  const files = await readdir(data).catch(() => []);
  const file = files.find((name) => /^root-credentials-\d{12}$/.test(name));
  const text = file === undefined ? "" : await readFile(join(data, file), "utf8");
  const accessKeyId = /^aws_access_key_id = (\S+)$/m.exec(text)?.[1];
  const secretAccessKey = /^aws_secret_access_key = (\S+)$/m.exec(text)?.[1];
  if (accessKeyId !== undefined && secretAccessKey !== undefined) return { accessKeyId, secretAccessKey };
  throw new UsageError(
    `No credentials: there is no root's key in the folder '${data}'. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give with --data the folder of a server that made its own key`,
  );
}
