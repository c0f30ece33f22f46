/**
 * The engine's twin: a second evaluator, written from the rules alone and working on JSON as it stands, slow and plain.
 * It shares no code with the engine. Both are asked the same, over random policies and over a matrix of all
 * combinations, and have to answer the same.
 */
import { describe, expect, test } from "bun:test";
import { readPolicy } from "./document.ts";
import { decide, type Policies } from "./evaluate.ts";
import { explain } from "./explain.ts";
import type { PolicyKind } from "./kinds.ts";
import type { RequestPrincipal } from "./principals.ts";

// ---------------------------------------------------------------------------------------------- the twin

type Value = string | number | boolean;
type Block = Readonly<Record<string, Readonly<Record<string, Value | readonly Value[]>>>>;
type Principal = "*" | Readonly<Record<string, string | readonly string[]>>;
type Statement = {
  Effect: string;
  Action?: string | readonly string[];
  NotAction?: string | readonly string[];
  Resource?: string | readonly string[];
  NotResource?: string | readonly string[];
  Principal?: Principal;
  NotPrincipal?: Principal;
  Condition?: Block;
};
type Document = { Version?: string; Statement: Statement | readonly Statement[] };

/** Documents by what they are; a registry's has its scope. */
type Documents = {
  identity: readonly Document[];
  boundary?: Document;
  session?: readonly Document[];
  scps: readonly (readonly Document[])[];
  repository?: readonly Document[];
  registry?: readonly { document: Document; scope: "V1" | "V2" }[];
  trust?: readonly Document[];
};

type Asked = {
  principal: RequestPrincipal;
  action: string;
  resource: string;
  resourceAccountId: string;
  context: Readonly<Record<string, readonly string[]>>;
};

type Directness = "not" | "account" | "identity" | "direct";

/** `"allowed"`, `"denied by SIDE"`, or `"missing SIDE SIDE"`. */
function twin(asked: Asked, documents: Documents): string {
  const { principal } = asked;
  const action = asked.action.toLowerCase();
  const isTrust =
    /^sts:(assumerole|assumerolewithsaml|assumerolewithwebidentity|tagsession|setsourceidentity|setcontext)$/;
  const trust = isTrust.test(action);
  const ownersName = trust ? "trust" : "resource";
  const inRegistry = (documents.registry ?? [])
    .filter(({ scope }) => scope === "V2" || v1.includes(action))
    .map(({ document }) => document);
  const owners = trust
    ? hits(asked, documents, "trust", documents.trust ?? [])
    : [
        ...hits(asked, documents, "repository", documents.repository ?? []),
        ...hits(asked, documents, "registry", inRegistry),
      ];
  const has = (found: readonly Hit[], effect: string) => found.some((hit) => hit.effect === effect);

  if (principal.kind === "anonymous" || principal.kind === "service" || principal.kind === "web-identity") {
    if (has(owners, "Deny")) return `denied by ${ownersName}`;
    return has(owners, "Allow") ? "allowed" : `missing ${ownersName}`;
  }

  const isOwner = principal.accountId === asked.resourceAccountId;
  const isRoot = principal.kind === "root";
  const levels = documents.scps.map((level) => hits(asked, documents, "scp", level));
  const identity = isRoot ? [] : hits(asked, documents, "identity", documents.identity);
  const boundary =
    isRoot || documents.boundary === undefined
      ? undefined
      : hits(asked, documents, "boundary", [documents.boundary]);
  const isSession = principal.kind === "role-session" || principal.kind === "federated-user";
  const passed = documents.session ?? (principal.kind === "federated-user" ? [] : undefined);
  const session = isSession && passed ? hits(asked, documents, "session", passed) : undefined;

  if (levels.some((level) => has(level, "Deny"))) return "denied by scp";
  if (has(owners, "Deny") && !(isRoot && isOwner && repairs.includes(action)))
    return `denied by ${ownersName}`;
  if (has(identity, "Deny")) return "denied by identity";
  if (boundary && has(boundary, "Deny")) return "denied by boundary";
  if (session && has(session, "Deny")) return "denied by session";

  const ways = owners.filter(({ effect }) => effect === "Allow").map(({ directness }) => directness);
  const isItself = isOwner && ways.includes("direct");
  const isNamed = isItself || (isOwner && ways.includes("identity"));
  const registryAlone = action === "ecr:replicateimage";
  const missing: string[] = [];
  if (levels.some((level) => !has(level, "Allow"))) missing.push("scp");
  const ownersHaveToAllow = trust || !isOwner || (registryAlone && !isRoot);
  if (ownersHaveToAllow && ways.length === 0) missing.push(ownersName);
  if (!isRoot && !registryAlone && !isNamed && !has(identity, "Allow")) missing.push("identity");
  if (!isItself && boundary && !has(boundary, "Allow")) missing.push("boundary");
  if (!isItself && session && !has(session, "Allow")) missing.push("session");
  return missing.length === 0 ? "allowed" : `missing ${missing.join(" ")}`;
}

const v1 = ["ecr:replicateimage", "ecr:batchimportupstreamimage", "ecr:createrepository"];
const repairs = ["repository", "registry"].flatMap((what) =>
  [
    `get${what}policy`,
    what === "registry" ? "putregistrypolicy" : "setrepositorypolicy",
    `delete${what}policy`,
  ].map((name) => `ecr:${name}`),
);
/** Kinds of policy that cannot allow an action. */
const powerless: Readonly<Record<string, readonly string[]>> = {
  "ecr:getauthorizationtoken": ["repository", "registry"],
  "ecr:createpullthroughcacherule": ["repository", "registry"],
  "ecr:createrepository": ["repository"],
  "ecr:replicateimage": ["repository", "identity"],
};

type Hit = { effect: string; directness: Directness };

