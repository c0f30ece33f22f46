/** PutImageTagMutability in its four modes, and what they mean at both doors. */
import { describe, expect, test } from "bun:test";
import {
  ImageAlreadyExistsException,
  ImageTagAlreadyExistsException,
  type ImageTagMutability,
  InvalidParameterException,
} from "@aws-sdk/client-ecr";
import { client, expectError, invalid } from "../support/aws.ts";
import {
  type Bytes,
  digestOf,
  errorMessage,
  expectError as expectOciError,
  imageManifest,
  registryForFile,
} from "../support/oci.ts";

const registry = registryForFile();
const ecr = () => client(registry.server);

const text = (manifest: Uint8Array) => new TextDecoder().decode(manifest);
const wildcards = (...filters: readonly string[]) =>
  filters.map((filter) => ({ filterType: "WILDCARD" as const, filter }));

/** A repository that has what two images need, and the two manifests. */
async function prepare() {
  const { repository: repositoryName, config, layer } = await registry.prepareImage();
  const [first, second] = ["first", "second"].map((name) =>
    imageManifest(config, [layer], { annotations: { name } }),
  );
  if (!first || !second) throw new Error("There are two");
  return { repositoryName, first, second };
}

function putJson(repositoryName: string, imageTag: string, manifest: Bytes) {
  return ecr().putImage({ repositoryName, imageTag, imageManifest: text(manifest) });
}

async function target(repositoryName: string, imageTag: string): Promise<string | undefined> {
  const { images } = await ecr().batchGetImage({ repositoryName, imageIds: [{ imageTag }] });
  return images?.[0]?.imageId?.imageDigest;
}

const isImmutable = (tag: string, repositoryName: string) =>
  `The image tag '${tag}' already exists in the '${repositoryName}' repository and cannot be overwritten because the tag is immutable.`;

/** Puts `tag` on one image and tries to move it to the other at both doors. */
async function expectImmovable(repositoryName: string, tag: string, first: Bytes, second: Bytes) {
  await putJson(repositoryName, tag, first);
  await expectError(
    putJson(repositoryName, tag, second),
    ImageTagAlreadyExistsException,
    isImmutable(tag, repositoryName),
  );
  const refused = await registry.putManifest(repositoryName, tag, second);
  expectOciError(refused, 400, "TAG_INVALID");
  expect(errorMessage(refused)).toBe(isImmutable(tag, repositoryName));
  expect(await target(repositoryName, tag)).toBe(digestOf(first));
}

async function expectMovable(repositoryName: string, tag: string, first: Bytes, second: Bytes) {
  await putJson(repositoryName, tag, first);
  expect((await registry.putManifest(repositoryName, tag, second)).status).toBe(201);
  expect(await target(repositoryName, tag)).toBe(digestOf(second));
  await putJson(repositoryName, tag, first);
  expect(await target(repositoryName, tag)).toBe(digestOf(first));
}

type Mode = {
  mode: ImageTagMutability;
  filters?: readonly string[];
  movable: readonly string[];
  immovable: readonly string[];
};

const filters = ["latest", "dev-*", "*-rc*", "a*.b"];
const matching = ["latest", "dev-", "dev-1", "v1-rc", "v1-rc.2", "a.b", "a-long.b", "dev-1-rc1"];
const others = ["v1", "latest2", "my-latest", "Latest", "dev", "xdev-1", "a.bc", "ab", "axb"];

const modes: readonly Mode[] = [
  { mode: "MUTABLE", movable: ["latest", "v1"], immovable: [] },
  { mode: "IMMUTABLE", movable: [], immovable: ["latest", "v1"] },
  { mode: "IMMUTABLE_WITH_EXCLUSION", filters, movable: matching, immovable: others },
  { mode: "MUTABLE_WITH_EXCLUSION", filters, movable: others, immovable: matching },
  { mode: "IMMUTABLE_WITH_EXCLUSION", filters: ["*"], movable: ["latest", "v1"], immovable: [] },
  { mode: "MUTABLE_WITH_EXCLUSION", filters: ["**"], movable: [], immovable: ["latest", "v1"] },
];

