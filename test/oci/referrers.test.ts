/** OCI distribution 1.1, "Listing Referrers" and "Enabling the Referrers API". */
import { describe, expect, test } from "bun:test";
import {
  type Answer,
  type Bytes,
  bytes,
  type Descriptor,
  descriptorOf,
  digestOf,
  expectError,
  imageIndex,
  imageManifest,
  json,
  mediaTypes,
  nextPage,
  registryForFile,
  unique,
  unknownDigest,
} from "../support/oci.ts";

const registry = registryForFile();

type Index = { schemaVersion: number; mediaType: string; manifests: Descriptor[] };
const sbom = "application/vnd.example.sbom.v1";
const signature = "application/vnd.example.signature.v1";

function list(repository: string, digest: string, query = ""): Promise<Answer> {
  return registry.request("GET", `/v2/${repository}/referrers/${digest}${query}`);
}

/** The descriptors of an answer that is held to the form that every page must have. */
function descriptorsOf(answer: Answer): Descriptor[] {
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe(mediaTypes.index);
  const index = answer.json<Index>();
  expect(index.schemaVersion).toBe(2);
  expect(index.mediaType).toBe(mediaTypes.index);
  expect(index.manifests).toBeArray();
  return index.manifests;
}

/** Everything along the Links. */
async function listAll(repository: string, digest: string, query = ""): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  let next: string | null = `/v2/${repository}/referrers/${digest}${query}`;
  for (let pages = 0; next !== null; pages += 1) {
    expect(pages).toBeLessThan(200);
    const answer: Answer = await registry.request("GET", next);
    found.push(...descriptorsOf(answer));
    next = nextPage(answer);
  }
  return found;
}

function byDigest(descriptors: readonly Descriptor[]): Descriptor[] {
  return [...descriptors].sort((one, other) => (one.digest < other.digest ? -1 : 1));
}

type Parts = { config: Descriptor; layer: Descriptor; subject: Descriptor };

/** A repository with an image to refer to, and what a referrer is made of. */
async function prepared(): Promise<Parts & { repository: string }> {
  const repository = await registry.createRepository();
  const subject = (await registry.pushImage(repository, "subject")).descriptor;
  const config = await registry.pushBlob(repository, bytes("{}"), { mediaType: mediaTypes.empty });
  return { repository, subject, config, layer: await registry.pushBlob(repository) };
}

async function pushReferrer(repository: string, manifest: Bytes, mediaType: string): Promise<Descriptor> {
  const descriptor = descriptorOf(manifest, mediaType);
  const put = await registry.putManifest(repository, descriptor.digest, manifest, mediaType);
  expect(put.status).toBe(201);
  expect(put.headers.get("oci-subject")).not.toBeNull();
  return descriptor;
}

const annotations = { "org.example.format": "json", "org.example.letters": 'é "quoted" \\ 漢\n' };

/** A referrer of each sort, and what the list must say of it beside its type, digest and size. */
const kinds: readonly {
  name: string;
  mediaType: string;
  make: (parts: Parts) => Bytes;
  artifactType: string | undefined;
  annotations: Record<string, string> | undefined;
}[] = [
  {
    name: "an image with an artifactType",
    mediaType: mediaTypes.image,
    make: ({ config, layer, subject }) => imageManifest(config, [layer], { subject, artifactType: sbom }),
    artifactType: sbom,
    annotations: undefined,
  },
  {
    name: "an image with an artifactType and annotations",
    mediaType: mediaTypes.image,
    make: ({ config, layer, subject }) =>
      imageManifest(config, [layer], { subject, artifactType: sbom, annotations }),
    artifactType: sbom,
    annotations,
  },
  {
    name: "an image without an artifactType, which takes its config's type",
    mediaType: mediaTypes.image,
    make: ({ config, layer, subject }) =>
      imageManifest({ ...config, mediaType: signature }, [layer], { subject }),
    artifactType: signature,
    annotations: undefined,
  },
  {
    name: "an image with an empty artifactType, which takes its config's type",
    mediaType: mediaTypes.image,
    make: ({ config, layer, subject }) =>
      imageManifest({ ...config, mediaType: signature }, [layer], { subject, artifactType: "" }),
    artifactType: signature,
    annotations: undefined,
  },
  {
    name: "an index with an artifactType",
    mediaType: mediaTypes.index,
    make: ({ subject }) => imageIndex([], { subject, artifactType: sbom, annotations }),
    artifactType: sbom,
    annotations,
  },
  {
    name: "an index without an artifactType, which has none",
    mediaType: mediaTypes.index,
    make: ({ subject }) => imageIndex([subject], { subject, annotations }),
    artifactType: undefined,
    annotations,
  },
  {
    name: "an artifact manifest",
    mediaType: mediaTypes.artifact,
    make: ({ layer, subject }) =>
      json({ mediaType: mediaTypes.artifact, artifactType: sbom, blobs: [layer], subject, annotations }),
    artifactType: sbom,
    annotations,
  },
];

