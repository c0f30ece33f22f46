/**
 * What `npm test` runs: `bun test/run.ts [patterns]`. Without patterns it runs every test there is. The last line says
 * `N passed, N failed`, with `, N skipped` if any were, and the exit code is 0 only if tests ran and none failed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failuresIn, totalsIn } from "./support/outcome.ts";
import { ensurePackages } from "./support/packages.ts";

const workers = 2;
const testTimeoutMs = 60_000;
const shownFailures = 30;

const { missing } = await ensurePackages();
if (missing.length > 0) console.log(`Not installed: ${missing.join(", ")}. The tests that need them say so.`);

const folder = await mkdtemp(join(tmpdir(), "lading-run-"));
const reportFile = join(folder, "report.xml");
const patterns = process.argv.slice(2);
const child = Bun.spawn(
  [
    process.execPath,
    "test",
    `--parallel=${workers}`,
    `--timeout=${testTimeoutMs}`,
    // A server that a dead test left behind must not outlive the run.
    "--no-orphans",
    "--reporter=junit",
    `--reporter-outfile=${reportFile}`,
    ...(process.env.CI === "true" ? ["--only-failures"] : []),
    ...(patterns.length > 0 ? patterns : ["./src", "./test"]),
  ],
  { stdin: "ignore", stdout: "pipe", stderr: "pipe", env: neutral(process.env) },
);

/** Without what would point clients at somebody's real account, or the server at somebody's settings. */
function neutral(env: Readonly<Record<string, string | undefined>>) {
  const isOurs = (name: string) => name.startsWith("LADING_TEST_");
  const isForeign = (name: string) => /^(?:AWS|LADING|DOCKER|REGISTRY)_/.test(name) && !isOurs(name);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isForeign(name)));
}

let output = "";
async function forward(stream: ReadableStream<Uint8Array>) {
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true });
    output += text;
    process.stdout.write(text);
  }
}
const [exitCode] = await Promise.all([child.exited, forward(child.stdout), forward(child.stderr)]);

const report = Bun.file(reportFile);
const failures = failuresIn(output, (await report.exists()) ? await report.text() : "");
const { passed, failed, skipped } = totalsIn(output, exitCode);
await rm(folder, { recursive: true, force: true });

if (failed > 0) console.log("\nFailed:");
for (const failure of failures.slice(0, shownFailures)) console.log(`\n${failure}`);
if (failed > 0 && failures.length === 0)
  console.log(`\nThe run itself, which ended with exit code ${exitCode}`);
else if (failed > shownFailures) console.log(`\nand ${failed - shownFailures} more; see above`);

console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
