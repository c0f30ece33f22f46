/** Layers by JSON: InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload and BatchCheckLayerAvailability. */
import { describe, expect, test } from "bun:test";
import {
  EmptyUploadException,
  InvalidLayerException,
  InvalidLayerPartException,
  InvalidParameterException,
  LayerAlreadyExistsException,
  LayerPartTooSmallException,
  UploadNotFoundException,
} from "@aws-sdk/client-ecr";
import { client, expectError, inRegistry, uuid } from "../support/aws.ts";
import {
  digestOf,
  mediaTypes,
  pattern,
  registryForFile,
  uniqueBytes,
  unknownDigest,
} from "../support/oci.ts";

const registry = registryForFile();
const ecr = () => client(registry.server);

const MiB = 1024 * 1024;
const minimumBytes = 5 * MiB;

async function begin() {
  const repositoryName = await registry.createRepository();
  const { uploadId = "" } = await ecr().initiateLayerUpload({ repositoryName });
  return { repositoryName, uploadId };
}

type Upload = Awaited<ReturnType<typeof begin>>;

/** Sends `content` as the part that begins at this byte. */
function send(upload: Upload, firstByte: number, content: Uint8Array) {
  return ecr().uploadLayerPart({
    ...upload,
    partFirstByte: firstByte,
    partLastByte: firstByte + content.length - 1,
    layerPartBlob: content,
  });
}

function complete(upload: Upload, ...layerDigests: string[]) {
  return ecr().completeLayerUpload({ ...upload, layerDigests });
}

async function availability(repositoryName: string, layerDigest: string) {
  const { layers } = await ecr().batchCheckLayerAvailability({ repositoryName, layerDigests: [layerDigest] });
  return layers?.[0]?.layerAvailability;
}

/** The bytes as the registry door gives them; undefined when it does not. */
async function stored(repositoryName: string, digest: string): Promise<Uint8Array | undefined> {
  const answer = await registry.request("GET", `/v2/${repositoryName}/blobs/${digest}`);
  return answer.status === 200 ? answer.body : undefined;
}

const noUpload = ({ repositoryName, uploadId }: Upload) =>
  `The upload with id '${uploadId}' does not exist in the ${inRegistry(repositoryName)}`;
const wrongStart = (given: number, expected: number) =>
  `First byte of the layer part is ${given} instead of ${expected}`;

describe("a layer", () => {
  test("is begun, sent, completed and there", async () => {
    const repositoryName = await registry.createRepository();
    const { $metadata: _, uploadId = "", ...begun } = await ecr().initiateLayerUpload({ repositoryName });
    expect(uploadId).toMatch(uuid);
    expect(begun).toEqual({ partSize: 10 * MiB });

    const content = uniqueBytes();
    const layerDigest = digestOf(content);
    const upload = { repositoryName, uploadId };
    const { $metadata: __, ...sent } = await send(upload, 0, content);
    expect(sent).toEqual({ registryId: "000000000000", ...upload, lastByteReceived: content.length - 1 });
    expect(await availability(repositoryName, layerDigest)).toBe("UNAVAILABLE");

    const { $metadata: ___, ...completed } = await complete(upload, layerDigest);
    expect(completed).toEqual({ registryId: "000000000000", ...upload, layerDigest });
    expect(await availability(repositoryName, layerDigest)).toBe("AVAILABLE");
    expect(await stored(repositoryName, layerDigest)).toEqual(content);
  });

  test("of more than 10 MiB comes in parts", async () => {
    const upload = await begin();
    const content = pattern(23 * MiB + 17, 1);
    const layerDigest = digestOf(content);
    for (let first = 0; first < content.length; first += 10 * MiB) {
      const part = content.subarray(first, first + 10 * MiB);
      const { lastByteReceived } = await send(upload, first, part);
      expect(lastByteReceived).toBe(first + part.length - 1);
    }
    await complete(upload, layerDigest);
    const { layers } = await ecr().batchCheckLayerAvailability({
      repositoryName: upload.repositoryName,
      layerDigests: [layerDigest],
    });
    expect(layers).toEqual([{ layerDigest, layerAvailability: "AVAILABLE", layerSize: content.length }]);
    const kept = await stored(upload.repositoryName, layerDigest);
    expect(kept && digestOf(kept)).toBe(layerDigest);
  });

  test("has parts of 5 MiB to 20 MiB, and a shorter one at its end", async () => {
    const upload = await begin();
    const content = pattern(25 * MiB + 1, 2);
    await send(upload, 0, content.subarray(0, minimumBytes));
    await send(upload, minimumBytes, content.subarray(minimumBytes, 25 * MiB));
    await send(upload, 25 * MiB, content.subarray(25 * MiB));
    expect((await complete(upload, digestOf(content))).layerDigest).toBe(digestOf(content));
  });

  test("may be of one byte", async () => {
    const upload = await begin();
    const content = new Uint8Array([0]);
    expect((await send(upload, 0, content)).lastByteReceived).toBe(0);
    await complete(upload, digestOf(content));
    expect(await stored(upload.repositoryName, digestOf(content))).toEqual(content);
  });

  test("may be named by any of the digests that are given, and by sha512", async () => {
    const first = await begin();
    const content = uniqueBytes();
    await send(first, 0, content);
    const { layerDigest } = await complete(first, unknownDigest(), digestOf(content), unknownDigest());
    expect(layerDigest).toBe(digestOf(content));

    const second = await begin();
    await send(second, 0, content);
    const strong = await complete(second, digestOf(content, "sha512"));
    expect(strong.layerDigest).toBe(digestOf(content, "sha512"));
    expect(await stored(second.repositoryName, digestOf(content, "sha512"))).toEqual(content);
  });
});

