/** Pages of the three lists: DescribeRepositories, ListImages and DescribeImages. */
import { beforeAll, describe, expect, test } from "bun:test";
import {
  InvalidParameterException,
  paginateDescribeImages,
  paginateDescribeRepositories,
  paginateListImages,
} from "@aws-sdk/client-ecr";
import { call, client, expectError, expectWireError, failedConstraints, invalid } from "../support/aws.ts";
import { type Bytes, digestOf, imageManifest, registryForFile } from "../support/oci.ts";

/** One more than a page that nobody asked a size of. */
const count = 101;
const repositoryName = "pages/images";
const region = "ap-south-1";

const registry = registryForFile();
const ecr = () => client(registry.server);
const repositoriesRegion = () => client(registry.server, { region });

/** Every second image has two tags, and the others have none. */
let manifests: Bytes[] = [];
const tagsOf = (index: number) => (index % 2 === 0 ? [`a-${index}`, `b-${index}`] : []);
const names = Array.from({ length: count }, (_, index) => `pages/${String(index).padStart(3, "0")}`);

async function inBatches<T>(items: readonly T[], work: (item: T, index: number) => Promise<unknown>) {
  for (let from = 0; from < items.length; from += 20) {
    await Promise.all(items.slice(from, from + 20).map((item, offset) => work(item, from + offset)));
  }
}

beforeAll(async () => {
  await registry.createRepository(repositoryName);
  const config = await registry.pushBlob(repositoryName);
  manifests = Array.from({ length: count }, (_, index) =>
    imageManifest(config, [], { annotations: { index: String(index) } }),
  );
  await inBatches(manifests, async (manifest, index) => {
    for (const reference of [digestOf(manifest), ...tagsOf(index)]) {
      expect((await registry.putManifest(repositoryName, reference, manifest)).status).toBe(201);
    }
  });
  await inBatches(names, (name) => repositoriesRegion().createRepository({ repositoryName: name }));
});

type Page = { items: string[]; nextToken: string | undefined };
type List = {
  operation: string;
  /** The members that choose what is listed. */
  input: object;
  ask: (page: { maxResults?: number; nextToken?: string }) => Promise<Page>;
  /** All items, each once. */
  all: () => readonly string[];
};

const lists: readonly List[] = [
  {
    operation: "DescribeRepositories",
    input: {},
    ask: async (page) => {
      const { repositories = [], nextToken } = await repositoriesRegion().describeRepositories(page);
      return { items: repositories.map((repository) => repository.repositoryName ?? ""), nextToken };
    },
    all: () => names,
  },
  {
    operation: "ListImages",
    input: { repositoryName },
    ask: async (page) => {
      const { imageIds = [], nextToken } = await ecr().listImages({ repositoryName, ...page });
      return { items: imageIds.map((id) => `${id.imageDigest} ${id.imageTag ?? ""}`), nextToken };
    },
    all: () =>
      manifests.flatMap((manifest, index) => {
        const tags = tagsOf(index);
        return (tags.length > 0 ? tags : [""]).map((tag) => `${digestOf(manifest)} ${tag}`);
      }),
  },
  {
    operation: "DescribeImages",
    input: { repositoryName },
    ask: async (page) => {
      const { imageDetails = [], nextToken } = await ecr().describeImages({ repositoryName, ...page });
      return { items: imageDetails.map(({ imageDigest }) => imageDigest ?? ""), nextToken };
    },
    all: () => manifests.map((manifest) => digestOf(manifest)),
  },
];

