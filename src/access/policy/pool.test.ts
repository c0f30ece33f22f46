import { expect, test } from "bun:test";
import { poolOf } from "./pool.ts";

test("makes once what is asked for again, and keeps neither long keys nor too many", () => {
  const pool = poolOf<object>();
  let made = 0;
  const make = (key: string) => {
    made += 1;
    return { key };
  };
  expect(pool("a", make)).toBe(pool("a", make));
  expect(pool("b", make)).toEqual({ key: "b" });
  expect(made).toBe(2);
  const long = "x".repeat(257);
  expect(pool(long, make)).not.toBe(pool(long, make));
  const before = pool("a", make);
  for (let at = 0; at < 10_000; at += 1) pool(`key ${at}`, make);
  expect(pool("a", make)).not.toBe(before);
});

test("takes names that every object has for keys like others", () => {
  const pool = poolOf<object>();
  for (const key of ["__proto__", "constructor", "toString"])
    expect(pool(key, () => ({ key }))).toEqual({ key });
});
