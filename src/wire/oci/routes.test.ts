import { describe, expect, test } from "bun:test";
import { matchRoute } from "./routes.ts";

describe("a path below /v2/", () => {
  const rows: readonly [path: string, meaning: string | undefined][] = [
    ["", "base||"],
    ["_catalog", "catalog||"],
    ["a/tags/list", "tags|a|"],
    ["a/b/c/tags/list", "tags|a/b/c|"],
    ["a/manifests/latest", "manifest|a|latest"],
    ["a/manifests/sha256%3Aabc", "manifest|a|sha256:abc"],
    ["manifests/manifests/manifests", "manifest|manifests|manifests"],
    ["a/blobs/sha256:abc", "blob|a|sha256:abc"],
    ["a/blobs/uploads", "uploads|a|"],
    ["a/blobs/uploads/", "uploads|a|"],
    ["a/blobs/uploads/id", "upload|a|id"],
    ["a/referrers/sha256:abc", "referrers|a|sha256:abc"],
    ["a/tags/list/manifests/x", "manifest|a/tags/list|x"],
    ["manifests/x", undefined],
    ["a", undefined],
    ["a/manifests/", undefined],
    ["a/manifests/x%2Fy", undefined],
    ["a/manifests/%00", undefined],
    ["a/manifests/%", undefined],
    ["a/manifests/%ff", undefined],
  ];
  for (const [path, meaning] of rows) {
    test(`'${path}' ${meaning === undefined ? "means nothing" : `means ${meaning}`}`, () => {
      const match = matchRoute(path);
      expect(match && `${match.route}|${match.repositoryName}|${match.argument}`).toBe(meaning);
    });
  }
});
