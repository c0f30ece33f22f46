/** Puts the program together and runs the server. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { accountExists, ensureAccount } from "./access/accounts/accounts.ts";
import { ensureOrganization, organizationExists } from "./access/accounts/organizations.ts";
import { makeBasicAuthenticator } from "./access/credentials/basic.ts";
import { makeKeyUses } from "./access/credentials/key-uses.ts";
import {
  areKeysReadable,
  generateKey,
  isRootKey,
  type NewKey,
  storeRootKey,
} from "./access/credentials/keys.ts";
import { makeAuthority } from "./access/decisions/authority.ts";
import { type AddressRange, readAddressRange } from "./access/policy/values.ts";
import { type Config, UsageError } from "./config.ts";
import { systemClock } from "./lib/clock.ts";
import { randomIds } from "./lib/ids.ts";
import { makeLog } from "./lib/log.ts";
import type { Services } from "./registry/context.ts";
import { makePullTimes } from "./registry/pull-times.ts";
import { openFileBlobs } from "./store/blobs-files.ts";
import { openDatabase } from "./store/database.ts";
import { FolderInUse, lockFolder, masterKey, readOrWritePrivateFile } from "./store/folder.ts";
import { makeSecrets } from "./store/secrets.ts";
import { openSpool } from "./store/spool.ts";
import { openTrail } from "./store/trail.ts";
import type { AddressSettings } from "./wire/addresses.ts";
import { makeAwsDoor } from "./wire/aws/door.ts";
import { makeDoors } from "./wire/doors.ts";
import { type Listener, type ListenSettings, listen } from "./wire/listener.ts";
import { makeOciDoor } from "./wire/oci/door.ts";
import { startWorker } from "./worker.ts";

/** What there is to say when the server is ready. */
export type Start = {
  port: number;
  /** The root's access key, if it was made now. */
  newKey: NewKey | undefined;
  rootCredentialsPath: string;
};

/**
 * Runs until SIGTERM or SIGINT, and calls `announce` when it listens. Throws {@link UsageError} when the start cannot
 * succeed as asked.
 */
export async function serve(config: Config, announce: (start: Start) => void): Promise<void> {
  // What is written here is for the owner alone.
  process.umask(0o077);
  const lock = await lockFolder(config.data).catch((error: unknown) => {
    throw error instanceof FolderInUse ? new UsageError(error.message) : cannotUse(config.data, error);
  });
  const services = await openServices(config).catch((error: unknown) => {
    throw cannotUse(config.data, error);
  });
  if (!(await areKeysReadable(services.db.read, services.secrets))) {
    throw new UsageError(
      `The secret key is not the one that the data folder '${config.data}' was made with; give --secret-key or secret.key that one`,
    );
  }
  const newKey = await ensureRoot(services, config);
  const settings = addressSettings(config);
  const authenticate = makeBasicAuthenticator(services.secrets, services.clock);
  const doors = makeDoors(services, {
    oci: makeOciDoor(services, settings, authenticate),
    aws: makeAwsDoor(services, await openSpool(join(config.data, "spool"), services.ids), settings),
    health: { isReady: () => isReady(services) },
    settings,
    authenticate,
  });
  const listener = await startListening(services, config, doors);
  const worker = await startWorker(services);
  announce({ port: listener.port, newKey, rootCredentialsPath: rootCredentialsPath(config) });

  await stopSignal();
  await listener.drain();
  await worker.stop();
  await services.trail.close();
  await services.db.close();
  lock.release();
  process.exit(0);
}

async function openServices(config: Config): Promise<Services> {
  const ids = randomIds;
  const secrets = makeSecrets(await masterKey(config.data, config.secretKey, ids), ids);
  const db = await openDatabase(join(config.data, "lading.db"));
  const log = makeLog(config.logLevel);
  const trail = openTrail({
    path: join(config.data, "audit.db"),
    clock: systemClock,
    log,
    retentionDays: Number(config.auditRetentionDays),
  });
  return {
    db,
    authority: makeAuthority(db),
    blobs: await openFileBlobs(config.data, ids),
    secrets,
    clock: systemClock,
    ids,
    log,
    pullTimes: makePullTimes(),
    keyUses: makeKeyUses(),
    trail,
  };
}

/**
 * The default account and a key of its root: the one that is configured, or at the first start a new one, which is
 * written to a file of mode 0600 in the form that AWS clients read. Resolves with the key when it was made now.
 */
