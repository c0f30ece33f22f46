/**
 * Requests of the registry door in the audit: as the API calls that do the same, which is how CloudTrail shows ECR's
 * (ECR user guide, "Logging Amazon ECR actions"). What has no such call has a name of ours.
 */
import type { Caller } from "../../access/caller.ts";
import type { Fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import type { Services } from "../../registry/context.ts";
import type { UserIdentity } from "../../store/trail-record.ts";
import { type AddressSettings, type RegistryPath, registryOf } from "../addresses.ts";
import type { Incoming } from "../call.ts";
import { noteRequest, type TrailEvent } from "../trail.ts";
import type { OciCall } from "./call.ts";
import { matchRoute, type RouteMatch, type RouteName } from "./routes.ts";

type Meant = Pick<RouteMatch, "repositoryName" | "argument"> & {
  registryId: string;
  query: URLSearchParams;
  /** Of the request. */
  accept: string | null;
  contentType: string | null;
  /** Of a manifest or a layer that was stored. */
  digest: string | null;
  /** Of an upload that was begun. */
  uploadId: string | null;
};

type Parameters = Readonly<Record<string, unknown>>;

type Row = {
  name: string;
  isRead?: true;
  parameters?: (meant: Meant) => Parameters;
  elements?: (meant: Meant) => Parameters;
};

const imageId = ({ argument }: Meant) =>
  argument.includes(":") ? { imageDigest: argument } : { imageTag: argument };

const uploadId = ({ argument }: Meant) => ({ uploadId: argument });

const pull: Row = {
  name: "BatchGetImage",
  isRead: true,
  parameters: (meant) => ({
    imageIds: [imageId(meant)],
    acceptedMediaTypes: listIn(meant.accept),
  }),
};

const rows: Readonly<Record<RouteName, Readonly<Record<string, Row>>>> = {
  base: {
    GET: { name: "CheckRegistryAccess", isRead: true },
    HEAD: { name: "CheckRegistryAccess", isRead: true },
  },
  catalog: { GET: { name: "DescribeRepositories", isRead: true } },
  tags: {
    GET: { name: "ListImages", isRead: true, parameters: () => ({ filter: { tagStatus: "TAGGED" } }) },
  },
  manifest: {
    GET: pull,
    HEAD: pull,
    PUT: {
      name: "PutImage",
      parameters: (meant) => ({
        ...imageId(meant),
        ...(meant.contentType !== null && {
          imageManifestMediaType: meant.contentType.slice(0, longestType),
        }),
      }),
      elements: (meant) => ({
        image: {
          registryId: meant.registryId,
          repositoryName: meant.repositoryName,
          imageId: { ...imageId(meant), imageDigest: meant.digest },
        },
      }),
    },
    DELETE: { name: "BatchDeleteImage", parameters: (meant) => ({ imageIds: [imageId(meant)] }) },
  },
  blob: {
    GET: {
      name: "GetDownloadUrlForLayer",
      isRead: true,
      parameters: ({ argument }) => ({ layerDigest: argument }),
    },
    HEAD: {
      name: "BatchCheckLayerAvailability",
      isRead: true,
      parameters: ({ argument }) => ({ layerDigests: [argument] }),
    },
    DELETE: { name: "BatchDeleteImage", parameters: ({ argument }) => ({ layerDigest: argument }) },
  },
  uploads: {
    POST: {
      name: "InitiateLayerUpload",
      parameters: ({ query }) => ({
        ...given(query, "mount", "mountLayerDigest"),
        ...given(query, "from", "mountSourceRepositoryName"),
        ...given(query, "digest", "layerDigest"),
      }),
      elements: ({ digest, uploadId: id }) => (digest === null ? { uploadId: id } : { layerDigest: digest }),
    },
  },
  upload: {
    PATCH: { name: "UploadLayerPart", parameters: uploadId },
    PUT: {
      name: "CompleteLayerUpload",
      parameters: (meant) => ({
        ...uploadId(meant),
        layerDigests: [meant.query.get("digest") ?? ""].map(echo),
      }),
      elements: (meant) => ({ ...uploadId(meant), layerDigest: meant.digest }),
    },
    GET: { name: "GetLayerUploadStatus", isRead: true, parameters: uploadId },
    DELETE: { name: "CancelLayerUpload", parameters: uploadId },
  },
  referrers: {
    GET: {
      name: "ListImageReferrers",
      isRead: true,
      parameters: ({ argument, query }) => ({
        subjectId: { imageDigest: argument },
        ...given(query, "artifactType", "artifactType"),
      }),
    },
  },
};

const longestType = 256;
/** Clients send about five. */
const mostTypes = 20;

export type Answered = {
  incoming: Incoming;
  /** Undefined when it ended before these were known. */
  meant: { match: RouteMatch; path: RegistryPath } | undefined;
  call: OciCall | undefined;
  caller: Caller;
  problem: Fault | undefined;
  response: Response;
};

/** Notes a request of this door, which is about to be answered. */
export function noteOciRequest(services: Services, settings: AddressSettings, answered: Answered): void {
  const { incoming, call, caller, problem } = answered;
  const path =
    answered.meant?.path ?? registryOf(settings, incoming.host, incoming.path.slice("/v2/".length));
  const match = answered.meant?.match ?? (path && matchRoute(path.rest));
  const row = match && rows[match.route][incoming.method];
  const registryId = path?.accountId ?? settings.accountId;
  noteRequest(services, {
    requestId: incoming.requestId,
    caller,
    facts: call?.facts ?? incoming.facts(path?.region ?? settings.region),
    asked: call?.asked ?? [],
    accountId: caller.kind === "principal" ? caller.accountId : settings.accountId,
    problem,
    key: row?.isRead ? `${registryId} ${keyOf(incoming)}` : undefined,
    event: () => ({
      door: "oci",
      service: "ecr",
      ...(match && row ? eventOf(answered, { match, row, registryId }) : unsupported(incoming)),
      stranger: caller.kind === "principal" ? undefined : strangerIn(incoming),
    }),
  });
}

/** Everything in a request without a body that its record shows. */
function keyOf({ method, path, query, request }: Incoming): string {
  return `${method} ${path} ${query}\n${request.headers.get("accept")}`;
}

type What = Pick<TrailEvent, "name" | "isRead" | "parameters" | "elements">;

function unsupported({ method, path }: Incoming): What {
  const isRead = method === "GET" || method === "HEAD";
  return {
    name: "UnsupportedRequest",
    isRead,
    parameters: { method, path: echo(path) },
    elements: undefined,
  };
}

function eventOf(
  { incoming, call, response }: Answered,
  { match, row, registryId }: { match: RouteMatch; row: Row; registryId: string },
): What {
  const { headers } = incoming.request;
  const isMount = match.route === "uploads" && response.status === 201 && incoming.query.includes("mount=");
  const meant: Meant = {
    repositoryName: echo(match.repositoryName),
    argument: echo(match.argument),
    registryId,
    query: call?.query ?? new URLSearchParams(incoming.query),
    accept: headers.get("accept"),
    contentType: headers.get("content-type"),
    digest: response.headers.get("docker-content-digest"),
    uploadId: response.headers.get("docker-upload-uuid"),
  };
  return {
    name: isMount ? "MountLayer" : row.name,
    isRead: row.isRead === true,
    parameters: {
      registryId,
      ...(meant.repositoryName !== "" && { repositoryName: meant.repositoryName }),
      ...row.parameters?.(meant),
    },
    elements: row.elements?.(meant),
  };
}

/** The key that somebody without valid credentials claims to have. */
function strangerIn({ request }: Incoming): UserIdentity {
  const [, encoded = ""] =
    /^basic +([A-Za-z0-9+/=_-]{1,400})/i.exec(request.headers.get("authorization") ?? "") ?? [];
  const claimed = /^(\w{16,128}):/.exec(Buffer.from(encoded, "base64").toString())?.[1];
  return { type: "Unknown", ...(claimed !== undefined && { accessKeyId: claimed }) };
}

/** The media types of an Accept header, in which clients say what they understand. */
function listIn(accept: string | null): string[] {
  if (accept === null) return [];
  const types = accept.slice(0, limits.userAgentCharacters).split(",", mostTypes);
  return types.map((type) => type.trim());
}

function given(query: URLSearchParams, parameter: string, member: string): Parameters {
  const value = query.get(parameter);
  return value === null ? {} : { [member]: echo(value) };
}
