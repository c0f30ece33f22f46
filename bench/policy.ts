/**
 * `bun bench/policy.ts`: what a decision costs. Policies are compiled before the clock starts, as the program keeps
 * them compiled; decisions are not kept. Prints medians and 99th percentiles in microseconds.
 */
import { readPolicy } from "../src/access/policy/document.ts";
import { type AccessRequest, decide, type Policies } from "../src/access/policy/evaluate.ts";
import { explain } from "../src/access/policy/explain.ts";
import type { PolicyKind } from "../src/access/policy/kinds.ts";

const account = "111122223333";
const repository = `arn:aws:ecr:us-east-1:${account}:repository/team-a/service`;
const pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
const push = ["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"];
const read = [...pull, "ecr:Describe*", "ecr:List*", "ecr:GetRepositoryPolicy", "ecr:GetLifecyclePolicy"];

const context = new Map<string, readonly string[]>([
  ["aws:sourceip", ["203.0.113.7"]],
  ["aws:securetransport", ["true"]],
  ["aws:principalarn", [`arn:aws:iam::${account}:role/ci`]],
  ["aws:principalaccount", [account]],
  ["aws:principalorgid", ["o-a1b2c3d4e5"]],
  ["aws:principaltag/team", ["a"]],
  ["aws:resourcetag/team", ["a"]],
  ["ecr:resourcetag/team", ["a"]],
  ["aws:currenttime", ["2026-01-31T12:00:00Z"]],
  ["aws:requestedregion", ["us-east-1"]],
]);

const request: AccessRequest = {
  principal: {
    kind: "role-session",
    arn: `arn:aws:sts::${account}:assumed-role/ci/build-7`,
    accountId: account,
    roleArn: `arn:aws:iam::${account}:role/ci`,
    uniqueId: "AROAEXAMPLEEXAMPLE123",
  },
  action: "ecr:PutImage",
  resource: repository,
  resourceAccountId: account,
  context,
};

/** A managed and an inline policy, a boundary, a service control policy and the repository's own. */
const typical: Policies = {
  identity: [
    policy("identity", [{ Effect: "Allow", Action: [...read, "ecr:GetAuthorizationToken"], Resource: "*" }]),
    policy("identity", [
      {
        Effect: "Allow",
        Action: push,
        Resource: `arn:aws:ecr:*:${account}:repository/team-\${aws:PrincipalTag/team}/*`,
      },
      {
        Effect: "Deny",
        Action: "ecr:*",
        Resource: "*",
        Condition: { NotIpAddress: { "aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"] } },
      },
    ]),
  ],
  boundary: policy("boundary", [{ Effect: "Allow", Action: ["ecr:*", "sts:*"], Resource: "*" }]),
  scps: [
    [
      policy("scp", [
        { Effect: "Allow", Action: "*", Resource: "*" },
        {
          Effect: "Deny",
          NotAction: ["iam:*", "sts:*"],
          Resource: "*",
          Condition: { StringNotEquals: { "aws:RequestedRegion": ["us-east-1", "eu-west-2"] } },
        },
      ]),
    ],
  ],
  resource: [
    policy("repository", [
      { Effect: "Allow", Principal: { AWS: "arn:aws:iam::444455556666:root" }, Action: pull },
      {
        Effect: "Deny",
        Principal: "*",
        Action: "ecr:*",
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
      {
        Effect: "Allow",
        Principal: "*",
        Action: pull,
        Condition: { StringEquals: { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } },
      },
    ]),
  ],
};

/** Nothing matches before the last statement, and every part of a statement is asked by turns. */
const large: Policies = {
  scps: [],
  resource: [],
  identity: inDocuments(
    Array.from({ length: 1000 }, (_, at) => ({
      Effect: at % 4 === 3 ? "Deny" : "Allow",
      Action: at % 2 === 0 ? [`ecr:Get*${at}`, "ecr:PutImage"] : "ecr:*",
      Resource:
        at === 999
          ? "*"
          : [`arn:aws:ecr:*:${account}:repository/other-${at}/*`, `arn:aws:ecr:*:*:repository/*/${at}-?`],
      Condition: { StringLike: { "ecr:ResourceTag/team": ["b*", `c${at}`] } },
    })),
  ),
};

/** As above, but every statement comes as far as its condition. */
const conditions: Policies = {
  scps: [],
  resource: [],
  identity: inDocuments(
    Array.from({ length: 1000 }, (_, at) => ({
      Effect: "Allow",
      Action: "ecr:*",
      Resource: "*",
      Condition: {
        StringEquals: { "aws:PrincipalOrgID": "o-a1b2c3d4e5" },
        IpAddress: { "aws:SourceIp": `10.${at % 256}.0.0/16` },
      },
    })),
  ),
};

console.log(`Bun ${Bun.version}, microseconds a decision`);
measure("5 typical documents", { rounds: 20_000, run: () => decide(request, typical) });
measure("5 typical documents, explained", { rounds: 5_000, run: () => explain(request, typical) });
measure("1,000 statements, resources", { rounds: 4_000, run: () => decide(request, large) });
measure("1,000 statements, addresses", { rounds: 4_000, run: () => decide(request, conditions) });

function policy(kind: PolicyKind, statements: readonly object[]) {
  const text = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  const reading = readPolicy({ text, kind, name: kind, maxCharacters: 1_000_000 });
  if ("problems" in reading) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

/** A hundred statements a document, as texts are bounded. */
function inDocuments(statements: readonly object[]) {
  return Array.from({ length: statements.length / 100 }, (_, at) =>
    policy("identity", statements.slice(at * 100, (at + 1) * 100)),
  );
}

function measure(label: string, { rounds, run }: { rounds: number; run: () => unknown }): void {
  for (let warm = 0; warm < rounds; warm += 1) run();
  const samples = Array.from({ length: rounds }, () => {
    const startedAt = Bun.nanoseconds();
    run();
    return (Bun.nanoseconds() - startedAt) / 1000;
  }).sort((a, b) => a - b);
  const at = (share: number) => (samples[Math.floor(rounds * share)] ?? 0).toFixed(2).padStart(8);
  console.log(`${label.padEnd(34)} median ${at(0.5)}   99 % ${at(0.99)}`);
}
