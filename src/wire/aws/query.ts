/** The Query protocol's fields and its names for faults. */
import type { Fault, FaultName } from "../../lib/faults.ts";
import { awsErrors } from "../errors.ts";

type QueryError = { code: string; status: number };

/** Where the Query services differ from ECR's protocol (IAM and STS, "Common Errors"). */
const queryErrors: Partial<Record<FaultName, QueryError>> = {
  UnrecognizedClient: { code: "InvalidClientTokenId", status: 403 },
  InvalidSignature: { code: "SignatureDoesNotMatch", status: 403 },
  AccessDenied: { code: "AccessDenied", status: 403 },
  UnknownOperation: { code: "InvalidAction", status: 400 },
  MalformedInput: { code: "MalformedInput", status: 400 },
  ConstraintsFailed: { code: "ValidationError", status: 400 },
  ValidationFailed: { code: "ValidationError", status: 400 },
  // The code of these has the last word of its exception's name, too (STS API).
  ExpiredIdentityToken: { code: "ExpiredTokenException", status: 400 },
  InvalidAuthorizationMessage: { code: "InvalidAuthorizationMessageException", status: 400 },
  Server: { code: "InternalFailure", status: 500 },
};

/** Fields of the query string and of the body; a presigned request has only the former. */
export function formFields(query: string, body: Uint8Array): URLSearchParams {
  return new URLSearchParams([
    ...new URLSearchParams(query),
    ...new URLSearchParams(new TextDecoder().decode(body)),
  ]);
}

/** How a fault looks to a client of the Query protocol. */
export function queryErrorOf({ fault }: Fault): QueryError {
  const { status, name } = awsErrors[fault];
  return queryErrors[fault] ?? { code: name.replace(/Exception$/, ""), status };
}