for (const { name, mediaType, make, artifactType, annotations: expected } of kinds) {
  test(`${name} is listed with its type, digest, size, artifactType and annotations`, async () => {
    const parts = await prepared();
    const pushed = await pushReferrer(parts.repository, make(parts), mediaType);

    const [listed, ...others] = descriptorsOf(await list(parts.repository, parts.subject.digest));

    expect(others).toBeEmpty();
    expect(listed?.mediaType).toBe(mediaType);
    expect(listed?.digest).toBe(pushed.digest);
    expect(listed?.size).toBe(pushed.size);
    expect(listed?.artifactType).toBe(artifactType);
    expect(listed !== undefined && "artifactType" in listed).toBe(artifactType !== undefined);
    expect(listed?.annotations ?? undefined).toEqual(expected);
  });
}

for (const size of [1000, 20_000, 300_000, 3_000_000]) {
  test(`an annotation of ${size} letters is listed as well`, async () => {
    const { repository, config, layer, subject } = await prepared();
    const more = { subject, artifactType: sbom, annotations: { note: "x".repeat(size) } };
    await pushReferrer(repository, imageManifest(config, [layer], more), mediaTypes.image);
    const [listed] = descriptorsOf(await list(repository, subject.digest));
    expect(listed?.annotations?.note?.length).toBe(size);
  });
}

describe("no referrers are an empty index", () => {
  const rows: readonly [string, () => Promise<[repository: string, digest: string]>][] = [
    [
      "of an image that nothing refers to",
      async () => prepared().then((p) => [p.repository, p.subject.digest]),
    ],
    ["of a digest that nobody knows", async () => [await registry.createRepository(), unknownDigest()]],
    [
      "of a sha512 that nobody knows",
      async () => [await registry.createRepository(), unknownDigest("sha512")],
    ],
    ["of a blob", async () => prepared().then((p) => [p.repository, p.layer.digest])],
  ];
  for (const [name, make] of rows) {
    test(name, async () => {
      const [repository, digest] = await make();
      const answer = await list(repository, digest);
      expect(descriptorsOf(answer)).toEqual([]);
      expect(answer.headers.get("link")).toBeNull();
    });
  }
});

test("of a repository that does not exist are 404", async () => {
  expectError(await list(unique("missing"), unknownDigest()), 404, "NAME_UNKNOWN");
});

describe("a digest of invalid syntax is 400", () => {
  const rows = [
    "latest",
    "sha256",
    "sha256:",
    "sha256:short",
    `sha256:${"A".repeat(64)}`,
    `md5:${"0".repeat(32)}`,
  ];
  for (const digest of [...rows, `sha256:${"g".repeat(64)}`, `sha256:${"0".repeat(65)}`]) {
    test(digest.slice(0, 30), async () => {
      expectError(await list(await registry.createRepository(), digest), 400, "DIGEST_INVALID");
    });
  }
});

