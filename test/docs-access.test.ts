/** docs/access.md against the program: its condition keys are those that can have a value, and its commands exist. */
import { expect, test } from "bun:test";
import { resolve } from "node:path";

const read = (path: string) => Bun.file(resolve(import.meta.dir, "..", path)).text();

test("the condition keys of docs/access.md are those that the program knows", async () => {
  const document = await read("docs/access.md");
  const section = /^## Conditions$(.*?)^## /ms.exec(document)?.[1] ?? "";
  const rows = section.split("\n").flatMap((line) => line.split("|")[1] ?? []);
  const told = rows.flatMap((cell) =>
    [...cell.matchAll(/`((?:aws|ecr|sts):\w+\/?)/g)].map(([, key = ""]) => key),
  );
  // A table of one key per line; the condition keys of its tags end with a slash on both sides.
  const source = await read("src/access/policy/condition-keys.ts");
  const known = [...source.matchAll(/^ {2}"((?:aws|ecr|sts):\w+\/?)":/gm)].map(([, key = ""]) => key);
  expect(known.length).toBeGreaterThan(40);
  expect(told.map((key) => key.toLowerCase()).sort()).toEqual(known.sort());
});

test("every command in docs/access.md is one that the program has, with flags that it takes", async () => {
  const document = (await read("docs/access.md")).replaceAll("\\\n", " ");
  const lines = [...document.matchAll(/^ {4}lading ([a-z-]+)([^#\n]*)/gm)];
  expect(lines.length).toBeGreaterThan(12);
  const help = new Map<string, string>();
  for (const [, command = "", rest = ""] of lines) {
    if (!help.has(command)) {
      const child = Bun.spawn([resolve(import.meta.dir, "../bin/lading"), command, "--help"], {
        stdout: "pipe",
      });
      help.set(command, await new Response(child.stdout).text());
      expect(await child.exited).toBe(0);
    }
    for (const [flag] of rest.matchAll(/(?<=\s)--[a-z-]+/g)) expect(help.get(command)).toContain(`${flag} `);
  }
});