/** The statements that are about what is asked. */
function hits(asked: Asked, all: Documents, kind: string, documents: readonly Document[]): Hit[] {
  const found: Hit[] = [];
  for (const document of documents)
    for (const statement of listOf(document.Statement)) {
      const { Effect: effect } = statement;
      const variables = document.Version === "2012-10-17";
      const cannot = powerless[asked.action.toLowerCase()]?.includes(kind);
      if (effect === "Allow" && cannot) continue;
      if (!isAboutAction(statement, asked.action)) continue;
      if (kind !== "repository" && kind !== "trust" && !isAboutResource(statement, asked, variables))
        continue;
      const directness = whomItMeans(statement, asked.principal, all.boundary !== undefined);
      if (directness === "not") continue;
      if (!conditionsHold(statement.Condition ?? {}, asked.context, variables)) continue;
      found.push({ effect, directness });
    }
  return found;
}

function listOf<Item>(value: Item | readonly Item[] | undefined): readonly Item[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as Item];
}

function isAboutAction({ Action, NotAction }: Statement, action: string): boolean {
  const isAmong = listOf(Action ?? NotAction).some((text) =>
    isLike(tokensOf(text.toLowerCase(), undefined), action.toLowerCase()),
  );
  return Action === undefined ? !isAmong : isAmong;
}

function isAboutResource({ Resource, NotResource }: Statement, asked: Asked, variables: boolean): boolean {
  const isAmong = listOf(Resource ?? NotResource).some((text) => {
    const tokens = tokensOf(text, variables ? asked.context : undefined);
    return tokens !== undefined && isLike(tokens, asked.resource);
  });
  return Resource === undefined ? !isAmong : isAmong;
}

function whomItMeans(statement: Statement, who: RequestPrincipal, hasBoundary: boolean): Directness {
  const { Principal, NotPrincipal } = statement;
  if (Principal !== undefined) return isNamedBy(namesIn(Principal), who);
  if (NotPrincipal === undefined) return "direct";
  const names = namesIn(NotPrincipal);
  if (statement.Effect === "Allow") return isNamedBy(names, who) === "not" ? "direct" : "not";
  const canHaveBoundary = who.kind === "user" || who.kind === "role-session" || who.kind === "federated-user";
  if (hasBoundary && canHaveBoundary) return "direct";
  if (isNamedBy(names, { kind: "anonymous" }) === "direct") return "not";
  return isSpared(names, who) ? "not" : "direct";
}

function namesIn(principal: Principal): readonly string[] {
  if (principal === "*") return ["AWS *"];
  return Object.entries(principal).flatMap(([type, names]) => listOf(names).map((name) => `${type} ${name}`));
}

function isNamedBy(names: readonly string[], who: RequestPrincipal): Directness {
  const aws = (name: string | undefined) => name !== undefined && names.includes(`AWS ${name}`);
  if (aws("*")) return "direct";
  if (who.kind === "anonymous") return "not";
  if (who.kind === "service") return names.includes(`Service ${who.arn}`) ? "direct" : "not";
  if (who.kind === "web-identity") return names.includes(`Federated ${who.arn}`) ? "direct" : "not";
  const account = aws(who.accountId) || aws(`arn:aws:iam::${who.accountId}:root`);
  if (who.kind === "root") return account ? "direct" : "not";
  if (aws(who.arn)) return "direct";
  if (who.kind === "user" && aws(who.uniqueId)) return "direct";
  if (who.kind === "role-session" && (aws(who.roleArn) || aws(who.uniqueId))) return "identity";
  if (who.kind === "federated-user" && (aws(who.userArn) || aws(who.uniqueId))) return "identity";
  return account ? "account" : "not";
}

/** A denial with NotPrincipal spares who is named in every form that it has. */
function isSpared(names: readonly string[], who: RequestPrincipal): boolean {
  const aws = (...any: (string | undefined)[]) =>
    any.some((name) => name !== undefined && names.includes(`AWS ${name}`));
  switch (who.kind) {
    case "anonymous":
      return false;
    case "service":
      return names.includes(`Service ${who.arn}`);
    case "web-identity":
      return names.includes(`Federated ${who.arn}`);
  }
  if (!aws(who.accountId, `arn:aws:iam::${who.accountId}:root`)) return false;
  switch (who.kind) {
    case "root":
      return true;
    case "user":
      return aws(who.arn, who.uniqueId);
    case "role-session":
      return aws(who.arn) && aws(who.roleArn, who.uniqueId);
    case "federated-user":
      return aws(who.arn) && (who.userArn === undefined || aws(who.userArn, who.uniqueId));
  }
}

/** A character, or what a wildcard stands for. */
type Token = { is: string } | "any" | "one";

