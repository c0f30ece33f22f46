/** What the tests of durability share: chance with a seed, the server's process from outside, and disks that are small. */
import { describe } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, open, readdir, readFile, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ECRClient } from "@aws-sdk/client-ecr";
import { type Bytes, eventually } from "./oci.ts";
import { root, type TestServer } from "./server.ts";

const program = resolve(import.meta.dir, "../../bin/lading");
const commandDeadlineMs = 60_000;

/** Numbers that look like chance and come back with their seed. */
export type Random = {
  /** From 0 up to 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
};

/** Marsaglia's xorshift32. */
export function makeRandom(seed: number): Random {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let warm = 0; warm < 8; warm += 1) next();
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between,
    pick: (items) => {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new Error("There is nothing to pick from");
      return item;
    },
  };
}

/** `sizeBytes` bytes that do not repeat, made fast; the same for the same seed. */
export function contentOf(seed: number, sizeBytes: number): Bytes {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let state = Math.imul(seed ^ 0x2545f491, 0x9e3779b1) || 1;
  for (let at = 0; at < words.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, sizeBytes);
}

/** The seed of a run: what the environment says, or a new one. It is printed, so that a failure can be repeated. */
export function seedFor(name: string): number {
  const seed = Number(process.env.LADING_TEST_SEED ?? Math.floor(Math.random() * 1e9));
  console.log(`${name}: LADING_TEST_SEED=${seed}`);
  return seed;
}

/** A member of `/proc/PID/status` in bytes, such as `VmRSS`, what is in memory now, or `VmHWM`, the most there ever was. */
export async function memoryBytes(pid: number, member: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kibibytes = new RegExp(`^${member}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status has no ${member}`);
  return Number(kibibytes) * 1024;
}

/** Makes `VmHWM` begin anew from what is in memory now. */
export async function forgetPeak(pid: number): Promise<void> {
  const file = await open(`/proc/${pid}/clear_refs`, "w");
  await file.write("5");
  await file.close();
}

/** How many files, sockets and pipes the process has open. */
export async function openFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

/** Resolves when the process has at most `count` files open, and rejects when it keeps more. */
export async function closesFiles(pid: number, count: number, deadlineMs = 15_000): Promise<void> {
  await eventually(async () => ((await openFiles(pid)) <= count ? true : undefined), deadlineMs).catch(
    async () => {
      throw new Error(`The server keeps ${await openFiles(pid)} files open; ${count} were expected`);
    },
  );
}

/** A command that runs: `lading` with arguments, in an environment in which no setting is made but those given. */
export type Running = {
  pid: number;
  output(): string;
  stdout(): string;
  /** The exit code, or -1 after a signal. */
  exited: Promise<number>;
  kill(signal: "SIGTERM" | "SIGKILL" | "SIGINT"): void;
};

export function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("LADING_"));
  const child = Bun.spawn([program, ...args], {
    cwd: tmpdir(),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...Object.fromEntries(inherited), ...env },
  });
  const parts = { stdout: "", stderr: "" };
  const collect = async (name: "stdout" | "stderr") => {
    const decoder = new TextDecoder();
    for await (const chunk of child[name]) parts[name] += decoder.decode(chunk, { stream: true });
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), commandDeadlineMs);
  const ended = Promise.all([child.exited, collect("stdout"), collect("stderr")]).then(() => {
    clearTimeout(timer);
    return child.exitCode ?? -1;
  });
  return {
    pid: child.pid,
    output: () => parts.stdout + parts.stderr,
    stdout: () => parts.stdout,
    exited: ended,
    kill: (signal) => child.kill(signal),
  };
}

export type Ended = { code: number; output: string; stdout: string };

/** Runs the command to its end, which must come by itself. */
export async function runToEnd(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const running = run(args, env);
  const code = await running.exited;
  return { code, output: running.output(), stdout: running.stdout() };
}