describe.each(lists)("$operation", ({ operation, input, ask, all }) => {
  async function pages(maxResults?: number): Promise<Page[]> {
    const seen: Page[] = [];
    let nextToken: string | undefined;
    do {
      const page = await ask({
        ...(maxResults && { maxResults }),
        ...(nextToken !== undefined && { nextToken }),
      });
      seen.push(page);
      nextToken = page.nextToken;
      expect(seen.length).toBeLessThanOrEqual(all().length + 1);
    } while (nextToken !== undefined);
    return seen;
  }

  test("answers 100 items unless another number is asked for", async () => {
    const sizes = (await pages()).map(({ items }) => items.length);
    expect(sizes.slice(0, -1)).toEqual(sizes.slice(0, -1).map(() => 100));
    expect(sizes[0]).toBe(100);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(all().length);
  });

  test.each([7, 50, 100, 101, 1000])("has every item once in pages of %d", async (maxResults) => {
    const seen = await pages(maxResults);
    expect(seen.flatMap(({ items }) => items).sort()).toEqual([...all()].sort());
    for (const { items } of seen.slice(0, -1)) expect(items).toHaveLength(maxResults);
    expect(seen).toHaveLength(Math.ceil(all().length / maxResults));
  });

  test("is always in the same order, and repeats a page for its token", async () => {
    const whole = (await ask({ maxResults: 1000 })).items;
    expect((await pages(13)).flatMap(({ items }) => items)).toEqual(whole);
    const { nextToken } = await ask({ maxResults: 5 });
    for (const _ of [1, 2])
      expect((await ask({ maxResults: 5, nextToken })).items).toEqual(whole.slice(5, 10));
    expect((await ask({ maxResults: 3, nextToken })).items).toEqual(whole.slice(5, 8));
  });

  const bounds: readonly [maxResults: number, sentence: string][] = [
    [0, "Member must have value greater than or equal to 1"],
    [-1, "Member must have value greater than or equal to 1"],
    [1001, "Member must have value less than or equal to 1000"],
    [2_147_483_647, "Member must have value less than or equal to 1000"],
  ];
  test.each(bounds)("has no page of %d", async (maxResults, sentence) => {
    await expectError(
      ask({ maxResults }),
      InvalidParameterException,
      failedConstraints(`Value '${maxResults}' at 'maxResults' failed to satisfy constraint: ${sentence}`),
    );
  });

  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const garbage = [
    "",
    "garbage",
    "0",
    "null",
    "%00",
    "🚢",
    "x".repeat(10_000),
    encode(null),
    encode([]),
    encode([1]),
    encode(["a", "b", "c"]),
    encode([["a"]]),
    encode({ 0: "a", length: 1 }),
    encode("a"),
  ];
  test("refuses a token that is none", async () => {
    for (const nextToken of garbage) {
      await expectError(ask({ nextToken }), InvalidParameterException, invalid("nextToken", "Invalid token"));
    }
  });

  test("refuses a token of another type", async () => {
    const answer = await call(registry.server, {
      operation,
      body: JSON.stringify({ ...input, nextToken: ["a"] }),
    });
    expectWireError(answer, {
      status: 400,
      type: "SerializationException",
      message: "Start of list found where not expected at 'nextToken'",
    });
  });
});

describe("pages of what is named", () => {
  const messageFor = (at: string) => invalid(at, `nextToken and maxResults cannot be used with ${at}`);

  test("are refused for images", async () => {
    const imageIds = [{ imageTag: "a-0" }];
    for (const page of [{ maxResults: 5 }, { nextToken: "any" }, { maxResults: 5, nextToken: "any" }]) {
      await expectError(
        ecr().describeImages({ repositoryName, imageIds, ...page }),
        InvalidParameterException,
        messageFor("imageIds"),
      );
    }
  });

  test("are refused for repositories", async () => {
    for (const page of [{ maxResults: 5 }, { nextToken: "any" }]) {
      await expectError(
        ecr().describeRepositories({ repositoryNames: [repositoryName], ...page }),
        InvalidParameterException,
        messageFor("repositoryNames"),
      );
    }
  });
});

describe("filters", () => {
  test("hold on every page", async () => {
    for (const [tagStatus, expected] of [
      ["TAGGED", 102],
      ["UNTAGGED", 50],
      ["ANY", 152],
    ] as const) {
      const items: string[] = [];
      const filter = { tagStatus };
      for await (const page of paginateListImages(
        { client: ecr(), pageSize: 9 },
        { repositoryName, filter },
      )) {
        items.push(...(page.imageIds ?? []).map((id) => `${id.imageDigest} ${id.imageTag}`));
      }
      expect(new Set(items).size).toBe(expected);
      expect(items).toHaveLength(expected);
    }
  });
});

test("the SDK's paginators come to the end", async () => {
  const seen = { repositories: 0, images: 0 };
  const ofRepositories = { client: repositoriesRegion(), pageSize: 30 };
  for await (const { repositories } of paginateDescribeRepositories(ofRepositories, {})) {
    seen.repositories += repositories?.length ?? 0;
  }
  const ofImages = { client: ecr(), pageSize: 30 };
  for await (const { imageDetails } of paginateDescribeImages(ofImages, { repositoryName })) {
    seen.images += imageDetails?.length ?? 0;
  }
  expect(seen).toEqual({ repositories: count, images: count });
});

test("a page goes on after its last item was deleted", async () => {
  const gone = await registry.createRepository("pages-gone/b");
  for (const name of ["pages-gone/a", "pages-gone/c"]) await registry.createRepository(name);
  const first = await ecr().describeRepositories({ maxResults: 2 });
  expect(first.repositories?.at(-1)?.repositoryName).toBe(gone);
  await ecr().deleteRepository({ repositoryName: gone });
  const second = await ecr().describeRepositories({ maxResults: 2, nextToken: first.nextToken });
  expect(second.repositories?.map((repository) => repository.repositoryName)).toEqual([
    "pages-gone/c",
    repositoryName,
  ]);
});
