/** Regions are registries of their own, and every answer names them as the caller can reach them. */
import { describe, expect, test } from "bun:test";
import {
  InvalidParameterException,
  LayersNotFoundException,
  RepositoryNotFoundException,
  UploadNotFoundException,
} from "@aws-sdk/client-ecr";
import { call, client, expectError, inRegistry, invalid, noRepository, signed } from "../support/aws.ts";
import {
  connect,
  digestOf,
  exchange,
  expectError as expectOciError,
  imageManifest,
  json,
  mediaTypes,
  registryForFile,
  unique,
  uniqueBytes,
} from "../support/oci.ts";
import { start, type TestServer } from "../support/server.ts";

const registry = registryForFile();
const home = () => client(registry.server);
const away = () => client(registry.server, { region: "eu-west-2" });

/** Creates one name in both regions. */
async function both(): Promise<string> {
  const repositoryName = unique("both");
  await home().createRepository({ repositoryName });
  await away().createRepository({ repositoryName });
  return repositoryName;
}

describe("a repository in another region", () => {
  test("has an address and an ARN with the region", async () => {
    const repositoryName = unique("away");
    const { repository } = await away().createRepository({ repositoryName });
    expect(repository?.repositoryUri).toBe(
      `${registry.server.host}/000000000000.eu-west-2/${repositoryName}`,
    );
    expect(repository?.repositoryArn).toBe(`arn:aws:ecr:eu-west-2:000000000000:repository/${repositoryName}`);
    const { repositories } = await away().describeRepositories({ repositoryNames: [repositoryName] });
    expect(repositories).toEqual(repository ? [repository] : []);
    await expectError(
      home().describeRepositories({ repositoryNames: [repositoryName] }),
      RepositoryNotFoundException,
      noRepository(repositoryName),
    );
    expect((await away().deleteRepository({ repositoryName })).repository).toEqual(repository);
  });

  test("is pushed to at its address, with the region's token, and only there", async () => {
    const repositoryName = await both();
    const { authorizationData } = await away().getAuthorizationToken({});
    expect(authorizationData?.[0]?.proxyEndpoint).toBe(registry.server.url);
    const authorization = `Basic ${authorizationData?.[0]?.authorizationToken}`;
    const path = `/v2/000000000000.eu-west-2/${repositoryName}`;

    const body = uniqueBytes();
    const config = { mediaType: mediaTypes.config, digest: digestOf(body), size: body.length };
    const upload = await registry.request("POST", `${path}/blobs/uploads/?digest=${config.digest}`, {
      authorization,
      body,
    });
    expect(upload.status).toBe(201);
    expect(upload.headers.get("location")).toStartWith(path);
    const manifest = imageManifest(config, []);
    const put = await registry.request("PUT", `${path}/manifests/v1`, {
      authorization,
      body: manifest,
      headers: { "content-type": mediaTypes.image },
    });
    expect(put.status).toBe(201);

    const imageId = { imageDigest: digestOf(manifest), imageTag: "v1" };
    expect((await away().listImages({ repositoryName })).imageIds).toEqual([imageId]);
    expect((await home().listImages({ repositoryName })).imageIds).toEqual([]);
    expect((await registry.request("GET", `${path}/manifests/v1`, { authorization })).body).toEqual(manifest);
    expectOciError(
      await registry.request("GET", `/v2/${repositoryName}/manifests/v1`),
      404,
      "MANIFEST_UNKNOWN",
    );
  });

  test("shares nothing with the one of the same name here", async () => {
    const repositoryName = await both();
    const [homeArn, awayArn] = ["us-east-1", "eu-west-2"].map(
      (region) => `arn:aws:ecr:${region}:000000000000:repository/${repositoryName}`,
    );
    await home().putImageTagMutability({ repositoryName, imageTagMutability: "IMMUTABLE" });
    await home().putImageScanningConfiguration({
      repositoryName,
      imageScanningConfiguration: { scanOnPush: true },
    });
    await home().tagResource({ resourceArn: homeArn, tags: [{ Key: "here", Value: "yes" }] });
    await home().setRepositoryPolicy({
      repositoryName,
      policyText: JSON.stringify({
        Statement: { Effect: "Allow", Principal: "*", Action: "ecr:ListImages" },
      }),
    });
    const image = await registry.pushImage(repositoryName, "v1");
    const layerDigest = image.config.digest;
    const { uploadId = "" } = await home().initiateLayerUpload({ repositoryName });

    const { repositories } = await away().describeRepositories({ repositoryNames: [repositoryName] });
    expect(repositories?.[0]?.imageTagMutability).toBe("MUTABLE");
    expect(repositories?.[0]?.imageScanningConfiguration).toEqual({ scanOnPush: false });
    expect((await away().listTagsForResource({ resourceArn: awayArn })).tags).toEqual([]);
    await expect(away().getRepositoryPolicy({ repositoryName })).rejects.toThrow(
      "Repository policy does not exist",
    );
    const { layers } = await away().batchCheckLayerAvailability({
      repositoryName,
      layerDigests: [layerDigest],
    });
    expect(layers).toEqual([{ layerDigest, layerAvailability: "UNAVAILABLE" }]);
    await expectError(
      away().getDownloadUrlForLayer({ repositoryName, layerDigest }),
      LayersNotFoundException,
      `The layer with digest ${layerDigest} does not exist within the ${inRegistry(repositoryName)}`,
    );
    await expectError(
      away().putImage({ repositoryName, imageManifest: new TextDecoder().decode(image.manifest) }),
      LayersNotFoundException,
      `Layers with digests '[${[image.config, ...image.layers].map(({ digest }) => digest).join(", ")}]' required for pushing image into ${inRegistry(repositoryName)} do not exist`,
    );
    await expectError(
      away().completeLayerUpload({ repositoryName, uploadId, layerDigests: [layerDigest] }),
      UploadNotFoundException,
      `The upload with id '${uploadId}' does not exist in the ${inRegistry(repositoryName)}`,
    );

    await away().deleteRepository({ repositoryName });
    expect((await home().listImages({ repositoryName })).imageIds).toHaveLength(1);
  });

  test("is tagged with its own region's signature alone", async () => {
    const repositoryName = await both();
    const resourceArn = `arn:aws:ecr:eu-west-2:000000000000:repository/${repositoryName}`;
    await expectError(
      home().tagResource({ resourceArn, tags: [{ Key: "a", Value: "b" }] }),
      InvalidParameterException,
      invalid("resourceArn", "Invalid ARN"),
    );
    expect((await away().listTagsForResource({ resourceArn })).tags).toEqual([]);
  });
});

