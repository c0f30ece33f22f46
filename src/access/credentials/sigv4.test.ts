/**
 * The signatures here are made by others: by AWS's published test suite, by the signer of the AWS SDK on random
 * requests, and by the ECR client. fast-check prints the seed of a run that fails.
 */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { ECRClient, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import { Sha256 } from "@smithy/core/checksum";
import { escapeUri, HttpRequest, type IHttpRequest } from "@smithy/core/protocols";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";
import { Fault, type FaultName, fault } from "../../lib/faults.ts";
import { readSignature, type SignedRequest, verifySignature } from "./sigv4.ts";

const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const noon = Date.UTC(2026, 0, 1, 12);
const sha256 = (body: string | Uint8Array): string => createHash("sha256").update(body).digest("hex");

type SignOptions = {
  method?: string;
  path?: string;
  query?: Record<string, string | string[]>;
  headers?: Record<string, string>;
  body?: string;
  sessionToken?: string;
  service?: string;
  /** Sends x-amz-content-sha256, which the aws CLI does for S3 only. */
  applyChecksum?: boolean;
  /** Signs into the query string, with this lifetime. */
  expiresIn?: number;
};

function signer({ sessionToken, service = "ecr", applyChecksum = false }: SignOptions): SignatureV4 {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey, sessionToken };
  return new SignatureV4({ credentials, region: "eu-central-1", service, sha256: Sha256, applyChecksum });
}

/** Signs at noon with the signer of the AWS SDK, and puts the request on the wire as an HTTP client does. */
async function signed(options: SignOptions = {}): Promise<SignedRequest> {
  const { method = "POST", path = "/", query = {}, headers = {}, body = "{}", expiresIn } = options;
  const all = { host: "ecr.example.com:8443", ...headers };
  const request = new HttpRequest({ method, path, query, headers: all, body });
  const signingDate = new Date(noon);
  return onTheWire(
    expiresIn === undefined
      ? await signer(options).sign(request, { signingDate })
      : await signer(options).presign(request, { signingDate, expiresIn }),
  );
}

/** A parameter in the smithy form is decoded, and a header is text; on the wire one is encoded and the other bytes. */
function onTheWire(request: IHttpRequest): SignedRequest {
  const pairs = Object.entries(request.query ?? {}).flatMap(([name, value]) =>
    [value ?? ""].flat().map((one) => `${escapeUri(name)}=${escapeUri(one)}`),
  );
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    headers.set(name, Buffer.from(value).toString("latin1"));
  }
  const { method, path } = request;
  return { method, path, query: pairs.join("&"), headers, bodySha256: sha256(request.body ?? "") };
}

/** What a caller does. The id of the key is not among what is signed: another id is refused because it is unknown. */
function check(request: SignedRequest, { secret = secretAccessKey, nowMs = noon } = {}): void {
  const signature = readSignature(request);
  if (!["AKIDEXAMPLE", "ASIAEXAMPLE"].includes(signature.accessKeyId)) throw fault("UnrecognizedClient");
  verifySignature(signature, request, secret, nowMs);
}

/** The fault that `action` throws. Anything else it throws, or nothing, fails the test. */
function refusal(action: () => void): { fault: FaultName; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof Fault) return { fault: error.fault, message: error.message };
    throw error;
  }
  throw new Error("The request was accepted");
}

function withHeader(request: SignedRequest, name: string, value: string | undefined): SignedRequest {
  const headers = new Headers(request.headers);
  if (value === undefined) headers.delete(name);
  else headers.set(name, value);
  return { ...request, headers };
}

function withParameter(request: SignedRequest, name: string, value: string | undefined): SignedRequest {
  const parameters = new URLSearchParams(request.query);
  if (value === undefined) parameters.delete(name);
  else parameters.set(name, value);
  return { ...request, query: parameters.toString() };
}

const authorizationOf = (request: SignedRequest): string => request.headers.get("authorization") ?? "";

