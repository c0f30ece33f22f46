/**
 * What a manifest says about what it needs. Pure: bytes in, facts out. Known are Docker's schema 2 and list, OCI's image,
 * index and artifact manifests; any other JSON object with a media type is accepted and what looks like a descriptor in
 * the places that these kinds use is tracked. The bytes themselves are never changed.
 */
import { isDigest } from "../lib/digest.ts";
import { fault } from "../lib/faults.ts";
import { parseJson } from "../lib/json.ts";
import { limits } from "../lib/limits.ts";
import { echo } from "../lib/text.ts";

export type Reference = {
  digest: string;
  kind: "blob" | "manifest";
  /** A layer that its publisher serves elsewhere need not be here. */
  required: boolean;
};

export type Manifest = {
  mediaType: string;
  /** `artifactType`, or the media type of the config (OCI image specification 1.1). */
  artifactType: string | undefined;
  subjectDigest: string | undefined;
  annotations: Readonly<Record<string, string>>;
  references: readonly Reference[];
  /** What the manifest calls its config and layers, each digest once. */
  blobTypes: readonly { digest: string; mediaType: string }[];
  /** Sizes that config and layers state, added up; 0 for lists, whose size is that of their largest child. */
  contentBytes: number;
};

type JsonObject = { readonly [member: string]: unknown };
type Descriptor = { digest: string; mediaType: string; sizeBytes: number };

export const ociIndexType = "application/vnd.oci.image.index.v1+json";
const ociManifestType = "application/vnd.oci.image.manifest.v1+json";

