/** Users for machines, made with the aws CLI: AWS's own policies and narrower ones, and what docker's kin may then do. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { denied, makeRepositories, type Person, policyOf, rootOf, user } from "../support/access.ts";
import { start, type TestServer } from "../support/server.ts";
import { type Engine, startEngine } from "./engine.ts";
import { type Image, makeSmallImage } from "./images.ts";
import {
  aws,
  fail,
  type Home,
  login,
  makeHome,
  patienceMs,
  type ServerAs,
  skopeo,
  skopeoCopy,
  storeLogin,
  succeed,
  suite,
} from "./programs.ts";

setDefaultTimeout(patienceMs);

const managed = (name: string) => `arn:aws:iam::aws:policy/AmazonEC2ContainerRegistry${name}`;

suite("service users", ["aws", "skopeo"], () => {
  let server: TestServer;
  let home: Home;
  let image: Image;
  let other: Image;

  const at = (name: string) => `docker://${server.host}/${name}`;
  const arnOf = (name: string) => `arn:aws:ecr:${server.region}:${server.accountId}:repository/${name}`;
  const as = ({ keys }: Person): ServerAs => ({ ...server, ...keys });
  /** A home that is logged in as somebody. */
  const homeOf = async (who: ServerAs) => {
    const made = await makeHome();
    await login(made, who);
    return made;
  };
  /** A home that comes in with a key as it is, as docker login takes it too. */
  const homeWithKey = async ({ accessKeyId, secretAccessKey }: ServerAs) => {
    const made = await makeHome();
    await storeLogin(made, server.host, accessKeyId, secretAccessKey);
    return made;
  };
  const pull = (who: Home, name: string) =>
    skopeoCopy(who, at(name), `oci:${who.path(crypto.randomUUID())}:image`);
  const push = (who: Home, what: Image, name: string) => skopeoCopy(who, what.reference, at(name));
  const refusal = (name: string, action: string, repository: string) =>
    denied(`arn:aws:iam::${server.accountId}:user/${name}`, {
      action: `ecr:${action}`,
      on: arnOf(repository),
      because: "identity",
    });

  beforeAll(async () => {
    [server, home] = await Promise.all([start(), makeHome()]);
    image = await makeSmallImage(home.path("image"), "pulled by a service");
    other = await makeSmallImage(home.path("other"), "pushed by a service");
    await storeLogin(home, server.host, server.accessKeyId, server.secretAccessKey);
    await makeRepositories(server, "front", "back", "secret");
    for (const name of ["front", "back", "secret"]) await succeed(push(home, image, `${name}:v1`));
  });
  afterAll(async () => {
    await home?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test("a read-only one, made with three commands, pulls and lists everywhere and pushes nowhere", async () => {
    const ran = async (...args: string[]) => succeed(aws(home, server, "iam", ...args));
    await ran("create-user", "--user-name", "reader");
    await ran("attach-user-policy", "--user-name", "reader", "--policy-arn", managed("ReadOnly"));
    const { AccessKey } = JSON.parse(await ran("create-access-key", "--user-name", "reader"));
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = AccessKey;

    await using reader = await homeOf({ ...server, accessKeyId, secretAccessKey });
    for (const name of ["front", "secret"]) await succeed(pull(reader, `${name}:v1`));
    expect(JSON.parse(await succeed(skopeo(reader, "list-tags", at("back")))).Tags).toEqual(["v1"]);
    // Of the layers, one is new: the push ends there.
    expect(await fail(push(reader, other, "front:v2"))).toContain(
      refusal("reader", "InitiateLayerUpload", "front"),
    );
    expect(await fail(push(reader, image, "front:v2"))).toContain(refusal("reader", "PutImage", "front"));
    expect(await fail(skopeo(reader, "delete", at("front:v1")))).toContain("ecr:BatchDeleteImage");
    expect(JSON.parse(await succeed(skopeo(home, "list-tags", at("front")))).Tags).toEqual(["v1"]);
  });

  test("one of two repositories, by an inline policy, is refused everywhere else", async () => {
    await succeed(aws(home, server, "iam", "create-user", "--user-name", "two"));
    const policy = policyOf(
      { Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
      {
        Effect: "Allow",
        Action: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        Resource: [arnOf("front"), arnOf("back")],
      },
    );
    const put = ["iam", "put-user-policy", "--user-name", "two", "--policy-name", "two-repositories"];
    await succeed(aws(home, server, ...put, "--policy-document", policy));
    const { AccessKey } = JSON.parse(
      await succeed(aws(home, server, "iam", "create-access-key", "--user-name", "two")),
    );
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = AccessKey;
    await using two = await homeOf({ ...server, accessKeyId, secretAccessKey });
    for (const name of ["front", "back"]) await succeed(pull(two, `${name}:v1`));
    expect(await fail(pull(two, "secret:v1"))).toContain(refusal("two", "BatchGetImage", "secret"));
    // What is not there is refused in the same words: nobody learns of it.
    expect(await fail(pull(two, "nowhere:v1"))).toContain(refusal("two", "BatchGetImage", "nowhere"));
    expect(await fail(push(two, other, "secret:v2"))).toMatch(/denied|403/);
  });

  test("PullOnly pulls, and neither lists nor pushes", async () => {
    const one = await user(server, rootOf(server), { name: "puller", managed: [managed("PullOnly")] });
    await using puller = await homeWithKey(as(one));
    await succeed(pull(puller, "front:v1"));
    expect(await fail(skopeo(puller, "list-tags", at("front")))).toMatch(/ecr:ListImages|403/);
    expect(await fail(push(puller, other, "front:v2"))).toMatch(/denied|403/);
  });

  test("PowerUser pushes and pulls, and cannot delete", async () => {
    const one = await user(server, rootOf(server), { name: "builder", managed: [managed("PowerUser")] });
    await using builder = await homeWithKey(as(one));
    await succeed(push(builder, other, "back:v2"));
    await succeed(pull(builder, "back:v2"));
    expect(await fail(skopeo(builder, "delete", at("back:v2")))).toContain(
      refusal("builder", "BatchDeleteImage", "back"),
    );
    const remove = ["ecr", "batch-delete-image", "--repository-name", "back", "--image-ids", "imageTag=v2"];
    expect(await fail(aws(home, as(one), ...remove))).toContain(
      `An error occurred (AccessDeniedException) when calling the BatchDeleteImage operation: ${refusal("builder", "BatchDeleteImage", "back")}`,
    );
    expect(await fail(aws(home, as(one), "ecr", "create-repository", "--repository-name", "own"))).toContain(
      refusal("builder", "CreateRepository", "own"),
    );
    await succeed(pull(builder, "back:v2"));
  });

  test("one without a policy gets no token, and is told why", async () => {
    const one = await user(server, rootOf(server), { name: "nobody" });
    const sentence = denied(one.arn, { action: "ecr:GetAuthorizationToken", on: "*", because: "identity" });
    expect(await fail(aws(home, as(one), "ecr", "get-login-password"))).toContain(sentence);
  });
});

suite("a service user of docker", ["aws", "skopeo", "docker", "dockerd"], () => {
  let server: TestServer;
  let home: Home;
  let engine: Engine;

  beforeAll(async () => {
    [server, home, engine] = await Promise.all([start(), makeHome(), startEngine()]);
    const image = await makeSmallImage(home.path("image"), "pulled by docker");
    await storeLogin(home, server.host, server.accessKeyId, server.secretAccessKey);
    await makeRepositories(server, "open", "closed");
    for (const name of ["open", "closed"])
      await succeed(skopeoCopy(home, image.reference, `docker://${server.host}/${name}:v1`));
  });
  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]();
    await home?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test("pulls, and is told by docker what it may not, and why", async () => {
    const arnOf = (name: string) => `arn:aws:ecr:${server.region}:${server.accountId}:repository/${name}`;
    const policy = policyOf(
      { Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
      { Effect: "Allow", Action: ["ecr:BatchGetImage", "ecr:GetDownload*"], Resource: arnOf("open") },
    );
    const one = await user(server, rootOf(server), { name: "puller", policies: [policy] });
    await login(engine.home, { ...server, ...one.keys });
    const refusal = (action: string, name: string) =>
      denied(one.arn, { action: `ecr:${action}`, on: arnOf(name), because: "identity" });
    const [open, closed] = [`${server.host}/open:v1`, `${server.host}/closed:v1`];
    expect(await fail(engine.docker("pull", closed))).toContain(refusal("BatchGetImage", "closed"));
    await succeed(engine.docker("pull", open));
    expect(await fail(engine.docker("push", open))).toContain(refusal("InitiateLayerUpload", "open"));
    await succeed(engine.docker("tag", open, closed));
    expect(await fail(engine.docker("push", closed))).toContain(refusal("InitiateLayerUpload", "closed"));
  });
});
