/** Identity providers whose tokens roles are assumed with: the rows of `oidc_providers`. IAM API, OpenIDConnectProvider. */
import type { Clock } from "../../lib/clock.ts";
import { fault } from "../../lib/faults.ts";
import { limits } from "../../lib/limits.ts";
import { echo } from "../../lib/text.ts";
import type { Queryable, Tx } from "../../store/database.ts";
import type { Tables } from "../../store/tables.ts";
import { removeAllTags } from "./identity-tags.ts";

type OidcProvider = {
  arn: string;
  accountId: string;
  /** Without the scheme, which is https. */
  url: string;
  /** The audiences that a token may be for. */
  clientIds: readonly string[];
  /** SHA-1 in hex of certificates that the provider's server may have. */
  thumbprints: readonly string[];
  createdAt: number;
};

/** `arn:aws:iam::ACCOUNT:oidc-provider/HOST/PATH` of the provider at `url`, which has a scheme or has none. */
export function oidcProviderArn(accountId: string, url: string): string {
  return `arn:aws:iam::${accountId}:oidc-provider/${url.replace(/^https:\/\//, "")}`;
}

/** The account in the ARN of a provider. Throws InvalidInput for what is no such ARN. */
export function accountOfProvider(arn: string): string {
  const accountId = /^arn:aws:iam::(\d{12}):oidc-provider\/.+$/.exec(arn)?.[1];
  if (accountId === undefined) throw fault("InvalidInput", { reason: `Invalid ARN: ${echo(arn)}` });
  return accountId;
}

/** Throws InvalidInput, EntityExists and EntityLimitExceeded. */
export async function createOidcProvider(
  tx: Tx,
  clock: Clock,
  provider: Pick<OidcProvider, "accountId" | "url" | "clientIds" | "thumbprints">,
): Promise<OidcProvider> {
  const { accountId, clientIds, thumbprints } = provider;
  checkUrl(provider.url);
  checkThumbprints(thumbprints);
  const existing = await listOidcProviders(tx, accountId);
  if (existing.length >= limits.oidcProvidersPerAccount) {
    throw fault("EntityLimitExceeded", {
      reason: `Cannot exceed quota for OpenIdConnectProvidersPerAccount: ${limits.oidcProvidersPerAccount}`,
    });
  }
  const row = await tx
    .insertInto("oidc_providers")
    .values({
      arn: oidcProviderArn(accountId, provider.url),
      account_id: accountId,
      url: provider.url.slice("https://".length),
      client_ids: clientIdsColumn(clientIds),
      thumbprints: JSON.stringify(thumbprints),
      created_at: clock.now(),
    })
    .onConflict((conflict) => conflict.column("arn").doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!row) throw fault("EntityExists", { reason: `Provider with url ${provider.url} already exists.` });
  return ofRow(row);
}

export async function findOidcProvider(db: Queryable, arn: string): Promise<OidcProvider | undefined> {
  const row = await db.selectFrom("oidc_providers").selectAll().where("arn", "=", arn).executeTakeFirst();
  return row && ofRow(row);
}

/** Throws EntityNotFound. */
export async function getOidcProvider(db: Queryable, arn: string): Promise<OidcProvider> {
  const found = await findOidcProvider(db, arn);
  if (found) return found;
  throw fault("EntityNotFound", { reason: `OpenIDConnect Provider not found for arn ${arn}` });
}

/** All of an account; a quota bounds them. */
export async function listOidcProviders(db: Queryable, accountId: string): Promise<OidcProvider[]> {
  const rows = await db
    .selectFrom("oidc_providers")
    .selectAll()
    .where("account_id", "=", accountId)
    .orderBy("arn")
    .execute();
  return rows.map(ofRow);
}

/** An id that is there stays. Throws EntityLimitExceeded. */
export async function addClientId(tx: Tx, provider: OidcProvider, clientId: string): Promise<void> {
  await update(tx, provider.arn, { client_ids: clientIdsColumn([...provider.clientIds, clientId]) });
}

/** One that is not there is no error. */
export async function removeClientId(tx: Tx, provider: OidcProvider, clientId: string): Promise<void> {
  const others = provider.clientIds.filter((id) => id !== clientId);
  await update(tx, provider.arn, { client_ids: clientIdsColumn(others) });
}

/** Replaces all of them. Throws InvalidInput. */
export async function setThumbprints(
  tx: Tx,
  provider: OidcProvider,
  thumbprints: readonly string[],
): Promise<void> {
  checkThumbprints(thumbprints);
  await update(tx, provider.arn, { thumbprints: JSON.stringify(thumbprints) });
}

/** One that is not there is no error. Roles that trust it stay, and nobody can assume them with its tokens. */
export async function deleteOidcProvider(tx: Tx, arn: string): Promise<void> {
  await tx.deleteFrom("oidc_providers").where("arn", "=", arn).execute();
  await removeAllTags(tx, arn);
}

/** IAM API, CreateOpenIDConnectProvider, Url. A port, which AWS does not take, is common for one's own providers. */
function checkUrl(url: string): void {
  const isRight =
    URL.canParse(url) && /^https:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?(?:\/[\w.~%+=,@:/-]*)?$/.test(url);
  if (isRight) return;
  throw fault("InvalidInput", {
    reason: `Invalid Open ID Connect Provider URL '${echo(url)}': it must begin with https:// and have neither a query string nor a fragment`,
  });
}

function checkThumbprints(thumbprints: readonly string[]): void {
  const most = limits.thumbprintsPerOidcProvider;
  if (thumbprints.length > most) {
    throw fault("InvalidInput", { reason: `Thumbprint list must contain at most ${most} entries.` });
  }
  const wrong = thumbprints.find((thumbprint) => !/^[0-9A-Fa-f]{40}$/.test(thumbprint));
  if (wrong !== undefined) {
    throw fault("InvalidInput", {
      reason: `Invalid thumbprint '${echo(wrong)}': it must be 40 hexadecimal digits`,
    });
  }
}

/** Each once. */
function clientIdsColumn(clientIds: readonly string[]): string {
  const each = [...new Set(clientIds)];
  const most = limits.clientIdsPerOidcProvider;
  if (each.length <= most) return JSON.stringify(each);
  throw fault("EntityLimitExceeded", {
    reason: `Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: ${most}`,
  });
}

async function update(
  tx: Tx,
  arn: string,
  change: { client_ids: string } | { thumbprints: string },
): Promise<void> {
  await tx.updateTable("oidc_providers").set(change).where("arn", "=", arn).execute();
}

function ofRow(row: Tables["oidc_providers"]): OidcProvider {
  // Written above, so their form is known.
  const texts = (column: string) => JSON.parse(column) as string[];
  return {
    arn: row.arn,
    accountId: row.account_id,
    url: row.url,
    clientIds: texts(row.client_ids),
    thumbprints: texts(row.thumbprints),
    createdAt: row.created_at,
  };
}