/** What a text means: with `context` it may hold variables. Undefined when one of them has no value. */
function tokensOf(
  text: string,
  context: Asked["context"] | undefined,
  wildcards = true,
): readonly Token[] | undefined {
  const tokens: Token[] = [];
  const plain = (piece: string) => tokens.push(...[...piece].map((is) => ({ is })));
  for (let at = 0; at < text.length; at += 1) {
    const variable = context === undefined ? null : text.slice(at).match(/^\$\{([^}]*)\}/);
    const inner = variable?.[1] ?? "";
    const [, key, otherwise] = inner.match(/^([^{}$,'*?]+)(?:,\s*'([^']*)')?$/) ?? [];
    if (variable && ["*", "?", "$"].includes(inner)) plain(inner);
    else if (variable && key !== undefined) {
      const values = context?.[key.trim().toLowerCase()] ?? [];
      if (values.length > 1) return undefined;
      const value = values[0] ?? otherwise;
      if (value === undefined) return undefined;
      plain(value);
    } else {
      const is = text[at] ?? "";
      if (wildcards && is === "*") tokens.push("any");
      else if (wildcards && is === "?") tokens.push("one");
      else tokens.push({ is });
      continue;
    }
    at += (variable?.[0].length ?? 1) - 1;
  }
  return tokens;
}

/** A star takes nothing, or one character and stays. */
function isLike(tokens: readonly Token[] | undefined, text: string, token = 0, at = 0): boolean {
  const wanted = tokens?.[token];
  if (wanted === undefined) return tokens !== undefined && at === text.length;
  if (wanted === "any")
    return isLike(tokens, text, token + 1, at) || (at < text.length && isLike(tokens, text, token, at + 1));
  return (
    at < text.length &&
    (wanted === "one" || wanted.is === text[at]) &&
    isLike(tokens, text, token + 1, at + 1)
  );
}

function isArnLike(tokens: readonly Token[], text: string): boolean {
  if (tokens.length === 1 && tokens[0] === "any") return true;
  const parts: Token[][] = [[]];
  for (const token of tokens)
    if (typeof token === "object" && token.is === ":" && parts.length < 6) parts.push([]);
    else parts.at(-1)?.push(token);
  const saw = text.split(":");
  const own = [...saw.slice(0, 5), saw.slice(5).join(":")];
  return parts.length === 6 && saw.length >= 6 && parts.every((part, at) => isLike(part, own[at] ?? ""));
}

function conditionsHold(block: Block, context: Asked["context"], variables: boolean): boolean {
  return Object.entries(block).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) =>
      conditionHolds(
        operator,
        context[key.toLowerCase()] ?? [],
        listOf(wanted).map(String),
        (text, wildcards) => tokensOf(text, variables ? context : undefined, wildcards),
      ),
    ),
  );
}

type Tokens = (text: string, wildcards: boolean) => readonly Token[] | undefined;

function conditionHolds(
  operator: string,
  saw: readonly string[],
  wanted: readonly string[],
  tokens: Tokens,
): boolean {
  const set = operator.startsWith("ForAllValues:") ? "all" : operator.startsWith("ForAnyValue:") ? "any" : "";
  const ifExists = operator.endsWith("IfExists");
  const base = operator.replace(/^For\w+:/, "").replace(/IfExists$/, "");
  if (base === "Null") return wanted.some((text) => (text.toLowerCase() === "true") === (saw.length === 0));
  const isNot = base.includes("Not");
  const positive = base.replace("Not", "");
  const isOne = (value: string) => wanted.some((text) => compares(positive, value, text, tokens));
  if (saw.length === 0) return ifExists || set === "all" || (set === "" && isNot);
  if (set === "") return saw.some(isOne) !== isNot;
  if (saw.every((value) => value === "")) return set === "all";
  return set === "all" ? saw.every((one) => isOne(one) !== isNot) : saw.some((one) => isOne(one) !== isNot);
}

function compares(operator: string, value: string, wanted: string, tokens: Tokens): boolean {
  switch (operator) {
    case "StringEquals":
    case "StringEqualsIgnoreCase": {
      const fold = (text: string) => (operator === "StringEquals" ? text : text.toLowerCase());
      const meant = tokens(wanted, false);
      return (
        meant !== undefined &&
        fold(meant.map((token) => (typeof token === "object" ? token.is : "")).join("")) === fold(value)
      );
    }
    case "StringLike": {
      const meant = tokens(wanted, true);
      return meant !== undefined && isLike(meant, value);
    }
    case "ArnEquals":
    case "ArnLike": {
      const meant = tokens(wanted, true);
      return meant !== undefined && isArnLike(meant, value);
    }
    case "Bool":
      return value.toLowerCase() === wanted.toLowerCase();
    case "BinaryEquals":
      return value === wanted;
    case "IpAddress":
      return isWithin(value, wanted);
    default: {
      const isDate = operator.startsWith("Date");
      const [left, right] = [value, wanted].map(isDate ? secondsOf : numberOf) as [number, number];
      const order = operator.replace(/^Numeric|^Date/, "");
      if (order === "Equals") return left === right;
      if (order === "LessThan") return left < right;
      if (order === "LessThanEquals") return left <= right;
      if (order === "GreaterThan") return left > right;
      return left >= right;
    }
  }
}

/** NaN is neither equal to anything, nor less, nor greater. */
function numberOf(text: string): number {
  return /^[+-]?[\d.]+(e\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

function secondsOf(text: string): number {
  if (/^\d{1,3}$|^\d{5,}$/.test(text)) return Number(text);
  return /^\d{4}(-\d\d){0,2}(T.*)?$/.test(text) ? Date.parse(text) / 1000 : Number.NaN;
}

function isWithin(value: string, range: string): boolean {
  const [network = "", prefix] = range.split("/");
  const [own, theirs] = [bitsOf(value), bitsOf(network)];
  if (own === undefined || theirs === undefined) return false;
  const length = prefix === undefined ? 128 : Number(prefix) + (network.includes(":") ? 0 : 96);
  return own.slice(0, length) === theirs.slice(0, length);
}

/** 128 zeros and ones. */
function bitsOf(address: string): string | undefined {
  if (/^[\d.]+$/.test(address)) {
    const bytes = address.split(".").map((byte) => Number(byte).toString(2).padStart(8, "0"));
    return bytes.length === 4 ? "0".repeat(80) + "1".repeat(16) + bytes.join("") : undefined;
  }
  if (!/^[\da-f]*:[\da-f:]+$|^::ffff:[\d.]+$/i.test(address)) return undefined;
  const mapped = address.match(/^::ffff:([\d.]+)$/i);
  if (mapped) return bitsOf(mapped[1] ?? "");
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => text.split(":").filter((group) => group !== "");
  const [before, behind] = [groups(head), groups(tail ?? "")];
  const zeros = Array<string>(8 - before.length - behind.length).fill("0");
  return [...before, ...zeros, ...behind]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, "0"))
    .join("");
}

