/** Runs the real clients: each in an environment of its own, so that nothing of the person at the machine takes part. */
import { describe } from "bun:test";
import { mkdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { find, needs, type Program } from "../support/packages.ts";
import type { TestServer } from "../support/server.ts";

const commandDeadlineMs = 110_000;

/** For a test or hook that runs several programs on a busy machine. */
export const patienceMs = 120_000;

export type Ran = {
  command: string;
  code: number;
  stdout: string;
  stderr: string;
};

export type RunOptions = {
  env?: Readonly<Record<string, string>>;
  stdin?: string;
  cwd?: string;
};

/** A temporary folder that is a client's home, with its logins in `config.json`. */
export type Home = AsyncDisposable & {
  folder: string;
  /** Where docker keeps its logins; skopeo and buildah read the same file. */
  authfile: string;
  /** A path inside of the folder. */
  path(...names: string[]): string;
  run(command: readonly string[], options?: RunOptions): Promise<Ran>;
};

export async function makeHome(): Promise<Home> {
  // In small letters: buildah makes an image's name of its folder's.
  const folder = join(tmpdir(), `lading-client-${crypto.randomUUID()}`);
  await mkdir(join(folder, "docker"), { recursive: true });
  const authfile = join(folder, "docker", "config.json");
  await Bun.write(authfile, "{}");
  // Version 1 of the aws CLI would print times as they came, version 2 prints them like this.
  await Bun.write(join(folder, ".aws", "config"), "[default]\ncli_timestamp_format = iso8601\n");
  return {
    folder,
    authfile,
    path: (...names) => join(folder, ...names),
    run: (command, options = {}) =>
      run(command, {
        ...options,
        env: {
          HOME: folder,
          DOCKER_CONFIG: join(folder, "docker"),
          // No engine, unless a test brings one.
          DOCKER_HOST: `unix://${join(folder, "no-engine.sock")}`,
          ...options.env,
        },
      }),
    [Symbol.asyncDispose]: () => removeFolder(folder),
  };
}

/** Removes a folder in which a program may have left mounts. */
export async function removeFolder(folder: string): Promise<void> {
  // Field 5 of a line is the mount point, with a space as \040; ours have none.
  const mounts = (await readFile("/proc/self/mountinfo", "utf8").catch(() => ""))
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((mount) => mount === folder || mount.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length);
  for (const mount of mounts) await Bun.spawn(["umount", "--lazy", mount], { stderr: "ignore" }).exited;
  await rm(folder, { recursive: true, force: true });
}

async function run(command: readonly string[], options: RunOptions): Promise<Ran> {
  const [name = "", ...args] = command;
  const child = Bun.spawn([find(name) ?? name, ...args], {
    cwd: options.cwd ?? tmpdir(),
    stdin: options.stdin === undefined ? "ignore" : new TextEncoder().encode(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
    timeout: commandDeadlineMs,
    env: { PATH: process.env.PATH ?? "", LC_ALL: "C.UTF-8", TMPDIR: tmpdir(), ...options.env },
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { command: command.join(" "), code: await child.exited, stdout, stderr };
}

/** What a program that must succeed printed on standard output. */
export async function succeed(running: Promise<Ran>): Promise<string> {
  const ran = await running;
  if (ran.code !== 0) throw new Error(`${ran.command}\nended with ${ran.code}:\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

/** Everything that a program that must fail printed. */
export async function fail(running: Promise<Ran>): Promise<string> {
  const ran = await running;
  if (ran.code === 0)
    throw new Error(`${ran.command}\nshould have failed, and printed:\n${ran.stdout}${ran.stderr}`);
  return `${ran.stdout}${ran.stderr}`;
}

/** A suite that needs programs. Where they are not it is left out, with the reason in its name (and fails in CI). */
export function suite(name: string, programs: readonly Program[], body: () => void): void {
  const reason = needs(...programs);
  if (reason !== undefined) console.warn(`${name}: ${reason}`);
  describe.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (${reason})`, body);
}

// The aws CLI knows AWS_ENDPOINT_URL since these two versions.
const endpointVariableSince = { 1: 29, 2: 13 } as const;

let versionAsked: Promise<boolean> | undefined;

async function knowsEndpointVariable(home: Home): Promise<boolean> {
  const { stdout, stderr } = await home.run(["aws", "--version"]);
  const [, major, minor] = /aws-cli\/(\d+)\.(\d+)/.exec(stdout + stderr) ?? [];
  return Number(minor) >= endpointVariableSince[major === "1" ? 1 : 2];
}

/** A server with the keys of somebody, and the region to ask: without change those of the default account's root. */
export type ServerAs = TestServer & { sessionToken?: string | undefined };

/** The aws CLI as root of the server's default account, or as whom `server` has the keys of. */
export async function aws(home: Home, server: ServerAs, ...args: string[]): Promise<Ran> {
  versionAsked ??= knowsEndpointVariable(home);
  const endpoint = (await versionAsked) ? [] : ["--endpoint-url", server.url];
  return home.run(["aws", ...endpoint, ...args], {
    env: {
      AWS_ENDPOINT_URL: server.url,
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
      ...(server.sessionToken !== undefined && { AWS_SESSION_TOKEN: server.sessionToken }),
      AWS_DEFAULT_REGION: server.region,
      AWS_DEFAULT_OUTPUT: "json",
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_MAX_ATTEMPTS: "1",
      AWS_PAGER: "",
    },
  });
}

/** Writes into the home's `config.json` what `docker login` writes: there the clients look for credentials. */
export async function storeLogin(home: Home, host: string, user: string, password: string): Promise<void> {
  await Bun.write(
    home.authfile,
    JSON.stringify({ auths: { [host]: { auth: btoa(`${user}:${password}`) } } }),
  );
}

/** The registry's own sentence for who may not come in: what a client should show. */
export async function unauthorizedSentence(
  server: TestServer,
  path: string,
  password?: string,
): Promise<string> {
  const headers = password === undefined ? undefined : { authorization: `Basic ${btoa(`AWS:${password}`)}` };
  const answer = await fetch(`${server.url}/v2/${path}`, { headers });
  const { errors } = (await answer.json()) as { errors?: { message?: string }[] };
  const sentence = errors?.[0]?.message;
  if (answer.status !== 401 || !sentence) throw new Error(`${path} was answered with ${answer.status}`);
  return sentence;
}

/** Logs the home in at the server with a token from the aws CLI. */
export async function login(home: Home, server: ServerAs): Promise<void> {
  const password = await succeed(aws(home, server, "ecr", "get-login-password"));
  await storeLogin(home, server.host, "AWS", password.trim());
}

export async function createRepositories(home: Home, server: TestServer, ...names: string[]): Promise<void> {
  for (const name of names)
    await succeed(aws(home, server, "ecr", "create-repository", "--repository-name", name));
}

const skopeoDefaults = ["skopeo", "--insecure-policy"];

/** `skopeo copy`, both sides over plain HTTP where they are registries. */
export function skopeoCopy(home: Home, from: string, to: string, ...options: string[]): Promise<Ran> {
  const transport = ["--authfile", home.authfile, "--src-tls-verify=false", "--dest-tls-verify=false"];
  return home.run([...skopeoDefaults, "copy", ...transport, ...options, from, to]);
}

export function skopeo(home: Home, subcommand: string, ...args: string[]): Promise<Ran> {
  return home.run([
    ...skopeoDefaults,
    subcommand,
    "--authfile",
    home.authfile,
    "--tls-verify=false",
    ...args,
  ]);
}

/** buildah with its storage inside of the home, and no daemon. */
export function buildah(home: Home, ...args: string[]): Promise<Ran> {
  const storage = ["--root", home.path("root"), "--runroot", home.path("run"), "--storage-driver", "vfs"];
  return home.run(["buildah", ...storage, ...args], { env: { REGISTRY_AUTH_FILE: home.authfile } });
}
