/** The bodies of requests: as a stream, or in memory and bounded. */
import { fault } from "../lib/faults.ts";

/** The body as it comes; nothing when there is none. */
export function bodyOf(request: Request): AsyncIterable<Uint8Array> {
  return request.body ?? noBytes();
}

async function* noBytes(): AsyncIterable<Uint8Array> {}

/** The whole body. Throws the fault `tooLarge` as soon as it is known to be larger than `limitBytes`. */
export async function readBody(
  request: Request,
  limitBytes: number,
  tooLarge: "ManifestTooLarge",
): Promise<Uint8Array<ArrayBuffer>> {
  const stated = Number(request.headers.get("content-length") ?? 0);
  if (stated > limitBytes) throw fault(tooLarge, { limitBytes });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyOf(request)) {
    size += chunk.length;
    if (size > limitBytes) throw fault(tooLarge, { limitBytes });
    chunks.push(chunk);
  }
  const [only] = chunks;
  if (chunks.length === 1 && only) return only as Uint8Array<ArrayBuffer>;
  return Buffer.concat(chunks);
}
