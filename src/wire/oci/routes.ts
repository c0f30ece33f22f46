/**
 * The paths of OCI distribution 1.1 below `/v2/`. Repository names contain slashes, and may contain the words `blobs`,
 * `manifests` and `tags`, so a path is read from its end.
 */

const routes = ["base", "catalog", "tags", "manifest", "blob", "uploads", "upload", "referrers"] as const;

export type RouteName = (typeof routes)[number];

export type RouteMatch = {
  route: RouteName;
  /** Decoded and unchecked; empty for `base` and `catalog`. */
  repositoryName: string;
  /** The reference, digest or upload id at the end; empty where the route has none. */
  argument: string;
};

/** What `rest`, the path after `/v2/` and the registry, means; undefined when it means nothing. */
export function matchRoute(rest: string): RouteMatch | undefined {
  if (rest === "") return { route: "base", repositoryName: "", argument: "" };
  if (rest === "_catalog") return { route: "catalog", repositoryName: "", argument: "" };
  const segments = decodeSegments(rest);
  if (!segments) return undefined;
  const [third = "", second = "", last = ""] = segments.slice(-3);
  const match = (route: RouteName, tail: number, argument: string): RouteMatch | undefined => {
    const repositoryName = segments.slice(0, -tail).join("/");
    return repositoryName === "" ? undefined : { route, repositoryName, argument };
  };
  if (third === "blobs" && second === "uploads")
    return last === "" ? match("uploads", 3, "") : match("upload", 3, last);
  if (second === "blobs" && last === "uploads") return match("uploads", 2, "");
  if (last === "") return undefined;
  if (second === "manifests") return match("manifest", 2, last);
  if (second === "blobs") return match("blob", 2, last);
  if (second === "referrers") return match("referrers", 2, last);
  if (second === "tags" && last === "list") return match("tags", 2, "");
  return undefined;
}

/** A segment that decodes to text with a slash or a control character is no segment of ours. */
function decodeSegments(rest: string): string[] | undefined {
  if (!rest.includes("%")) return rest.split("/");
  try {
    const segments = rest.split("/").map(decodeURIComponent);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
    return segments.some((segment) => /[/\u0000-\u001f\u007f]/.test(segment)) ? undefined : segments;
  } catch {
    return undefined;
  }
}
