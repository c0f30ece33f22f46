/** Wildcards, against a matcher that is slow and plainly right, and in bounded time on what is made to be slow. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { arnMatches, arnPatternOf, matches, patternOf, wildcardParts } from "./match.ts";

const isLike = (pattern: string, text: string) => matches(patternOf(wildcardParts(pattern)), text);
const isArnLike = (pattern: string, text: string) => arnMatches(arnPatternOf(wildcardParts(pattern)), text);

/** The definition: a star takes nothing, or one character and goes on. */
function plainly(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern[0] === "*")
    return plainly(pattern.slice(1), text) || (text !== "" && plainly(pattern, text.slice(1)));
  return (
    text !== "" && (pattern[0] === "?" || pattern[0] === text[0]) && plainly(pattern.slice(1), text.slice(1))
  );
}

describe("wildcards", () => {
  test.each([
    ["", "", true],
    ["", "a", false],
    ["*", "", true],
    ["*", "a:b/c", true],
    ["**", "", true],
    ["?", "", false],
    ["?", "a", true],
    ["??", "a", false],
    ["a*", "a", true],
    ["a*", "b", false],
    ["*a", "ba", true],
    ["*a", "ab", false],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["ab*bc", "abc", false],
    ["a*b*c", "a-b-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["*?a", "a", false],
    ["*?a", "aa", true],
    ["a*?", "a", false],
    ["*a?c*", "xxabcxx", true],
    ["*a?c*", "xxacxx", false],
    ["?*?", "a", false],
    ["?*?", "ab", true],
    ["A", "a", false],
    ["arn:aws:ecr:*:1:repository/team-*/x", "arn:aws:ecr:eu:1:repository/team-a/b/x", true],
    [".*", "ab", false],
    ["[ab]", "a", false],
    ["a\\*", "ab", false],
    ["(a+)+$", "aaaa", false],
  ])("%p on %p: %p", (pattern, text, expected) => {
    expect(isLike(pattern, text)).toBe(expected);
    expect(plainly(pattern, text)).toBe(expected);
  });

  test("agree with the definition", () => {
    const letters = (alphabet: string) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 9 });
    fc.assert(
      fc.property(letters("ab*?"), letters("ab*?"), (pattern, text) => {
        expect(isLike(pattern, text)).toBe(plainly(pattern, text));
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("ARNs part by part", () => {
  const arn = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";
  test.each([
    ["arn:aws:someservice:*:111122223333:finance/*", arn, false],
    ["arn:aws:someservice:*:999999999999:store/*", arn, true],
    ["arn:aws:someservice:*:999999999999:*:111122223333:finance/*", arn, true],
    ["arn:*:*:*:*:*", arn, true],
    ["arn:aws:someservice:*", arn, false],
    ["*", arn, true],
    ["*", "not an ARN", true],
    ["**", arn, false],
    ["arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:role/a/b", true],
    ["arn:aws:iam::111122223333:role/?", "arn:aws:iam::111122223333:role/ab", false],
    ["arn:aws:iam:?:111122223333:role/a", "arn:aws:iam::111122223333:role/a", false],
    ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/A", false],
    ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333", false],
    ["arn:aws:iam::1111*:role/*", "arn:aws:iam::1111:role/x:role/y", true],
  ])("%p on %p: %p", (pattern, text, expected) => {
    expect(isArnLike(pattern, text)).toBe(expected);
  });

  test("agree with comparing the parts", () => {
    const part = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 3 });
    const arns = fc.array(part, { minLength: 4, maxLength: 8 }).map((parts) => parts.join(":"));
    const split = (text: string) => {
      const parts = text.split(":");
      return [...parts.slice(0, 5), ...(parts.length > 5 ? [parts.slice(5).join(":")] : [])];
    };
    fc.assert(
      fc.property(arns, arns, (pattern, text) => {
        const [wanted, saw] = [split(pattern), split(text)];
        const expected =
          wanted.length === 6 && saw.length === 6 && wanted.every((own, at) => plainly(own, saw[at] ?? ""));
        expect(isArnLike(pattern, text)).toBe(expected);
      }),
      { numRuns: 10_000 },
    );
  });
});

/** Half a second is a thousand times what these take. It is there to notice a hang, not to measure. */
test.each([
  ["stars between letters", "a*".repeat(5_000), `${"a".repeat(2_048)}b`],
  ["stars and nothing else", "*".repeat(10_240), "a".repeat(2_048)],
  ["a star and a long piece that is nearly there", `*${"a".repeat(1_024)}b*`, "a".repeat(2_048)],
  ["holes in a long piece", `*${"?a".repeat(512)}b*c`, "a".repeat(2_048)],
  ["holes and nothing else", `*${"?".repeat(1_024)}*${"?".repeat(1_025)}`, "a".repeat(2_048)],
  ["many short pieces with holes", "*a?b".repeat(2_560), "acb".repeat(682)],
])("hostile: %s", (_, pattern, text) => {
  const startedAt = performance.now();
  for (const like of [isLike, isArnLike]) like(pattern, text);
  expect(performance.now() - startedAt).toBeLessThan(500);
});