describe("a part", () => {
  const part = (bytes: number) => pattern(bytes, 3);

  test("that leaves a gap, overlaps or comes twice is refused with the last byte that is there", async () => {
    const upload = await begin();
    const end = minimumBytes;
    await send(upload, 0, part(end));
    for (const first of [0, 1, end - 1, end + 1, 10 * end]) {
      const error = await expectError(
        send(upload, first, part(end)),
        InvalidLayerPartException,
        wrongStart(first, end),
      );
      expect({
        registryId: error.registryId,
        repositoryName: error.repositoryName,
        uploadId: error.uploadId,
        lastValidByteReceived: error.lastValidByteReceived,
      }).toEqual({ registryId: "000000000000", ...upload, lastValidByteReceived: end - 1 });
    }
    const content = new Uint8Array([...part(end), 1, 2, 3]);
    expect((await send(upload, end, content.subarray(end))).lastByteReceived).toBe(end + 2);
    await complete(upload, digestOf(content));
  });

  test("must begin at the first byte", async () => {
    const upload = await begin();
    const error = await expectError(
      send(upload, 7, uniqueBytes()),
      InvalidLayerPartException,
      wrongStart(7, 0),
    );
    expect(error.lastValidByteReceived).toBe(0);
  });

  test("that is too small can only be the last, and the layer can be completed with it", async () => {
    const upload = await begin();
    const small = part(minimumBytes - 1);
    await send(upload, 0, small);
    const { layerDigest } = await complete(upload, digestOf(small));
    expect(layerDigest).toBe(digestOf(small));
  });

  test("that is too small and not the last makes the layer impossible to complete", async () => {
    const upload = await begin();
    const [small, large] = [part(minimumBytes - 1), part(minimumBytes)];
    await send(upload, 0, small);
    await send(upload, small.length, large);
    await expectError(
      complete(upload, digestOf(Buffer.concat([small, large]))),
      LayerPartTooSmallException,
      "All layer parts except the last part should be at least 5MB",
    );
  });

  test("has as many bytes as it says, or nothing of it is kept", async () => {
    const upload = await begin();
    const content = uniqueBytes();
    const sent = (partLastByte: number, layerPartBlob: Uint8Array) =>
      ecr().uploadLayerPart({ ...upload, partFirstByte: 0, partLastByte, layerPartBlob });
    const sentence = (stated: number, received: number) =>
      `The request said that its body has ${stated} bytes, and ${received} bytes came`;
    const { length } = content;
    for (const stated of [length - 1, length + 1]) {
      await expectError(sent(stated - 1, content), InvalidParameterException, sentence(stated, length));
    }
    await expectError(sent(0, new Uint8Array()), InvalidParameterException, sentence(1, 0));
    await send(upload, 0, content);
    await complete(upload, digestOf(content));
  });

  test("has at most 20 MiB", async () => {
    const upload = await begin();
    await expectError(
      send(upload, 0, part(20 * MiB + 1)),
      InvalidParameterException,
      "1 validation error detected: Value '20971521 bytes' at 'layerPartBlob' failed to satisfy constraint: Member must have length less than or equal to 20971520",
    );
    expect((await send(upload, 0, part(20 * MiB))).lastByteReceived).toBe(20 * MiB - 1);
  });

  test("that two senders bring at once is kept once", async () => {
    const upload = await begin();
    const contents = [pattern(minimumBytes, 4), pattern(minimumBytes, 5)];
    const outcomes = await Promise.allSettled(contents.map((content) => send(upload, 0, content)));
    const refusals = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refusals).toHaveLength(1);
    expect(refusals[0]?.reason.name).toBeOneOf(["InvalidLayerPartException", "LimitExceededException"]);
    const won = outcomes.findIndex(({ status }) => status === "fulfilled");
    const digest = digestOf(contents[won] ?? new Uint8Array());
    expect((await complete(upload, digest)).layerDigest).toBe(digest);
  });
});

