/** Where the statements of a policy stand in its text: lines and columns from 1, as the policy simulator has them. */

type Position = { line: number; column: number };
/** `end` is behind the last character. */
type Span = { start: Position; end: Position };

/** In the order of the statements. `text` was read as a policy before, so it is JSON. */
export function statementSpans(text: string): readonly Span[] {
  const spans: Span[] = [];
  let depth = 0;
  let last = "";
  let isWithin = false;
  let open: { at: number; depth: number } | undefined;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}:]/g)) {
    switch (token) {
      case "{":
      case "[":
        // Statements are the value of the member, or the items of the list that is its value.
        if (token === "{" && isWithin && open === undefined) open = { at: index, depth };
        depth += 1;
        break;
      case "}":
      case "]":
        depth -= 1;
        if (open?.depth === depth) {
          spans.push({ start: positionOf(text, open.at), end: positionOf(text, index + 1) });
          open = undefined;
        }
        break;
      case ":":
        if (depth === 1) isWithin = JSON.parse(last) === "Statement";
        break;
      default:
        last = token;
    }
  }
  return spans;
}

function positionOf(text: string, at: number): Position {
  const before = text.slice(0, at);
  const lines = before.split("\n");
  return { line: lines.length, column: (lines.at(-1) ?? "").length + 1 };
}
