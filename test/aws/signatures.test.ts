/** Signature Version 4 over HTTP: what is accepted, and every way to be wrong. A refused request changes nothing. */
import { describe, expect, test } from "bun:test";
import {
  client,
  expectUnmodelled,
  expectWireError,
  type SignOptions,
  send,
  signed,
  type WireRequest,
} from "../support/aws.ts";
import { exchange, registryForFile, unique } from "../support/oci.ts";
import { root, start } from "../support/server.ts";

const registry = registryForFile();
const server = () => registry.server;

const minuteMs = 60_000;
const mismatch =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
const unrecognized = {
  status: 403,
  type: "UnrecognizedClientException",
  message: "The security token included in the request is invalid.",
};
const badSignature = (message: string) => ({ status: 403, type: "InvalidSignatureException", message });
const incomplete = (message: string) => ({ status: 403, type: "IncompleteSignatureException", message });

/** 20260131T235959Z */
const basicDate = (time: number) => new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, "");

function changeAuthorization(pattern: RegExp, replacement: string) {
  return (request: WireRequest) => {
    const before = request.headers.authorization ?? "";
    const authorization = before.replace(pattern, replacement);
    expect(authorization).not.toBe(before);
    return { ...request, headers: { ...request.headers, authorization } };
  };
}

function withHeaders(headers: Readonly<Record<string, string>>) {
  return (request: WireRequest) => ({ ...request, headers: { ...request.headers, ...headers } });
}

function withoutHeader(name: string) {
  return (request: WireRequest) => {
    expect(Object.keys(request.headers)).toContain(name);
    const { [name]: _, ...headers } = request.headers;
    return { ...request, headers };
  };
}

type Case = {
  name: string;
  sign?: SignOptions;
  alter?: (request: WireRequest) => WireRequest;
  expected: { status: number; type: string; message: string };
};

