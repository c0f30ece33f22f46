/** Sessions with a clock of our own: what becomes of them, and of the tokens made in them, when their time is over. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomIds } from "../../lib/ids.ts";
import { type Database, openDatabase } from "../../store/database.ts";
import { makeSecrets } from "../../store/secrets.ts";
import { ensureAccount } from "../accounts/accounts.ts";
import { insertIdentity } from "../identities/identities.ts";
import { makeBasicAuthenticator } from "./basic.ts";
import { findCredentials, isSameHash, secretOf } from "./credentials.ts";
import { openSession, type SessionServices, sweepSessions } from "./sessions.ts";
import { makeToken } from "./tokens.ts";

const accountId = "111122223333";
const start = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
let now = start;
let folder: string;
let db: Database;
let services: SessionServices;
let roleId: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lading-sessions-"));
  db = await openDatabase(join(folder, "db"));
  const clock = { now: () => now };
  services = { db, clock, ids: randomIds, secrets: makeSecrets(randomIds.bytes(32), randomIds) };
  const role = await db.write(async (tx) => {
    await ensureAccount(tx, clock, { id: accountId, name: "test" });
    return insertIdentity(tx, services, { accountId, kind: "role", name: "ci", path: "/" });
  });
  roleId = role.id;
});

beforeEach(() => {
  now = start;
});

afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

function roleSession(durationSeconds: number) {
  const session = { kind: "role", accountId, identityId: roleId, name: "build", durationSeconds } as const;
  return openSession(services, { ...session, tags: { Team: "blue" }, sourceIdentity: "ada" });
}

test("a session is stored so that neither its secret nor its token can be read from it", async () => {
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = await roleSession(900);
  expect(expiresAt).toBe(start + 900_000);
  const row = await db.read
    .selectFrom("sessions")
    .selectAll()
    .where("access_key_id", "=", accessKeyId)
    .executeTakeFirstOrThrow();
  expect(JSON.stringify(row)).not.toContain(secretAccessKey);
  expect(JSON.stringify(row)).not.toContain(sessionToken);
  const credentials = await findCredentials(db.read, accessKeyId);
  expect(credentials && secretOf(services.secrets, credentials)).toBe(secretAccessKey);
  expect(isSameHash(credentials?.sessionTokenHash ?? "", sessionToken)).toBe(true);
  expect(credentials?.principal).toMatchObject({
    arn: `arn:aws:sts::${accountId}:assumed-role/ci/build`,
    userId: `${roleId}:build`,
    session: { issuedAt: start, expiresAt, tags: { Team: "blue" }, sourceIdentity: "ada" },
  });
});

test("an authorization token ends with the session that it was made in", async () => {
  const { accessKeyId } = await roleSession(900);
  const { principal } = (await findCredentials(db.read, accessKeyId)) ?? {};
  if (!principal) throw new Error("The session is not there");
  const { password } = makeToken(services, { principal, region: "home" });
  const authenticate = makeBasicAuthenticator(services.secrets, services.clock);
  const ask = () => authenticate(db.read, `Basic ${btoa(`AWS:${password}`)}`);
  now = start + 899_999;
  expect(await ask()).toMatchObject({ caller: { arn: principal.arn } });
  now = start + 900_000;
  const over = { reason: expect.stringContaining("has expired at 2026-01-01T00:15:00.000Z") };
  expect(await ask()).toMatchObject({ expired: { arn: principal.arn }, ...over });
});

test("sessions that ended a day ago are swept, and no others", async () => {
  const short = await roleSession(900);
  const long = await roleSession(3_600);
  const isThere = async ({ accessKeyId }: { accessKeyId: string }) =>
    (await findCredentials(db.read, accessKeyId)) !== undefined;
  now = start + 900_000 + 24 * hourMs;
  await sweepSessions(services);
  expect([await isThere(short), await isThere(long)]).toEqual([true, true]);
  now += 1;
  await sweepSessions(services);
  expect([await isThere(short), await isThere(long)]).toEqual([false, true]);
});

test("sweeping goes on until nothing is left to sweep", async () => {
  now = start - 10 * 24 * hourMs;
  const old = await Promise.all(Array.from({ length: 3 }, () => roleSession(900)));
  // More than one step has: rows like the first, by its own columns.
  const row = await db.read
    .selectFrom("sessions")
    .selectAll()
    .where("access_key_id", "=", old[0]?.accessKeyId ?? "")
    .executeTakeFirstOrThrow();
  await db.write(async (tx) => {
    for (let at = 0; at < 600; at += 1) {
      await tx
        .insertInto("sessions")
        .values({ ...row, access_key_id: `ASIA${String(at).padStart(16, "0")}` })
        .execute();
    }
  });
  now = start;
  await sweepSessions(services);
  const left = await db.read
    .selectFrom("sessions")
    .select("access_key_id")
    .where("expires_at", "<", start)
    .execute();
  expect(left).toEqual([]);
});
