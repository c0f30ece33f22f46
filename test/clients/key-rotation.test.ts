/** A key is replaced while it is in use: two keys live side by side until nobody uses the old one, and no pull fails. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { makeRepositories, rootOf, user } from "../support/access.ts";
import { start, type TestServer } from "../support/server.ts";
import { type Image, makeSmallImage } from "./images.ts";
import {
  aws,
  fail,
  type Home,
  login,
  makeHome,
  patienceMs,
  type ServerAs,
  skopeoCopy,
  storeLogin,
  succeed,
  suite,
} from "./programs.ts";

setDefaultTimeout(patienceMs);

/** Between two pulls of the loop: the machine has other tests to run. */
const pauseMs = 200;

const readOnly = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";

suite("a key that is rotated", ["aws", "skopeo"], () => {
  let server: TestServer;
  let home: Home;
  let image: Image;
  let old: ServerAs;

  const at = () => `docker://${server.host}/app:v1`;
  const pull = (who: Home) => skopeoCopy(who, at(), `oci:${who.path(crypto.randomUUID())}:image`);
  const iam = async (...args: string[]) => {
    const printed = await succeed(aws(home, server, "iam", ...args, "--user-name", "ci"));
    return printed === "" ? undefined : JSON.parse(printed);
  };

  beforeAll(async () => {
    [server, home] = await Promise.all([start(), makeHome()]);
    image = await makeSmallImage(home.path("image"), "pulled all the time");
    await storeLogin(home, server.host, server.accessKeyId, server.secretAccessKey);
    await makeRepositories(server, "app");
    await succeed(skopeoCopy(home, image.reference, at()));
    const { keys } = await user(server, rootOf(server), { name: "ci", managed: [readOnly] });
    old = { ...server, ...keys };
  });
  afterAll(async () => {
    await home?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test("two keys work, one is switched off and deleted, and a loop of pulls never fails", async () => {
    await using ci = await makeHome();
    await using left = await makeHome();
    await Promise.all([login(ci, old), login(left, old)]);
    const loop = startLoop(() => succeed(pull(ci)));
    try {
      const { AccessKey } = await iam("create-access-key");
      const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = AccessKey;
      await using fresh = await makeHome();
      await login(fresh, { ...server, accessKeyId, secretAccessKey });
      await Promise.all([succeed(pull(fresh)), succeed(pull(left))]);
      expect(await fail(aws(home, server, "iam", "create-access-key", "--user-name", "ci"))).toContain(
        "LimitExceeded",
      );

      // The service gets the new key, and its last pull with the old one ends.
      await Bun.write(ci.authfile, await Bun.file(fresh.authfile).text());
      await loop.next();
      const oldKey = ["--access-key-id", old.accessKeyId];
      await iam("update-access-key", ...oldKey, "--status", "Inactive");
      expect(await fail(pull(left))).toContain(
        `The access key '${old.accessKeyId}' that these credentials were made with is disabled.`,
      );
      // Something was forgotten: it can be switched on again.
      await iam("update-access-key", ...oldKey, "--status", "Active");
      await succeed(pull(left));
      await iam("update-access-key", ...oldKey, "--status", "Inactive");
      await iam("delete-access-key", ...oldKey);
      expect(await fail(pull(left))).toContain(
        `The access key '${old.accessKeyId}' that these credentials were made with is deleted, or its user is.`,
      );
      const { AccessKeyMetadata } = await iam("list-access-keys");
      expect(AccessKeyMetadata).toMatchObject([{ AccessKeyId: accessKeyId, Status: "Active" }]);
      await loop.next();
    } finally {
      await loop.end();
    }
    expect(loop.failures).toEqual([]);
    expect(loop.count()).toBeGreaterThan(5);
  });
});

/** Does the same again and again, until the end. */
function startLoop(once: () => Promise<unknown>) {
  const failures: unknown[] = [];
  let count = 0;
  let isOver = false;
  let current: Promise<void> = Promise.resolve();
  const turn = async () => {
    await once().catch((error: unknown) => failures.push(String(error)));
    count += 1;
    await Bun.sleep(pauseMs);
  };
  const running = (async () => {
    while (!isOver) {
      current = turn();
      await current;
    }
  })();
  return {
    failures,
    count: () => count,
    /** Resolves when a turn that begins from now on is done. */
    next: async () => {
      const wanted = count + 2;
      while (count < wanted) await current;
    },
    end: () => {
      isOver = true;
      return running;
    },
  };
}