describe("AWS's test suite", () => {
  const suiteDate = "20150830T123600Z";
  const vectors = [
    { name: "get-vanilla", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    {
      name: "get-slash-dot-slash",
      path: "/./",
      signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    },
    {
      name: "get-relative-relative",
      path: "/example1/example2/../..",
      signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    },
    {
      name: "get-utf8",
      path: "/ሴ",
      signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    },
    {
      name: "get-vanilla-query-order-key-case",
      query: "Param2=value2&Param1=value1",
      signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    },
    {
      name: "get-header-key-duplicate",
      "my-header1": ["value2", "value2", "value1"],
      signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    },
    {
      name: "get-header-value-trim",
      "my-header1": [" value1"],
      "my-header2": [' "a   b   c"'],
      signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    },
  ];
  test.each(vectors)("$name", ({ signature, path = "/", query = "", name: _, ...repeated }) => {
    const headers = new Headers({ host: "example.amazonaws.com", "x-amz-date": suiteDate });
    for (const [name, values] of Object.entries(repeated))
      for (const value of values) headers.append(name, value);
    const names = ["host", ...Object.keys(repeated), "x-amz-date"].join(";");
    const scope = "20150830/us-east-1/service/aws4_request";
    headers.set(
      "authorization",
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    );
    const request = { method: "GET", path, query, headers, bodySha256: sha256("") };
    expect(readSignature(request)).toMatchObject({
      accessKeyId: "AKIDEXAMPLE",
      date: { basic: suiteDate, epochMs: Date.UTC(2015, 7, 30, 12, 36) },
      region: "us-east-1",
      service: "service",
      presigned: false,
    });
    check(request, { nowMs: Date.UTC(2015, 7, 30, 12, 36) });
  });
});

describe("requests of others verify", () => {
  const text = fc.string({
    unit: fc.constantFrom(..."abzAZ019-._~ !'()*+,;=:@$&?/#%\"<>[]\\^`{|}é日🐳"),
    maxLength: 12,
  });
  const segment = fc.oneof(
    fc.constantFrom("", ".", "..", "%2F", "v2", "a%20b", "%E1%88%B4", "*(!)'+$@:=,;"),
    text.map(escapeUri),
  );
  const name = fc.string({ unit: fc.constantFrom(..."abcXYZ09-_"), minLength: 1, maxLength: 8 });
  const value = fc.string({ unit: fc.constantFrom(...'ab01,;="/ \t\u00e0é日'), maxLength: 20 });
  const headers = fc.dictionary(
    name.map((given) => `x-${given.toLowerCase()}`),
    value,
    { maxKeys: 4, noNullPrototype: true },
  );
  const requests = fc.record({
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE"),
    path: fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join("/")}`),
    query: fc.dictionary(
      fc.oneof(name, text),
      fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    ),
    headers,
    body: text,
    sessionToken: fc.option(fc.base64String({ minLength: 4 }), { nil: undefined }),
    service: fc.constantFrom("ecr", "ecr-public", "sts", "iam"),
    applyChecksum: fc.boolean(),
    expiresIn: fc.option(fc.integer({ min: 1, max: 604_800 }), { nil: undefined }),
  });

  test("random requests, signed in the header or in the query string", async () => {
    await fc.assert(
      fc.asyncProperty(requests, fc.integer({ min: 0, max: 255 }), async (options, position) => {
        const request = await signed(options);
        check(request);
        const { service, sessionToken, presigned, expiresSeconds } = readSignature(request);
        expect({ service, sessionToken }).toEqual({
          service: options.service,
          sessionToken: options.sessionToken,
        });
        expect(presigned).toBe(options.expiresIn !== undefined);
        expect(expiresSeconds).toBe(options.expiresIn);
        const body = { ...request, bodySha256: sha256(`${options.body}.`) };
        const path = { ...request, path: `${request.path}x` };
        // In a name, in a value, or in the signature itself: wherever it lands, one more character is too many.
        const at = position % (request.query.length + 1);
        const query = { ...request, query: `${request.query.slice(0, at)}x${request.query.slice(at)}` };
        for (const changed of [body, path, query]) refusal(() => check(changed));
      }),
      { numRuns: 150 },
    );
  });

  test("the ECR client, with credentials of a session", async () => {
    const seen: SignedRequest[] = [];
    const client = new ECRClient({
      region: "us-gov-west-1",
      endpoint: "http://127.0.0.1:5000/",
      credentials: { accessKeyId: "ASIAEXAMPLE", secretAccessKey, sessionToken: "IQoJb3JpZ2luX2Vj//+=" },
      maxAttempts: 1,
      requestHandler: {
        handle: async (request: HttpRequest) => {
          seen.push(onTheWire(request));
          throw new Error("The request is seen, and nobody answers it");
        },
      },
    });
    await expect(client.send(new GetAuthorizationTokenCommand({}))).rejects.toThrow("nobody answers");
    const request = seen[0] as SignedRequest;
    const signature = readSignature(request);
    expect(signature).toMatchObject({
      accessKeyId: "ASIAEXAMPLE",
      sessionToken: "IQoJb3JpZ2luX2Vj//+=",
      region: "us-gov-west-1",
      service: "ecr",
    });
    check(request, { nowMs: signature.date.epochMs });
  });

  test("parameters encoded differently from the canonical way", async () => {
    const request = await signed({
      query: { a: "x y~🐳", "b-": ["2", "1"], "": "nameless", c: "", "d*": "é(!)'" },
    });
    check({ ...request, query: "c&b%2d=1&&=nameless&d*=%c3%a9(!)'&a=x+y%7e🐳&b%2D=2" });
  });

  test("signed headers named in another case and order", async () => {
    const request = await signed();
    const authorization = authorizationOf(request).replace("host;x-amz-date", "X-Amz-Date;Host");
    check(withHeader(request, "authorization", authorization));
  });

  test.each(["Thu, 01 Jan 2026 12:00:00 GMT", "20260101T120000Z"])("the Date header '%s'", async (date) => {
    // The signer of the SDK sends x-amz-date always, so the canonical request is written out, and only signed by it.
    const canonical = `GET\n/\n\ndate:${date}\nhost:ecr\n\ndate;host\n${sha256("")}`;
    const scope = "20260101/eu-central-1/ecr/aws4_request";
    const signature = await signer({}).sign(
      `AWS4-HMAC-SHA256\n20260101T120000Z\n${scope}\n${sha256(canonical)}`,
      {
        signingDate: new Date(noon),
      },
    );
    const authorization = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope},SignedHeaders=date;host,Signature=${signature}`;
    const headers = new Headers({ host: "ecr", date, authorization });
    const request = { method: "GET", path: "/", query: "", headers, bodySha256: sha256("") };
    expect(readSignature(request).date).toEqual({ basic: "20260101T120000Z", epochMs: noon });
    check(request);
  });

  test("a presigned request whose body is declared unsigned, with any body", async () => {
    const headers = { "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD" };
    const request = await signed({ method: "PUT", headers, expiresIn: 60 });
    check({ ...request, bodySha256: sha256("anything") });
  });

  test("a header that CloudFront added after the request was signed", async () => {
    check(withHeader(await signed(), "x-amz-cf-id", "edge"));
  });
});

