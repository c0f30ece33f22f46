/** What is wrong with a policy, where, and what was probably meant. */

export type Problem = {
  /** 1 for the first statement; absent when the whole document is meant. */
  statement?: number;
  /** From the document down, such as `Statement[0].Condition.StringEquals`; empty for the document itself. */
  path: string;
  /** What is wrong and what would be right. */
  reason: string;
  /** What was probably meant, such as `ecr:ListImages`. */
  suggestion?: string;
};

/** Where a reader of one part of a policy says what is wrong with it; `path` continues the part's own. */
export type Report = (path: string, reason: string, suggestion?: string) => void;

/** The problem in one line, as in `statement 2 (Statement[1].Action): 'ecr:ListImage' is not an action; did you …`. */
export function problemText({ statement, path, reason, suggestion }: Problem): string {
  const place = statement === undefined ? "" : `statement ${statement} (${path}): `;
  return `${place}${reason}${suggestion === undefined ? "" : `; did you mean '${suggestion}'?`}`;
}

/** Longer texts are no slips of the pen, and comparing them costs the product of their lengths. */
const comparedCharacters = 64;
const slips = 3;

/** The candidate that `text` was probably meant to be: at most three slips away, and fewer when it is short. */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  if (text.length > comparedCharacters) return undefined;
  const wanted = text.toLowerCase();
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = distanceBetween(wanted, candidate.toLowerCase());
    if (distance < (best?.distance ?? Math.min(slips, Math.floor(text.length / 4)) + 1))
      best = { candidate, distance };
  }
  return best?.candidate;
}

/** Insertions, removals and replacements from one text to the other (Levenshtein). */
function distanceBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > slips) return slips + 1;
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
