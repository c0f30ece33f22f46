/** Temporary credentials on the AWS door with a clock of our own: they end to the second. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Sha256 } from "@smithy/core/checksum";
import { HttpRequest } from "@smithy/core/protocols";
import { SignatureV4 } from "@smithy/signature-v4";
import { ensureAccount } from "../../access/accounts/accounts.ts";
import { makeKeyUses } from "../../access/credentials/key-uses.ts";
import { openSession, type SessionCredentials, sweepSessions } from "../../access/credentials/sessions.ts";
import { Fault } from "../../lib/faults.ts";
import { randomIds } from "../../lib/ids.ts";
import type { Services } from "../../registry/context.ts";
import { openDatabase } from "../../store/database.ts";
import { makeSecrets } from "../../store/secrets.ts";
import { openSpool, type Spool } from "../../store/spool.ts";
import { authenticate } from "./authenticate.ts";

const accountId = "111122223333";
const start = Date.UTC(2026, 0, 1);
let now = start;
let folder: string;
let services: Services;
let spool: Spool;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lading-authenticate-"));
  const clock = { now: () => now };
  // What authenticating needs of them.
  services = {
    db: await openDatabase(join(folder, "db")),
    secrets: makeSecrets(randomIds.bytes(32), randomIds),
    ids: randomIds,
    clock,
    keyUses: makeKeyUses(),
  } as Services;
  spool = await openSpool(join(folder, "spool"), randomIds);
  await services.db.write((tx) => ensureAccount(tx, clock, { id: accountId, name: "test" }));
});

afterAll(async () => {
  await services.db.close();
  await rm(folder, { recursive: true });
});

/** The caller's ARN, or the fault, for a request that is signed now. */
async function ask({ accessKeyId, secretAccessKey, sessionToken }: SessionCredentials): Promise<string> {
  const signer = new SignatureV4({
    credentials: { accessKeyId, secretAccessKey, sessionToken },
    region: "home",
    service: "sts",
    sha256: Sha256,
    applyChecksum: false,
  });
  const body = "Action=GetCallerIdentity";
  const unsigned = new HttpRequest({ method: "POST", path: "/", headers: { host: "localhost" }, body });
  const { headers } = await signer.sign(unsigned, { signingDate: new Date(now) });
  const request = new Request("http://localhost/", { method: "POST", headers, body });
  const facts = (region: string) => ({
    region,
    at: now,
    sourceIp: undefined,
    isSecure: false,
    userAgent: undefined,
    referer: undefined,
  });
  const incoming = { request, method: "POST", path: "/", query: "", host: "localhost", facts, requestId: "" };
  const expected = { services: ["sts"], bodyLimitBytes: 1_000 };
  try {
    const { caller, body: spooled } = await authenticate(services, spool, incoming, expected);
    await spooled.close();
    return caller.arn;
  } catch (error) {
    if (error instanceof Fault) return error.fault;
    throw error;
  }
}

test("a session ends to the second, is said to have expired for a day, and is forgotten then", async () => {
  const session = { kind: "root", accountId, identityId: undefined, name: "", durationSeconds: 900 } as const;
  const keys = await openSession(services, session);
  const arn = `arn:aws:iam::${accountId}:root`;
  expect(await ask(keys)).toBe(arn);
  now = start + 899_999;
  expect(await ask(keys)).toBe(arn);
  now = start + 900_000;
  expect(await ask(keys)).toBe("ExpiredToken");
  // Who has another's token does not even learn that.
  expect(await ask({ ...keys, sessionToken: `${keys.sessionToken}A` })).toBe("UnrecognizedClient");
  now = start + 900_000 + 24 * 3_600_000;
  await sweepSessions(services);
  expect(await ask(keys)).toBe("ExpiredToken");
  now += 1;
  await sweepSessions(services);
  expect(await ask(keys)).toBe("UnrecognizedClient");
});
