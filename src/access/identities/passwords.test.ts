import { expect, test } from "bun:test";
import { randomIds as ids } from "../../lib/ids.ts";
import { checkPassword, hashPassword, isPassword } from "./passwords.ts";

test("a hash knows its password and no other, and no two hashes are alike", async () => {
  const password = "Ünïcode & spaces 1";
  const [first, second] = await Promise.all([hashPassword(ids, password), hashPassword(ids, password)]);
  expect(first).toMatch(/^scrypt\$15\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
  expect(first).not.toBe(second);
  expect(await isPassword(first, password)).toBe(true);
  expect(await isPassword(second, password)).toBe(true);
  expect(await isPassword(first, `${password} `)).toBe(false);
  expect(await isPassword(first, "")).toBe(false);
});

const cases: readonly [string, boolean][] = [
  ["Abcdef1!", true],
  ["Abcdefg1", true],
  ["abcdef1|", true],
  ["ABCDEF1'", true],
  ["Abcde1!", false],
  ["abcdefgh", false],
  ["Abcdefgh", false],
  ["abcdefg1", false],
  ["12345678!", false],
  // A space and letters beyond ASCII are allowed and count as none of the four.
  ["Abcdefg ", false],
  ["abcdefgÄ1", false],
];

for (const [password, isFine] of cases) {
  test(`${isFine ? "takes" : "refuses"} '${password}'`, () => {
    if (isFine) expect(() => checkPassword(password)).not.toThrow();
    else expect(() => checkPassword(password)).toThrow("account password policy");
  });
}
