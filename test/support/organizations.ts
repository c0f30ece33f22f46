/** What the tests of several accounts share: the client of Organizations, and accounts with somebody in them. */
import { Organizations } from "@aws-sdk/client-organizations";
import type { Keys } from "./iam.ts";
import type { TestServer } from "./server.ts";
import { assume } from "./sts.ts";

/** The client of somebody, of the root unless told otherwise. It tries once, so the test sees every answer. */
export function organizations(server: TestServer, keys: Keys = server): Organizations {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  return new Organizations({ endpoint: server.url, region: server.region, credentials, maxAttempts: 1 });
}

let made = 0;

/**
 * A new account of the organization. `keys` are those of its role with all rights, taken on with `admin`, who is a user of
 * the management account and may take on roles.
 */
export async function makeAccount(
  server: TestServer,
  admin: Keys,
): Promise<{ id: string; keys: Keys & { sessionToken: string } }> {
  const name = `account-${++made}`;
  const { CreateAccountStatus } = await organizations(server).createAccount({
    AccountName: name,
    Email: `${name}@example.com`,
  });
  const id = CreateAccountStatus?.AccountId ?? "";
  const role = `arn:aws:iam::${id}:role/OrganizationAccountAccessRole`;
  return { id, keys: await assume(server, admin, { RoleArn: role }) };
}
