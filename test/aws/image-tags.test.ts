/** `ecr:ImageTag` and `ecr:ImageDigest`: permissions for some images of a repository, by whatever name they are meant. */
import { beforeAll, describe, expect, test } from "bun:test";
import {
  account,
  allowing,
  denied,
  docker,
  ecrOf,
  imageType,
  type Person,
  type Pushed,
  pathOf,
  policyOf,
  pushImage,
  repositoryArn,
  user,
  verdictOf,
} from "../support/access.ts";
import {
  descriptorOf,
  imageIndex,
  imageManifest,
  mediaTypes,
  registryForFile,
  unique,
} from "../support/oci.ts";

const registry = registryForFile();
const owner = "222222222222";
let administrator: Person;

beforeAll(async () => {
  administrator = await account(registry.server, owner);
});

const admin = () => ecrOf(registry.server, administrator);
const newUser = (...policies: string[]) => user(registry.server, administrator, { policies });
const asDocker = (request: string, as: Person, more: object = {}) =>
  docker(registry.server, request, { as, ...more });

async function repository(): Promise<{ repositoryName: string; at: string; on: string }> {
  const repositoryName = unique("images/app");
  await admin().createRepository({ repositoryName });
  return { repositoryName, at: pathOf(owner, repositoryName), on: repositoryArn(owner, repositoryName) };
}

const push = (at: string, tag?: string) =>
  pushImage(registry.server, at, { as: administrator, ...(tag !== undefined && { tag }) });

async function tagAgain(at: string, { manifest }: Pushed, tag: string): Promise<void> {
  const put = asDocker(`PUT ${at}/manifests/${tag}`, administrator, { body: manifest, headers: imageType });
  expect((await put).status).toBe(201);
}

/** Pushes a list of manifests, images or lists. */
async function pushIndex(
  at: string,
  tag: string,
  children: readonly Uint8Array<ArrayBuffer>[],
  type: string,
) {
  const body = imageIndex(children.map((child) => descriptorOf(child, type)));
  const headers = { "content-type": mediaTypes.index };
  const put = await asDocker(`PUT ${at}/manifests/${tag}`, administrator, { body, headers });
  expect(put.status).toBe(201);
  return { manifest: body, digest: descriptorOf(body, mediaTypes.index).digest };
}

const pulling = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
const withTag = (pattern: string) => ({ Condition: { StringLike: { "ecr:ImageTag": pattern } } });
/** Layers have no tag: a manifest is what makes them worth having. */
const pullOf = (pattern: string) =>
  policyOf(
    { Effect: "Allow", Action: "ecr:BatchGetImage", Resource: "*", ...withTag(pattern) },
    { Effect: "Allow", Action: "ecr:GetDownloadUrlForLayer", Resource: "*" },
  );

/** The references whose manifest somebody may have: by GET, by HEAD and by BatchGetImage, which have to agree. */
async function pullable(
  who: Person,
  { repositoryName, at, on }: Awaited<ReturnType<typeof repository>>,
  references: Readonly<Record<string, string>>,
): Promise<string[]> {
  const refusal = denied(who.arn, { action: "ecr:BatchGetImage", on, because: "identity" });
  const names = [];
  for (const [name, reference] of Object.entries(references)) {
    const id = reference.includes(":") ? { imageDigest: reference } : { imageTag: reference };
    const input = { registryId: owner, repositoryName, imageIds: [id] };
    const got = await asDocker(`GET ${at}/manifests/${reference}`, who);
    const head = await asDocker(`HEAD ${at}/manifests/${reference}`, who);
    const verdict = await verdictOf(ecrOf(registry.server, who).batchGetImage(input));
    if (verdict === "allowed") names.push(name);
    const status = verdict === "allowed" ? 200 : 403;
    expect([name, got.status, head.status, verdict === "allowed" ? "" : verdict]).toEqual([
      name,
      status,
      status,
      status === 200 ? "" : refusal,
    ]);
  }
  return names;
}

