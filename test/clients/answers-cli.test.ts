/**
 * The commands that answer who may do what, as a person types them. What they print is in `test/golden/cli`, with ids and
 * times replaced; with `UPDATE_GOLDEN=1` the tests write it.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { resolve } from "node:path";
import {
  account,
  allowing,
  docker,
  ecrOf,
  type Person,
  policyOf,
  region,
  rootOf,
  sharing,
  user,
} from "../support/access.ts";
import { client } from "../support/aws.ts";
import { iam } from "../support/iam.ts";
import { lading } from "../support/lading.ts";
import { start, type TestServer } from "../support/server.ts";
import { type Home, makeHome, patienceMs, type Ran, storeLogin } from "./programs.ts";

setDefaultTimeout(patienceMs);

const program = resolve(import.meta.dir, "../../bin/lading");
const goldenFolder = resolve(import.meta.dir, "../golden/cli");

let server: TestServer;
let home: Home;
let ci: Person;
let reader: Person;
let guests: Person;
/** Of refusals: of `ci` by docker, and of `reader`, whom a policy lets through since then. */
let refusedIds: { ci: string; reader: string };

type How = { as?: Pick<Person, "keys"> | null; stdin?: string; env?: Record<string, string> };

/** `lading ARGS` with the root's keys in the environment; with those of `as`, or with none when it is null. */
function run(args: readonly string[], { as = rootOf(server), stdin, env = {} }: How = {}): Promise<Ran> {
  const keys = as && {
    AWS_ACCESS_KEY_ID: as.keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: as.keys.secretAccessKey,
  };
  return home.run([program, ...args], {
    cwd: home.folder,
    env: { ...keys, AWS_ENDPOINT_URL: server.url, AWS_REGION: server.region, ...env },
    ...(stdin !== undefined && { stdin }),
  });
}

/** What differs from run to run, replaced. */
function steady(text: string): string {
  return text
    .replaceAll(server.host, "127.0.0.1:5000")
    .replaceAll(home.folder, "HOME")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, "TIME")
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "REQUEST-ID")
    .replace(/\bAKIA[A-Z0-9]{16}\b/g, "ACCESS-KEY")
    .replace(/\beyJ[\w-]+\.[\w-]+/g, "TOKEN")
    .replace(/\bo-[a-z0-9]{10}\b/g, "o-ORGANIZATION")
    .replace(/\br-[a-z0-9]{4}\b/g, "r-ROOT");
}

type Command = readonly (string | How)[];