test("as many regions as signatures name are there, each with its own repositories", async () => {
  const regions = ["ap-northeast-3", "us-gov-west-1", "cn-north-1", "home", "0-9"];
  for (const region of regions) {
    await client(registry.server, { region }).createRepository({ repositoryName: `only-in/${region}` });
  }
  for (const region of regions) {
    const { repositories } = await client(registry.server, { region }).describeRepositories({});
    expect(repositories?.map(({ repositoryUri }) => repositoryUri)).toEqual([
      `${registry.server.host}/000000000000.${region}/only-in/${region}`,
    ]);
  }
});

test("a name that begins like an address of a registry has an address that is not mistaken for one", async () => {
  const suffix = unique("x");
  for (const repositoryName of [`000000000000.eu-west-2/${suffix}`, `public/${suffix}`, `public`]) {
    const { repository } = await home().createRepository({ repositoryName });
    const uri = repository?.repositoryUri ?? "";
    expect(uri).toBe(`${registry.server.host}/000000000000.us-east-1/${repositoryName}`);
    const path = `/v2/${uri.slice(uri.indexOf("/") + 1)}`;
    const body = uniqueBytes();
    const digest = digestOf(body);
    const pushed = await registry.request("POST", `${path}/blobs/uploads/?digest=${digest}`, { body });
    expect(pushed.status).toBe(201);
    const { layers } = await home().batchCheckLayerAvailability({ repositoryName, layerDigests: [digest] });
    expect(layers?.[0]?.layerAvailability).toBe("AVAILABLE");
  }
});

test("the answer names the host that the caller used", async () => {
  const repositoryName = await registry.createRepository();
  const { headers, body } = await signed(registry.server, {
    operation: "DescribeRepositories",
    body: JSON.stringify({ repositoryNames: [repositoryName] }),
    headers: { host: "registry.example:8443" },
  });
  const answer = await exchange(registry.server, {
    method: "POST",
    target: "/",
    headers,
    body: new TextEncoder().encode(String(body)),
  });
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body).repositories[0].repositoryUri).toBe(
    `registry.example:8443/${repositoryName}`,
  );
});

