/**
 * Wildcards: `*` stands for any characters and none, `?` for exactly one (a UTF-16 code unit). No regular expression is
 * made from what a user wrote. A match costs at most the product of both lengths, because a piece that was found as far
 * left as possible is never looked for again.
 */
import { poolOf } from "./pool.ts";

/** A part of a text with wildcards. What stands in `text` means itself, `*` and `?` included. */
export type Part = { kind: "text"; text: string } | { kind: "any" } | { kind: "one" };

/**
 * Characters between two `*`; at `holes` any character may stand. `run` is the longest part without holes, and `last`
 * the code of the last character unless that is a hole: most pieces that do not stand somewhere differ there.
 */
type Piece = {
  text: string;
  holes: readonly number[];
  run: { at: number; text: string };
  last: number | undefined;
};

/** What stands before the first `*`, between two, and behind the last one. Without a `*`, `head` is the whole text. */
export type Pattern = {
  head: Piece;
  middle: readonly Piece[];
  tail: Piece | undefined;
  minLength: number;
  /** Those of all pieces, as {@link lettersOf} has them. */
  letters: number;
};

/** A text that is compared with many patterns. */
export type Subject = { text: string; letters: number };

export function subjectOf(text: string): Subject {
  return { text, letters: lettersOf(text) };
}

/**
 * One bit for each of 32 groups of characters, set if the text holds one of the group. A text that lacks a pattern's bit
 * does not match it, which is known without looking at the pattern's pieces; that is most of the time between two names.
 */
function lettersOf(text: string): number {
  let letters = 0;
  // A shift takes the last five bits of the code.
  for (let at = 0; at < text.length; at += 1) letters |= 1 << text.charCodeAt(at);
  return letters;
}

/** A pattern for each of an ARN's six parts, or `"any"` for a single `*`; fewer than six never match. */
type ArnPattern = "any" | readonly Pattern[];

/** The parts of `text` in which `*` and `?` are wildcards. */
export function wildcardParts(text: string): Part[] {
  return text.split(/([*?])/).flatMap((piece): Part[] => {
    if (piece === "*") return [{ kind: "any" }];
    if (piece === "?") return [{ kind: "one" }];
    return piece === "" ? [] : [{ kind: "text", text: piece }];
  });
}

/** The pattern of a text in which `*` and `?` are wildcards. */
export function patternOfText(text: string): Pattern {
  return patterns(text, () => patternOf(wildcardParts(text)));
}

const patterns = poolOf<Pattern>();
const plainPieces = poolOf<Piece>();

export function patternOf(parts: readonly Part[]): Pattern {
  const pieces: Piece[] = [];
  let text = "";
  let holes: number[] = [];
  for (const part of parts) {
    if (part.kind === "text") text += part.text;
    else if (part.kind === "one") {
      holes.push(text.length);
      text += "?";
    } else {
      // Two stars mean what one means, and empty pieces would only be walked through.
      if (pieces.length === 0 || text !== "") pieces.push(pieceOf(text, holes));
      text = "";
      holes = [];
    }
  }
  const rest = pieceOf(text, holes);
  const [head, ...middle] = pieces;
  const minLength = [...pieces, rest].reduce((sum, piece) => sum + piece.text.length, 0);
  const letters = parts.reduce((all, part) => (part.kind === "text" ? all | lettersOf(part.text) : all), 0);
  return { head: head ?? rest, middle, tail: head === undefined ? undefined : rest, minLength, letters };
}

function pieceOf(text: string, holes: readonly number[]): Piece {
  return holes.length === 0 ? plainPieces(text, () => makePiece(text, holes)) : makePiece(text, holes);
}

