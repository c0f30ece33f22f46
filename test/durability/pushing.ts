/**
 * A client that pushes, tags, mounts and deletes by chance, and keeps a journal of what the server answered. A server
 * that is killed meanwhile interrupts it; afterwards it repeats what was interrupted, which must succeed, and holds the
 * server to every answer of success.
 */
import {
  CompleteLayerUploadCommand,
  InitiateLayerUploadCommand,
  UploadLayerPartCommand,
} from "@aws-sdk/client-ecr";
import { contentOf, ecrOnce, type Random } from "../support/durability.ts";
import {
  type Answer,
  type Bytes,
  connect,
  digestOf,
  header,
  imageManifest,
  mediaTypes,
  type RequestOptions,
  streamOf,
  withQuery,
} from "../support/oci.ts";
import type { TestServer } from "../support/server.ts";

const smallestBlob = 1024;
const largestBlob = 4 * 1024 * 1024;
const sampledOldFacts = 25;

export type PushingClient = {
  /** Works until the server is killed. Rejects when it answers what it must not, or breaks off by itself. */
  work(): Promise<void>;
  /** Does again what was interrupted: uploads go on where they were, then the whole task from its beginning. */
  repeat(): Promise<void>;
  /** Holds the server to what it answered since the last time and to a sample of the rest, or to all of it. */
  verify(scope: "recent" | "all"): Promise<void>;
  counts(): Counts;
};

export type Counts = { answered: number; interrupted: number; resumed: number; verified: number };

export type PushingOptions = {
  /** Names of its repositories and tags begin so. */
  name: string;
  server: () => TestServer;
  /** From then on a broken connection is no failure. */
  isKilled: () => boolean;
  random: Random;
  /** All clients write to this one and delete nothing in it, except their own tags. */
  sharedRepository: string;
  /** Repositories of others, to mount from. */
  foreign: readonly string[];
};

/** The server was killed before it answered. */
class Interrupted extends Error {}

type BlobContent = { seed: number; sizeBytes: number; digest: string };
type PushedManifest = { digest: string; bytes: Bytes; blobs: readonly string[] };
type OpenUpload = {
  location: string;
  repository: string;
  content: BlobContent;
  /** So many bytes were answered for. */
  answeredBytes: number;
  /** It was asked to end, so that it may be gone. */
  ending: boolean;
};

const gone = "gone";
const there = "there";

/** What may be true of each name: one state when it was answered, more while an answer is missing. */
class Facts {
  readonly #states = new Map<string, Set<string>>();
  readonly #recent = new Set<string>();

  attempt(key: string, state: string): void {
    this.of(key).add(state);
    this.#recent.add(key);
  }

  settle(key: string, ...states: string[]): void {
    this.#states.set(key, new Set(states));
    this.#recent.add(key);
  }

  of(key: string): Set<string> {
    const known = this.#states.get(key) ?? new Set([gone]);
    this.#states.set(key, known);
    return known;
  }

