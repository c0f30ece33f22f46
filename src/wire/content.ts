/** Answers with content that is named by its digest: blobs and manifests, whole or a range, on GET and HEAD. */
import { fault } from "../lib/faults.ts";
import type { BlobBody, ByteRange } from "../store/blobs.ts";

type Content = {
  digest: string;
  mediaType: string;
  sizeBytes: number;
  body: (range?: ByteRange) => BlobBody | Uint8Array<ArrayBuffer>;
};

/** RFC 9110, sections 8.8.3 (ETag), 13.1.2 (If-None-Match), 14 (Range). Throws RangeNotSatisfiable. */
export function contentResponse(request: Request, content: Content): Response {
  const etag = `"${content.digest}"`;
  const headers: Record<string, string> = {
    "content-type": content.mediaType,
    "docker-content-digest": content.digest,
    etag,
    "accept-ranges": "bytes",
    // Content is the users', and a browser must not run it in the name of this host.
    "content-disposition": "attachment",
    "x-content-type-options": "nosniff",
  };
  const known = request.headers.get("if-none-match");
  if (known !== null && matchesEtag(known, etag)) return new Response(null, { status: 304, headers });

  // Range is defined for GET alone, and only while the content is the one that the client began with.
  const rangeHeader = request.method === "GET" ? request.headers.get("range") : null;
  const condition = request.headers.get("if-range");
  const range =
    rangeHeader !== null && (condition === null || condition === etag)
      ? parseRange(rangeHeader, content.sizeBytes)
      : undefined;
  if (range) {
    headers["content-range"] = `bytes ${range.first}-${range.last}/${content.sizeBytes}`;
    headers["content-length"] = String(range.last - range.first + 1);
    return new Response(content.body(range), { status: 206, headers });
  }
  headers["content-length"] = String(content.sizeBytes);
  return new Response(request.method === "HEAD" ? null : content.body(), { headers });
}

/**
 * A single range of bytes; undefined for any header that asks for something else, which is then ignored (RFC 9110,
 * 14.2). Throws RangeNotSatisfiable when it lies outside.
 */
export function parseRange(header: string, sizeBytes: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const [, from = "", to = ""] = match;
  const first = from === "" ? Math.max(sizeBytes - Number(to), 0) : Number(from);
  const last = from === "" || to === "" ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (from !== "" && to !== "" && Number(to) < Number(from)) return undefined;
  if (first >= sizeBytes || (from === "" && Number(to) === 0)) {
    throw fault("RangeNotSatisfiable", { value: header, sizeBytes }, { sizeBytes });
  }
  return { first, last };
}

function matchesEtag(header: string, etag: string): boolean {
  return header.split(",").some((item) => {
    const tag = item.trim();
    return tag === "*" || (tag.startsWith("W/") ? tag.slice(2) : tag) === etag;
  });
}
