/** buildah: builds on a private image, pushes what it built, and makes an index of several images. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readFile } from "node:fs/promises";
import { start, type TestServer } from "../support/server.ts";
import { digestOf, type Image, makeSmallImage } from "./images.ts";
import {
  buildah,
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

suite("buildah", ["aws", "skopeo", "buildah"], () => {
  let server: TestServer;
  let home: Home;
  let image: Image;

  const at = (name: string) => `${server.host}/${name}`;
  const pull = (from: Home, name: string) => buildah(from, "pull", "--quiet", "--tls-verify=false", at(name));
  const push = (from: Home, source: string, name: string, ...options: string[]) =>
    buildah(from, "push", "--tls-verify=false", ...options, source, `docker://${at(name)}`);
  const raw = (name: string) => succeed(skopeo(home, "inspect", "--raw", `docker://${at(name)}`));

  beforeAll(async () => {
    [server, home] = await Promise.all([start(), makeHome()]);
    image = await makeSmallImage(home.path("image"), "the base");
    await createRepositories(home, server, "build/base", "build/result", "build/list");
    await login(home, server);
    await succeed(skopeoCopy(home, image.reference, `docker://${at("build/base:v1")}`));
  });
  afterAll(async () => {
    await home?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test("a build runs on a private image, and another machine pulls the result", async () => {
    const context = home.path("context");
    await mkdir(context);
    await Bun.write(
      `${context}/Containerfile`,
      [
        `FROM ${at("build/base:v1")}`,
        "RUN cat /etc/note > /built && echo built >> /built",
        "LABEL made=here",
        "",
      ].join("\n"),
    );
    const options = ["--isolation", "chroot", "--tls-verify=false", "--pull-always", "--tag", "built"];
    await succeed(buildah(home, "build", ...options, context));
    const digestfile = home.path("digest");
    await succeed(push(home, "built", "build/result:v1", "--digestfile", digestfile));
    const pushed = (await readFile(digestfile, "utf8")).trim();
    expect(digestOf(await raw("build/result:v1"))).toBe(pushed);

    await using elsewhere = await makeHome();
    await login(elsewhere, server);
    const id = (await succeed(pull(elsewhere, `build/result@${pushed}`))).trim();
    const container = (await succeed(buildah(elsewhere, "from", "--pull=false", id))).trim();
    const folder = (await succeed(buildah(elsewhere, "mount", container))).trim();
    expect(await readFile(`${folder}/built`, "utf8")).toBe("the base\nbuilt\n");
    await succeed(buildah(elsewhere, "rm", container));
  });

  test("a second push of the same image changes nothing", async () => {
    const id = (await succeed(pull(home, "build/base:v1"))).trim();
    const digests = [];
    for (const round of ["first", "second"]) {
      await succeed(push(home, id, "build/result:again", "--digestfile", home.path(round)));
      digests.push((await readFile(home.path(round), "utf8")).trim());
    }
    expect(digests[1]).toBe(digests[0] ?? "");
    expect(digestOf(await raw("build/result:again"))).toBe(digests[0] ?? "");
  });

  test.each(["oci", "v2s2"])("a push in the format %s stores that kind of manifest", async (format) => {
    const id = (await succeed(pull(home, "build/base:v1"))).trim();
    await succeed(push(home, id, `build/result:${format}`, "--format", format));
    const kind = { oci: "vnd.oci.image.manifest.v1", v2s2: "vnd.docker.distribution.manifest.v2" }[format];
    expect(JSON.parse(await raw(`build/result:${format}`)).mediaType).toBe(`application/${kind}+json`);
  });

  test("a manifest list of two images in the registry is pushed with both", async () => {
    const other = await makeSmallImage(home.path("other"), "the other");
    await succeed(skopeoCopy(home, image.reference, `docker://${at("build/list:one")}`));
    await succeed(skopeoCopy(home, other.reference, `docker://${at("build/list:two")}`));
    await succeed(buildah(home, "manifest", "create", "both"));
    for (const tag of ["one", "two"])
      await succeed(
        buildah(home, "manifest", "add", "--tls-verify=false", "both", `docker://${at(`build/list:${tag}`)}`),
      );
    await succeed(
      buildah(
        home,
        "manifest",
        "push",
        "--all",
        "--tls-verify=false",
        "both",
        `docker://${at("build/list:both")}`,
      ),
    );
    const { manifests } = JSON.parse(await raw("build/list:both"));
    expect(manifests.map(({ digest }: { digest: string }) => digest)).toEqual([image.digest, other.digest]);
  });

  test("buildah login checks the password", async () => {
    await using fresh = await makeHome();
    const command = ["login", "--tls-verify=false", "--username", "AWS", "--password", "wrong", server.host];
    expect(await fail(buildah(fresh, ...command))).toContain("invalid username/password");
  });

  test("who may not pull or push reads why", async () => {
    await using stranger = await makeHome();
    const path = "build/base/manifests/v1";
    expect(await fail(pull(stranger, "build/base:v1"))).toContain(await unauthorizedSentence(server, path));
    await storeLogin(stranger, server.host, "AWS", "wrong");
    const wrong = await unauthorizedSentence(server, path, "wrong");
    expect(await fail(pull(stranger, "build/base:v1"))).toContain(wrong);
    const id = (await succeed(pull(home, "build/base:v1"))).trim();
    const missing = `The repository with name 'build/missing' does not exist in the registry with id '${server.accountId}'`;
    expect(await fail(push(home, id, "build/missing:v1"))).toContain(missing);
    expect(await fail(pull(home, "build/missing:v1"))).toContain(missing);
  });
});