describe("a pull of prod-* only", () => {
  test("is by tag, or by a digest that such a tag means", async () => {
    const where = await repository();
    const prod = await push(where.at, "prod-1");
    const dev = await push(where.at, "dev-1");
    const both = await push(where.at, "dev-2");
    await tagAgain(where.at, both, "prod-2");
    const lookAlike = await push(where.at, "Prod-3");
    const who = await newUser(pullOf("prod-*"));
    const references = {
      prod: "prod-1",
      "prod by digest": prod.digest,
      both: "prod-2",
      "both by digest": both.digest,
      dev: "dev-1",
      "dev by digest": dev.digest,
      "both by the other tag": "dev-2",
      "look-alike": "Prod-3",
      "look-alike by digest": lookAlike.digest,
    };
    expect(await pullable(who, where, references)).toEqual([
      "prod",
      "prod by digest",
      "both",
      "both by digest",
    ]);
    expect((await asDocker(`GET ${where.at}/blobs/${prod.layer}`, who)).status).toBe(200);
    // A manifest is no layer, so that the one permission is no way around the other.
    expect((await asDocker(`GET ${where.at}/blobs/${dev.digest}`, who)).status).toBe(404);
  });

  test("ends for a digest when the tag goes or moves, and begins when it comes", async () => {
    const where = await repository();
    const [first, second] = [await push(where.at, "prod-1"), await push(where.at, "dev-1")];
    const who = await newUser(pullOf("prod-*"));
    const references = { first: first.digest, second: second.digest };
    expect(await pullable(who, where, references)).toEqual(["first"]);
    await tagAgain(where.at, second, "prod-1");
    expect(await pullable(who, where, references)).toEqual(["second"]);
    const { repositoryName } = where;
    await admin().batchDeleteImage({ repositoryName, imageIds: [{ imageTag: "prod-1" }] });
    expect(await pullable(who, where, references)).toEqual([]);
    await tagAgain(where.at, first, "prod-9");
    expect(await pullable(who, where, references)).toEqual(["first"]);
  });

  test("takes the images of a multi-arch index along, and no others", async () => {
    const where = await repository();
    const images = [];
    for (const tag of ["dev-a", "dev-b", "dev-c"]) images.push(await push(where.at, tag));
    const [one, two, three] = images as [Pushed, Pushed, Pushed];
    const index = await pushIndex(where.at, "prod-multi", [one.manifest, two.manifest], mediaTypes.image);
    await pushIndex(where.at, "dev-multi", [two.manifest, three.manifest], mediaTypes.image);
    const who = await newUser(pullOf("prod-*"));
    const references = {
      index: "prod-multi",
      "index by digest": index.digest,
      "one of it": one.digest,
      "one of both": two.digest,
      "one of the other": three.digest,
      "the other": "dev-multi",
    };
    expect(await pullable(who, where, references)).toEqual([
      "index",
      "index by digest",
      "one of it",
      "one of both",
    ]);
  });

  test("takes an index within an index along, with its images", async () => {
    const where = await repository();
    const image = await push(where.at, "dev-a");
    const inner = await pushIndex(where.at, "dev-inner", [image.manifest], mediaTypes.image);
    await pushIndex(where.at, "prod-outer", [inner.manifest], mediaTypes.index);
    const who = await newUser(pullOf("prod-*"));
    const references = { outer: "prod-outer", inner: inner.digest, image: image.digest };
    expect(await pullable(who, where, references)).toEqual(["outer", "inner", "image"]);
  });

  test("says nothing of images without a tag", async () => {
    const where = await repository();
    const { digest } = await push(where.at);
    const who = await newUser(pullOf("prod-*"));
    expect(await pullable(who, where, { digest })).toEqual([]);
    const without = await newUser(allowing(pulling, { Condition: { Null: { "ecr:ImageTag": "true" } } }));
    expect(await pullable(without, where, { digest })).toEqual(["digest"]);
  });

  test("is asked for each image of BatchGetImage: one that may not be read refuses them all", async () => {
    const where = await repository();
    const { repositoryName } = where;
    const [prod, dev] = [await push(where.at, "prod-1"), await push(where.at, "dev-1")];
    const who = await newUser(pullOf("prod-*"));
    const ecr = ecrOf(registry.server, who);
    const get = (...imageIds: { imageTag?: string; imageDigest?: string }[]) =>
      verdictOf(ecr.batchGetImage({ repositoryName, imageIds }));
    const refusal = denied(who.arn, {
      action: "ecr:BatchGetImage",
      on: where.on,
      because: "identity",
    });
    expect(await get({ imageTag: "prod-1" }, { imageDigest: prod.digest })).toBe("allowed");
    expect(await get({ imageTag: "prod-1" }, { imageTag: "dev-1" })).toBe(refusal);
    expect(await get({ imageDigest: dev.digest }, { imageTag: "prod-1" })).toBe(refusal);
    expect(await get({ imageTag: "prod-1" }, { imageTag: "prod-missing" })).toBe("allowed");

    // With tag and digest the tag is what is asked about, so it has to be that image's.
    const both = { imageTag: "prod-1", imageDigest: dev.digest };
    const { images = [], failures = [] } = await ecr.batchGetImage({ repositoryName, imageIds: [both] });
    expect({ images, codes: failures.map(({ failureCode }) => failureCode) }).toEqual({
      images: [],
      codes: ["ImageTagDoesNotMatchDigest"],
    });
  });

  test("can be written as a denial of the rest: a tag is asked about alone, a digest with all its tags", async () => {
    const where = await repository();
    const secret = await push(where.at, "secret-1");
    await tagAgain(where.at, secret, "prod-1");
    const open = await push(where.at, "prod-2");
    const who = await newUser(
      allowing(pulling),
      policyOf({ Effect: "Deny", Action: "ecr:BatchGetImage", Resource: "*", ...withTag("secret-*") }),
    );
    const get = async (reference: string) =>
      (await asDocker(`GET ${where.at}/manifests/${reference}`, who)).status;
    expect([await get("prod-2"), await get(open.digest)]).toEqual([200, 200]);
    expect([await get("secret-1"), await get(secret.digest)]).toEqual([403, 403]);
    // Who gave it the other tag made it public under that name.
    expect(await get("prod-1")).toBe(200);
  });
});

