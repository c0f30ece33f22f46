import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Fault } from "../lib/faults.ts";
import { parseManifest } from "./manifests.ts";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest: digest("a"), size: 10 };
const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: digest("b"), size: 100 };
const ociType = "application/vnd.oci.image.manifest.v1+json";
const image = { schemaVersion: 2, mediaType: ociType, config, layers: [layer] };
const bytes = (value: unknown) =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

describe("an image", () => {
  test("refers to its config and layers, each once, and has their size", () => {
    const manifest = parseManifest(bytes({ ...image, layers: [layer, layer] }), ociType);
    expect(manifest.references.map((reference) => reference.digest)).toEqual([config.digest, layer.digest]);
    expect(manifest.contentBytes).toBe(210);
    expect(manifest.artifactType).toBe(config.mediaType);
  });
  test("does not need the layers that its publisher serves elsewhere", () => {
    const foreign = { ...layer, mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" };
    const { references } = parseManifest(bytes({ ...image, layers: [foreign] }), undefined);
    expect(references.find((reference) => reference.digest === layer.digest)?.required).toBe(false);
  });
  test("takes its type from the request, from itself, or from its form", () => {
    const { mediaType: _, ...untyped } = image;
    expect(
      parseManifest(bytes(untyped), "application/vnd.docker.distribution.manifest.v2+json").mediaType,
    ).toBe("application/vnd.docker.distribution.manifest.v2+json");
    expect(parseManifest(bytes(image), undefined).mediaType).toBe(ociType);
    expect(parseManifest(bytes(untyped), undefined).mediaType).toBe(ociType);
    expect(parseManifest(bytes(image), `${ociType}; charset=utf-8`).mediaType).toBe(ociType);
  });
});

describe("what is refused, and why", () => {
  const rows: readonly [name: string, body: unknown, type: string | undefined, reason: string][] = [
    ["no JSON", "{", ociType, "Invalid JSON syntax"],
    ["a byte order mark", "\ufeff{}", ociType, "Invalid JSON syntax"],
    ["a list", [], ociType, "must be a JSON object"],
    ["deep nesting", "[".repeat(200_000), ociType, "Invalid JSON syntax"],
    [
      "another type than the request says",
      image,
      "application/vnd.oci.image.index.v1+json",
      "both must be the same",
    ],
    ["Docker schema 1", { schemaVersion: 1 }, undefined, "schema 1"],
    ["no config", { ...image, config: undefined }, ociType, "'config' is missing"],
    ["layers that are no list", { ...image, layers: {} }, ociType, "'layers' must be a list"],
    [
      "a digest of another kind",
      { ...image, layers: [{ ...layer, digest: "md5:1" }] },
      ociType,
      "'layers[0]'",
    ],
    ["a negative size", { ...image, layers: [{ ...layer, size: -1 }] }, ociType, "size -1"],
    ["a media type that is none", { mediaType: "hello" }, undefined, "'hello' is not a media type"],
  ];
  for (const [name, body, type, reason] of rows) {
    test(name, () => {
      expect(() => parseManifest(bytes(body), type)).toThrow(reason);
    });
  }
  test("more references than the limit", () => {
    const layers = Array.from({ length: 2_001 }, (_, i) => ({
      ...layer,
      digest: `sha256:${i.toString(16).padStart(64, "0")}`,
    }));
    expect(() => parseManifest(bytes({ ...image, layers }), ociType)).toThrow("2002");
  });
});

test("an unknown kind is taken as it is, and what looks like a descriptor is tracked", () => {
  const manifest = parseManifest(
    bytes({ layers: [layer, "not a descriptor"], manifests: 7 }),
    "application/vnd.example.thing+json",
  );
  expect(manifest.references.map((reference) => reference.digest)).toEqual([layer.digest]);
});

test("garbage is answered with a fault and nothing else", () => {
  fc.assert(
    fc.property(fc.json(), fc.option(fc.string(), { nil: undefined }), (text, type) => {
      try {
        parseManifest(bytes(text), type);
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
    }),
  );
});
