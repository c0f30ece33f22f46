/**
 * Every row of every door, asked by nobody and by people without a right. The rows are read from the program's own
 * contracts and endpoints as data, so that one that is added tomorrow is asked too.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  account,
  docker,
  ecrOf,
  imageType,
  organizations,
  type Person,
  type Pushed,
  pathOf,
  pushImage,
  region,
  repositoryArn,
  rootOf,
  user,
} from "../support/access.ts";
import { jsonType, send, signed, type WireAnswer } from "../support/aws.ts";
import { iam, type Keys } from "../support/iam.ts";
import { registryForFile } from "../support/oci.ts";

const registry = registryForFile();
const owner = "222222222222";
const repositoryName = "rows/app";
const at = pathOf(owner, repositoryName);

let administrator: Person;
let image: Pushed;
let upload: string;
/** Of the owner's account, of the organization's management account, and of another. */
let people: Record<string, Person>;

beforeAll(async () => {
  administrator = await account(registry.server, owner);
  const foreign = await account(registry.server, "111111111111");
  people = {
    "a user of the account": await user(registry.server, administrator, { name: "nobody" }),
    "a user of the management account": await user(registry.server, rootOf(registry.server), { name: "n" }),
    "a user of another account": await user(registry.server, foreign, { name: "nobody" }),
  };
  await ecrOf(registry.server, administrator).createRepository({ repositoryName });
  image = await pushImage(registry.server, at, { as: administrator, tag: "v1" });
  const begun = await docker(registry.server, `POST ${at}/blobs/uploads/`, { as: administrator });
  upload = begun.headers.get("location") ?? "";
});

const source = resolve(import.meta.dir, "../../src/wire");

type Shape = {
  type: string;
  members?: Record<string, string>;
  required?: string[];
  member?: string;
  enum?: string[];
  pattern?: string;
  min?: number;
  max?: number;
};

type Contract = {
  service: { protocol: string; apiVersion: string; signingName: string; targetPrefix?: string };
  operations: Record<string, { input: string; unsigned?: true }>;
  shapes: Record<string, Shape>;
};

const contracts = readdirSync(`${source}/aws/contract`)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(`${source}/aws/contract/${name}`, "utf8")) as Partial<Contract>)
  .filter((contract): contract is Contract => contract.operations !== undefined);

const policyText = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: "*", Action: "ecr:*", Resource: "*" }],
});

/** Members whose value has to mean something. */
const values: Readonly<Record<string, unknown>> = {
  registryId: owner,
  repositoryName,
  resourceArn: repositoryArn(owner, repositoryName),
  imageDigest: `sha256:${"0".repeat(64)}`,
  RoleArn: `arn:aws:iam::${owner}:role/OrganizationAccountAccessRole`,
  AccountId: owner,
  OpenIDConnectProviderArn: `arn:aws:iam::${owner}:oidc-provider/example.com`,
  AWSServiceName: "replication.ecr.amazonaws.com",
  PolicyText: policyText,
  Policy: policyText,
  PolicyDocument: policyText,
  AssumeRolePolicyDocument: policyText,
};

/** Texts to choose from: the first that fits a shape is taken. */
const texts = [
  "sample",
  owner,
  `arn:aws:iam::${owner}:policy/sample`,
  `arn:aws:iam::${owner}:role/sample`,
  "p-abcdefgh12",
  "r-abcd",
  "ou-abcd-abcdefgh",
  "car-abcdefgh",
  "user@example.com",
  "ecr:PutImage",
  "AKIAIOSFODNN7EXAMPLE",
  `sha256:${"0".repeat(64)}`,
  "11111111-2222-3333-4444-555555555555",
  "https://example.com",
  "0".repeat(40),
  "v1",
  policyText,
];

