/**
 * Runs `bun test` in a process of its own and counts. Bun's output alone has the totals, and its JUnit report alone has
 * the place and the error of each failed test in a form that a program can read; so this reads both.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const workers = 2;
const testTimeoutMs = 60_000;
const shownLines = 25;

type Totals = { passed: number; failed: number; skipped: number };

/** `failures` has a text for each failure: where, which test, and the beginning of the error. */
export type TestRun = Totals & { failures: readonly string[] };

export type TestRunOptions = {
  /** Files, folders or parts of paths. */
  patterns: readonly string[];
  /** The project whose tests run; the working folder unless given. */
  folder?: string;
  /** Gets the output as it comes. */
  write: (text: string) => void;
};

/** Runs the tests that match. When none does, all numbers are 0. */
export async function runTests(options: TestRunOptions): Promise<TestRun> {
  const scratch = await mkdtemp(join(tmpdir(), "lading-run-"));
  const reportFile = join(scratch, "report.xml");
  const child = Bun.spawn([process.execPath, "test", ...flags(reportFile), ...options.patterns], {
    cwd: options.folder ?? process.cwd(),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: neutral(process.env),
  });
  let output = "";
  const forward = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const text = decoder.decode(chunk, { stream: true });
      output += text;
      options.write(text);
    }
  };
  const [exitCode] = await Promise.all([child.exited, forward(child.stdout), forward(child.stderr)]);
  const report = Bun.file(reportFile);
  const failures = failuresIn(output, (await report.exists()) ? await report.text() : "");
  await rm(scratch, { recursive: true, force: true });

  const totals = totalsIn(output, exitCode);
  if (totals.failed > 0 && failures.length === 0)
    failures.push(`The run itself ended with exit code ${exitCode} before it had counted`);
  return { ...totals, failures };
}

function flags(reportFile: string): string[] {
  return [
    `--parallel=${workers}`,
    `--timeout=${testTimeoutMs}`,
    // A server that a dead test left behind must not outlive the run.
    "--no-orphans",
    "--reporter=junit",
    `--reporter-outfile=${reportFile}`,
    ...(process.env.CI === "true" ? ["--only-failures"] : []),
  ];
}

/** Without what would point clients at somebody's real account, or the server at somebody's settings. */
function neutral(env: Readonly<Record<string, string | undefined>>) {
  const isForeign = (name: string) => /^(?:AWS|DOCKER|REGISTRY)_|^LADING_(?!TEST_)/.test(name);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isForeign(name)));
}

/**
 * The totals that the output ends with. The report cannot serve: it lacks the files that did not load. A run that ended
 * badly, or without totals because a test ended the process, counts as one failure at least.
 */
function totalsIn(output: string, exitCode: number): Totals {
  const lines = [...output.matchAll(/((?:^[^\n]+\n)+)Ran \d+ tests? across /gm)].at(-1)?.[1];
  const count = (word: string) => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(lines ?? "")?.[1] ?? 0);
  const endedBadly = exitCode !== 0 || lines === undefined ? 1 : 0;
  const noTests =
    /did not match any test files|had no matches|matched 0 tests/.test(output) && lines === undefined;
  return {
    passed: count("pass"),
    failed: noTests ? 0 : Math.max(count("fail"), count("error"), endedBadly),
    skipped: count("skip") + count("todo"),
  };
}

/** Each failed test with its place and the beginning of its error, then what failed outside of any test. */
function failuresIn(output: string, report: string): string[] {
  const cases = report.matchAll(
    /<testcase name="(?<name>[^"]*)" classname="(?<group>[^"]*)"[^>]* file="(?<file>[^"]*)"(?: line="(?<line>\d+)")?[^>]*>\s*<failure[^>]*?(?: message="(?<message>[^"]*)"[^>]*?)?(?:\/>|>(?<text>[^<]*)<\/failure>)/g,
  );
  const failed = [...cases].map(({ groups = {} }) => {
    const place = groups.line === undefined ? groups.file : `${groups.file}:${groups.line}`;
    const title = [groups.group, groups.name].filter((part) => part).join(" > ");
    return `${place} ${decode(title)}\n${beginning(decode(groups.text ?? groups.message ?? ""))}`;
  });
  // The file's name is not always printed before such an error; the error itself names it.
  const outside = output.matchAll(/^# Unhandled error between tests\n-+\n([\s\S]*?)\n-{10,}$/gm);
  return [...failed, ...[...outside].map((match) => `Outside of any test\n${beginning(match[1] ?? "")}`)];
}

function beginning(text: string): string {
  return text
    .trim()
    .split("\n")
    .slice(0, shownLines)
    .map((line) => `    ${line}`.trimEnd())
    .join("\n");
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code, name) =>
    code === undefined ? (entities[name] ?? whole) : String.fromCodePoint(Number(code)),
  );
}