/** Runs the commands one after the other and compares everything that they print with the golden text. */
async function expectGolden(name: string, commands: readonly Command[]): Promise<void> {
  const parts: string[] = [];
  for (const command of commands) {
    const how = command.find((part): part is How => typeof part === "object");
    const args = command.filter((part): part is string => typeof part === "string");
    const { code, stdout, stderr } = await run(args, how);
    const shown = args.map((arg) => (/[\s*{]/.test(arg) ? `'${arg}'` : arg)).join(" ");
    parts.push(`$ lading ${shown}\n${stdout}${stderr}${code === 0 ? "" : `[exit ${code}]\n`}`);
  }
  const text = steady(parts.join("\n"));
  const path = resolve(goldenFolder, `${name}.txt`);
  if (process.env.UPDATE_GOLDEN === "1") await Bun.write(path, text);
  expect(text).toBe(await Bun.file(path).text());
}

const repository = "arn:aws:ecr:us-east-1:000000000000:repository/app";
const pull = "ecr:BatchGetImage";

beforeAll(async () => {
  [server, home] = await Promise.all([start(), makeHome()]);
  const root = rootOf(server);
  guests = await account(server, "111122223333");
  ci = await user(server, root, { name: "ci" });
  reader = await user(server, root, { name: "reader" });
  await client(server).createRepository({ repositoryName: "app" });
  const get = (as: Person) =>
    docker(server, "GET /v2/app/manifests/v1", { as, headers: { "user-agent": "docker" } });
  const idOf = ({ headers }: Awaited<ReturnType<typeof get>>) => headers.get("x-request-id") ?? "";
  const ids = { ci: idOf(await get(ci)), reader: idOf(await get(reader)) };
  refusedIds = ids;
  const tagged = {
    StringLike: { "ecr:ImageTag": ["v*", "prod-*"] },
    IpAddress: { "aws:SourceIp": "127.0.0.0/8" },
  };
  await iam(server).putUserPolicy({
    UserName: "reader",
    PolicyName: "pull",
    PolicyDocument: allowing(pull, { Sid: "Tagged", Condition: tagged }),
  });
});
afterAll(async () => {
  await home?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const commands = ["explain", "who-can", "denials", "lint", "replay", "share", "token", "revoke", "whoami"];

test("help", async () => {
  await expectGolden(
    "help",
    commands.map((command) => [command, "--help"]),
  );
  const { stdout } = await run(["--help"]);
  for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, "m"));
});

describe("prints for people", () => {
  test("denials, newest first", async () => {
    await expectGolden("denials", [["denials", "--max", "1"], ["denials"], ["denials", { as: guests }]]);
  });

  test("why a request was refused, and what would change it", async () => {
    const question = ["explain", "--action", pull, "--resource", "app", "--principal"];
    const at = ["--context", "ecr:ImageTag=v1"];
    await expectGolden("explain", [
      ["explain", refusedIds.ci],
      ["explain", refusedIds.reader],
      [...question, reader.arn],
      [...question, reader.arn, ...at, "aws:SourceIp=127.0.0.1"],
      [...question, reader.arn, ...at, "aws:SourceIp=203.0.113.7"],
      [...question, "anonymous"],
      [...question, "000000000000"],
      [...question, guests.arn],
      ["explain", "--action", pull, "--resource", repository, "--principal", guests.arn, { as: guests }],
      ["explain", "--action", "ecr:GetAuthorizationToken", "--resource", "*", "--principal", guests.arn],
    ]);
  });

  test("a denial", async () => {
    const closed = policyOf({ Sid: "Closed", Effect: "Deny", Principal: "*", Action: "ecr:PutImage" });
    await client(server).createRepository({ repositoryName: "closed" });
    await client(server).setRepositoryPolicy({ repositoryName: "closed", policyText: closed, force: true });
    const question = ["explain", "--action", "ecr:PutImage", "--principal", "000000000000", "--resource"];
    await expectGolden("explain-denial", [[...question, "closed"]]);
  });

  test("who can", async () => {
    await client(server).createRepository({ repositoryName: "open" });
    await client(server).setRepositoryPolicy({
      repositoryName: "open",
      policyText: policyOf(
        { Sid: "World", Effect: "Allow", Principal: "*", Action: pull },
        { Sid: "Guests", Effect: "Allow", Principal: { AWS: "111122223333" }, Action: pull },
        {
          Effect: "Deny",
          Principal: "*",
          Action: "ecr:*",
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        },
      ),
    });
    await expectGolden("who-can", [
      ["who-can", pull, "app"],
      ["who-can", "ecr:PutImage", repository],
      ["who-can", pull, "open"],
    ]);
  });

  test("what is wrong with a policy", async () => {
    const lint = (text: string, ...args: string[]): Command => ["lint", "-", ...args, { stdin: text }];
    await Bun.write(home.path("policy.json"), sharing("111122223333", pull));
    await expectGolden("lint", [
      ["lint", "policy.json"],
      lint(sharing("*", ["ecr:GetAuthorizationToken", pull])),
      lint(policyOf({ Effect: "Alow", Principal: "*", Action: "ecr:BatchGetImages" })),
      lint(sharing("arn:aws:iam::111122223333:user/nobody", pull)),
      lint("{", "--type", "identity"),
    ]);
  });

  test("what a policy would have changed", async () => {
    const shared = sharing([ci.arn], pull);
    const nothing = policyOf({ Effect: "Allow", Principal: { AWS: ci.arn }, Action: "ecr:ListImages" });
    const only = allowing("ecr:ListImages");
    const inline = ["--type", "identity", "--identity", reader.arn, "--policy-name", "pull"];
    await docker(server, "GET /v2/app/manifests/v1", { as: reader });
    await docker(server, "GET /v2/app/manifests/v1", { as: ci });
    await expectGolden("replay", [
      ["replay", "-", "--repository", "app", { stdin: shared }],
      ["replay", "-", "--repository", "app", "--days", "1", { stdin: nothing }],
      ["replay", "-", ...inline, { stdin: only }],
    ]);
  });

  test("sharing", async () => {
    await client(server).createRepository({ repositoryName: "shared" });
    await expectGolden("share", [
      ["share", "shared", "--with", "111122223333"],
      ["share", "shared", "--with", reader.arn, "--push"],
    ]);
  });

  test("JSON for programs", async () => {
    const ran = await run(["denials", "--max", "1", "--json"]);
    expect(JSON.parse(ran.stdout)).toMatchObject([{ action: pull, sourceIp: "127.0.0.1" }]);
    const asked = await run(["explain", refusedIds.ci, "--json"]);
    expect(JSON.parse(asked.stdout)).toMatchObject({ explanations: [{ principal: ci.arn, allowed: false }] });
    const who = await run(["who-can", pull, "app", "--json"]);
    expect(JSON.parse(who.stdout)).toMatchObject([{ kind: "root" }, { principal: reader.arn }]);
    const whoami = await run(["whoami", "--json"], { as: ci });
    expect(JSON.parse(whoami.stdout)).toMatchObject({ arn: ci.arn, account: "000000000000" });
  });
});

describe("whoami and tokens", () => {
  const token = async (...args: string[]) => (await run(["token", ...args])).stdout.trim();

  test("of AWS keys, of docker's logins, and of a password", async () => {
    const password = await token("--seconds", "600");
    await storeLogin(home, server.host, "AWS", password);
    await expectGolden("whoami", [
      ["whoami", { as: ci }],
      ["whoami", server.host, { as: null }],
      ["whoami", "--password-stdin", { as: null, stdin: password }],
      ["whoami", "registry.example.com", { as: null }],
      ["whoami", server.host, { as: null, env: { DOCKER_CONFIG: "nowhere" } }],
    ]);
  });

  test("a token opens the door until it is revoked, and then the message says when", async () => {
    const [first, second] = [await token(), await token()];
    const login = (password: string) => ({ authorization: `Basic ${btoa(`AWS:${password}`)}` });
    const status = async (password: string) =>
      (await fetch(`${server.url}/v2/`, { headers: login(password) })).status;
    expect([await status(first), await status(second)]).toEqual([200, 200]);
    await expectGolden("revoke", [
      ["revoke", "--token", "-", { stdin: first }],
      ["whoami", "--password-stdin", { stdin: first }],
      ["revoke", "--access-key", server.accessKeyId],
      ["whoami", "--password-stdin", { stdin: second }],
      ["revoke", "--principal", ci.arn],
      ["revoke", "--principal", "arn:aws:iam::000000000000:user/nobody"],
      ["revoke", "--token", "nonsense"],
    ]);
    expect([await status(first), await status(second)]).toEqual([401, 401]);
  });

  test("a token has the life that was asked for, and is worth nothing when a letter is changed", async () => {
    const password = await token("--seconds", "60");
    const ended = await run(["whoami", "--password-stdin"], { stdin: `${password.slice(0, -3)}xyz` });
    expect(ended).toMatchObject({
      code: 2,
      stdout: "",
      stderr: "lading: The password is not an authorization token of this registry, or it was altered.\n",
    });
    const { stdout } = await run(["whoami", "--password-stdin"], { stdin: password });
    const [, expires = ""] = /^expires +(\S+)$/m.exec(stdout) ?? [];
    expect(Math.abs(Date.parse(expires) - Date.now() - 60_000)).toBeLessThan(20_000);
  });
});

describe("without credentials", () => {
  test("and without a root's key in the folder", async () => {
    await expectGolden("no-credentials", [
      ["denials", { as: null }],
      ["denials", "--data", "elsewhere", { as: null }],
    ]);
  });

  test("the root's key in the data folder is enough, and a folder that is named comes before the environment", async () => {
    await using own = await start({
      env: { LADING_ROOT_ACCESS_KEY_ID: "", LADING_ROOT_SECRET_ACCESS_KEY: "" },
    });
    for (const as of [null, ci]) {
      const { code, stdout } = await run(["whoami", "--data", own.data, "--endpoint", own.url], { as });
      expect(code).toBe(0);
      expect(stdout).toContain("principal   arn:aws:iam::000000000000:root\n");
    }
  });
});

test("what cannot be asked ends with 2 and says what would be right", async () => {
  const nowhere = { env: { AWS_ENDPOINT_URL: "http://127.0.0.1:1" } };
  const wrong = { as: { keys: { ...ci.keys, secretAccessKey: "wrong" } } };
  await expectGolden("bad-usage", [
    ["explain"],
    ["explain", "abc"],
    ["explain", "--principal", "nobody", "--action", pull, "--resource", "app"],
    ["explain", "--principal", ci.arn, "--action", "ecr:Pull", "--resource", "app"],
    ["explain", "--principal", ci.arn, "--action", pull, "--resource", "app", "--context", "ecr:ImageTag"],
    ["explain", "01a1fcd0-6db0-712b-ae00-5c6c06d7795c"],
    ["who-can", pull],
    ["who-can", pull, "arn:aws:ecr:us-east-1:111122223333:repository/app"],
    ["denials", "--max", "0"],
    ["denials", "--hours", "day"],
    ["denials", { as: ci }],
    ["lint", "missing.json"],
    ["lint", "policy.json", "--type", "bucket"],
    ["replay", "missing.json", "--repository", "app"],
    ["replay", "-", { stdin: sharing("*", pull) }],
    ["replay", "-", "--type", "identity", "--identity", ci.arn, { stdin: allowing(pull) }],
    ["replay", "-", "--type", "trust", { stdin: sharing("*", pull) }],
    ["replay", "-", "--repository", "none", { stdin: sharing("*", pull) }],
    ["replay", "-", "--repository", "app", { stdin: sharing("*", "ecr:Pull") }],
    ["share", "app"],
    ["share", "app", "--with", "bob"],
    ["share", "none", "--with", "111122223333"],
    ["token", "--seconds", "59"],
    ["revoke"],
    ["revoke", "--token", "x", "--access-key", "y"],
    ["whoami", "--endpoint", "nowhere"],
    ["whoami", nowhere],
    ["whoami", "--password-stdin", { ...nowhere, stdin: "x" }],
    ["whoami", wrong],
  ]);
});

test("another region is another registry", async () => {
  const ecr = ecrOf(server, rootOf(server), region);
  await ecr.createRepository({ repositoryName: "elsewhere" });
  const { stdout } = await run([
    "explain",
    "--principal",
    "000000000000",
    "--action",
    pull,
    "--resource",
    "elsewhere",
    "--region",
    region,
  ]);
  expect(stdout).toContain(`on arn:aws:ecr:${region}:000000000000:repository/elsewhere.`);
  const shared = await run(["share", "elsewhere", "--with", "111122223333", "--region", region]);
  expect(shared.stdout).toContain(`arn:aws:ecr:${region}:000000000000:repository/elsewhere`);
  const { output } = await lading(server, "WhoAmI", { region });
  expect(output).toMatchObject({ region });
});
