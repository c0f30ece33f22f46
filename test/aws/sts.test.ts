/** STS: GetCallerIdentity by the SDK and as the presigned URL that other systems take for a proof of identity. */
import { describe, expect, test } from "bun:test";
import {
  AssumeRootCommand,
  GetCallerIdentityCommand,
  STSClient,
  type STSClientConfig,
} from "@aws-sdk/client-sts";
import { escapeUri, HttpRequest } from "@smithy/core/protocols";
import {
  call,
  expectUnmodelled,
  type SignOptions,
  send,
  signer,
  uuid,
  type WireAnswer,
} from "../support/aws.ts";
import { exchange, registryForFile } from "../support/oci.ts";
import { root } from "../support/server.ts";

const registry = registryForFile();
const server = () => registry.server;

const mismatch =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

function sts(options: STSClientConfig = {}): STSClient {
  const { url, region } = server();
  return new STSClient({ endpoint: url, region, credentials: root, maxAttempts: 1, ...options });
}

/** A form of the Query protocol, signed and sent. */
function form(body: string, options: SignOptions = {}): Promise<WireAnswer> {
  const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
  return call(server(), { service: "sts", body, ...options, headers });
}

type PresignOptions = SignOptions & { expiresIn?: number; query?: Record<string, string> };

/** A presigned URL as text, without the server's address. */
async function presigned(options: PresignOptions = {}): Promise<string> {
  const query = options.query ?? { Action: "GetCallerIdentity", Version: "2011-06-15" };
  const request = new HttpRequest({ method: "GET", path: "/", query, headers: { host: server().host } });
  const { expiresIn = 60, signingDate = new Date() } = options;
  const made = await signer(server(), { service: "sts", ...options }).presign(request, {
    expiresIn,
    signingDate,
  });
  const pairs = Object.entries(made.query ?? {}).map(
    ([name, value]) => `${escapeUri(name)}=${escapeUri(String(value))}`,
  );
  return `/?${pairs.join("&")}`;
}

function get(path: string): Promise<WireAnswer> {
  const [, query = ""] = path.split("?");
  return send(server(), { method: "GET", path: "/", query, headers: {}, body: "" });
}

function expectXmlError(
  answer: WireAnswer,
  expected: { status: number; code: string; message: string },
): void {
  const part = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(answer.text)?.[1];
  expect({ status: answer.status, code: part("Code"), message: part("Message") }).toEqual(expected);
  expect(answer.headers.get("content-type")).toBe("text/xml");
  expect(answer.text).toStartWith(
    `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>`,
  );
  expect(part("RequestId")).toMatch(uuid);
  expect(part("RequestId")).toBe(answer.headers.get("x-amzn-requestid") ?? "");
}

const identity =
  "<GetCallerIdentityResult><UserId>000000000000</UserId><Account>000000000000</Account><Arn>arn:aws:iam::000000000000:root</Arn></GetCallerIdentityResult>";

describe("the SDK", () => {
  test("learns who it is", async () => {
    const { $metadata, ...members } = await sts().send(new GetCallerIdentityCommand({}));
    expect(members).toEqual({
      Arn: "arn:aws:iam::000000000000:root",
      UserId: "000000000000",
      Account: "000000000000",
    });
    expect($metadata.requestId).toMatch(uuid);
  });

  test("learns it in every region", async () => {
    for (const region of ["eu-west-2", "ap-southeast-2", "home"]) {
      const { Account } = await sts({ region }).send(new GetCallerIdentityCommand({}));
      expect(Account).toBe("000000000000");
    }
  });

  test("sees the Query protocol's names for what is wrong with a signature", async () => {
    const ask = (credentials: STSClientConfig["credentials"]) =>
      sts({ credentials }).send(new GetCallerIdentityCommand({}));
    await expectUnmodelled(ask({ ...root, secretAccessKey: "wrong-wrong-wrong-wrong" }), {
      status: 403,
      name: "SignatureDoesNotMatch",
      message: mismatch,
    });
    for (const other of [{ accessKeyId: "AKIANOBODYHASTHISKEY" }, { sessionToken: "nobody-gave-this" }]) {
      await expectUnmodelled(ask({ ...root, ...other }), {
        status: 403,
        name: "InvalidClientTokenId",
        message: "The security token included in the request is invalid.",
      });
    }
  });

  test("is told about an operation that is not here", async () => {
    const assume = new AssumeRootCommand({
      TargetPrincipal: "arn:aws:iam::000000000000:root",
      TaskPolicyArn: { arn: "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials" },
    });
    await expectUnmodelled(sts().send(assume), {
      status: 400,
      name: "InvalidAction",
      message: "The operation 'AssumeRoot' is not known",
    });
  });
});

