/** The commands that answer who may do what, and why. Each prints for people, or with --json what the server said. */
import { type Command, Option } from "commander";
import { readClientConfig, UsageError } from "../config.ts";
import { systemClock } from "../lib/clock.ts";
import { limits } from "../lib/limits.ts";
import { type Client, connect } from "./client.ts";
import { changeText, denialText, explanationText, rightText, time } from "./texts.ts";
import { whoAmI } from "./whoami.ts";

type Flags = Readonly<Record<string, unknown>>;

const print = (text: string) => void process.stdout.write(`${text}\n`);

/** What every command that asks a server takes. */
function asking(program: Command, usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .option("--endpoint <URL>", "The server (AWS_ENDPOINT_URL; default http://127.0.0.1:5000)")
    .option("--region <NAME>", "The region of the registry (AWS_REGION; default us-east-1)")
    .option(
      "--data <DIR>",
      "The server's data folder, for its root's key (else AWS_ACCESS_KEY_ID and its secret)",
    )
    .option("--json", "Print JSON, with times in seconds since 1970");
}

/** The action of a command: `ask` fetches, `text` says it to people. */
function answering<Output>(
  ask: (client: Client, flags: Flags, args: readonly (string | undefined)[]) => Promise<Output>,
  text: (output: Output, flags: Flags) => string,
) {
  return async (...given: unknown[]) => {
    // Commander appends the options and the command to the arguments.
    const flags = given.at(-2) as Flags;
    const args = given.slice(0, -2) as (string | undefined)[];
    const output = await ask(await connect(readClientConfig(flags)), flags, args);
    print(flags.json === true ? JSON.stringify(output, null, 2) : text(output, flags));
  };
}

export function addAnswers(program: Command): void {
  asking(
    program,
    "explain",
    "Why a request is allowed or refused, and the smallest statement that would change it",
  )
    .argument("[request-id]", "As a refusal, `lading denials` or the audit has it")
    .option(
      "--principal <ARN>",
      "Who asks: the ARN of a root, user, role, session or identity provider, or anonymous",
    )
    .option("--action <NAME>", "Such as ecr:BatchGetImage")
    .option("--resource <ARN>", resourceHelp)
    .option("--context <KEY=VALUE...>", "Condition keys, such as aws:SourceIp=203.0.113.7")
    .action(answering(explain, ({ explanations }) => explanations.map(explanationText).join("\n\n")));

  asking(program, "who-can", "Everybody who has a right, and through which statement")
    .argument("<action>", "Such as ecr:BatchGetImage")
    .argument("<resource>", resourceHelp)
    .action(
      answering(
        whoCan,
        (rights) => rights.map(rightText).join("\n") || "Nobody but who changes the policies.",
      ),
    );

  asking(program, "denials", "What was refused lately, newest first")
    .option("--hours <N>", "How far back", "24")
    .option("--max <N>", "At most so many", "50")
    .action(answering(denials, (list) => list.map(denialText).join("\n") || "Nothing was refused."));

  withType(
    asking(program, "lint <file>", "What is wrong with a policy, and advice; - reads standard input"),
    [...replayed, "session", "trust", "scp"],
  ).action(async (...given: unknown[]) => {
    const client = await connect(readClientConfig(given.at(-2) as Flags));
    const { type, json } = given.at(-2) as Flags;
    const output = await client("LintPolicy", {
      policyText: await textOf(String(given[0])),
      policyType: String(type),
    });
    const lines = [...output.problems.map(({ text }) => `error: ${text}`), ...output.advice.map(adviceText)];
    print(json === true ? JSON.stringify(output, null, 2) : lines.join("\n") || "Nothing to say against it.");
    process.exitCode = output.problems.length > 0 ? 1 : 0;
  });

  withType(
    asking(
      program,
      "replay <file>",
      "What a policy would have refused or newly allowed of the requests that were made",
    ),
    replayed,
  )
    .option("--repository <NAME>", "The repository that the policy would be on")
    .option("--policy-arn <ARN>", "The managed policy, or the boundary, that it would replace")
    .option("--identity <ARN>", "The user, role or group whose inline policy it would be, with --policy-name")
    .option("--policy-name <NAME>", "The name of the inline policy")
    .option("--days <N>", "How far back", "7")
    .action(answering(replay, replayText));

  asking(
    program,
    "share <repository>",
    "Let another account, user, role or the organization pull from a repository",
  )
    .requiredOption("--with <WHO>", "An account of 12 digits, an ARN, or the organization's id")
    .option("--push", "Let them push too")
    .action(
      answering(
        (client, flags, [repositoryName = ""]) =>
          client("ShareRepository", { repositoryName, with: String(flags.with), push: flags.push === true }),
        ({ statement, attach }) =>
          `The repository's policy has this statement now:\n${statement}\n${attach ? `\n${attach.text}\n${attach.policy}` : ""}`,
      ),
    );

  asking(program, "token", "An authorization token for docker login, of a chosen lifetime")
    .option("--seconds <N>", "60 to 43200", "43200")
    .action(
      answering(
        (client, flags) => client("CreateAuthorizationToken", { durationSeconds: tokenSeconds(flags) }),
        ({ authorizationData }) =>
          Buffer.from(authorizationData[0]?.authorizationToken ?? "", "base64")
            .toString()
            .slice("AWS:".length),
      ),
    );

  asking(program, "revoke", "End authorization tokens before their time")
    .option("--token <TOKEN>", "This one; - reads standard input")
    .option("--access-key <ID>", "All that were made with this key")
    .option("--principal <ARN>", "All of this root, user, role or session")
    .action(
      answering(revoke, ({ issuedUntil }, { token }) =>
        token === undefined
          ? `Tokens that were issued up to ${time(issuedUntil)} count no more.`
          : "The token counts no more.",
      ),
    );

  asking(
    program,
    "whoami [host]",
    "Whom a credential speaks for: the AWS keys, or with a host what docker has for it",
  )
    .option("--password-stdin", "A docker password on standard input, for the server at --endpoint")
    .action(async (host: string | undefined, flags: Flags) => {
      print(await whoAmI(readClientConfig(flags), { host, flags, readInput: () => textOf("-") }));
    });
}

