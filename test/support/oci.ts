/**
 * A small client of the OCI Distribution API for tests. It says what it sends and shows what came back; it retries,
 * follows and normalises nothing. Every answer that passes through it is also held to what the specification asks of
 * all of them: the form and the code of an error, and the form of a warning.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { createHash } from "node:crypto";
import { connect as connectSocket, type Socket } from "node:net";
import { CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import { basic, type StartOptions, start, type TestServer } from "./server.ts";

/** Long enough for the start of a server on a busy machine; every single case ends far sooner. */
const caseTimeoutMs = 30_000;

export const mediaTypes = {
  image: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  artifact: "application/vnd.oci.artifact.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  empty: "application/vnd.oci.empty.v1+json",
  dockerImage: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerForeignLayer: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  dockerSchema1: "application/vnd.docker.distribution.manifest.v1+json",
  dockerSchema1Signed: "application/vnd.docker.distribution.manifest.v1+prettyjws",
} as const;

/**
 * The codes of OCI distribution 1.1, "Error Codes", and `TAG_INVALID`, which it keeps for the sake of older clients
 * ("Legacy Docker support error codes").
 */
const errorCodes = new Set([
  "BLOB_UNKNOWN",
  "BLOB_UPLOAD_INVALID",
  "BLOB_UPLOAD_UNKNOWN",
  "DIGEST_INVALID",
  "MANIFEST_BLOB_UNKNOWN",
  "MANIFEST_INVALID",
  "MANIFEST_UNKNOWN",
  "NAME_INVALID",
  "NAME_UNKNOWN",
  "SIZE_INVALID",
  "UNAUTHORIZED",
  "DENIED",
  "UNSUPPORTED",
  "TOOMANYREQUESTS",
  "TAG_INVALID",
]);

export type Bytes = Uint8Array<ArrayBuffer>;
export type Algorithm = "sha256" | "sha512";

export type Descriptor = {
  mediaType: string;
  digest: string;
  size: number;
  artifactType?: string;
  annotations?: Record<string, string>;
  urls?: readonly string[];
};

export type Answer = {
  status: number;
  headers: Headers;
  body: Bytes;
  text(): string;
  /** The body as the JSON that the caller expects; the caller asserts on what it reads. */
  json<T>(): T;
};

export type RequestOptions = {
  headers?: Readonly<Record<string, string>>;
  /** A stream is sent with chunked transfer coding, everything else with its length. */
  body?: Bytes | ReadableStream<Uint8Array>;
  /** The Authorization value; `null` sends none. Without it, the root of the default account. */
  authorization?: string | null;
};

export type Image = {
  digest: string;
  manifest: Bytes;
  descriptor: Descriptor;
  config: Descriptor;
  layers: readonly Descriptor[];
};

export type ManifestParts = {
  config?: Descriptor;
  layers?: readonly Descriptor[];
  subject?: Descriptor;
  artifactType?: string;
  annotations?: Record<string, string>;
};

/** What a test does to one registry. */
export type Registry = {
  readonly server: TestServer;
  /** `path` is a path, with its query, or what a `Location` or `Link` said. */
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** Creates a repository by the AWS door, under a name of its own unless one is given. Returns its name. */
  createRepository(name?: string): Promise<string>;
  /** Uploads in one request. Without content it makes some that nobody else has. */
  pushBlob(repository: string, content?: Bytes, options?: BlobOptions): Promise<Descriptor>;
  /** Starts an upload and returns its location. */
  beginUpload(repository: string): Promise<string>;
  /** A new repository with a config and a layer, ready for a manifest. */
  prepareImage(): Promise<{ repository: string; config: Descriptor; layer: Descriptor }>;
  putManifest(repository: string, reference: string, manifest: Bytes, mediaType?: string): Promise<Answer>;
  /** Pushes a config, a layer and an image manifest under `reference`; by its digest when there is none. */
  pushImage(repository: string, reference?: string, parts?: ManifestParts): Promise<Image>;
  /** Whether the repository answers 200 to a HEAD of the blob or manifest. */
  has(repository: string, kind: "blobs" | "manifests", reference: string): Promise<boolean>;
};

