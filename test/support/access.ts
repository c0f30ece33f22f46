/**
 * Who may do what: accounts of the organization, users and roles with policies, their clients at both doors, and what
 * they are told. Every request is tried once, so that a verdict is that of one moment.
 */
import { expect } from "bun:test";
import type { ECR } from "@aws-sdk/client-ecr";
import { Organizations } from "@aws-sdk/client-organizations";
import { type AssumeRoleCommandInput, STS } from "@aws-sdk/client-sts";
import { client } from "./aws.ts";
import { iam, type Keys } from "./iam.ts";
import { bytes, descriptorOf, imageManifest, mediaTypes, unique, uniqueBytes } from "./oci.ts";
import type { TestServer } from "./server.ts";

/** A user with a key. */
export type Person = { accountId: string; name: string; arn: string; id: string; keys: Keys };

export type Role = { name: string; arn: string; id: string };

export type Statement = Readonly<Record<string, unknown>>;

/** The one region of most tests, which is not the server's own. */
export const region = "eu-west-2";

/** The text of a policy with these statements. */
export function policyOf(...Statement: readonly Statement[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement });
}

/** A policy of one statement that allows these actions on everything. */
export function allowing(Action: string | readonly string[], more: Statement = {}): string {
  return policyOf({ Effect: "Allow", Action, Resource: "*", ...more });
}

/** The resource policy that lets principals do these actions. */
export function sharing(
  AWS: string | readonly string[],
  Action: string | readonly string[],
  more = {},
): string {
  return policyOf({ Effect: "Allow", Principal: { AWS }, Action, ...more });
}

/** A policy variable, such as that of `aws:username`. */
export function variable(key: string): string {
  return `\${${key}}`;
}

/** The account itself, which leaves the decision to its administrators. */
export function everyoneIn(accountId: string): string {
  return `arn:aws:iam::${accountId}:root`;
}

export function repositoryArn(accountId: string, repository: string): string {
  return `arn:aws:ecr:${region}:${accountId}:repository/${repository}`;
}

export const administratorAccess = "arn:aws:iam::aws:policy/AdministratorAccess";

/** The root of the default account, which has no policies. */
export function rootOf(server: TestServer): Person {
  const { accountId, accessKeyId, secretAccessKey } = server;
  const arn = everyoneIn(accountId);
  return { accountId, name: "root", arn, id: accountId, keys: { accessKeyId, secretAccessKey } };
}

const doorkeepers = new WeakMap<TestServer, Promise<Person>>();

/**
 * Makes an account with this id, and a user in it with all rights. The way in is AWS's: by the role that a new account
 * has for its organization.
 */
export async function account(server: TestServer, id: string): Promise<Person> {
  const root = rootOf(server);
  const { CreateAccountStatus } = await organizations(server).createAccount({
    AccountName: `test ${id}`,
    Email: `${id}@example.com`,
    Tags: [{ Key: "lading:account-id", Value: id }],
  });
  expect(CreateAccountStatus).toMatchObject({ State: "SUCCEEDED", AccountId: id });
  let doorkeeper = doorkeepers.get(server);
  if (doorkeeper === undefined) {
    doorkeeper = user(server, root, { name: "doorkeeper", policies: [allowing("sts:AssumeRole")] });
    doorkeepers.set(server, doorkeeper);
  }
  const RoleArn = `arn:aws:iam::${id}:role/OrganizationAccountAccessRole`;
  const keys = await assume(server, await doorkeeper, { RoleArn });
  const organization = { accountId: id, name: "organization", arn: RoleArn, id: "", keys };
  return user(server, organization, { name: "administrator", managed: [administratorAccess] });
}

/** The organization's client of the root, or of somebody. */
export function organizations(
  server: TestServer,
  { keys }: Pick<Person, "keys"> = rootOf(server),
): Organizations {
  return new Organizations({
    endpoint: server.url,
    region,
    credentials: credentialsOf(keys),
    maxAttempts: 1,
  });
}

export type UserOptions = {
  name?: string;
  /** Texts of inline policies. */
  policies?: readonly string[];
  /** ARNs of managed policies. */
  managed?: readonly string[];
  tags?: Readonly<Record<string, string>>;
  path?: string;
  boundary?: string;
};