/** What the server says of itself: the address of a new repository, where to log in, and where a layer comes from. */
async function addresses(server: TestServer, region?: string) {
  const ecr = client(server, region === undefined ? {} : { region });
  const repositoryName = unique("addressed");
  const { repository } = await ecr.createRepository({ repositoryName });
  const { authorizationData } = await ecr.getAuthorizationToken({});
  return {
    repositoryName,
    uri: repository?.repositoryUri,
    endpoint: authorizationData?.[0]?.proxyEndpoint,
    authorization: `Basic ${authorizationData?.[0]?.authorizationToken}`,
  };
}

test("with --domain, every registry has a host of its own, and is pushed to there", async () => {
  await using server = await start({ args: ["--domain", "registry.test"] });
  const { port } = new URL(server.url);
  for (const region of ["us-east-1", "eu-west-2"]) {
    const host = `000000000000.dkr.ecr.${region}.registry.test:${port}`;
    const { repositoryName, uri, endpoint, authorization } = await addresses(server, region);
    expect(uri).toBe(`${host}/${repositoryName}`);
    expect(endpoint).toBe(`http://${host}`);

    const body = json({ region });
    const config = { mediaType: mediaTypes.config, digest: digestOf(body), size: body.length };
    const at = { authorization, headers: { host } };
    const upload = await connect(server).request(
      "POST",
      `/v2/${repositoryName}/blobs/uploads/?digest=${config.digest}`,
      { ...at, body },
    );
    expect(upload.status).toBe(201);
    const manifest = imageManifest(config, []);
    const put = await connect(server).request("PUT", `/v2/${repositoryName}/manifests/v1`, {
      authorization,
      headers: { host, "content-type": mediaTypes.image },
      body: manifest,
    });
    expect(put.status).toBe(201);
    const { imageIds } = await client(server, { region }).listImages({ repositoryName });
    expect(imageIds).toEqual([{ imageDigest: digestOf(manifest), imageTag: "v1" }]);
    const other = region === "us-east-1" ? "eu-west-2" : "us-east-1";
    const elsewhere = await connect(server).request("GET", `/v2/${repositoryName}/manifests/v1`, {
      authorization,
      headers: { host: `000000000000.dkr.ecr.${other}.registry.test:${port}` },
    });
    expectOciError(elsewhere, 404, "NAME_UNKNOWN");
  }
});

test("with --external-url, addresses are what clients see and not what the server sees", async () => {
  await using server = await start({ args: ["--external-url", "https://registry.example"] });
  const { repositoryName, uri, endpoint } = await addresses(server);
  expect(uri).toBe(`registry.example/${repositoryName}`);
  expect(endpoint).toBe("https://registry.example");
  const { repository } = await client(server, { region: "eu-west-2" }).createRepository({ repositoryName });
  expect(repository?.repositoryUri).toBe(`registry.example/000000000000.eu-west-2/${repositoryName}`);

  const { digest } = await connect(server).pushBlob(repositoryName);
  const layer = { repositoryName, layerDigest: digest };
  const { downloadUrl = "" } = await client(server).getDownloadUrlForLayer(layer);
  expect(downloadUrl).toStartWith("https://registry.example/");
  const { pathname, search } = new URL(downloadUrl);
  expect((await fetch(`${server.url}${pathname}${search}`)).status).toBe(200);
});

test("with another default account and region, those have the short address", async () => {
  await using server = await start({ args: ["--account", "210987654321", "--region", "eu-central-1"] });
  const central = await addresses(server, "eu-central-1");
  expect(central.uri).toBe(`${server.host}/${central.repositoryName}`);
  const east = await addresses(server, "us-east-1");
  expect(east.uri).toBe(`${server.host}/210987654321.us-east-1/${east.repositoryName}`);
  const { registryId } = await client(server, { region: "eu-central-1" }).describeRegistry({});
  expect(registryId).toBe("210987654321");
  const answer = await call(server, {
    operation: "ListImages",
    body: JSON.stringify({ repositoryName: east.repositoryName, registryId: "000000000000" }),
  });
  expect(JSON.parse(answer.text).message).toBe(
    `User: arn:aws:iam::210987654321:root is not authorized to perform: ecr:ListImages on resource: arn:aws:ecr:us-east-1:000000000000:repository/${east.repositoryName} because no resource-based policy allows the ecr:ListImages action`,
  );
});
