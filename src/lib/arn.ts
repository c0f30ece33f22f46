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
