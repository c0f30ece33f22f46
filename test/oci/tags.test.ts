/** OCI distribution 1.1, "Listing Tags". */
import { describe, expect, test } from "bun:test";
import { type Answer, expectError, header, nextPage, registryForFile, unique } from "../support/oci.ts";

const registry = registryForFile();

type TagList = { name: string; tags: string[] };

/** A repository whose tags all name one image. They are pushed in the order given. */
async function tagged(tags: readonly string[]): Promise<string> {
  const repository = await registry.createRepository();
  const { manifest } = await registry.pushImage(repository);
  for (const tag of tags) {
    expect((await registry.putManifest(repository, tag, manifest)).status).toBe(201);
  }
  return repository;
}

function list(repository: string, query = ""): Promise<Answer> {
  return registry.request("GET", `/v2/${repository}/tags/list${query}`);
}

function tagsOf(answer: Answer): string[] {
  expect(answer.status).toBe(200);
  return answer.json<TagList>().tags;
}

/** All tags, page by page along the Links, and how many pages there were. */
async function follow(first: Answer): Promise<{ tags: string[]; pages: number }> {
  const tags = tagsOf(first);
  let pages = 1;
  for (let next = nextPage(first); next !== null; pages += 1) {
    expect(next).toStartWith("/v2/");
    expect(pages).toBeLessThan(100);
    const answer = await registry.request("GET", next);
    tags.push(...tagsOf(answer));
    next = nextPage(answer);
  }
  return { tags, pages };
}

test("names the repository, as JSON", async () => {
  const repository = await tagged(["latest"]);
  const answer = await list(repository);
  expect(answer.status).toBe(200);
  expect(header(answer, "content-type")).toStartWith("application/json");
  expect(answer.json<TagList>()).toEqual({ name: repository, tags: ["latest"] });
  expect(answer.headers.get("link")).toBeNull();
});

describe("without a tag is an empty list, not null", () => {
  test("in a new repository", async () => {
    const repository = await registry.createRepository();
    expect((await list(repository)).json<TagList>()).toEqual({ name: repository, tags: [] });
  });

  test("where all images have none", async () => {
    expect(tagsOf(await list(await tagged([])))).toEqual([]);
  });

  test("after the last tag", async () => {
    const repository = await tagged(["a", "b"]);
    for (const query of ["?last=b", "?last=zzz", "?n=5&last=b"]) {
      const answer = await list(repository, query);
      expect(tagsOf(answer)).toEqual([]);
      expect(answer.headers.get("link")).toBeNull();
    }
  });
});

/** "Lexical" is without regard to case, in the specification's words; tags that differ in case alone come by bytes. */
function compareTags(one: string, other: string): number {
  const [folded, otherFolded] = [one.toLowerCase(), other.toLowerCase()];
  if (folded !== otherFolded) return folded < otherFolded ? -1 : 1;
  return one < other ? -1 : 1;
}

const orders: readonly { name: string; tags: readonly string[] }[] = [
  { name: "letters", tags: ["b", "a", "c"] },
  { name: "numbers as text", tags: ["10", "9", "1", "2", "100"] },
  { name: "versions as text", tags: ["1.10.0", "1.9.0", "1.9.0-rc1", "1.9"] },
  { name: "upper and lower case", tags: ["b", "B", "a", "A", "C"] },
  { name: "a tag that is the beginning of others", tags: ["ab", "a", "abc", "a-b", "a.b", "a_b", "a1"] },
  { name: "all sorts of characters", tags: ["_", "0", "A", "a", "a-", "a.", "a_", "Z9"] },
];

for (const { name, tags } of orders) {
  const sorted = [...tags].sort(compareTags);
  describe(name, () => {
    test("come in lexical order", async () => {
      expect(tagsOf(await list(await tagged(tags)))).toEqual(sorted);
    });

    for (const n of [1, 2, 3]) {
      test(`come in lexical order along the Links of ${n}`, async () => {
        const first = await list(await tagged(tags), `?n=${n}`);
        expect(tagsOf(first)).toEqual(sorted.slice(0, n));
        expect(await follow(first)).toEqual({ tags: sorted, pages: Math.ceil(sorted.length / n) });
      });
    }

    test("come after each `last`, which is not among them", async () => {
      const repository = await tagged(tags);
      for (const [at, last] of sorted.entries()) {
        expect(tagsOf(await list(repository, `?last=${last}`))).toEqual(sorted.slice(at + 1));
        expect(tagsOf(await list(repository, `?n=1&last=${last}`))).toEqual(sorted.slice(at + 1, at + 2));
      }
    });
  });
}

