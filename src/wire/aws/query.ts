/** The Query protocol: form fields in, XML out. */
import type { Fault, FaultName } from "../../lib/faults.ts";
import { awsErrors } from "../errors.ts";
import { type QueryFields, stsNamespace } from "./sts.ts";

/** Names that the Query services use where ECR's protocol has others (IAM and STS, "Common Errors"). */
const queryNames: Partial<Record<FaultName, string>> = {
  UnrecognizedClient: "InvalidClientTokenId",
  InvalidSignature: "SignatureDoesNotMatch",
  UnknownOperation: "InvalidAction",
  MalformedInput: "MalformedInput",
  ConstraintsFailed: "ValidationError",
  ExpiredToken: "ExpiredToken",
  Server: "InternalFailure",
};

/** Fields of the query string and of the body; a presigned request has only the former. */
export function formFields(query: string, body: Uint8Array): QueryFields {
  return Object.fromEntries([
    ...new URLSearchParams(query),
    ...new URLSearchParams(new TextDecoder().decode(body)),
  ]);
}

export function queryResult(action: string, fields: QueryFields, requestId: string): Response {
  const members = Object.entries(fields).map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`);
  return xml(
    200,
    `<${action}Response xmlns="${stsNamespace}"><${action}Result>${members.join("")}</${action}Result><ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${action}Response>`,
  );
}

export function queryError(problem: Fault, requestId: string): Response {
  const { status: jsonStatus, name } = awsErrors[problem.fault];
  // STS and IAM, "Common Errors": InvalidAction is a 400, unlike the JSON protocol's UnknownOperationException.
  const status = problem.fault === "UnknownOperation" ? 400 : jsonStatus;
  const code = queryNames[problem.fault] ?? name.replace(/Exception$/, "");
  return xml(
    status,
    `<ErrorResponse xmlns="${stsNamespace}"><Error><Type>${status < 500 ? "Sender" : "Receiver"}</Type><Code>${code}</Code><Message>${escapeXml(problem.message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
  );
}

function xml(status: number, text: string): Response {
  return new Response(text, { status, headers: { "content-type": "text/xml" } });
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Characters that XML 1.0 cannot hold, which are left out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;

function escapeXml(text: string): string {
  return text.replace(unwritable, "").replace(/[&<>"]/g, (c) => entities[c] ?? c);
}
