/** An image of more than 100 MB, through skopeo and through a docker engine, in and out. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdir, readFile, rm } from "node:fs/promises";
import { start, type TestServer } from "../support/server.ts";
import { type Engine, startEngine } from "./engine.ts";
import { digestOf, type Image, largeImage } from "./images.ts";
import {
  aws,
  createRepositories,
  type Home,
  login,
  makeHome,
  patienceMs,
  skopeoCopy,
  succeed,
  suite,
} from "./programs.ts";

/** The image itself may have to be made first, or another process may be making it. */
const makingMs = 8 * 60_000;
const largeBytes = 100_000_000;

setDefaultTimeout(patienceMs);

suite("an image of more than 100 MB", ["aws", "skopeo", "docker", "dockerd"], () => {
  let server: TestServer;
  let home: Home;
  let engine: Engine;
  let image: Image;

  const repository = "large/image";
  const at = (tag: string) => `${server.host}/${repository}:${tag}`;

  beforeAll(async () => {
    image = await largeImage();
    [server, home, engine] = await Promise.all([start(), makeHome(), startEngine()]);
    await createRepositories(home, server, repository);
    await login(home, server);
    await login(engine.home, server);
  }, makingMs);
  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]();
    await home?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test("skopeo sends it and gets the same bytes back", async () => {
    expect(image.sizeBytes).toBeGreaterThan(largeBytes);
    await succeed(skopeoCopy(home, image.reference, `docker://${at("skopeo")}`));
    const folder = home.path("back");
    await succeed(skopeoCopy(home, `docker://${at("skopeo")}`, `oci:${folder}:image`));
    const blobs = await readdir(`${folder}/blobs/sha256`);
    expect(blobs.map((blob) => `sha256:${blob}`).sort()).toEqual(
      [image.digest, image.config, ...image.layers].sort(),
    );
    for (const blob of blobs)
      expect(digestOf(await readFile(`${folder}/blobs/sha256/${blob}`))).toBe(`sha256:${blob}`);
    await rm(folder, { recursive: true });
  });

  test("the aws CLI shows its size", async () => {
    const query = ["--query", "imageDetails[0].imageSizeInBytes"];
    const said = await succeed(
      aws(
        home,
        server,
        "ecr",
        "describe-images",
        "--repository-name",
        repository,
        "--image-ids",
        "imageTag=skopeo",
        ...query,
      ),
    );
    expect(JSON.parse(said)).toBe(image.sizeBytes);
  });

  test("docker sends it from an engine that never saw a registry, and skopeo reads it", async () => {
    const archive = home.path("archive.tar");
    const name = at("docker");
    await succeed(skopeoCopy(home, image.reference, `docker-archive:${archive}:${name}`));
    await succeed(engine.docker("load", "--quiet", "--input", archive));
    await rm(archive);
    const pushed = /digest: (sha256:\w+)/.exec(await succeed(engine.docker("push", name)))?.[1];
    await succeed(engine.docker("image", "rm", "--force", name));

    // It compares every blob with its digest.
    await succeed(skopeoCopy(home, `docker://${name}`, `dir:${home.path("from-docker")}`));
    const manifest = await readFile(home.path("from-docker", "manifest.json"), "utf8");
    expect(digestOf(manifest)).toBe(pushed ?? "");
    expect(JSON.parse(manifest).layers).toHaveLength(image.layers.length);
  });

  test("docker reads what skopeo wrote", async () => {
    const said = await succeed(engine.docker("pull", at("skopeo")));
    expect(said).toContain(`Digest: ${image.digest}`);
    const id = await succeed(engine.docker("image", "inspect", "--format", "{{.Id}}", at("skopeo")));
    expect(id.trim()).toBe(image.config);
  });
});
