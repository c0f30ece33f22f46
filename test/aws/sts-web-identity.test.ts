/** STS: roles taken on with the token of an identity provider, which is asked for its keys over the network. */
import { afterAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import {
  ExpiredTokenException,
  IDPCommunicationErrorException,
  IDPRejectedClaimException,
  InvalidIdentityTokenException,
} from "@aws-sdk/client-sts";
import { send } from "../support/aws.ts";
import { expectCode, expectModelled, iam, type Keys } from "../support/iam.ts";
import { audience, type Issuer, newKey, startIssuer } from "../support/issuer.ts";
import { registryForFile } from "../support/oci.ts";
import { ecr, keysOf, makeRole, sts } from "../support/sts.ts";

const registry = registryForFile();
const server = () => registry.server;
const account = "000000000000";
const issuers: Issuer[] = [];

afterAll(() => {
  for (const { stop } of issuers) stop();
});

type Setting = { issuer: Issuer; provider: string; role: string; roleName: string };

/** An issuer that the account knows, and a role that trusts it under a condition. */
async function setting(
  condition?: (name: string) => object,
  { path = "", actions = ["ecr:*"], trusted = ["sts:AssumeRoleWithWebIdentity"] } = {},
): Promise<Setting> {
  const issuer = startIssuer(path);
  issuers.push(issuer);
  const { OpenIDConnectProviderArn: provider = "" } = await iam(server()).createOpenIDConnectProvider({
    Url: `https://${issuer.name}`,
    ClientIDList: [audience, "second"],
  });
  const { arn: role, name: roleName } = await makeRole(server(), {
    trust: [
      {
        Principal: { Federated: provider },
        Action: trusted,
        ...(condition && { Condition: condition(issuer.name) }),
      },
    ],
    actions,
  });
  return { issuer, provider, role, roleName };
}

/** Without credentials: the client would sign if it had some, and the token has to be enough. */
function assume(role: string, WebIdentityToken: string, more: object = {}) {
  const { url, region } = server();
  const nobody = { accessKeyId: "", secretAccessKey: "" };
  return sts({ ...server(), url, region }, nobody).assumeRoleWithWebIdentity({
    RoleArn: role,
    RoleSessionName: "web-session",
    WebIdentityToken,
    ...more,
  });
}

const whoIs = (keys: Keys) => sts(server(), keys).getCallerIdentity({});
const invalid = (message: string) => ({ status: 400, message });
const notAToken =
  "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
const now = () => Math.floor(Date.now() / 1000);

async function expectInvalid(call: Promise<unknown>, message: string): Promise<void> {
  await expectModelled(call, InvalidIdentityTokenException, invalid(message));
}

describe("a token of a provider that the account knows", () => {
  test("is a way into a role that trusts it", async () => {
    const { issuer, role, roleName } = await setting();
    const { $metadata, Credentials, ...answer } = await assume(role, issuer.token());
    const arn = `arn:aws:sts::${account}:assumed-role/${roleName}/web-session`;
    expect(answer).toEqual({
      AssumedRoleUser: { Arn: arn, AssumedRoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}:web-session$/) },
      SubjectFromWebIdentityToken: "repo:lading/app",
      Audience: audience,
      Provider: issuer.url,
      SessionTokenSize: 64,
      SessionTokenUtilization: 2,
    });
    expect((await whoIs(keysOf(Credentials))).Arn).toBe(arn);
    await ecr(server(), keysOf(Credentials)).describeRepositories({});
  });

  test("needs no signature, and comes as a plain form", async () => {
    const { issuer, role } = await setting();
    const fields = new URLSearchParams({
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: role,
      RoleSessionName: "form",
      WebIdentityToken: issuer.token(),
    });
    const answer = await send(server(), {
      method: "POST",
      path: "/",
      query: "",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: fields.toString(),
    });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain("<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA");
  });

  test("can be asked for its subject and its other claims", async () => {
    const { issuer, role, provider, roleName } = await setting((name) => ({
      StringLike: { [`${name}:sub`]: "repo:lading/*" },
      StringEquals: { [`${name}:aud`]: audience, [`${name}:Environment`]: "production" },
      "ForAnyValue:StringEquals": { [`${name}:amr`]: "authenticated" },
    }));
    const right = { environment: "production", amr: ["authenticated", "x"] };
    await assume(role, issuer.token(right));
    const refused = {
      status: 403,
      code: "AccessDenied",
      message: `User: ${provider} is not authorized to perform: sts:AssumeRoleWithWebIdentity on resource: ${role} because no role trust policy allows the sts:AssumeRoleWithWebIdentity action`,
    };
    for (const wrong of [
      { sub: "repo:somebody/else" },
      { sub: "x", Sub: "repo:lading/app", SUB: "repo:lading/app" },
      { environment: "test" },
      { environment: undefined },
      { amr: ["unauthenticated"] },
      { amr: undefined, AMR: ["authenticated"] },
      { aud: "second" },
    ]) {
      await expectCode(assume(role, issuer.token({ ...right, ...wrong })), refused);
    }
    expect(roleName).toStartWith("role-");
  });

  test("is not a way into roles that trust others", async () => {
    const one = await setting();
    const other = await setting();
    await expectCode(assume(other.role, one.issuer.token()), {
      status: 403,
      code: "AccessDenied",
      message: `User: ${one.provider} is not authorized to perform: sts:AssumeRoleWithWebIdentity on resource: ${other.role} because no role trust policy allows the sts:AssumeRoleWithWebIdentity action`,
    });
    await expect(assume(one.role.replace("role-", "no-role-"), one.issuer.token())).rejects.toThrow(
      "because no role trust policy allows",
    );
  });

  test("is also one of an issuer with a path, in any of AWS's algorithms", async () => {
    const { issuer, role } = await setting(undefined, { path: "/realms/build" });
    for (const algorithm of ["RS256", "RS512", "ES384"] as const) {
      const key = newKey(algorithm);
      issuer.keys.splice(0, issuer.keys.length, key);
      const other = await setting(undefined, { path: `/${algorithm}` });
      other.issuer.keys.splice(0, 1, key);
      await assume(other.role, other.issuer.token({}, { key }));
    }
    const { Provider } = await assume(role, issuer.token());
    expect(Provider).toBe(issuer.url);
  });

  test("without a key id is verified with each key of its kind", async () => {
    const { issuer, role } = await setting();
    issuer.keys.push(newKey(), newKey());
    const header = { kid: undefined };
    await assume(role, issuer.token({}, { key: issuer.keys[2] as (typeof issuer.keys)[0], header }));
    await expectInvalid(
      assume(role, issuer.token({}, { key: newKey(), header })),
      "The token's signature is not one by a key of its issuer",
    );
  });

  test("can be for one of several audiences, or issued to a client", async () => {
    const { issuer, role } = await setting();
    expect((await assume(role, issuer.token({ aud: ["x", "second"] }))).Audience).toBe("second");
    expect((await assume(role, issuer.token({ aud: ["x"], azp: audience }))).Audience).toBe(audience);
    for (const aud of ["x", ["x", "y"]]) {
      await expectInvalid(assume(role, issuer.token({ aud, azp: "z" })), "Incorrect token audience");
    }
    for (const aud of [undefined, [], {}]) {
      await expectInvalid(assume(role, issuer.token({ aud })), "Missing a required claim: aud");
    }
  });

  test("gives a session that policies see as federated, with the tags that it brings", async () => {
    const { issuer, role, roleName, provider } = await setting(undefined, {
      actions: ["sts:GetCallerIdentity"],
      trusted: ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
    });
    await iam(server()).putRolePolicy({
      RoleName: roleName,
      PolicyName: "abac",
      PolicyDocument: JSON.stringify({
        Version: "2012-10-17",
        Statement: {
          Effect: "Allow",
          Action: "ecr:*",
          Resource: "*",
          Condition: {
            StringEquals: {
              "aws:PrincipalTag/team": "blue",
              "aws:FederatedProvider": provider,
              "aws:SourceIdentity": "ada",
            },
          },
        },
      }),
    });
    const tags = { principal_tags: { Team: ["blue"] }, transitive_tag_keys: ["Team"] };
    const claims = { "https://aws.amazon.com/tags": tags, "https://aws.amazon.com/source_identity": "ada" };
    const answer = await assume(role, issuer.token(claims));
    expect(answer.SourceIdentity).toBe("ada");
    await ecr(server(), keysOf(answer.Credentials)).describeRepositories({});
    const plain = await assume(role, issuer.token());
    await expect(ecr(server(), keysOf(plain.Credentials)).describeRepositories({})).rejects.toThrow(
      "not authorized",
    );
    // Who may only take on the role may not tag it.
    const strict = await setting();
    await expect(assume(strict.role, strict.issuer.token(claims))).rejects.toThrow(
      "because no role trust policy allows the sts:TagSession action",
    );
    for (const wrong of [
      5,
      { principal_tags: { a: ["1", "2"] } },
      { principal_tags: { a: 1 } },
      { transitive_tag_keys: "a" },
    ]) {
      await expect(
        assume(role, issuer.token({ "https://aws.amazon.com/tags": wrong })),
      ).rejects.toBeInstanceOf(InvalidIdentityTokenException);
    }
  });

  test("is limited by session policies and the role's time", async () => {
    const { issuer, role } = await setting();
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: { Effect: "Allow", Action: "ecr:DescribeRepositories", Resource: "*" },
    });
    const { Credentials } = await assume(role, issuer.token(), { Policy, DurationSeconds: 900 });
    await ecr(server(), keysOf(Credentials)).describeRepositories({});
    await expect(ecr(server(), keysOf(Credentials)).describeRegistry({})).rejects.toThrow(
      "no session policy",
    );
    await expectCode(assume(role, issuer.token(), { DurationSeconds: 3_601 }), {
      status: 400,
      code: "ValidationError",
      message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    });
    await expectCode(assume(role, issuer.token(), { ProviderId: "www.amazon.com" }), {
      status: 400,
      code: "ValidationError",
      message:
        "ProviderId is for OAuth 2.0 access tokens, which this registry does not take; leave it out for an OpenID Connect token",
    });
  });
});

