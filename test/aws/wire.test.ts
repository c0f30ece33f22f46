/** The JSON protocol of the AWS door: operations, headers, and bodies that no SDK would send. */
import { describe, expect, test } from "bun:test";
import * as sdk from "@aws-sdk/client-ecr";
import {
  call,
  client,
  expectUnmodelled,
  expectWireError,
  jsonType,
  noRepository,
  type SignOptions,
  send,
  signed,
  targetPrefix,
  uuid,
} from "../support/aws.ts";
import { exchange, json, pattern, registryForFile, streamOf, unique } from "../support/oci.ts";

const registry = registryForFile();
const server = () => registry.server;

/** Every operation of the SDK, by the names of its command classes. */
const operations = Object.keys(sdk).flatMap((name) => /^(\w+)Command$/.exec(name)?.[1] ?? []);

const offered = new Set([
  "BatchCheckLayerAvailability",
  "BatchDeleteImage",
  "BatchGetImage",
  "CompleteLayerUpload",
  "CreateRepository",
  "DeleteRegistryPolicy",
  "DeleteRepository",
  "DeleteRepositoryPolicy",
  "DescribeImages",
  "DescribeRegistry",
  "DescribeRepositories",
  "GetAccountSetting",
  "GetAuthorizationToken",
  "GetDownloadUrlForLayer",
  "GetRegistryPolicy",
  "GetRepositoryPolicy",
  "InitiateLayerUpload",
  "ListImages",
  "ListTagsForResource",
  "PutAccountSetting",
  "PutImage",
  "PutImageScanningConfiguration",
  "PutImageTagMutability",
  "PutRegistryPolicy",
  "SetRepositoryPolicy",
  "TagResource",
  "UntagResource",
  "UploadLayerPart",
]);

const limitBytes = 1024 * 1024;
const tooLarge = {
  status: 413,
  type: "RequestEntityTooLargeException",
  message: `The request body must not be larger than ${limitBytes} bytes`,
};
const notJson = {
  status: 400,
  type: "SerializationException",
  message: "The request body is not JSON",
};

function unknownOperation(target: string) {
  return {
    status: 404,
    type: "UnknownOperationException",
    message: `The operation '${target}' is not known`,
  };
}

test("the SDK has the operations that this file knows", () => {
  expect(operations).toContainValues([...offered]);
  expect(operations.length).toBeGreaterThan(offered.size);
});

describe("every operation", () => {
  test.each(operations)("refuses %s without a signature", async (operation) => {
    const answer = await send(server(), {
      method: "POST",
      path: "/",
      query: "",
      headers: { "content-type": jsonType, "x-amz-target": `${targetPrefix}.${operation}` },
      body: "{}",
    });
    expectWireError(answer, {
      status: 403,
      type: "MissingAuthenticationTokenException",
      message: "Missing Authentication Token",
    });
  });

  test.each(operations.filter((name) => !offered.has(name)))("says that %s is not offered", async (name) => {
    expectWireError(await call(server(), { operation: name }), {
      status: 400,
      type: "UnsupportedCommandException",
      message: `The operation ${name} is not offered by this registry`,
    });
  });

  test.each([...offered])("offers %s", async (operation) => {
    const answer = await call(server(), { operation });
    expect(answer.status).toBeOneOf([200, 400]);
    expect(answer.text).not.toContain("UnsupportedCommandException");
  });
});

test("the SDK shows an operation that is not offered under its name", async () => {
  await expectUnmodelled(client(server()).getRegistryScanningConfiguration({}), {
    status: 400,
    name: "UnsupportedCommandException",
    message: "The operation GetRegistryScanningConfiguration is not offered by this registry",
  });
});