const replayed = ["repository", "registry", "identity", "boundary"];

function withType(command: Command, kinds: readonly string[]): Command {
  return command.addOption(
    new Option("--type <KIND>", "The kind of the policy").choices(kinds).default("repository"),
  );
}

async function explain(client: Client, flags: Flags, [requestId]: readonly (string | undefined)[]) {
  if (requestId !== undefined) {
    if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(requestId))
      return client("Explain", { requestId });
    throw new UsageError(
      `'${requestId}' is not a request id, such as 01a1fcd0-6db0-712b-ae00-5c6c06d7795c; 'lading denials' lists those of refusals`,
    );
  }
  const [principal, action, resource] = ["principal", "action", "resource"].map((name) => flags[name]);
  if (!principal || !action || !resource) {
    throw new UsageError("explain takes a request id, or --principal, --action and --resource");
  }
  const context = new Map<string, string[]>();
  for (const item of (flags.context ?? []) as readonly string[]) {
    const [key = "", ...value] = item.split("=");
    if (value.length === 0) throw new UsageError(`--context: '${item}' must be KEY=VALUE`);
    context.set(key, [...(context.get(key) ?? []), value.join("=")]);
  }
  return client("Explain", {
    principal: String(principal),
    action: String(action),
    resource: await resourceIn(client, String(resource)),
    context: [...context].map(([key, values]) => ({ key, values })),
  });
}

const resourceHelp =
  "A repository's name or ARN, such as arn:aws:ecr:us-east-1:111122223333:repository/app, or another ARN";

/** A plain name is that of a repository where the caller is at home. */
async function resourceIn(client: Client, text: string): Promise<string> {
  if (text === "*" || text.startsWith("arn:")) return text;
  const { account, region } = await client("WhoAmI", {});
  return `arn:aws:ecr:${region}:${account}:repository/${text}`;
}