const cases: readonly Case[] = [
  {
    name: "a signature with another last digit",
    alter: (request) => {
      const last = request.headers.authorization?.at(-1) === "0" ? "1" : "0";
      return changeAuthorization(/.$/, last)(request);
    },
    expected: badSignature(mismatch),
  },
  {
    name: "a signature that is cut short",
    alter: changeAuthorization(/.$/, ""),
    expected: badSignature(mismatch),
  },
  {
    name: "a signature in capitals",
    alter: (request) => {
      const { authorization = "" } = request.headers;
      const [right = ""] = /[0-9a-f]{64}$/.exec(authorization) ?? [];
      return changeAuthorization(/[0-9a-f]{64}$/, right.toUpperCase())(request);
    },
    expected: badSignature(mismatch),
  },
  {
    name: "a signature of one digit",
    alter: changeAuthorization(/[0-9a-f]{64}$/, "0"),
    expected: badSignature(mismatch),
  },
  {
    name: "another secret",
    sign: { secretAccessKey: "not/the+secret+of+this+key+at+all+0000000" },
    expected: badSignature(mismatch),
  },
  { name: "an unknown key", sign: { accessKeyId: "AKIANOBODYHASTHISKEY" }, expected: unrecognized },
  {
    name: "the key's id in small letters",
    sign: { accessKeyId: root.accessKeyId.toLowerCase() },
    expected: unrecognized,
  },
  {
    name: "a key id that cannot be one",
    alter: changeAuthorization(/Credential=\w+/, "Credential=*"),
    expected: unrecognized,
  },
  {
    name: "another body than was signed",
    alter: (request) => ({ ...request, body: String(request.body).replace("refused", "smuggle") }),
    expected: badSignature(mismatch),
  },
  {
    name: "a body with a blank more",
    alter: (request) => ({ ...request, body: `${request.body} ` }),
    expected: badSignature(mismatch),
  },
  {
    name: "another operation than was signed",
    sign: { operation: "DeleteRepository" },
    alter: (request) =>
      withHeaders({
        "x-amz-target": String(request.headers["x-amz-target"]).replace("Delete", "Create"),
      })(request),
    expected: badSignature(mismatch),
  },
  {
    name: "another value of a signed header",
    sign: { headers: { "x-note": "one" } },
    alter: withHeaders({ "x-note": "two" }),
    expected: badSignature(mismatch),
  },
  {
    name: "a signed header that is gone",
    sign: { headers: { "x-note": "one" } },
    alter: withoutHeader("x-note"),
    expected: badSignature("The header 'x-note' is in SignedHeaders but did not come with the request."),
  },
  {
    name: "a signed header that is gone from the list, too",
    sign: { headers: { "x-note": "one" } },
    alter: (request) => withoutHeader("x-note")(changeAuthorization(/;x-note/, "")(request)),
    expected: badSignature(mismatch),
  },
  {
    name: "an unsigned x-amz header",
    alter: withHeaders({ "x-amz-note": "late" }),
    expected: badSignature("There were headers present in the request which were not signed: 'x-amz-note'."),
  },
  {
    name: "the host not signed",
    alter: changeAuthorization(/;host;/, ";"),
    expected: badSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
  },
  {
    name: "a query that was not signed",
    alter: (request) => ({ ...request, query: "force=true" }),
    expected: badSignature(mismatch),
  },
  {
    name: "the scope of another service",
    sign: { service: "s3" },
    expected: badSignature("Credential should be scoped to correct service: 'ecr'."),
  },
  {
    name: "the scope of sts",
    sign: { service: "sts" },
    expected: badSignature("Credential should be scoped to correct service: 'ecr'."),
  },
  {
    name: "another service in the scope than was signed",
    sign: { service: "s3" },
    alter: changeAuthorization(/\/s3\//, "/ecr/"),
    expected: badSignature(mismatch),
  },
  {
    name: "another region in the scope than was signed",
    alter: changeAuthorization(/\/us-east-1\//, "/eu-west-2/"),
    expected: badSignature(mismatch),
  },
  {
    name: "a region that is none",
    sign: { region: "US_EAST_1" },
    expected: badSignature("Credential should be scoped to a valid region, not 'US_EAST_1'."),
  },
  {
    name: "a region that is too long",
    sign: { region: "a".repeat(26) },
    expected: badSignature(`Credential should be scoped to a valid region, not '${"a".repeat(26)}'.`),
  },
  {
    name: "another end of the scope",
    alter: changeAuthorization(/aws4_request/, "aws5_request"),
    expected: badSignature(
      "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
    ),
  },
  {
    name: "a scope without its end",
    alter: changeAuthorization(/\/aws4_request/, ""),
    expected: incomplete(
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'SCOPE'",
    ),
  },
  {
    name: "a session token for a permanent key",
    sign: { sessionToken: "a-token-that-nobody-gave" },
    expected: unrecognized,
  },
  {
    name: "the hash of another body",
    sign: { headers: { "x-amz-content-sha256": "0".repeat(64) } },
    expected: badSignature("The provided 'x-amz-content-sha256' header does not match what was computed."),
  },
  {
    name: "a body that is not signed",
    sign: { headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } },
    expected: badSignature(
      "The body must be signed: 'x-amz-content-sha256' can be 'UNSIGNED-PAYLOAD' in presigned requests only.",
    ),
  },
  {
    name: "another algorithm",
    alter: changeAuthorization(/^AWS4-HMAC-SHA256/, "AWS4-HMAC-SHA512"),
    expected: incomplete("Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512' (only AWS4-HMAC-SHA256 for now)."),
  },
  {
    name: "a date that is none",
    alter: withHeaders({ "x-amz-date": "yesterday" }),
    expected: incomplete(
      "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601",
    ),
  },
];

test.each(cases)("$name is refused", async ({ sign, alter, expected }) => {
  const repositoryName = unique("refused");
  const body = JSON.stringify({ repositoryName });
  const request = await signed(server(), { operation: "CreateRepository", body, ...sign });
  const altered = alter === undefined ? request : alter(request);
  const scope = /Credential=([^,]+)/.exec(altered.headers.authorization ?? "")?.[1] ?? "";
  expectWireError(await send(server(), altered), {
    ...expected,
    message: expected.message.replace("SCOPE", scope),
  });

  const { repositories } = await client(server()).describeRepositories({});
  expect(repositories?.map((repository) => repository.repositoryName)).toEqual([]);
});

const incompleteHeaders: readonly { name: string; authorization: string; message: RegExp }[] = [
  {
    name: "the algorithm alone",
    authorization: "AWS4-HMAC-SHA256",
    message: /^Authorization header requires 'Credential' parameter\. .*'Signature'.*'SignedHeaders'/,
  },
  {
    name: "a parameter without a value",
    authorization: "AWS4-HMAC-SHA256 Credential",
    message: /^Invalid key=value pair \(missing equal-sign\) in Authorization header/,
  },
  {
    name: "basic authentication",
    authorization: `Basic ${btoa("AWS:password-of-the-other-door")}`,
    message: /Authorization/,
  },
  {
    name: "a parameter twice",
    authorization: "AWS4-HMAC-SHA256 Credential=a, Credential=b, SignedHeaders=host, Signature=c",
    message: /^Authorization header must not have a parameter more than once\.$/,
  },
];

describe("an Authorization header", () => {
  test.each(incompleteHeaders)("of $name is incomplete", async ({ authorization, message }) => {
    const request = await signed(server(), { operation: "DescribeRegistry" });
    const answer = await send(server(), withHeaders({ authorization })(request));
    expect(answer.status).toBe(403);
    const body = JSON.parse(answer.text) as { __type: string; message: string };
    expect(body.__type).toBe("IncompleteSignatureException");
    expect(body.message).toMatch(message);
    expect(body.message).not.toContain(authorization);
  });

  test("and a presigned query at once are refused", async () => {
    const request = await signed(server(), { operation: "DescribeRegistry" });
    const answer = await send(server(), { ...request, query: "X-Amz-Algorithm=AWS4-HMAC-SHA256" });
    expectWireError(
      answer,
      badSignature(
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
      ),
    );
  });

  test("for another host than the one that is asked is refused", async () => {
    const { headers, body } = await signed(server(), { operation: "DescribeRegistry" });
    const answer = await exchange(server(), {
      method: "POST",
      target: "/",
      headers: { ...headers, host: "registry.example" },
      body: new TextEncoder().encode(String(body)),
    });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toEqual({ __type: "InvalidSignatureException", message: mismatch });
  });
});

describe("the clock", () => {
  test.each([-4, 0, 4])("of a client may differ by %d minutes", async (minutes) => {
    const signingDate = new Date(Date.now() + minutes * minuteMs);
    const request = await signed(server(), { operation: "DescribeRegistry", signingDate });
    expect((await send(server(), request)).status).toBe(200);
  });

  test.each([
    {
      minutes: -6,
      sentence:
        /^Signature expired: (\d{8}T\d{6}Z) is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$/,
    },
    {
      minutes: 6,
      sentence:
        /^Signature not yet current: (\d{8}T\d{6}Z) is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 5 min\.\)$/,
    },
    { minutes: -60 * 24 * 365, sentence: /^Signature expired: (\d{8}T\d{6}Z) is now earlier than / },
  ])("of a client may not differ by $minutes minutes", async ({ minutes, sentence }) => {
    const signingDate = new Date(Date.now() + minutes * minuteMs);
    const answer = await send(
      server(),
      await signed(server(), { operation: "DescribeRegistry", signingDate }),
    );
    expect(answer.status).toBe(403);
    const { __type, message } = JSON.parse(answer.text) as { __type: string; message: string };
    expect(__type).toBe("InvalidSignatureException");
    expect(message).toMatch(sentence);
    expect(sentence.exec(message)?.[1]).toBe(basicDate(signingDate.getTime()));
  });

  test("an old signature does not pass with a new date", async () => {
    const signingDate = new Date(Date.now() - 60 * minuteMs);
    const request = await signed(server(), { operation: "DescribeRegistry", signingDate });
    const answer = await send(server(), withHeaders({ "x-amz-date": basicDate(Date.now()) })(request));
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.text).message).toBeOneOf([mismatch]);
  });
});

