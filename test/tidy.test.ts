/**
 * Reads the project's own text and holds it to STYLE.md and ARCHITECTURE.md. Each rule runs twice: over the project,
 * where it must find nothing, and over a bad sample, where it must find exactly what is wrong.
 */
import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { readProject, source } from "./support/source.ts";
import * as tidy from "./support/tidy.ts";

const project = readProject(resolve(import.meta.dir, ".."));

type Case = {
  rule: tidy.Rule;
  /** Files of an invented project. */
  bad: Readonly<Record<string, string>>;
  /** `path:line` of each violation in it, in the rule's order. What is not listed must not be found. */
  found: readonly string[];
};

const unused = `
  import { used } from "./b.ts";
  import * as space from "./c.ts";
  used(space.one);
`;

const cases: Readonly<Record<string, Case>> = {
  "imports point right: wire, delivery, registry, access, store, lib": {
    rule: tidy.importsPointRight,
    bad: {
      "src/main.ts": `import { serve } from "./wire/listener.ts";`,
      "src/config.ts": "",
      "src/wire/listener.ts": `import { images } from "../registry/images.ts";`,
      "src/registry/images.ts": `import type { Row } from "../wire/listener.ts";\nimport { list } from "./tags";`,
      "src/registry/tags.ts": `// import { x } from "../wire/x.ts"\nimport { log } from "../lib/log.ts";`,
      "src/store/database.ts": `\nconst a = await import("../access/keys.ts");\nexport { b } from "../config.ts";`,
      "src/lib/log.ts": `import { start } from "../../test/support/server.ts";`,
      "src/lib/log.test.ts": `import { start } from "../../test/support/server.ts";`,
      "src/helpers/text.ts": "",
    },
    found: [
      "src/registry/images.ts:1",
      "src/store/database.ts:2",
      "src/store/database.ts:3",
      "src/lib/log.ts:1",
      "src/helpers/text.ts:1",
    ],
  },
  "imports make no circle": {
    rule: tidy.noImportCycles,
    bad: {
      "src/lib/a.ts": `import { b } from "./b.ts";`,
      "src/lib/b.ts": `import { c } from "./c.ts";\nimport { d } from "./d.ts";`,
      "src/lib/c.ts": `\n\nimport type { A } from "./a.ts";`,
      "src/lib/d.ts": `const text = 'import { a } from "./a.ts"';`,
    },
    found: ["src/lib/c.ts:3"],
  },
  "what the program imports is a dependency": {
    rule: tidy.importsAreDependencies,
    bad: {
      "package.json": `{"dependencies": {"@aws-sdk/client-s3": "1"}, "devDependencies": {"@aws-sdk/client-ecr": "1"}}`,
      "src/store/blobs-s3.ts": `import { S3Client } from "@aws-sdk/client-s3/deep";\nimport { join } from "node:path";`,
      "src/wire/rows.ts": `import { type A, type B } from "@aws-sdk/client-ecr";\nimport { ECR } from "@aws-sdk/client-ecr";`,
      "src/wire/rows.test.ts": `import { ECR } from "@aws-sdk/client-ecr";`,
    },
    found: ["src/wire/rows.ts:2"],
  },
  "the environment is read in src/config.ts only": {
    rule: tidy.environmentIsReadOnce,
    bad: {
      "src/config.ts": "const home = process.env.HOME;",
      "src/lib/log.ts":
        "// process.env is not read here\nconst level = process.env.LEVEL ?? Bun.env.B ?? 'process.env.C';",
    },
    found: ["src/lib/log.ts:2", "src/lib/log.ts:2"],
  },
  "the time and random values come from src/lib only": {
    rule: tidy.timeAndChanceComeFromLib,
    bad: {
      "src/lib/clock.ts": "const now = Date.now();",
      "src/access/keys.ts":
        'import { randomBytes } from "node:crypto";\nconst a = new Date(5);\nconst b = [new Date(), Math.random()];\nconst c = (d: Date) => "Date.now()";',
      "src/access/keys.test.ts": "const now = Date.now();",
    },
    found: ["src/access/keys.ts:1", "src/access/keys.ts:3", "src/access/keys.ts:3"],
  },
  "types are honest: no any, and no silenced check without a reason": {
    rule: tidy.typesAreHonest,
    bad: {
      "src/lib/a.ts":
        "// any word here\nlet a: any;\nconst b = c as any[];\nconst d = { any: 1, e: [1] };\nPromise.any([]);\nf<string, any>();",
      "src/lib/b.ts":
        "// @ts-ignore because\n// @ts-expect-error\n// @ts-expect-error the driver's type lacks it",
      "test/c.ts":
        "// biome-ignore lint/suspicious/noX: why\n// biome-ignore lint/suspicious/noX: the standard wants this",
    },
    found: [
      "src/lib/a.ts:2",
      "src/lib/a.ts:3",
      "src/lib/a.ts:6",
      "src/lib/b.ts:1",
      "src/lib/b.ts:2",
      "test/c.ts:1",
    ],
  },
  "nothing is put off": {
    rule: tidy.nothingIsPutOff,
    bad: { "src/lib/a.ts": "\n// TODO: think", "docs/a.md": "FIXME", "test/b.ts": "test.todo" },
    found: ["src/lib/a.ts:2", "docs/a.md:1"],
  },
  "every test runs": {
    rule: tidy.testsRun,
    bad: {
      "test/a.test.ts": `test("a", () => {});\ntest.skip("b", () => {});\ndescribe.only("c", () => {});\ntest.skipIf(x)("d");`,
      "src/lib/b.test.ts": `it.concurrent.todo("d");`,
      "test/support/c.ts": `describe.skip("e", body);\ndescribe.only("f", body);`,
    },
    found: ["test/a.test.ts:2", "test/a.test.ts:3", "src/lib/b.test.ts:1", "test/support/c.ts:2"],
  },
  "nothing is unused": {
    rule: tidy.nothingIsUnused,
    bad: {
      "src/cli/index.ts": `await import("../main.ts");`,
      "src/main.ts": unused,
      "src/b.ts": "export function used() {}\nexport type Unused = 1;\nconst a = 1;\nexport { a as b };",
      "src/c.ts": "export const one = 1;\nexport const two = 2;\nexport async function three() {}",
      "src/d.ts": "export const testOnly = 1;",
      "test/e.test.ts": `import { three } from "../src/c.ts";\nimport { testOnly } from "../src/d.ts";`,
    },
    found: ["src/b.ts:2", "src/b.ts:4", "src/c.ts:2", "src/d.ts:1"],
  },
  "exports are named": {
    rule: tidy.exportsAreNamed,
    bad: { "src/lib/a.ts": `export const b = 1;\nexport default b;\nexport * from "./c.ts";` },
    found: ["src/lib/a.ts:2", "src/lib/a.ts:3"],
  },
  "a table is written by one file": {
    rule: tidy.tablesHaveOneWriter,
    bad: {
      "src/store/migrations/0001-first.ts": "sql`insert into images (id) values (1)`;",
      "src/registry/images.ts": `db.insertInto("images");\ndb.updateTable("images as i");\ndb.selectFrom("tags");`,
      "src/registry/tags.ts": `db.deleteFrom("tags");\nconst update = 1;\ndb.insertInto(table);`,
      "src/registry/garbage.ts":
        "\n\nsql`delete from images where id = 1`;\n// update tags set a = 1\nhash.update(bytes);",
    },
    found: ["src/registry/garbage.ts:3", "src/registry/images.ts:1", "src/registry/tags.ts:3"],
  },
  "files have one subject": {
    rule: tidy.filesAreShort,
    bad: {
      "src/lib/long.ts": "x;\n".repeat(401),
      "src/lib/long.test.ts": "x;\n".repeat(401),
      "src/lib/right.ts": "x;\n".repeat(400),
      "src/wire/aws/contract/data.ts": "x;\n".repeat(4000),
    },
    found: ["src/lib/long.ts:401"],
  },
  "tests stay outside of the program": {
    rule: tidy.testsStayOutside,
    bad: {
      "test/push.test.ts": `import { a } from "./support/server.ts";\nimport { fault } from "../src/lib/faults.ts";`,
      "test/docs.test.ts": `import { fault } from "../src/lib/faults.ts";`,
      "src/lib/faults.test.ts": `import { fault } from "./faults.ts";`,
    },
    found: ["test/push.test.ts:2"],
  },
  "names are in kebab-case": {
    rule: tidy.namesAreKebabCase,
    bad: {
      "README.md": "",
      "src/registry/pullThrough.ts": "",
      "src/registry/pull-through.test.ts": "",
      "docs/decisions/0001-one.md": "",
      "test/golden_files/help.txt": "",
      ".ci/run": "",
    },
    found: ["src/registry/pullThrough.ts:1", "test/golden_files/help.txt:1"],
  },
  "nothing is true of one machine only": {
    rule: tidy.nothingIsFromOneMachine,
    bad: {
      "docs/a.md": "see https://example.com/home/x\nsee /home/somebody/notes.md\nand ./home/x",
      "package-lock.json": `"a": {\n"resolved": "https://packages.example/a.tgz"\n}`,
      ".npmrc": "fund=false\nregistry=https://packages.example/",
    },
    found: ["docs/a.md:2", "package-lock.json:2", ".npmrc:2"],
  },
  "documents name what exists": {
    rule: tidy.documentsNameWhatExists,
    bad: {
      "src/lib/log.ts": "",
      "docs/a.md": "`src/lib/log.ts` and `src/lib/`,\n`src/lib/gone.ts`, `src/<noun>.ts` and\n`src/libs/`",
      "docs/decisions/0001-one.md": "`src/lib/gone.ts`",
    },
    found: ["docs/a.md:2", "docs/a.md:3"],
  },
  "decisions are numbered": {
    rule: tidy.decisionsAreNumbered,
    bad: { "docs/decisions/0001-one.md": "", "docs/decisions/0003-three.md": "" },
    found: ["docs/decisions/0003-three.md:1"],
  },
};

