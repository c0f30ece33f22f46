import { expect, test } from "bun:test";
import { parseJson } from "./json.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("values in the bound are read", () => {
  expect(parseJson(bytes('{"a":[1,"[[[,,,\\"{"]}'), 10)).toEqual({ a: [1, '[[[,,,"{'] });
});

test("text counts as one value, whatever it holds", () => {
  const text = "[{,\\".repeat(50_000);
  expect(parseJson(bytes(JSON.stringify({ text })), 10)).toEqual({ text });
});

test("too many values are refused before they are made", () => {
  expect(() => parseJson(bytes(`[${"[],".repeat(100_000)}[]]`), 1000)).toThrow("more than 1000 values");
});

test("what is no JSON is refused", () => {
  for (const text of ["", "{", "\ufeff{}", "[".repeat(300_000)])
    expect(() => parseJson(bytes(text), 1e9)).toThrow();
  expect(() => parseJson(new Uint8Array([0x22, 0xff, 0x22]), 10)).toThrow();
});
