/** How the server starts, refuses to start, and stops. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { CreateRepositoryCommand, DescribeRepositoriesCommand, ECRClient } from "@aws-sdk/client-ecr";
import { DeleteAccessKeyCommand, IAMClient } from "@aws-sdk/client-iam";
import {
  contentOf,
  filesUnder,
  makeRandom,
  readyUrl,
  rootSettings,
  run,
  runToEnd,
  scratch,
  seedFor,
} from "../support/durability.ts";
import {
  connect,
  digestOf,
  endOfRange,
  eventually,
  header,
  openSocket,
  requestHead,
  withQuery,
} from "../support/oci.ts";
import { basic, root, start } from "../support/server.ts";

setDefaultTimeout(120_000);

const MiB = 1024 * 1024;
const anyPort = ["--listen", "127.0.0.1:0"] as const;
/** With nothing to wait for, the end comes at once. */
const quicklyMs = 2000;

let folder: Awaited<ReturnType<typeof scratch>>;
/** Paths of a certificate for this machine, signed by itself, and of its key. */
let certificate: string;
let certificateKey: string;
beforeAll(async () => {
  folder = await scratch("start");
  [certificate, certificateKey] = await makeCertificate("localhost");
});
afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
});

/** Begun before the first test, because the server gives the upload half a minute to come to its end. */
let standstill: Promise<void>;
beforeAll(() => {
  standstill = stopDuringStandstill();
  // A failure belongs to the test that waits for it.
  standstill.catch(() => undefined);
});

async function stopDuringStandstill(): Promise<void> {
  await using server = await start();
  const client = connect(server);
  const repository = await client.createRepository();
  const content = contentOf(3, 2 * MiB);
  const location = await client.beginUpload(repository);
  const socket = await openSocket(server);
  const headers = { "content-length": String(content.length) };
  socket.write(requestHead(server, { method: "PATCH", target: location, headers }));
  socket.write(content.subarray(0, MiB));
  await eventually(async () => (endOfRange(await client.request("GET", location)) > 0 ? true : undefined));
  expect(await server.stop()).toBe(0);
  socket.destroy();

  await using again = await start({ data: server.data });
  const next = connect(again);
  const status = await next.request("GET", location);
  const held = endOfRange(status) + 1;
  expect(held).toBeWithin(2, MiB + 1);
  const patched = await next.request("PATCH", location, {
    headers: { "content-range": `${held}-${content.length - 1}` },
    body: content.slice(held),
  });
  expect(patched.status).toBe(202);
  const put = withQuery(header(patched, "location"), { digest: digestOf(content) });
  expect((await next.request("PUT", put)).status).toBe(201);
}

let folders = 0;
/** A path in the folder of this file that nothing has yet. */
function fresh(): string {
  folders += 1;
  return join(folder.path, `data-${folders}`);
}

async function makeCertificate(name: string): Promise<[certificate: string, key: string]> {
  const paths: [string, string] = [join(folder.path, `${name}.pem`), join(folder.path, `${name}-key.pem`)];
  const made = Bun.spawn(
    [
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-out", paths[0], "-keyout", paths[1], "-days", "2", "-subj", `/CN=${name}`],
      ...["-addext", `subjectAltName=DNS:${name},IP:127.0.0.1`],
    ],
    { stdout: "ignore", stderr: "pipe" },
  );
  const said = await new Response(made.stderr).text();
  if ((await made.exited) !== 0) throw new Error(`openssl failed: ${said}`);
  return paths;
}

/** A server that is started by hand; it ends with the scope. */
async function serve(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const running = run(["serve", ...args], env);
  const url = await readyUrl(running);
  return {
    ...running,
    url,
    [Symbol.asyncDispose]: async () => {
      running.kill("SIGKILL");
      await running.exited;
    },
  };
}

function sdkFor(url: string, key: { id: string; secret: string }, region = "us-east-1"): ECRClient {
  return new ECRClient({
    endpoint: url,
    region,
    credentials: { accessKeyId: key.id, secretAccessKey: key.secret },
    maxAttempts: 1,
  });
}

const rootKey = { id: root.accessKeyId, secret: root.secretAccessKey };