async function ensureRoot(services: Services, config: Config): Promise<NewKey | undefined> {
  const { db, secrets, clock, ids } = services;
  const accountId = config.account;
  const { rootAccessKeyId: accessKeyId, rootSecretAccessKey: secretAccessKey } = config;
  const isConfigured = accessKeyId !== undefined && secretAccessKey !== undefined;
  const isKnown = await accountExists(db.read, accountId);
  // Later a root without a key is one whose owner took it away.
  const isFirst = !isConfigured && !isKnown;
  const key = isConfigured
    ? { accessKeyId, secretAccessKey }
    : isFirst
      ? await firstKey(services, config)
      : undefined;
  const isThere =
    isKnown &&
    (await organizationExists(db.read)) &&
    (key === undefined || (await isRootKey(db.read, { secrets, accountId, key })));
  // Nothing to write, nothing written: on a full disk the server must still start, because pulls need no space.
  if (isThere) return undefined;
  await db.write(async (tx) => {
    await ensureAccount(tx, clock, { id: accountId, name: "default" });
    await ensureOrganization(tx, ids, accountId);
    if (key) await storeRootKey(tx, { secrets, clock, accountId, key });
  });
  return isFirst ? key : undefined;
}

/** The file comes before the database, so a start that was interrupted between the two goes on with the same key. */
async function firstKey({ ids }: Services, config: Config): Promise<NewKey> {
  const made = generateKey(ids);
  const text = await readOrWritePrivateFile(
    rootCredentialsPath(config),
    () =>
      `[default]\naws_access_key_id = ${made.accessKeyId}\naws_secret_access_key = ${made.secretAccessKey}\n`,
  );
  const accessKeyId = /^aws_access_key_id = (\S+)$/m.exec(text)?.[1];
  const secretAccessKey = /^aws_secret_access_key = (\S+)$/m.exec(text)?.[1];
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new UsageError(
      `'${rootCredentialsPath(config)}' should hold the root's access key and does not; move it away`,
    );
  }
  return { accessKeyId, secretAccessKey };
}

function rootCredentialsPath(config: Config): string {
  return join(config.data, `root-credentials-${config.account}`);
}

function addressSettings(config: Config): AddressSettings {
  return {
    domain: config.domain,
    externalUrl: config.externalUrl,
    secure: config.tlsCert !== undefined,
    accountId: config.account,
    region: config.region,
  };
}

async function startListening(
  services: Services,
  config: Config,
  doors: Parameters<typeof listen>[2],
): Promise<Listener> {
  const colon = config.listen.lastIndexOf(":");
  const { tlsCert, tlsKey } = config;
  const settings: ListenSettings = {
    hostname: config.listen.slice(0, colon),
    port: Number(config.listen.slice(colon + 1)),
    trustedProxies: trustedProxies(config),
    tls: tlsCert !== undefined && tlsKey !== undefined ? await readTls(tlsCert, tlsKey) : undefined,
  };
  try {
    return listen(services, settings, doors);
  } catch (error) {
    throw new UsageError(
      `Cannot listen on ${config.listen}: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** The ranges of the setting, which is checked. */
function trustedProxies({ trustedProxies: text = "" }: Config): readonly AddressRange[] {
  return text.split(",").flatMap((item) => readAddressRange(item.trim()) ?? []);
}

/** Both files, and that they are what their flags say. */
async function readTls(certPath: string, keyPath: string): Promise<{ cert: string; key: string }> {
  const parsed = async <T>(flag: string, path: string, parse: (text: string) => T) => {
    try {
      const text = await readFile(path, "utf8");
      return { text, value: parse(text) };
    } catch (error) {
      throw new UsageError(
        `--${flag}: cannot use '${path}': ${error instanceof Error ? error.message : error}`,
      );
    }
  };
  const cert = await parsed("tls-cert", certPath, (text) => new X509Certificate(text));
  const key = await parsed("tls-key", keyPath, (text) => createPrivateKey(text));
  if (!cert.value.checkPrivateKey(key.value)) {
    throw new UsageError(
      `--tls-key: '${keyPath}' is not the key of the certificate in --tls-cert '${certPath}'`,
    );
  }
  return { cert: cert.text, key: key.text };
}

async function isReady({ db }: Services): Promise<boolean> {
  return (await db.read.selectFrom("accounts").select("id").limit(1).executeTakeFirst()) !== undefined;
}

function cannotUse(folder: string, error: unknown): UsageError {
  return new UsageError(
    `Cannot use the data folder '${folder}': ${error instanceof Error ? error.message : error}`,
  );
}

/** Resolves at the first signal. Later ones change nothing: who waits for a clean end gets it. */
function stopSignal(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => done());
  });
}