const knownTypes: ReadonlySet<string> = new Set([
  ociIndexType,
  ociManifestType,
  "application/vnd.oci.artifact.manifest.v1+json",
  "application/vnd.cncf.oras.artifact.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);
const mediaTypeForm = /^[a-zA-Z0-9][\w.+!#$&^-]{0,126}\/[a-zA-Z0-9][\w.+!#$&^-]{0,126}$/;
const elsewhere = /\.foreign\.|nondistributable/;

/**
 * Reads `bytes`. `contentType` is what the sender called them, if anything; it must agree with the manifest's own
 * `mediaType`. Throws ManifestInvalid with the place and what would be right, and ManifestTooLarge.
 */
export function parseManifest(bytes: Uint8Array, contentType: string | undefined): Manifest {
  if (bytes.length > limits.manifestBytes)
    throw fault("ManifestTooLarge", { limitBytes: limits.manifestBytes });
  const content = parseObject(bytes);
  const mediaType = mediaTypeOf(content, contentType);
  const strict = knownTypes.has(mediaType);

  const config = content.config === undefined ? undefined : descriptor(content.config, "config", strict);
  const layers = [...descriptors(content, "layers", strict), ...descriptors(content, "blobs", strict)];
  const children = descriptors(content, "manifests", strict);
  const subject = content.subject === undefined ? undefined : descriptor(content.subject, "subject", strict);
  if (strict) checkShape(content, mediaType);

  const blobs = [...(config ? [config] : []), ...layers];
  const references = unique([
    ...blobs.map(blobReference),
    ...children.map(({ digest }): Reference => ({ digest, kind: "manifest", required: true })),
  ]);
  if (references.length > limits.referencesPerManifest) {
    throw invalid(
      `refers to ${references.length} blobs and manifests; the limit is ${limits.referencesPerManifest}`,
    );
  }
  return {
    mediaType,
    artifactType:
      typeof content.artifactType === "string" && content.artifactType !== ""
        ? content.artifactType
        : config?.mediaType,
    subjectDigest: subject?.digest,
    annotations: annotationsOf(content),
    references,
    blobTypes: [...new Map(blobs.map((blob) => [blob.digest, blob])).values()].filter(
      ({ mediaType: type }) => type !== "",
    ),
    contentBytes: blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

function invalid(reason: string) {
  return fault("ManifestInvalid", { reason });
}

function parseObject(bytes: Uint8Array): JsonObject {
  let content: unknown;
  try {
    content = parseJson(bytes, limits.manifestValues);
  } catch {
    throw invalid("Invalid JSON syntax");
  }
  if (!isObject(content)) throw invalid("must be a JSON object");
  return content;
}

function mediaTypeOf(content: JsonObject, contentType: string | undefined): string {
  if (content.schemaVersion === 1)
    throw invalid("Docker schema 1 is not supported; push with a client of 2017 or later");
  const stated = content.mediaType;
  if (stated !== undefined && typeof stated !== "string") throw invalid("'mediaType' must be text");
  // Parameters such as `; charset=utf-8` say nothing about the kind of manifest.
  const sent = contentType?.split(";", 1)[0]?.trim() || undefined;
  if (stated !== undefined && sent !== undefined && stated !== sent) {
    throw invalid(
      `the request calls the manifest '${echo(sent)}' and the manifest calls itself '${echo(stated)}'; both must be the same`,
    );
  }
  const mediaType = stated ?? sent ?? (content.manifests !== undefined ? ociIndexType : ociManifestType);
  if (!mediaTypeForm.test(mediaType)) throw invalid(`'${echo(mediaType)}' is not a media type`);
  return mediaType;
}

/** What makes a known kind that kind. */
function checkShape(content: JsonObject, mediaType: string): void {
  if (content.schemaVersion !== undefined && content.schemaVersion !== 2)
    throw invalid("'schemaVersion' must be 2");
  const isList = mediaType === ociIndexType || mediaType.includes(".list.");
  if (isList && !Array.isArray(content.manifests)) throw invalid("'manifests' must be a list");
  if (!isList && !mediaType.includes("artifact")) {
    if (content.config === undefined) throw invalid("'config' is missing");
    if (!Array.isArray(content.layers)) throw invalid("'layers' must be a list");
  }
}

function descriptors(content: JsonObject, member: string, strict: boolean): Descriptor[] {
  const list = content[member];
  if (list === undefined || (list === null && strict)) return [];
  if (!Array.isArray(list)) {
    if (strict) throw invalid(`'${member}' must be a list`);
    return [];
  }
  return list.flatMap((item, index) => descriptor(item, `${member}[${index}]`, strict) ?? []);
}

function descriptor(value: unknown, at: string, strict: boolean): Descriptor | undefined {
  const problem = (reason: string) => {
    if (strict) throw invalid(`'${at}' ${reason}`);
    return undefined;
  };
  if (!isObject(value)) return problem("must be a descriptor: an object with mediaType, digest and size");
  const { digest, mediaType, size } = value;
  if (typeof digest !== "string" || !isDigest(digest))
    return problem(`has the digest ${shown(digest)}, which is none of sha256 or sha512`);
  if (!Number.isSafeInteger(size) || (size as number) < 0)
    return problem(`has the size ${shown(size)}, which is no number of bytes`);
  return {
    digest,
    mediaType: typeof mediaType === "string" ? mediaType : "",
    sizeBytes: size as number,
  };
}

function blobReference({ digest, mediaType }: Descriptor): Reference {
  return { digest, kind: "blob", required: !elsewhere.test(mediaType) };
}

/** A manifest may name one blob many times; it needs it once. */
function unique(references: readonly Reference[]): Reference[] {
  const byKey = new Map<string, Reference>();
  for (const reference of references) {
    const key = `${reference.kind} ${reference.digest}`;
    const known = byKey.get(key);
    if (!known || reference.required) byKey.set(key, reference);
  }
  return [...byKey.values()];
}

/** Annotations are text; anything else in their place is none. */
function annotationsOf(content: JsonObject): Readonly<Record<string, string>> {
  if (!isObject(content.annotations)) return {};
  const texts = Object.entries(content.annotations).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(texts);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value of the manifest as it may stand in a message. */
function shown(value: unknown): string {
  return typeof value === "string" || typeof value === "number"
    ? echo(JSON.stringify(value))
    : `that is ${value === null ? "null" : typeof value}`;
}
