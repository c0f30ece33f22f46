/**
 * The rules of STYLE.md and ARCHITECTURE.md that a machine can hold. Each is a pure function from files to violations;
 * a violation says where, what, and what would be right.
 */
import { posix } from "node:path";
import { at, type Import, importsOf, isScript, type Source } from "./source.ts";

export type Rule = (files: readonly Source[]) => string[];

/** From left to right; a file may import from its own layer and from those to the right of it. */
const layers = ["wire", "delivery", "registry", "access", "store", "lib"] as const;
const longestFileLines = 400;
/** What bin/lading runs. */
const entry = "src/cli/index.ts";

/** These hold bad samples on purpose. */
const isAboutTidiness = (path: string) => /^test\/(?:support\/)?(?:tidy|source)(?:\.test)?\.ts$/.test(path);
const isUnitTest = (path: string) => path.startsWith("src/") && path.endsWith(".test.ts");
const isSource = (path: string) => path.startsWith("src/") && isScript(path) && !isUnitTest(path);
const isOurScript = (path: string) => /^(?:src|test|bench|scripts)\//.test(path) && isScript(path);
/** The files that put the program together. They may import anything; only they may import each other. */
const isComposer = (path: string) => /^src\/(?:(?:main|worker|config)\.ts$|cli\/)/.test(path);
const layerOf = (path: string) => layers.findIndex((layer) => path.startsWith(`src/${layer}/`));

const pathsOf = (files: readonly Source[]) => new Set(files.map((file) => file.path));
const bySource = (files: readonly Source[]) => files.filter((file) => isSource(file.path));

/** One violation for each place in `view` where the pattern matches. */
function search(
  files: readonly Source[],
  view: "text" | "bare" | "code",
  pattern: RegExp,
  says: (found: string) => string,
): string[] {
  return files.flatMap((file) =>
    [...file[view].matchAll(pattern)].map((match) => `${at(file, match.index)} ${says(match[0].trim())}`),
  );
}

export const importsPointRight: Rule = (files) => {
  const paths = pathsOf(files);
  return files
    .filter((file) => file.path.startsWith("src/") && isScript(file.path))
    .flatMap((file) => {
      const own = layerOf(file.path);
      if (own === -1 && !isComposer(file.path))
        return [
          `${file.path}:1 belongs to no layer; src/ holds main.ts, worker.ts, config.ts, cli/ and ${layers.join("/, ")}/`,
        ];
      return importsOf(file, paths).flatMap(({ target, offset }) => {
        const wrong = target === undefined ? undefined : wrongImport(file.path, own, target);
        return wrong === undefined ? [] : [`${at(file, offset)} imports ${target}; ${wrong}`];
      });
    });
};

