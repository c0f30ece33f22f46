import { describe, expect, test } from "bun:test";
import { parseRange } from "./content.ts";

describe("a Range header over 100 bytes", () => {
  const rows: readonly [header: string, range: { first: number; last: number } | undefined][] = [
    ["bytes=0-9", { first: 0, last: 9 }],
    ["bytes=0-0", { first: 0, last: 0 }],
    ["bytes=99-", { first: 99, last: 99 }],
    ["bytes=10-1000", { first: 10, last: 99 }],
    ["bytes=-1", { first: 99, last: 99 }],
    ["bytes=-100", { first: 0, last: 99 }],
    ["bytes=-1000", { first: 0, last: 99 }],
    ["bytes=9-0", undefined],
    ["bytes=-", undefined],
    ["bytes=0-1,5-6", undefined],
    ["items=0-1", undefined],
    ["bytes=a-b", undefined],
    ["bytes=0-99999999999999999999", { first: 0, last: 99 }],
    ["", undefined],
  ];
  for (const [header, range] of rows) {
    test(`'${header}' ${range ? `means ${range.first} to ${range.last}` : "is ignored"}`, () => {
      expect(parseRange(header, 100)).toEqual(range);
    });
  }
  for (const header of ["bytes=100-", "bytes=100-200", "bytes=-0"]) {
    test(`'${header}' cannot be satisfied`, () => {
      expect(() => parseRange(header, 100)).toThrow(header);
    });
  }
  test("nothing of an empty content can be had", () => {
    expect(() => parseRange("bytes=0-", 0)).toThrow("0 bytes");
    expect(() => parseRange("bytes=-5", 0)).toThrow("0 bytes");
  });
});
