/** What no client can wait for: when revocations are forgotten, and what they mean for tokens of other moments. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomIds } from "../../lib/ids.ts";
import { limits } from "../../lib/limits.ts";
import { type Database, openDatabase } from "../../store/database.ts";
import { makeSecrets } from "../../store/secrets.ts";
import type { Principal } from "../caller.ts";
import { rootOf } from "../principals.ts";
import {
  forgetRevocations,
  type RevocationSubject,
  revocationOf,
  revokeTokens,
} from "./token-revocations.ts";
import { makeToken, readToken } from "./tokens.ts";

const start = Date.UTC(2026, 0, 1);
let now = start;
const clock = { now: () => now };
const root: Principal = { ...rootOf("111122223333"), accessKeyId: "AKIAINVENTEDINVENTED" };
const role: Principal = { ...root, userId: "AROAINVENTEDINVENTED1:ci", identityId: "AROAINVENTEDINVENTED1" };
let folder: string;
let db: Database;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lading-revocations-"));
  db = await openDatabase(join(folder, "db"));
});

afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

const revoke = (subject: RevocationSubject) => db.write((tx) => revokeTokens(tx, clock, subject));
const count = async () => (await db.read.selectFrom("token_revocations").select("subject").execute()).length;
const isRevoked = async (issuedAt: number, { principal = root, id = "one" } = {}) =>
  (await revocationOf(db.read, { id, issuedAt }, principal)) !== undefined;

test("a revocation is about what was issued until its moment, that one included", async () => {
  now = start;
  await revoke({ kind: "key", id: root.accessKeyId });
  expect(await isRevoked(start - 1)).toBe(true);
  expect(await isRevoked(start)).toBe(true);
  expect(await isRevoked(start + 1)).toBe(false);
});

test("a revocation of a role is one of all its sessions, and one of a session of no other", async () => {
  now = start;
  const other: Principal = { ...role, accessKeyId: "ASIAINVENTEDINVENTED", userId: `${role.identityId}:cd` };
  await revoke({ kind: "principal", id: role.userId });
  const bySession = { ...role, accessKeyId: "ASIAINVENTEDINVENTE2" };
  expect(await isRevoked(start, { principal: bySession })).toBe(true);
  expect(await isRevoked(start, { principal: other })).toBe(false);
  await revoke({ kind: "principal", id: role.identityId ?? "" });
  expect(await isRevoked(start, { principal: other })).toBe(true);
});

test("a revocation is not shortened by one with a clock that went back", async () => {
  now = start + 1000;
  await revoke({ kind: "token", id: "back" });
  now = start;
  await revoke({ kind: "token", id: "back" });
  expect(await isRevoked(start + 500, { id: "back" })).toBe(true);
});

test("revocations are forgotten when every token that they are about is over, and every upload of one", async () => {
  now = start + 10_000;
  const before = await count();
  expect(limits.revocationSeconds).toBeGreaterThan(limits.tokenSeconds + limits.uploadIdleSeconds);
  const many = limits.rowsPerStep + 1;
  for (let id = 0; id < many; id += 1) await revoke({ kind: "token", id: `many ${id}` });
  expect(await count()).toBe(before + many);
  now = start + 10_000 + limits.revocationSeconds * 1000 - 1;
  expect(await forgetRevocations({ db, clock })).toBe(before);
  expect(await isRevoked(start, { id: "many 0" })).toBe(true);
  now += 1;
  expect(await forgetRevocations({ db, clock })).toBe(many);
  expect(await count()).toBe(0);
});

test("a token lives for twelve hours at most, less if asked, and never beyond its session", () => {
  now = start;
  const secrets = makeSecrets(randomIds.bytes(32), randomIds);
  const endOf = (principal: Principal, durationSeconds?: number) => {
    const making = { secrets, clock, ids: randomIds };
    const { password, expiresAt } = makeToken(making, { principal, region: "us-east-1", durationSeconds });
    expect(readToken(secrets, password)).toMatchObject({ issuedAt: start, expiresAt });
    return (expiresAt - start) / 1000;
  };
  const session = {
    issuedAt: start,
    expiresAt: start + 900_000,
    policies: undefined,
    tags: {},
    transitiveTagKeys: [],
    sourceIdentity: undefined,
    federatedProvider: undefined,
  };
  expect(endOf(root)).toBe(limits.tokenSeconds);
  expect(endOf(root, 60)).toBe(60);
  expect(endOf(root, limits.tokenSeconds * 2)).toBe(limits.tokenSeconds);
  expect(endOf({ ...role, session })).toBe(900);
  expect(endOf({ ...role, session }, 60)).toBe(60);
});