// ---------------------------------------------------------------------------------------------- the engine's side

function read(kind: PolicyKind, document: Document) {
  const text = JSON.stringify(document);
  const reading = readPolicy({ kind, name: `the ${kind} policy`, text, maxCharacters: 100_000 });
  if ("problems" in reading) throw new Error(`${text}\n${JSON.stringify(reading.problems)}`);
  return reading.policy;
}

function compile(documents: Documents): Policies {
  return {
    identity: documents.identity.map((document) => read("identity", document)),
    ...(documents.boundary && { boundary: read("boundary", documents.boundary) }),
    ...(documents.session && { session: documents.session.map((document) => read("session", document)) }),
    scps: documents.scps.map((level) => level.map((document) => read("scp", document))),
    resource: [
      ...(documents.repository ?? []).map((document) => read("repository", document)),
      // A text of scope V2 can still be there when an account goes back to V1.
      ...(documents.registry ?? []).map(({ document, scope }) => ({ ...read("registry", document), scope })),
      ...(documents.trust ?? []).map((document) => read("trust", document)),
    ],
  };
}

function engine({ context, ...asked }: Asked, policies: Policies): string {
  const decision = decide({ ...asked, context: new Map(Object.entries(context)) }, policies);
  if (decision.allowed) return "allowed";
  return decision.deniedBy ? `denied by ${decision.deniedBy.side}` : `missing ${decision.missing.join(" ")}`;
}

// ---------------------------------------------------------------------------------------------- who asks

const own = "111122223333";
const other = "444455556666";
const third = "777788889999";

const root = (accountId: string): RequestPrincipal => ({
  kind: "root",
  arn: `arn:aws:iam::${accountId}:root`,
  accountId,
});
const user = (accountId: string, name: string): RequestPrincipal => ({
  kind: "user",
  arn: `arn:aws:iam::${accountId}:user/${name}`,
  accountId,
  uniqueId: `AIDA${name.toUpperCase()}EXAMPLE${accountId}`,
});
const session = (accountId: string): RequestPrincipal => ({
  kind: "role-session",
  arn: `arn:aws:sts::${accountId}:assumed-role/ci/build-7`,
  accountId,
  roleArn: `arn:aws:iam::${accountId}:role/jobs/ci`,
  uniqueId: `AROACIEXAMPLE${accountId}`,
});
const federated = (accountId: string, isByRoot: boolean): RequestPrincipal => ({
  kind: "federated-user",
  arn: `arn:aws:sts::${accountId}:federated-user/fred`,
  accountId,
  ...(!isByRoot && {
    userArn: `arn:aws:iam::${accountId}:user/ann`,
    uniqueId: `AIDAANNEXAMPLE${accountId}`,
  }),
});
const anonymous: RequestPrincipal = { kind: "anonymous" };
const lambda: RequestPrincipal = { kind: "service", arn: "lambda.amazonaws.com" };
const provider = `arn:aws:iam::${own}:oidc-provider/token.example.com`;

// ---------------------------------------------------------------------------------------------- random policies

/** Mulberry32: 32 bits of state, and the same numbers everywhere. */
function chanceFrom(seed: number) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  const isLucky = (share: number) => next() < share;
  const one = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
  const some = <Item>(items: readonly Item[], from: number, to: number): Item[] =>
    Array.from({ length: from + below(to - from + 1) }, () => one(items));
  return { below, isLucky, one, some };
}
type Chance = ReturnType<typeof chanceFrom>;

const everyCase = (chance: Chance, text: string) =>
  chance.isLucky(0.8)
    ? text
    : [...text].map((c) => (chance.isLucky(0.5) ? c.toUpperCase() : c.toLowerCase())).join("");

const ecrActions = [
  "ecr:PutImage",
  "ecr:BatchGetImage",
  "ecr:BatchGetImage",
  "ecr:GetDownloadUrlForLayer",
  "ecr:DescribeImages",
  "ecr:CreateRepository",
  "ecr:ReplicateImage",
  "ecr:GetAuthorizationToken",
  "ecr:SetRepositoryPolicy",
  "ecr:BatchImportUpstreamImage",
  "ecr:CreatePullThroughCacheRule",
];
const trustActions = ["sts:AssumeRole", "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:TagSession"];
const ecrTexts = [
  ...ecrActions,
  "ecr:*",
  "ecr:*",
  "ecr:Batch*",
  "ecr:*Image",
  "ecr:Put?mage",
  "ecr:???Image",
  "ecr:G*t*",
];
const identityTexts = [...ecrTexts, "*", "*", "*:*", "sts:*", "sts:AssumeRole*", ...trustActions, "s3:*"];

const names = ["team-a/service", "team-a/web", "team-b/service", "team-A/service"];
const arnOf = (accountId: string, name: string) => `arn:aws:ecr:us-east-1:${accountId}:repository/${name}`;
const role = `arn:aws:iam::${own}:role/deploy`;
const resourceTexts = [
  "*",
  "*",
  "*",
  ...names.map((name) => arnOf(own, name)),
  arnOf(own, "*"),
  arnOf(own, "team-a/*"),
  arnOf("*", "*/service"),
  arnOf(own, "team-?/web"),
  arnOf(own, `\${aws:PrincipalTag/team}/*`),
  arnOf(own, `\${aws:PrincipalTag/team, 'team-b'}/service`),
  arnOf(own, `team-\${*}/service`),
  "arn:aws:ecr:*",
  "arn:aws:iam::*:role/*",
  role,
  "arn:*:*:*:*:*",
];

