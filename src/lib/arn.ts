/** Amazon Resource Names of what a registry has. The partition is `aws` everywhere. */

export type RepositoryAddress = { accountId: string; region: string; repositoryName: string };

/** `arn:aws:ecr:REGION:ACCOUNT:repository/NAME` */
export function repositoryArn(a: RepositoryAddress): string {
  return `arn:aws:ecr:${a.region}:${a.accountId}:repository/${a.repositoryName}`;
}

/** The parts of a repository's ARN, or undefined when `arn` is not one. */
export function parseRepositoryArn(arn: string): RepositoryAddress | undefined {
  const match = /^arn:aws:ecr:([a-z0-9-]{2,25}):([0-9]{12}):repository\/(.{2,256})$/.exec(arn);
  if (!match) return undefined;
  const [, region = "", accountId = "", repositoryName = ""] = match;
  return { accountId, region, repositoryName };
}

/** `arn:aws:iam::ACCOUNT:root` */
export function rootArn(accountId: string): string {
  return `arn:aws:iam::${accountId}:root`;
}

/** `arn:aws:iam::ACCOUNT:user/PATH/NAME`; `path` begins and ends with a slash, and so for groups, roles and policies. */
export function iamArn(a: { accountId: string; kind: string; path: string; name: string }): string {
  return `arn:aws:iam::${a.accountId}:${a.kind}${a.path}${a.name}`;
}

/** The parts of the ARN of a user, group, role or policy, or undefined when `arn` is none. */
export function parseIamArn(
  arn: string,
): { accountId: string; kind: string; path: string; name: string } | undefined {
  const match = /^arn:aws:iam::(\d{12}|aws):(user|group|role|policy)(\/(?:[!-~]*\/)?)([\w+=,.@-]+)$/.exec(
    arn,
  );
  if (!match) return undefined;
  const [, accountId = "", kind = "", path = "", name = ""] = match;
  return { accountId, kind, path, name };
}

/** `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` or `…:federated-user/NAME`. */
export function sessionArn(accountId: string, kind: "assumed-role" | "federated-user", name: string): string {
  return `arn:aws:sts::${accountId}:${kind}/${name}`;
}