describe("n", () => {
  const tags = ["a", "b", "c", "d", "e"];
  const rows: readonly { n: string; expected: readonly string[]; more: boolean }[] = [
    { n: "0", expected: [], more: false },
    { n: "1", expected: ["a"], more: true },
    { n: "4", expected: ["a", "b", "c", "d"], more: true },
    { n: "5", expected: tags, more: false },
    { n: "6", expected: tags, more: false },
    { n: "1000", expected: tags, more: false },
    { n: "1001", expected: tags, more: false },
    { n: "99999999999999999999999999", expected: tags, more: false },
  ];
  for (const { n, expected, more } of rows) {
    test(`of ${n} ${more ? "links to the next page" : "has no next page"}`, async () => {
      const answer = await list(await tagged(tags), `?n=${n}`);
      expect(tagsOf(answer)).toEqual([...expected]);
      expect(nextPage(answer) !== null).toBe(more);
    });
  }

  for (const n of ["-1", "x", "1.5", "1e3", "0x10", "%20", "1,2"]) {
    test(`of ${n} is refused`, async () => {
      // ECR has UNSUPPORTED for a parameter it does not understand; the specification has no code of its own for it.
      expectError(await list(await tagged([]), `?n=${n}`), 400, [
        "UNSUPPORTED",
        "NAME_INVALID",
        "TAG_INVALID",
      ]);
    });
  }

  test("of 0 with `last` is an empty list without a Link as well", async () => {
    const answer = await list(await tagged(tags), "?n=0&last=b");
    expect(tagsOf(answer)).toEqual([]);
    expect(answer.headers.get("link")).toBeNull();
  });
});

describe("last", () => {
  const tags = ["b", "d", "f"];
  const rows: readonly [last: string, expected: readonly string[]][] = [
    ["a", tags],
    ["b", ["d", "f"]],
    ["c", ["d", "f"]],
    ["e", ["f"]],
    ["f", []],
    ["0", tags],
    ["1", tags],
    ["bb", ["d", "f"]],
    ["", tags],
  ];
  for (const [last, expected] of rows) {
    test(`'${last}', which ${tags.includes(last) ? "is" : "need not be"} a tag, is a place in the order`, async () => {
      expect(tagsOf(await list(await tagged(tags), `?last=${last}`))).toEqual([...expected]);
    });
  }

  test("may have been deleted between two pages", async () => {
    const repository = await tagged(["a", "b", "c"]);
    const first = await list(repository, "?n=2");
    expect((await registry.request("DELETE", `/v2/${repository}/manifests/b`)).status).toBe(202);
    expect(tagsOf(await registry.request("GET", nextPage(first) ?? ""))).toEqual(["c"]);
  });

  for (const last of ["%25", "%27%20OR%201=1", "..", "%2F", "%00", "%F0%9F%9A%A2", "x".repeat(2000)]) {
    test(`that no tag could be, '${last.slice(0, 20)}', does no harm`, async () => {
      const answer = await list(await tagged(tags), `?last=${last}`);
      expect(answer.status).toBeOneOf([200, 400]);
      if (answer.status === 200) expect(tags).toEqual(expect.arrayContaining(tagsOf(answer)));
    });
  }
});

test("lists every tag once, also tags of the same image and moved ones", async () => {
  const repository = await tagged(["one", "two"]);
  await registry.pushImage(repository, "two");
  await registry.pushImage(repository, "three");
  expect(tagsOf(await list(repository))).toEqual(["one", "three", "two"]);
});

test("does not list the tags of another repository, nor of one whose name begins alike", async () => {
  const name = unique("prefix");
  for (const repository of [name, `${name}/inner`, `${name}-other`]) {
    await registry.createRepository(repository);
    await registry.pushImage(repository, `of-${repository.replace("/", "_")}`);
  }
  expect(tagsOf(await list(name))).toEqual([`of-${name}`]);
});

test("of a repository that does not exist is 404", async () => {
  expectError(await list(unique("missing")), 404, "NAME_UNKNOWN");
});

test("gives at most 1000 at once, and a Link to the rest, whatever n says", async () => {
  const repository = await registry.createRepository();
  const images = [await registry.pushImage(repository), await registry.pushImage(repository)];
  const tags = Array.from({ length: 1003 }, (_, at) => `t${String(at).padStart(5, "0")}`);
  for (let at = 0; at < tags.length; at += 20) {
    const puts = tags.slice(at, at + 20).map((tag, offset) => {
      // Two images, because one must not have more than 1000 tags.
      const image = images[offset % 2];
      return registry.putManifest(repository, tag, image?.manifest ?? new Uint8Array());
    });
    for (const put of await Promise.all(puts)) expect(put.status).toBe(201);
  }

  for (const query of ["", "?n=5000"]) {
    const first = await list(repository, query);
    expect(tagsOf(first)).toEqual(tags.slice(0, 1000));
    expect(await follow(first)).toEqual({ tags, pages: 2 });
  }
}, 60_000);