const ids = (accountId: string) => [
  accountId,
  `arn:aws:iam::${accountId}:root`,
  `arn:aws:iam::${accountId}:user/ann`,
  `arn:aws:iam::${accountId}:user/bob`,
  `arn:aws:iam::${accountId}:role/jobs/ci`,
  `arn:aws:sts::${accountId}:assumed-role/ci/build-7`,
  `arn:aws:sts::${accountId}:federated-user/fred`,
  `AIDAANNEXAMPLE${accountId}`,
  `AROACIEXAMPLE${accountId}`,
];
const awsNames = [...ids(own), ...ids(own), ...ids(other), third, "*"];

function randomPrincipal(chance: Chance): Principal {
  if (chance.isLucky(0.2)) return "*";
  if (chance.isLucky(0.1)) return { Service: chance.one([["lambda.amazonaws.com"], "ecs.amazonaws.com"]) };
  if (chance.isLucky(0.1)) return { Federated: provider, AWS: chance.some(awsNames, 1, 2) };
  return { AWS: chance.isLucky(0.3) ? chance.one(awsNames) : chance.some(awsNames, 1, 4) };
}

type KeyRow = { key: string; operators: readonly string[]; wanted: readonly Value[]; saw: readonly string[] };
const both = (kind: string, names: string) => names.split(" ").map((name) => kind + name);
const ordered = "Equals NotEquals LessThan LessThanEquals GreaterThan GreaterThanEquals";
const stringy = both("String", "Equals NotEquals EqualsIgnoreCase NotEqualsIgnoreCase Like NotLike");
const text = (key: string, saw: readonly string[], wanted: readonly Value[]): KeyRow => ({
  key,
  operators: stringy,
  saw,
  wanted: [...saw, ...wanted, `\${aws:username}`, `\${aws:PrincipalTag/team, 'a'}*`, `\${aws:TagKeys}`],
});
const arns = [
  `arn:aws:iam::${own}:user/ann`,
  `arn:aws:iam::${own}:role/jobs/ci`,
  "arn:aws:lambda:us-east-1:444455556666:function:pull:7",
];
/** Every key of a context, with operators that suit it and values on both sides. */
const keyRows: readonly KeyRow[] = [
  text("aws:username", ["ann", "bob", "Ann"], ["a*", "?nn", "*"]),
  text("aws:PrincipalTag/team", ["team-a", "a", "*"], ["team-?", "t*", `\${*}`, 5, true]),
  text("ecr:ResourceTag/team", ["team-a", "b", ""], ["*", `\${aws:PrincipalTag/team}`]),
  text("aws:PrincipalOrgID", ["o-a1b2c3d4e5"], ["o-*", "o-zzzzzzzzzz"]),
  text("aws:TagKeys", ["team", "Env", "env", ""], ["t*", "Team", "*v"]),
  {
    key: "aws:SourceIp",
    operators: ["IpAddress", "NotIpAddress"],
    saw: [
      "203.0.113.7",
      "203.0.113.200",
      "10.1.2.3",
      "::ffff:10.1.2.3",
      "2001:db8::1",
      "2001:DB8:0:1::7",
      "strange",
    ],
    wanted: [
      "203.0.113.0/24",
      "203.0.113.0/25",
      "203.0.113.7",
      "10.0.0.0/8",
      "0.0.0.0/0",
      "::/0",
      "2001:db8::/32",
      "2001:db8::/64",
      "2001:db8::1",
    ],
  },
  {
    key: "aws:CurrentTime",
    operators: both("Date", ordered),
    saw: ["2026-01-31T12:00:00Z", "2026-02-01T00:00:00+01:00", "1770000000", "soon"],
    wanted: [
      "2026-01-31T12:00:00Z",
      "2026-01-31",
      "2026-02-01T00:00:00Z",
      "2027-01",
      "1770000000",
      1769860800,
    ],
  },
  {
    key: "aws:MultiFactorAuthAge",
    operators: both("Numeric", ordered),
    saw: ["0", "300", "300.0", "3600", "12.5", "-1", "1e3", "many"],
    wanted: [0, 300, "3600", "12.50", "-1", "1000", "1E9"],
  },
  {
    key: "aws:SecureTransport",
    operators: ["Bool", "Bool", "StringEquals"],
    saw: ["true", "false", "True"],
    wanted: [true, false, "true", "False"],
  },
  {
    key: "aws:PrincipalArn",
    operators: both("Arn", "Equals NotEquals Like NotLike"),
    saw: arns,
    wanted: [
      ...arns,
      "arn:aws:iam::*:role/*",
      "arn:aws:lambda:*:444455556666:function:*",
      "arn:aws:iam::111122223333:*/ann",
      `arn:aws:iam::${own}:user/\${aws:username}`,
      "*",
      "**",
      "arn:aws:lambda:*",
    ],
  },
  {
    key: "example:Bytes",
    operators: ["BinaryEquals"],
    saw: ["QmluYXJ5", "QQ=="],
    wanted: ["QmluYXJ5", "QUE="],
  },
];

function randomConditions(chance: Chance): Block {
  const block: Record<string, Record<string, Value | readonly Value[]>> = {};
  for (let left = 1 + chance.below(2); left > 0; left -= 1) {
    const row = chance.one(keyRows);
    const base = chance.isLucky(0.12) ? "Null" : chance.one(row.operators);
    const set = chance.isLucky(row.key === "aws:TagKeys" ? 0.6 : 0.1)
      ? chance.one(["ForAllValues:", "ForAnyValue:"])
      : "";
    const ifExists = base !== "Null" && chance.isLucky(0.25) ? "IfExists" : "";
    const operator = `${set}${base}${ifExists}`;
    // Another key's value is of another kind, which the request may have and the policy may not.
    const key = everyCase(chance, chance.isLucky(0.08) ? chance.one(keyRows).key : row.key);
    const wanted = base === "Null" ? ["true", "false", true, false] : row.wanted;
    block[operator] ??= {};
    block[operator][key] = chance.isLucky(0.4) ? chance.one(wanted) : chance.some(wanted, 1, 3);
  }
  return block;
}

