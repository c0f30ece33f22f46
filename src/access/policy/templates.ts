/**
 * Policy variables: `${aws:username}` in a text stands for the value that the request has under that key. IAM user
 * guide, "Variables and tags": only in version 2012-10-17, only in resources and in values of string and ARN
 * operators, and only for keys with a single value. What a variable brings in means itself: a `*` in it is no wildcard.
 */
import { type Part, wildcardParts } from "./match.ts";

/**
 * What is known of a request: values by condition key in lower case, undefined when there are none. A `Map` is one, and
 * so is what finds values when they are first asked for. Whoever fills it bounds the values, because a match may cost
 * the product of a value's length and the policy's, and answers the same for as long as a decision takes.
 */
export type Context = { get(key: string): readonly string[] | undefined };

/** A decision asks about a few keys again and again; more of them are passed on to the context each time. */
const maxRemembered = 16;

/** `context`, which is asked once for each of the first keys: finding a value may cost more than comparing it. */
export function remembering(context: Context): Context {
  const keys: string[] = [];
  const found: (readonly string[] | undefined)[] = [];
  return {
    get(key) {
      // Keys of compiled policies are pooled, so that comparing them compares where they are.
      const at = keys.indexOf(key);
      if (at !== -1) return found[at];
      const values = context.get(key);
      if (keys.length < maxRemembered) found[keys.push(key) - 1] = values;
      return values;
    },
  };
}

type Variable = { kind: "variable"; key: string; otherwise: string | undefined };

/** A text of a policy, ready for the values of a request. */
export type Template = readonly (Part | Variable)[];

/** `${*}`, `${?}` and `${$}` mean the character; what else stands between braces is a key, and a default in quotes. */
const variable = /\$\{(?:([*?$])|([^{}$,']+)(?:,\s*'([^']*)')?)\}/g;

type TemplateOptions = {
  text: string;
  /** Whether `*` and `?` are wildcards in this place. */
  wildcards: boolean;
  /** Whether variables are known in this place: version 2012-10-17. */
  variables: boolean;
};

export function templateOf({ text, wildcards, variables }: TemplateOptions): Template {
  const plain = (piece: string): Part[] => {
    if (piece === "") return [];
    return wildcards ? wildcardParts(piece) : [{ kind: "text", text: piece }];
  };
  if (!variables) return plain(text);
  const template: (Part | Variable)[] = [];
  let at = 0;
  for (const match of text.matchAll(variable)) {
    template.push(...plain(text.slice(at, match.index)));
    const [whole, character, key, otherwise] = match;
    template.push(
      character === undefined
        ? { kind: "variable", key: (key ?? "").trim().toLowerCase(), otherwise }
        : { kind: "text", text: character },
    );
    at = match.index + whole.length;
  }
  template.push(...plain(text.slice(at)));
  return template;
}

/** The parts when there is no variable among them. */
export function fixedParts(template: Template): readonly Part[] | undefined {
  return template.some((part) => part.kind === "variable") ? undefined : (template as readonly Part[]);
}

/**
 * The parts for one request, or undefined when the text is like nothing: because a variable has no value, or because it
 * is longer than `length`, which what it is compared with has. A policy full of variables would otherwise be as long as
 * the product of their number and a value's length.
 */
export function resolve(
  template: Template,
  { context, length }: { context: Context; length: number },
): readonly Part[] | undefined {
  const parts: Part[] = [];
  let left = length;
  for (const part of template) {
    if (part.kind === "variable") {
      const values = context.get(part.key);
      const text = values === undefined || values.length === 0 ? part.otherwise : onlyOf(values);
      if (text === undefined) return undefined;
      if (text !== "") parts.push({ kind: "text", text });
      left -= text.length;
    } else {
      parts.push(part);
      if (part.kind === "text") left -= part.text.length;
    }
    if (left < 0) return undefined;
  }
  return parts;
}

/** The text of parts without wildcards. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
}

/** Whether the text would hold a variable if its policy had the version that knows variables. */
export function hasVariable(text: string): boolean {
  return text.search(variable) !== -1;
}

function onlyOf(values: readonly string[]): string | undefined {
  return values.length === 1 ? values[0] : undefined;
}