describe("the SDK", () => {
  const describeRegistry = (options: Parameters<typeof client>[1]) =>
    client(server(), options).describeRegistry({});

  test("sees a wrong secret as InvalidSignatureException", async () => {
    const credentials = { accessKeyId: root.accessKeyId, secretAccessKey: "wrong-wrong-wrong-wrong" };
    await expectUnmodelled(describeRegistry({ credentials }), {
      status: 403,
      name: "InvalidSignatureException",
      message: mismatch,
    });
  });

  test("sees an unknown key, and a session token for a permanent one, as UnrecognizedClientException", async () => {
    for (const other of [{ accessKeyId: "AKIANOBODYHASTHISKEY" }, { sessionToken: "nobody-gave-this" }]) {
      await expectUnmodelled(describeRegistry({ credentials: { ...root, ...other } }), {
        status: 403,
        name: "UnrecognizedClientException",
        message: unrecognized.message,
      });
    }
  });
});

test("the same signed request is accepted twice, as retries are", async () => {
  const request = await signed(server(), { operation: "DescribeRegistry" });
  expect((await send(server(), request)).status).toBe(200);
  expect((await send(server(), request)).status).toBe(200);
});

test("the body's hash may be sent, and must then be signed", async () => {
  const hash = new Bun.CryptoHasher("sha256").update("{}").digest("hex");
  const request = await signed(server(), {
    operation: "DescribeRegistry",
    headers: { "x-amz-content-sha256": hash },
  });
  expect((await send(server(), request)).status).toBe(200);
  const unsigned = await signed(server(), { operation: "DescribeRegistry" });
  expectWireError(
    await send(server(), withHeaders({ "x-amz-content-sha256": hash })(unsigned)),
    badSignature("There were headers present in the request which were not signed: 'x-amz-content-sha256'."),
  );
});

test("a key of one installation is nobody's in another", async () => {
  await using other = await start({
    env: { LADING_ROOT_ACCESS_KEY_ID: "AKIAOTHERINSTALLATN1" },
  });
  expectWireError(await send(other, await signed(other, { operation: "DescribeRegistry" })), unrecognized);
  const accessKeyId = "AKIAOTHERINSTALLATN1";
  const request = await signed(other, { operation: "DescribeRegistry", accessKeyId });
  expect((await send(other, request)).status).toBe(200);
  expectWireError(await send(server(), request), unrecognized);
});