function randomStatement(chance: Chance, kind: PolicyKind): Statement {
  const isTrust = kind === "trust";
  const isOwners = kind === "repository" || kind === "registry" || isTrust;
  const isLimit = kind === "boundary" || kind === "session" || kind === "scp";
  const texts = isTrust
    ? ["sts:*", "sts:Assume*", ...trustActions]
    : isOwners
      ? [...ecrTexts, "*"]
      : identityTexts;
  const actions = chance
    .some(isLimit && chance.isLucky(0.6) ? ["*", "ecr:*", "sts:*"] : texts, 1, isLimit ? 3 : 4)
    .map((action) => everyCase(chance, action));
  const what = chance.isLucky(0.2) && actions.length > 0 ? actions[0] : actions;
  const resources = chance.isLucky(isLimit ? 0.6 : 0.35) ? "*" : chance.some(resourceTexts, 1, 3);
  const isRegistry = kind === "registry";
  const where = isRegistry
    ? listOf(resources).map((some) => (some.startsWith("arn:aws:iam") ? "*" : some))
    : resources;
  const statement: Record<string, unknown> = {
    Effect: chance.isLucky(isLimit ? 0.88 : 0.83) ? "Allow" : "Deny",
  };
  const isNot = (share: number) => !isTrust && chance.isLucky(share);
  statement[isNot(0.12) ? "NotAction" : "Action"] = what;
  if (isOwners) statement[isNot(0.12) ? "NotPrincipal" : "Principal"] = randomPrincipal(chance);
  if (!isTrust && kind !== "repository") statement[isNot(0.12) ? "NotResource" : "Resource"] = where;
  if (kind === "repository" && chance.isLucky(0.2)) statement.Resource = "*";
  if (chance.isLucky(isLimit ? 0.2 : 0.35)) statement.Condition = randomConditions(chance);
  return statement as Statement;
}

function randomDocument(chance: Chance, kind: PolicyKind): Document {
  const statements = Array.from({ length: 1 + chance.below(3) }, () => randomStatement(chance, kind));
  const version = chance.one([
    "2012-10-17",
    "2012-10-17",
    "2012-10-17",
    "2012-10-17",
    "2008-10-17",
    undefined,
  ]);
  const [only] = statements;
  return {
    ...(version !== undefined && { Version: version }),
    Statement: statements.length === 1 && only && chance.isLucky(0.5) ? only : statements,
  };
}

function randomDocuments(chance: Chance): Documents {
  const several = (kind: PolicyKind, to: number) =>
    Array.from({ length: chance.below(to + 1) }, () => randomDocument(chance, kind));
  const registry = several("registry", 1).map((document) => ({
    document,
    scope: chance.one(["V1", "V2", "V2"] as const),
  }));
  return {
    identity: [...several("identity", 1), randomDocument(chance, "identity")],
    ...(chance.isLucky(0.25) && { boundary: randomDocument(chance, "boundary") }),
    ...(chance.isLucky(0.35) && { session: several("session", 2) }),
    scps: chance.isLucky(0.3)
      ? Array.from({ length: 1 + chance.below(2) }, () => [
          randomDocument(chance, "scp"),
          ...several("scp", 1),
        ])
      : [],
    repository: several("repository", 1),
    registry,
    trust: several("trust", 1),
  };
}

const callers: readonly RequestPrincipal[] = [
  ...[own, own, own, other].flatMap((accountId) => [
    user(accountId, "ann"),
    user(accountId, "bob"),
    session(accountId),
    session(accountId),
    federated(accountId, false),
  ]),
  federated(own, true),
  root(own),
  root(other),
  user(third, "ann"),
  anonymous,
  lambda,
  { kind: "web-identity", arn: provider },
];

function randomAsked(chance: Chance): Asked {
  const isTrust = chance.isLucky(0.15);
  const action = chance.one(isTrust ? trustActions : ecrActions);
  const resourceAccountId = chance.isLucky(0.92) ? own : other;
  const hasNone = /GetAuthorizationToken|CreatePullThroughCacheRule/.test(action);
  const repository = hasNone ? "*" : arnOf(resourceAccountId, chance.one(names));
  const context: Record<string, readonly string[]> = {};
  for (const { key, saw } of keyRows) {
    const lower = key.toLowerCase();
    if (chance.isLucky(0.3)) continue;
    context[lower] =
      lower === "aws:tagkeys" || chance.isLucky(0.08) ? chance.some(saw, 0, 3) : [chance.one(saw)];
  }
  return {
    principal: chance.one(callers),
    action: everyCase(chance, action),
    resource: isTrust ? role : repository,
    resourceAccountId: isTrust ? own : resourceAccountId,
    context,
  };
}

