/** Bodies that are read into memory: bounded. */
import { fault } from "../lib/faults.ts";

/** The whole body. Throws the fault `tooLarge` as soon as it is known to be larger than `limitBytes`. */
export async function readBody(
  request: Request,
  limitBytes: number,
  tooLarge: "RequestTooLarge" | "ManifestTooLarge" = "RequestTooLarge",
): Promise<Uint8Array<ArrayBuffer>> {
  const stated = Number(request.headers.get("content-length") ?? 0);
  if (stated > limitBytes) throw fault(tooLarge, { limitBytes });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > limitBytes) throw fault(tooLarge, { limitBytes });
    chunks.push(chunk);
  }
  const [only] = chunks;
  if (chunks.length === 1 && only) return only as Uint8Array<ArrayBuffer>;
  return Buffer.concat(chunks);
}