describe.each(modes)("$mode with $filters", ({ mode, filters, movable, immovable }) => {
  test("says which tags may move, at both doors", async () => {
    const { repositoryName, first, second } = await prepare();
    const rule = {
      imageTagMutability: mode,
      ...(filters && { imageTagMutabilityExclusionFilters: wildcards(...filters) }),
    };
    const { $metadata, ...members } = await ecr().putImageTagMutability({ repositoryName, ...rule });
    expect(members).toEqual({ registryId: "000000000000", repositoryName, ...rule });
    const { repositories } = await ecr().describeRepositories({ repositoryNames: [repositoryName] });
    expect(repositories?.[0]).toMatchObject(rule);

    for (const tag of movable) await expectMovable(repositoryName, tag, first, second);
    for (const tag of immovable) await expectImmovable(repositoryName, tag, first, second);
  });

  test("takes the same image again at the registry door, and says at this one that it is there", async () => {
    const { repositoryName, first } = await prepare();
    const [tag = ""] = [...immovable, ...movable];
    await ecr().putImageTagMutability({
      repositoryName,
      imageTagMutability: mode,
      ...(filters && { imageTagMutabilityExclusionFilters: wildcards(...filters) }),
    });
    for (const _ of [1, 2]) expect((await registry.putManifest(repositoryName, tag, first)).status).toBe(201);
    await expectError(
      putJson(repositoryName, tag, first),
      ImageAlreadyExistsException,
      `Image with digest '${digestOf(first)}' and tag '${tag}' already exists in the repository with name '${repositoryName}' in registry with id '000000000000'`,
    );
  });
});

describe("an immutable tag", () => {
  test("can be deleted, and used again", async () => {
    const { repositoryName, first, second } = await prepare();
    await ecr().putImageTagMutability({ repositoryName, imageTagMutability: "IMMUTABLE" });
    await putJson(repositoryName, "v1", first);
    await ecr().batchDeleteImage({ repositoryName, imageIds: [{ imageTag: "v1" }] });
    await putJson(repositoryName, "v1", second);
    expect(await target(repositoryName, "v1")).toBe(digestOf(second));

    const deleted = await registry.request("DELETE", `/v2/${repositoryName}/manifests/v1`);
    expect(deleted.status).toBe(202);
    expect((await registry.putManifest(repositoryName, "v1", first)).status).toBe(201);
  });

  test("may stand beside others of its image", async () => {
    const { repositoryName, first } = await prepare();
    await ecr().putImageTagMutability({ repositoryName, imageTagMutability: "IMMUTABLE" });
    for (const tag of ["v1", "v1.0", "v1.0.0"]) await putJson(repositoryName, tag, first);
    const { imageDetails } = await ecr().describeImages({ repositoryName });
    expect(imageDetails?.map(({ imageTags }) => imageTags)).toEqual([["v1", "v1.0", "v1.0.0"]]);
  });

  test("that two put at once on different images is on one, and the other is told", async () => {
    const { repositoryName, first, second } = await prepare();
    await ecr().putImageTagMutability({ repositoryName, imageTagMutability: "IMMUTABLE" });
    const outcomes = await Promise.allSettled([
      putJson(repositoryName, "v1", first),
      putJson(repositoryName, "v1", second),
    ]);
    const won = outcomes.findIndex(({ status }) => status === "fulfilled");
    const lost = outcomes[1 - won];
    expect(lost?.status).toBe("rejected");
    if (lost?.status === "rejected") expect(lost.reason).toBeInstanceOf(ImageTagAlreadyExistsException);
    expect(await target(repositoryName, "v1")).toBe(digestOf(won === 0 ? first : second));
    expect((await ecr().describeImages({ repositoryName })).imageDetails).toHaveLength(1);
  });
});