describe("the list follows what is pushed and deleted", () => {
  test("a referrer may come before its subject", async () => {
    const { repository, config, layer } = await prepared();
    const later = imageManifest(config, [layer], { annotations: { name: unique("later") } });
    const subject = descriptorOf(later, mediaTypes.image);
    const referrer = await pushReferrer(
      repository,
      imageManifest(config, [layer], { subject, artifactType: sbom }),
      mediaTypes.image,
    );
    expect((await listAll(repository, subject.digest)).map(({ digest }) => digest)).toEqual([
      referrer.digest,
    ]);

    expect((await registry.putManifest(repository, subject.digest, later)).status).toBe(201);

    expect((await listAll(repository, subject.digest)).map(({ digest }) => digest)).toEqual([
      referrer.digest,
    ]);
  });

  test("a subject may be known by its sha512", async () => {
    const { repository, config, layer } = await prepared();
    const subject = { mediaType: mediaTypes.image, digest: unknownDigest("sha512"), size: 7 };
    const manifest = imageManifest(config, [layer], { subject, artifactType: sbom });
    const referrer = await pushReferrer(repository, manifest, mediaTypes.image);
    expect((await listAll(repository, subject.digest)).map(({ digest }) => digest)).toEqual([
      referrer.digest,
    ]);
  });

  test("a referrer is listed once, however often and under however many tags it is pushed", async () => {
    const { repository, config, layer, subject } = await prepared();
    const manifest = imageManifest(config, [layer], { subject, artifactType: sbom });
    for (const reference of [digestOf(manifest), "one", "two", "one"]) {
      expect((await registry.putManifest(repository, reference, manifest)).status).toBe(201);
    }
    expect(await listAll(repository, subject.digest)).toHaveLength(1);
  });

  test("a referrer stays when its tag is deleted, and goes when it is", async () => {
    const { repository, config, layer, subject } = await prepared();
    const manifest = imageManifest(config, [layer], { subject, artifactType: sbom });
    expect((await registry.putManifest(repository, "tag", manifest)).status).toBe(201);

    expect((await registry.request("DELETE", `/v2/${repository}/manifests/tag`)).status).toBe(202);
    expect(await listAll(repository, subject.digest)).toHaveLength(1);

    const deleted = await registry.request("DELETE", `/v2/${repository}/manifests/${digestOf(manifest)}`);
    expect(deleted.status).toBe(202);
    expect(await listAll(repository, subject.digest)).toEqual([]);
  });

  test("the list is still there, and 200, when the subject is deleted", async () => {
    const { repository, config, layer, subject } = await prepared();
    const manifest = imageManifest(config, [layer], { subject, artifactType: sbom });
    await pushReferrer(repository, manifest, mediaTypes.image);
    const deleted = await registry.request("DELETE", `/v2/${repository}/manifests/${subject.digest}`);
    expect(deleted.status).toBe(202);
    descriptorsOf(await list(repository, subject.digest));
  });

  test("a referrer of a referrer is listed with the one and not with the other", async () => {
    const { repository, config, layer, subject } = await prepared();
    const first = await pushReferrer(
      repository,
      imageManifest(config, [layer], { subject, artifactType: sbom }),
      mediaTypes.image,
    );
    const second = await pushReferrer(
      repository,
      imageManifest(config, [layer], { subject: first, artifactType: signature }),
      mediaTypes.image,
    );
    expect((await listAll(repository, subject.digest)).map(({ digest }) => digest)).toEqual([first.digest]);
    expect((await listAll(repository, first.digest)).map(({ digest }) => digest)).toEqual([second.digest]);
  });

  test("a referrer of another repository is not listed", async () => {
    const here = await prepared();
    const there = await prepared();
    const manifest = imageManifest(there.config, [there.layer], {
      subject: here.subject,
      artifactType: sbom,
    });
    await pushReferrer(there.repository, manifest, mediaTypes.image);
    expect(await listAll(here.repository, here.subject.digest)).toEqual([]);
    expect(await listAll(there.repository, here.subject.digest)).toHaveLength(1);
  });

  test("the children of an index are not its referrers", async () => {
    const { repository, subject } = await prepared();
    const index = imageIndex([subject]);
    expect((await registry.putManifest(repository, "index", index, mediaTypes.index)).status).toBe(201);
    expect(await listAll(repository, subject.digest)).toEqual([]);
    expect(await listAll(repository, digestOf(index))).toEqual([]);
  });

  test("a referrer that a client also put into an index by the tag schema is listed once", async () => {
    const { repository, config, layer, subject } = await prepared();
    const manifest = imageManifest(config, [layer], { subject, artifactType: sbom });
    const referrer = await pushReferrer(repository, manifest, mediaTypes.image);
    const fallback = imageIndex([{ ...referrer, artifactType: sbom }]);
    const tag = subject.digest.replace(":", "-");
    expect((await registry.putManifest(repository, tag, fallback, mediaTypes.index)).status).toBe(201);

    expect((await listAll(repository, subject.digest)).map(({ digest }) => digest)).toEqual([
      referrer.digest,
    ]);
    const byTag = await registry.request("GET", `/v2/${repository}/manifests/${tag}`);
    expect(Buffer.compare(byTag.body, fallback)).toBe(0);
  });
});

/** A repository whose subject has three referrers of type `sbom`, two of `signature` and an index without a type. */
async function populated(): Promise<{ repository: string; subject: Descriptor; pushed: Descriptor[] }> {
  const { repository, config, layer, subject } = await prepared();
  const pushed: Descriptor[] = [];
  for (const [at, artifactType] of [sbom, signature, sbom, signature, sbom].entries()) {
    const more = { subject, artifactType, annotations: { at: String(at) } };
    const descriptor = await pushReferrer(repository, imageManifest(config, [layer], more), mediaTypes.image);
    pushed.push({ ...descriptor, artifactType, annotations: { at: String(at) } });
  }
  pushed.push(await pushReferrer(repository, imageIndex([], { subject }), mediaTypes.index));
  return { repository, subject, pushed };
}