/** Makes a user with a key in the account of `by`. Its inline policies are called `policy-1` and so on. */
export async function user(server: TestServer, by: Person, options: UserOptions = {}): Promise<Person> {
  const { name = unique("user"), policies = [], managed = [], tags = {}, path, boundary } = options;
  const theirs = iam(server, by.keys);
  const { User } = await theirs.createUser({
    UserName: name,
    Path: path,
    PermissionsBoundary: boundary,
    Tags: tagList(tags),
  });
  for (const [index, PolicyDocument] of policies.entries())
    await theirs.putUserPolicy({ UserName: name, PolicyName: `policy-${index + 1}`, PolicyDocument });
  for (const PolicyArn of managed) await theirs.attachUserPolicy({ UserName: name, PolicyArn });
  const keys = await keyFor(server, by, name);
  return { accountId: by.accountId, name, arn: User?.Arn ?? "", id: User?.UserId ?? "", keys };
}

/** Another key of a user. */
export async function keyFor(server: TestServer, by: Person, UserName: string): Promise<Keys> {
  const { AccessKey } = await iam(server, by.keys).createAccessKey({ UserName });
  return { accessKeyId: AccessKey?.AccessKeyId ?? "", secretAccessKey: AccessKey?.SecretAccessKey ?? "" };
}

/** Deletes a user with all that it has. */
export async function removeUser(server: TestServer, by: Person, UserName: string): Promise<void> {
  const theirs = iam(server, by.keys);
  const { AccessKeyMetadata = [] } = await theirs.listAccessKeys({ UserName });
  for (const { AccessKeyId } of AccessKeyMetadata) await theirs.deleteAccessKey({ UserName, AccessKeyId });
  const { PolicyNames = [] } = await theirs.listUserPolicies({ UserName });
  for (const PolicyName of PolicyNames) await theirs.deleteUserPolicy({ UserName, PolicyName });
  const { AttachedPolicies = [] } = await theirs.listAttachedUserPolicies({ UserName });
  for (const { PolicyArn } of AttachedPolicies) await theirs.detachUserPolicy({ UserName, PolicyArn });
  await theirs.deleteUser({ UserName });
}

export type RoleOptions = {
  name?: string;
  /** The text of its trust policy, or a principal that it trusts. */
  trusts: string;
  policies?: readonly string[];
  managed?: readonly string[];
  tags?: Readonly<Record<string, string>>;
};

/** Makes a role in the account of `by`. Its inline policies are called `policy-1` and so on. */
export async function role(server: TestServer, by: Person, options: RoleOptions): Promise<Role> {
  const { name = unique("role"), trusts, policies = [], managed = [], tags = {} } = options;
  const theirs = iam(server, by.keys);
  const AssumeRolePolicyDocument = trusts.startsWith("{") ? trusts : sharing(trusts, "sts:AssumeRole");
  const { Role } = await theirs.createRole({ RoleName: name, AssumeRolePolicyDocument, Tags: tagList(tags) });
  for (const [index, PolicyDocument] of policies.entries())
    await theirs.putRolePolicy({ RoleName: name, PolicyName: `policy-${index + 1}`, PolicyDocument });
  for (const PolicyArn of managed) await theirs.attachRolePolicy({ RoleName: name, PolicyArn });
  return { name, arn: Role?.Arn ?? "", id: Role?.RoleId ?? "" };
}