describe("completing", () => {
  test("an upload without parts is refused, and the upload goes on", async () => {
    const upload = await begin();
    const content = uniqueBytes();
    await expectError(
      complete(upload, digestOf(content)),
      EmptyUploadException,
      `The upload with id '${upload.uploadId}' in the repository with name '${upload.repositoryName}' in registry with id '000000000000' cannot be completed because it does not have any parts.`,
    );
    await send(upload, 0, content);
    await complete(upload, digestOf(content));
  });

  test("with the digest of something else is refused, and can be repeated with the right one", async () => {
    const upload = await begin();
    const content = uniqueBytes();
    await send(upload, 0, content);
    const wrong = [unknownDigest(), unknownDigest()];
    await expectError(
      complete(upload, ...wrong),
      InvalidLayerException,
      `None of the provided layer digests match the calculated layer digest. Provided: [${wrong.join(", ")}], calculated: ${digestOf(content)}`,
    );
    expect(await availability(upload.repositoryName, digestOf(content))).toBe("UNAVAILABLE");
    for (const digest of wrong) expect(await availability(upload.repositoryName, digest)).toBe("UNAVAILABLE");
    await complete(upload, digestOf(content));
    expect(await availability(upload.repositoryName, digestOf(content))).toBe("AVAILABLE");
  });

  test("a layer that the repository has is refused, and ends the upload", async () => {
    const upload = await begin();
    const { repositoryName } = upload;
    const content = uniqueBytes();
    const { digest } = await registry.pushBlob(repositoryName, content);
    await send(upload, 0, content);
    await expectError(
      complete(upload, digest),
      LayerAlreadyExistsException,
      `The layer with digest '${digest}' already exists in the repository with name '${repositoryName}' in registry with id '000000000000'`,
    );
    await expectError(complete(upload, digest), UploadNotFoundException, noUpload(upload));
    expect(await stored(repositoryName, digest)).toEqual(content);
  });

  test("a layer that another repository has is no matter", async () => {
    const content = uniqueBytes();
    await registry.pushBlob(await registry.createRepository(), content);
    const upload = await begin();
    expect(await availability(upload.repositoryName, digestOf(content))).toBe("UNAVAILABLE");
    await send(upload, 0, content);
    await complete(upload, digestOf(content));
    expect(await stored(upload.repositoryName, digestOf(content))).toEqual(content);
  });

  test("ends the upload", async () => {
    const upload = await begin();
    const content = uniqueBytes();
    await send(upload, 0, content);
    await complete(upload, digestOf(content));
    await expectError(complete(upload, digestOf(content)), UploadNotFoundException, noUpload(upload));
    await expectError(send(upload, content.length, content), UploadNotFoundException, noUpload(upload));
  });

  test("by two at once succeeds once", async () => {
    const upload = await begin();
    const content = pattern(minimumBytes, 6);
    await send(upload, 0, content);
    const outcomes = await Promise.allSettled([1, 2].map(() => complete(upload, digestOf(content))));
    const refusals = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refusals).toHaveLength(1);
    expect(refusals[0]?.reason.name).toBeOneOf(["UploadNotFoundException", "LimitExceededException"]);
    expect(await availability(upload.repositoryName, digestOf(content))).toBe("AVAILABLE");
  });
});