/** The smallest input that the contract takes. */
function sample({ shapes }: Contract, name: string, member = ""): unknown {
  const shape = shapes[name] ?? { type: "structure", members: {} };
  const known = values[member];
  if (known !== undefined && shape.type === "string") return known;
  switch (shape.type) {
    case "structure": {
      const wanted = new Set(shape.required ?? []);
      // Not required, and yet what decides whose resource is meant.
      for (const one of ["registryId", "repositoryName"]) if (shape.members?.[one]) wanted.add(one);
      return Object.fromEntries(
        [...wanted].map((one) => [one, sample({ shapes } as Contract, shape.members?.[one] ?? "", one)]),
      );
    }
    case "list":
      return [sample({ shapes } as Contract, shape.member ?? "", member)];
    case "map":
      return {};
    case "string": {
      if (shape.enum) return shape.enum[0];
      const { min = 1, max = 10_000, pattern = "" } = shape;
      const form = new RegExp(`^(?:${pattern.replaceAll("&&", "")})$`, "u");
      const fits = (text: string) => text.length >= min && text.length <= max;
      // Where nothing fits, the answer is no denial, unless the operation is not offered anyway.
      return texts.find((text) => fits(text) && (pattern === "" || form.test(text))) ?? "sample";
    }
    case "boolean":
      return true;
    case "timestamp":
      return 1_700_000_000;
    case "blob":
      return btoa("x");
    default:
      return shape.min ?? 1;
  }
}

/** A form of the Query protocol. */
function form(action: string, version: string, input: unknown): string {
  const fields = new URLSearchParams({ Action: action, Version: version });
  const add = (name: string, value: unknown): void => {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) add(`${name}.member.${index + 1}`, item);
    } else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) add(name === "" ? key : `${name}.${key}`, item);
    } else fields.set(name, String(value));
  };
  add("", input);
  return String(fields);
}

type Row = { service: string; operation: string; headers: Record<string, string>; body: string };

const rows: Row[] = contracts.flatMap((contract) =>
  Object.entries(contract.operations).map(([operation, { input }]) => {
    const { protocol, signingName: service, targetPrefix, apiVersion } = contract.service;
    const value = sample(contract, input);
    if (protocol === "json") {
      const headers = { "x-amz-target": `${targetPrefix}.${operation}`, "content-type": jsonType };
      return { service, operation, headers, body: JSON.stringify(value) };
    }
    const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
    return { service, operation, headers, body: form(operation, apiVersion, value) };
  }),
);

async function ask(row: Row, keys: Keys | undefined): Promise<string> {
  const { service, headers, body } = row;
  const request = keys
    ? await signed(registry.server, { ...keys, service, headers, body, region })
    : { method: "POST", path: "/", query: "", headers, body };
  return outcome(await send(registry.server, request));
}

/** The status and the exception, as `403 AccessDenied`; or `200`. */
function outcome({ status, text }: WireAnswer): string {
  if (status < 400) return String(status);
  const type = /"__type":"([^"]+)"/.exec(text)?.[1] ?? /<Code>([^<]+)<\/Code>/.exec(text)?.[1];
  return `${status} ${type}`;
}

const isDenied = (result: string) => /^(?:400 AccessDeniedException|403 AccessDenied)$/.test(result);
const isNotOffered = (result: string) => /^400 UnsupportedCommand(?:Exception)?$/.test(result);

/** Operations that need no permission, and what they answer to who has none. */
const free: Readonly<Record<string, string>> = {
  "sts GetCallerIdentity": "200",
  // STS API: who has keys has the permission to make a session of them, which may do no more.
  "sts GetSessionToken": "200",
  // Its proof is in the body, which is none.
  "sts AssumeRoleWithWebIdentity": "400 InvalidIdentityToken",
  "lading WhoAmI": "200",
};

test("there are rows of all services", () => {
  const services = [...new Set(rows.map(({ service }) => service))].sort();
  expect(services).toEqual(["cloudtrail", "ecr", "iam", "lading", "organizations", "sts"]);
  expect(rows.length).toBeGreaterThan(200);
});

/** What an administrator sees of all that the rows could have changed. */
async function world(): Promise<unknown> {
  const [ecr, theirs] = [ecrOf(registry.server, administrator), iam(registry.server, administrator.keys)];
  const answers = await Promise.all([
    ecr.describeRepositories({}),
    ecr.describeImages({ repositoryName }),
    ecr.getRepositoryPolicy({ repositoryName }).catch(({ name }: Error) => ({ name })),
    ecr.getRegistryPolicy({}).catch(({ name }: Error) => ({ name })),
    theirs.getAccountAuthorizationDetails({}),
    theirs.listOpenIDConnectProviders({}),
    theirs.listAccountAliases({}),
    iam(registry.server).getAccountAuthorizationDetails({}),
    organizations(registry.server).listAccounts({}),
    organizations(registry.server).listPolicies({ Filter: "SERVICE_CONTROL_POLICY" }),
  ]);
  // What a key or role was last used for is about the asking itself.
  return JSON.parse(
    JSON.stringify(answers, (key, value) =>
      key === "$metadata" || key === "RoleLastUsed" ? undefined : value,
    ),
  );
}

