/** The door with a clock of our own: what happens when tokens run out, which no client could wait for. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureAccount } from "../../access/accounts/accounts.ts";
import { ensureOrganization } from "../../access/accounts/organizations.ts";
import { makeBasicAuthenticator } from "../../access/credentials/basic.ts";
import { makeKeyUses } from "../../access/credentials/key-uses.ts";
import { storeRootKey } from "../../access/credentials/keys.ts";
import { issueToken } from "../../access/credentials/tokens.ts";
import { makeAuthority } from "../../access/decisions/authority.ts";
import { digestOf } from "../../lib/digest.ts";
import { randomIds } from "../../lib/ids.ts";
import { makeLog } from "../../lib/log.ts";
import type { Services } from "../../registry/context.ts";
import { mutabilityRule } from "../../registry/mutability.ts";
import { makePullTimes } from "../../registry/pull-times.ts";
import { createRepository } from "../../registry/repositories.ts";
import { openFileBlobs } from "../../store/blobs-files.ts";
import { openDatabase } from "../../store/database.ts";
import { makeSecrets } from "../../store/secrets.ts";
import { openTrail } from "../../store/trail.ts";
import { makeOciDoor, type OciDoor } from "./door.ts";

const accountId = "111122223333";
const region = "eu-west-2";
const start = Date.UTC(2026, 0, 1);
let now = start;
const facts = (of: string) => ({
  region: of,
  at: start,
  sourceIp: "127.0.0.1",
  isSecure: false,
  userAgent: "test",
  referer: undefined,
});
const clock = { now: () => now };
let folder: string;
let services: Services;
let door: OciDoor;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lading-door-"));
  const db = await openDatabase(join(folder, "db"));
  const log = makeLog("silent");
  services = {
    db,
    authority: makeAuthority(db),
    blobs: await openFileBlobs(folder, randomIds),
    secrets: makeSecrets(randomIds.bytes(32), randomIds),
    clock,
    ids: randomIds,
    log,
    pullTimes: makePullTimes(),
    keyUses: makeKeyUses(),
    trail: openTrail({ path: join(folder, "audit"), clock, log, retentionDays: 0 }),
  };
  await services.db.write(async (tx) => {
    await ensureAccount(tx, clock, { id: accountId, name: "test" });
    for (const accessKeyId of ["AKIAFIRSTKEYFIRSTKEY", "AKIAOTHERKEYOTHERKEY"]) {
      const key = { accessKeyId, secretAccessKey: "invented for this test alone" };
      await storeRootKey(tx, { secrets: services.secrets, clock, accountId, key });
    }
    await ensureOrganization(tx, randomIds, accountId);
    const mutability = mutabilityRule();
    await createRepository(tx, clock, {
      accountId,
      region,
      repositoryName: "app",
      mutability,
      scanOnPush: false,
    });
  });
  const settings = { domain: undefined, externalUrl: undefined, secure: false, accountId, region };
  door = makeOciDoor(services, settings, makeBasicAuthenticator(services.secrets, clock));
});

afterAll(async () => {
  await services.trail.close();
  await services.db.close();
  await rm(folder, { recursive: true });
});

/** A token that is valid until `seconds` after the start. */
function tokenUntil(seconds: number): string {
  return issueToken(services.secrets, {
    principalArn: `arn:aws:iam::${accountId}:root`,
    accountId,
    accessKeyId: "AKIAFIRSTKEYFIRSTKEY",
    region,
    id: "invented for this test alone",
    issuedAt: start,
    expiresAt: start + seconds * 1000,
  });
}

async function ask(
  method: string,
  target: string,
  password: string,
  body?: Uint8Array<ArrayBuffer>,
): Promise<Response> {
  const [path = "", query = ""] = target.split("?");
  const headers = { authorization: `Basic ${btoa(`AWS:${password}`)}` };
  const request = new Request(`http://localhost${target}`, { method, headers, ...(body && { body }) });
  return door({ request, method, path, query, host: "localhost", facts, requestId: "test" });
}

describe("a token that ran out", () => {
  test("is refused with a challenge and the time", async () => {
    now = start + 61_000;
    const answer = await ask("GET", "/v2/", tokenUntil(60));
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toStartWith("Basic realm=");
    expect(await answer.text()).toContain("expired at 2026-01-01T00:01:00.000Z");
  });

  test("serves to the second before", async () => {
    now = start + 59_000;
    expect((await ask("GET", "/v2/", tokenUntil(60))).status).toBe(200);
  });

  test("still ends the upload that it began, and nothing else", async () => {
    now = start;
    const token = tokenUntil(60);
    const begun = await ask("POST", "/v2/app/blobs/uploads/", token);
    const location = begun.headers.get("location") ?? "";
    now = start + 3_600_000;
    const layer = new TextEncoder().encode("a layer that took an hour");
    expect((await ask("PATCH", location, token, layer)).status).toBe(202);
    expect((await ask("GET", location, token)).status).toBe(204);
    expect((await ask("PUT", `${location}?digest=${digestOf(layer)}`, token)).status).toBe(201);
    expect((await ask("POST", "/v2/app/blobs/uploads/", token)).status).toBe(401);
    expect((await ask("HEAD", `/v2/app/blobs/${digestOf(layer)}`, token)).status).toBe(401);
    expect((await ask("PATCH", location, token, layer)).status).toBe(401);
  });
});

describe("a token that was altered", () => {
  test("in any character is refused", async () => {
    now = start;
    const token = tokenUntil(60);
    expect((await ask("GET", "/v2/", token)).status).toBe(200);
    for (let at = 0; at < token.length; at += 1) {
      const other = token[at] === "A" ? "B" : "A";
      const altered = token.slice(0, at) + other + token.slice(at + 1);
      expect((await ask("GET", "/v2/", altered)).status).toBe(401);
    }
  });

  test("by being cut or continued is refused", async () => {
    const token = tokenUntil(60);
    for (const altered of [
      token.slice(0, -1),
      `${token}A`,
      `${token}.`,
      token.split(".")[0] ?? "",
      "",
      ".",
    ]) {
      expect((await ask("GET", "/v2/", altered)).status).toBe(401);
    }
  });
});
