/** The keys of identity providers with a clock of our own: how long they are kept, and when a provider is asked again. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { isIssuer, keySetOf } from "./provider-keys.ts";

let asked = 0;
let isDown = false;
let server = provider();

function provider() {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      asked += 1;
      if (isDown) return new Response("", { status: 503 });
      const issuer = new URL(url).origin;
      return Response.json(url.endsWith("/keys") ? { keys: [] } : { issuer, jwks_uri: `${issuer}/keys` });
    },
  });
}

beforeEach(() => {
  server.stop(true);
  // Another port is another issuer, of which nothing is kept.
  server = provider();
  asked = 0;
  isDown = false;
});
afterAll(() => server.stop(true));

/** At so many seconds after the start. */
function keysAt(seconds: number, isUnknownKey = false) {
  const issuer = `http://127.0.0.1:${server.port}`;
  return keySetOf(issuer, { now: seconds * 1000, isUnknownKey });
}

test("keys are kept for ten minutes", async () => {
  for (const seconds of [0, 1, 599]) await keysAt(seconds);
  expect(asked).toBe(2);
  await keysAt(600);
  expect(asked).toBe(4);
});

test("an unknown key makes us ask again, at most every 30 seconds", async () => {
  for (const seconds of [0, 1, 29]) await keysAt(seconds, true);
  expect(asked).toBe(2);
  for (const seconds of [30, 31, 59]) await keysAt(seconds, true);
  expect(asked).toBe(4);
  await keysAt(60, true);
  expect(asked).toBe(6);
});

test("who asks at one time asks once", async () => {
  await Promise.all(Array.from({ length: 20 }, () => keysAt(0)));
  expect(asked).toBe(2);
});

test("a failure is remembered for five seconds", async () => {
  isDown = true;
  for (const seconds of [0, 1, 4]) await expect(keysAt(seconds)).rejects.toThrow("answered 503");
  expect(asked).toBe(1);
  isDown = false;
  await expect(keysAt(4, true)).rejects.toThrow("answered 503");
  await keysAt(5);
  expect(asked).toBe(3);
});

test.each([
  "https://example.com",
  "https://example.com/realms/a/",
  "https://example.com:8443",
  "http://127.0.0.1:80",
  "http://localhost:8080/a",
  "http://[::1]:8080",
])("'%s' can be an issuer", (issuer) => {
  expect(isIssuer(issuer)).toBe(true);
});

test.each([
  "",
  "example.com",
  "http://example.com",
  "http://10.0.0.1",
  "http://127.0.0.1.example.com",
  "http://localhost.example.com",
  "https://user:secret@example.com",
  "https://@example.com",
  "https://example.com/?query",
  "https://example.com/#fragment",
  "https://example.com/ a",
  "ftp://example.com",
  "file:///etc/passwd",
  "data:application/json,{}",
])("'%s' cannot", (issuer) => {
  expect(isIssuer(issuer)).toBe(false);
});
