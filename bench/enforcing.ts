/**
 * What deciding costs a request: manifests read as the root, whom no policy binds, and as a user about whom five policies
 * with conditions are asked, from one server and by turns.
 */
import { ECRClient, GetAuthorizationTokenCommand, SetRepositoryPolicyCommand } from "@aws-sdk/client-ecr";
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPermissionsBoundaryCommand,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import { root } from "../test/support/server.ts";
import { measureManifests, prepareManifests, repository } from "./manifests.ts";
import type { Options } from "./options.ts";
import { type Program, type Registry, region } from "./registries.ts";
import type { Results } from "./table.ts";

const readOnly = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";
const push = ["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"];

/** Adds samples under the names of `decided` and `asRoot`. */
export async function measureEnforcing(
  server: Registry,
  options: Options,
  { results, decided, asRoot }: { results: Results; decided: Program; asRoot: Program },
): Promise<void> {
  await prepareManifests(server, options.imagesInRepository);
  const user: Registry = {
    ...server,
    program: decided,
    headers: { authorization: await tokenOfUser(server.url) },
  };
  const registries = [user, { ...server, program: asRoot }];
  for (let round = 1; round <= options.rounds; round++)
    await measureManifests(registries, options.requestSeconds, results);
}

async function tokenOfUser(endpoint: string): Promise<string> {
  const iam = new IAMClient({ endpoint, region, credentials: root });
  const ecr = new ECRClient({ endpoint, region, credentials: root });
  const UserName = "reader";
  await iam.send(new CreateUserCommand({ UserName, Tags: [{ Key: "team", Value: "bench" }] }));
  await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn: readOnly }));
  await iam.send(
    new PutUserPolicyCommand({
      UserName,
      PolicyName: "push-own",
      PolicyDocument: document([
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy language
        allow(push, "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}/*"),
        { ...deny("ecr:*"), Condition: { NotIpAddress: { "aws:SourceIp": ["127.0.0.0/8", "::1/128"] } } },
      ]),
    }),
  );
  const guard = document([
    { ...deny("ecr:*"), Condition: { StringNotEquals: { "aws:RequestedRegion": [region, "eu-west-2"] } } },
  ]);
  const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: "guard", PolicyDocument: guard }));
  await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn: Policy?.Arn ?? "" }));
  const boundary = document([allow(["ecr:*", "sts:*"], "*")]);
  const made = await iam.send(new CreatePolicyCommand({ PolicyName: "boundary", PolicyDocument: boundary }));
  await iam.send(
    new PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary: made.Policy?.Arn ?? "" }),
  );
  await ecr.send(
    new SetRepositoryPolicyCommand({
      repositoryName: repository,
      policyText: document([
        {
          Effect: "Deny",
          Principal: "*",
          Action: "ecr:*",
          Condition: { Bool: { "aws:ViaAWSService": "true" } },
        },
        { Effect: "Deny", Principal: "*", Action: "ecr:BatchDeleteImage" },
      ]),
    }),
  );
  const { AccessKey: key } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const credentials = { accessKeyId: key?.AccessKeyId ?? "", secretAccessKey: key?.SecretAccessKey ?? "" };
  const users = new ECRClient({ endpoint, region, credentials });
  const { authorizationData } = await users.send(new GetAuthorizationTokenCommand({}));
  return `Basic ${authorizationData?.[0]?.authorizationToken}`;
}

function document(statements: readonly object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

function allow(actions: readonly string[], resource: string) {
  return { Effect: "Allow", Action: actions, Resource: resource };
}

function deny(action: string) {
  return { Effect: "Deny", Action: action, Resource: "*" };
}