describe("a change is refused", () => {
  const target = "AmazonEC2ContainerRegistry_V20150921.DescribeImages";
  const options = {
    path: "/a/b%20c",
    query: { Action: "A", n: ["1", "2"] },
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": target,
      "x-amz-content-sha256": sha256("{}"),
    },
    sessionToken: "token",
  };
  const mismatch = {
    fault: "InvalidSignature",
    message:
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
  } as const;

  test("of the method, the path, the query, or the secret", async () => {
    for (const request of [await signed(options), await signed({ ...options, expiresIn: 60 })]) {
      const { query } = request;
      check(request);
      for (const change of [
        { method: "GET" },
        { path: "/a/b%20d" },
        { path: "/a/b c" },
        { path: "/a/b%20c/" },
        { query: query.replace("Action=A", "Action=B") },
        { query: query.replace("Action=A", "action=A") },
        { query: query.replace("n=2", "n=3") },
        { query: query.replace("&n=2", "") },
        { query: `${query}&n=2` },
        { query: `${query}&Signature=` },
      ]) {
        expect(refusal(() => check({ ...request, ...change }))).toEqual(mismatch);
      }
      for (const secret of ["", `${secretAccessKey} `, secretAccessKey.toLowerCase()]) {
        expect(refusal(() => check(request, { secret }))).toEqual(mismatch);
      }
    }
  });

  test("of the query by a second signature, which is not left out of what the header signs", async () => {
    const request = await signed();
    expect(refusal(() => check({ ...request, query: "X-Amz-Signature=00" }))).toEqual(mismatch);
  });

  test("of any signed header", async () => {
    const request = await signed(options);
    const { signedHeaders } = readSignature(request);
    expect(signedHeaders).toEqual([
      "content-type",
      "host",
      "x-amz-content-sha256",
      "x-amz-date",
      "x-amz-security-token",
      "x-amz-target",
    ]);
    for (const name of signedHeaders) {
      const changed = withHeader(request, name, `${request.headers.get(name)}0`);
      expect(refusal(() => check(changed)).fault).toBe(
        name === "x-amz-date" ? "IncompleteSignature" : "InvalidSignature",
      );
      const removed = refusal(() => check(withHeader(request, name, undefined)));
      expect(removed.fault).toBe(name === "x-amz-date" ? "IncompleteSignature" : "InvalidSignature");
    }
    const later = withHeader(request, "x-amz-date", "20260101T120001Z");
    expect(refusal(() => check(later))).toEqual(mismatch);
  });

  test("of the region, the service, the access key id, or the signed headers", async () => {
    const request = await signed(options);
    for (const [from, to] of [
      ["eu-central-1", "eu-central-2"],
      ["/ecr/", "/sts/"],
      ["content-type;", ""],
    ] as const) {
      const changed = withHeader(request, "authorization", authorizationOf(request).replace(from, to));
      expect(refusal(() => check(changed))).toEqual(mismatch);
    }
  });

  test("of every byte of the signature, and of its length", async () => {
    const request = await signed();
    const presigned = await signed({ expiresIn: 60 });
    const { signature } = readSignature(request);
    const bytes = [...signature];
    const changes = bytes.map((byte, index) => bytes.with(index, byte === "0" ? "1" : "0").join(""));
    for (const change of [
      ...changes,
      signature.slice(1),
      `${signature}0`,
      signature.toUpperCase(),
      "é".repeat(32),
    ]) {
      const changed = authorizationOf(request).replace(signature, change);
      expect(refusal(() => check(withHeader(request, "authorization", changed)))).toEqual(mismatch);
      expect(refusal(() => check(withParameter(presigned, "X-Amz-Signature", change)))).toEqual(mismatch);
    }
  });

  test("of the body, whether its hash came with the request or not", async () => {
    const bodySha256 = sha256("{ }");
    const bare = await signed();
    expect(refusal(() => check({ ...bare, bodySha256 }))).toEqual(mismatch);
    const hashed = await signed(options);
    expect(refusal(() => check({ ...hashed, bodySha256 }))).toEqual({
      fault: "InvalidSignature",
      message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
    });
    const presigned = await signed({ ...options, expiresIn: 60 });
    check(presigned);
    expect(refusal(() => check({ ...presigned, bodySha256 })).fault).toBe("InvalidSignature");
  });
});

