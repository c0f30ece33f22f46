/**
 * Credentials that users have at AWS and not here: the lists of them are truly empty. Clients ask for them before they
 * delete a user (Terraform's aws_iam_user with force_destroy).
 */
import type { Call } from "../../call.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import type { Offered } from "../operation.ts";
import { listResource, pageOf } from "./rows.ts";
import { keyOwner, subjectResource } from "./subjects.ts";

type ListInput = {
  UserName?: string | undefined;
  Marker?: string | undefined;
  MaxItems?: number | undefined;
};

/** Throws NoSuchEntity for a user that is not there, and what {@link pageOf} throws. */
async function nothing(call: Call, input: ListInput): Promise<{ IsTruncated: boolean }> {
  pageOf(input);
  await keyOwner(call.db.read, call, input);
  return { IsTruncated: false };
}

export const otherCredentialOperations: Offered<IamOperations> = {
  ListMFADevices: {
    actions: () => ["iam:ListMFADevices"],
    resources: subjectResource,
    run: async (call, input) => ({ MFADevices: [], ...(await nothing(call, input)) }),
  },
  ListServiceSpecificCredentials: {
    actions: () => ["iam:ListServiceSpecificCredentials"],
    resources: (call, input) =>
      input.AllUsers === true ? [listResource(call, "user")] : subjectResource(call, input),
    run: async (call, input) => ({
      ServiceSpecificCredentials: [],
      ...(input.AllUsers === true ? { IsTruncated: false } : await nothing(call, input)),
    }),
  },
  ListSigningCertificates: {
    actions: () => ["iam:ListSigningCertificates"],
    resources: subjectResource,
    run: async (call, input) => ({ Certificates: [], ...(await nothing(call, input)) }),
  },
  ListSSHPublicKeys: {
    actions: () => ["iam:ListSSHPublicKeys"],
    resources: subjectResource,
    run: async (call, input) => ({ SSHPublicKeys: [], ...(await nothing(call, input)) }),
  },
  ListVirtualMFADevices: {
    actions: () => ["iam:ListVirtualMFADevices"],
    resources: (call) => [listResource(call, "mfa")],
    run: async (_, input) => {
      pageOf(input);
      return { VirtualMFADevices: [], IsTruncated: false };
    },
  },
};