const pairs = 100_000;
const requestsEach = 20;
const seed = Number(process.env.LADING_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

test(`over ${pairs} random requests the engine and its twin decide the same (LADING_TEST_SEED=${seed})`, () => {
  const chance = chanceFrom(seed);
  const outcomes = new Map<string, number>();
  for (let round = 0; round < pairs / requestsEach; round += 1) {
    const documents = randomDocuments(chance);
    const policies = compile(documents);
    for (let each = 0; each < requestsEach; each += 1) {
      const asked = randomAsked(chance);
      const [theirs, ours] = [twin(asked, documents), engine(asked, policies)];
      if (theirs !== ours) throw new Error(`seed ${seed}, round ${round}: ${difference(asked, documents)}`);
      for (const word of ours === "allowed" ? [ours] : wordsOf(ours))
        outcomes.set(word, (outcomes.get(word) ?? 0) + 1);
    }
  }
  const share = (word: string) => (outcomes.get(word) ?? 0) / pairs;
  const sides = ["scp", "resource", "trust", "identity", "boundary", "session"];
  console.log(
    [...outcomes]
      .sort()
      .map(([word, count]) => `${word} ${((100 * count) / pairs).toFixed(1)} %`)
      .join(", "),
  );
  expect(share("allowed")).toBeGreaterThan(0.15);
  for (const side of sides) {
    expect(share(`denied by ${side}`)).toBeGreaterThan(0.003);
    expect(share(`missing ${side}`)).toBeGreaterThan(0.01);
  }
}, 60_000);

/** What the two say, about as little as they still do not agree on. */
function difference(asked: Asked, documents: Documents): string {
  const smallest = { asked, documents };
  const differ = () => {
    try {
      return twin(smallest.asked, smallest.documents) !== engine(smallest.asked, compile(smallest.documents));
    } catch {
      // Without that part it is no policy any more.
      return false;
    }
  };
  const shrink = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const members = value as Record<string, unknown>;
    for (const key of Object.keys(members).reverse()) {
      const before = members[key];
      const restore = Array.isArray(value) ? [...value] : { ...value };
      if (Array.isArray(value)) value.splice(Number(key), 1);
      else delete members[key];
      if (differ()) continue;
      if (Array.isArray(value)) value.splice(0, value.length, ...(restore as unknown[]));
      else members[key] = before;
      shrink(before);
    }
  };
  shrink(smallest.documents);
  shrink(smallest.asked.context);
  const [theirs, ours] = [twin(asked, documents), engine(asked, compile(documents))];
  return `the engine says "${ours}", its twin "${theirs}"\n${JSON.stringify(smallest, undefined, 1)}`;
}

/** `missing a b` counts for both. */
function wordsOf(outcome: string): readonly string[] {
  if (!outcome.startsWith("missing ")) return [outcome];
  return outcome
    .slice("missing ".length)
    .split(" ")
    .map((side) => `missing ${side}`);
}

// ---------------------------------------------------------------------------------------------- the matrix

const asks = { pull: "ecr:BatchGetImage", push: "ecr:PutImage" } as const;
const rights = {
  none: ["ecr:ListTagsForResource"],
  pull: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
  push: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:PutImage", "ecr:*LayerUpload"],
} as const;

/** What a policy says; `absent` is a limit that is not there. */
type State = "absent" | "silent" | "allows pull" | "allows push" | "denies push";
const owners = ["silent", "allows pull", "allows push", "denies push"] as const satisfies readonly State[];
const limits = ["absent", ...owners] as const satisfies readonly State[];

type Combination = {
  identity: State;
  repository: State;
  registry: State;
  scp: State;
  boundary: State;
  session: State;
};

/** The public may pull; pushing takes a name. A denial means everyone. */
function documentSaying(kind: keyof Combination, state: State): Document {
  const [verb, what] = state.split(" ") as [string, keyof typeof rights | undefined];
  const effect = verb === "denies" ? "Deny" : "Allow";
  const Action = effect === "Deny" ? ["ecr:PutImage"] : rights[what ?? "none"];
  const named = {
    repository: { AWS: [`arn:aws:iam::${own}:user/ann`, other] },
    registry: { AWS: [`arn:aws:iam::${own}:role/jobs/ci`, `arn:aws:iam::${third}:root`] },
  };
  if (kind !== "repository" && kind !== "registry")
    return { Version: "2012-10-17", Statement: { Effect: effect, Action, Resource: "*" } };
  const isPublic = effect === "Deny" || (kind === "repository" && what === "pull");
  const Principal = isPublic ? "*" : named[kind];
  return { Version: "2012-10-17", Statement: { Effect: effect, Principal, Action, Resource: "*" } };
}

/** A policy is read once, however many combinations it is in. */
const compiled = new Map<string, Policies["resource"][number]>();
function policySaying(kind: keyof Combination, state: State) {
  const name = `${kind} ${state}`;
  const policy = compiled.get(name) ?? read(kind, documentSaying(kind, state));
  compiled.set(name, policy);
  return policy;
}

function policiesOf(states: Combination): Policies {
  const said = (kind: keyof Combination) =>
    states[kind] === "absent" ? [] : [policySaying(kind, states[kind])];
  const [boundary] = said("boundary");
  return {
    identity: said("identity"),
    resource: [...said("repository"), ...said("registry")],
    scps: states.scp === "absent" ? [] : [said("scp")],
    ...(boundary && { boundary }),
    ...(states.session !== "absent" && { session: said("session") }),
  };
}

function documentsOf(states: Combination): Documents {
  const said = (kind: keyof Combination) =>
    states[kind] === "absent" ? undefined : documentSaying(kind, states[kind]);
  const [identity, repository, registry] = [said("identity"), said("repository"), said("registry")];
  const [scp, boundary, passed] = [said("scp"), said("boundary"), said("session")];
  return {
    identity: identity ? [identity] : [],
    repository: repository ? [repository] : [],
    registry: registry ? [{ document: registry, scope: "V2" }] : [],
    scps: scp ? [[scp]] : [],
    ...(boundary && { boundary }),
    ...(passed && { session: [passed] }),
  };
}

const matrixCallers = [
  ...[own, other, third].flatMap((accountId) => [
    user(accountId, "ann"),
    session(accountId),
    root(accountId),
  ]),
  anonymous,
];
const target = arnOf(own, "team-a/service");

