/** Every endpoint of the registry door: one row each, and a row is the only way in. */
import type { Action } from "../../access/decisions/authority.ts";
import type { Resource } from "../permission.ts";
import { deleteBlob, getBlob } from "./blobs.ts";
import { json, type OciCall } from "./call.ts";
import { getReferrers, listCatalog, listTags } from "./lists.ts";
import { deleteManifest, getManifest, imageKeys, putManifest } from "./manifests.ts";
import type { RouteName } from "./routes.ts";
import { deleteUpload, getUploadStatus, patchUpload, postUpload, putUpload } from "./uploads.ts";

export type Endpoint = {
  method: string;
  route: RouteName;
  /** IAM actions that the caller needs on the repository: those of the API calls that ECR checks instead. */
  actions: readonly Action[];
  handler: (call: OciCall) => Promise<Response>;
  /** Condition keys of the image in question. */
  keys?: (call: OciCall) => Pick<Resource, "keys" | "imageTags" | "imageDigest">;
  /** Goes on with an upload, whose sender was settled when it began: a token that ran out since then still serves. */
  continuesUpload?: true;
};

/** Any valid credentials may ask whether this is a registry; it is how clients try a login. */
const base = async () => json({});

export const endpoints: readonly Endpoint[] = [
  { method: "GET", route: "base", actions: [], handler: base },
  { method: "HEAD", route: "base", actions: [], handler: base },
  { method: "GET", route: "catalog", actions: ["ecr:DescribeRepositories"], handler: listCatalog },
  { method: "GET", route: "tags", actions: ["ecr:ListImages"], handler: listTags },
  { method: "GET", route: "manifest", actions: ["ecr:BatchGetImage"], keys: imageKeys, handler: getManifest },
  {
    method: "HEAD",
    route: "manifest",
    actions: ["ecr:BatchGetImage"],
    keys: imageKeys,
    handler: getManifest,
  },
  { method: "PUT", route: "manifest", actions: ["ecr:PutImage"], keys: imageKeys, handler: putManifest },
  {
    method: "DELETE",
    route: "manifest",
    actions: ["ecr:BatchDeleteImage"],
    keys: imageKeys,
    handler: deleteManifest,
  },
  { method: "GET", route: "blob", actions: ["ecr:GetDownloadUrlForLayer"], handler: getBlob },
  { method: "HEAD", route: "blob", actions: ["ecr:BatchCheckLayerAvailability"], handler: getBlob },
  { method: "DELETE", route: "blob", actions: ["ecr:BatchDeleteImage"], handler: deleteBlob },
  { method: "POST", route: "uploads", actions: ["ecr:InitiateLayerUpload"], handler: postUpload },
  {
    method: "PATCH",
    route: "upload",
    actions: ["ecr:UploadLayerPart"],
    handler: patchUpload,
    continuesUpload: true,
  },
  {
    method: "PUT",
    route: "upload",
    actions: ["ecr:UploadLayerPart", "ecr:CompleteLayerUpload"],
    handler: putUpload,
    continuesUpload: true,
  },
  {
    method: "GET",
    route: "upload",
    actions: ["ecr:UploadLayerPart"],
    handler: getUploadStatus,
    continuesUpload: true,
  },
  {
    method: "DELETE",
    route: "upload",
    actions: ["ecr:UploadLayerPart"],
    handler: deleteUpload,
    continuesUpload: true,
  },
  { method: "GET", route: "referrers", actions: ["ecr:BatchGetImage"], handler: getReferrers },
];