function wrongImport(from: string, own: number, target: string): string | undefined {
  if (isUnitTest(from) && target.startsWith("test/support/")) return undefined;
  if (/^(?:test|bench|scripts)\//.test(target))
    return "the program does not need its tests, benchmarks and scripts";
  if (own === -1) return undefined;
  if (isComposer(target))
    return "only main.ts, worker.ts and cli/ import what composes; pass what is needed as an argument";
  if (target.startsWith("src/") && layerOf(target) < own)
    return `${layers[own]} may import from ${layers.slice(own).join(", ")}`;
  return undefined;
}

export const noImportCycles: Rule = (files) => {
  const paths = pathsOf(files);
  const sources = new Map(bySource(files).map((file) => [file.path, file]));
  const done = new Set<string>();
  const violations: string[] = [];
  const visit = (file: Source, trail: readonly string[]) => {
    for (const { target, offset } of importsOf(file, paths)) {
      const next = target === undefined ? undefined : sources.get(target);
      if (next === undefined || done.has(next.path)) continue;
      const start = trail.indexOf(next.path);
      if (start === -1) visit(next, [...trail, next.path]);
      else
        violations.push(
          `${at(file, offset)} closes the circle ${[...trail.slice(start), next.path].join(" → ")}; move what both need to the right`,
        );
    }
    done.add(file.path);
  };
  for (const file of sources.values()) if (!done.has(file.path)) visit(file, [file.path]);
  return violations;
};

/** What the running program imports has to be installed without the development dependencies. Types are free. */
export const importsAreDependencies: Rule = (files) => {
  const manifest = files.find((file) => file.path === "package.json");
  const { dependencies = {} } = JSON.parse(manifest?.text ?? "{}") as {
    dependencies?: Record<string, string>;
  };
  const isThere = ({ specifier, target, typeOnly }: Import) =>
    typeOnly ||
    target !== undefined ||
    /^(?:node|bun):|^bun$/.test(specifier) ||
    (/^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? "") in dependencies;
  return bySource(files).flatMap((file) =>
    importsOf(file, pathsOf(files))
      .filter((found) => !isThere(found))
      .map(
        ({ offset, specifier }) =>
          `${at(file, offset)} imports ${specifier}, which is no dependency in package.json`,
      ),
  );
};

export const environmentIsReadOnce: Rule = (files) =>
  search(
    bySource(files).filter((file) => file.path !== "src/config.ts"),
    "code",
    /\b(?:process|Bun|import\.meta)\.env\b/g,
    (found) => `reads ${found}; add a setting to src/config.ts and pass its value`,
  );

export const timeAndChanceComeFromLib: Rule = (files) =>
  search(
    bySource(files).filter((file) => !file.path.startsWith("src/lib/")),
    "code",
    /\bDate\.now\b|\bnew Date\b(?:\(\s*\)|(?!\s*\())|\bperformance\.now\b|\bBun\.nanoseconds\b|\bprocess\.hrtime\b|\bMath\.random\b|\brandom(?:UUID(?:v[57])?|Bytes|Int)\b|\bgetRandomValues\b/g,
    (found) => `uses ${found}; take the clock or the ids that the call carries, so that tests are exact`,
  );

export const typesAreHonest: Rule = (files) => {
  const scripts = files.filter((file) => isOurScript(file.path) && !isAboutTidiness(file.path));
  return [
    ...search(
      scripts,
      "code",
      /(?:[:<|&,(]|\bas|\bextends|=>)\s*any\b(?!\s*[:(=.])/g,
      () => "says any; say unknown and narrow it",
    ),
    ...search(
      scripts,
      "text",
      /@ts-(?:ignore|nocheck)\b/g,
      (found) => `says ${found}; repair the type, or say @ts-expect-error and why`,
    ),
    ...search(
      scripts,
      "text",
      /@ts-expect-error(?![^\n]*\w{3,}[^\n]* \w+)/g,
      (found) => `says ${found} without a reason; write why behind it`,
    ),
    ...search(
      scripts,
      "text",
      /biome-ignore(?!(?:-\w+)? [\w/]+: *\S+ +\S+ +\S)[^\n]*/g,
      (found) => `says ${found} without a reason; write why behind the colon`,
    ),
  ];
};

export const nothingIsPutOff: Rule = (files) =>
  search(
    files.filter((file) => !isAboutTidiness(file.path) && !/^package-lock\.json$|\.json$/.test(file.path)),
    "text",
    /\b(?:TODO|FIXME|XXX|HACK)\b/g,
    (found) => `says ${found}; do it now, or write an issue`,
  );

/** A helper may leave out a suite whose programs are not there, because it says so; a test file may not. */
export const testsRun: Rule = (files) => {
  const says = (found: string) =>
    `says ${found}; a test runs, or is gone, or a helper leaves it out and says why`;
  const tests = files.filter((file) => file.path.endsWith(".test.ts"));
  const helpers = files.filter((file) => file.path.startsWith("test/") && !file.path.endsWith(".test.ts"));
  return [
    ...search(tests, "code", /\b(?:test|it|describe)(?:\.\w+)*\.(?:skip|only|todo)\b/g, says),
    ...search(helpers, "code", /\b(?:test|it|describe)(?:\.\w+)*\.(?:only|todo)\b/g, says),
  ];
};

type Export = { name: string; offset: number };

const declaration =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\s*\*?|const|let|var|class|type|interface|enum|namespace)\s+(?<name>[\w$]+)/gm;
const list = /^export\s+(?:type\s+)?\{(?<names>[^}]*)\}/gm;

function exportsOf(file: Source): Export[] {
  const declared = [...file.code.matchAll(declaration)].map((match) => ({
    name: match.groups?.name ?? "",
    offset: match.index,
  }));
  const listed = [...file.code.matchAll(list)].flatMap((match) =>
    (match.groups?.names ?? "")
      .split(",")
      .map((name) => ({ name: name.trim().replace(/^(?:type\s|[\s\S]*\sas\s)\s*/, ""), offset: match.index }))
      .filter(({ name }) => name !== ""),
  );
  const all = new Map([...declared, ...listed].map((found) => [found.name, found]));
  return [...all.values()];
}

/** Exports that no other file takes, and files that the program never comes to. */
export const nothingIsUnused: Rule = (files) => {
  const paths = pathsOf(files);
  const taken = new Map<string, Set<string> | "all">();
  const reached = new Set<string>();
  const imports = new Map(
    files.filter((file) => isScript(file.path)).map((file) => [file.path, importsOf(file, paths)]),
  );
  for (const { target, names } of [...imports.values()].flat()) {
    if (target === undefined) continue;
    const before = taken.get(target) ?? new Set();
    taken.set(target, names === "all" || before === "all" ? "all" : new Set([...before, ...names]));
  }
  const reach = (path: string) => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const { target } of imports.get(path) ?? []) if (target !== undefined) reach(target);
  };
  reach(entry);

  return bySource(files).flatMap((file) => {
    if (!reached.has(file.path)) return [`${file.path}:1 is reached by no import from ${entry}; remove it`];
    const uses = taken.get(file.path) ?? new Set();
    if (uses === "all") return [];
    return exportsOf(file)
      .filter(({ name }) => !uses.has(name))
      .map(
        ({ name, offset }) =>
          `${at(file, offset)} exports ${name}, which no other file takes; remove the word export`,
      );
  });
};

