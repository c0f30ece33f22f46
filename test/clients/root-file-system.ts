/** A root file system as real images have it, as several archives: Debian's base system, else files of this machine. */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { find } from "../support/packages.ts";

const bootstrapDeadlineMs = 5 * 60_000;
/** Uncompressed; files of `/usr` shrink to about 40 %. */
const enoughBytes = 400_000_000;
const largestFileBytes = 20_000_000;
const machineFolders = ["/usr/lib", "/usr/share"] as const;
const archives = 4;

/** Later archives go on top of earlier ones. `folder` is made, and everything but the archives is removed again. */
export async function makeLargeRoot(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const failure = await bootstrap(folder);
  if (failure !== undefined) console.warn(`The large image is made of files of this machine: ${failure}`);
  const made = failure === undefined ? await splitDebian(folder) : await splitMachine(folder);
  await rm(folder, { recursive: true, force: true });
  return made;
}

/** Installs a Debian into the folder. Answers with the reason if it could not. */
async function bootstrap(folder: string): Promise<string | undefined> {
  const debootstrap = find("debootstrap");
  if (debootstrap === undefined) return "there is no debootstrap";
  if (process.getuid?.() !== 0) return "debootstrap would need root";
  const source = await debianSource();
  if (source === undefined) return "no source of packages in the settings of apt fits this machine's release";
  const child = Bun.spawn(
    // Perl makes it large enough, and brings many small files.
    [debootstrap, "--variant=minbase", "--include=perl", source.suite, folder, source.uri],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: bootstrapDeadlineMs },
  );
  const [said, , code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code === 0) return undefined;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return `debootstrap ended with ${code}: ${said.trim().split("\n").at(-1)}`;
}

type DebianSource = { uri: string; suite: string };

/** The source of this machine's own release, from the settings of apt in either of their two forms. */
async function debianSource(): Promise<DebianSource | undefined> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const codename = /^VERSION_CODENAME=(\S+)/m.exec(release)?.[1];
  const folder = "/etc/apt/sources.list.d";
  const names = await readdir(folder).catch(() => []);
  const sources: DebianSource[] = [];
  for (const path of ["/etc/apt/sources.list", ...names.map((name) => join(folder, name))]) {
    const text = await readFile(path, "utf8").catch(() => "");
    sources.push(...(path.endsWith(".sources") ? stanzas(text) : lines(text)));
  }
  return sources.find(({ uri, suite }) => suite === codename && /^https?:/.test(uri));
}

/** `deb [options] URI SUITE COMPONENT…` (sources.list(5), "ONE-LINE-STYLE FORMAT") */
function lines(text: string): DebianSource[] {
  return [...text.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s/gm)].map(([, uri = "", suite = ""]) => ({
    uri,
    suite,
  }));
}

/** `URIs:` and `Suites:` in paragraphs (sources.list(5), "DEB822-STYLE FORMAT") */
function stanzas(text: string): DebianSource[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const words = (key: string) =>
      new RegExp(`^${key}:(.*)`, "im").exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
    if (!words("Types").includes("deb") || words("Enabled").includes("no")) return [];
    return words("URIs").flatMap((uri) => words("Suites").map((suite) => ({ uri, suite })));
  });
}

async function splitDebian(root: string): Promise<string[]> {
  const parts = ["usr/lib", "usr/share", "var"];
  const left = [...parts, "dev/*", "proc/*", "sys/*"].map((part) => `--exclude=./${part}`);
  const made = [await archive(root, "rest", [...left, "."])];
  for (const part of parts) made.push(await archive(root, part.replace("/", "-"), [`./${part}`]));
  return made;
}

async function splitMachine(folder: string): Promise<string[]> {
  const search = Bun.spawn(
    [
      "find",
      ...machineFolders,
      "-xdev",
      "-type",
      "f",
      "-readable",
      "-size",
      `-${largestFileBytes}c`,
      "-printf",
      "%s %p\\0",
    ],
    { stdout: "pipe", stderr: "ignore" },
  );
  let bytes = 0;
  const paths: string[] = [];
  for (const line of (await new Response(search.stdout).text()).split("\0").filter(Boolean).sort()) {
    const [size = "", path = ""] = [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)];
    if (bytes >= enoughBytes) break;
    bytes += Number(size);
    paths.push(path);
  }
  const share = Math.ceil(paths.length / archives);
  const made = [];
  for (let part = 0; part < archives; part += 1) {
    const list = join(folder, `list-${part}`);
    await Bun.write(
      list,
      paths.slice(part * share, (part + 1) * share).map((path) => `${path}\0`),
    );
    made.push(await archive(folder, `part-${part}`, ["--null", `--files-from=${list}`]));
  }
  return made;
}

async function archive(root: string, name: string, content: readonly string[]): Promise<string> {
  const path = join(dirname(root), `${name}.tar`);
  const options = ["--sort=name", "--mtime=@0", "--numeric-owner", "--directory", root];
  const tar = Bun.spawn(["tar", "--create", "--file", path, ...options, ...content], { stderr: "pipe" });
  const complaints = await new Response(tar.stderr).text();
  if ((await tar.exited) !== 0) throw new Error(`tar could not make ${path}:\n${complaints}`);
  return path;
}