describe("headers of answers", () => {
  test("success and error have the JSON type and a request id of their own", async () => {
    const answers = [
      await call(server(), { operation: "DescribeRegistry" }),
      await call(server(), { operation: "DescribeRegistry" }),
      await call(server(), { operation: "ListImages", body: `{"repositoryName":"missing"}` }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400]);
    for (const { headers } of answers) expect(headers.get("content-type")).toBe(jsonType);
    const ids = answers.map(({ headers }) => headers.get("x-amzn-requestid"));
    for (const id of ids) expect(id).toMatch(uuid);
    expect(new Set(ids).size).toBe(3);
  });

  test("the SDK reads the request id", async () => {
    const { $metadata } = await client(server()).describeRegistry({});
    expect($metadata.requestId).toMatch(uuid);
  });
});

describe("the target", () => {
  const unknown = [
    `${targetPrefix}.NoSuchOperation`,
    `${targetPrefix}.describeregistry`,
    `${targetPrefix}.`,
    targetPrefix,
    `${targetPrefix}.DescribeRegistry.DescribeRegistry`,
    `${targetPrefix} .DescribeRegistry`,
    `${targetPrefix}.constructor`,
    `${targetPrefix}.__proto__`,
    `${targetPrefix}.hasOwnProperty`,
    "SpencerFrontendService.DescribeRegistries",
    "Other.DescribeRegistry",
    "DescribeRegistry",
    "not a target",
    "..",
  ];
  test.each(unknown)("'%s' is no operation", async (target) => {
    expectWireError(await call(server(), { headers: { "x-amz-target": target } }), unknownOperation(target));
  });

  test("one of any length is refused in a few words", async () => {
    const target = `${targetPrefix}.${"x".repeat(5000)}`;
    const answer = await call(server(), { headers: { "x-amz-target": target } });
    expect(answer.status).toBe(404);
    expect(answer.text).toContain("UnknownOperationException");
    expect(answer.text.length).toBeLessThan(1000);
  });

  test("a request without one names no operation", async () => {
    expectWireError(await call(server(), {}), {
      status: 404,
      type: "UnknownOperationException",
      message: "The request names no operation",
    });
  });

  test("an unsigned request with a bad one is told about its signature first", async () => {
    const answer = await send(server(), {
      method: "POST",
      path: "/",
      query: "",
      headers: { "x-amz-target": "garbage" },
      body: "{}",
    });
    expectWireError(answer, {
      status: 403,
      type: "MissingAuthenticationTokenException",
      message: "Missing Authentication Token",
    });
  });

  test.each(["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])("%s / is nothing", async (method) => {
    const request = await signed(server(), { operation: "DescribeRegistry" });
    const { status, text } = await send(server(), { ...request, method });
    expect(status).toBe(404);
    expect(text).not.toContain("registryId");
  });
});

