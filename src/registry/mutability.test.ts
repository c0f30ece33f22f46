import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isMovable, matchesWildcard, mutabilityRule, type TagMutability } from "./mutability.ts";

describe("a wildcard matches the whole tag", () => {
  const rows: readonly [pattern: string, tag: string, matches: boolean][] = [
    ["v1", "v1", true],
    ["v1", "v10", false],
    ["v*", "v", true],
    ["v*", "v1", true],
    ["*v", "1v", true],
    ["*v", "v1", false],
    ["a*b*c", "abc", true],
    ["a*b*c", "aXbYc", true],
    ["a*b*c", "acb", false],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["ab*ab", "ab", false],
    ["*", "", true],
    ["**", "anything", true],
    ["a.c", "abc", false],
  ];
  for (const [pattern, tag, matches] of rows) {
    test(`${pattern} ${matches ? "matches" : "does not match"} ${tag}`, () => {
      expect(matchesWildcard(pattern, tag)).toBe(matches);
    });
  }

  test("as a regular expression would", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
    const tags = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
    fc.assert(
      fc.property(letters, tags, (pattern, tag) => {
        const twin = new RegExp(`^${pattern.replaceAll("*", ".*")}$`);
        expect(matchesWildcard(pattern, tag)).toBe(twin.test(tag));
      }),
    );
  });
});

describe("a tag may move", () => {
  const filters = [{ filterType: "WILDCARD", filter: "dev-*" }] as const;
  const rows: readonly [mode: TagMutability, tag: string, movable: boolean][] = [
    ["MUTABLE", "v1", true],
    ["IMMUTABLE", "v1", false],
    ["IMMUTABLE_WITH_EXCLUSION", "v1", false],
    ["IMMUTABLE_WITH_EXCLUSION", "dev-1", true],
    ["MUTABLE_WITH_EXCLUSION", "v1", true],
    ["MUTABLE_WITH_EXCLUSION", "dev-1", false],
  ];
  for (const [mode, tag, movable] of rows) {
    test(`${mode}: ${tag} ${movable ? "yes" : "no"}`, () => {
      const rule = mutabilityRule(mode, mode.endsWith("EXCLUSION") ? filters : undefined);
      expect(isMovable(rule, tag)).toBe(movable);
    });
  }
});

describe("mode and filters go together", () => {
  test("a mode with exclusions needs filters", () => {
    expect(() => mutabilityRule("IMMUTABLE_WITH_EXCLUSION")).toThrow("can't be null");
  });
  test("a plain mode takes none", () => {
    expect(() => mutabilityRule("MUTABLE", [])).toThrow("can't be provided");
  });
  test("a filter has at most two wildcards", () => {
    expect(() => mutabilityRule("MUTABLE_WITH_EXCLUSION", [{ filter: "*a*b*" }])).toThrow("'*a*b*'");
  });
});