describe("a change of the mode", () => {
  test("leaves the tags that are there where they are", async () => {
    const { repositoryName, first, second } = await prepare();
    await putJson(repositoryName, "v1", first);
    await ecr().putImageTagMutability({ repositoryName, imageTagMutability: "IMMUTABLE" });
    expect(await target(repositoryName, "v1")).toBe(digestOf(first));
    await expectError(
      putJson(repositoryName, "v1", second),
      ImageTagAlreadyExistsException,
      isImmutable("v1", repositoryName),
    );
    await ecr().putImageTagMutability({ repositoryName, imageTagMutability: "MUTABLE" });
    await putJson(repositoryName, "v1", second);
    expect(await target(repositoryName, "v1")).toBe(digestOf(second));
  });

  test("replaces the filters, and a plain mode has none", async () => {
    const repositoryName = await registry.createRepository();
    const described = async () => {
      const { repositories } = await ecr().describeRepositories({ repositoryNames: [repositoryName] });
      return repositories?.[0]?.imageTagMutabilityExclusionFilters;
    };
    const imageTagMutability = "IMMUTABLE_WITH_EXCLUSION" as const;
    for (const list of [wildcards("a", "b"), wildcards("c")]) {
      await ecr().putImageTagMutability({
        repositoryName,
        imageTagMutability,
        imageTagMutabilityExclusionFilters: list,
      });
      expect(await described()).toEqual(list);
    }
    const plain = await ecr().putImageTagMutability({ repositoryName, imageTagMutability: "MUTABLE" });
    expect(plain.imageTagMutabilityExclusionFilters).toBeUndefined();
    expect(await described()).toBeUndefined();
  });
});

describe("exclusion filters", () => {
  const at = "imageTagMutabilityExclusionFilters";
  const withExclusion = ["IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"] as const;

  test.each(withExclusion)("must come with %s", async (imageTagMutability) => {
    const repositoryName = await registry.createRepository();
    await expectError(
      ecr().putImageTagMutability({ repositoryName, imageTagMutability }),
      InvalidParameterException,
      invalid(
        at,
        `ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as ${imageTagMutability}`,
      ),
    );
    await expectError(
      ecr().createRepository({ repositoryName: `${repositoryName}-new`, imageTagMutability }),
      InvalidParameterException,
      invalid(
        at,
        `ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as ${imageTagMutability}`,
      ),
    );
  });

  test.each(["MUTABLE", "IMMUTABLE"] as const)("must not come with %s", async (imageTagMutability) => {
    const repositoryName = await registry.createRepository();
    await expectError(
      ecr().putImageTagMutability({
        repositoryName,
        imageTagMutability,
        imageTagMutabilityExclusionFilters: wildcards("latest"),
      }),
      InvalidParameterException,
      invalid(
        at,
        `ImageTagMutabilityExclusionFilters can't be provided when imageTagMutability is set as ${imageTagMutability}`,
      ),
    );
    const { repositories } = await ecr().describeRepositories({ repositoryNames: [repositoryName] });
    expect(repositories?.[0]?.imageTagMutability).toBe("MUTABLE");
  });

  test("have at most two wildcards each", async () => {
    const repositoryName = await registry.createRepository();
    const put = (filter: string) =>
      ecr().putImageTagMutability({
        repositoryName,
        imageTagMutability: "MUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters: wildcards(filter),
      });
    await put("a*b*c");
    await expectError(
      put("a*b*c*"),
      InvalidParameterException,
      invalid(at, "The filter 'a*b*c*' has more than 2 wildcards"),
    );
  });

  test("are one to five", async () => {
    const repositoryName = await registry.createRepository();
    const put = (list: readonly string[]) =>
      ecr().putImageTagMutability({
        repositoryName,
        imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters: wildcards(...list),
      });
    await put(["a", "b", "c", "d", "e"]);
    const lengths: readonly [list: readonly string[], sentence: string][] = [
      [[], "Member must have length greater than or equal to 1"],
      [["a", "b", "c", "d", "e", "f"], "Member must have length less than or equal to 5"],
    ];
    for (const [list, sentence] of lengths) {
      const error: unknown = await put(list).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidParameterException);
      expect(String(error)).toEndWith(`at '${at}' failed to satisfy constraint: ${sentence}`);
    }
  });
});
