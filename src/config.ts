/**
 * One table of settings makes the flags, the environment variables, the help and docs/configuration.md. This is the only
 * file that reads the environment.
 */
import { readAddressRange } from "./access/policy/values.ts";
import { logLevels } from "./lib/log.ts";

type Setting = {
  /** The flag without dashes; the environment variable is `LADING_` and the same in capitals. */
  flag: string;
  value: string;
  /** What holds when nothing is given. */
  default?: string;
  help: string;
  /** Says what is wrong with a value, or undefined. */
  check?: (value: string) => string | undefined;
};

const matches = (pattern: RegExp, wanted: string) => (value: string) =>
  pattern.test(value) ? undefined : `must be ${wanted}`;

export const settings = {
  data: {
    flag: "data",
    value: "DIR",
    default: "./data",
    help: "Folder for the database, the blobs and the root access key; made at the first start.",
  },
  listen: {
    flag: "listen",
    value: "HOST:PORT",
    default: "127.0.0.1:5000",
    help: "Address to listen on; port 0 takes a free one, [::1]:5000 is an IPv6 address.",
    check: (value) =>
      /^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/.test(value) && Number(/\d+$/.exec(value)?.[0]) <= 65_535
        ? undefined
        : "must be HOST:PORT, such as 127.0.0.1:5000, with a port up to 65535",
  },
  account: {
    flag: "account",
    value: "ID",
    default: "000000000000",
    help: "The default account, 12 digits; made at the first start.",
    check: matches(/^\d{12}$/, "12 digits"),
  },
  region: {
    flag: "region",
    value: "NAME",
    default: "us-east-1",
    help: "The default region: that of addresses without one.",
    check: matches(/^[0-9a-z-]{2,25}$/, "2 to 25 lower-case letters, digits and dashes, such as eu-west-2"),
  },
  domain: {
    flag: "domain",
    value: "NAME",
    help: "Serve ACCOUNT.dkr.ecr.REGION.NAME as registries and say so in repositoryUri; needs wildcard DNS.",
    check: matches(
      /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
      "a domain name in lower case",
    ),
  },
  externalUrl: {
    flag: "external-url",
    value: "URL",
    help: "Where clients reach the server when that differs from the Host they send; makes Locations absolute.",
    check: matches(/^https?:\/\/[^/\s]+$/, "http:// or https:// and a host, without a path"),
  },
  tlsCert: {
    flag: "tls-cert",
    value: "FILE",
    help: "Certificate chain in PEM; serves HTTPS together with --tls-key.",
  },
  tlsKey: { flag: "tls-key", value: "FILE", help: "Private key in PEM." },
  rootAccessKeyId: {
    flag: "root-access-key-id",
    value: "ID",
    help: "Access key id of the default account's root; without it one is made at the first start.",
    check: matches(/^\w{16,128}$/, "16 to 128 letters, digits and underscores"),
  },
  rootSecretAccessKey: {
    flag: "root-secret-access-key",
    value: "SECRET",
    help: "The secret that belongs to --root-access-key-id. Prefer the environment: other users see flags.",
    check: matches(/^[\x21-\x7e]{16,128}$/, "16 to 128 printable characters without spaces"),
  },
  secretKey: {
    flag: "secret-key",
    value: "KEY",
    help: "32 bytes in base64 that encrypt stored secrets and sign tokens; without it the file secret.key in the data folder does.",
    check: (value) => (Buffer.from(value, "base64").length === 32 ? undefined : "must be 32 bytes in base64"),
  },
  trustedProxies: {
    flag: "trusted-proxies",
    value: "RANGES",
    help: "Proxies in front of the server, such as 10.0.0.0/8,192.0.2.7: their X-Forwarded-For and X-Forwarded-Proto are believed.",
    check: (value) =>
      value.split(",").every((item) => readAddressRange(item.trim()) !== undefined)
        ? undefined
        : "must be addresses or ranges with commas between them, such as 10.0.0.0/8,192.0.2.7",
  },
  auditRetentionDays: {
    flag: "audit-retention-days",
    value: "DAYS",
    default: "90",
    help: "Records of the audit are removed after so many days; 0 keeps them for ever.",
    check: matches(/^\d{1,5}$/, "a whole number of days, such as 90, or 0 to keep records for ever"),
  },
  logLevel: {
    flag: "log-level",
    value: "LEVEL",
    default: "warn",
    help: `One of ${logLevels.join(", ")}; info logs every request.`,
    check: (value) =>
      (logLevels as readonly string[]).includes(value) ? undefined : `must be one of ${logLevels.join(", ")}`,
  },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof settings;

type Defaulted = {
  [N in SettingName]: (typeof settings)[N] extends { default: string } ? N : never;
}[SettingName];

export type Config = { readonly [N in Defaulted]: string } & {
  readonly [N in Exclude<SettingName, Defaulted>]?: string;
};

/** The environment variable of a setting: `LADING_TLS_CERT` for `tls-cert`. */
export function environmentName(name: SettingName): string {
  return `LADING_${settings[name].flag.toUpperCase().replaceAll("-", "_")}`;
}

/** A start that cannot succeed as asked. The message is for the person who typed the command. */
export class UsageError extends Error {}

/** Flags win over the environment, the environment over defaults. Throws {@link UsageError} naming the bad setting. */
export function readConfig(
  flags: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const config: Partial<Record<SettingName, string>> = {};
  for (const name of Object.keys(settings) as SettingName[]) {
    const setting: Setting = settings[name];
    const fromFlag = flags[name];
    const fromEnvironment = environment[environmentName(name)] || undefined;
    const value = typeof fromFlag === "string" ? fromFlag : (fromEnvironment ?? setting.default);
    if (value === undefined) continue;
    const problem = setting.check?.(value);
    if (problem !== undefined) {
      const source = typeof fromFlag === "string" ? `--${setting.flag}` : environmentName(name);
      throw new UsageError(`${source}: '${name.includes("ecret") ? "…" : value}' ${problem}`);
    }
    config[name] = value;
  }
  for (const [one, other] of [
    ["tlsCert", "tlsKey"],
    ["rootAccessKeyId", "rootSecretAccessKey"],
  ] as const) {
    if ((config[one] === undefined) !== (config[other] === undefined)) {
      throw new UsageError(
        `--${settings[one].flag} and --${settings[other].flag} belong together; only one is given`,
      );
    }
  }
  return config as Config;
}

/** How a command reaches a running server, and as whom. */
export type ClientConfig = {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | undefined;
  /** Where the root's credentials lie, for who has none in the environment. */
  data: string;
  /** Where docker keeps its credentials. */
  dockerConfig: string;
};

/** The variables that AWS's own tools read come after the flags. */
export function readClientConfig(
  flags: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ClientConfig {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  const { AWS_SESSION_TOKEN: sessionToken, DOCKER_CONFIG: dockerConfig, HOME: home = "." } = environment;
  const endpoint = flags.endpoint ?? environment.AWS_ENDPOINT_URL ?? `http://${settings.listen.default}`;
  const region = flags.region ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION;
  if (!URL.canParse(String(endpoint))) throw new UsageError(`--endpoint: '${endpoint}' is not a URL`);
  return {
    endpoint: String(endpoint),
    region: String(region ?? settings.region.default),
    credentials:
      // A folder that is named is meant.
      flags.data === undefined && accessKeyId && secretAccessKey
        ? { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
        : undefined,
    data: String(flags.data ?? environment[environmentName("data")] ?? settings.data.default),
    dockerConfig: `${dockerConfig ?? `${home}/.docker`}/config.json`,
  };
}
