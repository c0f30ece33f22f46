/**
 * The Debian packages that the suites with real clients need. The test runner calls {@link ensurePackages} once,
 * before any test; `bun test/support/packages.ts` does the same by hand. A suite asks {@link needs}.
 */
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** A program, and the package that brings it. */
const packageOf = {
  aws: "awscli",
  buildah: "buildah",
  busybox: "busybox-static",
  debootstrap: "debootstrap",
  docker: "docker.io",
  "docker-registry": "docker-registry",
  dockerd: "docker.io",
  skopeo: "skopeo",
  wrk: "wrk",
} as const;

export type Program = keyof typeof packageOf;

/** These set up mounts, devices or namespaces. */
const forRootOnly: readonly Program[] = ["buildah", "debootstrap", "dockerd"];

const installDeadlineMs = 10 * 60_000;

const isRoot = () => process.getuid?.() === 0;

/** The program's path. The folders for administrators are searched too: `dockerd` and `debootstrap` live there. */
export function find(program: string): string | undefined {
  return Bun.which(program, { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/bin` }) ?? undefined;
}

const absent = () => (Object.keys(packageOf) as Program[]).filter((program) => find(program) === undefined);

/**
 * Installs what is not there, when this is root on a machine with apt. Several processes may call it at once: the
 * second waits for the first, and finds nothing left to do. `missing` are the programs that are still not there.
 */
export async function ensurePackages(): Promise<{ missing: string[] }> {
  if (absent().length > 0 && isRoot() && find("apt-get") !== undefined && find("flock") !== undefined) {
    await exclusively("packages", async () => {
      const packages = [...new Set(absent().map((program) => packageOf[program]))];
      if (packages.length === 0) return;
      console.log(`Installing ${packages.join(", ")}`);
      await apt("update");
      await apt("install", "-y", "--no-install-recommends", ...packages);
    });
  }
  return { missing: absent() };
}

async function apt(...args: string[]): Promise<void> {
  const child = Bun.spawn(["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: installDeadlineMs,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  const [said, complaints, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  // Not fatal: one source of many may be out of reach. What is still missing afterwards is what counts.
  if (code !== 0) console.warn(`apt-get ${args.join(" ")} ended with ${code}:\n${said}${complaints}`);
}

/**
 * Why a suite that needs these programs cannot run here, in one line; `undefined` when it can. Where `CI=true` nothing
 * may be left out, so there it throws.
 */
export function needs(...programs: Program[]): string | undefined {
  const missing = programs.filter((program) => find(program) === undefined);
  const reasons = [];
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((program) => packageOf[program]))];
    reasons.push(`missing ${missing.join(", ")} (Debian: ${packages.join(", ")})`);
  }
  const closed = isRoot() ? [] : programs.filter((program) => forRootOnly.includes(program));
  if (closed.length > 0) reasons.push(`${closed.join(", ")} would need root`);
  if (reasons.length === 0) return undefined;
  const reason = `Cannot run here: ${reasons.join("; ")}`;
  if (process.env.CI === "true") throw new Error(reason);
  return reason;
}

/** Runs `work` while no other process of this user runs work of that name. A process that dies lets go. */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  const lock = join(tmpdir(), `lading-${name}-${userInfo().uid}.lock`);
  const holder = Bun.spawn(["flock", lock, "sh", "-c", "echo held; exec cat"], {
    stdin: "pipe",
    stdout: "pipe",
  });
  try {
    const { done } = await holder.stdout.getReader().read();
    if (done) throw new Error(`The lock ${lock} could not be taken`);
    return await work();
  } finally {
    await holder.stdin.end();
    await holder.exited;
  }
}

if (import.meta.main) {
  const { missing } = await ensurePackages();
  if (missing.length > 0) console.error(`Missing: ${missing.join(", ")}`);
  process.exit(missing.length > 0 ? 1 : 0);
}
