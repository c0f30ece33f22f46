/** Users from their making to their end, for what is said about deleted ones. */
import { allow, iam, type Keys, newKey } from "./iam.ts";
import type { TestServer } from "./server.ts";

export type TestUser = { name: string; arn: string; userId: string; keys: Keys; hasPolicy: boolean };

let made = 0;

/** A user with a key, and with a policy of its own that allows `actions` on everything, if there are any. */
export async function makeUser(
  server: TestServer,
  { actions = [], name = `user-${++made}` }: { actions?: readonly string[]; name?: string } = {},
): Promise<TestUser> {
  const { User } = await iam(server).createUser({ UserName: name });
  const keys = await newKey(server, name);
  const hasPolicy = actions.length > 0;
  if (hasPolicy) await allow(server, name, { Action: actions });
  return { name, arn: User?.Arn ?? "", userId: User?.UserId ?? "", keys, hasPolicy };
}

/** The user, with its key and its policy. */
export async function deleteUser(server: TestServer, { name, keys, hasPolicy }: TestUser): Promise<void> {
  const root = iam(server);
  await root.deleteAccessKey({ UserName: name, AccessKeyId: keys.accessKeyId });
  if (hasPolicy) await root.deleteUserPolicy({ UserName: name, PolicyName: "test" });
  await root.deleteUser({ UserName: name });
}
