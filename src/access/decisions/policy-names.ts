/** How decisions name the policies that meet in them. A replay finds by its name what a proposed policy would replace. */

type Holder = { kind: string; name: string };
type Registry = { accountId: string; region: string };

export const policyNames = {
  inline: (name: string, holder: Holder) => `inline policy ${name} of ${holder.kind} ${holder.name}`,
  managed: (arn: string) => `managed policy ${arn}`,
  boundary: (arn: string) => `permissions boundary ${arn}`,
  repository: (arn: string) => `repository policy of ${arn}`,
  registry: ({ accountId, region }: Registry) => `registry policy of account ${accountId} in ${region}`,
  trust: (roleArn: string) => `trust policy of ${roleArn}`,
} as const;
