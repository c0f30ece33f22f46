import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  compareDecimals,
  isInRange,
  readAddress,
  readAddressRange,
  readBase64,
  readBoolean,
  readDate,
  readDecimal,
} from "./values.ts";

describe("numbers", () => {
  const order = (a: string, b: string) => {
    const [left, right] = [readDecimal(a), readDecimal(b)];
    if (!left || !right) throw new Error(`${a} or ${b} is no number`);
    return Math.sign(compareDecimals(left, right));
  };

  test.each([
    ["1", "1.0", 0],
    ["0", "-0.00", 0],
    ["+5", "5", 0],
    ["1e3", "1000", 0],
    ["12e-1", "1.2", 0],
    [".5", "0.5", 0],
    ["5.", "5", 0],
    ["0.1", "0.10000000000000000000000001", -1],
    ["12345678901234567890", "12345678901234567891", -1],
    ["-2", "-1", -1],
    ["-1", "0", -1],
    ["0", "0.001", -1],
    ["9", "10", -1],
    ["100", "99.999", 1],
    ["1e400", "1e399", 1],
    ["-1e400", "1e-400", -1],
  ])("%p and %p", (a, b, expected) => {
    expect(order(a, b)).toBe(expected);
    expect(order(b, a)).toBe(expected === 0 ? 0 : -expected);
  });

  test.each(["", ".", "-", "e5", "1e", "0x10", "1,000", "1 ", "٣", "NaN", "Infinity", "1e9999999", "--1"])(
    "%p is none",
    (text) => {
      expect(readDecimal(text)).toBeUndefined();
    },
  );

  test("are compared as integers of any size are", () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.bigInt(), fc.nat({ max: 30 }), (a, b, places) => {
        const shifted = (value: bigint) => `${value}e-${places}`;
        expect(order(shifted(a), shifted(b))).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("dates", () => {
  test.each([
    ["2026", "2026-01-01T00:00:00Z"],
    ["2026-02", "2026-02-01T00:00:00Z"],
    ["2026-02-03", "2026-02-03T00:00:00Z"],
    ["2026-02-03T04:05Z", "2026-02-03T04:05:00Z"],
    ["2026-02-03T04:05:06", "2026-02-03T04:05:06Z"],
    ["2026-02-03T04:05:06.789Z", "2026-02-03T04:05:06.789Z"],
    ["2026-02-03T04:05:06+02:00", "2026-02-03T02:05:06Z"],
    ["2026-02-03t04:05:06-0130", "2026-02-03T05:35:06z"],
    ["1770091506", "2026-02-03T04:05:06Z"],
    ["0", "1970-01-01T00:00:00Z"],
    ["2024-02-29", "2024-02-29T00:00:00Z"],
  ])("%p is %p", (text, same) => {
    expect(readDate(text)).toBe(Date.parse(same.toUpperCase()));
    expect(readDate(same)).toBe(Date.parse(same.toUpperCase()));
  });

  test.each([
    "",
    "now",
    "2026-13-01",
    "2026-02-30",
    "2025-02-29",
    "2026-02-03T25:00Z",
    "2026-02-03T04:60Z",
    "2026-02-03 04:05Z",
    "03.02.2026",
    "-1",
    "1e9",
  ])("%p is none", (text) => {
    expect(readDate(text)).toBeUndefined();
  });
});

describe("addresses", () => {
  const isWithin = (address: string, range: string) => {
    const [own, all] = [readAddress(address), readAddressRange(range)];
    if (!own || !all) throw new Error(`${address} or ${range} is none`);
    return isInRange(own, all);
  };

  test.each([
    ["203.0.113.7", "203.0.113.0/24", true],
    ["203.0.114.7", "203.0.113.0/24", false],
    ["203.0.113.7", "203.0.113.7", true],
    ["203.0.113.7", "203.0.113.8", false],
    ["203.0.113.7", "203.0.113.99/24", true],
    ["203.0.113.7", "0.0.0.0/0", true],
    ["203.0.113.129", "203.0.113.128/25", true],
    ["203.0.113.127", "203.0.113.128/25", false],
    ["::ffff:203.0.113.7", "203.0.113.0/24", true],
    ["::FFFF:cb00:7107", "203.0.113.0/24", true],
    ["203.0.113.7", "::ffff:203.0.113.0/120", true],
    ["2001:db8::1", "2001:DB8::/32", true],
    ["2001:db9::1", "2001:db8::/32", false],
    ["2001:db8:0:0:0:0:0:1", "2001:db8::1", true],
    ["2001:db8::1", "::/0", true],
    ["2001:db8::1", "0.0.0.0/0", false],
    ["2001:db8:8000::", "2001:db8:8000::/33", true],
    ["2001:db8:7fff::", "2001:db8:8000::/33", false],
    ["::1", "::1/128", true],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201", true],
  ])("%p in %p: %p", (address, range, expected) => {
    expect(isWithin(address, range)).toBe(expected);
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.256",
    "1.2.3.04",
    "1.2.3.4.5",
    "1.2.3.4 ",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8:9",
    "g::",
    "12345::",
    "fe80::1%eth0",
    "::1.2.3",
    "example.com",
  ])("%p is none", (text) => {
    expect(readAddress(text)).toBeUndefined();
    expect(readAddressRange(text)).toBeUndefined();
  });

  test.each(["1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/8/8", "::/129", "1.2.3.4/1e1", "/8"])(
    "%p is no range",
    (text) => {
      expect(readAddressRange(text)).toBeUndefined();
    },
  );

  test("of any eight groups are read, however zeros are left out", () => {
    const group = fc.oneof(fc.constant(0), fc.nat({ max: 0xffff }));
    const hex = (groups: readonly number[]) => groups.map((some) => some.toString(16)).join(":");
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), fc.nat({ max: 7 }), (groups, from) => {
        const words = readAddress(hex(groups));
        expect(words?.flatMap((word) => [word >>> 16, word & 0xffff])).toEqual(groups);
        let to = from;
        while (groups[to] === 0) to += 1;
        if (to > from)
          expect(readAddress(`${hex(groups.slice(0, from))}::${hex(groups.slice(to))}`)).toEqual(words);
      }),
      { numRuns: 1_000 },
    );
  });
});

test("bytes", () => {
  expect(readBase64("QmluYXJ5")).toBe("QmluYXJ5");
  // The last character has bits that no byte takes.
  expect(readBase64("QQ==")).toBe(readBase64("QR==") ?? "");
  for (const text of ["Q", "QQ", "QQ=", "Q=Q=", "QmluYXJ5VmFsdW-"]) expect(readBase64(text)).toBeUndefined();
});

test("answers", () => {
  expect(["true", "TRUE", "false", "False"].map(readBoolean)).toEqual([true, true, false, false]);
  for (const text of ["", "yes", "1", " true"]) expect(readBoolean(text)).toBeUndefined();
});