describe("bodies", () => {
  const bodies: readonly { name: string; body: SignOptions["body"] & {} }[] = [
    { name: "text", body: "not JSON" },
    { name: "half an object", body: `{"repositoryName":` },
    { name: "a comma too many", body: `{"repositoryName":"a",}` },
    { name: "two objects", body: "{}{}" },
    { name: "single quotes", body: "{'repositoryName':'a'}" },
    { name: "a form", body: "Action=ListImages&Version=2015-09-21" },
    { name: "XML", body: "<ListImages/>" },
    { name: "bytes that are not UTF-8", body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) },
    { name: "a zero byte", body: new Uint8Array([0]) },
  ];
  test.each(bodies)("$name is not JSON", async ({ body }) => {
    expectWireError(await call(server(), { operation: "ListImages", body }), notJson);
  });

  const wrongTypes: readonly [body: string, message: string][] = [
    ["[]", "Start of list found where not expected"],
    [`"text"`, "Expected structure or null"],
    ["7", "Expected structure or null"],
    ["true", "Expected structure or null"],
    [`{"repositoryName":7}`, "NUMBER_VALUE can not be converted to a String at 'repositoryName'"],
    [`{"repositoryName":true}`, "TRUE_VALUE can not be converted to a String at 'repositoryName'"],
    [`{"repositoryName":["a"]}`, "Start of list found where not expected at 'repositoryName'"],
    [`{"repositoryName":{"a":1}}`, "Start of structure or map found where not expected at 'repositoryName'"],
    [
      `{"repositoryName":"ab","maxResults":"5"}`,
      "STRING_VALUE can not be converted to an Integer at 'maxResults'",
    ],
    [
      `{"repositoryName":"ab","maxResults":1.5}`,
      "NUMBER_VALUE can not be converted to an Integer at 'maxResults'",
    ],
    [
      `{"repositoryName":"ab","maxResults":1e99}`,
      "NUMBER_VALUE can not be converted to an Integer at 'maxResults'",
    ],
    [`{"repositoryName":"ab","filter":[]}`, "Start of list found where not expected at 'filter'"],
    [
      `{"repositoryName":"ab","filter":{"tagStatus":1}}`,
      "NUMBER_VALUE can not be converted to a String at 'filter.tagStatus'",
    ],
  ];
  test.each(wrongTypes)("%s has a wrong type", async (body, message) => {
    const answer = await call(server(), { operation: "ListImages", body });
    expectWireError(answer, { status: 400, type: "SerializationException", message });
  });

  test("a wrong type inside of a list is told with its place", async () => {
    const body = `{"repositoryName":"ab","imageIds":[{"imageTag":"a"},{"imageTag":2}]}`;
    expectWireError(await call(server(), { operation: "BatchGetImage", body }), {
      status: 400,
      type: "SerializationException",
      message: "NUMBER_VALUE can not be converted to a String at 'imageIds.2.member.imageTag'",
    });
    expectWireError(
      await call(server(), { operation: "BatchGetImage", body: `{"repositoryName":"ab","imageIds":"a"}` }),
      { status: 400, type: "SerializationException", message: "Expected list or null at 'imageIds'" },
    );
  });

  test("a layer part that is not Base64 is refused", async () => {
    const part = (blob: string) =>
      JSON.stringify({
        repositoryName: "ab",
        uploadId: "11111111-2222-3333-4444-555555555555",
        partFirstByte: 0,
        partLastByte: 0,
        layerPartBlob: blob,
      });
    for (const blob of ["%%%", "YQ", "Y Q==", "YQ==YQ=="]) {
      expectWireError(await call(server(), { operation: "UploadLayerPart", body: part(blob) }), {
        status: 400,
        type: "SerializationException",
        message:
          "STRING_VALUE can not be converted to a Blob at 'layerPartBlob': it is not Base64 with its padding",
      });
    }
  });

  test("no body at all, null, null members and unknown members are an input without them", async () => {
    for (const body of ["", "null", "{}", `{"nextToken":null,"surprise":[1],"__proto__":{"a":1}}`]) {
      const answer = await call(server(), { operation: "DescribeRepositories", body });
      expect(answer.text).toStartWith(`{"repositories":[`);
      expect(answer.status).toBe(200);
    }
  });

  test("text beyond ASCII arrives as it was sent", async () => {
    const repositoryName = await registry.createRepository();
    const resourceArn = `arn:aws:ecr:us-east-1:000000000000:repository/${repositoryName}`;
    const tags = [{ Key: "größe", Value: "„übergroß“ 🚢" }];
    await client(server()).tagResource({ resourceArn, tags });
    expect((await client(server()).listTagsForResource({ resourceArn })).tags).toEqual(tags);
  });

  const depth = 100_000;
  const deep: readonly { name: string; body: string }[] = [
    { name: "lists", body: "[".repeat(depth) + "]".repeat(depth) },
    { name: "lists without an end", body: "[".repeat(depth) },
    { name: "structures", body: `${`{"a":`.repeat(depth)}1${"}".repeat(depth)}` },
    {
      name: "lists in a member",
      body: `{"repositoryName":${"[".repeat(depth)}${"]".repeat(depth)}}`,
    },
  ];
  test.each(deep)("100,000 levels of $name are refused at once", async ({ body }) => {
    const start = performance.now();
    const answer = await call(server(), { operation: "ListImages", body });
    expect(performance.now() - start).toBeLessThan(5000);
    expect(answer.status).toBe(400);
    // A structure whose only member is unknown is like an empty one.
    expect(JSON.parse(answer.text).__type).toBeOneOf(["SerializationException", "InvalidParameterException"]);
    expect(answer.text.length).toBeLessThan(1000);
  });

  test("100,000 levels in a manifest are refused at once", async () => {
    const repositoryName = await registry.createRepository();
    const imageManifest = `{"schemaVersion":2,"annotations":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    const answer = await call(server(), {
      operation: "PutImage",
      body: JSON.stringify({ repositoryName, imageManifest }),
    });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).__type).toBe("InvalidParameterException");
    expect((await client(server()).listImages({ repositoryName })).imageIds).toEqual([]);
  });

  test("2 MiB are too large for an operation without content", async () => {
    const body = JSON.stringify({ repositoryName: "x".repeat(2 * limitBytes) });
    expectWireError(await call(server(), { operation: "ListImages", body }), tooLarge);
  });

  test("2 MiB in chunks are too large, too", async () => {
    const text = new TextEncoder().encode(JSON.stringify({ repositoryName: "x".repeat(2 * limitBytes) }));
    const request = await signed(server(), { operation: "ListImages", body: text });
    const response = await fetch(`${server().url}/`, {
      method: "POST",
      headers: request.headers,
      body: streamOf(text),
    });
    expectWireError(
      { status: response.status, headers: response.headers, text: await response.text() },
      tooLarge,
    );
  });

  test("an operation with content takes 2 MiB", async () => {
    const repositoryName = unique("missing");
    const body = JSON.stringify({ repositoryName, imageManifest: "x".repeat(2 * limitBytes) });
    const answer = await call(server(), { operation: "PutImage", body });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).__type).toBeOneOf([
      "InvalidParameterException",
      "RepositoryNotFoundException",
    ]);
  });

  test("an operation with content takes its body in chunks, too", async () => {
    const repositoryName = await registry.createRepository();
    const { uploadId } = await client(server()).initiateLayerUpload({ repositoryName });
    const layer = pattern(5 * limitBytes, 1);
    const part = { repositoryName, uploadId, partFirstByte: 0, partLastByte: layer.length - 1 };
    const body = json({ ...part, layerPartBlob: layer.toBase64() });
    const { headers } = await signed(server(), { operation: "UploadLayerPart", body });
    const response = await fetch(`${server().url}/`, { method: "POST", headers, body: streamOf(body) });
    expect(await response.json()).toMatchObject({ lastByteReceived: layer.length - 1 });
    expect(response.status).toBe(200);
  });

  test("a length beyond what any operation takes is refused before the body comes", async () => {
    const { headers } = await signed(server(), { operation: "UploadLayerPart" });
    const answer = await exchange(server(), {
      method: "POST",
      target: "/",
      headers: { ...headers, "content-length": String(30 * limitBytes) },
    });
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body)).toEqual({
      __type: "RequestEntityTooLargeException",
      message: `The request body must not be larger than ${28 * limitBytes} bytes`,
    });
  });

  test("a stranger is refused before the body comes", async () => {
    const { headers } = await signed(server(), {
      operation: "UploadLayerPart",
      accessKeyId: "AKIANOBODYHASTHISKEY",
    });
    const answer = await exchange(server(), {
      method: "POST",
      target: "/",
      headers: { ...headers, "content-length": String(20 * limitBytes) },
    });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toEqual({
      __type: "UnrecognizedClientException",
      message: "The security token included in the request is invalid.",
    });
  });

  test("after all of this the server works as before", async () => {
    const answer = await call(server(), { operation: "ListImages", body: `{"repositoryName":"missing"}` });
    expectWireError(answer, {
      status: 400,
      type: "RepositoryNotFoundException",
      message: noRepository("missing"),
    });
  });
});