describe("a push of dev-* only", () => {
  const pushes = policyOf(
    {
      Effect: "Allow",
      Action: ["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"],
      Resource: "*",
    },
    { Effect: "Allow", Action: "ecr:PutImage", Resource: "*", ...withTag("dev-*") },
  );

  test("makes such tags, and no others, at both doors", async () => {
    const where = await repository();
    const who = await newUser(pushes);
    const { manifest, digest } = await pushImage(registry.server, where.at, { as: who, tag: "dev-1" });
    const prod = await push(where.at, "prod-1");
    const refusal = denied(who.arn, { action: "ecr:PutImage", on: where.on, because: "identity" });
    const byDocker = (reference: string) =>
      verdictOf(
        asDocker(`PUT ${where.at}/manifests/${reference}`, who, { body: manifest, headers: imageType }),
      );
    const byAws = (more: { imageTag?: string; imageDigest?: string }) => {
      const { repositoryName } = where;
      const imageManifest = new TextDecoder().decode(manifest);
      return verdictOf(ecrOf(registry.server, who).putImage({ repositoryName, imageManifest, ...more }));
    };
    expect(await byDocker("dev-2")).toBe("allowed");
    expect(await byAws({ imageTag: "dev-3" })).toBe("allowed");
    for (const tag of ["prod-1", "prod-2", "latest", "Dev-1", "xdev-1"]) {
      expect(await byDocker(tag)).toBe(refusal);
      expect(await byAws({ imageTag: tag })).toBe(refusal);
    }
    expect(await byAws({})).toBe(refusal);
    // What is there under a digest already has the tags that it has; a new image has none.
    expect(await byDocker(digest)).toBe("allowed");
    const fresh = imageManifest(descriptorOf(manifest, mediaTypes.config), [], { annotations: { a: "b" } });
    const put = asDocker(`PUT ${where.at}/manifests/${descriptorOf(fresh, mediaTypes.image).digest}`, who, {
      body: fresh,
      headers: imageType,
    });
    expect(await verdictOf(put)).toBe(refusal);
    const { imageIds = [] } = await admin().listImages({ repositoryName: where.repositoryName });
    const tags = Object.fromEntries(imageIds.map(({ imageTag, imageDigest }) => [imageTag, imageDigest]));
    expect(tags).toEqual({ "dev-1": digest, "dev-2": digest, "dev-3": digest, "prod-1": prod.digest });
  });

  test("deletes such tags, if that is allowed too, and no image that has another", async () => {
    const where = await repository();
    const { repositoryName } = where;
    const image = await push(where.at, "dev-1");
    await tagAgain(where.at, image, "prod-1");
    await tagAgain(where.at, image, "dev-2");
    const who = await newUser(
      policyOf(
        { Effect: "Allow", Action: "ecr:BatchDeleteImage", Resource: "*" },
        {
          Effect: "Deny",
          Action: "ecr:BatchDeleteImage",
          Resource: "*",
          Condition: { "ForAnyValue:StringNotLike": { "ecr:ImageTag": "dev-*" } },
        },
      ),
    );
    const remove = (id: { imageTag?: string; imageDigest?: string }) =>
      verdictOf(ecrOf(registry.server, who).batchDeleteImage({ repositoryName, imageIds: [id] }));
    const refusal = denied(who.arn, {
      action: "ecr:BatchDeleteImage",
      on: where.on,
      because: "denied: identity",
    });
    expect(await remove({ imageTag: "prod-1" })).toBe(refusal);
    expect(await remove({ imageDigest: image.digest })).toBe(refusal);
    expect((await asDocker(`DELETE ${where.at}/manifests/${image.digest}`, who)).status).toBe(403);
    expect((await asDocker(`DELETE ${where.at}/manifests/prod-1`, who)).status).toBe(403);
    const { imageDetails = [] } = await admin().describeImages({ repositoryName });
    expect(imageDetails[0]?.imageTags?.sort()).toEqual(["dev-1", "dev-2", "prod-1"]);
  });
});