describe("time", () => {
  const at = (hours: number, minutes: number, seconds: number, ms = 0) =>
    Date.UTC(2026, 0, 1, hours, minutes, seconds, ms);

  test("five minutes to either side are allowed, and no second more", async () => {
    const request = await signed();
    for (const nowMs of [at(11, 55, 0), noon, at(12, 5, 0), at(12, 5, 0, 999)]) check(request, { nowMs });
    expect(refusal(() => check(request, { nowMs: at(12, 5, 1) }))).toEqual({
      fault: "InvalidSignature",
      message:
        "Signature expired: 20260101T120000Z is now earlier than 20260101T120001Z (20260101T120501Z - 5 min.)",
    });
    expect(refusal(() => check(request, { nowMs: at(11, 54, 59, 999) }))).toEqual({
      fault: "InvalidSignature",
      message:
        "Signature not yet current: 20260101T120000Z is still later than 20260101T115959Z (20260101T115459Z + 5 min.)",
    });
  });

  test("a presigned request lives as long as it says", async () => {
    const minute = await signed({ expiresIn: 60 });
    for (const nowMs of [at(11, 55, 0), at(12, 1, 0, 999)]) check(minute, { nowMs });
    expect(refusal(() => check(minute, { nowMs: at(12, 1, 1) })).message).toEndWith(
      "(20260101T120101Z - 1 min.)",
    );
    expect(refusal(() => check(minute, { nowMs: at(11, 54, 59) })).message).toStartWith(
      "Signature not yet current",
    );

    const week = await signed({ expiresIn: 604_800 });
    const end = noon + 604_800_000;
    check(week, { nowMs: end });
    expect(refusal(() => check(week, { nowMs: end + 1000 })).message).toStartWith("Signature expired");

    const seconds = await signed({ expiresIn: 90 });
    expect(refusal(() => check(seconds, { nowMs: at(12, 2, 0) })).message).toEndWith(
      "(20260101T120200Z - 90 sec.)",
    );
  });

  test("without a lifetime, a presigned request is as good as one that is signed in the header", async () => {
    const request = withParameter(await signed({ expiresIn: 60 }), "X-Amz-Expires", undefined);
    const signature = readSignature(request);
    expect(signature.expiresSeconds).toBeUndefined();
    const late = refusal(() => verifySignature(signature, request, secretAccessKey, at(12, 5, 1)));
    expect(late.message).toEndWith("(20260101T120501Z - 5 min.)");
  });
});

