/** Sessions of a role, as a build would have them: made with the aws CLI, narrowed by a session policy, and gone with the role. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  allowing,
  denied,
  everyoneIn,
  makeRepositories,
  type Person,
  policyOf,
  role,
  rootOf,
  user,
} from "../support/access.ts";
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
  unauthorizedSentence,
} from "./programs.ts";

setDefaultTimeout(patienceMs);

const powerUser = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser";

suite("sessions of a role", ["aws", "skopeo"], () => {
  let server: TestServer;
  let home: Home;
  let image: Image;
  let other: Image;
  let developer: Person;

  const at = (name: string) => `docker://${server.host}/${name}`;
  const arnOf = (name: string) => `arn:aws:ecr:${server.region}:${server.accountId}:repository/${name}`;
  const pull = (who: Home, name: string) =>
    skopeoCopy(who, at(name), `oci:${who.path(crypto.randomUUID())}:image`);
  const push = (who: Home, what: Image, name: string) => skopeoCopy(who, what.reference, at(name));
  const iam = (...args: string[]) => succeed(aws(home, server, "iam", ...args));
  const roleArn = () => `arn:aws:iam::${server.accountId}:role/build`;
  const sessionArn = (name: string) => `arn:aws:sts::${server.accountId}:assumed-role/build/${name}`;

  const makeRole = () =>
    role(server, rootOf(server), {
      name: "build",
      trusts: everyoneIn(server.accountId),
      managed: [powerUser],
    });

  /** What the session of somebody may sign with. */
  const assume = async (name: string, ...more: string[]): Promise<ServerAs> => {
    const session = ["--role-arn", roleArn(), "--role-session-name", name, ...more];
    const as = { ...server, ...developer.keys };
    const { Credentials, AssumedRoleUser } = JSON.parse(
      await succeed(aws(home, as, "sts", "assume-role", ...session)),
    );
    expect(AssumedRoleUser.Arn).toBe(sessionArn(name));
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken } = Credentials;
    return { ...server, accessKeyId, secretAccessKey, sessionToken: SessionToken };
  };

  beforeAll(async () => {
    [server, home] = await Promise.all([start(), makeHome()]);
    image = await makeSmallImage(home.path("image"), "pulled by a session");
    other = await makeSmallImage(home.path("other"), "pushed by a session");
    await storeLogin(home, server.host, server.accessKeyId, server.secretAccessKey);
    await makeRepositories(server, "app", "base");
    for (const name of ["app:v1", "base:v1"]) await succeed(push(home, image, name));
    const policies = [allowing("sts:AssumeRole", { Resource: roleArn() })];
    developer = await user(server, rootOf(server), { name: "developer", policies });
    await makeRole();
  });
  afterAll(async () => {
    await home?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test("the user who takes on the role may nothing itself, and all that the role may in a session", async () => {
    const own = { ...server, ...developer.keys };
    expect(await fail(aws(home, own, "ecr", "get-login-password"))).toContain(
      denied(developer.arn, { action: "ecr:GetAuthorizationToken", on: "*", because: "identity" }),
    );
    const session = await assume("free");
    const identity = JSON.parse(await succeed(aws(home, session, "sts", "get-caller-identity")));
    expect(identity).toMatchObject({ Account: server.accountId, Arn: sessionArn("free") });
    await using free = await makeHome();
    await login(free, session);
    await succeed(push(free, other, "app:v2"));
    await succeed(pull(free, "app:v2"));
  });

  test("a session policy narrows what the role may, at both doors", async () => {
    const policy = policyOf(
      { Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
      // More than the role may is no more than it may.
      { Effect: "Allow", Action: ["ecr:BatchGetImage", "ecr:GetDownload*"], Resource: arnOf("app") },
      { Effect: "Allow", Action: "ecr:DeleteRepository", Resource: arnOf("app") },
    );
    const session = await assume("narrow", "--policy", policy);
    const refusal = (action: string, on: string, because: string) =>
      denied(sessionArn("narrow"), { action, on, because });
    await using narrow = await makeHome();
    await login(narrow, session);
    await succeed(pull(narrow, "app:v1"));
    expect(await fail(pull(narrow, "base:v1"))).toContain(
      refusal("ecr:BatchGetImage", arnOf("base"), "session"),
    );
    const pushed = await fail(push(narrow, other, "app:v3"));
    // HEAD of a layer comes first, and its refusal has no body.
    expect(pushed).toMatch(/denied|403/);
    expect(await fail(aws(home, session, "ecr", "list-images", "--repository-name", "app"))).toContain(
      refusal("ecr:ListImages", arnOf("app"), "session"),
    );
    expect(await fail(aws(home, session, "ecr", "delete-repository", "--repository-name", "app"))).toContain(
      refusal("ecr:DeleteRepository", arnOf("app"), "identity"),
    );
  });

  test("a token of a session is worth nothing once the role is deleted, also when it is made again", async () => {
    await using build = await makeHome();
    const session = await assume("build");
    await login(build, session);
    await succeed(pull(build, "app:v1"));

    await iam("detach-role-policy", "--role-name", "build", "--policy-arn", powerUser);
    expect(await fail(pull(build, "app:v1"))).toContain(
      denied(sessionArn("build"), { action: "ecr:BatchGetImage", on: arnOf("app"), because: "identity" }),
    );
    await iam("delete-role", "--role-name", "build");

    const reason = `The session of the temporary access key '${session.accessKeyId}' that this token was made with has ended, or its user or role is deleted.`;
    const { auths } = await Bun.file(build.authfile).json();
    const [, password] = atob(auths[server.host].auth).split(":");
    expect(await unauthorizedSentence(server, "app/manifests/v1", password)).toContain(reason);
    expect(await fail(pull(build, "app:v1"))).toContain(reason);
    expect(await fail(aws(home, session, "sts", "get-caller-identity"))).toContain("InvalidClientTokenId");

    await makeRole();
    expect(await fail(pull(build, "app:v1"))).toContain(reason);
    await using again = await makeHome();
    await login(again, await assume("again"));
    await succeed(pull(again, "app:v1"));
  });
});
