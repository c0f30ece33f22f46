/** IAM's operations on OpenID Connect providers. */
import { putTags, removeTags, tagsOf } from "../../../access/identities/identity-tags.ts";
import * as providers from "../../../access/identities/oidc-providers.ts";
import type { Call } from "../../call.ts";
import type { Resource } from "../../permission.ts";
import type { IamOperations } from "../contract/kept-operations.ts";
import type { Offered } from "../operation.ts";
import { pagedInMemory, requestKeys, tagList, tagsIn } from "./rows.ts";

type In<Name extends keyof IamOperations> = IamOperations[Name]["input"];
type Out<Name extends keyof IamOperations> = Promise<IamOperations[Name]["output"]>;

/** IAM API, CreateOpenIDConnectProvider. */
async function create(
  call: Call,
  input: In<"CreateOpenIDConnectProvider">,
): Out<"CreateOpenIDConnectProvider"> {
  const { Url: url, ClientIDList: clientIds = [], ThumbprintList: thumbprints = [] } = input;
  const { arn, tags } = await call.db.write(async (tx) => {
    const provider = { accountId: call.accountId, url, clientIds, thumbprints };
    const made = await providers.createOidcProvider(tx, call.clock, provider);
    await putTags(tx, made.arn, tagsIn(input));
    return { arn: made.arn, tags: await tagsOf(tx, made.arn) };
  });
  return { OpenIDConnectProviderArn: arn, Tags: tagList(tags) };
}

/** IAM API, GetOpenIDConnectProvider. */
async function get(
  call: Call,
  { OpenIDConnectProviderArn: arn }: In<"GetOpenIDConnectProvider">,
): Out<"GetOpenIDConnectProvider"> {
  const provider = await providers.getOidcProvider(call.db.read, arn);
  return {
    Url: provider.url,
    ClientIDList: [...provider.clientIds],
    ThumbprintList: [...provider.thumbprints],
    CreateDate: new Date(provider.createdAt),
    Tags: tagList(await tagsOf(call.db.read, arn)),
  };
}

/** IAM API, ListOpenIDConnectProviders. */
async function list(call: Call): Out<"ListOpenIDConnectProviders"> {
  const all = await providers.listOidcProviders(call.db.read, call.accountId);
  return { OpenIDConnectProviderList: all.map(({ arn }) => ({ Arn: arn })) };
}

/** IAM API, DeleteOpenIDConnectProvider. */
async function remove(
  call: Call,
  { OpenIDConnectProviderArn: arn }: In<"DeleteOpenIDConnectProvider">,
): Out<"DeleteOpenIDConnectProvider"> {
  await call.db.write((tx) => providers.deleteOidcProvider(tx, arn));
  return {};
}

/** IAM API, AddClientIDToOpenIDConnectProvider. */
async function addClientId(
  call: Call,
  { OpenIDConnectProviderArn: arn, ClientID }: In<"AddClientIDToOpenIDConnectProvider">,
): Out<"AddClientIDToOpenIDConnectProvider"> {
  await call.db.write(async (tx) =>
    providers.addClientId(tx, await providers.getOidcProvider(tx, arn), ClientID),
  );
  return {};
}

/** IAM API, RemoveClientIDFromOpenIDConnectProvider. */
async function removeClientId(
  call: Call,
  { OpenIDConnectProviderArn: arn, ClientID }: In<"RemoveClientIDFromOpenIDConnectProvider">,
): Out<"RemoveClientIDFromOpenIDConnectProvider"> {
  await call.db.write(async (tx) =>
    providers.removeClientId(tx, await providers.getOidcProvider(tx, arn), ClientID),
  );
  return {};
}

/** IAM API, UpdateOpenIDConnectProviderThumbprint. */
async function updateThumbprints(
  call: Call,
  { OpenIDConnectProviderArn: arn, ThumbprintList }: In<"UpdateOpenIDConnectProviderThumbprint">,
): Out<"UpdateOpenIDConnectProviderThumbprint"> {
  await call.db.write(async (tx) =>
    providers.setThumbprints(tx, await providers.getOidcProvider(tx, arn), ThumbprintList),
  );
  return {};
}