type Key = { id: string; secret: string };

/** The key in a file in the form that AWS clients read, or in what the server prints. */
function keyIn(text: string): Key | undefined {
  const id = /aws_access_key_id ?= ?(\S+)/i.exec(text)?.[1];
  const secret = /aws_secret_access_key ?= ?(\S+)/i.exec(text)?.[1];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

describe("a second process on one data folder", () => {
  test("is refused with the folder and what to do, and the first goes on", async () => {
    await using server = await start();
    const second = await runToEnd(["serve", "--data", server.data, ...anyPort], rootSettings);
    expect(second.code).toBe(2);
    expect(second.output).toContain(server.data);
    expect(second.output).toMatch(/in use by another lading process/);
    expect(second.output).not.toMatch(/\bat .*:\d+:\d+/);
    expect((await connect(server).request("GET", "/v2/")).status).toBe(200);
  });

  test("is refused by another path to the folder, too", async () => {
    await using server = await start();
    const second = await runToEnd([
      "serve",
      "--data",
      `${server.data}/../${server.data.split("/").at(-1)}`,
      ...anyPort,
    ]);
    expect(second.code).toBe(2);
    expect(second.output).toMatch(/in use by another lading process/);
  });

  test("may start as soon as the first is gone, however that ended", async () => {
    const data = fresh();
    for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
      const server = await serve(["--data", data, ...anyPort], rootSettings);
      server.kill(signal);
      expect(await server.exited).toBe(signal === "SIGKILL" ? -1 : 0);
    }
  });

  test("of two that start together on a new folder one serves, and the other says why not", async () => {
    const data = fresh();
    const both = [0, 1].map(() => run(["serve", "--data", data, ...anyPort]));
    try {
      const loser = await Promise.race(both.map(async (one) => ({ one, code: await one.exited })));
      expect(loser.code).toBe(2);
      expect(loser.one.output()).toMatch(/in use by another lading process/);
      const winner = both.find((one) => one !== loser.one);
      if (winner === undefined) throw new Error("Both are one");
      const url = await readyUrl(winner);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
    } finally {
      for (const one of both) one.kill("SIGKILL");
      await Promise.all(both.map((one) => one.exited));
    }
  });
});