describe("what cannot be a signature is refused in AWS's words", () => {
  const base64 = (text: string): string => createHash("sha256").update(text).digest("base64");
  const notAPair = (header: string): string =>
    `Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '${base64(header)}'.`;
  const needs = (...names: string[]): string =>
    names.map((name) => `Authorization header requires '${name}' parameter. `).join("");
  const given = (header: string): string =>
    `(Hashed with SHA-256 and encoded with Base64) Authorization=${base64(header)}`;

  test("no credentials at all", async () => {
    const request = withHeader(await signed(), "authorization", undefined);
    const missing = { fault: "MissingAuthenticationToken", message: "Missing Authentication Token" } as const;
    expect(refusal(() => check(request))).toEqual(missing);
    expect(
      refusal(() => check({ ...request, query: "X-Amz-Signature=00&x-amz-algorithm=AWS4-HMAC-SHA256" })),
    ).toEqual(missing);
  });

  test.each([
    ["Bearer abc.def", notAPair("Bearer abc.def")],
    ["Basic dXNlcjpwYXNzd29yZA", notAPair("Basic dXNlcjpwYXNzd29yZA")],
    ["AWS4-HMAC-SHA256", needs("Credential", "Signature", "SignedHeaders") + given("AWS4-HMAC-SHA256")],
    [
      "AWS4-HMAC-SHA256 Credential=a,, Signature=",
      needs("Signature", "SignedHeaders") + given("AWS4-HMAC-SHA256 Credential=a,, Signature="),
    ],
    ["AWS4-HMAC-SHA256 =a", notAPair("AWS4-HMAC-SHA256 =a")],
    [
      "AWS4-HMAC-SHA256 Credential=a, Signature=b, Credential=a, SignedHeaders=host",
      "Authorization header must not have a parameter more than once.",
    ],
    [
      `AWS4-HMAC-SHA256 Credential=${"a".repeat(65_536)}`,
      "Path, query and Authorization header must not have more than 65536 characters together.",
    ],
  ])("Authorization: %s", async (header, message) => {
    const request = withHeader(await signed(), "authorization", header);
    expect(refusal(() => check(request))).toEqual({ fault: "IncompleteSignature", message });
  });

  const scope = "20260101/eu-central-1/ecr/aws4_request";
  const fiveElements =
    "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got";
  test.each<[string, string, FaultName, string]>([
    [
      "AWS4-HMAC-SHA256",
      "AWS4-HMAC-SHA1",
      "IncompleteSignature",
      "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1' (only AWS4-HMAC-SHA256 for now).",
    ],
    [`AKIDEXAMPLE/${scope}`, "a/b/c/d", "IncompleteSignature", `${fiveElements} 'a/b/c/d'`],
    [`AKIDEXAMPLE/${scope}`, `/${scope}`, "IncompleteSignature", `${fiveElements} '/${scope}'`],
    [scope, `${scope}/`, "IncompleteSignature", `${fiveElements} 'AKIDEXAMPLE/${scope}/'`],
    ["eu-central-1", "EU", "InvalidSignature", "Credential should be scoped to a valid region, not 'EU'."],
    [
      "20260101/eu-central-1/ecr/aws4_request",
      "20260102/eu_1/e.r/aws5_request",
      "InvalidSignature",
      "Credential should be scoped to a valid region, not 'eu_1'. Credential should be scoped to a valid service, not 'e.r'. Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260102' != '20260101', from '20260101T120000Z'.",
    ],
    [
      "AKIDEXAMPLE",
      "AKID-EXAMPLE",
      "UnrecognizedClient",
      "The security token included in the request is invalid.",
    ],
    [
      "host;x-amz-date",
      "x-amz-date",
      "InvalidSignature",
      "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    ],
    [
      "host;x-amz-date",
      "host;",
      "IncompleteSignature",
      "SignedHeaders must be header names separated by ';', each once. Got 'host;'.",
    ],
    [
      "host;x-amz-date",
      "host;Host;x-amz-date",
      "IncompleteSignature",
      "SignedHeaders must be header names separated by ';', each once. Got 'host;Host;x-amz-date'.",
    ],
    [
      "host;x-amz-date",
      "host;x-gone;x-amz-date",
      "InvalidSignature",
      "The header 'x-gone' is in SignedHeaders but did not come with the request.",
    ],
    [
      "host;x-amz-date",
      "host",
      "InvalidSignature",
      "There were headers present in the request which were not signed: 'x-amz-date'.",
    ],
  ])("'%s' made '%s'", async (from, to, name, message) => {
    const request = await signed();
    expect(authorizationOf(request)).toContain(from);
    const changed = withHeader(request, "authorization", authorizationOf(request).replace(from, to));
    expect(refusal(() => check(changed))).toEqual({ fault: name, message });
  });

  test.each([
    "",
    "201",
    "20260230T120000Z",
    "20260101T240000Z",
    "2026-01-01T12:00:00Z",
    "Fri, 01 Jan 2026 12:00:00 GMT",
    "20260101T120000Z, 20260101T120000Z",
  ])("the date '%s'", async (date) => {
    const request = await signed();
    const message =
      date === ""
        ? `Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ${given(authorizationOf(request))}`
        : `Date must be in ISO-8601 'basic format'. Got '${date}'. See http://en.wikipedia.org/wiki/ISO_8601`;
    const changed = withHeader(request, "x-amz-date", date === "" ? undefined : date);
    expect(refusal(() => check(changed))).toEqual({ fault: "IncompleteSignature", message });
  });

  test("a header of AWS that is not signed, and a body that is not", async () => {
    const target = withHeader(await signed(), "x-amz-target", "DeleteRepository");
    expect(refusal(() => check(target)).message).toEndWith("which were not signed: 'x-amz-target'.");
    const unsigned = await signed({ headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } });
    expect(refusal(() => check(unsigned))).toEqual({
      fault: "InvalidSignature",
      message:
        "The body must be signed: 'x-amz-content-sha256' can be 'UNSIGNED-PAYLOAD' in presigned requests only.",
    });
  });

  test("a presigned request with a part missing, doubled, or in two places", async () => {
    const request = await signed({ expiresIn: 60 });
    for (const part of ["Credential", "Signature", "SignedHeaders", "Date"]) {
      const message = `AWS query-string parameters must include 'X-Amz-${part}'. Re-examine the query-string parameters.`;
      const without = withParameter(request, `X-Amz-${part}`, undefined);
      expect(refusal(() => check(without))).toEqual({ fault: "IncompleteSignature", message });
    }
    const doubled = { ...request, query: `${request.query}&X-Amz-Credential=a` };
    expect(refusal(() => check(doubled)).message).toBe(
      "AWS query-string parameters must include 'X-Amz-Credential' only once.",
    );
    const both = withHeader(request, "authorization", "AWS4-HMAC-SHA256 Credential=a");
    expect(refusal(() => check(both))).toEqual({
      fault: "InvalidSignature",
      message: "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    });
    for (const expires of ["", "0", "-1", "1.5", "1e3", "604801", "soon"]) {
      expect(refusal(() => check(withParameter(request, "X-Amz-Expires", expires)))).toEqual({
        fault: "IncompleteSignature",
        message: `X-Amz-Expires must be a whole number of seconds from 1 to 604800. Got '${expires}'.`,
      });
    }
  });

  test("garbage of any kind, and never anything but a fault", async () => {
    const good = await signed();
    const presigned = await signed({ expiresIn: 60 });
    const scrap = fc.oneof(
      fc.string({ unit: "binary", maxLength: 20 }),
      fc.constantFrom(
        "AWS4-HMAC-SHA256",
        " ",
        ",",
        "=",
        ";",
        "/",
        "&",
        "%",
        "%ff",
        "+",
        "?",
        "\ud800",
        scope,
        "host",
        "X-Amz-Date=",
      ),
    );
    const garbage = fc.array(scrap, { minLength: 1, maxLength: 8 }).map((scraps) => scraps.join(""));
    // What a server can see in a header: a character for each byte, and no control characters.
    const headerOf = (text: string): string =>
      [...Buffer.from(text).toString("latin1")].filter((character) => character >= " ").join("");
    const into = (text: string, at: number, more: string): string => {
      const cut = at % (text.length + 1);
      return `${text.slice(0, cut)}${more}${text.slice(cut)}`;
    };
    fc.assert(
      fc.property(garbage, fc.nat(), (text, at) => {
        const header = headerOf(text).trim() || "x";
        for (const request of [
          withHeader(good, "authorization", header),
          withHeader(good, "authorization", `AWS4-HMAC-SHA256 ${header}`),
          withHeader(good, "authorization", into(authorizationOf(good), at, `x${header}x`)),
          withHeader(good, "x-amz-date", header),
          withHeader(good, "x-amz-content-sha256", header),
          { ...good, path: `/${text}/x` },
          { ...good, query: `x${text}` },
          { ...presigned, query: into(presigned.query, at, `x${text}`) },
          { ...presigned, query: `X-Amz-Algorithm=${text}` },
          ...["Credential", "Date", "SignedHeaders", "Signature", "Expires"].map((name) =>
            withParameter(presigned, `X-Amz-${name}`, text),
          ),
        ]) {
          // Some garbage does no harm, such as a parameter that nobody knows, so nothing thrown is right as well.
          try {
            check(request);
          } catch (error) {
            expect(error).toBeInstanceOf(Fault);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