describe("a token is refused", () => {
  test("when its time is over, or has not begun", async () => {
    const { issuer, role } = await setting();
    const at = now();
    const expired = assume(role, issuer.token({ exp: at - 1 }));
    const error: unknown = await expired.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ExpiredTokenException);
    expect(error).toMatchObject({ $metadata: { httpStatusCode: 400 } });
    expect(String(error)).toMatch(
      /Token expired: current date\/time \d{10} must be before the expiration date\/time \d{10}$/,
    );
    // A clock that is four minutes ahead is forgiven.
    await assume(role, issuer.token({ iat: at + 240, nbf: at + 240 }));
    for (const claim of ["iat", "nbf"]) {
      await expect(assume(role, issuer.token({ [claim]: at + 400 }))).rejects.toBeInstanceOf(
        IDPRejectedClaimException,
      );
    }
    for (const claim of ["exp", "iat", "sub"]) {
      await expectInvalid(
        assume(role, issuer.token({ [claim]: undefined })),
        `Missing a required claim: ${claim}`,
      );
    }
    for (const claim of ["exp", "iat", "nbf"]) {
      await expectInvalid(
        assume(role, issuer.token({ [claim]: String(at + 100) })),
        `The token's claim '${claim}' is not a number`,
      );
    }
  });

  test("when its issuer is none that the role's account knows", async () => {
    const { issuer, role } = await setting();
    const stranger = startIssuer();
    issuers.push(stranger);
    await expectInvalid(
      assume(role, stranger.token()),
      `No OpenIDConnect provider found in your account for ${stranger.url}`,
    );
    expect([...stranger.asked.keys()]).toEqual([]);
    await expectInvalid(
      assume(`arn:aws:iam::999988887777:role/x`, issuer.token()),
      `No OpenIDConnect provider found in your account for ${issuer.url}`,
    );
    for (const iss of [
      "http://example.com",
      "https://user@example.com",
      "https://example.com/?a",
      "file:///etc",
      "x",
    ]) {
      await expectInvalid(
        assume(role, issuer.token({ iss })),
        `The token's issuer '${iss}' is not an address that begins with https://`,
      );
    }
  });

  test("when it is none", async () => {
    const { issuer, role } = await setting();
    const [header = "", claims = "", signature = ""] = issuer.token().split(".");
    for (const text of [
      "none",
      "a.b.c",
      `${header}.${claims}`,
      `${header}.${claims}.${signature}.x.y`,
      `.${claims}.`,
    ]) {
      await expectInvalid(assume(role, text), notAToken);
    }
    await expectInvalid(assume(role, issuer.token({ iss: undefined })), "Missing a required claim: iss");
  });

  test("when it is altered in any character", async () => {
    const { issuer, role } = await setting();
    const token = issuer.token();
    await assume(role, token);
    for (let at = 0; at < token.length; at += 1) {
      if (token[at] === ".") continue;
      const altered = `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
      const sameBytes = Buffer.from(altered.split(".")[2] ?? "", "base64url").equals(
        Buffer.from(token.split(".")[2] ?? "", "base64url"),
      );
      if (sameBytes && at > token.lastIndexOf(".")) continue;
      await expect(assume(role, altered)).rejects.toBeInstanceOf(InvalidIdentityTokenException);
    }
  });

  test("when it is signed with nothing, with a secret, or with somebody else's key", async () => {
    const { issuer, role } = await setting();
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = issuer.token().split(".")[1] ?? "";
    const algorithms = "The token must be signed with one of RS256, RS384, RS512, ES256, ES384, ES512";
    await expectInvalid(assume(role, `${encode({ alg: "none" })}.${claims}.`), algorithms);
    // The key set is public: as a secret it proves nothing.
    const text = `${encode({ alg: "HS256", kid: issuer.keys[0]?.kid })}.${claims}`;
    const secret = JSON.stringify(issuer.keys[0]?.jwk);
    const mac = createHmac("sha256", secret).update(text).digest("base64url");
    await expectInvalid(assume(role, `${text}.${mac}`), algorithms);
    const stranger = newKey();
    await expectInvalid(
      assume(role, issuer.token({}, { key: { ...stranger, kid: issuer.keys[0]?.kid ?? "" } })),
      "The token's signature is not one by a key of its issuer",
    );
    await expectInvalid(
      assume(role, issuer.token({}, { key: stranger })),
      "Couldn't retrieve verification key from your identity provider: no key of its key set has the token's kid and alg",
    );
    // A header can bring a key along, and nobody takes it.
    const bringing = issuer.token(
      {},
      { key: stranger, header: { jwk: stranger.jwk, kid: issuer.keys[0]?.kid } },
    );
    await expect(assume(role, bringing)).rejects.toBeInstanceOf(InvalidIdentityTokenException);
    const critical = issuer.token({}, { header: { crit: ["x"], x: 1 } });
    await expect(assume(role, critical)).rejects.toBeInstanceOf(InvalidIdentityTokenException);
  });

  test("when the provider's key is too weak", async () => {
    const { issuer, role } = await setting();
    const weak = newKey("RS256", 1_024);
    issuer.keys.splice(0, 1, weak);
    await expect(assume(role, issuer.token({}, { key: weak }))).rejects.toBeInstanceOf(
      InvalidIdentityTokenException,
    );
  });

  test("when the provider was deleted, or knows the audience no more", async () => {
    const { issuer, role, provider } = await setting();
    await assume(role, issuer.token());
    await iam(server()).removeClientIDFromOpenIDConnectProvider({
      OpenIDConnectProviderArn: provider,
      ClientID: audience,
    });
    await expectInvalid(assume(role, issuer.token()), "Incorrect token audience");
    await iam(server()).deleteOpenIDConnectProvider({ OpenIDConnectProviderArn: provider });
    await expectInvalid(
      assume(role, issuer.token()),
      `No OpenIDConnect provider found in your account for ${issuer.url}`,
    );
  });
});

describe("the provider's documents", () => {
  const configuration = "/.well-known/openid-configuration";

  test("are asked for once, and kept", async () => {
    const { issuer, role } = await setting();
    await Promise.all([1, 2, 3].map(() => assume(role, issuer.token())));
    await assume(role, issuer.token());
    await expectInvalid(
      assume(role, issuer.token({}, { key: newKey() })),
      "Couldn't retrieve verification key from your identity provider: no key of its key set has the token's kid and alg",
    );
    expect(Object.fromEntries(issuer.asked)).toEqual({ [configuration]: 1, "/keys": 1 });
  });

  const wrong: [string, (issuer: Issuer) => void, (issuer: Issuer) => string][] = [
    [
      "that are not there",
      ({ answers }) => answers.set(configuration, () => new Response("no", { status: 404 })),
      ({ url }) => `GET ${url}${configuration} answered 404`,
    ],
    [
      "that lead elsewhere",
      ({ answers, url }) => answers.set(configuration, () => Response.redirect(`${url}/keys`, 302)),
      ({ url }) => `GET ${url}${configuration} answered 302`,
    ],
    [
      "that are of another issuer",
      ({ answers, url }) =>
        answers.set(configuration, () => Response.json({ issuer: `${url}/`, jwks_uri: `${url}/keys` })),
      () => "its configuration has another issuer",
    ],
    [
      "whose keys are in the clear on another machine",
      ({ answers, url }) =>
        answers.set(configuration, () => Response.json({ issuer: url, jwks_uri: "http://192.0.2.1/keys" })),
      () => "its configuration has no jwks_uri that begins with https://",
    ],
    [
      "that are no JSON",
      ({ answers }) => answers.set(configuration, () => new Response("<html>")),
      ({ url }) => `GET ${url}${configuration} answered no JSON object`,
    ],
    [
      "without an end",
      ({ answers }) => {
        const chunk = new Uint8Array(64 * 1024).fill(32);
        answers.set("/keys", () => new Response(new ReadableStream({ pull: (c) => c.enqueue(chunk) })));
      },
      ({ url }) => `GET ${url}/keys answered more than 1048576 bytes`,
    ],
    [
      "that are no key set",
      ({ answers }) => answers.set("/keys", () => Response.json({ keys: "none" })),
      () => "its key set is malformed",
    ],
    [
      "with too many keys",
      ({ answers, keys }) =>
        answers.set("/keys", () => Response.json({ keys: Array(101).fill(keys[0]?.jwk) })),
      () => "its key set has more than 100 keys",
    ],
    ["of nobody", ({ stop }) => stop(), ({ url }) => `GET ${url}${configuration} failed`],
  ];
  test.each(wrong)("%s are refused", async (_, spoil, reason) => {
    const { issuer, role } = await setting();
    const token = issuer.token();
    spoil(issuer);
    await expectModelled(assume(role, token), IDPCommunicationErrorException, {
      status: 400,
      message: `The identity provider '${issuer.url}' could not be asked for its keys: ${reason(issuer)}`,
    });
  });

  test("that take too long are refused after five seconds", async () => {
    const { issuer, role } = await setting();
    issuer.answers.set("/keys", () => new Promise(() => {}));
    const began = Date.now();
    await expectModelled(assume(role, issuer.token()), IDPCommunicationErrorException, {
      status: 400,
      message: `The identity provider '${issuer.url}' could not be asked for its keys: GET ${issuer.url}/keys took longer than 5 seconds`,
    });
    expect(Date.now() - began).toBeLessThan(9_000);
  });
});