export const exportsAreNamed: Rule = (files) => [
  ...search(
    files.filter((file) => isOurScript(file.path)),
    "code",
    /\bexport\s+default\b|\bas\s+default\b(?=[^;]*\})/g,
    (found) => `says ${found}; export it by its name`,
  ),
  ...search(
    bySource(files),
    "code",
    /\bexport\s+(?:type\s+)?\*/g,
    (found) => `says ${found}; import from the file that has it`,
  ),
];

const builderWrite =
  /\.(?:insertInto|replaceInto|updateTable|deleteFrom|mergeInto)\s*(?:<[^()]*>)?\(\s*(?:["'](?<blanks> +)["'])?/g;
const textWrite =
  /\b(?:insert\s+(?:or\s+\w+\s+)?into|replace\s+into|delete\s+from|update)\s+["`\\]*(?<table>[a-z_]\w*)["`\\]*(?<tail>\s+set\b)?/gi;

/** A table is written by one file. Migrations create and fill what they like. */
export const tablesHaveOneWriter: Rule = (files) => {
  const writers = new Map<string, Map<string, string>>();
  const violations: string[] = [];
  const note = (table: string, file: Source, offset: number) => {
    const places = writers.get(table) ?? new Map<string, string>();
    if (!places.has(file.path)) places.set(file.path, at(file, offset));
    writers.set(table, places);
  };
  for (const file of bySource(files)) {
    if (file.path.startsWith("src/store/migrations/")) continue;
    for (const match of file.code.matchAll(builderWrite)) {
      const quoted = match[0].search(/["'] /);
      if (quoted !== -1) {
        const start = match.index + quoted + 1;
        note(
          file.text.slice(start, start + (match.groups?.blanks ?? "").length).split(/\s/)[0] ?? "",
          file,
          match.index,
        );
      } else if (!file.path.startsWith("src/store/")) {
        violations.push(
          `${at(file, match.index)} writes to a table that it does not name; write the name in quotes`,
        );
      }
    }
    for (const match of file.bare.matchAll(textWrite)) {
      const isUpdate = /^update/i.test(match[0]);
      const isText = file.code.slice(match.index, match.index + 6).trim() === "";
      if (isText && (!isUpdate || match.groups?.tail !== undefined))
        note(match.groups?.table ?? "", file, match.index);
    }
  }
  for (const [table, places] of writers) {
    if (places.size === 1) continue;
    for (const [path, place] of places) {
      const others = [...places.keys()].filter((other) => other !== path);
      violations.push(
        `${place} writes table ${table}, as ${others.join(" and ")} does; keep the writes in the file of its noun`,
      );
    }
  }
  return violations.sort();
};

export const filesAreShort: Rule = (files) =>
  files
    .filter(
      (file) => /^(?:src|bench|scripts)\//.test(file.path) && isScript(file.path) && !isUnitTest(file.path),
    )
    .filter((file) => !file.path.includes("/contract/"))
    .map((file) => ({ path: file.path, lines: file.text.trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > longestFileLines)
    .map(
      ({ path, lines }) =>
        `${path}:${lines} is the last line; ${longestFileLines} are enough for one subject, so give the second its own file`,
    );

/** Tests drive the program from outside. Unit tests stand beside their source; tests of the text itself may read it. */
export const testsStayOutside: Rule = (files) => {
  const paths = pathsOf(files);
  return files
    .filter((file) => file.path.startsWith("test/") && isScript(file.path))
    .filter((file) => !/^test\/(?:support\/)?(?:tidy|docs)\b/.test(file.path))
    .flatMap((file) =>
      importsOf(file, paths)
        .filter(({ target }) => target?.startsWith("src/"))
        .map(
          ({ target, offset }) =>
            `${at(file, offset)} imports ${target}; drive a server from test/support/server.ts, or put a unit test beside the source`,
        ),
    );
};

/** Kebab-case, except for the documents at the root that the world expects in capitals. */
export const namesAreKebabCase: Rule = (files) =>
  files
    .filter(({ path }) => path.includes("/") && !path.startsWith("."))
    .filter(({ path }) =>
      path
        .split("/")
        .some((part) => !/^\.?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/.test(part)),
    )
    .map(({ path }) => `${path}:1 is not in kebab-case; ${suggest(path)} would be`);

const suggest = (path: string) =>
  path
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();

/** Nothing that is true of one machine only. */
export const nothingIsFromOneMachine: Rule = (files) => {
  const others = files.filter((file) => !isAboutTidiness(file.path));
  return [
    ...search(
      others,
      "text",
      /(?<![\w.~$}*-])\/(?:home|root|Users|work)\/[\w.-]*/g,
      (found) => `names the path ${found} of one machine; write it from the project's root`,
    ),
    ...search(
      files.filter((file) => posix.basename(file.path) === "package-lock.json"),
      "text",
      /"resolved": "https?:[^"]*/g,
      () =>
        "names the host that packages came from; lock with `npm install --omit-lockfile-registry-resolved`",
    ),
    ...search(
      others,
      "text",
      /\bregistry\.(?:npmjs|yarnpkg|npmmirror)\.\w+|(?<=^|\n)\s*registry\s*=\s*["']?https?:[^\n]*/g,
      (found) => `names ${found}; where packages come from is the matter of who installs`,
    ),
  ];
};

/** `docs/decisions/NNNN-title.md`, each number once and none left out. */
export const decisionsAreNumbered: Rule = (files) =>
  files
    .filter((file) => file.path.startsWith("docs/decisions/"))
    .map((file) => file.path)
    .sort()
    .flatMap((path, index) => {
      const number = String(index + 1).padStart(4, "0");
      return new RegExp(`^docs/decisions/${number}-[a-z0-9]+(?:-[a-z0-9]+)*\\.md$`).test(path)
        ? []
        : [`${path}:1 is not named ${number}-title.md, which comes next`];
    });

/** A path in backticks in a document is there; one that ends with a slash is a folder. History may name what is gone. */
export const documentsNameWhatExists: Rule = (files) => {
  const paths = files.map((file) => file.path);
  const exists = (path: string) =>
    paths.some((other) =>
      path.endsWith("/") ? other.startsWith(path) : other === path || other.startsWith(`${path}/`),
    );
  const documents = files.filter(
    ({ path }) => path.endsWith(".md") && !/^CHANGELOG|^docs\/decisions\//.test(path),
  );
  return documents.flatMap((file) =>
    [...file.text.matchAll(/`(?<path>(?:src|test|bench|scripts|docs)\/(?!decisions\/NNNN)[\w./-]*)`/g)]
      .filter(({ groups }) => !exists(groups?.path ?? ""))
      .map(
        ({ groups, index }) =>
          `${at(file, index)} names ${groups?.path}, which does not exist; name what is there`,
      ),
  );
};
