/** Reads the project's files as text, and finds the imports in them, for the rules in tidy.ts. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

/** One file, with two views of its text. All three have the same length, so that an offset means the same in each. */
export type Source = {
  /** From the project's root, with slashes. */
  path: string;
  text: string;
  /** Comments are blanks. */
  bare: string;
  /** Comments, and what stands inside of strings, templates and regular expressions, are blanks. */
  code: string;
};

export type Import = {
  offset: number;
  /** What stands between the quotes. */
  specifier: string;
  /** The file from the project's root, for a relative specifier. */
  target: string | undefined;
  typeOnly: boolean;
  /** The exported names that are taken, or "all" where that cannot be told. */
  names: readonly string[] | "all";
};

const notOurs = new Set([".git", "node_modules", "data", "dist", "coverage"]);

/** Every text file of the project under `root`, sorted by path. */
export function readProject(root: string): Source[] {
  const paths: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory() && !notOurs.has(entry.name)) walk(path);
      else if (entry.isFile() && !entry.name.endsWith(".tmp")) paths.push(path);
    }
  };
  walk("");
  return paths
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))
    .filter(({ text }) => !text.includes("\0"))
    .map(({ path, text }) => source(path, text));
}

export function source(path: string, text: string): Source {
  return { path, text, ...(isScript(path) ? views(text) : { bare: text, code: text }) };
}

export function isScript(path: string): boolean {
  return /\.tsx?$/.test(path);
}

/** `path:line`, the line that the offset lies in. */
export function at(file: Source, offset: number): string {
  return `${file.path}:${file.text.slice(0, offset).split("\n").length}`;
}

/** Words after which a slash begins a regular expression and does not divide. */
const beforeRegex =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|await|yield))\s*$/;

/**
 * Blanks comments, and for `code` the inside of literals. Knows as much of the grammar as that needs: quotes, nested
 * templates, and the two meanings of a slash.
 */
function views(text: string): Pick<Source, "bare" | "code"> {
  const bare = text.split("");
  const code = [...bare];
  const blank = (view: string[], from: number, to: number) => {
    for (let i = from; i < to; i++) if (view[i] !== "\n") view[i] = " ";
  };
  /** For each open `${`, the number of braces open inside of it. */
  const holes: number[] = [];
  let i = 0;

  /** From behind an opening backtick, or behind the `}` of a hole, to behind the closing backtick or the next `${`. */
  const template = (from: number): number => {
    let end = from;
    while (end < text.length && text[end] !== "`" && !text.startsWith("${", end))
      end += text[end] === "\\" ? 2 : 1;
    blank(code, from, end);
    if (text[end] !== "$") return end + 1;
    holes.push(0);
    return end + 2;
  };

  while (i < text.length) {
    const character = text[i] as string;
    const rest = () => text.slice(i, i + 10_000);
    let end = i + 1;
    if (text.startsWith("//", i) || text.startsWith("/*", i)) {
      const close = text[i + 1] === "/" ? text.indexOf("\n", i) : text.indexOf("*/", i) + 2;
      end = close < i + 2 ? text.length : close;
      blank(bare, i, end);
      blank(code, i, end);
    } else if (character === '"' || character === "'") {
      end = i + (/^(["'])(?:\\[\s\S]|(?!\1)[^\\\n])*\1?/.exec(rest())?.[0].length ?? 1);
      blank(code, i + 1, end - 1);
    } else if (character === "`") {
      end = template(i + 1);
    } else if (character === "/" && beforeRegex.test(code.slice(Math.max(0, i - 40), i).join(""))) {
      end = i + (/^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//.exec(rest())?.[0].length ?? 1);
      blank(code, i + 1, end - 1);
    } else if (holes.length > 0 && character === "{") {
      holes.push((holes.pop() ?? 0) + 1);
    } else if (holes.length > 0 && character === "}") {
      const open = holes.pop() ?? 0;
      if (open === 0) end = template(i + 1);
      else holes.push(open - 1);
    }
    i = end;
  }
  return { bare: bare.join(""), code: code.join("") };
}

const importForms = [
  /\b(?:import|export)\b(?<type>\s+type\b)?(?<clause>[^;"'()=]*?)\bfrom\s*["'](?<specifier> +)["']/g,
  /\bimport\s*["'](?<specifier> +)["']/g,
  /\bimport\(\s*["'](?<specifier> +)["']/g,
  /\bnew URL\(\s*["'](?<specifier> +)["']\s*,\s*import\.meta\.url/g,
];

/** The imports and re-exports of a file, of values and of types. `paths` are the files there are. */
export function importsOf(file: Source, paths: ReadonlySet<string>): Import[] {
  const found: Import[] = [];
  for (const form of importForms) {
    for (const match of file.code.matchAll(form)) {
      const { type, clause, specifier: blanks = "" } = match.groups ?? {};
      const start = match.index + match[0].search(/["'] +["']/) + 1;
      const specifier = file.text.slice(start, start + blanks.length);
      found.push({
        offset: match.index,
        specifier,
        target: resolve(file.path, specifier, paths),
        typeOnly: type !== undefined || /^\s*\{(?:\s*type\s[^,{}]*,?)+\s*\}\s*$/.test(clause ?? ""),
        names: clause === undefined ? "all" : namesIn(clause, file),
      });
    }
  }
  return found.sort((a, b) => a.offset - b.offset);
}

/** The names before `as` in `{ a, type b as c }`; for `* as space` the members that the file uses. */
function namesIn(clause: string, file: Source): readonly string[] | "all" {
  const space = /\*\s*as\s+([\w$]+)/.exec(clause)?.[1];
  if (space !== undefined) {
    const uses = [...file.code.matchAll(new RegExp(`(?<![\\w$.])${space}\\b(?:\\.([\\w$]+))?`, "g"))];
    const members = uses.map((use) => use[1]).filter((name) => name !== undefined);
    return members.length < uses.length - 1 ? "all" : members;
  }
  if (clause.includes("*")) return "all";
  return (/\{([^}]*)\}/.exec(clause)?.[1] ?? "")
    .split(",")
    .map((name) =>
      name
        .trim()
        .replace(/^type\s+/, "")
        .replace(/\s+as\s[\s\S]*$/, ""),
    )
    .filter((name) => name !== "");
}

function resolve(from: string, specifier: string, paths: ReadonlySet<string>): string | undefined {
  if (!/^\.\.?(?:\/|$)/.test(specifier)) return undefined;
  const path = posix.join(posix.dirname(from), specifier);
  return (
    [path, `${path}.ts`, `${path}.tsx`, `${path}/index.ts`].find((candidate) => paths.has(candidate)) ?? path
  );
}
