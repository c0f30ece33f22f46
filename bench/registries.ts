/** The two registries that are compared, each as a program that can be started on a data folder. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CreateRepositoryCommand, ECRClient, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import { root, start } from "../test/support/server.ts";

/** Lading's default, and so the one that unnamed addresses mean. */
export const region = "us-east-1";

export type Program = {
  name: string;
  /** Starts on a folder, empty or not, and resolves when it answers. */
  start: (data: string) => Promise<Running>;
  /** Logs in, where that is needed. */
  connect: (server: Running) => Promise<Registry>;
};

export type Running = AsyncDisposable & {
  /** Without a slash at the end. */
  url: string;
  pid: number;
};

export type Registry = AsyncDisposable & {
  program: Program;
  url: string;
  pid: number;
  /** What a client sends with every request. */
  headers: Readonly<Record<string, string>>;
  createRepository: (name: string) => Promise<void>;
};

/** Servers that run now. */
const running = new Set<number>();

const pollMs = 2;
const startDeadlineMs = 20_000;

export const lading: Program = {
  name: "Lading",
  start: async (data) => {
    const server = await start({ data });
    running.add(server.pid);
    await answers(server.url);
    return {
      url: server.url,
      pid: server.pid,
      [Symbol.asyncDispose]: async () => {
        await server.stop();
        running.delete(server.pid);
      },
    };
  },
  connect: async (server) => {
    const client = new ECRClient({ endpoint: server.url, region, credentials: root });
    return {
      ...server,
      program: lading,
      headers: { authorization: await basicToken(client) },
      createRepository: async (name) => {
        await client.send(new CreateRepositoryCommand({ repositoryName: name }));
      },
    };
  },
};

/** Debian's `docker-registry` with the configuration that Debian gives it, but without a password and a log. */
export const dockerRegistry: Program = {
  name: "docker-registry",
  start: async (data) => {
    const port = freePort();
    await mkdir(data, { recursive: true });
    const config = join(data, "config.yml");
    await writeFile(config, configuration(data, port));
    const child = Bun.spawn(["docker-registry", "serve", config], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    running.add(child.pid);
    const url = `http://127.0.0.1:${port}`;
    await answers(url);
    return {
      url,
      pid: child.pid,
      [Symbol.asyncDispose]: async () => {
        child.kill("SIGTERM");
        await child.exited;
        running.delete(child.pid);
      },
    };
  },
  connect: async (server) => ({
    ...server,
    program: dockerRegistry,
    headers: {},
    createRepository: async () => {},
  }),
};

/** For a benchmark that is broken off: ends the servers, and waits for nothing. */
export function killAll(): void {
  for (const pid of running) process.kill(pid, "SIGKILL");
}

/** JSON is YAML. */
function configuration(data: string, port: number): string {
  return JSON.stringify({
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: {
      cache: { blobdescriptor: "inmemory" },
      filesystem: { rootdirectory: data },
      delete: { enabled: true },
    },
    http: { addr: `127.0.0.1:${port}` },
  });
}

/** The header that docker sends after `aws ecr get-login-password | docker login`. */
async function basicToken(client: ECRClient): Promise<string> {
  const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
  return `Basic ${authorizationData?.[0]?.authorizationToken}`;
}

/** Resolves when anything answers `/v2/`, be it that it wants credentials. */
async function answers(url: string): Promise<void> {
  const deadline = Date.now() + startDeadlineMs;
  for (;;) {
    const response = await fetch(`${url}/v2/`).catch(() => undefined);
    await response?.body?.cancel();
    if (response) return;
    if (Date.now() > deadline) throw new Error(`Nothing answers at ${url}`);
    await Bun.sleep(pollMs);
  }
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