describe("a form", () => {
  test("is answered in XML, with the request's id in body and header", async () => {
    const { status, headers, text } = await form("Action=GetCallerIdentity&Version=2011-06-15");
    const requestId = headers.get("x-amzn-requestid") ?? "";
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("text/xml");
    expect(requestId).toMatch(uuid);
    expect(text).toBe(
      `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${identity}<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
    );
  });

  test.each(["AssumeEverything", "getcalleridentity", "constructor", "__proto__", "toString"])(
    "with the action %s is refused",
    async (action) => {
      expectXmlError(await form(`Action=${action}&Version=2011-06-15`), {
        status: 400,
        code: "InvalidAction",
        message: `The operation '${action}' is not known`,
      });
    },
  );

  test("without an action names no operation", async () => {
    for (const body of ["", "Version=2011-06-15", "Action="]) {
      expectXmlError(await form(body), {
        status: 400,
        code: "InvalidAction",
        message: "The request names no operation",
      });
    }
  });

  test("has what it says escaped in the answer", async () => {
    const answer = await form(`Action=${encodeURIComponent(`<b>&"\u0001`)}`);
    expect(answer.text).toContain("The operation '&lt;b&gt;&amp;");
    expect(answer.text).not.toContain("<b>");
    expect(answer.text).not.toContain("\u0001");
  });

  test("of 2 MiB is refused", async () => {
    expectXmlError(await form(`Action=${"x".repeat(2 * 1024 * 1024)}`), {
      status: 413,
      code: "RequestEntityTooLarge",
      message: "The request body must not be larger than 1048576 bytes",
    });
  });

  test("needs a signature, and one for sts", async () => {
    const unsigned = await send(server(), {
      method: "POST",
      path: "/",
      query: "",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "Action=GetCallerIdentity&Version=2011-06-15",
    });
    expectXmlError(unsigned, {
      status: 403,
      code: "MissingAuthenticationToken",
      message: "Missing Authentication Token",
    });
    expectXmlError(await form("Action=GetCallerIdentity", { service: "ecr" }), {
      status: 403,
      code: "SignatureDoesNotMatch",
      message: "Credential should be scoped to correct service: 'sts' or 'iam'.",
    });
  });
});

describe("a presigned URL", () => {
  test("says who made it", async () => {
    const answer = await get(await presigned());
    expect(answer.status).toBe(200);
    expect(answer.text).toContain(identity);
  });

  test("is taken again until it expires, also when it is older than a clock may differ", async () => {
    const signingDate = new Date(Date.now() - 10 * 60_000);
    const path = await presigned({ signingDate, expiresIn: 900 });
    for (const _ of [1, 2]) expect((await get(path)).status).toBe(200);
  });

  test("is refused when it expired", async () => {
    const signingDate = new Date(Date.now() - 61_000);
    const answer = await get(await presigned({ signingDate, expiresIn: 60 }));
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("<Code>SignatureDoesNotMatch</Code>");
    expect(answer.text).toMatch(
      /<Message>Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 1 min\.\)<\/Message>/,
    );
    expect(answer.text).not.toContain("arn:aws:iam");
  });

  test("is refused when it is of tomorrow", async () => {
    const signingDate = new Date(Date.now() + 24 * 3_600_000);
    const answer = await get(await presigned({ signingDate, expiresIn: 3600 }));
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("<Message>Signature not yet current: ");
  });

  test("that lives longer than was signed is refused", async () => {
    const signingDate = new Date(Date.now() - 61_000);
    const path = await presigned({ signingDate, expiresIn: 60 });
    expectXmlError(await get(path.replace("X-Amz-Expires=60", "X-Amz-Expires=600")), {
      status: 403,
      code: "SignatureDoesNotMatch",
      message: mismatch,
    });
  });

  const altered: readonly [name: string, alter: (path: string) => string, message: string][] = [
    ["another action", (path) => path.replace("GetCallerIdentity", "GetSessionToken"), mismatch],
    ["a parameter more", (path) => `${path}&Action=GetSessionToken`, mismatch],
    [
      "another signature",
      (path) => path.replace(/X-Amz-Signature=[0-9a-f]{8}/, "X-Amz-Signature=00000000"),
      mismatch,
    ],
    [
      "another service",
      (path) => path.replace("%2Fsts%2F", "%2Fecr%2F"),
      "Credential should be scoped to correct service: 'sts' or 'iam'.",
    ],
    ["another region", (path) => path.replace("us-east-1", "eu-west-2"), mismatch],
  ];
  test.each(altered)("with %s is refused", async (_, alter, message) => {
    const path = await presigned();
    expect(alter(path)).not.toBe(path);
    expectXmlError(await get(alter(path)), { status: 403, code: "SignatureDoesNotMatch", message });
  });

  test("without a part of its signature is refused", async () => {
    const path = await presigned();
    for (const name of ["X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature"]) {
      expectXmlError(await get(path.replace(new RegExp(`(?<=[?&])${name}=[^&]*&?`), "")), {
        status: 403,
        code: "IncompleteSignature",
        message: `AWS query-string parameters must include '${name}'. Re-examine the query-string parameters.`,
      });
    }
  });

  test.each(["0", "-1", "604801", "1.5", "abc", ""])("may not live for '%s' seconds", async (seconds) => {
    const path = (await presigned()).replace("X-Amz-Expires=60", `X-Amz-Expires=${seconds}`);
    const { status, text } = await get(path);
    expect(status).toBe(403);
    expect(text).toContain("<Code>IncompleteSignature</Code>");
    expect(text).toContain(
      `X-Amz-Expires must be a whole number of seconds from 1 to 604800. Got '${seconds}'.`,
    );
  });

  test("is for its method and its host alone", async () => {
    const path = await presigned();
    const [, query = ""] = path.split("?");
    const posted = await send(server(), { method: "POST", path: "/", query, headers: {}, body: "" });
    expect(posted.status).toBe(403);
    const elsewhere = await exchange(server(), {
      method: "GET",
      target: path,
      headers: { host: "sts.example", authorization: "" },
    });
    expect(elsewhere.status).toBe(403);
    expect(elsewhere.body).toContain("<Code>SignatureDoesNotMatch</Code>");
  });

  test("of an unknown key is refused", async () => {
    expectXmlError(await get(await presigned({ accessKeyId: "AKIANOBODYHASTHISKEY" })), {
      status: 403,
      code: "InvalidClientTokenId",
      message: "The security token included in the request is invalid.",
    });
  });

  test("with a session token is refused, as the key is permanent", async () => {
    expectXmlError(await get(await presigned({ sessionToken: "nobody-gave-this" })), {
      status: 403,
      code: "InvalidClientTokenId",
      message: "The security token included in the request is invalid.",
    });
  });

  test("of ECR is no way into ECR without a target", async () => {
    const query = { Action: "DescribeRegistry", Version: "2015-09-21" };
    const { status, text } = await get(await presigned({ service: "ecr", query }));
    expect(status).toBe(403);
    expect(text).not.toContain("registryId");
  });
});
