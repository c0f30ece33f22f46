/**
 * Every client reads what every other client wrote. They write unlike manifests (skopeo keeps ours, buildah compresses
 * again, docker makes its own kind), and whoever reads sees the same bytes.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { start, type TestServer } from "../support/server.ts";
import { type Engine, startEngine } from "./engine.ts";
import { digestOf, type Image, makeSmallImage } from "./images.ts";
import {
  aws,
  buildah,
  createRepositories,
  type Home,
  login,
  makeHome,
  patienceMs,
  skopeo,
  skopeoCopy,
  succeed,
  suite,
} from "./programs.ts";

setDefaultTimeout(patienceMs);

/** What a reader found, each in its own way. */
type Found = { digest: string; config: string; note: string; busybox: string };

type Client = {
  /** Sends the image, and answers with the digest that the client says it sent. */
  write(image: Image, name: string): Promise<string>;
  read(name: string): Promise<Found>;
};

const repository = "matrix/shared";
const note = "seen by every client";

suite("every client reads what every other wrote", ["aws", "skopeo", "buildah", "dockerd", "docker"], () => {
  let server: TestServer;
  let home: Home;
  let engine: Engine;
  let image: Image;
  const written = new Map<string, Promise<string>>();

  const nameOf = (writer: string) => `${server.host}/${repository}:from-${writer}`;

  const viaSkopeo: Client = {
    async write(image, name) {
      const digestfile = home.path("skopeo-digest");
      await succeed(skopeoCopy(home, image.reference, `docker://${name}`, "--digestfile", digestfile));
      return (await readFile(digestfile, "utf8")).trim();
    },
    async read(name) {
      const folder = home.path(name.replaceAll(/\W/g, "-"));
      await succeed(skopeoCopy(home, `docker://${name}`, `dir:${folder}`));
      const manifest = await readFile(join(folder, "manifest.json"), "utf8");
      const { config, layers } = JSON.parse(manifest);
      const blob = (digest: string) => join(folder, digest.replace("sha256:", ""));
      const file = async (layer: number, path: string) => {
        const ran = Bun.spawn(["tar", "-xzOf", blob(layers[layer].digest), path], { stdout: "pipe" });
        return new Uint8Array(await new Response(ran.stdout).arrayBuffer());
      };
      return {
        digest: digestOf(manifest),
        config: digestOf(await readFile(blob(config.digest))),
        busybox: digestOf(await file(0, "bin/busybox")),
        note: new TextDecoder().decode(await file(1, "etc/note")),
      };
    },
  };

  const viaBuildah: Client = {
    async write(image, name) {
      const id = await succeed(buildah(home, "pull", "--quiet", image.reference));
      const digestfile = home.path("buildah-digest");
      await succeed(
        buildah(
          home,
          "push",
          "--tls-verify=false",
          "--digestfile",
          digestfile,
          id.trim(),
          `docker://${name}`,
        ),
      );
      await succeed(buildah(home, "rmi", "--force", id.trim()));
      return (await readFile(digestfile, "utf8")).trim();
    },
    async read(name) {
      const id = (await succeed(buildah(home, "pull", "--quiet", "--tls-verify=false", name))).trim();
      const { FromImageDigest } = JSON.parse(await succeed(buildah(home, "inspect", "--type", "image", id)));
      const container = (await succeed(buildah(home, "from", "--pull=false", id))).trim();
      const folder = (await succeed(buildah(home, "mount", container))).trim();
      const found = {
        digest: FromImageDigest,
        config: `sha256:${id}`,
        busybox: digestOf(await readFile(join(folder, "bin/busybox"))),
        note: await readFile(join(folder, "etc/note"), "utf8"),
      };
      await succeed(buildah(home, "rm", container));
      await succeed(buildah(home, "rmi", "--force", id));
      return found;
    },
  };

  const viaDocker: Client = {
    async write(image, name) {
      const archive = home.path("docker-archive.tar");
      await succeed(skopeoCopy(home, image.reference, `docker-archive:${archive}:${name}`));
      await succeed(engine.docker("load", "--quiet", "--input", archive));
      const said = await succeed(engine.docker("push", name));
      await succeed(engine.docker("image", "rm", "--force", name));
      return /digest: (sha256:\w+)/.exec(said)?.[1] ?? said;
    },
    async read(name) {
      const said = await succeed(engine.docker("pull", name));
      const config = await succeed(engine.docker("image", "inspect", "--format", "{{.Id}}", name));
      const container = (await succeed(engine.docker("create", name))).trim();
      const file = async (path: string) => {
        const copy = home.path("docker-copy");
        await succeed(engine.docker("cp", `${container}:${path}`, copy));
        return readFile(copy);
      };
      const found = {
        digest: /Digest: (sha256:\w+)/.exec(said)?.[1] ?? said,
        config: config.trim(),
        busybox: digestOf(await file("/bin/busybox")),
        note: (await file("/etc/note")).toString(),
      };
      await succeed(engine.docker("rm", container));
      await succeed(engine.docker("image", "rm", "--force", name));
      return found;
    },
  };

  const clients: Readonly<Record<string, Client>> = {
    skopeo: viaSkopeo,
    buildah: viaBuildah,
    docker: viaDocker,
  };
  const names = Object.keys(clients);

  beforeAll(async () => {
    [server, home, engine] = await Promise.all([start(), makeHome(), startEngine()]);
    image = await makeSmallImage(home.path("image"), note);
    await createRepositories(home, server, repository);
    await login(home, server);
    await login(engine.home, server);
  });
  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]();
    await home?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test.each(names.flatMap((writer) => names.map((reader) => [writer, reader] as const)))(
    "%s writes, %s reads",
    async (writer, reader) => {
      const name = nameOf(writer);
      if (!written.has(writer)) written.set(writer, clients[writer]?.write(image, name) ?? Promise.reject());
      const digest = await written.get(writer);
      const manifest = await succeed(skopeo(home, "inspect", "--raw", `docker://${name}`));
      expect(digestOf(manifest)).toBe(digest ?? "");
      expect(await clients[reader]?.read(name)).toEqual({
        digest: digest ?? "",
        config: JSON.parse(manifest).config.digest,
        note: `${note}\n`,
        busybox: digestOf(await readFile(Bun.which("busybox") ?? "")),
      });
    },
  );

  test("skopeo changes nothing of what it sends", async () => {
    expect(await written.get("skopeo")).toBe(image.digest);
  });

  test("the registry lists each of them under the tag that its writer gave", async () => {
    const listed = JSON.parse(
      await succeed(aws(home, server, "ecr", "list-images", "--repository-name", repository)),
    );
    const expected = await Promise.all(
      names.map(async (writer) => ({
        imageDigest: (await written.get(writer)) ?? "",
        imageTag: `from-${writer}`,
      })),
    );
    const byTag = (a: { imageTag: string }, b: { imageTag: string }) => a.imageTag.localeCompare(b.imageTag);
    expect(listed.imageIds.sort(byTag)).toEqual(expected.sort(byTag));
  });
});