describe("an upload", () => {
  test("that nobody began does not exist", async () => {
    const upload = {
      repositoryName: await registry.createRepository(),
      uploadId: "11111111-2222-3333-4444-555555555555",
    };
    await expectError(send(upload, 0, uniqueBytes()), UploadNotFoundException, noUpload(upload));
    await expectError(complete(upload, unknownDigest()), UploadNotFoundException, noUpload(upload));
  });

  test("of another repository does not exist in this one", async () => {
    const theirs = await begin();
    const mine = { ...theirs, repositoryName: await registry.createRepository() };
    await expectError(send(mine, 0, uniqueBytes()), UploadNotFoundException, noUpload(mine));
    await expectError(complete(mine, unknownDigest()), UploadNotFoundException, noUpload(mine));
    const content = uniqueBytes();
    await send(theirs, 0, content);
    await complete(theirs, digestOf(content));
  });

  test("is not disturbed by another of the same content", async () => {
    const one = await begin();
    const { uploadId = "" } = await ecr().initiateLayerUpload({ repositoryName: one.repositoryName });
    const again = { ...one, uploadId };
    const content = uniqueBytes();
    await send(one, 0, content);
    await send(again, 0, content);
    await complete(one, digestOf(content));
    const error: unknown = await complete(again, digestOf(content)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LayerAlreadyExistsException);
    expect(await stored(one.repositoryName, digestOf(content))).toEqual(content);
  });
});

describe("BatchCheckLayerAvailability", () => {
  test("tells what is there, with its size, and its type once an image has said it", async () => {
    const { repository: repositoryName, config, layer } = await registry.prepareImage();
    const missing = unknownDigest();
    const ask = async () => {
      const layerDigests = [layer.digest, missing, config.digest];
      const { layers, failures } = await ecr().batchCheckLayerAvailability({ repositoryName, layerDigests });
      expect(failures).toEqual([]);
      return layers;
    };
    const there = (digest: string, layerSize: number, mediaType?: string) => ({
      layerDigest: digest,
      layerAvailability: "AVAILABLE" as const,
      layerSize,
      ...(mediaType !== undefined && { mediaType }),
    });
    const unavailable = { layerDigest: missing, layerAvailability: "UNAVAILABLE" as const };
    expect(await ask()).toEqual([
      there(layer.digest, layer.size),
      unavailable,
      there(config.digest, config.size),
    ]);

    await registry.pushImage(repositoryName, "v1", { config, layers: [layer] });
    expect(await ask()).toEqual([
      there(layer.digest, layer.size, mediaTypes.layer),
      unavailable,
      there(config.digest, config.size, mediaTypes.config),
    ]);
  });

  test("has a failure for each digest that is none", async () => {
    const repositoryName = await registry.createRepository();
    const { digest } = await registry.pushBlob(repositoryName);
    const malformed = ["latest", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e", digest.toUpperCase()];
    const { layers, failures } = await ecr().batchCheckLayerAvailability({
      repositoryName,
      layerDigests: ["", ...malformed, digest],
    });
    expect(layers?.map(({ layerDigest }) => layerDigest)).toEqual([digest]);
    expect(failures).toEqual([
      {
        layerDigest: "",
        failureCode: "MissingLayerDigest",
        failureReason: "Invalid request parameters: the layer digest is empty",
      },
      ...malformed.map((layerDigest) => ({
        layerDigest,
        failureCode: "InvalidLayerDigest" as const,
        failureReason: `Invalid layer digest: '${layerDigest}' is neither sha256: and 64 nor sha512: and 128 lower-case hexadecimal digits`,
      })),
    ]);
  });
});
