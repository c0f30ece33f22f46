/** `lading scrub`: is everything that the database promises really stored, and whole? */
import { join } from "node:path";
import { digestAlgorithm } from "../lib/digest.ts";
import { randomIds } from "../lib/ids.ts";
import { limits } from "../lib/limits.ts";
import { digestOfBody, openFileBlobs } from "../store/blobs-files.ts";
import { openReadOnly } from "../store/database.ts";

type ScrubReport = {
  /** Blobs whose content was read and is right. */
  verified: number;
  /** Recorded, and not stored or with another size. */
  missing: string[];
  /** Stored, but the content has another digest. */
  damaged: string[];
  /** Stored, and not recorded: what a crash between the two leaves. It does no harm but takes space. */
  orphans: string[];
  /** Uploads that have bytes stored. */
  uploads: number;
};

/** Reads the data folder `folder` without changing it. */
export async function scrub(folder: string): Promise<ScrubReport> {
  const { read, close } = openReadOnly(join(folder, "lading.db"));
  const blobs = await openFileBlobs(folder, randomIds);
  const report: ScrubReport = { verified: 0, missing: [], damaged: [], orphans: [], uploads: 0 };
  try {
    for (let after = ""; ; ) {
      const rows = await read
        .selectFrom("blobs")
        .select(["digest", "size_bytes"])
        .where("digest", ">", after)
        .orderBy("digest")
        .limit(limits.rowsPerStep)
        .execute();
      for (const { digest, size_bytes } of rows) {
        const body = (await blobs.size(digest)) === size_bytes ? blobs.body(digest) : undefined;
        if (!(body instanceof Blob)) report.missing.push(digest);
        else if ((await digestOfBody(body, digestAlgorithm(digest) ?? "sha256")) !== digest)
          report.damaged.push(digest);
        else report.verified += 1;
      }
      const last = rows.at(-1);
      if (!last) break;
      after = last.digest;
    }
    for await (const { digest } of blobs.list()) {
      const row = await read
        .selectFrom("blobs")
        .select("digest")
        .where("digest", "=", digest)
        .executeTakeFirst();
      if (!row) report.orphans.push(digest);
    }
    for await (const _ of blobs.uploads()) report.uploads += 1;
    return report;
  } finally {
    await close();
  }
}