test("over every combination of six policies, callers and requests the engine and its twin decide the same", () => {
  const outcomes = new Map<string, number>();
  let rows = 0;
  for (const identity of owners)
    for (const repository of owners)
      for (const registry of owners)
        for (const scp of limits)
          for (const boundary of limits)
            for (const passed of limits) {
              const states = { identity, repository, registry, scp, boundary, session: passed };
              const documents = documentsOf(states);
              const policies = policiesOf(states);
              for (const principal of matrixCallers)
                for (const action of Object.values(asks)) {
                  const asked = { principal, action, resource: target, resourceAccountId: own, context: {} };
                  const ours = engine(asked, policies);
                  if (twin(asked, documents) !== ours)
                    throw new Error(`${JSON.stringify(states)}: ${difference(asked, documents)}`);
                  outcomes.set(ours, (outcomes.get(ours) ?? 0) + 1);
                  rows += 1;
                }
            }
  expect(rows).toBe(4 ** 3 * 5 ** 3 * 10 * 2);
  expect(outcomes.get("allowed")).toBeGreaterThan(rows / 20);
  for (const side of ["scp", "resource", "identity", "boundary", "session"])
    expect(outcomes.get(`denied by ${side}`)).toBeGreaterThan(0);
}, 60_000);

describe("rows of the matrix, written by hand", () => {
  const silent: Combination = {
    identity: "silent",
    repository: "silent",
    registry: "silent",
    scp: "absent",
    boundary: "absent",
    session: "absent",
  };
  const no = (side: string) => (action: string) => `because no ${side} allows the ${action} action`;
  const noIdentity = no("identity-based policy");
  const noResource = no("resource-based policy");
  const noScp = no("service control policy");
  const noBoundary = no("permissions boundary");
  const noSession = no("session policy");
  const denied = (where: string) => () => `with an explicit deny in ${where}`;
  const yes = undefined;
  const ann = (accountId: string) => user(accountId, "ann");

  test.each<
    [
      caller: string,
      principal: RequestPrincipal,
      asks: keyof typeof asks,
      states: Partial<Combination>,
      because: ((action: string) => string) | undefined,
    ]
  >([
    ["the owner's user", ann(own), "pull", {}, noIdentity],
    ["the owner's user", ann(own), "pull", { identity: "allows pull" }, yes],
    ["the owner's user", ann(own), "push", { identity: "allows pull" }, noIdentity],
    ["the owner's user", ann(own), "push", { repository: "allows push" }, yes],
    ["the owner's user", ann(own), "push", { registry: "allows push" }, noIdentity],
    ["the owner's user", ann(own), "push", { repository: "allows push", boundary: "allows pull" }, yes],
    ["the owner's user", ann(own), "push", { identity: "allows push", boundary: "allows pull" }, noBoundary],
    ["the owner's user", ann(own), "push", { identity: "allows push", session: "silent" }, yes],
    ["the owner's user", ann(own), "push", { identity: "allows push", scp: "allows pull" }, noScp],
    [
      "the owner's user",
      ann(own),
      "push",
      { identity: "allows push", scp: "allows push", registry: "denies push" },
      denied("a resource-based policy"),
    ],
    [
      "the owner's user",
      ann(own),
      "push",
      { identity: "denies push", repository: "allows push" },
      denied("an identity-based policy"),
    ],
    ["the owner's session", session(own), "push", { registry: "allows push" }, yes],
    ["the owner's session", session(own), "push", { registry: "allows push", session: "silent" }, noSession],
    ["the owner's session", session(own), "pull", { repository: "allows pull", session: "silent" }, yes],
    [
      "the owner's session",
      session(own),
      "push",
      { identity: "allows push", session: "denies push", boundary: "denies push" },
      denied("a permissions boundary"),
    ],
    [
      "the owner's session",
      session(own),
      "push",
      { identity: "allows push", session: "denies push", boundary: "silent" },
      denied("a session policy"),
    ],
    ["the owner's root", root(own), "push", { identity: "denies push", boundary: "denies push" }, yes],
    ["the owner's root", root(own), "push", { repository: "denies push" }, denied("a resource-based policy")],
    ["the owner's root", root(own), "push", { scp: "denies push" }, denied("a service control policy")],
    ["another account's user", ann(other), "push", { identity: "allows push" }, noResource],
    ["another account's user", ann(other), "push", { repository: "allows push" }, noIdentity],
    [
      "another account's user",
      ann(other),
      "push",
      { identity: "allows push", repository: "allows push" },
      yes,
    ],
    [
      "another account's user",
      ann(other),
      "push",
      { identity: "allows push", repository: "allows push", boundary: "allows pull" },
      noBoundary,
    ],
    ["another account's session", session(other), "pull", { repository: "allows pull" }, noIdentity],
    ["another account's root", root(other), "push", { repository: "allows push" }, yes],
    [
      "a third account's session",
      session(third),
      "push",
      { identity: "allows push", registry: "allows push" },
      yes,
    ],
    [
      "a third account's user",
      ann(third),
      "push",
      { identity: "allows push", repository: "allows push" },
      noResource,
    ],
    ["somebody anonymous", anonymous, "pull", { repository: "allows pull", scp: "silent" }, yes],
    ["somebody anonymous", anonymous, "push", { repository: "allows push" }, noResource],
    [
      "somebody anonymous",
      anonymous,
      "push",
      { repository: "allows push", registry: "denies push" },
      denied("a resource-based policy"),
    ],
  ])("%s, %j, asks to %s with %j", (_, principal, asking, states, because) => {
    const action = asks[asking];
    const policies = policiesOf({ ...silent, ...states });
    const request = { principal, action, resource: target, resourceAccountId: own, context: new Map() };
    const { decision, sentence } = explain(request, policies);
    expect(decision).toEqual(decide(request, policies));
    expect(decision.allowed).toBe(because === undefined);
    const name = principal.kind === "anonymous" ? "anonymous" : principal.arn;
    expect(sentence).toBe(
      because &&
        `User: ${name} is not authorized to perform: ${action} on resource: ${target} ${because(action)}`,
    );
  });
});