/** Resolves with the URL that a starting server names. Rejects with its output when it ends instead. */
export async function readyUrl(running: Running): Promise<string> {
  let code: number | undefined;
  void running.exited.then((ended) => {
    code = ended;
  });
  return eventually(async () => {
    const url = /ready at (https?:\/\/[^\s,]+)/.exec(running.output())?.[1];
    if (url === undefined && code !== undefined)
      throw new Error(`lading ended with ${code} before it was ready:\n${running.output()}`);
    return url;
  }, 20_000);
}

/** The root's key that the harness uses, as settings. */
export const rootSettings = {
  LADING_ROOT_ACCESS_KEY_ID: root.accessKeyId,
  LADING_ROOT_SECRET_ACCESS_KEY: root.secretAccessKey,
} as const;

/** The SDK's client, which tries once: what a test sees is the one answer that there was. */
export function ecrOnce({ url, region, accessKeyId, secretAccessKey }: TestServer): ECRClient {
  return new ECRClient({
    endpoint: url,
    region,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
}

/** A temporary folder that goes with the scope. */
export async function scratch(name: string): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), `lading-${name}-`));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export type SmallDisk = AsyncDisposable & {
  /** Where it is mounted. */
  path: string;
  freeBytes(): Promise<number>;
  /** Takes all space but `leftBytes`, exactly to the page. Takes nothing when there is less. */
  fill(leftBytes: number): Promise<void>;
  /** Gives back what {@link SmallDisk.fill} took. */
  empty(): Promise<void>;
};

/** A file system in memory of so many bytes. Its mount ends with the scope, and with the process at the latest. */
export async function mountSmallDisk(sizeBytes: number): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), "lading-disk-"));
  const { status, stderr } = mount(path, sizeBytes);
  if (status !== 0) {
    await rm(path, { recursive: true, force: true });
    throw new Error(`Cannot mount a tmpfs: ${stderr}`);
  }
  const unmount = () => void spawnSync("umount", ["--lazy", path], { stdio: "ignore" });
  process.on("exit", unmount);
  const ballast = join(path, "ballast");
  const freeBytes = async () => {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  };
  return {
    path,
    freeBytes,
    fill: async (leftBytes) => {
      const file = await open(ballast, "a");
      try {
        for (;;) {
          const take = Math.min((await freeBytes()) - leftBytes, 1024 * 1024);
          if (take < 4096) break;
          await file.appendFile(new Uint8Array(take - (take % 4096)));
        }
      } finally {
        await file.close();
      }
    },
    empty: () => rm(ballast, { force: true }),
    [Symbol.asyncDispose]: async () => {
      unmount();
      process.off("exit", unmount);
      await rm(path, { recursive: true, force: true });
    },
  };
}

function mount(path: string, sizeBytes: number): { status: number | null; stderr: string } {
  const options = `size=${sizeBytes},mode=0700`;
  return spawnSync("mount", ["-t", "tmpfs", "-o", options, "lading-test", path], { encoding: "utf8" });
}

/** A suite that mounts. Where that is not allowed it is left out, with the reason in its name (and fails in CI). */
export function suiteWithMounts(name: string, body: () => void): void {
  const reason = whyNoMounts();
  if (reason !== undefined && process.env.CI === "true") throw new Error(reason);
  if (reason !== undefined) console.warn(`${name}: ${reason}`);
  describe.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (${reason})`, body);
}

function whyNoMounts(): string | undefined {
  if (process.getuid?.() !== 0) return "Cannot run here: mounting a small disk needs root";
  const path = join(tmpdir(), `lading-mount-${crypto.randomUUID()}`);
  spawnSync("mkdir", ["-p", path]);
  const { status, stderr } = mount(path, 4096 * 16);
  if (status === 0) spawnSync("umount", [path]);
  spawnSync("rmdir", [path]);
  return status === 0 ? undefined : `Cannot run here: mounting a small disk failed: ${stderr.trim()}`;
}

/** Every file under a folder with its path from there; none when the folder is missing. */
export async function filesUnder(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
