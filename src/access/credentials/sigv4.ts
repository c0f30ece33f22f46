/**
 * AWS Signature Version 4, from the side of the service: who says that they signed a request, and did they. It is
 * pure: the caller of this module finds the secret of the access key between the two steps, and brings the time.
 *
 * The source of the rules is the IAM User Guide, "Create a signed AWS API request" and "Troubleshoot Signature Version
 * 4 signing"; the rules are those of every service but S3, so a path is normalised and percent-encoded once more. The
 * order of the refusals and their sentences are those that AWS services answer with, except that the time is looked at
 * after the key is found.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { fault } from "../../lib/faults.ts";
import { percentEncoded } from "../../lib/text.ts";

/** A request as far as a signature covers it. */
export type SignedRequest = {
  method: string;
  /** As sent, percent-encoding untouched. */
  path: string;
  /** As sent, without the '?'. */
  query: string;
  /** Values as the Fetch standard has them: one character per byte, and repeated headers joined with ", ". */
  headers: Headers;
  /** Lower-case hexadecimal SHA-256 of the body as sent. */
  bodySha256: string;
};

/** What a request says about its own signature. Nothing in it is proven before {@link verifySignature} returns. */
type Signature = {
  accessKeyId: string;
  /** When the request was signed. `basic` is of the form 20260131T235959Z. */
  date: { basic: string; epochMs: number };
  /** Region and service of the credential scope, each `[a-z0-9-]{1,64}`. Whether they are right is for the caller. */
  region: string;
  service: string;
  /** Lower-case, sorted, each once. Each is in the request, and "host" is one of them. */
  signedHeaders: readonly string[];
  signature: string;
  sessionToken?: string | undefined;
  /** The body's hash in the caller's words, or "UNSIGNED-PAYLOAD". */
  contentSha256?: string | undefined;
  /** True if the signature came in the query string. */
  presigned: boolean;
  /** 1 to 604800, in presigned requests only, and not in all of them: `sts.PresignGetCallerIdentity` of Go has none. */
  expiresSeconds?: number | undefined;
};

const algorithm = "AWS4-HMAC-SHA256";
const terminator = "aws4_request";

/** How far the clocks of client and server may be apart. ECR allows five minutes, and says so in its sentence. */
const skewSeconds = 5 * 60;

/** IAM User Guide, "Query string parameters": the lifetime of a presigned request is at most seven days. */
const longestExpirySeconds = 7 * 24 * 60 * 60;

/** Ours. Roomy for IAM's Query protocol by GET, where a policy of 6,144 characters can triple when it is encoded. */
const limitCharacters = 64 * 1024;

/** CloudFront adds this one after the client has signed, so a Lading behind it would refuse every request. */
const headersAddedOnTheWay: ReadonlySet<string> = new Set(["x-amz-cf-id"]);

const headerParameters = ["Credential", "Signature", "SignedHeaders"];
const queryParameters = ["Algorithm", ...headerParameters, "Date"].map((name) => `X-Amz-${name}`);

/**
 * Reads the signature of a request from its Authorization header or, if it is presigned, from its query string.
 *
 * Throws MissingAuthenticationToken if there is neither, IncompleteSignature if a part is missing or malformed,
 * InvalidSignature if the parts contradict each other or the request, and UnrecognizedClient for an access key id that
 * cannot be one.
 */
export function readSignature(request: SignedRequest): Signature {
  const authorization = request.headers.get("authorization") ?? "";
  if (authorization.length + request.path.length + request.query.length > limitCharacters) {
    throw incomplete(
      `Path, query and Authorization header must not have more than ${limitCharacters} characters together.`,
    );
  }
  const parameters = new URLSearchParams(request.query);
  const presigned = parameters.has("X-Amz-Algorithm");
  if (authorization === "" && !presigned) throw fault("MissingAuthenticationToken");
  if (authorization !== "" && presigned) {
    throw invalid("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.");
  }
  const claims = presigned
    ? readQuery(parameters, request.headers)
    : readHeader(authorization, request.headers);
  const date = readDate(claims.date);
  const signedHeaders = readSignedHeaders(claims.signedHeaders, request.headers);
  if (claims.algorithm !== algorithm) {
    throw incomplete(
      `Unsupported AWS 'algorithm': '${shown(claims.algorithm)}' (only ${algorithm} for now).`,
    );
  }
  return { ...readCredential(claims.credential, date.basic), ...claims.rest, date, signedHeaders, presigned };
}

