/** Requests of the AWS door in the audit. */
import { anonymous } from "../../access/caller.ts";
import type { Fault } from "../../lib/faults.ts";
import type { Services } from "../../registry/context.ts";
import type { UserIdentity } from "../../store/trail-record.ts";
import type { AddressSettings } from "../addresses.ts";
import type { Call, Incoming } from "../call.ts";
import { noteRequest } from "../trail.ts";
import { recordable } from "../trail-values.ts";

/** What is known of a request so far. */
export type Seen = {
  /** The signing name of its service. */
  service: string;
  operation: string;
  call?: Call;
  input?: unknown;
  output?: unknown;
};

/** Operations that change nothing. STS makes credentials and changes nothing either, CloudTrail says. */
const reading =
  /^(?:Get|List|Describe|BatchGet|BatchCheck|Lookup|Check|Validate|Simulate|Generate|Decode|Explain|Lint|Replay|WhoAmI|WhoCan|AssumeRole)/;

/** Notes a request of this door, which is about to be answered. `errorCode` is what the client sees. */
export function noteAwsRequest(
  services: Services,
  settings: AddressSettings,
  answered: { incoming: Incoming; seen: Seen; problem?: Fault; errorCode?: string },
): void {
  const { incoming, seen, problem, errorCode } = answered;
  const { call, service, operation } = seen;
  const caller = call?.caller ?? anonymous;
  const name = /^[A-Za-z]\w{0,127}$/.test(operation) ? operation : "UnknownOperation";
  const isRead = reading.test(name);
  const webIdentity = caller.kind === "anonymous" ? webIdentityIn(seen.output) : undefined;
  noteRequest(services, {
    requestId: incoming.requestId,
    event: () => ({
      door: "aws",
      service,
      name,
      isRead,
      parameters: recordable(seen.input),
      elements: isRead && service !== "sts" ? undefined : recordable(elementsOf(name, seen.output)),
      stranger: caller.kind === "anonymous" ? (webIdentity?.identity ?? strangerIn(incoming)) : undefined,
    }),
    caller,
    facts: call?.facts ?? incoming.facts(settings.region),
    asked: call?.asked ?? [],
    accountId:
      caller.kind === "principal" ? caller.accountId : (webIdentity?.accountId ?? settings.accountId),
    problem,
    errorCode,
  });
}

function elementsOf(name: string, output: unknown): unknown {
  return name === "GetCallerIdentity" ? undefined : output;
}

/** Who proved to be somebody with a token of an identity provider, and the account whose role was assumed so. */
function webIdentityIn(
  output: unknown,
): { identity: UserIdentity; accountId: string | undefined } | undefined {
  if (typeof output !== "object" || output === null || !("SubjectFromWebIdentityToken" in output))
    return undefined;
  // STS API, AssumeRoleWithWebIdentity: all of these are texts.
  const {
    SubjectFromWebIdentityToken: subject,
    Provider,
    Audience,
    AssumedRoleUser,
  } = output as {
    SubjectFromWebIdentityToken?: string;
    Provider?: string;
    Audience?: string;
    AssumedRoleUser?: { Arn?: string };
  };
  const principalId = [Provider, Audience, subject].filter((part) => part !== undefined).join(":");
  return {
    identity: { type: "WebIdentityUser", principalId, ...(subject !== undefined && { userName: subject }) },
    accountId: AssumedRoleUser?.Arn?.split(":")[4],
  };
}

/** The key that somebody without a valid signature claims to have. */
function strangerIn({ request, query }: Incoming): UserIdentity {
  const text = `${request.headers.get("authorization") ?? ""} ${query}`;
  const claimed = /\bCredential=(\w{16,128})(?:\/|%2F)/i.exec(text)?.[1];
  return { type: "Unknown", ...(claimed !== undefined && { accessKeyId: claimed }) };
}
