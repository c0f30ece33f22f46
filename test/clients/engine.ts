/** A docker engine of a test's own: no network, no settings of the machine, and everything in one temporary folder. */
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { find } from "../support/packages.ts";
import { type Home, makeHome, type Ran, removeFolder } from "./programs.ts";

const startDeadlineMs = 60_000;
const stopDeadlineMs = 20_000;
const pollMs = 100;

export type Engine = AsyncDisposable & {
  /** The docker CLI's home: its logins are here. */
  home: Home;
  docker(...args: string[]): Promise<Ran>;
  login(host: string, user: string, password: string): Promise<Ran>;
};

/** Starts `dockerd` (as root) and resolves when a docker CLI can talk to it. */
export async function startEngine(): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), "lading-engine-"));
  const home = await makeHome();
  const host = `unix://${join(folder, "docker.sock")}`;
  const log = join(folder, "log");
  await Bun.write(join(folder, "daemon.json"), "{}");
  const options = {
    "config-file": join(folder, "daemon.json"),
    "data-root": join(folder, "data"),
    "exec-root": join(folder, "exec"),
    pidfile: join(folder, "docker.pid"),
    host,
    "storage-driver": "vfs",
    bridge: "none",
    iptables: "false",
    ip6tables: "false",
    "ip-forward": "false",
    "ip-masq": "false",
  };
  const daemon = Bun.spawn(
    [
      // The engine ends with the tests, also when those are killed.
      ...["setpriv", "--pdeathsig", "TERM", find("dockerd") ?? "dockerd"],
      ...Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    ],
    { cwd: folder, stdin: "ignore", stdout: Bun.file(log), stderr: Bun.file(log) },
  );

  const clean = async () => {
    daemon.kill("SIGTERM");
    const timer = setTimeout(() => daemon.kill("SIGKILL"), stopDeadlineMs);
    await daemon.exited;
    clearTimeout(timer);
    await endContainerd(join(folder, "exec", "containerd", "containerd.pid"));
    await removeFolder(folder);
    await home[Symbol.asyncDispose]();
  };

  const deadline = Date.now() + startDeadlineMs;
  while (daemon.exitCode === null && Date.now() < deadline) {
    const docker = await clientFor(home, host);
    if (docker !== undefined) {
      const env = { DOCKER_HOST: host };
      return {
        home,
        docker: (...args) => home.run([docker, ...args], { env }),
        login: (registry, user, password) =>
          home.run([docker, "login", "--username", user, "--password-stdin", registry], {
            env,
            stdin: password,
          }),
        [Symbol.asyncDispose]: clean,
      };
    }
    await Bun.sleep(pollMs);
  }
  const said = (await readFile(log, "utf8")).split("\n").slice(-20).join("\n");
  await clean();
  throw new Error(`dockerd did not start, or no docker CLI here can talk to it:\n${said}`);
}

/** A machine may have a docker CLI that is newer or older than its engine; the one beside the engine always fits. */
async function clientFor(home: Home, host: string): Promise<string | undefined> {
  const candidates = new Set(["docker", "/usr/bin/docker"].map(find).filter((path) => path !== undefined));
  for (const docker of candidates) {
    const { code } = await home.run([docker, "version"], { env: { DOCKER_HOST: host } });
    if (code === 0) return docker;
  }
  return undefined;
}

/** The engine ends its containerd itself, unless it was killed. */
async function endContainerd(pidfile: string): Promise<void> {
  const pid = Number(await readFile(pidfile, "utf8").catch(() => ""));
  if (!pid) return;
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  if (command.includes(pidfile.slice(0, -".pid".length))) process.kill(pid, "SIGKILL");
}