async function whoCan(client: Client, _: Flags, [action = "", name = ""]: readonly (string | undefined)[]) {
  const resource = await resourceIn(client, name);
  const rights = [];
  let nextToken: string | undefined;
  do {
    const page = await client("WhoCan", { action, resource, nextToken });
    rights.push(...page.rights);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return rights;
}

async function denials(client: Client, flags: Flags) {
  const since = Math.floor(systemClock.now() / 1000) - numberOf(flags, "hours") * 3600;
  const wanted = numberOf(flags, "max");
  const list = [];
  let nextToken: string | undefined;
  do {
    const maxResults = Math.min(wanted - list.length, 1000);
    const page = await client("ListDenials", { since, maxResults, nextToken });
    list.push(...page.denials);
    nextToken = page.nextToken;
  } while (nextToken !== undefined && list.length < wanted);
  return list;
}

type Replayed = Awaited<ReturnType<typeof replay>>;

async function replay(client: Client, flags: Flags, [file = ""]: readonly (string | undefined)[]) {
  const { type, repository, policyArn, identity, policyName } = flags;
  const isComplete = {
    repository: repository !== undefined,
    registry: true,
    boundary: policyArn !== undefined,
    identity: policyArn !== undefined || (identity !== undefined && policyName !== undefined),
  }[String(type)];
  if (!isComplete) {
    throw new UsageError(
      "replay takes --repository; or --type identity with --policy-arn, or with --identity and --policy-name; or --type boundary with --policy-arn; or --type registry",
    );
  }
  const input = {
    policyText: await textOf(file),
    policyType: String(flags.type),
    ...(flags.repository !== undefined && { repositoryName: String(flags.repository) }),
    ...(flags.policyArn !== undefined && { policyArn: String(flags.policyArn) }),
    ...(flags.identity !== undefined && { identityArn: String(flags.identity) }),
    ...(flags.policyName !== undefined && { policyName: String(flags.policyName) }),
    days: numberOf(flags, "days"),
  };
  const changes = new Map<string, Parameters<typeof changeText>[0]>();
  let examined = 0;
  let unknownPrincipals = 0;
  let nextToken: string | undefined;
  do {
    const page = await client("ReplayPolicy", { ...input, nextToken });
    examined += page.examined;
    unknownPrincipals += page.unknownPrincipals;
    for (const change of page.changes) {
      const key = [change.change, change.principal, change.action, change.resource].join("\n");
      changes.set(key, { ...change, count: change.count + (changes.get(key)?.count ?? 0) });
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return { examined, unknownPrincipals, changes: [...changes.values()] };
}

function replayText({ examined, unknownPrincipals, changes }: Replayed): string {
  const gone =
    unknownPrincipals > 0
      ? ` ${unknownPrincipals} of them by principals that are gone: these were left out.`
      : "";
  const lines = changes.length > 0 ? changes.map(changeText) : ["It would have changed none of them."];
  const decisions = examined === 1 ? "1 past decision was" : `${examined} past decisions were`;
  return [`${decisions} made again.${gone}`, ...lines].join("\n");
}

async function revoke(client: Client, flags: Flags) {
  const { token, accessKey, principal } = flags;
  if ([token, accessKey, principal].filter((value) => value !== undefined).length !== 1) {
    throw new UsageError("revoke takes one of --token, --access-key and --principal");
  }
  if (accessKey !== undefined) return client("RevokeAuthorizationTokens", { accessKeyId: String(accessKey) });
  if (principal !== undefined)
    return client("RevokeAuthorizationTokens", { principalArn: String(principal) });
  const authorizationToken = token === "-" ? (await textOf("-")).trim() : String(token);
  return client("RevokeAuthorizationTokens", { authorizationToken });
}

function adviceText({ path, text }: { path: string; text: string }): string {
  return `advice: ${path}: ${text}`;
}

function numberOf(flags: Flags, name: string): number {
  const value = String(flags[name]);
  if (!/^\d{1,9}$/.test(value) || Number(value) === 0)
    throw new UsageError(`--${name}: '${value}' must be a whole number above 0`);
  return Number(value);
}

/** ECR's own tokens have the longest life. */
function tokenSeconds(flags: Flags): number {
  const seconds = numberOf(flags, "seconds");
  if (seconds < 60 || seconds > limits.tokenSeconds)
    throw new UsageError(`--seconds: '${seconds}' must be from 60 to ${limits.tokenSeconds}`);
  return seconds;
}

/** A file's text; `-` is standard input. */
async function textOf(path: string): Promise<string> {
  const file = path === "-" ? Bun.stdin : Bun.file(path);
  return file.text().catch((error: unknown) => {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const why = isMissing ? "there is no such file" : error instanceof Error ? error.message : error;
    throw new UsageError(`Cannot read '${path}': ${why}`);
  });
}
