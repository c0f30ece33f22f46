/** What no client can bring about at will: bytes of a part that were stored when the server died before it answered. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureAccount } from "../access/accounts/accounts.ts";
import { makeKeyUses } from "../access/credentials/key-uses.ts";
import { makeAuthority } from "../access/decisions/authority.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { digestOf } from "../lib/digest.ts";
import { randomIds as ids } from "../lib/ids.ts";
import { limits } from "../lib/limits.ts";
import { makeLog } from "../lib/log.ts";
import { openFileBlobs } from "../store/blobs-files.ts";
import { openDatabase } from "../store/database.ts";
import { makeSecrets } from "../store/secrets.ts";
import { openTrail } from "../store/trail.ts";
import { mutabilityRule } from "./mutability.ts";
import { makePullTimes } from "./pull-times.ts";
import { createRepository } from "./repositories.ts";
import { appendLayerPart, beginUpload, completeUpload, getUpload } from "./uploads.ts";

test("a part that is repeated after a crash is written over what came of it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lading-uploads-"));
  const db = await openDatabase(join(folder, "db"));
  const blobs = await openFileBlobs(folder, ids);
  const secrets = makeSecrets(ids.bytes(32), ids);
  const log = makeLog("silent");
  const services = {
    db,
    blobs,
    secrets,
    clock,
    ids,
    log,
    pullTimes: makePullTimes(),
    keyUses: makeKeyUses(),
    trail: openTrail({ path: join(folder, "audit"), clock, log, retentionDays: 0 }),
    authority: makeAuthority(db),
  };
  try {
    const accountId = "111122223333";
    const repository = await db.write(async (tx) => {
      await ensureAccount(tx, clock, { id: accountId, name: "test" });
      const settings = { mutability: mutabilityRule(), scanOnPush: false };
      return createRepository(tx, clock, {
        accountId,
        region: "eu-west-2",
        repositoryName: "app",
        ...settings,
      });
    });
    const id = await beginUpload(services, { repository, principalArn: "x", by: "InitiateLayerUpload" });
    const upload = () => getUpload(services, repository, id);
    const [first, second] = [new Uint8Array(limits.layerPartBytes).fill(1), new Uint8Array(100).fill(2)];
    const digest = digestOf(Buffer.concat([first, second]));
    const firstBytes = first.length;

    await appendLayerPart(services, await upload(), { bytes: first, firstByte: 0 });
    const torn = (async function* () {
      yield new Uint8Array(60).fill(3);
    })();
    await blobs.append(id, { source: torn, at: (held) => held, limitBytes: limits.layerBytes, whole: false });

    await expect(appendLayerPart(services, await upload(), { bytes: second, firstByte: 7 })).rejects.toThrow(
      "instead of",
    );
    await appendLayerPart(services, await upload(), { bytes: second, firstByte: firstBytes });
    expect(await completeUpload(services, await upload(), [digest])).toBe(digest);
  } finally {
    await services.trail.close();
    await db.close();
    await rm(folder, { recursive: true });
  }
});