function tagList(tags: Readonly<Record<string, string>>) {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

export function sts(server: TestServer, { keys }: Pick<Person, "keys">): STS {
  return new STS({ endpoint: server.url, region, credentials: credentialsOf(keys), maxAttempts: 1 });
}

/** The credentials of a session, which is called `session` unless told otherwise. */
export async function assume(
  server: TestServer,
  by: Pick<Person, "keys">,
  input: Partial<AssumeRoleCommandInput>,
): Promise<Required<Keys>> {
  const { Credentials } = await sts(server, by).assumeRole({
    RoleArn: undefined,
    RoleSessionName: "session",
    ...input,
  });
  const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = Credentials ?? {};
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}

/** The ECR client of somebody. */
export function ecrOf(server: TestServer, { keys }: Pick<Person, "keys">, where: string = region): ECR {
  return client(server, { credentials: credentialsOf(keys), region: where });
}

function credentialsOf({ accessKeyId, secretAccessKey, sessionToken }: Keys) {
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

/** Repositories of the default registry, made by its root. */
export async function makeRepositories(server: TestServer, ...names: readonly string[]): Promise<void> {
  const ecr = ecrOf(server, rootOf(server), server.region);
  for (const repositoryName of names) await ecr.createRepository({ repositoryName });
}

/** The Authorization header with which docker comes in: a key as it is, a session by a token. */
export async function loginOf(server: TestServer, person: Pick<Person, "keys">): Promise<string> {
  const { accessKeyId, secretAccessKey, sessionToken } = person.keys;
  if (sessionToken === undefined) return `Basic ${btoa(`${accessKeyId}:${secretAccessKey}`)}`;
  const { authorizationData } = await ecrOf(server, person).getAuthorizationToken({});
  return `Basic ${authorizationData?.[0]?.authorizationToken}`;
}

/** A repository at the registry door: of an account, in {@link region}. */
export function pathOf(accountId: string, repository: string): string {
  return `/v2/${accountId}.${region}/${repository}`;
}

type Door = Readonly<{ as?: Pick<Person, "keys">; headers?: Readonly<Record<string, string>> }>;

/** One request at the registry door, by nobody unless told otherwise. */
export async function docker(
  server: TestServer,
  request: string,
  { as, body, headers }: Door & { body?: Uint8Array<ArrayBuffer> } = {},
): Promise<{ status: number; headers: Headers; text: string; message: string }> {
  const [method = "", path = ""] = request.split(" ");
  const response = await fetch(new URL(path, server.url), {
    method,
    headers: { ...(as && { authorization: await loginOf(server, as) }), ...headers },
    ...(body && { body }),
    redirect: "manual",
  });
  const text = await response.text();
  // The answer to a HEAD has no body.
  const isError = !response.ok && text.startsWith("{");
  const errors = isError ? (JSON.parse(text) as { errors: { message: string }[] }).errors : [];
  return { status: response.status, headers: response.headers, text, message: errors[0]?.message ?? "" };
}

export type Pushed = { digest: string; layer: string; config: string; manifest: Uint8Array<ArrayBuffer> };

/**
 * Pushes an image that nobody else has, as docker does; `at` is a {@link pathOf}. Without a tag it is pushed by its
 * digest. Fails unless all is taken.
 */
export async function pushImage(
  server: TestServer,
  at: string,
  { as, tag }: { as: Pick<Person, "keys">; tag?: string },
): Promise<Pushed> {
  const blob = async (mediaType: string) => {
    const body = uniqueBytes();
    const descriptor = descriptorOf(body, mediaType);
    const target = `POST ${at}/blobs/uploads/?digest=${descriptor.digest}`;
    expect(await verdictOf(docker(server, target, { as, body }))).toBe("allowed");
    return descriptor;
  };
  const [config, layer] = [await blob(mediaTypes.config), await blob(mediaTypes.layer)];
  const manifest = imageManifest(config, [layer]);
  const { digest } = descriptorOf(manifest, mediaTypes.image);
  const headers = { "content-type": mediaTypes.image };
  const put = docker(server, `PUT ${at}/manifests/${tag ?? digest}`, { as, body: manifest, headers });
  expect(await verdictOf(put)).toBe("allowed");
  return { digest, layer: layer.digest, config: config.digest, manifest };
}

/** A manifest's type, for `PUT`. */
export const imageType = { "content-type": mediaTypes.image };

/** Content for an upload of one request. */
export function blobBody(): { body: Uint8Array<ArrayBuffer>; digest: string } {
  const body = bytes(`a blob called ${unique("blob")}\n`);
  return { body, digest: descriptorOf(body, mediaTypes.layer).digest };
}

type SdkError = Error & { Code?: string; $metadata: { httpStatusCode?: number } };

const deniedNames = ["AccessDenied", "AccessDeniedException"];

/**
 * `allowed`, or the sentence of a denial. Everything else that can happen to the call fails the test, so that what is
 * refused for another reason is not taken for denied, nor for allowed.
 */
export async function verdictOf(
  call: Promise<{ status: number; message: string } | { $metadata: object }>,
): Promise<string> {
  try {
    const answer = await call;
    if (!("status" in answer) || typeof answer.status !== "number") return "allowed";
    if (answer.status < 400) return "allowed";
    if (answer.status === 403) return answer.message;
    throw new Error(`Answered with ${answer.status}: ${answer.message}`);
  } catch (error) {
    const { Code, name, message } = error as SdkError;
    if (error instanceof Error && deniedNames.includes(Code ?? name)) return message;
    throw error;
  }
}

/** The sentence for who lacks a permission: `because` is `identity`, `resource` and so on, or `denied: identity`. */
export function denied(
  who: string,
  { action, on, because }: { action: string; on: string; because: string },
): string {
  const refusal = `User: ${who} is not authorized to perform: ${action} on resource: ${on}`;
  const side = sides[because.replace("denied: ", "")];
  if (side === undefined) throw new Error(`There is no side '${because}'`);
  const article = side.startsWith("identity") ? "an" : "a";
  return because.startsWith("denied")
    ? `${refusal} with an explicit deny in ${because.endsWith("trust") ? "the" : article} ${side}`
    : `${refusal} because no ${side} allows the ${action} action`;
}

const sides: Readonly<Record<string, string>> = {
  identity: "identity-based policy",
  resource: "resource-based policy",
  boundary: "permissions boundary",
  session: "session policy",
  scp: "service control policy",
  trust: "role trust policy",
};