/**
 * Returns if `request` was signed with `secretAccessKey`, its body is the one that was signed, and the signature is of
 * now: at most five minutes from `nowMs` (milliseconds since the epoch), or within the lifetime of a presigned request.
 * Throws InvalidSignature otherwise. `signature` is what {@link readSignature} read from the same request.
 */
export function verifySignature(
  signature: Signature,
  request: SignedRequest,
  secretAccessKey: string,
  nowMs: number,
): void {
  checkTime(signature, nowMs);
  const scope = [signature.date.basic.slice(0, 8), signature.region, signature.service, terminator];
  const key = scope.reduce<Buffer | string>((above, part) => hmac(above, part), `AWS4${secretAccessKey}`);
  const payloadHash = readPayloadHash(signature, request.bodySha256);
  const given = Buffer.from(signature.signature);

  // Signers join the values of a repeated header with ",", and Headers has joined them with ", ". Nobody can tell any
  // more which of the two an ", " was, so both readings are tried. They mean the same to HTTP (RFC 9110, 5.3).
  const matches = [", ", ","].some((separator) => {
    const canonical = canonicalRequest({ signature, request, payloadHash, separator });
    // A header is bytes, and a character of its value is one byte. All the rest is ASCII.
    const canonicalSha256 = createHash("sha256").update(canonical, "latin1").digest("hex");
    const stringToSign = [algorithm, signature.date.basic, scope.join("/"), canonicalSha256].join("\n");
    const calculated = Buffer.from(hmac(key, stringToSign).toString("hex"));
    return given.length === calculated.length && timingSafeEqual(given, calculated);
  });
  if (!matches) {
    throw invalid(
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    );
  }
}

/** The parts of a signature as they stand in the request, read from either place but not yet understood. */
type Claims = Record<"algorithm" | "credential" | "signedHeaders" | "date", string> & {
  rest: Pick<Signature, "signature" | "sessionToken" | "contentSha256" | "expiresSeconds">;
};

