/**
 * Two accounts and one repository, as administrators type it: neither side alone can open it, the refusal says which
 * side is missing, and what is taken back is gone at once.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { account, administratorAccess, denied, region, repositoryArn } from "../support/access.ts";
import { start, type TestServer } from "../support/server.ts";
import { type Image, makeSmallImage } from "./images.ts";
import {
  aws,
  fail,
  type Home,
  login,
  makeHome,
  patienceMs,
  type ServerAs,
  skopeo,
  skopeoCopy,
  storeLogin,
  succeed,
  suite,
} from "./programs.ts";

setDefaultTimeout(patienceMs);

const owner = "222222222222";
const guest = "111111111111";
const name = "team/app";

const eightActions = {
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "AllowPull",
      Effect: "Allow",
      Principal: { AWS: `arn:aws:iam::${guest}:root` },
      Action: [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:DescribeImages",
        "ecr:DescribeRepositories",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "ecr:GetRepositoryPolicy",
        "ecr:ListImages",
      ],
    },
  ],
};

const allow = (...Action: readonly string[]) =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource: "*" }] });

suite("two accounts", ["aws", "skopeo"], () => {
  let server: TestServer;
  let homes: Record<"owner" | "guest" | "poor", Home>;
  let image: Image;
  let administrators: Record<string, ServerAs>;

  const json = async (as: ServerAs, ...args: string[]) =>
    JSON.parse(await succeed(aws(homes.owner, as, ...args)));
  const keysOf = (
    as: ServerAs,
    key: { AccessKeyId: string; SecretAccessKey: string; SessionToken?: string },
  ) => ({
    ...as,
    region,
    accessKeyId: key.AccessKeyId,
    secretAccessKey: key.SecretAccessKey,
    sessionToken: key.SessionToken,
  });
  const newUser = async (as: ServerAs, user: string) => {
    await json(as, "iam", "create-user", "--user-name", user);
    return keysOf(as, (await json(as, "iam", "create-access-key", "--user-name", user)).AccessKey);
  };

  const at = () => `docker://${server.host}/${owner}.${region}/${name}:v1`;
  const pull = async (home: Home) => {
    const folder = home.path(crypto.randomUUID());
    await succeed(skopeoCopy(home, at(), `oci:${folder}:image`));
    const { manifests } = await Bun.file(`${folder}/index.json`).json();
    return manifests[0].digest;
  };
  const refusedPull = (home: Home) => fail(skopeoCopy(home, at(), `oci:${home.path("never")}:image`));
  const refusal = (user: string, because: string) =>
    denied(`arn:aws:iam::${guest}:user/${user}`, {
      action: "ecr:BatchGetImage",
      on: repositoryArn(owner, name),
      because,
    });
  const setPolicy = (policyText: unknown) =>
    json(
      administrators[owner] as ServerAs,
      ...["ecr", "set-repository-policy", "--repository-name", name],
      ...["--policy-text", JSON.stringify(policyText)],
    );

  beforeAll(async () => {
    const [running, ...made] = await Promise.all([start(), makeHome(), makeHome(), makeHome()]);
    server = running;
    homes = { owner: made[0], guest: made[1], poor: made[2] };
    image = await makeSmallImage(homes.owner.path("image"), "shared by two accounts");
  });
  afterAll(async () => {
    for (const home of Object.values(homes ?? {})) await home[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test("the organization opens an account, and an administrator in it", async () => {
    const opener = await newUser(server, "opener");
    const right = ["iam", "put-user-policy", "--user-name", "opener", "--policy-name", "open"];
    await succeed(aws(homes.owner, server, ...right, "--policy-document", allow("sts:AssumeRole")));
    const named = ["--account-name", "the owner", "--email", "owner@example.com"];
    const tags = ["--tags", `Key=lading:account-id,Value=${owner}`];
    const created = await json(server, "organizations", "create-account", ...named, ...tags);
    expect(created.CreateAccountStatus).toMatchObject({ State: "SUCCEEDED", AccountId: owner });

    const arn = `arn:aws:iam::${owner}:role/OrganizationAccountAccessRole`;
    const session = ["--role-arn", arn, "--role-session-name", "opening"];
    const { Credentials } = await json(opener, "sts", "assume-role", ...session);
    const inside = keysOf(server, Credentials);
    const administrator = await newUser(inside, "administrator");
    const policy = ["--policy-arn", administratorAccess];
    const attach = ["iam", "attach-user-policy", "--user-name", "administrator", ...policy];
    await succeed(aws(homes.owner, inside, ...attach));
    // The other account is opened in the same way, without the CLI.
    const { keys } = await account(server, guest);
    administrators = { [owner]: administrator, [guest]: { ...server, ...keys, region } };
  });

  test("the owner makes a repository in its region and pushes", async () => {
    const as = administrators[owner] as ServerAs;
    const { repository } = await json(as, "ecr", "create-repository", "--repository-name", name);
    expect(repository).toMatchObject({
      registryId: owner,
      repositoryArn: repositoryArn(owner, name),
      repositoryUri: `${server.host}/${owner}.${region}/${name}`,
    });
    await login(homes.owner, as);
    await succeed(skopeoCopy(homes.owner, image.reference, at()));
    expect(await pull(homes.owner)).toBe(image.digest);
  });

  test("the administrator of the other account cannot pull: no resource-based policy lets it", async () => {
    await login(homes.guest, administrators[guest] as ServerAs);
    expect(await refusedPull(homes.guest)).toContain(refusal("administrator", "resource"));
  });

  test("it can, with the token that it has, as soon as the owner allows the eight actions", async () => {
    await setPolicy(eightActions);
    expect(await pull(homes.guest)).toBe(image.digest);
    expect(await fail(skopeoCopy(homes.guest, image.reference, at()))).toContain(
      // Its layers are there already, which the guest may know.
      "is not authorized to perform: ecr:PutImage on resource",
    );
    const tags = await succeed(
      skopeo(homes.guest, "list-tags", `docker://${server.host}/${owner}.${region}/${name}`),
    );
    expect(JSON.parse(tags).Tags).toEqual(["v1"]);
  });

  test("a user there without permission still cannot: no identity-based policy lets it", async () => {
    const administrator = administrators[guest] as ServerAs;
    const poor = await newUser(administrator, "poor");
    // Without a token it can still come in with its key, as docker login would.
    await storeLogin(homes.poor, server.host, poor.accessKeyId, poor.secretAccessKey);
    expect(await refusedPull(homes.poor)).toContain(refusal("poor", "identity"));

    const own = ["iam", "put-user-policy", "--user-name", "poor", "--policy-name", "pull"];
    const rights = allow("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer");
    await succeed(aws(homes.poor, administrator, ...own, "--policy-document", rights));
    await login(homes.poor, poor);
    expect(await pull(homes.poor)).toBe(image.digest);
  });

  test("nobody can any more when the statement is gone, at once", async () => {
    await setPolicy({
      ...eightActions,
      Statement: [{ ...eightActions.Statement[0], Principal: { AWS: owner } }],
    });
    expect(await refusedPull(homes.guest)).toContain(refusal("administrator", "resource"));
    await setPolicy(eightActions);
    expect(await pull(homes.guest)).toBe(image.digest);
    const remove = ["ecr", "delete-repository-policy", "--repository-name", name];
    await json(administrators[owner] as ServerAs, ...remove);
    expect(await refusedPull(homes.guest)).toContain(refusal("administrator", "resource"));
    expect(await refusedPull(homes.poor)).toContain(refusal("poor", "resource"));
    expect(await pull(homes.owner)).toBe(image.digest);
  });
});
