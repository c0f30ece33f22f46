/** docker with a real engine: push, pull, build, and the sentences that people read when something is not allowed. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { start, type TestServer } from "../support/server.ts";
import { type Engine, startEngine } from "./engine.ts";
import { type Image, makeIndex, makeSmallImage } from "./images.ts";
import {
  aws,
  createRepositories,
  fail,
  type Home,
  login,
  makeHome,
  patienceMs,
  skopeo,
  skopeoCopy,
  storeLogin,
  succeed,
  suite,
  unauthorizedSentence,
} from "./programs.ts";

setDefaultTimeout(patienceMs);

suite("docker", ["aws", "skopeo", "docker", "dockerd"], () => {
  let server: TestServer;
  /** Where images come from and are looked at; the engine has a home of its own. */
  let home: Home;
  let engine: Engine;
  let image: Image;

  const at = (name: string) => `${server.host}/${name}`;
  const docker = (...args: string[]) => succeed(engine.docker(...args));
  const digestIn = (said: string) => /digest: (sha256:\w+)/i.exec(said)?.[1];
  const forget = (...names: string[]) => docker("image", "rm", "--force", ...names);
  const tagsOf = async (repository: string) =>
    JSON.parse(await succeed(skopeo(home, "list-tags", `docker://${at(repository)}`))).Tags.sort();

  beforeAll(async () => {
    [server, home, engine] = await Promise.all([start(), makeHome(), startEngine()]);
    image = await makeSmallImage(home.path("image"), "loaded into docker");
    await createRepositories(home, server, "docker/app", "docker/other", "docker/index", "docker/built");
    await login(home, server);
    await login(engine.home, server);
    const archive = home.path("archive.tar");
    await succeed(skopeoCopy(home, image.reference, `docker-archive:${archive}:loaded:latest`));
    await docker("load", "--quiet", "--input", archive);
  });
  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]();
    await home?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test("a push, a second push that sends nothing, and a pull by tag and by digest", async () => {
    const name = at("docker/app:v1");
    await docker("tag", "loaded", name);
    const digest = digestIn(await docker("push", name));
    const again = await docker("push", name);
    expect(again.match(/Layer already exists/g)).toHaveLength(image.layers.length);
    expect(digestIn(again)).toBe(digest);

    await forget(name);
    expect(digestIn(await docker("pull", name))).toBe(digest);
    expect(digestIn(await docker("pull", `${at("docker/app")}@${digest}`))).toBe(digest);
    const diffIds = await docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", name);
    expect(diffIds).toBe(await docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", "loaded"));
  });

  test("a push to a second repository mounts the layers of the first", async () => {
    await docker("tag", "loaded", at("docker/app:mounted"));
    const digest = digestIn(await docker("push", at("docker/app:mounted")));
    await docker("tag", "loaded", at("docker/other:mounted"));
    const said = await docker("push", at("docker/other:mounted"));
    expect(said.match(/Mounted from docker\/app/g)).toHaveLength(image.layers.length);
    expect(digestIn(said)).toBe(digest);
  });

  test("pull --all-tags takes every tag", async () => {
    await createRepositories(home, server, "docker/tags");
    const tags = ["1", "1.1", "latest"];
    for (const tag of tags)
      await succeed(skopeoCopy(home, image.reference, `docker://${at(`docker/tags:${tag}`)}`));
    await docker("pull", "--all-tags", at("docker/tags"));
    const pulled = await docker("image", "ls", "--format", "{{.Tag}}", at("docker/tags"));
    expect(pulled.trim().split("\n").sort()).toEqual(tags);
  });

  test("of an index docker pulls the image for its own platform", async () => {
    const index = await makeIndex(home.path("index"), "for docker");
    await succeed(skopeoCopy(home, index.reference, `docker://${at("docker/index:multi")}`, "--all"));
    expect(digestIn(await docker("pull", at("docker/index:multi")))).toBe(index.digest);
    const id = await docker("image", "inspect", "--format", "{{.Id}}", at("docker/index:multi"));
    expect(id.trim()).toBe(index.config);
  });

  test("docker build takes a private image as its base, and pushes the result", async () => {
    const base = at("docker/app:base");
    await succeed(skopeoCopy(home, image.reference, `docker://${base}`));
    const context = home.path("context");
    await mkdir(context);
    await Bun.write(`${context}/file`, "copied in\n");
    await Bun.write(`${context}/Dockerfile`, `FROM ${base}\nCOPY file /file\n`);
    const name = at("docker/built:v1");
    await docker("build", "--quiet", "--pull", "--tag", name, context);
    const digest = digestIn(await docker("push", name));
    await forget(name);
    expect(digestIn(await docker("pull", name))).toBe(digest);
    const diffIds = JSON.parse(await docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", name));
    expect(diffIds).toHaveLength(image.layers.length + 1);
  });

  test("docker login with the token of the aws CLI succeeds, with another it does not", async () => {
    const password = await succeed(aws(home, server, "ecr", "get-login-password"));
    expect(await fail(engine.login(server.host, "AWS", "wrong"))).toContain("401");
    expect(await succeed(engine.login(server.host, "AWS", password))).toContain("Login Succeeded");
    await docker("tag", "loaded", at("docker/app:after-login"));
    await docker("push", at("docker/app:after-login"));
  });

  test("a missing repository and a missing image are ECR's sentences", async () => {
    const missing = `The repository with name 'docker/missing' does not exist in the registry with id '${server.accountId}'`;
    await docker("tag", "loaded", at("docker/missing:v1"));
    expect(await fail(engine.docker("push", at("docker/missing:v1")))).toContain(missing);
    expect(await fail(engine.docker("pull", at("docker/missing:v1")))).toContain(missing);
    expect(await fail(engine.docker("pull", at("docker/app:missing")))).toContain(
      "Requested image not found",
    );
  });

  test("who is not logged in, or has a wrong password, gets nothing in or out", async () => {
    const before = await tagsOf("docker/app");
    await docker("tag", "loaded", at("docker/app:never"));
    const attempts = () =>
      Promise.all([
        fail(engine.docker("push", at("docker/app:never"))),
        fail(engine.docker("pull", at("docker/app:v1"))),
      ]);
    try {
      await Bun.write(engine.home.authfile, "{}");
      // docker's own words: it sees that it has nothing to answer the challenge with.
      for (const said of await attempts()) expect(said).toContain("no basic auth credentials");
      await storeLogin(engine.home, server.host, "AWS", "wrong");
      const wrong = await unauthorizedSentence(server, "docker/app/manifests/v1", "wrong");
      for (const said of await attempts()) expect(said).toContain(wrong);
    } finally {
      await login(engine.home, server);
    }
    expect(await tagsOf("docker/app")).toEqual(before);
  });
});
