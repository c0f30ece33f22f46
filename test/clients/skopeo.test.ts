/** skopeo: copies in every direction, and what it prints when it may not. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { basic, start, type TestServer } from "../support/server.ts";
import { digestOf, type Image, makeIndex, makeSmallImage } from "./images.ts";
import {
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

suite("skopeo", ["aws", "skopeo"], () => {
  let server: TestServer;
  let home: Home;
  let image: Image;

  const at = (name: string) => `docker://${server.host}/${name}`;
  const push = (name: string) => succeed(skopeoCopy(home, image.reference, at(name)));
  const inspect = async (name: string) => JSON.parse(await succeed(skopeo(home, "inspect", at(name))));
  /** The requests that a copy makes, as `METHOD PATH?QUERY`. */
  const requestsOf = async (from: string, to: string) => {
    const { stderr } = await skopeoCopy(home, from, to, "--debug");
    return [...stderr.matchAll(/\b(HEAD|GET|POST|PATCH|PUT) https?:\/\/[^/]+(\/v2\/[^\s"]*)/g)].map(
      ([, method, path]) => `${method} ${path}`,
    );
  };

  beforeAll(async () => {
    [server, home] = await Promise.all([start(), makeHome()]);
    image = await makeSmallImage(home.path("image"), "copied by skopeo");
    await createRepositories(home, server, "skopeo/app", "skopeo/other", "skopeo/index", "skopeo/formats");
    await login(home, server);
    await push("skopeo/app:base");
  });
  afterAll(async () => {
    await home?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test("an image comes back byte for byte", async () => {
    const folder = home.path("back");
    await succeed(skopeoCopy(home, at("skopeo/app:base"), `oci:${folder}:image`));
    const { manifests } = JSON.parse(await readFile(`${folder}/index.json`, "utf8"));
    expect(manifests[0].digest).toBe(image.digest);
    const blobs = await readdir(`${folder}/blobs/sha256`);
    expect(blobs.map((blob) => `sha256:${blob}`).sort()).toEqual(
      [image.digest, image.config, ...image.layers].sort(),
    );
    for (const blob of blobs)
      expect(digestOf(await readFile(`${folder}/blobs/sha256/${blob}`))).toBe(`sha256:${blob}`);
  });

  test("inspect by tag and by digest agree", async () => {
    const byTag = await inspect("skopeo/app:base");
    expect(byTag).toMatchObject({ Digest: image.digest, Layers: image.layers, RepoTags: ["base"] });
    expect(await inspect(`skopeo/app@${image.digest}`)).toEqual(byTag);
    expect(await succeed(skopeo(home, "inspect", "--raw", at("skopeo/app:base")))).toBe(image.manifest);
  });

  test("a second push of the same image sends no layer", async () => {
    const requests = await requestsOf(image.reference, at("skopeo/app:base"));
    for (const blob of [...image.layers, image.config])
      expect(requests).toContain(`HEAD /v2/skopeo/app/blobs/${blob}`);
    expect(requests.filter((request) => request.includes("/blobs/uploads/"))).toEqual([]);
    expect((await inspect("skopeo/app:base")).Digest).toBe(image.digest);
  });

  test("a copy from one repository to another mounts the layers", async () => {
    const requests = await requestsOf(at("skopeo/app:base"), at("skopeo/other:copied"));
    const uploads = requests.filter((request) => request.startsWith("POST "));
    const mounts = image.layers.map(
      (layer) => `POST /v2/skopeo/other/blobs/uploads/?from=skopeo%2Fapp&mount=${encodeURIComponent(layer)}`,
    );
    // skopeo mounts no configurations: that is the one upload.
    expect(uploads.sort()).toEqual([...mounts, "POST /v2/skopeo/other/blobs/uploads/"].sort());
    expect((await inspect("skopeo/other:copied")).Digest).toBe(image.digest);
  });

  test.each(["v2s2", "oci"])(
    "a copy can change the manifest to %s, and back through a docker-archive",
    async (format) => {
      const name = `skopeo/formats:${format}`;
      await succeed(skopeoCopy(home, image.reference, at(name), "--format", format));
      const archive = home.path(`${format}.tar`);
      await succeed(skopeoCopy(home, at(name), `docker-archive:${archive}:${format}:latest`));
      await succeed(skopeoCopy(home, `docker-archive:${archive}`, at(`${name}-again`)));
      const [before, after] = [await inspect(name), await inspect(`${name}-again`)];
      // The archive's layers are not compressed, so only what is in them stays the same.
      expect(after.Layers).toHaveLength(before.Layers.length);
      expect(after.Architecture).toBe(before.Architecture);
      const config = async (tag: string) =>
        JSON.parse(await succeed(skopeo(home, "inspect", "--config", at(tag)))).rootfs.diff_ids;
      expect(await config(`${name}-again`)).toEqual(await config(name));
    },
  );

  test("an index goes in and out with all of its images", async () => {
    const index = await makeIndex(home.path("index"), "two platforms");
    await succeed(skopeoCopy(home, index.reference, at("skopeo/index:multi"), "--all"));
    expect(await succeed(skopeo(home, "inspect", "--raw", at("skopeo/index:multi")))).toBe(index.manifest);
    for (const child of index.children)
      expect(digestOf(await succeed(skopeo(home, "inspect", "--raw", at(`skopeo/index@${child}`))))).toBe(
        child,
      );
    const folder = home.path("index-back");
    await succeed(skopeoCopy(home, at("skopeo/index:multi"), `oci:${folder}:image`, "--all"));
    const { manifests } = JSON.parse(await readFile(`${folder}/index.json`, "utf8"));
    expect(manifests[0].digest).toBe(index.digest);
    // Without --all it takes the one image that fits this machine.
    expect((await inspect("skopeo/index:multi")).Layers).toEqual(index.layers);
  });

  test("list-tags and sync see every tag, and delete removes one image", async () => {
    await createRepositories(home, server, "skopeo/many");
    const tags = ["a", "a.b", "b", "v1.0.0", "v1.10.0", "v1.9.0"];
    for (const tag of tags) await push(`skopeo/many:${tag}`);
    const other = await makeSmallImage(home.path("other"), "deleted by skopeo");
    await succeed(skopeoCopy(home, other.reference, at("skopeo/many:doomed")));
    const listed = async () =>
      JSON.parse(await succeed(skopeo(home, "list-tags", at("skopeo/many")))).Tags.sort();
    expect(await listed()).toEqual([...tags, "doomed"].sort());

    await succeed(skopeo(home, "delete", at("skopeo/many:doomed")));
    expect(await listed()).toEqual(tags);
    expect(await fail(skopeo(home, "inspect", at("skopeo/many:doomed")))).toContain("manifest unknown");

    const sync = ["sync", "--src", "docker", "--dest", "dir", "--src-tls-verify=false"];
    const files = ["--authfile", home.authfile, `${server.host}/skopeo/many`, home.path("synced")];
    await succeed(home.run(["skopeo", "--insecure-policy", ...sync, ...files]));
    expect((await readdir(home.path("synced"))).sort()).toEqual(tags.map((tag) => `many:${tag}`));
  });

  test("skopeo login checks the password", async () => {
    await using fresh = await makeHome();
    const command = ["skopeo", "login", "--authfile", fresh.path("auth.json"), "--tls-verify=false"];
    const account = ["--username", "AWS", "--password-stdin", server.host];
    const said = await fail(fresh.run([...command, ...account], { stdin: "wrong" }));
    expect(said).toContain("invalid username/password");
    const [user = "", password = ""] = atob(basic.slice("Basic ".length)).split(/:(.*)/);
    await succeed(
      fresh.run([...command, "--username", user, "--password-stdin", server.host], { stdin: password }),
    );
  });

  test("who is not logged in, or has a wrong password, is told so", async () => {
    await using fresh = await makeHome();
    const path = "skopeo/app/manifests/base";
    expect(await fail(skopeo(fresh, "inspect", at("skopeo/app:base")))).toContain(
      await unauthorizedSentence(server, path),
    );
    expect(await fail(skopeoCopy(fresh, image.reference, at("skopeo/app:never")))).toContain(
      // A push begins with HEAD, whose answer has no body and so no sentence.
      "unauthorized",
    );
    await storeLogin(fresh, server.host, "AWS", "wrong");
    expect(await fail(skopeo(fresh, "inspect", at("skopeo/app:base")))).toContain(
      await unauthorizedSentence(server, path, "wrong"),
    );
    expect(await succeed(skopeo(home, "list-tags", at("skopeo/app")))).not.toContain("never");
  });

  test("a missing repository and a missing image are ECR's sentences", async () => {
    const missing = `The repository with name 'skopeo/missing' does not exist in the registry with id '${server.accountId}'`;
    expect(await fail(skopeoCopy(home, image.reference, at("skopeo/missing:v1")))).toContain(missing);
    expect(await fail(skopeo(home, "inspect", at("skopeo/missing:v1")))).toContain(missing);
    expect(await fail(skopeo(home, "list-tags", at("skopeo/missing")))).toMatch(/404|does not exist/);
    expect(await fail(skopeo(home, "inspect", at("skopeo/app:missing")))).toContain(
      "Requested image not found",
    );
  });
});