describe("SIGTERM", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal} to an idle server ends it at once with 0, also when connections are kept open`, async () => {
      await using server = await serve(["--data", fresh(), ...anyPort], rootSettings);
      const target = { url: server.url } as Parameters<typeof openSocket>[0];
      const used = await openSocket(target);
      const answered = new Promise((done) => used.once("data", done));
      used.write(`GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n`);
      await answered;
      const silent = await openSocket(target);
      const halfway = await openSocket(target);
      halfway.write("GET /healthz HTTP/1.1\r\nhos");
      await Bun.sleep(50);
      const startedAt = performance.now();
      server.kill(signal);
      expect(await server.exited).toBe(0);
      expect(performance.now() - startedAt).toBeLessThan(quicklyMs);
      for (const socket of [used, silent, halfway]) socket.destroy();
    });
  }

  test("lets an upload that runs come to its end, and takes nothing new", async () => {
    await using server = await start();
    const client = connect(server);
    const repository = await client.createRepository();
    const content = contentOf(1, 2 * MiB);
    const location = await client.beginUpload(repository);
    const target = withQuery(location, { digest: digestOf(content) });
    const uploading = await openSocket(server);
    const kept = await openSocket(server);
    const answer = new Promise<string>((done) =>
      uploading.once("data", (data) => done(data.toString("latin1"))),
    );
    const headers = { "content-length": String(content.length) };
    uploading.write(requestHead(server, { method: "PUT", target, headers }));
    uploading.write(content.subarray(0, MiB));
    await eventually(async () => (endOfRange(await client.request("GET", location)) > 0 ? true : undefined));

    const stopped = server.stop();
    await Bun.sleep(200);
    // On a connection from before it is told to go elsewhere; a new connection is not taken.
    const refused = new Promise<string>((done) => {
      kept.once("data", (data) => done(data.toString("latin1")));
      kept.once("close", () => done("closed"));
    });
    kept.write(requestHead(server, { method: "GET", target: "/v2/" }));
    expect(await refused).toMatch(/^HTTP\/1\.1 503 |^closed$/);
    const isTaken = await openSocket(server).then(
      () => true,
      () => false,
    );
    expect(isTaken).toBe(false);

    uploading.write(content.subarray(MiB));
    expect(await answer).toStartWith("HTTP/1.1 201 ");
    expect(await stopped).toBe(0);
    for (const socket of [uploading, kept]) socket.destroy();

    await using again = await start({ data: server.data });
    const pulled = await connect(again).request("GET", `/v2/${repository}/blobs/${digestOf(content)}`);
    expect(digestOf(pulled.body)).toBe(digestOf(content));
  });

  test("lets a download that runs come to its end", async () => {
    await using server = await start();
    const client = connect(server);
    const repository = await client.createRepository();
    const content = contentOf(2, 32 * MiB);
    const { digest } = await client.pushBlob(repository, content);
    const response = await fetch(`${server.url}/v2/${repository}/blobs/${digest}`, {
      headers: { authorization: basic },
    });
    const reader = response.body?.getReader();
    const parts = [(await reader?.read())?.value ?? new Uint8Array()];
    const stopped = server.stop();
    await Bun.sleep(300);
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done) break;
      parts.push(value ?? new Uint8Array());
    }
    expect(digestOf(Buffer.concat(parts))).toBe(digest);
    expect(await stopped).toBe(0);
  });

  test("twice does not turn a clean end into another", async () => {
    await using server = await serve(["--data", fresh(), ...anyPort], rootSettings);
    server.kill("SIGTERM");
    server.kill("SIGTERM");
    expect(await server.exited).toBe(0);
  });
});

describe("a start that cannot succeed ends with 2 and says what would be right", () => {
  /** For each setting a wrong value, and what the message must say beside the flag. */
  const wrong: Readonly<Record<string, readonly [value: string, says: RegExp][]>> = {
    listen: [
      ["5000", /HOST:PORT/],
      ["127.0.0.1", /HOST:PORT/],
      ["127.0.0.1:port", /HOST:PORT/],
      ["127.0.0.1:99999", /99999/],
    ],
    account: [
      ["1234", /12 digits/],
      ["12345678901x", /12 digits/],
    ],
    region: [["US East", /lower-case letters/]],
    domain: [
      ["-example.com", /domain name/],
      ["EXAMPLE.com", /domain name/],
      ["https://example.com", /domain name/],
    ],
    "external-url": [
      ["example.com", /https?:\/\//],
      ["https://example.com/path", /without a path/],
      ["ftp://example.com", /https?:\/\//],
    ],
    "tls-cert": [["no-such-file.pem", /no-such-file\.pem/]],
    "tls-key": [["no-such-file.pem", /no-such-file\.pem/]],
    "root-access-key-id": [["short", /16 to 128/]],
    "root-secret-access-key": [["has spaces in it, and is long", /16 to 128/]],
    "secret-key": [
      ["too-short", /32 bytes in base64/],
      ["!".repeat(44), /32 bytes in base64/],
    ],
    "trusted-proxies": [
      ["10.0.0.0/33", /10\.0\.0\.0\/8/],
      ["10.0.0.1,proxy.example.com", /addresses or ranges/],
    ],
    "audit-retention-days": [
      ["ever", /whole number of days/],
      ["-1", /whole number of days/],
      ["1.5", /whole number of days/],
    ],
    "log-level": [["loud", /debug, info, warn, error, silent/]],
  };
  /** What has to be there for the wrong value to be the only fault. */
  const partners: Readonly<Record<string, () => readonly string[]>> = {
    "tls-cert": () => ["--tls-key", certificateKey],
    "tls-key": () => ["--tls-cert", certificate],
    "root-access-key-id": () => ["--root-secret-access-key", rootKey.secret],
    "root-secret-access-key": () => ["--root-access-key-id", rootKey.id],
  };

  function expectRefused(
    ended: { code: number; output: string },
    ...says: readonly (string | RegExp)[]
  ): void {
    expect(ended.code, ended.output).toBe(2);
    expect(ended.output).toStartWith("lading: ");
    for (const part of says) {
      if (typeof part === "string") expect(ended.output).toContain(part);
      else expect(ended.output).toMatch(part);
    }
    // A sentence, and no stack.
    expect(ended.output).not.toMatch(/^\s+at /m);
  }

  test("every setting has its row here", async () => {
    const { code, stdout } = await runToEnd(["serve", "--help"]);
    expect(code).toBe(0);
    const flags = [...stdout.matchAll(/^\s+--([\w-]+) </gm)].map((match) => match[1]);
    expect(flags.filter((flag) => flag !== "data").sort()).toEqual(Object.keys(wrong).sort());
  });

  for (const [flag, rows] of Object.entries(wrong)) {
    test(`--${flag}`, async () => {
      const variable = `LADING_${flag.toUpperCase().replaceAll("-", "_")}`;
      const partner = partners[flag]?.() ?? [];
      const listen = flag === "listen" ? [] : anyPort;
      for (const [value, says] of rows) {
        const byFlag = ["serve", "--data", fresh(), ...listen, ...partner, `--${flag}=${value}`];
        const [fromFlag, fromEnvironment] = await Promise.all([
          runToEnd(byFlag),
          runToEnd(["serve", "--data", fresh(), ...listen, ...partner], { [variable]: value }),
        ]);
        expectRefused(fromFlag, says, `--${flag}`);
        expectRefused(fromEnvironment, says, new RegExp(`${variable}|--${flag}`));
        if (flag.includes("secret")) expect(fromFlag.output).not.toContain(value);
      }
    });
  }

  test("an unknown flag, a flag without its value, an unknown command, too many words", async () => {
    const rows: readonly (readonly string[])[] = [
      ["serve", "--date", "x"],
      ["serve", "--listen"],
      ["sevre"],
      ["serve", "here"],
      ["scrub", "--listen", "127.0.0.1:0"],
    ];
    const all = await Promise.all(rows.map((args) => runToEnd(args)));
    for (const [at, ended] of all.entries()) {
      expect(ended.code, `${rows[at]}: ${ended.output}`).toBe(2);
      expect(ended.output).toContain(rows[at]?.find((word) => /^--|sevre|here/.test(word)) ?? "");
    }
  });

  test("one half of what belongs together", async () => {
    const rows = [
      ["tls-cert", "tls-key"],
      ["tls-key", "tls-cert"],
      ["root-access-key-id", "root-secret-access-key"],
      ["root-secret-access-key", "root-access-key-id"],
    ] as const;
    for (const [given, other] of rows) {
      const ended = await runToEnd([
        "serve",
        "--data",
        fresh(),
        ...anyPort,
        `--${given}`,
        "0123456789abcdef",
      ]);
      expectRefused(ended, `--${given}`, `--${other}`, /together/);
    }
  });

  test("a port that is taken", async () => {
    const other = createServer();
    const port = await new Promise<number>((done) => {
      other.listen(0, "127.0.0.1", () => done((other.address() as { port: number }).port));
    });
    try {
      const data = fresh();
      expectRefused(
        await runToEnd(["serve", "--data", data, "--listen", `127.0.0.1:${port}`]),
        `127.0.0.1:${port}`,
        /in use/,
      );
      // What the first attempt made is no obstacle, and its root key is the one that is shown in the end.
      await using server = await serve(["--data", data, ...anyPort]);
      const kept = keyIn(await readFile(join(data, "root-credentials-000000000000"), "utf8"));
      const shown = keyIn(server.output());
      if (shown !== undefined) expect(shown).toEqual(kept as Key);
      await sdkFor(server.url, kept as Key).send(new DescribeRepositoriesCommand({}));
    } finally {
      other.close();
    }
  });

  test("an address that this machine does not have", async () => {
    for (const address of ["192.0.2.1:5000", "[2001:db8::1]:5000", "no-such-host.invalid:5000"]) {
      const ended = await runToEnd(["serve", "--data", fresh(), "--listen", address]);
      expectRefused(ended, address);
    }
  });

  test("a data folder that is a file, or lies in one", async () => {
    const file = fresh();
    await writeFile(file, "");
    for (const data of [file, join(file, "data")])
      expectRefused(await runToEnd(["serve", "--data", data, ...anyPort]), data, /data folder/);
  });

  test("a data folder in which it may not write", async () => {
    const data = fresh();
    await mkdir(data);
    // Not even root may make a file or a folder where there is one of the other kind.
    await mkdir(join(data, "lading.db"));
    expectRefused(await runToEnd(["serve", "--data", data, ...anyPort]), data);
    const other = fresh();
    await mkdir(other);
    await writeFile(join(other, "uploads"), "");
    expectRefused(await runToEnd(["serve", "--data", other, ...anyPort]), other);
    if (process.getuid?.() !== 0) {
      const closed = fresh();
      await mkdir(closed);
      await chmod(closed, 0o500);
      expectRefused(await runToEnd(["serve", "--data", closed, ...anyPort]), closed, /data folder/);
    }
  });

  test("a database that is none", async () => {
    const data = fresh();
    await mkdir(data);
    await writeFile(
      join(data, "lading.db"),
      "this is no database, and it is long enough to see that".repeat(100),
    );
    const ended = await runToEnd(["serve", "--data", data, ...anyPort]);
    expectRefused(ended, data);
    expect(await readFile(join(data, "lading.db"), "utf8")).toStartWith("this is no database");
  });

  test("a secret.key of another length", async () => {
    const data = fresh();
    await mkdir(data);
    await writeFile(join(data, "secret.key"), "c2hvcnQ=\n");
    expectRefused(await runToEnd(["serve", "--data", data, ...anyPort]), /secret\.key/, /32 bytes/);
  });

  test("another secret key than the one that the folder was made with: what is stored could not be read", async () => {
    const data = fresh();
    {
      await using server = await serve(["--data", data, ...anyPort]);
      expect(server.url).toStartWith("http://");
    }
    const other = Buffer.alloc(32, 7).toString("base64");
    const started = run(["serve", "--data", data, ...anyPort, "--secret-key", other]);
    try {
      const outcome = await Promise.race([
        started.exited,
        Bun.sleep(3000).then(() => "it serves, and no key works"),
      ]);
      expect(outcome).toBe(2);
      expect(started.output()).toMatch(/secret[- ]key/i);
    } finally {
      started.kill("SIGKILL");
      await started.exited;
    }
  });

  test("scrub of a folder that is not there, or is none of a registry", async () => {
    const missing = fresh();
    expectRefused(await runToEnd(["scrub", "--data", missing]), missing);
    const empty = fresh();
    await mkdir(empty);
    expectRefused(await runToEnd(["scrub", "--data", empty]), empty);
    expect(await readdir(empty)).toEqual([]);
  });
});

describe("the root's first key", () => {
  const credentials = "root-credentials-000000000000";

  test("is shown once, kept in a file for the owner alone, and works from then on", async () => {
    const data = fresh();
    let key: Key;
    {
      await using server = await serve(["--data", data, ...anyPort]);
      const shown = keyIn(server.stdout());
      const kept = keyIn(await readFile(join(data, credentials), "utf8"));
      expect(shown).toBeDefined();
      expect(kept).toEqual(shown);
      key = shown as Key;
      await sdkFor(server.url, key).send(new CreateRepositoryCommand({ repositoryName: "first/start" }));
      expect((await stat(data)).mode & 0o777).toBe(0o700);
      for (const name of [credentials, "secret.key", "lading.db"])
        expect((await stat(join(data, name))).mode & 0o777, name).toBe(0o600);
      for (const name of ["blobs", "uploads"])
        expect((await stat(join(data, name))).mode & 0o077, name).toBe(0);
    }
    await using again = await serve(["--data", data, ...anyPort]);
    expect(again.output()).not.toContain(key.secret);
    expect(again.output()).not.toContain(key.id);
    const { repositories } = await sdkFor(again.url, key).send(new DescribeRepositoriesCommand({}));
    expect(repositories?.map(({ repositoryName }) => repositoryName)).toEqual(["first/start"]);
  });

  test("is not made when one is configured", async () => {
    const data = fresh();
    await using server = await serve(["--data", data, ...anyPort], rootSettings);
    expect(await readdir(data)).not.toContain(credentials);
    expect(server.output()).not.toContain(rootKey.secret);
    await sdkFor(server.url, rootKey).send(new DescribeRepositoriesCommand({}));
  });

  test("stays deleted when the root deletes it, and a key that is configured lets in again", async () => {
    const data = fresh();
    let key: Key;
    {
      await using server = await serve(["--data", data, ...anyPort]);
      key = keyIn(server.stdout()) as Key;
      const credentials = { accessKeyId: key.id, secretAccessKey: key.secret };
      const iam = new IAMClient({ endpoint: server.url, region: "us-east-1", credentials });
      await iam.send(new DeleteAccessKeyCommand({ AccessKeyId: key.id }));
    }
    {
      await using again = await serve(["--data", data, ...anyPort]);
      expect(keyIn(again.output())).toBeUndefined();
      const refused = sdkFor(again.url, key).send(new DescribeRepositoriesCommand({}));
      expect(refused).rejects.toThrow("The security token included in the request is invalid.");
      await refused.catch(() => undefined);
    }
    await using server = await serve(["--data", data, ...anyPort], rootSettings);
    await sdkFor(server.url, rootKey).send(new DescribeRepositoriesCommand({}));
  });

  test("may leave its file: the server starts and the key works without it", async () => {
    const data = fresh();
    let key: Key;
    {
      await using _ = await serve(["--data", data, ...anyPort]);
      key = keyIn(await readFile(join(data, credentials), "utf8")) as Key;
    }
    await Bun.file(join(data, credentials)).delete();
    await using server = await serve(["--data", data, ...anyPort]);
    expect(await readdir(data)).not.toContain(credentials);
    expect(keyIn(server.output())).toBeUndefined();
    await sdkFor(server.url, key).send(new DescribeRepositoriesCommand({}));
  });
});

test("20 starts that are killed in their first moments leave folders that start, each with one root key", async () => {
  const random = makeRandom(seedFor("kills of the first start"));
  const exists = (path: string) =>
    stat(path).then(
      () => true,
      () => undefined,
    );
  for (let turn = 0; turn < 10; turn += 1) {
    const data = fresh();
    const shown: Key[] = [];
    /** Kills a start at a moment, and keeps the key if it was shown already. */
    const killAt = async (moment: () => Promise<unknown>) => {
      const running = run(["serve", "--data", data, ...anyPort]);
      await moment();
      running.kill("SIGKILL");
      await running.exited;
      const key = keyIn(running.stdout());
      if (key !== undefined) shown.push(key);
    };
    await killAt(() => Bun.sleep(random.between(0, 150)));
    // Then while the database is made, which is when most is half done.
    await killAt(async () => {
      await eventually(() => exists(join(data, "lading.db")), 20_000);
      await Bun.sleep(random.between(0, 40));
    });

    await using server = await serve(["--data", data, ...anyPort]);
    const kept = keyIn(await readFile(join(data, "root-credentials-000000000000"), "utf8"));
    expect(kept).toBeDefined();
    for (const key of [...shown, keyIn(server.stdout()) ?? kept]) expect(key).toEqual(kept);
    await sdkFor(server.url, kept as Key).send(
      new CreateRepositoryCommand({ repositoryName: "after/kills" }),
    );
    const answer = await fetch(`${server.url}/v2/`, {
      headers: { authorization: `Basic ${btoa(`${kept?.id}:${kept?.secret}`)}` },
    });
    expect(answer.status).toBe(200);
    expect((await filesUnder(data)).filter((path) => path.endsWith(".new"))).toEqual([]);
  }
});

describe("TLS", () => {
  test("serves HTTPS with a certificate and its key, and only that", async () => {
    await using server = await serve(
      ["--data", fresh(), ...anyPort, "--tls-cert", certificate, "--tls-key", certificateKey],
      rootSettings,
    );
    expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const insecure = { tls: { rejectUnauthorized: false } };
    const health = await fetch(`${server.url}/healthz`, insecure);
    expect(health.status).toBe(200);
    const trusted = await fetch(`${server.url}/readyz`, { tls: { ca: await readFile(certificate, "utf8") } });
    expect(trusted.status).toBe(200);
    const challenge = await fetch(`${server.url}/v2/`, insecure);
    expect(challenge.status).toBe(401);
    expect(challenge.headers.get("www-authenticate")).toContain('realm="https://');
    const content = contentOf(4, 3 * MiB);
    const repositories = new Request(`${server.url}/v2/tls/x/blobs/uploads/?digest=${digestOf(content)}`, {
      method: "POST",
      body: content,
      headers: { authorization: basic },
    });
    expect((await fetch(repositories, insecure)).status).toBe(404);
    await expect(fetch(`${server.url.replace("https:", "http:")}/healthz`)).rejects.toThrow();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });

  test("a file that holds no certificate, a key of another certificate: refused with the flags", async () => {
    const [, otherKey] = await makeCertificate("other");
    const text = join(folder.path, "text.pem");
    await writeFile(text, "no certificate\n");
    for (const [cert, keyPath] of [
      [text, certificateKey],
      [certificate, text],
      [certificate, otherKey],
    ] as const) {
      const ended = await runToEnd([
        "serve",
        ...["--data", fresh(), ...anyPort],
        ...["--tls-cert", cert, "--tls-key", keyPath],
      ]);
      expect(ended.code, ended.output).toBe(2);
      expect(ended.output).toMatch(/--tls-(cert|key)/);
      expect(ended.output).not.toMatch(/^\s+at /m);
    }
  });
});

describe("settings come from the environment, and a flag beats it", () => {
  type Setting = {
    flag: string;
    inEnvironment: string;
    asFlag: string;
    /** What the server does differently, as text. */
    effect: (server: { url: string; output(): string }, data: string) => Promise<string>;
    expected: (value: string) => string;
    /** What the first setting needs beside it. */
    more?: Readonly<Record<string, string>>;
  };

  async function created(url: string, region = "us-east-1") {
    const sdk = sdkFor(url, rootKey, region);
    const repositoryName = "settings/effect";
    await sdk.send(new CreateRepositoryCommand({ repositoryName })).catch(() => undefined);
    const { repositories } = await sdk.send(
      new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }),
    );
    return repositories?.[0];
  }

  const settings: readonly Setting[] = [
    {
      flag: "account",
      inEnvironment: "111122223333",
      asFlag: "444455556666",
      effect: async ({ url }) => (await created(url))?.registryId ?? "",
      expected: (value) => value,
    },
    {
      flag: "region",
      inEnvironment: "eu-west-2",
      asFlag: "ap-south-1",
      effect: async ({ url }) => {
        for (const region of ["eu-west-2", "ap-south-1"]) {
          const repository = await created(url, region);
          // Only that of the default region is named without its registry.
          if (/^[^/]+\/settings\/effect$/.test(repository?.repositoryUri ?? "")) return region;
        }
        return "neither";
      },
      expected: (value) => value,
    },
    {
      flag: "domain",
      inEnvironment: "one.example",
      asFlag: "two.example",
      effect: async ({ url }) =>
        (await created(url))?.repositoryUri?.replace(/^.*\.us-east-1\./, "").replace(/[:/].*$/, "") ?? "",
      expected: (value) => value,
    },
    {
      flag: "external-url",
      inEnvironment: "https://one.example",
      asFlag: "https://two.example:8443",
      effect: async ({ url }) => {
        await created(url);
        const begun = await fetch(`${url}/v2/settings/effect/blobs/uploads/`, {
          method: "POST",
          headers: { authorization: basic },
        });
        return begun.headers.get("location")?.replace(/\/v2\/.*$/, "") ?? "";
      },
      expected: (value) => value,
    },
    {
      flag: "log-level",
      inEnvironment: "info",
      asFlag: "silent",
      effect: async ({ url, output }) => {
        await fetch(`${url}/healthz`);
        await Bun.sleep(50);
        return output().includes('"path":"/healthz"') ? "info" : "silent";
      },
      expected: (value) => value,
    },
    {
      flag: "secret-key",
      inEnvironment: Buffer.alloc(32, 1).toString("base64"),
      asFlag: Buffer.alloc(32, 2).toString("base64"),
      effect: async (_, data) => ((await readdir(data)).includes("secret.key") ? "a file" : "no file"),
      expected: () => "no file",
    },
  ];

  for (const { flag, inEnvironment, asFlag, effect, expected } of settings) {
    const variable = `LADING_${flag.toUpperCase().replaceAll("-", "_")}`;
    test(`${variable} and --${flag}`, async () => {
      const observe = async (args: readonly string[], env: Readonly<Record<string, string>>) => {
        const data = fresh();
        await using server = await serve(["--data", data, ...anyPort, ...args], { ...rootSettings, ...env });
        return await effect(server, data);
      };
      expect(await observe([], { [variable]: inEnvironment })).toBe(expected(inEnvironment));
      expect(await observe([`--${flag}`, asFlag], { [variable]: inEnvironment })).toBe(expected(asFlag));
    });
  }

  test("LADING_DATA and --data", async () => {
    const [one, two] = [fresh(), fresh()];
    {
      await using _ = await serve([...anyPort], { LADING_DATA: one });
    }
    expect(await readdir(one)).toContain("lading.db");
    {
      await using _ = await serve([...anyPort, "--data", two], { LADING_DATA: join(one, "none") });
    }
    expect(await readdir(two)).toContain("lading.db");
    expect(await readdir(one)).not.toContain("none");
    const scrubbed = await runToEnd(["scrub"], { LADING_DATA: one });
    expect(scrubbed.code, scrubbed.output).toBe(0);
  });

  test("LADING_LISTEN and --listen", async () => {
    {
      await using server = await serve(["--data", fresh()], { LADING_LISTEN: "127.0.0.2:0" });
      expect(server.url).toStartWith("http://127.0.0.2:");
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    }
    await using server = await serve(["--data", fresh(), "--listen", "127.0.0.3:0"], {
      LADING_LISTEN: "127.0.0.2:0",
    });
    expect(server.url).toStartWith("http://127.0.0.3:");
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  test("LADING_ROOT_ACCESS_KEY_ID and LADING_ROOT_SECRET_ACCESS_KEY, and their flags", async () => {
    const other = { id: "AKIALADINGOTHERROOT1", secret: "test-only/another+secret+access+key00001" };
    const data = fresh();
    const flags = ["--root-access-key-id", other.id, "--root-secret-access-key", other.secret];
    await using server = await serve(["--data", data, ...anyPort, ...flags], rootSettings);
    await sdkFor(server.url, other).send(new DescribeRepositoriesCommand({}));
    await expect(sdkFor(server.url, rootKey).send(new DescribeRepositoriesCommand({}))).rejects.toThrow(
      /security token/,
    );
  });

  test("LADING_TLS_CERT and LADING_TLS_KEY", async () => {
    await using server = await serve(["--data", fresh(), ...anyPort], {
      LADING_TLS_CERT: certificate,
      LADING_TLS_KEY: certificateKey,
    });
    expect(server.url).toStartWith("https://");
    const health = await fetch(`${server.url}/healthz`, { tls: { rejectUnauthorized: false } });
    expect(health.status).toBe(200);
  });

  test("an empty variable is none", async () => {
    await using server = await serve(["--data", fresh(), ...anyPort], {
      ...rootSettings,
      LADING_DOMAIN: "",
      LADING_REGION: "",
      LADING_TLS_CERT: "",
      LADING_LOG_LEVEL: "",
    });
    expect(server.url).toStartWith("http://");
  });
});

test("/healthz and /readyz answer anybody, on GET and HEAD, and nothing else on their paths", async () => {
  await using server = await start();
  for (const path of ["/healthz", "/readyz"]) {
    const answer = await fetch(`${server.url}${path}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toStartWith("text/plain");
    expect(await answer.text()).not.toBeEmpty();
    const head = await fetch(`${server.url}${path}`, { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe("");
    expect((await fetch(`${server.url}${path}?probe=1`)).status).toBe(200);
    expect((await fetch(`${server.url}${path}`, { method: "POST", body: "x" })).status).toBeWithin(400, 500);
    expect((await fetch(`${server.url}${path}/more`)).status).toBe(404);
  }
});

test("SIGTERM while an upload stands still ends the server in time, and the upload goes on after the next start", () =>
  standstill);
