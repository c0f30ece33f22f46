/** Where content lives: the one place of the storage that has an interface, because its two back ends are unlike. */

export type ByteRange = {
  first: number;
  /** Inclusive. */
  last: number;
};

/** What `Response` takes as a body without a copy in memory. */
export type BlobBody = Blob | ReadableStream<Uint8Array>;

type Finished = { digest: string; sizeBytes: number };

/**
 * Finished blobs are named by digest and never change. An upload is the beginning of a blob under an id; what was
 * appended to it and answered is durable, so it goes on after a restart.
 */
export type Blobs = {
  /** Size in bytes of a finished blob, or undefined when it is not stored. */
  size: (digest: string) => Promise<number | undefined>;
  /** Content for a response. The blob must exist. */
  body: (digest: string, range?: ByteRange) => BlobBody;
  /** The whole content; for manifests only. Throws when the blob is not stored. */
  bytes: (digest: string) => Promise<Uint8Array<ArrayBuffer>>;
  /** Stores small content durably under its digest. */
  put: (digest: string, bytes: Uint8Array) => Promise<void>;
  remove: (digest: string) => Promise<void>;

  begin: (uploadId: string) => Promise<void>;
  /** Bytes that the upload holds, or undefined when there is none. */
  uploaded: (uploadId: string) => Promise<number | undefined>;
  /**
   * Adds what `source` gives and makes it durable; resolves with the bytes that came. When `source` fails, what came
   * before stays and the failure is thrown on. Throws LayerTooLarge past `limitBytes` in all.
   */
  append: (uploadId: string, source: AsyncIterable<Uint8Array>, limitBytes: number) => Promise<number>;
  /** Takes an upload back to its first `sizeBytes` bytes. */
  truncate: (uploadId: string, sizeBytes: number) => Promise<void>;
  /**
   * Turns an upload into a finished blob if its content has one of the digests in `wanted`. Otherwise throws
   * InvalidLayer and keeps the upload.
   */
  finish: (uploadId: string, wanted: readonly string[]) => Promise<Finished>;
  abort: (uploadId: string) => Promise<void>;

  /** Every upload with bytes of it stored, and when it last grew; for the sweep. */
  uploads: () => AsyncIterable<{ uploadId: string; changedAt: number }>;
  /** Every finished blob, in no order; for the sweep and the scrub. */
  list: () => AsyncIterable<{ digest: string; sizeBytes: number; changedAt: number }>;
};
