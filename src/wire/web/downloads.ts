/** Download URLs of layers: they work without credentials, for one layer of one repository, until they expire. */
import { anonymous } from "../../access/caller.ts";
import { repositoryArn } from "../../lib/arn.ts";
import { type Fault, fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import { linkedBlobs } from "../../registry/blobs.ts";
import type { Services } from "../../registry/context.ts";
import { findRepositoryById } from "../../registry/repositories.ts";
import type { AddressSettings } from "../addresses.ts";
import type { Call, Incoming } from "../call.ts";
import { contentResponse } from "../content.ts";
import { asFault } from "../errors.ts";
import { noteRequest } from "../trail.ts";

/** Paths of this door begin so. */
export const downloadPath = "/layers/";

const purpose = "layer download";

/** ECR API, GetDownloadUrlForLayer. */
export function downloadUrl(call: Call, repositoryId: number, digest: string): string {
  const expires = Math.floor(call.clock.now() / 1000) + limits.downloadUrlSeconds;
  const query = new URLSearchParams({
    repository: String(repositoryId),
    expires: String(expires),
    signature: call.secrets.sign(purpose, signedText(digest, String(repositoryId), String(expires))),
  });
  return `${call.addresses.origin}${downloadPath}${digest}?${query}`;
}

/** GET and HEAD of such a URL. Throws AccessDenied for one that is altered or expired, BlobUnknown when the layer is gone. */
export async function serveDownload(
  services: Services,
  settings: AddressSettings,
  incoming: Incoming,
): Promise<Response> {
  try {
    const { response, repositoryId } = await download(services, incoming);
    await noteDownload(services, settings, { incoming, repositoryId });
    return response;
  } catch (error) {
    const problem = asFault(error, services.log, incoming.requestId);
    await noteDownload(services, settings, { incoming, problem });
    throw problem;
  }
}

/** The URL speaks for whoever asked for it; the audit knows who that was by the call that gave it. */
async function noteDownload(
  services: Services,
  settings: AddressSettings,
  answered: { incoming: Incoming; repositoryId?: number; problem?: Fault },
): Promise<void> {
  const { incoming, repositoryId, problem } = answered;
  const repository =
    repositoryId === undefined ? undefined : await findRepositoryById(services.db.read, repositoryId);
  const layerDigest = echo(incoming.path.slice(downloadPath.length));
  noteRequest(services, {
    requestId: incoming.requestId,
    event: () => ({
      door: "web",
      service: "ecr",
      name: "DownloadLayer",
      isRead: true,
      parameters: {
        ...(repository && { registryId: repository.accountId, repositoryName: repository.repositoryName }),
        layerDigest,
      },
      elements: undefined,
    }),
    caller: anonymous,
    facts: incoming.facts(repository?.region ?? settings.region),
    asked: [],
    accountId: repository?.accountId ?? settings.accountId,
    about: repository && { arn: repositoryArn(repository), accountId: repository.accountId },
    problem,
  });
}

async function download(
  services: Services,
  incoming: Incoming,
): Promise<{ response: Response; repositoryId: number }> {
  const { db, blobs, secrets, clock } = services;
  const digest = incoming.path.slice(downloadPath.length);
  const query = new URLSearchParams(incoming.query);
  const [repository, expires, signature] = ["repository", "expires", "signature"].map(
    (name) => query.get(name) ?? "",
  );
  if (!secrets.isSigned(purpose, signedText(digest, repository ?? "", expires ?? ""), signature ?? "")) {
    throw fault("AccessDenied", {
      sentence: "The download URL is not one of this registry, or it was altered",
    });
  }
  if (Number(expires) * 1000 <= clock.now()) {
    const at = new Date(Number(expires) * 1000).toISOString();
    throw fault("AccessDenied", { sentence: `The download URL expired at ${at}; ask for a new one` });
  }
  const blob = (await linkedBlobs(db.read, Number(repository), [digest])).get(digest);
  if (!blob || (await blobs.size(digest)) !== blob.sizeBytes) {
    throw fault("RouteNotFound", { method: incoming.method, path: incoming.path });
  }
  const response = contentResponse(incoming.request, {
    digest,
    mediaType: "application/octet-stream",
    sizeBytes: blob.sizeBytes,
    body: (range) => blobs.body(digest, range),
  });
  return { response, repositoryId: Number(repository) };
}

function signedText(digest: string, repository: string, expires: string): string {
  return `${digest}\n${repository}\n${expires}`;
}