  /** The keys whose state is known and is none of being gone. */
  certain(): string[] {
    return [...this.#states]
      .filter(([, states]) => states.size === 1 && !states.has(gone))
      .map(([key]) => key);
  }

  keys(): string[] {
    return [...this.#states.keys()];
  }

  /** What changed since the last time. */
  takeRecent(): string[] {
    const recent = [...this.#recent];
    this.#recent.clear();
    return recent;
  }
}

const keyOf = (repository: string, name: string) => `${repository} ${name}`;
const partsOf = (key: string): [repository: string, name: string] => {
  const [repository = "", name = ""] = key.split(" ");
  return [repository, name];
};

/** Content that several clients send, also at the same time. */
const sharedContent = Array.from({ length: 6 }, (_, index) =>
  blobContent(9_000 + index, 40_000 * (index + 1)),
);

function blobContent(seed: number, sizeBytes: number): BlobContent {
  return { seed, sizeBytes, digest: digestOf(contentOf(seed, sizeBytes)) };
}

export function makePushingClient(options: PushingOptions): PushingClient {
  const { name, server, isKilled, random } = options;
  const registry = connect(server);
  const own = [`${name}/a`, `${name}/b`] as const;
  const repositories = [...own, options.sharedRepository];
  const blobs = new Facts();
  const manifests = new Facts();
  const tags = new Facts();
  const contents = new Map<string, BlobContent>();
  const pushed = new Map<string, PushedManifest>();
  const uploads = new Set<OpenUpload>();
  const counts: Counts = { answered: 0, interrupted: 0, resumed: 0, verified: 0 };
  let interrupted: (() => Promise<void>) | undefined;

  /** One request. Its answer must have one of the statuses. */
  async function ask(
    method: string,
    path: string,
    allowed: readonly number[],
    request: RequestOptions = {},
  ): Promise<Answer> {
    const answer = await orInterrupted(registry.request(method, path, request));
    if (!allowed.includes(answer.status)) {
      throw new Error(`${method} ${path} answered ${answer.status}, expected ${allowed}: ${answer.text()}`);
    }
    counts.answered += 1;
    return answer;
  }

  async function orInterrupted<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      const isBroken = error instanceof Error && ("code" in error || "$metadata" in error);
      const isAnswered =
        error instanceof Error &&
        "$metadata" in error &&
        (error.$metadata as { httpStatusCode?: number }).httpStatusCode !== undefined;
      if (isKilled() && isBroken && !isAnswered) throw new Interrupted();
      throw error;
    }
  }

  const statesToStatuses = (states: ReadonlySet<string>, whenThere: number) =>
    [...states].map((state) => (state === gone ? 404 : whenThere));

  function newContent(): BlobContent {
    if (random.next() < 0.25) return random.pick(sharedContent);
    const sizeBytes = Math.floor(smallestBlob * (largestBlob / smallestBlob) ** random.next());
    return blobContent(random.between(1, 1e9), sizeBytes);
  }

  // Blobs

  const ways = {
    async monolithicPost(repository: string, content: BlobContent) {
      const path = withQuery(`/v2/${repository}/blobs/uploads/`, { digest: content.digest });
      await ask("POST", path, [201], { body: bytesOf(content) });
    },
    async postThenPut(repository: string, content: BlobContent) {
      const upload = await begin(repository, content);
      await end(upload, bytesOf(content));
    },
    async chunks(repository: string, content: BlobContent) {
      const upload = await begin(repository, content);
      const bytes = bytesOf(content);
      const cuts = random.between(1, 4);
      const size = Math.ceil(bytes.length / cuts);
      const withRange = random.next() < 0.7;
      const lastInPut = random.next() < 0.5;
      for (let at = 0; at < bytes.length; at += size) {
        const chunk = bytes.slice(at, at + size);
        const isLast = at + size >= bytes.length;
        if (isLast && lastInPut) return end(upload, chunk);
        const range = { "content-range": `${at}-${at + chunk.length - 1}` };
        await append(upload, at + chunk.length, { body: chunk, ...(withRange && { headers: range }) });
      }
      await end(upload);
    },
    async unknownLength(repository: string, content: BlobContent) {
      const upload = await begin(repository, content);
      await append(upload, content.sizeBytes, { body: streamOf(bytesOf(content)) });
      await end(upload);
    },
    async byTheAwsDoor(repository: string, content: BlobContent) {
      const client = ecrOnce(server());
      const begun = await orInterrupted(
        client.send(new InitiateLayerUploadCommand({ repositoryName: repository })),
      );
      const uploadId = begun.uploadId ?? "";
      const upload = opened(repository, content, `/v2/${repository}/blobs/uploads/${uploadId}`);
      await orInterrupted(
        client.send(
          new UploadLayerPartCommand({
            repositoryName: repository,
            uploadId,
            partFirstByte: 0,
            partLastByte: content.sizeBytes - 1,
            layerPartBlob: bytesOf(content),
          }),
        ),
      );
      upload.answeredBytes = content.sizeBytes;
      upload.ending = true;
      await orInterrupted(
        client.send(
          new CompleteLayerUploadCommand({
            repositoryName: repository,
            uploadId,
            layerDigests: [content.digest],
          }),
        ),
      ).catch((error: unknown) => {
        // Somebody else, or this client before it was interrupted, was faster.
        if (!(error instanceof Error && error.name === "LayerAlreadyExistsException")) throw error;
      });
      uploads.delete(upload);
      counts.answered += 3;
    },
  } as const;
  const wayNames = Object.keys(ways) as (keyof typeof ways)[];

  function opened(repository: string, content: BlobContent, location: string): OpenUpload {
    const upload = { repository, content, location, answeredBytes: 0, ending: false };
    contents.set(content.digest, content);
    uploads.add(upload);
    return upload;
  }

  async function begin(repository: string, content: BlobContent): Promise<OpenUpload> {
    const answer = await ask("POST", `/v2/${repository}/blobs/uploads/`, [202]);
    return opened(repository, content, header(answer, "location"));
  }

  async function append(upload: OpenUpload, newSize: number, request: RequestOptions): Promise<void> {
    const answer = await ask("PATCH", upload.location, [202], request);
    if (header(answer, "range") !== `0-${newSize - 1}`)
      throw new Error(`A PATCH up to ${newSize} answered Range ${header(answer, "range")}`);
    upload.location = header(answer, "location");
    upload.answeredBytes = newSize;
  }

  async function end(upload: OpenUpload, body?: Bytes): Promise<void> {
    upload.ending = true;
    const { digest } = upload.content;
    await ask("PUT", withQuery(upload.location, { digest }), [201], body && { body });
    uploads.delete(upload);
  }

  async function pushBlob(repository: string, content: BlobContent): Promise<void> {
    const key = keyOf(repository, content.digest);
    contents.set(content.digest, content);
    const path = `/v2/${repository}/blobs/${content.digest}`;
    // In the shared repository others may have sent it.
    const states = repository === options.sharedRepository ? new Set([gone, there]) : blobs.of(key);
    const head = await ask("HEAD", path, statesToStatuses(states, 200));
    blobs.attempt(key, there);
    if (head.status === 404) await ways[random.pick(wayNames)](repository, content);
    blobs.settle(key, there);
  }

  /** What a client does with an upload that the server's end interrupted. */
  async function resume(upload: OpenUpload): Promise<void> {
    const { content, repository } = upload;
    const status = await ask("GET", upload.location, upload.ending ? [204, 404] : [204]);
    if (status.status === 404) return;
    const last = Number(/^0-(\d+)$/.exec(header(status, "range"))?.[1]);
    const held = last === 0 ? 0 : last + 1;
    if (held < upload.answeredBytes || held > content.sizeBytes) {
      throw new Error(
        `An upload of ${content.sizeBytes} bytes holds ${held}; it was answered for ${upload.answeredBytes}`,
      );
    }
    const rest = bytesOf(content).slice(held);
    if (rest.length > 0) {
      const range = { "content-range": `${held}-${content.sizeBytes - 1}` };
      await append(upload, content.sizeBytes, { body: rest, headers: range });
    }
    await end(upload);
    counts.resumed += 1;
    blobs.settle(keyOf(repository, content.digest), there);
  }

  async function mount(target: string, source: string, content: BlobContent): Promise<void> {
    const key = keyOf(target, content.digest);
    const mustMount = !options.foreign.includes(source);
    contents.set(content.digest, content);
    blobs.attempt(key, there);
    const path = withQuery(`/v2/${target}/blobs/uploads/`, { mount: content.digest, from: source });
    const answer = await ask("POST", path, mustMount ? [201] : [201, 202]);
    if (answer.status === 201) return blobs.settle(key, there);
    await cancel(opened(target, content, header(answer, "location")));
  }

  async function cancel(upload: OpenUpload): Promise<void> {
    upload.ending = true;
    await ask("DELETE", upload.location, [204]);
    uploads.delete(upload);
  }

  async function deleteBlob(key: string): Promise<void> {
    const [repository, digest] = partsOf(key);
    const isNeeded = manifests
      .keys()
      .some(
        (other) =>
          other.startsWith(`${repository} `) &&
          manifests.of(other).has(there) &&
          pushed.get(partsOf(other)[1])?.blobs.includes(digest),
      );
    if (isNeeded) return void (await ask("DELETE", `/v2/${repository}/blobs/${digest}`, [405]));
    const allowed = statesToStatuses(blobs.of(key), 202);
    blobs.attempt(key, gone);
    await ask("DELETE", `/v2/${repository}/blobs/${digest}`, allowed);
    blobs.settle(key, gone);
  }

  // Manifests and tags

  async function putManifest(repository: string, manifest: PushedManifest, tag?: string): Promise<void> {
    const key = keyOf(repository, manifest.digest);
    pushed.set(manifest.digest, manifest);
    manifests.attempt(key, there);
    if (tag !== undefined) tags.attempt(keyOf(repository, tag), manifest.digest);
    await ask("PUT", `/v2/${repository}/manifests/${tag ?? manifest.digest}`, [201], {
      headers: { "content-type": mediaTypes.image },
      body: manifest.bytes,
    });
    manifests.settle(key, there);
    if (tag !== undefined) tags.settle(keyOf(repository, tag), manifest.digest);
  }

  async function pushImage(
    repository: string,
    image: { config: BlobContent; layers: readonly BlobContent[]; tag: string | undefined },
  ): Promise<void> {
    const all = [image.config, ...image.layers];
    for (const content of all) await pushBlob(repository, content);
    const [config, ...layers] = all.map(({ digest, sizeBytes }, index) => ({
      mediaType: index === 0 ? mediaTypes.config : mediaTypes.layer,
      digest,
      size: sizeBytes,
    }));
    if (config === undefined) throw new Error("An image has a config");
    const bytes = imageManifest(config, layers);
    const manifest = { digest: digestOf(bytes), bytes, blobs: all.map(({ digest }) => digest) };
    await putManifest(repository, manifest, image.tag);
  }

  async function deleteTag(key: string): Promise<void> {
    const [repository, tag] = partsOf(key);
    const allowed = statesToStatuses(tags.of(key), 202);
    tags.attempt(key, gone);
    await ask("DELETE", `/v2/${repository}/manifests/${tag}`, allowed);
    tags.settle(key, gone);
  }

  async function deleteManifest(key: string): Promise<void> {
    const [repository, digest] = partsOf(key);
    const allowed = statesToStatuses(manifests.of(key), 202);
    const itsTags = tags.keys().filter((tag) => tag.startsWith(`${repository} `) && tags.of(tag).has(digest));
    manifests.attempt(key, gone);
    for (const tag of itsTags) tags.attempt(tag, gone);
    await ask("DELETE", `/v2/${repository}/manifests/${digest}`, allowed);
    manifests.settle(key, gone);
    for (const tag of itsTags)
      tags.settle(tag, gone, ...[...tags.of(tag)].filter((state) => state !== digest));
  }

  async function pull(key: string): Promise<void> {
    const [repository, digest] = partsOf(key);
    const answer = await ask("GET", `/v2/${repository}/manifests/${digest}`, [200]);
    if (digestOf(answer.body) !== digest) throw new Error(`${digest} came with other bytes`);
    for (const blob of pushed.get(digest)?.blobs ?? []) {
      const content = await ask("GET", `/v2/${repository}/blobs/${blob}`, [200]);
      if (digestOf(content.body) !== blob) throw new Error(`${blob} came with other bytes`);
    }
  }

  // Tasks

  const nextTag = () => `${name}-${random.between(1, 12)}`;
  const inOwn = (key: string) => !key.startsWith(`${options.sharedRepository} `);

  function newImage(): () => Promise<void> {
    const repository = random.pick(repositories);
    const config = blobContent(random.between(1, 1e9), random.between(200, 4000));
    const layers = Array.from({ length: random.between(1, 3) }, newContent);
    const tag = random.next() < 0.75 ? nextTag() : undefined;
    return () => pushImage(repository, { config, layers, tag });
  }

  /** A task can be done again from its beginning, as a client would. */
  function newTask(): () => Promise<void> {
    const chance = random.next();
    const existing = (facts: Facts, isMeant: (key: string) => boolean = () => true) => {
      const keys = facts.certain().filter(isMeant);
      return keys.length === 0 ? undefined : random.pick(keys);
    };
    if (chance < 0.12) {
      const repository = random.pick(repositories);
      const content = newContent();
      return () => pushBlob(repository, content);
    }
    if (chance < 0.22) {
      const key = existing(blobs);
      if (key === undefined) return newImage();
      const [source, digest] = partsOf(key);
      const content = contents.get(digest);
      if (content === undefined) throw new Error(`${digest} has no content`);
      const target = random.pick(repositories);
      return () => mount(target, source, content);
    }
    if (chance < 0.25 && options.foreign.length > 0) {
      const [target, source, content] = [
        random.pick(own),
        random.pick(options.foreign),
        random.pick(sharedContent),
      ];
      return () => mount(target, source, content);
    }
    if (chance < 0.45) {
      const key = existing(manifests);
      if (key === undefined) return newImage();
      const [repository, digest] = partsOf(key);
      const manifest = pushed.get(digest);
      if (manifest === undefined) throw new Error(`${digest} was not pushed`);
      const tag = nextTag();
      return () => putManifest(repository, manifest, tag);
    }
    if (chance < 0.51) {
      const key = existing(tags);
      if (key !== undefined) return () => deleteTag(key);
    }
    if (chance < 0.56) {
      const key = existing(manifests, inOwn);
      if (key !== undefined) return () => deleteManifest(key);
    }
    if (chance < 0.61) {
      const key = existing(blobs, inOwn);
      if (key !== undefined) return () => deleteBlob(key);
    }
    if (chance < 0.64) {
      const [repository, content] = [random.pick(own), newContent()];
      return async () => cancel(await begin(repository, content));
    }
    if (chance < 0.72) {
      const key = existing(manifests);
      if (key !== undefined) return () => pull(key);
    }
    return newImage();
  }

  // After a restart

  async function verifyBlob(key: string): Promise<void> {
    const [repository, digest] = partsOf(key);
    const answer = await ask(
      "GET",
      `/v2/${repository}/blobs/${digest}`,
      statesToStatuses(blobs.of(key), 200),
    );
    if (answer.status === 200 && digestOf(answer.body) !== digest) throw new Error(`${key} has other bytes`);
    // The shared repository is written by all.
    blobs.settle(key, answer.status === 200 ? there : gone);
  }

  async function verifyManifest(key: string): Promise<void> {
    const [repository, digest] = partsOf(key);
    const allowed = statesToStatuses(manifests.of(key), 200);
    const answer = await ask("GET", `/v2/${repository}/manifests/${digest}`, allowed);
    if (answer.status === 200 && digestOf(answer.body) !== digest) throw new Error(`${key} has other bytes`);
    manifests.settle(key, answer.status === 200 ? there : gone);
  }

  async function verifyTag(key: string): Promise<void> {
    const [repository, tag] = partsOf(key);
    const states = tags.of(key);
    const answer = await ask("HEAD", `/v2/${repository}/manifests/${tag}`, statesToStatuses(states, 200));
    const found = answer.status === 404 ? gone : header(answer, "docker-content-digest");
    if (!states.has(found))
      throw new Error(`${key} means ${found}; it can only be ${[...states].join(" or ")}`);
    tags.settle(key, found);
  }

  async function verifyList(repository: string): Promise<void> {
    const answer = await ask("GET", `/v2/${repository}/tags/list`, [200]);
    const listed = answer.json<{ tags: string[] }>().tags.filter((tag) => tag.startsWith(`${name}-`));
    const expected = tags
      .certain()
      .map(partsOf)
      .filter(([where]) => where === repository)
      .map(([, tag]) => tag)
      .sort();
    if (JSON.stringify(listed) !== JSON.stringify(expected))
      throw new Error(`${repository} lists ${listed} and should list ${expected}`);
  }

  async function verifyFacts(facts: Facts, scope: "recent" | "all", one: (key: string) => Promise<void>) {
    const recent = facts.takeRecent();
    const known = facts.keys();
    const old = Array.from({ length: Math.min(sampledOldFacts, known.length) }, () => random.pick(known));
    for (const key of new Set(scope === "all" ? known : [...recent, ...old])) {
      await one(key);
      counts.verified += 1;
    }
    facts.takeRecent();
  }

  return {
    async work() {
      while (!isKilled()) {
        const task = newTask();
        try {
          await task();
        } catch (error) {
          if (!(error instanceof Interrupted)) throw error;
          counts.interrupted += 1;
          interrupted = task;
        }
      }
    },
    async repeat() {
      for (const upload of uploads) {
        await resume(upload);
        uploads.delete(upload);
      }
      await interrupted?.();
      interrupted = undefined;
    },
    async verify(scope) {
      await verifyFacts(blobs, scope, verifyBlob);
      await verifyFacts(manifests, scope, verifyManifest);
      await verifyFacts(tags, "all", verifyTag);
      for (const repository of repositories) await verifyList(repository);
    },
    counts: () => ({ ...counts }),
  };
}

function bytesOf({ seed, sizeBytes }: BlobContent): Bytes {
  return contentOf(seed, sizeBytes);
}
