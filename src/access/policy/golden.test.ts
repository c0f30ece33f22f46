/**
 * The corpus of test/golden/policies: policies as they are published and used, each with requests, and what becomes of
 * them, down to the sentence that a refused client prints.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Policy, readPolicy } from "./document.ts";
import { decide, type Policies } from "./evaluate.ts";
import { explain } from "./explain.ts";
import type { PolicyKind } from "./kinds.ts";
import type { RequestPrincipal } from "./principals.ts";

type Golden = {
  about: string;
  policies: Readonly<Record<string, { kind: PolicyKind; scope?: "V1"; document: unknown }>>;
  cases: readonly Case[];
};

type Case = {
  name: string;
  /** An ARN, the name of a service, or `anonymous`. */
  principal: string;
  /** Of a role session, where the role has a path. */
  roleArn?: string;
  action: string;
  resource: string;
  /** The names of the policies that apply; all of the file's unless given. Each service control policy is a level. */
  with?: readonly string[];
  context?: Readonly<Record<string, string | readonly string[]>>;
  /** The whole sentence. Absent when it is allowed. */
  refused?: string;
  /** The name of the policy that denies, and the statement's Sid. */
  deniedBy?: string;
};

const folder = join(import.meta.dir, "../../../test/golden/policies");
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
const goldens = files.map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Golden);

for (const { about, policies, cases } of goldens)
  describe(about, () => {
    const read = new Map(
      Object.entries(policies).map(([name, { kind, scope, document }]) => {
        const reading = readPolicy({
          kind,
          name,
          text: JSON.stringify(document),
          ...(scope && { scope }),
        });
        if ("problems" in reading) throw new Error(`${name}: ${JSON.stringify(reading.problems)}`);
        return [name, reading.policy] as const;
      }),
    );

    test.each(cases.map((one) => [one.name, one] as const))("%s", (_, one) => {
      const names = one.with ?? [...read.keys()];
      const applied = names.map((name) => {
        const policy = read.get(name);
        if (!policy) throw new Error(`There is no policy ${name}`);
        return policy;
      });
      const [, accountId = ""] = /^arn:aws:\w+:[\w-]*:(\d{12}):/.exec(one.resource) ?? [];
      const principal = principalOf(one);
      const request = {
        principal,
        action: one.action,
        resource: one.resource,
        // What has no resource happens in the caller's account.
        resourceAccountId: accountId || ("accountId" in principal ? principal.accountId : "111122223333"),
        context: new Map(
          Object.entries(one.context ?? {}).map(([key, value]) => [key.toLowerCase(), [value].flat()]),
        ),
      };
      const { decision, sentence } = explain(request, arranged(applied));
      expect(decision).toEqual(decide(request, arranged(applied)));
      expect(sentence).toBe(one.refused);
      expect(decision.allowed).toBe(one.refused === undefined);
      const { policy, sid } = (!decision.allowed && decision.deniedBy) || {};
      expect(policy && `${policy} ${sid}`).toBe(one.deniedBy);
    });

    test("uses every policy", () => {
      const used = new Set(cases.flatMap((one) => one.with ?? Object.keys(policies)));
      expect(Object.keys(policies).filter((name) => !used.has(name))).toEqual([]);
    });
  });

test("the corpus holds enough, both ways", () => {
  const cases = goldens.flatMap((golden) => golden.cases);
  expect(goldens.flatMap(({ policies }) => Object.keys(policies)).length).toBeGreaterThanOrEqual(45);
  expect(cases.filter(({ refused }) => refused === undefined).length).toBeGreaterThan(60);
  expect(cases.filter(({ refused }) => refused !== undefined).length).toBeGreaterThan(60);
});

function arranged(policies: readonly Policy[]): Policies {
  const of = (...kinds: PolicyKind[]) => policies.filter(({ kind }) => kinds.includes(kind));
  const [boundary] = of("boundary");
  const session = of("session");
  return {
    identity: of("identity"),
    ...(boundary && { boundary }),
    ...(session.length > 0 && { session }),
    scps: of("scp").map((scp) => [scp]),
    resource: of("repository", "registry", "trust"),
  };
}

function principalOf({ principal: arn, roleArn }: Case): RequestPrincipal {
  if (arn === "anonymous") return { kind: "anonymous" };
  if (!arn.startsWith("arn:")) return { kind: "service", arn };
  const [, accountId = "", kind = "", name = ""] =
    /^arn:aws:\w+::(\d{12}):([\w-]+)\/?([^/]*)/.exec(arn) ?? [];
  switch (kind) {
    case "root":
      return { kind, arn, accountId };
    case "user":
      return { kind, arn, accountId, uniqueId: "AIDAEXAMPLEEXAMPLE123" };
    case "assumed-role":
      return {
        kind: "role-session",
        arn,
        accountId,
        roleArn: roleArn ?? `arn:aws:iam::${accountId}:role/${name}`,
        uniqueId: "AROAEXAMPLEEXAMPLE123",
      };
    case "federated-user":
      return { kind, arn, accountId, userArn: `arn:aws:iam::${accountId}:user/ann` };
    case "oidc-provider":
      return { kind: "web-identity", arn };
  }
  throw new Error(`${arn} is nobody`);
}
