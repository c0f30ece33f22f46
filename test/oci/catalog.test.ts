/** The list of repositories, which the Docker Registry API has and OCI distribution 1.1 leaves out. */
import { beforeAll, describe, expect, test } from "bun:test";
import { type Answer, expectError, header, nextPage, registryForFile } from "../support/oci.ts";

const registry = registryForFile();

/** In byte order, with names that begin like others, before and after the slash and the other separators. */
const names = [
  "a-b",
  "a.b",
  "a/b",
  "a0",
  "a_b",
  "aa",
  "aa-b",
  "aa/b",
  "aa/b/c",
  "aab",
  "b0",
  "zz/zz",
] as const;

async function list(query = "", prefix = "/v2"): Promise<Answer> {
  return registry.request("GET", `${prefix}/_catalog${query}`);
}

function repositoriesOf(answer: Answer): string[] {
  expect(answer.status).toBe(200);
  return answer.json<{ repositories: string[] }>().repositories;
}

test("without a repository is an empty list, not null", async () => {
  const answer = await list();
  expect(header(answer, "content-type")).toStartWith("application/json");
  expect(answer.json<object>()).toEqual({ repositories: [] });
  expect(answer.headers.get("link")).toBeNull();
});

describe("with repositories", () => {
  beforeAll(async () => {
    for (const name of [...names].reverse()) await registry.createRepository(name);
  });

  test("lists all of them in lexical order", async () => {
    const answer = await list();
    expect(repositoriesOf(answer)).toEqual([...names]);
    expect(answer.headers.get("link")).toBeNull();
  });

  for (const n of [1, 2, 5, 11]) {
    test(`lists all of them along the Links of ${n}`, async () => {
      const found: string[] = [];
      for (let next: string | null = `/v2/_catalog?n=${n}`; next !== null; ) {
        expect(next).toStartWith("/v2/_catalog?");
        const answer = await registry.request("GET", next);
        const page = repositoriesOf(answer);
        expect(page).toEqual(names.slice(found.length, found.length + n));
        expect(page).not.toBeEmpty();
        found.push(...page);
        next = nextPage(answer);
      }
      expect(found).toEqual([...names]);
    });
  }

  test("lists what comes after each `last`", async () => {
    for (const [at, last] of names.entries()) {
      expect(repositoriesOf(await list(`?last=${encodeURIComponent(last)}`))).toEqual(names.slice(at + 1));
      expect(repositoriesOf(await list(`?n=2&last=${last}`))).toEqual(names.slice(at + 1, at + 3));
    }
  });

  for (const [last, expected] of [
    ["", [...names]],
    ["0", [...names]],
    ["a/", names.slice(2)],
    ["aa/a", names.slice(7)],
    ["zzz", []],
  ] as const) {
    test(`takes '${last}', which is no repository, for a place in the order`, async () => {
      expect(repositoriesOf(await list(`?last=${encodeURIComponent(last)}`))).toEqual([...expected]);
    });
  }

  test("with n of 0 is an empty list without a Link", async () => {
    const answer = await list("?n=0");
    expect(repositoriesOf(answer)).toEqual([]);
    expect(answer.headers.get("link")).toBeNull();
  });

  for (const n of ["12", "13", "1000", "1001", "99999999999999999999999999"]) {
    test(`with n of ${n} is all of them without a Link`, async () => {
      const answer = await list(`?n=${n}`);
      expect(repositoriesOf(answer)).toEqual([...names]);
      expect(answer.headers.get("link")).toBeNull();
    });
  }

  for (const n of ["-1", "x", "1.5", "1e3"]) {
    test(`with n of ${n} is refused`, async () => {
      expectError(await list(`?n=${n}`), 400, ["UNSUPPORTED", "NAME_INVALID"]);
    });
  }

  test("of a registry named in the path gives Links that stay there", async () => {
    const prefix = "/v2/000000000000.us-east-1";
    const first = await list("?n=10", prefix);
    expect(repositoriesOf(first)).toEqual(names.slice(0, 10));
    const next = nextPage(first);
    expect(next).toStartWith(`${prefix}/_catalog?`);
    expect(repositoriesOf(await registry.request("GET", next ?? ""))).toEqual(names.slice(10));
  });
});
