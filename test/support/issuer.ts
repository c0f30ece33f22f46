/** An OpenID Connect issuer on this machine, with keys of its own. Its addresses can be made to misbehave. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

type Algorithm = "RS256" | "RS512" | "ES256" | "ES384";

type SigningKey = { kid: string; algorithm: Algorithm; privateKey: KeyObject; jwk: object };

export type Issuer = {
  /** `http://127.0.0.1:PORT/PATH` */
  url: string;
  /** The same without the scheme: what IAM calls the provider. */
  name: string;
  keys: SigningKey[];
  /** Answers in place of the right ones, by path. */
  answers: Map<string, () => Response | Promise<Response>>;
  /** How often each path was asked for. */
  asked: Map<string, number>;
  /** A token with these claims beside `iss`, `aud`, `sub`, `iat` and `exp`, which are right unless they are given. */
  token: (claims?: Readonly<Record<string, unknown>>, options?: TokenOptions) => string;
  stop: () => void;
};

type TokenOptions = { key?: SigningKey; header?: Readonly<Record<string, unknown>> };

/** The audience of its tokens unless told otherwise. */
export const audience = "lading-tests";

let made = 0;

export function newKey(algorithm: Algorithm = "ES256", bits = 2_048): SigningKey {
  const pair =
    algorithm === "RS256" || algorithm === "RS512"
      ? generateKeyPairSync("rsa", { modulusLength: bits })
      : generateKeyPairSync("ec", { namedCurve: algorithm === "ES256" ? "P-256" : "P-384" });
  const kid = `key-${++made}`;
  const jwk = { ...pair.publicKey.export({ format: "jwk" }), kid, alg: algorithm, use: "sig" };
  return { kid, algorithm, privateKey: pair.privateKey, jwk };
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** RFC 7515 with RFC 7518's algorithms. */
function jwt(
  header: Readonly<Record<string, unknown>>,
  claims: Readonly<Record<string, unknown>>,
  key: SigningKey,
): string {
  const text = `${encode(header)}.${encode(claims)}`;
  const options = { key: key.privateKey, dsaEncoding: "ieee-p1363" } as const;
  return `${text}.${sign(`sha${key.algorithm.slice(2)}`, Buffer.from(text), options).toString("base64url")}`;
}

export function startIssuer(path = ""): Issuer {
  const keys = [newKey()];
  const answers: Issuer["answers"] = new Map();
  const asked = new Map<string, number>();
  const http = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname, origin } = new URL(request.url);
      asked.set(pathname, (asked.get(pathname) ?? 0) + 1);
      const answer = answers.get(pathname);
      if (answer) return answer();
      if (pathname === `${path}/.well-known/openid-configuration`) {
        return Response.json({ issuer: `${origin}${path}`, jwks_uri: `${origin}/keys` });
      }
      if (pathname === "/keys") return Response.json({ keys: keys.map(({ jwk }) => jwk) });
      return new Response("nothing here", { status: 404 });
    },
  });
  const url = `http://127.0.0.1:${http.port}${path}`;
  return {
    url,
    name: url.slice("http://".length),
    keys,
    answers,
    asked,
    token: (claims = {}, { key = keys[0] as SigningKey, header = {} } = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const all = { iss: url, aud: audience, sub: "repo:lading/app", iat: now, exp: now + 600, ...claims };
      return jwt({ typ: "JWT", alg: key.algorithm, kid: key.kid, ...header }, all, key);
    },
    stop: () => void http.stop(true),
  };
}
