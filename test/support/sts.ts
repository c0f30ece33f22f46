/** What the tests of sessions share: roles, the clients of who has temporary credentials, and their docker login. */
import { ECR } from "@aws-sdk/client-ecr";
import { type AssumeRoleCommandInput, type Credentials, STS } from "@aws-sdk/client-sts";
import { iam, type Keys } from "./iam.ts";
import type { TestServer } from "./server.ts";

/** The client of somebody, of the root unless told otherwise. It tries once, so the test sees every answer. */
export function sts(server: TestServer, keys: Keys = server): STS {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  return new STS({ endpoint: server.url, region: server.region, credentials, maxAttempts: 1 });
}

export function ecr(server: TestServer, keys: Keys, region: string = server.region): ECR {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  return new ECR({ endpoint: server.url, region, credentials, maxAttempts: 1 });
}

/** The header with which docker logs in as somebody. */
export async function login(server: TestServer, keys: Keys, region: string = server.region): Promise<string> {
  const { authorizationData } = await ecr(server, keys, region).getAuthorizationToken({});
  return `Basic ${authorizationData?.[0]?.authorizationToken}`;
}

export function keysOf(credentials: Credentials | undefined): Keys & { sessionToken: string } {
  return {
    accessKeyId: credentials?.AccessKeyId ?? "",
    secretAccessKey: credentials?.SecretAccessKey ?? "",
    sessionToken: credentials?.SessionToken ?? "",
  };
}

type Statement = Readonly<Record<string, unknown>>;

export function policy(...statements: readonly Statement[]): string {
  const Statement = statements.map((statement) => ({ Effect: "Allow", ...statement }));
  return JSON.stringify({ Version: "2012-10-17", Statement });
}

let made = 0;

/** A role of the root's account with these statements of trust, and a policy that allows `actions` on everything. */
export async function makeRole(
  server: TestServer,
  { trust, actions = [], seconds }: { trust: readonly Statement[]; actions?: string[]; seconds?: number },
): Promise<{ name: string; arn: string; id: string }> {
  const RoleName = `role-${++made}`;
  const { Role } = await iam(server).createRole({
    RoleName,
    AssumeRolePolicyDocument: policy(...trust),
    MaxSessionDuration: seconds,
  });
  if (actions.length > 0) {
    await iam(server).putRolePolicy({
      RoleName,
      PolicyName: "test",
      PolicyDocument: policy({ Action: actions, Resource: "*" }),
    });
  }
  return { name: RoleName, arn: Role?.Arn ?? "", id: Role?.RoleId ?? "" };
}

/** The keys of a session of the role, named `session` unless told otherwise. */
export async function assume(
  server: TestServer,
  keys: Keys,
  input: Partial<AssumeRoleCommandInput> & { RoleArn: string },
): Promise<Keys & { sessionToken: string }> {
  const { Credentials } = await sts(server, keys).assumeRole({ RoleSessionName: "session", ...input });
  return keysOf(Credentials);
}
