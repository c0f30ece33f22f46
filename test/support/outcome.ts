/** Reads what `bun test --parallel` leaves behind: its output, and its JUnit report. */

export type Totals = { passed: number; failed: number; skipped: number };

const shownLines = 25;

/**
 * The totals that the output ends with. The report cannot serve: it lacks the files that did not load. A run that ended
 * badly, or without totals because a test ended the process, counts as one failure at least.
 */
export function totalsIn(output: string, exitCode: number): Totals {
  const summary =
    /((?:^ *\d+ (?:pass|skip|todo|fail|error|expect\(\) calls|filtered out)[^\n]*\n)+)Ran \d+ tests? across [^\n]*\s*$/m;
  const lines = summary.exec(output)?.[1];
  const count = (word: string) => Number(new RegExp(`^ *(\\d+) ${word}`, "m").exec(lines ?? "")?.[1] ?? 0);
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
export function failuresIn(output: string, report: string): string[] {
  const cases = report.matchAll(
    /<testcase name="(?<name>[^"]*)" classname="(?<group>[^"]*)"[^>]* file="(?<file>[^"]*)"(?: line="(?<line>\d+)")?[^>]*>\s*<failure[^>]*?(?: message="(?<message>[^"]*)"[^>]*?)?(?:\/>|>(?<text>[^<]*)<\/failure>)/g,
  );
  const failed = [...cases].map(({ groups = {} }) => {
    const place = groups.line === undefined ? groups.file : `${groups.file}:${groups.line}`;
    const title = [groups.group, groups.name].filter((part) => part).join(" > ");
    return `${place} ${decode(title)}\n${beginning(decode(groups.text ?? groups.message ?? ""))}`;
  });
  const outside = [...output.matchAll(/^# Unhandled error between tests\n-+\n([\s\S]*?)\n-{10,}$/gm)].map(
    (match) => {
      const file =
        [...output.slice(0, match.index).matchAll(/^(\S+\.test\.tsx?):$/gm)].at(-1)?.[1] ?? "a file";
      return `${file} failed outside of its tests\n${beginning(match[1] ?? "")}`;
    },
  );
  return [...failed, ...outside];
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