/** `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`: any order, separated by commas or blanks. */
function readHeader(authorization: string, headers: Headers): Claims {
  const [name = "", ...pairs] = authorization.split(/[ \t,]+/);
  const given = new Map<string, string>();
  for (const pair of pairs.filter((part) => part !== "")) {
    const equals = pair.indexOf("=");
    if (equals < 1) {
      throw incomplete(
        `Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '${hashed(authorization)}'.`,
      );
    }
    if (given.has(pair.slice(0, equals))) {
      throw incomplete("Authorization header must not have a parameter more than once.");
    }
    given.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  const part = (parameter: string): string => given.get(parameter) ?? "";
  const date = headers.get("x-amz-date") ?? headers.get("date") ?? "";
  const missing = headerParameters
    .filter((parameter) => part(parameter) === "")
    .map((parameter) => `Authorization header requires '${parameter}' parameter. `);
  if (date === "") {
    missing.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
  }
  if (missing.length > 0) {
    throw incomplete(
      `${missing.join("")}(Hashed with SHA-256 and encoded with Base64) Authorization=${hashed(authorization)}`,
    );
  }
  return {
    algorithm: name,
    credential: part("Credential"),
    signedHeaders: part("SignedHeaders"),
    date,
    rest: {
      signature: part("Signature"),
      sessionToken: headers.get("x-amz-security-token") ?? undefined,
      contentSha256: headers.get("x-amz-content-sha256") ?? undefined,
    },
  };
}

/** IAM User Guide, "Add the signature to the request", by query string. */
function readQuery(parameters: URLSearchParams, headers: Headers): Claims {
  const part = (parameter: string): string => parameters.get(parameter) ?? "";
  const missing = queryParameters
    .filter((parameter) => part(parameter) === "")
    .map((parameter) => `AWS query-string parameters must include '${parameter}'. `);
  if (missing.length > 0) throw incomplete(`${missing.join("")}Re-examine the query-string parameters.`);
  for (const parameter of [...queryParameters, "X-Amz-Expires", "X-Amz-Security-Token"]) {
    if (parameters.getAll(parameter).length > 1) {
      throw incomplete(`AWS query-string parameters must include '${parameter}' only once.`);
    }
  }
  const expires = parameters.get("X-Amz-Expires") ?? undefined;
  if (expires !== undefined && !(/^[1-9]\d{0,5}$/.test(expires) && Number(expires) <= longestExpirySeconds)) {
    throw incomplete(
      `X-Amz-Expires must be a whole number of seconds from 1 to ${longestExpirySeconds}. Got '${shown(expires)}'.`,
    );
  }
  // Signers move this header to the query string under the name that the header had, in upper or lower case.
  const content = [...parameters].find(([name]) => name.toLowerCase() === "x-amz-content-sha256");
  return {
    algorithm: part("X-Amz-Algorithm"),
    credential: part("X-Amz-Credential"),
    signedHeaders: part("X-Amz-SignedHeaders"),
    date: part("X-Amz-Date"),
    rest: {
      signature: part("X-Amz-Signature"),
      sessionToken: parameters.get("X-Amz-Security-Token") ?? undefined,
      contentSha256: headers.get("x-amz-content-sha256") ?? content?.[1],
      expiresSeconds: expires === undefined ? undefined : Number(expires),
    },
  };
}

/** ISO 8601 basic (20260131T235959Z), or the form that HTTP has for the Date header (RFC 9110, IMF-fixdate). */
function readDate(value: string): Signature["date"] {
  const extended = value.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  // An IMF-fixdate has 29 characters. Date.parse takes many more forms than the two, and days that do not exist, so a
  // value counts only if it is what the parsed time would be written as.
  const epochMs = value.length > 29 ? Number.NaN : Date.parse(extended);
  if (Number.isNaN(epochMs) || (basic(epochMs) !== value && new Date(epochMs).toUTCString() !== value)) {
    throw incomplete(
      `Date must be in ISO-8601 'basic format'. Got '${shown(value)}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  }
  return { basic: basic(epochMs), epochMs };
}

function readSignedHeaders(value: string, headers: Headers): readonly string[] {
  const names = value.toLowerCase().split(";").sort();
  const signed = new Set(names);
  if (signed.size !== names.length || !names.every((name) => /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name))) {
    throw incomplete(
      `SignedHeaders must be header names separated by ';', each once. Got '${shown(value)}'.`,
    );
  }
  if (!signed.has("host")) {
    throw invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  }
  for (const name of headers.keys()) {
    if (name.startsWith("x-amz-") && !signed.has(name) && !headersAddedOnTheWay.has(name)) {
      throw invalid(`There were headers present in the request which were not signed: '${shown(name)}'.`);
    }
  }
  const absent = names.find((name) => !headers.has(name));
  if (absent !== undefined) {
    throw invalid(`The header '${shown(absent)}' is in SignedHeaders but did not come with the request.`);
  }
  return names;
}

/** `ACCESSKEY/yyyymmdd/region/service/aws4_request`. All that is wrong with the scope is said at once, as AWS does. */
function readCredential(value: string, date: string): Pick<Signature, "accessKeyId" | "region" | "service"> {
  const [accessKeyId, day, region, service, end, ...more] = value.split("/");
  if (!accessKeyId || !day || !region || !service || !end || more.length > 0) {
    throw incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${shown(value)}'`,
    );
  }
  const wrong: string[] = [];
  const name = /^[a-z0-9-]{1,64}$/;
  for (const [what, value] of Object.entries({ region, service })) {
    if (!name.test(value))
      wrong.push(`Credential should be scoped to a valid ${what}, not '${shown(value)}'.`);
  }
  if (end !== terminator) {
    wrong.push(`Credential should be scoped with a valid terminator: '${terminator}', not '${shown(end)}'.`);
  }
  if (day !== date.slice(0, 8)) {
    wrong.push(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${shown(day)}' != '${date.slice(0, 8)}', from '${date}'.`,
    );
  }
  if (wrong.length > 0) throw invalid(wrong.join(" "));
  // IAM API, AccessKey: `[\w]+`, at most 128 characters. What is not of this form is nobody's key.
  if (!/^\w{1,128}$/.test(accessKeyId)) throw fault("UnrecognizedClient");
  return { accessKeyId, region, service };
}

/** Compares whole seconds, which is what requests carry, so that the sentences are true as they are printed. */
function checkTime({ date, expiresSeconds }: Signature, nowMs: number): void {
  const now = Math.floor(nowMs / 1000) * 1000;
  const lifetimeSeconds = expiresSeconds ?? skewSeconds;
  const earliest = now - lifetimeSeconds * 1000;
  if (date.epochMs < earliest) {
    throw invalid(
      `Signature expired: ${date.basic} is now earlier than ${basic(earliest)} (${basic(now)} - ${duration(lifetimeSeconds)}.)`,
    );
  }
  const latest = now + skewSeconds * 1000;
  if (date.epochMs > latest) {
    throw invalid(
      `Signature not yet current: ${date.basic} is still later than ${basic(latest)} (${basic(now)} + ${duration(skewSeconds)}.)`,
    );
  }
}

/** The last line of the canonical request: what was signed of the body. */
function readPayloadHash({ contentSha256, presigned }: Signature, bodySha256: string): string {
  if (contentSha256 === undefined || contentSha256 === bodySha256) return bodySha256;
  if (contentSha256 !== "UNSIGNED-PAYLOAD") {
    throw invalid("The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
  if (!presigned) {
    throw invalid(
      "The body must be signed: 'x-amz-content-sha256' can be 'UNSIGNED-PAYLOAD' in presigned requests only.",
    );
  }
  return contentSha256;
}

/** IAM User Guide, "Create a canonical request". `separator` is what stands between the values of a repeated header. */
function canonicalRequest(parts: {
  signature: Signature;
  request: SignedRequest;
  payloadHash: string;
  separator: string;
}): string {
  const { signature, request, payloadHash, separator } = parts;
  const headerLines = signature.signedHeaders.map((name) => {
    // Headers has cut the blanks at both ends.
    const value = (request.headers.get(name) ?? "").replace(/[ \t]+/g, " ").replaceAll(", ", separator);
    return `${name}:${value}\n`;
  });
  return [
    request.method,
    canonicalPath(request.path),
    canonicalQuery(request.query, signature.presigned ? "X-Amz-Signature" : undefined),
    headerLines.join(""),
    signature.signedHeaders.join(";"),
    payloadHash,
  ].join("\n");
}

/** Empty and "." segments go, ".." takes the one before it along, and what stays is encoded on top of its encoding. */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(percentEncoded(segment));
  }
  return `/${segments.join("/")}${segments.length > 0 && path.endsWith("/") ? "/" : ""}`;
}

/** Sorted by name, then by value, both encoded. A signature in the query string cannot be among what it signs. */
function canonicalQuery(query: string, without: string | undefined): string {
  return query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const equals = pair.indexOf("=");
      const [name, value] = equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
      return { name: reencoded(name), value: reencoded(value) };
    })
    .filter(({ name }) => name !== without)
    .sort((a, b) => (a.name === b.name ? order(a.value, b.value) : order(a.name, b.name)))
    .map(({ name, value }) => `${name}=${value}`)
    .join("&");
}

/**
 * The one canonical encoding of what clients encode in many ways, byte by byte, so that input which is not UTF-8
 * survives. A "+" is a blank, because that is how parameters are read.
 */
function reencoded(text: string): string {
  return text.replace(/%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~]/gu, (part) => {
    if (part === "+") return "%20";
    if (part.length < 3) return percentEncoded(part);
    const character = String.fromCharCode(Number.parseInt(part.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : part.toUpperCase();
  });
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const hmac = (key: Buffer | string, data: string): Buffer => createHmac("sha256", key).update(data).digest();

/** AWS shows a header that it cannot read by its hash: it may be a password meant for another door. */
const hashed = (header: string): string => createHash("sha256").update(header).digest("base64");

/** The caller's value for a sentence, which stays readable however long the value is. */
const shown = (value: string): string => (value.length > 128 ? `${value.slice(0, 128)}…` : value);

/** 20260131T235959Z */
const basic = (epochMs: number): string => new Date(epochMs).toISOString().replace(/[-:]|\.\d{3}/g, "");

const duration = (seconds: number): string => (seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} sec`);

const incomplete = (reason: string) => fault("IncompleteSignature", { reason });

const invalid = (reason: string) => fault("InvalidSignature", { reason });
