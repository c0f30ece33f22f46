/** `lading whoami`: the AWS keys, or what docker has for a registry. */
import { readFile } from "node:fs/promises";
import { type ClientConfig, UsageError } from "../config.ts";
import { connect, unreachable } from "./client.ts";
import { time } from "./texts.ts";

type Identity = {
  arn: string;
  account: string;
  accessKeyId: string;
  region: string;
  registry: string;
  /** Seconds since the epoch. */
  expiresAt?: number | undefined;
};

type Asked = {
  host: string | undefined;
  flags: Readonly<Record<string, unknown>>;
  readInput: () => Promise<string>;
};

export async function whoAmI(config: ClientConfig, { host, flags, readInput }: Asked): Promise<string> {
  const identity = await identify(config, { host, flags, readInput });
  if (flags.json === true) return JSON.stringify(identity, null, 2);
  const { arn, account, accessKeyId, region, registry, expiresAt } = identity;
  return [
    `principal   ${arn}`,
    `account     ${account}`,
    `access key  ${accessKeyId}`,
    `region      ${region}`,
    `registry    ${registry}`,
    `expires     ${expiresAt === undefined ? "never, while the key is there" : time(expiresAt)}`,
  ].join("\n");
}

async function identify(config: ClientConfig, { host, flags, readInput }: Asked): Promise<Identity> {
  if (flags.passwordStdin === true) {
    const authorization = btoa(`AWS:${(await readInput()).trim()}`);
    return byDocker(config.endpoint, authorization);
  }
  if (host === undefined) return (await connect(config))("WhoAmI", {});
  const authorization = await dockerCredential(config.dockerConfig, host);
  const scheme = new URL(config.endpoint).host === host ? new URL(config.endpoint).protocol : schemeFor(host);
  return byDocker(`${scheme}//${host}`, authorization);
}

/** As docker does: plain HTTP for this machine alone. */
function schemeFor(host: string): string {
  return /^(?:localhost|127\.|\[::1\])/.test(host) ? "http:" : "https:";
}

async function byDocker(origin: string, authorization: string): Promise<Identity> {
  const headers = { authorization: `Basic ${authorization}` };
  const response = await fetch(`${origin}/whoami`, { headers }).catch((error: unknown) => {
    throw unreachable(origin, error);
  });
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as Identity;
  throw new UsageError(text.trim());
}

type DockerConfig = {
  auths?: Record<string, { auth?: string }>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
};

/** What docker would send to `host`: from its file, or from the helper that the file names. */
async function dockerCredential(path: string, host: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => {
    throw new UsageError(
      `There is no docker configuration at '${path}'; log in first, or use --password-stdin`,
    );
  });
  const { auths = {}, credHelpers = {}, credsStore } = JSON.parse(text) as DockerConfig;
  const helper = credHelpers[host] ?? credsStore;
  const auth = helper === undefined ? auths[host]?.auth : await fromHelper(helper, host);
  if (auth === undefined || auth === "")
    throw new UsageError(`'${path}' has no credentials for ${host}; log in first`);
  return auth;
}

/** The protocol of docker's credential helpers: the host goes in, JSON comes out. */
async function fromHelper(helper: string, host: string): Promise<string | undefined> {
  if (!/^[\w-]+$/.test(helper)) throw new UsageError(`'${helper}' is not the name of a credential helper`);
  const child = Bun.spawn([`docker-credential-${helper}`, "get"], {
    stdin: new TextEncoder().encode(host),
    stdout: "pipe",
    stderr: "ignore",
  });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) return undefined;
  const { Username, Secret } = JSON.parse(output) as { Username: string; Secret: string };
  return btoa(`${Username}:${Secret}`);
}