export type BlobOptions = { algorithm?: Algorithm; mediaType?: string };

export function digestOf(content: Uint8Array, algorithm: Algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(content).digest("hex")}`;
}

export function bytes(text: string): Bytes {
  return new Uint8Array(new TextEncoder().encode(text));
}

export function json(value: unknown): Bytes {
  return bytes(JSON.stringify(value));
}

/** `size` bytes that repeat with no period that a chunk or buffer size could share, different for each `seed`. */
export function pattern(size: number, seed: number): Bytes {
  const result = new Uint8Array(size);
  let state = seed + 1;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    result[at] = state >>> 16;
  }
  return result;
}

/** The content in pieces, with a length that only its end tells, so that it travels in chunked transfer coding. */
export function streamOf(content: Uint8Array, pieceSize = 60_000): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      // A turn of the event loop between two pieces keeps them from being joined to one body of known length.
      await Bun.sleep(0);
      if (at < content.length) controller.enqueue(content.slice(at, at + pieceSize));
      at += pieceSize;
      if (at >= content.length) controller.close();
    },
  });
}

let sequence = 0;

/** A name that no other test uses; a legal repository name and a legal tag when `prefix` is. */
export function unique(prefix: string): string {
  sequence += 1;
  return `${prefix}-${sequence}`;
}

/** Content that no other test uploads. */
export function uniqueBytes(): Bytes {
  return bytes(`the content called ${unique("content")}\n`);
}

/** The digest of content that nobody has. */
export function unknownDigest(algorithm: Algorithm = "sha256"): string {
  return digestOf(uniqueBytes(), algorithm);
}

export function descriptorOf(content: Bytes, mediaType: string, algorithm: Algorithm = "sha256"): Descriptor {
  return { mediaType, digest: digestOf(content, algorithm), size: content.length };
}

/** An OCI image manifest. `config` and `layers` are what the caller pushed before. */
export function imageManifest(config: Descriptor, layers: readonly Descriptor[], more: object = {}): Bytes {
  return json({ schemaVersion: 2, mediaType: mediaTypes.image, config, layers, ...more });
}

export function imageIndex(manifests: readonly Descriptor[], more: object = {}): Bytes {
  return json({ schemaVersion: 2, mediaType: mediaTypes.index, manifests, ...more });
}

/** Adds a query to a location, which may have one already. */
export function withQuery(location: string, query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString();
  return `${location}${location.includes("?") ? "&" : "?"}${text}`;
}

/** A header that must be there. */
export function header(answer: Answer, name: string): string {
  const value = answer.headers.get(name);
  if (value === null) throw new Error(`The ${answer.status} answer has no ${name} header`);
  return value;
}

/** The target of `Link: <…>; rel="next"`; null when there is no Link. Any other form fails the test. */
export function nextPage(answer: Answer): string | null {
  const link = answer.headers.get("link");
  if (link === null) return null;
  const match = /^<([^<>]+)>;\s*rel="next"$/.exec(link);
  expect(link).toBe(match === null ? "a Link of RFC 5988 with rel next" : link);
  return match?.[1] ?? null;
}

/** The bytes that a session has, from its `Range`. A session of no bytes and one of one byte both say `0-0`. */
export function endOfRange(answer: Answer): number {
  const match = /^0-(\d+)$/.exec(header(answer, "range"));
  expect(match).not.toBeNull();
  return Number(match?.[1]);
}

/** Asserts on an error answer: its status, its type, its form, and that the first code is (one of) `code`. */
export function expectError(
  answer: Answer,
  status: number | readonly number[],
  code: string | readonly string[],
): void {
  expect(answer.status, answer.text()).toBeOneOf([status].flat());
  expect(errorCode(answer), answer.text()).toBeOneOf([code].flat());
}

export function errorCode(answer: Answer): string {
  return errorOf(answer).code;
}

export function errorMessage(answer: Answer): string {
  return errorOf(answer).message;
}

function errorOf(answer: Answer): { code: string; message: string } {
  if (!(answer.headers.get("content-type") ?? "").startsWith("application/json")) {
    throw new Error(`Expected an error in JSON, got ${answer.status}: ${answer.text().slice(0, 300)}`);
  }
  const error = answer.json<{ errors: { code: string; message: string }[] }>().errors[0];
  if (error === undefined) throw new Error(`The error has no members: ${answer.text()}`);
  return error;
}

/** A server for all tests of the file that calls this, and a client of it. */
export function registryForFile(options: StartOptions = {}): Registry {
  let server: TestServer | undefined;
  setDefaultTimeout(caseTimeoutMs);
  beforeAll(async () => {
    server = await start(options);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  return connect(() => {
    if (server === undefined) throw new Error("The server is not started before the first test");
    return server;
  });
}

/** A client of a server that is already there, or of whichever `server` gives at the time of the request. */
export function connect(server: TestServer | (() => TestServer)): Registry {
  const current = typeof server === "function" ? server : () => server;

  const registry: Registry = {
    get server() {
      return current();
    },

    async request(method, path, options = {}) {
      const authorization = options.authorization === undefined ? basic : options.authorization;
      const response = await fetch(new URL(path, current().url), {
        method,
        headers: { ...(authorization === null ? {} : { authorization }), ...options.headers },
        ...(options.body === undefined ? {} : { body: options.body }),
        redirect: "manual",
      });
      const answer = read(response, new Uint8Array(await response.arrayBuffer()));
      expectGeneralRules(answer);
      return answer;
    },

    async createRepository(name = unique("repository")) {
      await ecr(current()).send(new CreateRepositoryCommand({ repositoryName: name }));
      return name;
    },

    async pushBlob(repository, content = uniqueBytes(), options = {}) {
      const descriptor = descriptorOf(content, options.mediaType ?? mediaTypes.layer, options.algorithm);
      const path = withQuery(`/v2/${repository}/blobs/uploads/`, { digest: descriptor.digest });
      const answer = await registry.request("POST", path, { body: content });
      expect(answer.status).toBe(201);
      return descriptor;
    },

    async beginUpload(repository) {
      const answer = await registry.request("POST", `/v2/${repository}/blobs/uploads/`);
      expect(answer.status).toBe(202);
      return header(answer, "location");
    },

    async prepareImage() {
      const repository = await registry.createRepository();
      const config = await registry.pushBlob(repository, undefined, { mediaType: mediaTypes.config });
      return { repository, config, layer: await registry.pushBlob(repository) };
    },

    putManifest(repository, reference, manifest, mediaType = mediaTypes.image) {
      return registry.request("PUT", `/v2/${repository}/manifests/${reference}`, {
        headers: { "content-type": mediaType },
        body: manifest,
      });
    },

    async pushImage(repository, reference, parts = {}) {
      const { config = await registry.pushBlob(repository, undefined, { mediaType: mediaTypes.config }) } =
        parts;
      const { layers = [await registry.pushBlob(repository)] } = parts;
      const manifest = imageManifest(config, layers, {
        artifactType: parts.artifactType,
        subject: parts.subject,
        annotations: parts.annotations,
      });
      const descriptor = descriptorOf(manifest, mediaTypes.image);
      const answer = await registry.putManifest(repository, reference ?? descriptor.digest, manifest);
      expect(answer.status).toBe(201);
      return { digest: descriptor.digest, manifest, descriptor, config, layers };
    },

    async has(repository, kind, reference) {
      const answer = await registry.request("HEAD", `/v2/${repository}/${kind}/${reference}`);
      expect(answer.status).toBeOneOf([200, 404]);
      return answer.status === 200;
    },
  };
  return registry;
}

const clients = new WeakMap<TestServer, ECRClient>();

/** The SDK's client of a server, with the root credentials. */
export function ecr(server: TestServer): ECRClient {
  const existing = clients.get(server);
  if (existing !== undefined) return existing;
  const client = new ECRClient({
    endpoint: server.url,
    region: server.region,
    credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey },
  });
  clients.set(server, client);
  return client;
}

function read(response: { status: number; headers: Headers }, body: Bytes): Answer {
  const text = () => new TextDecoder().decode(body);
  return {
    status: response.status,
    headers: response.headers,
    body,
    text,
    json: <T>() => JSON.parse(text()) as T,
  };
}

/** What OCI distribution 1.1 says of every answer: "Error Codes" and "Warnings". */
function expectGeneralRules(answer: Answer): void {
  const warnings = answer.headers.get("warning");
  if (warnings !== null) {
    expect(warnings).toMatch(/^299 - "(?:[^"\\]|\\.)*"(?:, 299 - "(?:[^"\\]|\\.)*")*$/);
    expect(warnings.length).toBeLessThanOrEqual(4096);
  }
  const isJson = (answer.headers.get("content-type") ?? "").startsWith("application/json");
  if (answer.status < 400 || answer.status > 499 || !isJson || answer.body.length === 0) return;
  const { errors } = answer.json<{ errors: { code: string; message?: unknown }[] }>();
  expect(errors).not.toBeEmpty();
  for (const error of errors) {
    expect(error.code).toBeOneOf([...errorCodes]);
    expect(error.message ?? "").toBeString();
  }
}

/** An answer as it came over the wire, for what a real client would hide. */
export type RawAnswer = {
  status: number;
  /** The header lines as they were sent, without the status line. */
  lines: readonly string[];
  /** A header's value; undefined when it is not there. `name` in lower case. */
  header(name: string): string | undefined;
  body: string;
};

const rawDeadlineMs = 10_000;

/**
 * Sends one request line and headers, byte for byte, over a connection of its own, and reads until the server closes
 * it. `target` is latin-1: a character stands for one byte.
 */
export async function exchange(
  server: TestServer,
  request: { method: string; target: string; headers?: Readonly<Record<string, string>>; body?: Uint8Array },
): Promise<RawAnswer> {
  const socket = await openSocket(server);
  const received = collect(socket);
  socket.write(requestHead(server, { ...request, headers: { connection: "close", ...request.headers } }));
  if (request.body !== undefined) socket.write(request.body);
  return parseRaw(await received);
}

export async function openSocket(server: TestServer): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  const socket = connectSocket({ host: hostname, port: Number(port), noDelay: true });
  // A reset by the server is one way to close; the readers see what came before it.
  socket.on("error", () => socket.destroy());
  await new Promise<void>((done, fail) => {
    socket.once("connect", () => done());
    socket.once("close", () => fail(new Error("The server refused the connection")));
  });
  return socket;
}

/** The bytes of a request up to its body, with the root's credentials and the server's host unless told otherwise. */
export function requestHead(
  server: TestServer,
  request: { method: string; target: string; headers?: Readonly<Record<string, string>>; body?: Uint8Array },
): Buffer {
  const headers = {
    host: server.host,
    authorization: basic,
    ...(request.body === undefined ? {} : { "content-length": String(request.body.length) }),
    ...request.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${request.method} ${request.target} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1");
}

/** Everything that comes until the connection closes. */
export function collect(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  return new Promise((done, fail) => {
    const timer = setTimeout(() => {
      socket.destroy();
      fail(new Error(`The server did not close the connection in time. It sent: ${Buffer.concat(parts)}`));
    }, rawDeadlineMs);
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.once("close", () => {
      clearTimeout(timer);
      done(Buffer.concat(parts));
    });
  });
}

/** The last answer in `received`; interim answers (`100 Continue`) before it are passed over. */
export function parseRaw(received: Buffer): RawAnswer {
  const text = received
    .toString("latin1")
    .replace(/^(?:HTTP\/1\.1 1\d\d[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)+/, "");
  const split = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = (split < 0 ? text : text.slice(0, split)).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`Expected an HTTP answer, got '${text.slice(0, 200)}'`);
  const named = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status, lines, header: (name) => named.get(name), body: split < 0 ? "" : text.slice(split + 4) };
}

/** Asks until `ask` gives something else than undefined. For what the server learns a moment later, such as a broken connection. */
export async function eventually<T>(ask: () => Promise<T | undefined>, deadlineMs = 10_000): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const result = await ask();
    if (result !== undefined) return result;
    if (Date.now() > deadline) throw new Error(`It did not happen within ${deadlineMs} ms`);
    await Bun.sleep(25);
  }
}