/** IAM API, ListOpenIDConnectProviderTags. */
async function listTags(
  call: Call,
  input: In<"ListOpenIDConnectProviderTags">,
): Out<"ListOpenIDConnectProviderTags"> {
  const { arn } = await providers.getOidcProvider(call.db.read, input.OpenIDConnectProviderArn);
  const { rows, end } = pagedInMemory(await tagsOf(call.db.read, arn), input);
  return { Tags: tagList(rows), ...end };
}

/** IAM API, TagOpenIDConnectProvider. */
async function tag(call: Call, input: In<"TagOpenIDConnectProvider">): Out<"TagOpenIDConnectProvider"> {
  await call.db.write(async (tx) =>
    putTags(tx, (await providers.getOidcProvider(tx, input.OpenIDConnectProviderArn)).arn, tagsIn(input)),
  );
  return {};
}

/** IAM API, UntagOpenIDConnectProvider. */
async function untag(call: Call, input: In<"UntagOpenIDConnectProvider">): Out<"UntagOpenIDConnectProvider"> {
  await call.db.write(async (tx) =>
    removeTags(tx, (await providers.getOidcProvider(tx, input.OpenIDConnectProviderArn)).arn, input.TagKeys),
  );
  return {};
}

type ProviderInput = {
  OpenIDConnectProviderArn: string;
  Tags?: In<"TagOpenIDConnectProvider">["Tags"];
  TagKeys?: string[];
};

const providerResource = (_: Call, input: ProviderInput): readonly Resource[] => [
  {
    arn: input.OpenIDConnectProviderArn,
    accountId: providers.accountOfProvider(input.OpenIDConnectProviderArn),
    keys: requestKeys(input),
  },
];

function newProviderResource(
  { accountId }: Call,
  input: In<"CreateOpenIDConnectProvider">,
): readonly Resource[] {
  return [{ arn: providers.oidcProviderArn(accountId, input.Url), accountId, keys: requestKeys(input) }];
}

export const oidcProviderOperations: Offered<IamOperations> = {
  CreateOpenIDConnectProvider: {
    // Tags on creation need the right to tag: IAM user guide, "Tagging OpenID Connect (OIDC) identity providers".
    actions: ({ Tags = [] }) =>
      Tags.length > 0
        ? ["iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"]
        : ["iam:CreateOpenIDConnectProvider"],
    resources: newProviderResource,
    run: create,
  },
  GetOpenIDConnectProvider: {
    actions: () => ["iam:GetOpenIDConnectProvider"],
    resources: providerResource,
    run: get,
  },
  ListOpenIDConnectProviders: {
    actions: () => ["iam:ListOpenIDConnectProviders"],
    resources: ({ accountId }) => [{ arn: providers.oidcProviderArn(accountId, "*"), accountId }],
    run: list,
  },
  DeleteOpenIDConnectProvider: {
    actions: () => ["iam:DeleteOpenIDConnectProvider"],
    resources: providerResource,
    run: remove,
  },
  AddClientIDToOpenIDConnectProvider: {
    actions: () => ["iam:AddClientIDToOpenIDConnectProvider"],
    resources: providerResource,
    run: addClientId,
  },
  RemoveClientIDFromOpenIDConnectProvider: {
    actions: () => ["iam:RemoveClientIDFromOpenIDConnectProvider"],
    resources: providerResource,
    run: removeClientId,
  },
  UpdateOpenIDConnectProviderThumbprint: {
    actions: () => ["iam:UpdateOpenIDConnectProviderThumbprint"],
    resources: providerResource,
    run: updateThumbprints,
  },
  ListOpenIDConnectProviderTags: {
    actions: () => ["iam:ListOpenIDConnectProviderTags"],
    resources: providerResource,
    run: listTags,
  },
  TagOpenIDConnectProvider: {
    actions: () => ["iam:TagOpenIDConnectProvider"],
    resources: providerResource,
    run: tag,
  },
  UntagOpenIDConnectProvider: {
    actions: () => ["iam:UntagOpenIDConnectProvider"],
    resources: providerResource,
    run: untag,
  },
};
