/** A server with more than one account, for what happens between accounts. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "./server.ts";

/** Invented, as `root` is. */
export const otherRoot = {
  accountId: "111122223333",
  accessKeyId: "AKIALADINGTESTROOT02",
  secretAccessKey: "test-only/not+a+real+secret+access+key02",
} as const;

/**
 * A data folder in which {@link otherRoot} has an account, for `start({ data })`. A server that is started with an
 * account of its own makes it, and those that were made before stay. To be removed by who asked.
 */
export async function folderWithOtherAccount(): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), "lading-test-"));
  await using server = await start({
    data,
    args: ["--account", otherRoot.accountId],
    env: {
      LADING_ROOT_ACCESS_KEY_ID: otherRoot.accessKeyId,
      LADING_ROOT_SECRET_ACCESS_KEY: otherRoot.secretAccessKey,
    },
  });
  await server.stop();
  return data;
}
