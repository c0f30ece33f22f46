import { afterAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock as clock } from "../../lib/clock.ts";
import { randomIds as ids } from "../../lib/ids.ts";
import { openDatabase } from "../../store/database.ts";
import { makeSecrets } from "../../store/secrets.ts";
import { ensureAccount } from "../accounts/accounts.ts";
import type { Principal } from "../caller.ts";
import { findIdentityById, insertIdentity } from "../identities/identities.ts";
import { makeKeyUses } from "./key-uses.ts";
import { findKey, generateKey, insertKey } from "./keys.ts";

const accountId = "111122223333";
const folder = await mkdtemp(join(tmpdir(), "lading-key-uses-"));
const db = await openDatabase(join(folder, "test.db"));

afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

const { user, role, key } = await db.write(async (tx) => {
  await ensureAccount(tx, clock, { id: accountId, name: "test" });
  const made = { accountId, path: "/" };
  const user = await insertIdentity(tx, { ids, clock }, { ...made, kind: "user", name: "u" });
  const role = await insertIdentity(tx, { ids, clock }, { ...made, kind: "role", name: "r" });
  const secrets = makeSecrets(ids.bytes(32), ids);
  const owner = { accountId, user };
  return { user, role, key: await insertKey(tx, { secrets, clock, owner, key: generateKey(ids) }) };
});

const arn = `arn:aws:iam::${accountId}:user/u`;
const byKey: Principal = {
  kind: "principal",
  arn,
  accountId,
  accessKeyId: key.id,
  who: { kind: "user", arn, accountId, uniqueId: user.id },
  userId: user.id,
  identityId: user.id,
  userName: "u",
  session: undefined,
};
const session = {
  issuedAt: 0,
  expiresAt: 1,
  policies: undefined,
  tags: {},
  transitiveTagKeys: [],
  sourceIdentity: undefined,
  federatedProvider: undefined,
};
const roleArn = `arn:aws:iam::${accountId}:role/r`;
const bySession: Principal = {
  ...byKey,
  accessKeyId: "ASIATHESESSIONSOWNID",
  who: { kind: "role-session", arn, accountId, roleArn, uniqueId: role.id },
  identityId: role.id,
  session,
};
const use = { at: 1000, service: "ecr", region: "here" };

test("notes are visible at once and written together, in one transaction", async () => {
  const uses = makeKeyUses();
  const before = db.revision();
  for (let at = 0; at < 100; at += 1) uses.note(byKey, { ...use, at });
  uses.note(bySession, { ...use, at: 2000, service: "sts", region: "there" });
  expect(uses.lastUse(key.id)).toMatchObject({ ...use, at: 99 });
  expect(uses.lastUse(role.id)).toMatchObject({ at: 2000, region: "there" });
  expect(db.revision()).toBe(before);
  const flushing = uses.flush(db);
  expect(uses.lastUse(key.id)).toMatchObject({ at: 99 });
  await flushing;
  expect(db.revision()).toBe(before + 1);
  expect(uses.lastUse(key.id)).toBeUndefined();
  expect(await findKey(db.read, key.id)).toMatchObject({
    last_used_at: 99,
    last_used_service: "ecr",
    last_used_region: "here",
  });
  expect(await findIdentityById(db.read, role.id)).toMatchObject({
    last_used_at: 2000,
    last_used_region: "there",
  });
  await uses.flush(db);
  expect(db.revision()).toBe(before + 1);
});

test("a user's temporary credentials are no use of its keys", () => {
  const uses = makeKeyUses();
  uses.note({ ...byKey, accessKeyId: "ASIATHESESSIONSOWNID", session }, use);
  expect(uses.lastUse("ASIATHESESSIONSOWNID")).toBeUndefined();
  expect(uses.lastUse(key.id)).toBeUndefined();
});

test("what was noted is still noted when it could not be written", async () => {
  const uses = makeKeyUses();
  uses.note(byKey, use);
  const full = { ...db, write: () => Promise.reject(new Error("no space")) };
  await expect(uses.flush(full)).rejects.toThrow("no space");
  expect(uses.lastUse(key.id)).toMatchObject(use);
  await uses.flush(db);
  expect((await findKey(db.read, key.id))?.last_used_at).toBe(1000);
});
