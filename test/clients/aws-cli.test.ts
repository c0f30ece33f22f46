/** The aws CLI, as people type it: what it prints, and with which code it ends. */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { start, type TestServer } from "../support/server.ts";
import { type Image, makeSmallImage } from "./images.ts";
import {
  aws,
  createRepositories,
  fail,
  type Home,
  login,
  makeHome,
  patienceMs,
  skopeo,
  skopeoCopy,
  storeLogin,
  succeed,
  suite,
} from "./programs.ts";

setDefaultTimeout(patienceMs);

/** "The service returned an error"; older versions of the CLI end with 255 for everything. */
const serviceErrors = [254, 255];

suite("the aws CLI", ["aws", "skopeo", "docker"], () => {
  let server: TestServer;
  let home: Home;
  let image: Image;
  let repository: string;
  let counter = 0;

  const ecr = (...args: string[]) => aws(home, server, "ecr", ...args);
  const ecrJson = async (...args: string[]) => JSON.parse(await succeed(ecr(...args)));
  const push = (tag: string) =>
    succeed(skopeoCopy(home, image.reference, `docker://${server.host}/${repository}:${tag}`));
  const tagsOf = async () => {
    const { imageIds } = await ecrJson("list-images", "--repository-name", repository);
    return imageIds.map(({ imageTag }: { imageTag?: string }) => imageTag).sort();
  };
  /** The sentence of a call that must be refused, with its code checked. */
  const refusal = async (...args: string[]) => {
    const ran = await ecr(...args);
    expect(serviceErrors).toContain(ran.code);
    expect(ran.stdout).toBe("");
    // Some versions add this, because the tests allow no second attempt.
    return ran.stderr.trim().replace(" (reached max retries: 0)", "");
  };

  beforeAll(async () => {
    [server, home] = await Promise.all([start(), makeHome()]);
    image = await makeSmallImage(home.path("image"), "described by the aws CLI");
    await login(home, server);
  });
  beforeEach(async () => {
    counter += 1;
    repository = `cli/test-${counter}`;
    await createRepositories(home, server, repository);
  });
  afterAll(async () => {
    await home?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test("sts get-caller-identity names root of the account", async () => {
    const identity = JSON.parse(await succeed(aws(home, server, "sts", "get-caller-identity")));
    expect(identity).toEqual({
      UserId: server.accountId,
      Account: server.accountId,
      Arn: `arn:aws:iam::${server.accountId}:root`,
    });
  });

  test("create-repository answers with what describe-repositories then shows", async () => {
    const created = await ecrJson("create-repository", "--repository-name", "cli/created");
    expect(created.repository).toMatchObject({
      repositoryArn: `arn:aws:ecr:${server.region}:${server.accountId}:repository/cli/created`,
      registryId: server.accountId,
      repositoryName: "cli/created",
      repositoryUri: `${server.host}/cli/created`,
      imageTagMutability: "MUTABLE",
      imageScanningConfiguration: { scanOnPush: false },
      encryptionConfiguration: { encryptionType: "AES256" },
    });
    expect(Date.parse(created.repository.createdAt)).not.toBeNaN();
    const described = await ecrJson("describe-repositories", "--repository-names", "cli/created");
    expect(described.repositories).toEqual([created.repository]);
  });

  test("describe-repositories goes through all pages", async () => {
    const names = Array.from({ length: 5 }, (_, index) => `pages/${index}`);
    await createRepositories(home, server, ...names);
    const query = ["--query", "repositories[].repositoryName"];

    const all = await ecrJson("describe-repositories", ...query);
    expect(all).toEqual(expect.arrayContaining([repository, ...names]));
    expect(await ecrJson("describe-repositories", "--page-size", "2", ...query)).toEqual(all);

    const seen: string[] = [];
    let token: string | undefined;
    do {
      const from = token === undefined ? [] : ["--starting-token", token];
      const page = await ecrJson("describe-repositories", "--page-size", "2", "--max-items", "3", ...from);
      expect(page.repositories.length).toBeLessThanOrEqual(3);
      seen.push(...page.repositories.map((one: { repositoryName: string }) => one.repositoryName));
      token = page.NextToken;
    } while (token !== undefined && seen.length <= all.length);
    expect(seen).toEqual(all);
  });

  test("get-login-password goes into docker login, whose login then serves other clients", async () => {
    await using fresh = await makeHome();
    const password = await succeed(ecr("get-login-password"));
    expect(password.trim()).not.toMatch(/[:\s]/);
    const command = ["docker", "login", "--username", "AWS", "--password-stdin", server.host];
    expect(await succeed(fresh.run(command, { stdin: password }))).toContain("Login Succeeded");
    await push("logged-in");
    const inspected = await succeed(
      skopeo(fresh, "inspect", "--format", "{{.Digest}}", `docker://${server.host}/${repository}:logged-in`),
    );
    expect(inspected.trim()).toBe(image.digest);
  });

  test("docker login with a wrong password fails, and stores nothing", async () => {
    await using fresh = await makeHome();
    const command = ["docker", "login", "--username", "AWS", "--password-stdin", server.host];
    expect(await fail(fresh.run(command, { stdin: "wrong" }))).toContain("401");
    expect(await Bun.file(fresh.authfile).text()).not.toContain('auth":');
  });

  test("get-authorization-token names this registry, and its token is a whole login", async () => {
    const { authorizationData } = await ecrJson("get-authorization-token");
    expect(authorizationData).toHaveLength(1);
    expect(authorizationData[0].proxyEndpoint).toBe(server.url);
    expect(Date.parse(authorizationData[0].expiresAt)).toBeGreaterThan(Date.now());
    const [user = "", password = "", ...more] = atob(authorizationData[0].authorizationToken).split(":");
    expect([user, more]).toEqual(["AWS", []]);
    await using fresh = await makeHome();
    await storeLogin(fresh, server.host, user, password);
    await push("by-token");
    await succeed(skopeo(fresh, "inspect", `docker://${server.host}/${repository}:by-token`));
  });

  test("describe-images and list-images show what was pushed", async () => {
    await push("one");
    await push("two");
    const { imageDetails } = await ecrJson("describe-images", "--repository-name", repository);
    expect(imageDetails).toHaveLength(1);
    expect(imageDetails[0]).toMatchObject({
      registryId: server.accountId,
      repositoryName: repository,
      imageDigest: image.digest,
      imageSizeInBytes: image.sizeBytes,
      imageManifestMediaType: "application/vnd.oci.image.manifest.v1+json",
      artifactMediaType: "application/vnd.oci.image.config.v1+json",
    });
    expect(imageDetails[0].imageTags.sort()).toEqual(["one", "two"]);
    expect(Date.parse(imageDetails[0].imagePushedAt)).not.toBeNaN();
    expect(await tagsOf()).toEqual(["one", "two"]);
  });

  test("batch-get-image and put-image add a tag, as the guide to retagging says", async () => {
    await push("old");
    const manifest = await succeed(
      ecr(
        ...["batch-get-image", "--repository-name", repository, "--image-ids", "imageTag=old"],
        ...["--output", "text", "--query", "images[].imageManifest"],
      ),
    );
    expect(manifest.trim()).toBe(image.manifest);
    const put = ["put-image", "--repository-name", repository, "--image-manifest", manifest.trim()];
    const answer = await ecrJson(...put, "--image-tag", "new");
    expect(answer.image).toMatchObject({
      registryId: server.accountId,
      repositoryName: repository,
      imageId: { imageDigest: image.digest, imageTag: "new" },
    });
    expect(await tagsOf()).toEqual(["new", "old"]);
    expect(await refusal(...put, "--image-tag", "new")).toBe(
      `An error occurred (ImageAlreadyExistsException) when calling the PutImage operation: Image with digest '${image.digest}' and tag 'new' already exists in the repository with name '${repository}' in registry with id '${server.accountId}'`,
    );
  });

  test("put-image refuses an image whose layers are not there, and names them", async () => {
    expect(
      await refusal("put-image", "--repository-name", repository, "--image-manifest", image.manifest),
    ).toMatch(
      /\(LayersNotFoundException\) .*Layers with digests '\[sha256:.*\]' required for pushing image into repository/,
    );
    expect(await tagsOf()).toEqual([]);
  });

  test("batch-delete-image takes a tag, then the image, and tells what it could not find", async () => {
    await push("one");
    await push("two");
    const remove = (...ids: string[]) =>
      ecrJson("batch-delete-image", "--repository-name", repository, "--image-ids", ...ids);

    const untagged = await remove("imageTag=one", "imageTag=nowhere");
    expect(untagged.imageIds).toEqual([{ imageDigest: image.digest, imageTag: "one" }]);
    expect(untagged.failures).toEqual([
      {
        imageId: { imageTag: "nowhere" },
        failureCode: "ImageNotFound",
        failureReason: "Requested image not found",
      },
    ]);
    expect(await tagsOf()).toEqual(["two"]);

    const removed = await remove(`imageDigest=${image.digest}`);
    expect(removed.failures).toEqual([]);
    expect(removed.imageIds).toContainEqual({ imageDigest: image.digest, imageTag: "two" });
    expect(await tagsOf()).toEqual([]);
  });

  test("delete-repository refuses while there are images, and --force removes all", async () => {
    await push("kept");
    expect(await refusal("delete-repository", "--repository-name", repository)).toContain(
      `(RepositoryNotEmptyException) when calling the DeleteRepository operation: The repository with name '${repository}' in registry with id '${server.accountId}' cannot be deleted because it still contains images`,
    );
    expect(await tagsOf()).toEqual(["kept"]);
    const deleted = await ecrJson("delete-repository", "--repository-name", repository, "--force");
    expect(deleted.repository.repositoryName).toBe(repository);
    expect(await refusal("list-images", "--repository-name", repository)).toContain(
      "RepositoryNotFoundException",
    );
    expect(await fail(skopeo(home, "list-tags", `docker://${server.host}/${repository}`))).not.toBe("");
  });

  test("errors are ECR's own sentences", async () => {
    const doesNotExist = `The repository with name 'no/such' does not exist in the registry with id '${server.accountId}'`;
    expect(await refusal("describe-repositories", "--repository-names", "no/such")).toBe(
      `An error occurred (RepositoryNotFoundException) when calling the DescribeRepositories operation: ${doesNotExist}`,
    );
    expect(await refusal("describe-images", "--repository-name", "no/such")).toBe(
      `An error occurred (RepositoryNotFoundException) when calling the DescribeImages operation: ${doesNotExist}`,
    );
    expect(await refusal("create-repository", "--repository-name", repository)).toBe(
      `An error occurred (RepositoryAlreadyExistsException) when calling the CreateRepository operation: The repository with name '${repository}' already exists in the registry with id '${server.accountId}'`,
    );
    expect(
      await refusal("describe-images", "--repository-name", repository, "--image-ids", "imageTag=none"),
    ).toContain(
      `(ImageNotFoundException) when calling the DescribeImages operation: The image with imageId {imageDigest:'null', imageTag:'none'} does not exist within the repository with name '${repository}' in the registry with id '${server.accountId}'`,
    );
    expect(await refusal("create-repository", "--repository-name", "Upper/Case")).toContain(
      "InvalidParameterException",
    );
  });

  test("a wrong secret and an unknown key are refused in the words that the SDKs know", async () => {
    const as = async (caller: Partial<TestServer>) => {
      const ran = await aws(home, { ...server, ...caller }, "ecr", "describe-repositories");
      expect(serviceErrors).toContain(ran.code);
      return ran.stderr;
    };
    expect(await as({ secretAccessKey: "wrong" })).toContain("InvalidSignatureException");
    expect(await as({ accessKeyId: "AKIANOBODYKNOWSTHIS0" })).toMatch(
      /UnrecognizedClientException.*The security token included in the request is invalid/,
    );
  });
});