describe("ecr:ImageDigest", () => {
  const withDigest = (digest: string) => ({ Condition: { StringEquals: { "ecr:ImageDigest": digest } } });

  test("allows one image by its digest", async () => {
    const where = await repository();
    const [one, other] = [await push(where.at, "v1"), await push(where.at, "v2")];
    const who = await newUser(allowing(pulling, withDigest(one.digest)));
    const references = { one: one.digest, other: other.digest, "other by tag": "v2" };
    expect(await pullable(who, where, references)).toEqual(["one"]);
  });

  test("denies one image, by whatever tag it is asked for", async () => {
    const where = await repository();
    const [bad, good] = [await push(where.at, "v1"), await push(where.at, "v2")];
    const who = await newUser(
      allowing([...pulling, "ecr:PutImage"]),
      policyOf({ Effect: "Deny", Action: "ecr:*", Resource: "*", ...withDigest(bad.digest) }),
    );
    const get = async (reference: string) =>
      (await asDocker(`GET ${where.at}/manifests/${reference}`, who)).status;
    expect([await get("v2"), await get(good.digest)]).toEqual([200, 200]);
    expect(await get(bad.digest)).toBe(403);
    expect(await get("v1")).toBe(403);
    const { repositoryName } = where;
    const byTag = ecrOf(registry.server, who).batchGetImage({
      repositoryName,
      imageIds: [{ imageTag: "v1" }],
    });
    expect(await verdictOf(byTag)).toContain("with an explicit deny in an identity-based policy");
    // A push is of the image that comes, not of the one that the tag means so far: so the tag can be repaired.
    const repair = { body: good.manifest, headers: imageType };
    expect(await verdictOf(asDocker(`PUT ${where.at}/manifests/v1`, who, repair))).toBe("allowed");
    expect(await get("v1")).toBe(200);
  });
});
