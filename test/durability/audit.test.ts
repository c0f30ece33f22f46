/** The audit through the ends of the process, on a full disk, and as the operator exports it. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { mountSmallDisk, run, runToEnd, scratch, suiteWithMounts } from "../support/durability.ts";
import { eventually } from "../support/oci.ts";
import { basic, start, type TestServer } from "../support/server.ts";

setDefaultTimeout(60_000);

type Line = { eventName: string; requestID: string; eventTime: string; recipientAccountId: string };

/** The records that the operator gets, in their order. */
async function exported(data: string, ...args: readonly string[]): Promise<Line[]> {
  const { code, stdout, output } = await runToEnd(["audit", "export", "--data", data, ...args]);
  expect(code, output).toBe(0);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

/** Asks so often whether this is a registry, and resolves with the ids of the requests. */
async function ask(server: TestServer, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let asked = 0; asked < count; asked += 1) {
    const response = await fetch(`${server.url}/v2/`, { headers: { authorization: basic } });
    expect(response.status).toBe(200);
    ids.push(response.headers.get("x-request-id") ?? "");
  }
  return ids;
}

const idsOf = (lines: readonly Line[]) => lines.map(({ requestID }) => requestID);

describe("the end of the server", () => {
  test("SIGTERM loses no record, also of the last request", async () => {
    await using folder = await scratch("audit");
    await using server = await start({ data: folder.path });
    const ids = await ask(server, 500);
    expect(await server.stop()).toBe(0);
    expect(idsOf(await exported(folder.path))).toEqual(ids);
  });

  test("a kill loses at most what was answered in the last moment, and the audit goes on", async () => {
    await using folder = await scratch("audit");
    const early: string[] = [];
    const late: string[] = [];
    {
      await using server = await start({ data: folder.path });
      early.push(...(await ask(server, 300)));
      await eventually(async () => ((await exported(folder.path)).length >= early.length ? true : undefined));
      late.push(...(await ask(server, 50)));
      await server.kill();
    }
    const kept = idsOf(await exported(folder.path));
    expect(kept.slice(0, early.length)).toEqual(early);
    expect(late.slice(0, kept.length - early.length)).toEqual(kept.slice(early.length));
    await using again = await start({ data: folder.path });
    const after = await ask(again, 3);
    await again.stop();
    expect(idsOf(await exported(folder.path))).toEqual([...kept, ...after]);
  });
});

describe("lading audit export", () => {
  test("works beside the server, and keeps to the times and to the account", async () => {
    await using folder = await scratch("audit");
    await using server = await start({ data: folder.path });
    const ids = await ask(server, 20);
    const all = await eventually(async () => {
      const lines = await exported(folder.path);
      return lines.length === ids.length ? lines : undefined;
    });
    expect(new Set(all.map(({ eventName }) => eventName))).toEqual(new Set(["CheckRegistryAccess"]));
    const at = Date.parse(all[0]?.eventTime ?? "");
    const time = (seconds: number) => new Date(at + seconds * 1000).toISOString();
    expect(await exported(folder.path, "--from", time(-1), "--to", time(60))).toHaveLength(ids.length);
    expect(await exported(folder.path, "--from", time(60))).toEqual([]);
    expect(await exported(folder.path, "--to", time(-1))).toEqual([]);
    expect(await exported(folder.path, "--account", server.accountId)).toHaveLength(ids.length);
    expect(await exported(folder.path, "--account", "999999999999")).toEqual([]);
  });

  test("ends when its reader does", async () => {
    await using folder = await scratch("audit");
    await using server = await start({ data: folder.path });
    await ask(server, 2000);
    await server.stop();
    const program = join(import.meta.dir, "../../bin/lading");
    const pipe = Bun.spawn(["sh", "-c", `${program} audit export --data ${folder.path} | head -n 1`], {
      stdout: "pipe",
      stderr: "pipe",
    });
    expect((await new Response(pipe.stdout).text()).split("\n")).toHaveLength(2);
    expect(await new Response(pipe.stderr).text()).toBe("");
  });

  test("says what is wrong with its arguments", async () => {
    await using folder = await scratch("audit");
    const rows: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /There is no audit in/],
      [["--from", "yesterday"], /--from: 'yesterday' must be a day or a time/],
      [["--to", "2026-13-01"], /--to: '2026-13-01' must be a day or a time/],
      [["--account", "12"], /--account: '12' must be 12 digits/],
      [["--form", "2026-01-01"], /--form/],
    ];
    for (const [args, says] of rows) {
      const { code, output } = await runToEnd(["audit", "export", "--data", folder.path, ...args]);
      expect(code, output).toBe(2);
      expect(output).toMatch(says);
      expect(output).not.toMatch(/^\s+at /m);
    }
  });
});

suiteWithMounts("a full disk", () => {
  test("keeps nobody from being served, is said once, and records go on when there is space", async () => {
    await using disk = await mountSmallDisk(16 * 1024 * 1024);
    await using server = await start({ data: disk.path });
    await ask(server, 10);
    await disk.fill(0);
    const waiting = await ask(server, 3000);
    await eventually(async () => (server.output().includes("records of the audit") ? true : undefined));
    await Bun.sleep(600);
    expect(server.output().split("records of the audit")).toHaveLength(2);
    await disk.empty();
    const last = await ask(server, 1);
    const kept = await eventually(async () => {
      const ids = idsOf(await exported(disk.path));
      return ids.includes(last[0] ?? "") ? ids : undefined;
    });
    expect(kept.slice(-waiting.length - 1)).toEqual([...waiting, ...last]);
    expect(await server.stop()).toBe(0);
  });
});

test("a file that is no audit keeps the server from starting, with its name", async () => {
  await using folder = await scratch("audit");
  await Bun.write(join(folder.path, "audit.db"), "This is a text and no database. ".repeat(40));
  const { code, output } = await runToEnd(["serve", "--data", folder.path, "--listen", "127.0.0.1:0"]);
  expect(code, output).toBe(2);
  expect(output).toMatch(/lading: Cannot use the data folder .*not a database/);
});

test("--audit-retention-days is taken", async () => {
  await using folder = await scratch("audit");
  const running = run([
    "serve",
    "--data",
    folder.path,
    "--listen",
    "127.0.0.1:0",
    "--audit-retention-days",
    "0",
  ]);
  await eventually(async () => (running.output().includes("ready at") ? true : undefined));
  running.kill("SIGTERM");
  expect(await running.exited).toBe(0);
});
