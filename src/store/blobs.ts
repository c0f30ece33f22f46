/** Where content lives: the one place of the storage that has an interface, because its two back ends are unlike. */

export type ByteRange = {
  first: number;
  /** Inclusive. */
  last: number;
};

/** What `Response` takes as a body without a copy in memory. */
export type BlobBody = Blob | ReadableStream<Uint8Array>;

type Finished = { digest: string; sizeBytes: number };

export type Addition = {
  /** Its bytes are taken over: they may be gone afterwards. */
  source: AsyncIterable<Uint8Array>;
  /** Bytes that the upload may have in all. */
  limitBytes: number;
  /**
   * Where the addition begins, given the bytes that the upload holds: there, or earlier to write over what follows.
   * Asked when nobody else can write to the upload any more; what it throws ends the addition.
   */
  at: (heldBytes: number) => number | Promise<number>;
  /** Done when the addition is durable, with the bytes held then, and before anybody else may write. */
  stored?: (heldBytes: number) => Promise<void>;
  /** Number of bytes that must come. */
  length?: number | undefined;
  /** The sender repeats it as a whole: when it fails, nothing of it stays. */
  whole: boolean;
};

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
   * Adds what the source gives and makes it durable; resolves with the bytes that the upload then holds. When the source
   * fails, what came before stays, unless the addition is `whole`, and the failure is thrown on. Throws SizeInvalid,
   * LayerTooLarge, and UploadBusy while another request writes to the upload.
   */
  append: (uploadId: string, addition: Addition) => Promise<number>;
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