describe("the AWS door", () => {
  test("lets nobody in without a signature", async () => {
    const before = await world();
    const open = [];
    for (const row of rows) {
      const name = `${row.service} ${row.operation}`;
      const result = await ask(row, undefined);
      if (/^403 MissingAuthenticationToken(?:Exception)?$/.test(result)) continue;
      open.push(`${name}: ${result}`);
    }
    expect(open).toEqual(["sts AssumeRoleWithWebIdentity: 400 InvalidIdentityToken"]);
    expect(await world()).toEqual(before);
  });

  test("lets nobody in with a signature of a wrong secret", async () => {
    const { accessKeyId } = administrator.keys;
    const keys = { accessKeyId, secretAccessKey: "wrong-wrong-wrong-wrong-wrong-wrong-wrong" };
    for (const row of rows)
      expect([row.operation, await ask(row, keys)]).toEqual([
        row.operation,
        expect.stringMatching(/^403 (?:InvalidSignatureException|SignatureDoesNotMatch)$/),
      ]);
  });

  test.each(["a user of the account", "a user of the management account", "a user of another account"])(
    "refuses every operation to %s without a right, but for those that are free",
    async (name) => {
      const before = await world();
      const notDenied: Record<string, string> = {};
      const ecrDenied = [];
      for (const row of rows) {
        const result = await ask(row, people[name]?.keys);
        if (isDenied(result)) {
          if (row.service === "ecr") ecrDenied.push(row.operation);
        } else if (!isNotOffered(result)) notDenied[`${row.service} ${row.operation}`] = result;
      }
      expect(notDenied).toEqual(free);
      // Not offered is not the answer to everything.
      expect(ecrDenied.length).toBeGreaterThan(25);
      expect(await world()).toEqual(before);
    },
  );
});

type OciRow = { method: string; route: string; path: (at: string) => string };

const uuid = "11111111-2222-3333-4444-555555555555";
const digest = () => image.digest;
const oci = (method: string, route: string, path: OciRow["path"]): OciRow => ({ method, route, path });

const ociRows: readonly OciRow[] = [
  oci("GET", "catalog", (to) => `${/^\/v2(?:\/\d[^/]*)?/.exec(to)?.[0]}/_catalog`),
  oci("GET", "tags", (to) => `${to}/tags/list`),
  ...["GET", "HEAD", "PUT", "DELETE"].flatMap((method) => [
    oci(method, "manifest", (to) => `${to}/manifests/v1`),
    oci(method, "manifest", (to) => `${to}/manifests/${digest()}`),
  ]),
  ...["GET", "HEAD", "DELETE"].map((method) => oci(method, "blob", (to) => `${to}/blobs/${image.layer}`)),
  oci("POST", "uploads", (to) => `${to}/blobs/uploads/`),
  oci("POST", "uploads", (to) => `${to}/blobs/uploads`),
  oci("POST", "uploads", (to) => `${to}/blobs/uploads/?digest=${digest()}`),
  oci("POST", "uploads", (to) => `${to}/blobs/uploads/?mount=${image.layer}&from=${repositoryName}`),
  ...["GET", "PATCH", "DELETE"].flatMap((method) => [
    oci(method, "upload", () => new URL(upload, registry.server.url).pathname),
    oci(method, "upload", (to) => `${to}/blobs/uploads/${uuid}`),
  ]),
  oci("PUT", "upload", () => `${new URL(upload, registry.server.url).pathname}?digest=${digest()}`),
  oci("GET", "referrers", (to) => `${to}/referrers/${digest()}`),
];