function makePiece(text: string, holes: readonly number[]): Piece {
  let run = { at: 0, text: holes.length === 0 ? text : "" };
  let start = 0;
  for (const end of holes.length === 0 ? [] : [...holes, text.length]) {
    if (end - start > run.text.length) run = { at: start, text: text.slice(start, end) };
    start = end + 1;
  }
  const endsInHole = text === "" || holes.at(-1) === text.length - 1;
  return { text, holes, run, last: endsInHole ? undefined : text.charCodeAt(text.length - 1) };
}

export function matches(pattern: Pattern, text: string): boolean {
  const { head, middle, tail, minLength } = pattern;
  if (text.length < minLength) return false;
  if (tail === undefined) return text.length === minLength && stands(head, text, 0);
  const end = text.length - tail.text.length;
  if (!stands(tail, text, end) || !stands(head, text, 0)) return false;
  let at = head.text.length;
  for (const piece of middle) {
    const found = find(piece, { text, from: at, to: end - piece.text.length });
    if (found === -1) return false;
    at = found + piece.text.length;
  }
  return true;
}

/** A loop rather than `some`, as in every other place that a decision comes through for each statement. */
export function matchesAny(patterns: readonly Pattern[], { text, letters }: Subject): boolean {
  for (const pattern of patterns)
    if ((pattern.letters & ~letters) === 0 && matches(pattern, text)) return true;
  return false;
}

/**
 * IAM user guide, "ARN condition operators": each of the six parts is compared alone, so that a wildcard does not reach
 * beyond a colon, except in the last part, which holds the remaining colons.
 */
export function arnPatternOf(parts: readonly Part[]): ArnPattern {
  if (parts.length === 1 && parts[0]?.kind === "any") return "any";
  const segments: Part[][] = [[]];
  for (const part of parts) {
    if (part.kind !== "text") segments.at(-1)?.push(part);
    else {
      const texts = part.text.split(":");
      const own = texts.splice(0, arnParts - segments.length);
      if (texts.length > 0) own.push(texts.join(":"));
      for (const [index, text] of own.entries()) {
        if (index > 0) segments.push([]);
        if (text !== "") segments.at(-1)?.push({ kind: "text", text });
      }
    }
  }
  return segments.map(patternOf);
}

export function arnMatches(pattern: ArnPattern, arn: string): boolean {
  if (pattern === "any") return true;
  if (pattern.length !== arnParts) return false;
  let from = 0;
  for (const [index, segment] of pattern.entries()) {
    const to = index === arnParts - 1 ? arn.length : arn.indexOf(":", from);
    if (to === -1 || !matches(segment, arn.slice(from, to))) return false;
    from = to + 1;
  }
  return true;
}

const arnParts = 6;

/** Up to this many, comparing one after the other is quicker than a call of the engine's own comparison. */
const fewCharacters = 6;

/** Whether `piece` stands in `text` at `at`, where there is room for it. */
function stands(piece: Piece, text: string, at: number): boolean {
  const { last } = piece;
  if (last !== undefined && text.charCodeAt(at + piece.text.length - 1) !== last) return false;
  if (piece.holes.length === 0 && piece.text.length > fewCharacters) return text.startsWith(piece.text, at);
  let hole = 0;
  for (let i = 0; i < piece.text.length; i += 1) {
    if (piece.holes[hole] === i) hole += 1;
    else if (piece.text.charCodeAt(i) !== text.charCodeAt(at + i)) return false;
  }
  return true;
}

/** Below this many places, trying one after the other is quicker than a call of the engine's own search. */
const fewPlaces = 32;

/** Where `piece` first stands at `from`, at `to` or between, or -1. The engine's own search leads from run to run. */
function find(piece: Piece, { text, from, to }: { text: string; from: number; to: number }): number {
  for (let at = from; at <= to; at += 1) {
    if (to - at >= fewPlaces) {
      const found = text.indexOf(piece.run.text, at + piece.run.at);
      if (found === -1 || found - piece.run.at > to) return -1;
      at = found - piece.run.at;
    }
    if (stands(piece, text, at)) return at;
  }
  return -1;
}