describe("the project is tidy", () => {
  for (const [name, { rule }] of Object.entries(cases)) {
    test(name, () => {
      expect(rule(project)).toEqual([]);
    });
  }
});

describe("the rule can fail", () => {
  for (const [name, { rule, bad, found }] of Object.entries(cases)) {
    test(name, () => {
      const files = Object.entries(bad).map(([path, text]) => source(path, text));
      expect(rule(files).map((violation) => violation.split(" ")[0] ?? "")).toEqual([...found]);
    });
  }

  test("and every rule has a sample", () => {
    expect(new Set(Object.values(cases).map(({ rule }) => rule))).toEqual(new Set(Object.values(tidy)));
  });
});

test("comments, strings, templates and regular expressions are told apart from code", () => {
  const hole = "$" + "{";
  const text = [
    `a /* b */ + "c // d" + 'e' // f`,
    `\`g ${hole}h("i")} ${hole}\`j\`} k\``,
    `\`l ${hole}{ m: {} }} n\`;`,
    `/o["'](?:\\/)p/.test(q) / r; // s`,
  ].join("\n");
  const { bare, code } = source("a.ts", text);
  expect(bare.replace(/ +/g, " ")).toBe(text.replace("/* b */ ", "").replace("// f", "").replace("// s", ""));
  expect(code.replace(/ +/g, " ")).toBe(
    [
      `a + " " + ' ' `,
      `\` ${hole}h(" ")} ${hole}\` \`} \``,
      `\` ${hole}{ m: {} }} \`;`,
      `/ /.test(q) / r; `,
    ].join("\n"),
  );
});
