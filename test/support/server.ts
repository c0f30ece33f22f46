/** A whole server in its own process, on a free port, in a temporary folder. Tests never import the server's modules. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const program = resolve(import.meta.dir, "../../bin/lading");
const startDeadlineMs = 20_000;
const stopDeadlineMs = 30_000;

/** Invented; every test server's root signs with them. */
export const root = {
  accountId: "000000000000",
  accessKeyId: "AKIALADINGTESTROOT01",
  secretAccessKey: "test-only/not+a+real+secret+access+key01",
} as const;

export type StartOptions = {
  /** An existing data folder. Without it a temporary one is made, and removed at the end. */
  data?: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
};

export type TestServer = {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  url: string;
  /** `127.0.0.1:PORT` */
  host: string;
  data: string;
  region: string;
  accountId: string;
  accessKeyId: string;
  secretAccessKey: string;
  pid: number;
  /** Everything the process wrote until now, standard output and error together. */
  output(): string;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number>;
  /** SIGKILL, and wait until the process is gone. */
  kill(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts `lading serve` and resolves when it says that it is ready. Rejects with its output if it ends instead. */
export async function start(options: StartOptions = {}): Promise<TestServer> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), "lading-test-")));
  const child = Bun.spawn(
    [program, "serve", "--data", data, "--listen", "127.0.0.1:0", ...(options.args ?? [])],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: {
        ...process.env,
        LADING_ROOT_ACCESS_KEY_ID: root.accessKeyId,
        LADING_ROOT_SECRET_ACCESS_KEY: root.secretAccessKey,
        ...options.env,
      },
    },
  );
  let output = "";
  const ready = new Promise<string>((done, fail) => {
    const collect = async (stream: ReadableStream<Uint8Array>) => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) {
        output += decoder.decode(chunk, { stream: true });
        const match = /ready at (https?:\/\/[^\s,]+)/.exec(output);
        if (match?.[1]) done(match[1]);
      }
    };
    void Promise.all([collect(child.stdout), collect(child.stderr)]).then(() =>
      fail(new Error(`lading serve ended before it was ready:\n${output}`)),
    );
    setTimeout(
      () => fail(new Error(`lading serve was not ready in time:\n${output}`)),
      startDeadlineMs,
    ).unref();
  });

  const gone = async (signal: "SIGTERM" | "SIGKILL") => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), stopDeadlineMs);
    const code = await child.exited;
    clearTimeout(timer);
    return code;
  };
  const clean = async () => {
    await gone("SIGKILL");
    if (options.data === undefined) await rm(data, { recursive: true, force: true });
  };

  try {
    const url = await ready;
    return {
      url,
      host: new URL(url).host,
      data,
      region: "us-east-1",
      accountId: root.accountId,
      accessKeyId: root.accessKeyId,
      secretAccessKey: root.secretAccessKey,
      pid: child.pid,
      output: () => output,
      stop: () => gone("SIGTERM"),
      kill: async () => void (await gone("SIGKILL")),
      [Symbol.asyncDispose]: clean,
    };
  } catch (error) {
    await clean();
    throw error;
  }
}

/** The header value with which any docker client logs in as the root of the default account. */
export const basic = `Basic ${btoa(`${root.accessKeyId}:${root.secretAccessKey}`)}`;
