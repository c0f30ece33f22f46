/** The runner that every other test relies on must notice whatever can go wrong with one. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTests } from "./support/test-run.ts";

/** Runs files with these contents, by name, each behind an import of what bun:test has. */
async function run(files: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), "lading-run-test-"));
  const imports = `import { afterAll, beforeAll, describe, expect, test } from "bun:test";`;
  try {
    for (const [name, text] of Object.entries(files))
      await Bun.write(join(folder, "cases", `${name}.test.ts`), `${imports}\n${text}`);
    let output = "";
    const { failures, ...totals } = await runTests({
      patterns: ["./cases"],
      folder,
      write: (text) => {
        output += text;
      },
    });
    return { totals, titles: failures.map((failure) => failure.split("\n")[0] ?? ""), failures, output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("counts what passed, failed and was skipped, and what failed outside of a test", async () => {
  const { totals, titles, failures, output } = await run({
    good: `test("a", () => {});\ntest("b", () => console.log("3 fail"));`,
    bad: `describe("c", () => { test("d <&>", () => expect("1").toBe("2")); });\ntest.skip("e", () => {});\ntest.todo("f");`,
    "no-load": `import { g } from "./absent.ts";\ntest("g", () => g());`,
    "no-setup": `beforeAll(() => { throw new Error("h"); });\ntest("i", () => {});`,
    "no-teardown": `afterAll(() => { throw new Error("j"); });\ntest("k", () => {});`,
    late: `test("l", () => { setTimeout(() => { throw new Error("m"); }, 1); });\ntest("n", () => Bun.sleep(50));`,
    slow: `test("o", () => new Promise(() => {}), 100);`,
    exits: `test("p", () => process.exit(0));\ntest("q", () => {});`,
    killed: `test("r", () => process.kill(process.pid, "SIGKILL"));`,
  });
  expect(totals).toEqual({ passed: 4, failed: 8, skipped: 2 });
  expect([...titles].sort()).toEqual([
    "Outside of any test",
    "cases/bad.test.ts:2 c > d <&>",
    "cases/exits.test.ts (worker crashed)",
    "cases/killed.test.ts (worker crashed)",
    "cases/late.test.ts:3 n",
    "cases/no-setup.test.ts (unnamed)",
    "cases/no-teardown.test.ts (unnamed)",
    "cases/slow.test.ts:2 o",
  ]);
  expect(failures.find((failure) => failure.includes("d <&>"))).toContain(`Expected: "2"\n    Received: "1"`);
  expect(failures.find((failure) => failure.startsWith("Outside"))).toContain("cases/no-load.test.ts");
  expect(output).toContain("4 pass");
});

test("passes when everything passes", async () => {
  const { totals, titles } = await run({ good: `test("a", () => {});` });
  expect({ totals, titles }).toEqual({ totals: { passed: 1, failed: 0, skipped: 0 }, titles: [] });
});

test("notices a lone test that ends the process as if all were well", async () => {
  const { totals, titles } = await run({ exits: `test("a", () => process.exit(0));` });
  expect(totals).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(titles).toEqual(["The run itself ended with exit code 0 before it had counted"]);
});

test("counts nothing where there is no test", async () => {
  const { totals, titles } = await run({});
  expect({ totals, titles }).toEqual({ totals: { passed: 0, failed: 0, skipped: 0 }, titles: [] });
});
