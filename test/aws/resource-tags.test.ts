/** TagResource, UntagResource and ListTagsForResource. */
import { describe, expect, test } from "bun:test";
import { InvalidTagParameterException, type Tag, TooManyTagsException } from "@aws-sdk/client-ecr";
import { client, expectError } from "../support/aws.ts";
import { registryForFile } from "../support/oci.ts";

const registry = registryForFile();
const ecr = () => client(registry.server);

/** A new repository's ARN. */
async function prepare(tags: readonly Tag[] = []): Promise<string> {
  const repositoryName = await registry.createRepository();
  const resourceArn = `arn:aws:ecr:us-east-1:000000000000:repository/${repositoryName}`;
  if (tags.length > 0) await ecr().tagResource({ resourceArn, tags: [...tags] });
  return resourceArn;
}

async function tagsOf(resourceArn: string): Promise<Tag[] | undefined> {
  return (await ecr().listTagsForResource({ resourceArn })).tags;
}

const many = (count: number, prefix = "key") =>
  Array.from({ length: count }, (_, index) => ({ Key: `${prefix}-${index}`, Value: `${index}` }));

describe("tags", () => {
  test("are none at first, and are listed by their keys", async () => {
    const resourceArn = await prepare();
    expect(await tagsOf(resourceArn)).toEqual([]);
    await ecr().tagResource({
      resourceArn,
      tags: [
        { Key: "team", Value: "harbour" },
        { Key: "cost", Value: "7" },
      ],
    });
    expect(await tagsOf(resourceArn)).toEqual([
      { Key: "cost", Value: "7" },
      { Key: "team", Value: "harbour" },
    ]);
  });

  test("are added to those that are there, and a key that is there gets the new value", async () => {
    const resourceArn = await prepare([
      { Key: "a", Value: "1" },
      { Key: "b", Value: "2" },
    ]);
    await ecr().tagResource({
      resourceArn,
      tags: [
        { Key: "b", Value: "new" },
        { Key: "c", Value: "" },
      ],
    });
    expect(await tagsOf(resourceArn)).toEqual([
      { Key: "a", Value: "1" },
      { Key: "b", Value: "new" },
      { Key: "c", Value: "" },
    ]);
  });

  test("have keys in which small and capital letters differ", async () => {
    const tags = [
      { Key: "Team", Value: "1" },
      { Key: "team", Value: "2" },
    ];
    expect(await tagsOf(await prepare(tags))).toEqual(tags);
  });

  test("are taken away by their keys, and a key that is not there is no error", async () => {
    const resourceArn = await prepare(many(3));
    await ecr().untagResource({ resourceArn, tagKeys: ["key-0", "KEY-1", "missing", "key-2"] });
    expect(await tagsOf(resourceArn)).toEqual([{ Key: "key-1", Value: "1" }]);
    await ecr().untagResource({ resourceArn, tagKeys: [] });
    expect(await tagsOf(resourceArn)).toHaveLength(1);
  });

  test("belong to one repository", async () => {
    const [one, two] = [await prepare([{ Key: "a", Value: "1" }]), await prepare()];
    expect(await tagsOf(two)).toEqual([]);
    await ecr().untagResource({ resourceArn: two, tagKeys: ["a"] });
    expect(await tagsOf(one)).toHaveLength(1);
  });
});

describe("a tag", () => {
  test("may have a key of 128 and a value of 256 characters", async () => {
    const tags = [{ Key: "k".repeat(128), Value: "v".repeat(256) }];
    expect(await tagsOf(await prepare(tags))).toEqual(tags);
  });

  const long = "k".repeat(129);
  const refused: readonly [tag: Tag, reason: string][] = [
    [{ Key: "", Value: "x" }, "the key '' must have 1 to 128 characters"],
    [{ Key: long, Value: "x" }, `the key '${long}' must have 1 to 128 characters`],
    [{ Key: "k", Value: "v".repeat(257) }, "the value of 'k' must have at most 256 characters"],
    [{ Key: "aws:createdBy", Value: "x" }, "the key 'aws:createdBy' begins with 'aws:', which is reserved"],
    [{ Key: "AWS:createdBy", Value: "x" }, "the key 'AWS:createdBy' begins with 'aws:', which is reserved"],
  ];
  test.each(refused)("that is bad is refused, and those beside it are not kept (%#)", async (tag, reason) => {
    const resourceArn = await prepare([{ Key: "before", Value: "1" }]);
    await expectError(
      ecr().tagResource({ resourceArn, tags: [{ Key: "good", Value: "1" }, tag] }),
      InvalidTagParameterException,
      `Invalid tag: ${reason}`,
    );
    expect(await tagsOf(resourceArn)).toEqual([{ Key: "before", Value: "1" }]);
  });
});

describe("fifty tags", () => {
  const message = "A resource can have at most 50 tags";

  test("are the most, at once and one after the other", async () => {
    const resourceArn = await prepare();
    await expectError(ecr().tagResource({ resourceArn, tags: many(51) }), TooManyTagsException, message);
    expect(await tagsOf(resourceArn)).toEqual([]);

    await ecr().tagResource({ resourceArn, tags: many(50) });
    await expectError(
      ecr().tagResource({ resourceArn, tags: [{ Key: "one-more", Value: "" }] }),
      TooManyTagsException,
      message,
    );
    expect(await tagsOf(resourceArn)).toHaveLength(50);
  });

  test("may get new values, and make room", async () => {
    const resourceArn = await prepare(many(50));
    await ecr().tagResource({ resourceArn, tags: many(50).map(({ Key }) => ({ Key, Value: "new" })) });
    expect((await tagsOf(resourceArn))?.every(({ Value }) => Value === "new")).toBe(true);
    await ecr().untagResource({ resourceArn, tagKeys: ["key-3"] });
    await ecr().tagResource({ resourceArn, tags: [{ Key: "one-more", Value: "" }] });
    expect(await tagsOf(resourceArn)).toHaveLength(50);
  });

  test("may come with a new repository", async () => {
    const repositoryName = `${await registry.createRepository()}-tagged`;
    const { repository } = await ecr().createRepository({ repositoryName, tags: many(50) });
    expect(await tagsOf(repository?.repositoryArn ?? "")).toHaveLength(50);
  });
});