describe("the registry door", () => {
  test("has no endpoint that is not asked here", async () => {
    const text = readFileSync(`${source}/oci/endpoints.ts`, "utf8");
    const found = [...text.matchAll(/method: "([A-Z]+)",\s*route: "([a-z]+)"/g)];
    const names = new Set(found.map(([, method, route]) => `${method} ${route}`));
    expect(names.size).toBeGreaterThan(15);
    const asked = new Set([
      ...ociRows.map(({ method, route }) => `${method} ${route}`),
      "GET base",
      "HEAD base",
    ]);
    expect([...names].sort()).toEqual([...asked].sort());
  });

  const places: readonly [name: string, path: string][] = [
    ["a repository that is there", at],
    ["one that is not", pathOf(owner, "rows/missing")],
    ["one of an account that is not", pathOf("999999999999", repositoryName)],
    ["one of the default registry", `/v2/${repositoryName}`],
  ];

  const answerOf = async ({ method, path }: OciRow, to: string, as: Person | undefined) => {
    const hasBody = method === "PUT" || method === "PATCH" || method === "POST";
    return docker(registry.server, `${method} ${path(to)}`, {
      ...(as && { as }),
      ...(hasBody && { body: image.manifest, headers: imageType }),
    });
  };

  test.each(places)("asks nobody in at %s: 401 with a challenge", async (_, to) => {
    for (const row of ociRows) {
      const { status, headers, message } = await answerOf(row, to, undefined);
      expect([row.method, row.route, status]).toEqual([row.method, row.route, 401]);
      expect(headers.get("www-authenticate")).toStartWith("Basic ");
      if (row.method !== "HEAD") expect(message).toStartWith("No credentials were sent.");
    }
  });

  test.each(places)("refuses everything to who has no right at %s", async (_, to) => {
    for (const who of Object.values(people))
      for (const row of ociRows) {
        const { status, message } = await answerOf(row, to, who);
        expect([row.method, row.route, status]).toEqual([row.method, row.route, 403]);
        if (row.method !== "HEAD")
          expect(message).toStartWith(`User: ${who.arn} is not authorized to perform`);
      }
  });

  test("lets everybody with credentials ask whether this is a registry, and nobody without", async () => {
    for (const path of ["/v2/", "/v2"]) {
      expect((await docker(registry.server, `GET ${path}`)).status).toBe(401);
      for (const as of Object.values(people)) {
        expect((await docker(registry.server, `GET ${path}`, { as })).status).toBe(200);
        expect((await docker(registry.server, `HEAD ${path}`, { as })).status).toBe(200);
      }
    }
  });

  test("has lost nothing by all this", async () => {
    const manifest = await docker(registry.server, `GET ${at}/manifests/v1`, { as: administrator });
    expect(manifest.headers.get("docker-content-digest")).toBe(image.digest);
    const layer = await docker(registry.server, `GET ${at}/blobs/${image.layer}`, { as: administrator });
    expect(layer.status).toBe(200);
    const { pathname } = new URL(upload, registry.server.url);
    const status = await docker(registry.server, `GET ${pathname}`, { as: administrator });
    expect([status.status, status.headers.get("range")]).toEqual([204, "0-0"]);
  });
});

describe("the web door", () => {
  const get = async (path: string, headers: Record<string, string> = {}) =>
    (await docker(registry.server, `GET ${path}`, { headers })).status;

  test("tells everybody whether the program lives, and nothing else", async () => {
    for (const path of ["/healthz", "/readyz"]) expect(await get(path)).toBe(200);
    for (const path of ["/", "/metrics", "/debug", "/layers", "/lading.db", "/..%2f..%2fetc/passwd", "/v1/"])
      expect([path, await get(path)]).toEqual([path, 404]);
    expect(await get("/whoami")).toBe(401);
  });

  test("gives a layer to nobody without the signature of a download", async () => {
    const input = { repositoryName, layerDigest: image.layer };
    const { downloadUrl = "" } = await ecrOf(registry.server, administrator).getDownloadUrlForLayer(input);
    const { pathname, search } = new URL(downloadUrl);
    expect(await get(pathname + search)).toBe(200);
    const altered = [
      "",
      search.replace(/signature=.{4}/, "signature=AAAA"),
      search.replace(/&?signature=[^&]*/, ""),
      search.replace(/expires=\d/, "expires=9"),
      search.replace(/repository=\d+/, "repository=999"),
    ];
    for (const query of altered) expect([query, await get(pathname + query)]).toEqual([query, 403]);
    expect(await get(pathname.replace(image.layer, image.config) + search)).toBe(403);
  });
});
