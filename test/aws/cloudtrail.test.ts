/** The audit: every request of every door is a record, and LookupEvents finds it as soon as it was answered. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import {
  InvalidLookupAttributesException,
  InvalidMaxResultsException,
  InvalidNextTokenException,
  InvalidTimeRangeException,
} from "@aws-sdk/client-cloudtrail";
import { folderWithOtherAccount, otherRoot } from "../support/accounts.ts";
import { call, client, uuid } from "../support/aws.ts";
import { cloudtrail, type Found, lookup, recordOf, recordsAbout } from "../support/cloudtrail.ts";
import { allow, iam, newKey, userWithKey } from "../support/iam.ts";
import { bytes, connect, digestOf, header, mediaTypes, withQuery } from "../support/oci.ts";
import { start, type TestServer } from "../support/server.ts";
import { ecr, keysOf, login, makeRole, sts } from "../support/sts.ts";

let data: string;
let server: TestServer;
const registry = connect(() => server);
const trail = () => cloudtrail(server);
const other = { accessKeyId: otherRoot.accessKeyId, secretAccessKey: otherRoot.secretAccessKey };

beforeAll(async () => {
  data = await folderWithOtherAccount();
  server = await start({ data });
});

afterAll(async () => {
  await server.stop();
  await rm(data, { recursive: true });
});

const arnOf = (repository: string) => `arn:aws:ecr:us-east-1:000000000000:repository/${repository}`;

async function onlyEvent(eventName: string, keys = {}): Promise<Found> {
  const attribute = { AttributeKey: "EventName" as const, AttributeValue: eventName };
  const [event] = await lookup(cloudtrail(server, { ...server, ...keys }), { LookupAttributes: [attribute] });
  if (!event) throw new Error(`There is no event ${eventName}`);
  return recordOf(event);
}

describe("a record", () => {
  test("has CloudTrail's members, with input and output", async () => {
    const repository = await registry.createRepository();
    const [record] = await recordsAbout(trail(), repository);
    expect(record).toEqual({
      eventVersion: "1.11",
      userIdentity: {
        type: "Root",
        principalId: server.accountId,
        arn: `arn:aws:iam::${server.accountId}:root`,
        accountId: server.accountId,
        accessKeyId: server.accessKeyId,
      },
      eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      eventSource: "ecr.amazonaws.com",
      eventName: "CreateRepository",
      awsRegion: "us-east-1",
      sourceIPAddress: "127.0.0.1",
      userAgent: expect.stringContaining("aws-sdk-js"),
      requestParameters: { repositoryName: repository },
      responseElements: {
        repository: expect.objectContaining({
          repositoryArn: arnOf(repository),
          createdAt: expect.stringMatching(/^[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M$/),
        }),
      },
      additionalEventData: {
        door: "aws",
        authorization: [
          {
            action: "ecr:CreateRepository",
            resource: arnOf(repository),
            ownerAccountId: server.accountId,
            allowed: true,
          },
        ],
        conditions: { "aws:securetransport": ["false"] },
      },
      requestID: expect.stringMatching(uuid),
      eventID: expect.stringMatching(uuid),
      readOnly: false,
      resources: [{ ARN: arnOf(repository), accountId: server.accountId, type: "AWS::ECR::Repository" }],
      eventType: "AwsApiCall",
      managementEvent: true,
      recipientAccountId: server.accountId,
      eventCategory: "Management",
    });
  });

  test("has the id that the client was told, on both doors", async () => {
    const repository = await registry.createRepository();
    const { $metadata } = await client(server).describeImages({ repositoryName: repository });
    const answer = await registry.request("GET", `/v2/${repository}/tags/list`);
    const ids = (await recordsAbout(trail(), repository)).map(({ requestID }) => requestID);
    expect(ids.slice(1)).toEqual([$metadata.requestId ?? "", header(answer, "x-request-id")]);
  });

  test("of a read has no response elements, and of a failure a code and the sentence", async () => {
    const repositoryName = "audit/missing";
    await client(server)
      .describeImages({ repositoryName })
      .catch(() => {});
    const [record] = await recordsAbout(trail(), repositoryName);
    expect(record).toMatchObject({
      eventName: "DescribeImages",
      errorCode: "RepositoryNotFoundException",
      errorMessage: expect.stringContaining("audit/missing"),
      readOnly: true,
      responseElements: null,
    });
  });

  test("is made of input that is wrong and of operations that nobody knows", async () => {
    await client(server)
      .createRepository({ repositoryName: "UPPER" })
      .catch(() => {});
    await call(server, { operation: "InventedOperation" });
    const wrong = await onlyEvent("CreateRepository");
    expect(wrong).toMatchObject({ errorCode: "InvalidParameterException", requestParameters: null });
    expect(await onlyEvent("InventedOperation")).toMatchObject({ errorCode: "UnknownOperationException" });
  });
});

describe("the registry door", () => {
  test("appears as the API calls that do the same", async () => {
    const repository = await registry.createRepository("audit/door");
    const other = await registry.createRepository("audit/source");
    const layer = await registry.pushBlob(other);
    const config = await registry.pushBlob(repository);
    const manifest = bytes(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.image, config, layers: [layer] }),
    );
    const imageDigest = digestOf(manifest);
    const base = `/v2/${repository}`;
    const location = await registry.beginUpload(repository);
    const part = bytes("one part");
    await registry.request("PATCH", location, { body: part });
    await registry.request("GET", location);
    await registry.request("PUT", withQuery(location, { digest: digestOf(part) }));
    await registry.request("DELETE", await registry.beginUpload(repository));
    await registry.request("POST", `${base}/blobs/uploads/?mount=${layer.digest}&from=${other}`);
    await registry.putManifest(repository, "v1", manifest);
    const accept = `${mediaTypes.image}, */*`;
    for (const method of ["GET", "HEAD"])
      await registry.request(method, `${base}/manifests/v1`, { headers: { accept } });
    await registry.request("GET", `${base}/manifests/${imageDigest}`, { headers: { accept } });
    await registry.request("GET", `${base}/blobs/${layer.digest}`);
    await registry.request("HEAD", `${base}/blobs/${layer.digest}`);
    await registry.request("GET", `${base}/tags/list`);
    await registry.request("GET", `${base}/referrers/${imageDigest}`);
    await registry.request("DELETE", `${base}/manifests/v1`);

    const records = (await recordsAbout(trail(), repository)).slice(1);
    const image = { imageIds: [{ imageTag: "v1" }], acceptedMediaTypes: [mediaTypes.image, "*/*"] };
    const uploadId = location.slice(location.lastIndexOf("/") + 1);
    const what = records.map(({ eventName, requestParameters, readOnly }) => {
      const { registryId, repositoryName, ...rest } = requestParameters ?? {};
      expect({ registryId, repositoryName }).toEqual({
        registryId: server.accountId,
        repositoryName: repository,
      });
      return [eventName, rest, readOnly];
    });
    expect(what).toEqual([
      ["InitiateLayerUpload", { layerDigest: config.digest }, false],
      ["InitiateLayerUpload", {}, false],
      ["UploadLayerPart", { uploadId }, false],
      ["GetLayerUploadStatus", { uploadId }, true],
      ["CompleteLayerUpload", { uploadId, layerDigests: [digestOf(part)] }, false],
      ["InitiateLayerUpload", {}, false],
      ["CancelLayerUpload", { uploadId: expect.any(String) }, false],
      ["MountLayer", { mountLayerDigest: layer.digest, mountSourceRepositoryName: other }, false],
      ["PutImage", { imageTag: "v1", imageManifestMediaType: mediaTypes.image }, false],
      ["BatchGetImage", image, true],
      ["BatchGetImage", image, true],
      ["BatchGetImage", { ...image, imageIds: [{ imageDigest }] }, true],
      ["GetDownloadUrlForLayer", { layerDigest: layer.digest }, true],
      ["BatchCheckLayerAvailability", { layerDigests: [layer.digest] }, true],
      ["ListImages", { filter: { tagStatus: "TAGGED" } }, true],
      ["ListImageReferrers", { subjectId: { imageDigest } }, true],
      ["BatchDeleteImage", { imageIds: [{ imageTag: "v1" }] }, false],
    ]);
    expect(new Set(records.map(({ additionalEventData }) => additionalEventData.door))).toEqual(
      new Set(["oci"]),
    );
    expect(records[1]?.responseElements).toEqual({ uploadId });
    expect(records[8]?.responseElements).toEqual({
      image: {
        registryId: server.accountId,
        repositoryName: repository,
        imageId: { imageTag: "v1", imageDigest },
      },
    });
    // What a policy was asked about is there, so that the request can be decided again.
    expect(records[9]?.additionalEventData.authorization).toEqual([
      {
        action: "ecr:BatchGetImage",
        resource: arnOf(repository),
        ownerAccountId: server.accountId,
        allowed: true,
        conditions: { "ecr:imagetag": ["v1"] },
      },
    ]);
  });

  test("tells apart who pulls, with what and from where, though it remembers pulls that are alike", async () => {
    const repository = await registry.createRepository();
    await registry.pushImage(repository, "v1");
    const pull = (userAgent: string) =>
      registry.request("GET", `/v2/${repository}/manifests/v1`, { headers: { "user-agent": userAgent } });
    for (const userAgent of ["docker/1", "docker/2", "docker/1", "docker/1"]) await pull(userAgent);
    const records = await recordsAbout(trail(), repository);
    const pulls = records.filter(({ eventName }) => eventName === "BatchGetImage");
    expect(pulls.map(({ userAgent }) => userAgent)).toEqual(["docker/1", "docker/2", "docker/1", "docker/1"]);
    expect(new Set(pulls.map(({ requestID }) => requestID)).size).toBe(4);
    expect(new Set(pulls.map(({ eventID }) => eventID)).size).toBe(4);
  });

  test("notes the check of a login, and not the questions about its health", async () => {
    await registry.request("GET", "/v2/", { headers: { "user-agent": "login check" } });
    await fetch(`${server.url}/healthz`, { headers: { "user-agent": "health check" } });
    await fetch(`${server.url}/readyz`, { headers: { "user-agent": "health check" } });
    const records = (await lookup(trail())).map(recordOf);
    const [check] = records.filter(({ userAgent }) => userAgent === "login check");
    expect(check).toMatchObject({ eventName: "CheckRegistryAccess", userIdentity: { type: "Root" } });
    expect(records.some(({ userAgent }) => userAgent === "health check")).toBe(false);
  });

  test("names a request that means nothing", async () => {
    await registry.request("GET", "/v2/audit/nothing");
    expect(await onlyEvent("UnsupportedRequest")).toMatchObject({
      requestParameters: { method: "GET", path: "/v2/audit/nothing" },
      userIdentity: { type: "Root" },
    });
  });
});

describe("a layer's download by its URL", () => {
  test("is a record of its own, about the repository and of nobody", async () => {
    const repositoryName = await registry.createRepository();
    const { digest } = await registry.pushBlob(repositoryName);
    const { downloadUrl = "" } = await client(server).getDownloadUrlForLayer({
      repositoryName,
      layerDigest: digest,
    });
    await fetch(downloadUrl);
    await fetch(downloadUrl.replace(/signature=./, "signature=!"));
    const records = await recordsAbout(trail(), repositoryName);
    expect(records.slice(-2)).toMatchObject([
      { eventName: "GetDownloadUrlForLayer", responseElements: null },
      {
        eventName: "DownloadLayer",
        requestParameters: { repositoryName, layerDigest: digest },
        userIdentity: { type: "Unknown" },
        additionalEventData: { door: "web" },
      },
    ]);
    expect(JSON.stringify(records)).not.toContain("signature=");
    expect(await onlyEvent("DownloadLayer")).toMatchObject({ errorCode: "AccessDenied" });
  });
});

describe("who asked", () => {
  test("is a user with its name and id, and a role's session with its issuer", async () => {
    const keys = await userWithKey(server, "auditor");
    await allow(server, "auditor", { Action: "ecr:DescribeRepositories" });
    await ecr(server, keys).describeRepositories({});
    const { User } = await iam(server).getUser({ UserName: "auditor" });
    expect((await onlyEvent("DescribeRepositories")).userIdentity).toEqual({
      type: "IAMUser",
      principalId: User?.UserId ?? "",
      arn: User?.Arn,
      accountId: server.accountId,
      accessKeyId: keys.accessKeyId,
      userName: "auditor",
    });

    const trust = { Action: "sts:AssumeRole", Principal: { AWS: server.accountId } };
    const role = await makeRole(server, { trust: [trust], actions: ["ecr:DescribeRegistry"] });
    await allow(server, "auditor", { Action: "sts:AssumeRole" });
    const { Credentials } = await sts(server, keys).assumeRole({
      RoleArn: role.arn,
      RoleSessionName: "night",
    });
    await ecr(server, keysOf(Credentials)).describeRegistry({});
    const [event] = await lookup(trail(), {
      LookupAttributes: [{ AttributeKey: "Username", AttributeValue: "night" }],
    });
    expect(recordOf(event ?? {}).userIdentity).toEqual({
      type: "AssumedRole",
      principalId: `${role.id}:night`,
      arn: `arn:aws:sts::${server.accountId}:assumed-role/${role.name}/night`,
      accountId: server.accountId,
      accessKeyId: Credentials?.AccessKeyId,
      sessionContext: {
        sessionIssuer: {
          type: "Role",
          principalId: role.id,
          arn: role.arn,
          accountId: server.accountId,
          userName: role.name,
        },
        attributes: { creationDate: expect.any(String), mfaAuthenticated: "false" },
      },
    });
    const assumed = await onlyEvent("AssumeRole");
    expect(assumed.requestParameters).toMatchObject({ roleArn: role.arn, roleSessionName: "night" });
    expect(assumed.responseElements).toMatchObject({
      credentials: {
        accessKeyId: Credentials?.AccessKeyId,
        secretAccessKey: "HIDDEN_DUE_TO_SECURITY_REASONS",
        sessionToken: "HIDDEN_DUE_TO_SECURITY_REASONS",
      },
    });
  });

  test("is unknown without valid credentials, with the key that was claimed", async () => {
    const unknown = { accessKeyId: "AKIAINVENTEDINVENTED", secretAccessKey: "not the secret of anything" };
    await ecr(server, unknown)
      .describeRegistry({})
      .catch(() => {});
    const header = `Basic ${btoa(`${server.accessKeyId}:not the right secret`)}`;
    await registry.request("GET", "/v2/audit/unknown/tags/list", { authorization: header });
    await registry.request("GET", "/v2/audit/unknown/manifests/v1", { authorization: null });
    const strangers = (await lookup(trail()))
      .map(recordOf)
      .filter(({ userIdentity }) => userIdentity.type === "Unknown")
      .slice(0, 3);
    expect(strangers).toMatchObject([
      { eventName: "BatchGetImage", userIdentity: {}, errorMessage: "No credentials were sent." },
      {
        eventName: "ListImages",
        userIdentity: { accessKeyId: server.accessKeyId },
        errorMessage: expect.stringContaining("not the secret"),
        requestParameters: { repositoryName: "audit/unknown" },
      },
      {
        eventName: "DescribeRegistry",
        userIdentity: { accessKeyId: unknown.accessKeyId },
        errorCode: "UnrecognizedClientException",
      },
    ]);
    expect(strangers[0]?.userIdentity).toEqual({ type: "Unknown" });
  });
});

describe("a refusal", () => {
  test("is AccessDenied on both doors, with what was asked", async () => {
    const repositoryName = await registry.createRepository();
    const keys = await userWithKey(server, "refused");
    await ecr(server, keys)
      .describeImages({ repositoryName })
      .catch(() => {});
    await allow(server, "refused", { Action: "ecr:GetAuthorizationToken" });
    await registry.request("GET", `/v2/${repositoryName}/manifests/v1`, {
      authorization: await login(server, keys),
    });
    const denied = (await recordsAbout(trail(), repositoryName)).slice(1);
    const asked = (action: string) => [
      expect.objectContaining({ action, resource: arnOf(repositoryName), allowed: false }),
    ];
    expect(denied).toMatchObject([
      {
        eventName: "DescribeImages",
        errorCode: "AccessDenied",
        errorMessage: expect.stringContaining(
          "user/refused is not authorized to perform: ecr:DescribeImages",
        ),
        additionalEventData: { authorization: asked("ecr:DescribeImages") },
      },
      {
        eventName: "BatchGetImage",
        errorCode: "AccessDenied",
        userIdentity: { userName: "refused", accessKeyId: keys.accessKeyId },
        additionalEventData: { authorization: asked("ecr:BatchGetImage"), door: "oci" },
      },
    ]);
  });
});

describe("a request across accounts", () => {
  test("is in the trails of both, and the owner learns the caller's account and no more", async () => {
    const repositoryName = await registry.createRepository();
    await ecr(server, other)
      .describeImages({ repositoryName, registryId: server.accountId })
      .catch(() => {});
    const [mine] = (await recordsAbout(trail(), repositoryName)).slice(1);
    const [theirs] = await recordsAbout(cloudtrail(server, other), repositoryName);
    expect(mine?.userIdentity).toEqual({
      type: "AWSAccount",
      principalId: otherRoot.accountId,
      accountId: otherRoot.accountId,
    });
    expect(theirs?.userIdentity).toMatchObject({ type: "Root", accessKeyId: otherRoot.accessKeyId });
    expect([mine?.recipientAccountId, theirs?.recipientAccountId]).toEqual([
      server.accountId,
      otherRoot.accountId,
    ]);
    expect(mine?.requestID).toBe(theirs?.requestID ?? "");
    expect(mine?.sharedEventID).toMatch(uuid);
    expect(mine?.sharedEventID).toBe(theirs?.sharedEventID ?? "");
    expect(mine?.eventID).not.toBe(theirs?.eventID ?? "");
  });

  test("is needed to see anything of another account", async () => {
    const repositoryName = await registry.createRepository();
    expect(await recordsAbout(cloudtrail(server, other), repositoryName)).toEqual([]);
  });
});

describe("secrets", () => {
  test("that were given or answered are in no record and not in the file", async () => {
    const UserName = "keeper";
    await iam(server).createUser({ UserName });
    const key = await newKey(server, UserName);
    const Password = "invented-Password-1";
    await iam(server).createLoginProfile({ UserName, Password });
    await iam(server).updateLoginProfile({ UserName, Password: `${Password}-new` });
    await allow(server, UserName, { Action: ["ecr:*", "sts:*"] });
    const token = await login(server, key);
    const session = keysOf((await sts(server, key).getSessionToken({})).Credentials);
    const federated = keysOf((await sts(server, key).getFederationToken({ Name: "guest" })).Credentials);
    await registry.request("GET", "/v2/", { authorization: token });
    await sts(server)
      .assumeRoleWithWebIdentity({
        RoleArn: "arn:aws:iam::000000000000:role/none",
        RoleSessionName: "web",
        WebIdentityToken: "an.invented.token-of-somebody",
      })
      .catch(() => {});
    const secrets = [
      server.secretAccessKey,
      key.secretAccessKey,
      Password,
      token.slice("Basic ".length),
      session.secretAccessKey,
      session.sessionToken,
      federated.secretAccessKey,
      federated.sessionToken,
      "an.invented.token-of-somebody",
    ];
    const events = await lookup(trail());
    const exported = Bun.spawnSync(["bin/lading", "audit", "export", "--data", server.data]);
    const file = await Bun.file(`${server.data}/audit.db`).bytes();
    const log = await Bun.file(`${server.data}/audit.db-wal`).bytes();
    const text = [
      JSON.stringify(events),
      exported.stdout.toString(),
      ...[file, log].map((some) => Buffer.from(some).toString("latin1")),
    ].join("\n");
    for (const name of ["CreateAccessKey", "CreateLoginProfile", "GetFederationToken"])
      expect(text).toContain(name);
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(15);
      expect(text).not.toContain(secret);
    }
  });
});

describe("LookupEvents", () => {
  test("finds by each attribute", async () => {
    const repository = await registry.createRepository();
    const [record] = await recordsAbout(trail(), repository);
    const rows = {
      EventId: record?.eventID,
      EventName: "CreateRepository",
      ReadOnly: "false",
      Username: "root",
      ResourceType: "AWS::ECR::Repository",
      ResourceName: arnOf(repository),
      EventSource: "ecr.amazonaws.com",
      AccessKeyId: server.accessKeyId,
    } as const;
    for (const [AttributeKey, AttributeValue] of Object.entries(rows)) {
      const attribute = { AttributeKey: AttributeKey as keyof typeof rows, AttributeValue };
      const events = await lookup(trail(), { LookupAttributes: [attribute] });
      const found = events.find(({ EventId }) => EventId === record?.eventID);
      expect(found, AttributeKey).toMatchObject({
        EventName: "CreateRepository",
        EventSource: "ecr.amazonaws.com",
        ReadOnly: "false",
        AccessKeyId: server.accessKeyId,
        Username: "root",
        Resources: [{ ResourceType: "AWS::ECR::Repository", ResourceName: arnOf(repository) }],
      });
      const none = {
        ...attribute,
        AttributeValue: AttributeKey === "ReadOnly" ? "true" : `${AttributeValue}x`,
      };
      const others = await lookup(trail(), { LookupAttributes: [none] });
      expect(
        others.some(({ EventId }) => EventId === record?.eventID),
        AttributeKey,
      ).toBe(false);
    }
  });

  test("answers pages, newest first, each event once", async () => {
    const repository = await registry.createRepository();
    for (let made = 0; made < 7; made += 1) await registry.request("GET", `/v2/${repository}/tags/list`);
    const LookupAttributes = [{ AttributeKey: "ResourceName" as const, AttributeValue: repository }];
    const all = await lookup(trail(), { LookupAttributes });
    const paged = await lookup(trail(), { LookupAttributes, MaxResults: 3 });
    expect(all).toHaveLength(8);
    expect(paged.map(({ EventId }) => EventId)).toEqual(all.map(({ EventId }) => EventId));
    const times = all.map(({ EventTime }) => EventTime?.getTime() ?? 0);
    expect(times).toEqual(times.toSorted((one, two) => two - one));
    expect(all.at(-1)?.EventName).toBe("CreateRepository");
  });

  test("keeps to the times", async () => {
    const repository = await registry.createRepository();
    const LookupAttributes = [{ AttributeKey: "ResourceName" as const, AttributeValue: repository }];
    const [event] = await lookup(trail(), { LookupAttributes });
    const at = event?.EventTime?.getTime() ?? 0;
    const count = async (from: number, to: number) => {
      const range = { StartTime: new Date(at + from), EndTime: new Date(at + to) };
      return (await lookup(trail(), { LookupAttributes, ...range })).length;
    };
    expect(await count(0, 0)).toBe(1);
    expect(await count(-1000, 1000)).toBe(1);
    expect(await count(1000, 2000)).toBe(0);
    expect(await count(-2000, -1000)).toBe(0);
  });

  test("refuses what it cannot take", async () => {
    const attribute = { AttributeKey: "EventName", AttributeValue: "x" } as const;
    const { NextToken } = await trail().lookupEvents({ MaxResults: 1 });
    const rows = [
      [{ LookupAttributes: [attribute, attribute] }, InvalidLookupAttributesException],
      [{ LookupAttributes: [{ ...attribute, AttributeKey: "ReadOnly" }] }, InvalidLookupAttributesException],
      [
        { LookupAttributes: [{ ...attribute, AttributeKey: "Color" as "EventName" }] },
        InvalidLookupAttributesException,
      ],
      [{ StartTime: new Date(2), EndTime: new Date(1) }, InvalidTimeRangeException],
      [{ NextToken: "invented" }, InvalidNextTokenException],
      [{ NextToken, LookupAttributes: [attribute] }, InvalidNextTokenException],
      [{ MaxResults: 0 }, InvalidMaxResultsException],
      [{ MaxResults: 51 }, InvalidMaxResultsException],
    ] as const;
    for (const [input, type] of rows) {
      const { LookupAttributes, ...rest } = { LookupAttributes: undefined, ...input };
      const ask = trail().lookupEvents({
        ...rest,
        LookupAttributes: LookupAttributes && [...LookupAttributes],
      });
      const error: unknown = await ask.catch((reason: unknown) => reason);
      expect(error, JSON.stringify(input)).toBeInstanceOf(type);
    }
  });

  test("needs a permission of its own", async () => {
    const keys = await userWithKey(server, "curious");
    const refused: unknown = await cloudtrail(server, keys)
      .lookupEvents({})
      .catch((reason: unknown) => reason);
    expect(String(refused)).toContain("is not authorized to perform: cloudtrail:LookupEvents");
    await allow(server, "curious", { Action: "cloudtrail:LookupEvents" });
    expect((await cloudtrail(server, keys).lookupEvents({ MaxResults: 1 })).Events).toHaveLength(1);
  });
});