describe("a filter by artifactType", () => {
  const rows: readonly { name: string; query: string; artifactType: string }[] = [
    { name: "as it is", query: `?artifactType=${sbom}`, artifactType: sbom },
    { name: "encoded", query: `?artifactType=${encodeURIComponent(signature)}`, artifactType: signature },
    { name: "that nothing has", query: "?artifactType=application/vnd.example.none", artifactType: "" },
    {
      name: "that is the beginning of one",
      query: "?artifactType=application/vnd.example",
      artifactType: "",
    },
    { name: "with signs of a pattern", query: "?artifactType=application/%25", artifactType: "" },
  ];
  for (const { name, query, artifactType } of rows) {
    test(`${name} is applied, and said to be`, async () => {
      const { repository, subject, pushed } = await populated();

      const answer = await list(repository, subject.digest, query);

      expect(answer.headers.get("oci-filters-applied")).toBe("artifactType");
      const expected = pushed.filter((descriptor) => descriptor.artifactType === artifactType);
      expect(byDigest(descriptorsOf(answer))).toEqual(byDigest(expected));
    });
  }

  test("finds an image by its config's type", async () => {
    const { repository, config, layer, subject } = await prepared();
    const manifest = imageManifest({ ...config, mediaType: signature }, [layer], { subject });
    const pushed = await pushReferrer(repository, manifest, mediaTypes.image);
    const answer = await list(repository, subject.digest, `?artifactType=${signature}`);
    expect(descriptorsOf(answer).map(({ digest }) => digest)).toEqual([pushed.digest]);
  });

  test("of a digest that nobody knows is an empty index that says so too", async () => {
    const answer = await list(await registry.createRepository(), unknownDigest(), `?artifactType=${sbom}`);
    expect(descriptorsOf(answer)).toEqual([]);
    expect(answer.headers.get("oci-filters-applied")).toBe("artifactType");
  });

  test("is not said to be applied when there is none", async () => {
    const { repository, subject, pushed } = await populated();
    const answer = await list(repository, subject.digest);
    expect(answer.headers.get("oci-filters-applied")).toBeNull();
    expect(byDigest(descriptorsOf(answer))).toEqual(byDigest(pushed));
  });
});

describe("a list in pages", () => {
  test("of two has everything once along its Links", async () => {
    const { repository, subject, pushed } = await populated();
    expect(byDigest(await listAll(repository, subject.digest, "?n=2"))).toEqual(byDigest(pushed));
  });

  test("keeps its filter along its Links, and says so on each page", async () => {
    const { repository, subject, pushed } = await populated();
    const found: Descriptor[] = [];
    let next: string | null = `/v2/${repository}/referrers/${subject.digest}?artifactType=${sbom}&n=1`;
    while (next !== null) {
      const answer: Answer = await registry.request("GET", next);
      expect(answer.headers.get("oci-filters-applied")).toBe("artifactType");
      found.push(...descriptorsOf(answer));
      next = nextPage(answer);
    }
    expect(byDigest(found)).toEqual(byDigest(pushed.filter(({ artifactType }) => artifactType === sbom)));
  });

  test("has no page that is larger than a manifest may be", async () => {
    const { repository, config, layer, subject } = await prepared();
    const digests: string[] = [];
    for (let at = 0; at < 6; at += 1) {
      const note = { [`note-${at}`]: "x".repeat(1_000_000) };
      const manifest = imageManifest(config, [layer], { subject, artifactType: sbom, annotations: note });
      digests.push((await pushReferrer(repository, manifest, mediaTypes.image)).digest);
    }

    const found: string[] = [];
    let pages = 0;
    for (
      let next: string | null = `/v2/${repository}/referrers/${subject.digest}`;
      next !== null;
      pages += 1
    ) {
      const answer: Answer = await registry.request("GET", next);
      expect(answer.body.length).toBeLessThanOrEqual(4 * 1024 * 1024);
      const page = descriptorsOf(answer);
      expect(page).not.toBeEmpty();
      found.push(...page.map(({ digest }) => digest));
      next = nextPage(answer);
    }
    expect(pages).toBeGreaterThan(1);
    expect(found.sort()).toEqual(digests.sort());
  });
});
