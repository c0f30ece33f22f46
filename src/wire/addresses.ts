/**
 * The forms of a registry's address. `ACCOUNT.dkr.ecr.REGION.<domain>` where a domain is configured; otherwise one host
 * with the registry in the path: `/v2/ACCOUNT.REGION/REPO`, or `/v2/REPO` for the default account and region.
 */
import type { RepositoryAddress } from "../lib/arn.ts";

export type AddressSettings = {
  /** Suffix of virtual hosts. */
  domain: string | undefined;
  /** Such as `https://registry.example.com`, when it differs from what clients send as Host. */
  externalUrl: string | undefined;
  secure: boolean;
  accountId: string;
  region: string;
};

export type Addresses = {
  /** Scheme and host at which this client reaches the server. */
  origin: string;
  /** `proxyEndpoint` of GetAuthorizationToken: what `docker login` takes. */
  registry: (registry: { accountId: string; region: string }) => string;
  /** `repositoryUri`: what goes before the tag in `docker push`. */
  repositoryUri: (repository: RepositoryAddress) => string;
};

/** A registry named by an address, and what is left of the path for the endpoint. */
export type RegistryPath = { accountId: string; region: string; rest: string; prefix: string };

const hostForm = /^([a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/;
const virtualHost = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]{2,25})\.(.+)$/;
const pathRegistry = /^(\d{12})\.([a-z0-9-]{2,25})$/;
/** First segments that a path-style address gives another meaning. */
const reserved = /^(public|\d{12}\.[a-z0-9-]{2,25})\//;

export function isHost(value: string): boolean {
  return hostForm.test(value);
}

/** Addresses in the form in which the sender of `host` reaches the server. */
export function addressesFor(settings: AddressSettings, host: string): Addresses {
  const isExternal = settings.externalUrl !== undefined && virtualRegistry(settings, host) === undefined;
  const origin = isExternal
    ? (settings.externalUrl as string)
    : `${settings.secure ? "https" : "http"}://${host}`;
  const port = /:\d+$/.exec(host)?.[0] ?? "";
  const scheme = origin.slice(0, origin.indexOf("//") + 2);
  const virtual = (accountId: string, region: string) =>
    `${accountId}.dkr.ecr.${region}.${settings.domain}${port}`;
  return {
    origin,
    registry: ({ accountId, region }) =>
      settings.domain === undefined ? origin : scheme + virtual(accountId, region),
    repositoryUri: ({ accountId, region, repositoryName }) => {
      if (settings.domain !== undefined) return `${virtual(accountId, region)}/${repositoryName}`;
      const isDefault =
        accountId === settings.accountId &&
        region === settings.region &&
        !reserved.test(`${repositoryName}/`);
      const registry = isDefault ? "" : `${accountId}.${region}/`;
      return `${origin.slice(scheme.length)}/${registry}${repositoryName}`;
    },
  };
}

/** What goes before the name of a repository in `docker push`. */
export function registryFor(
  { repositoryUri }: Addresses,
  registry: { accountId: string; region: string },
): string {
  return repositoryUri({ ...registry, repositoryName: "" }).slice(0, -1);
}

/**
 * Which registry a request to `/v2/REST` means. `prefix` goes before repository names in the paths that are answered.
 * Undefined for `public/…`, whose registries are not in an account's private space.
 */
export function registryOf(settings: AddressSettings, host: string, rest: string): RegistryPath | undefined {
  const virtual = virtualRegistry(settings, host);
  if (virtual) return { ...virtual, rest, prefix: "" };
  const slash = rest.indexOf("/");
  const first = slash < 0 ? rest : rest.slice(0, slash);
  const named = pathRegistry.exec(first);
  if (named) {
    const [, accountId = "", region = ""] = named;
    return { accountId, region, rest: rest.slice(first.length + 1), prefix: `${first}/` };
  }
  if (first === "public") return undefined;
  return { accountId: settings.accountId, region: settings.region, rest, prefix: "" };
}

function virtualRegistry(
  settings: AddressSettings,
  host: string,
): { accountId: string; region: string } | undefined {
  if (settings.domain === undefined) return undefined;
  const match = virtualHost.exec(host.replace(/:\d+$/, "").toLowerCase());
  if (!match || match[3] !== settings.domain) return undefined;
  const [, accountId = "", region = ""] = match;
  return { accountId, region };
}
