/** The kinds of policy, and what each may hold: IAM user guide, "Grammar of the IAM JSON policy language". */

export type PolicyKind =
  /** Attached to a user, a group or a role, or to one through a managed policy. */
  | "identity"
  /** A managed policy that bounds what identity policies can give. */
  | "boundary"
  /** Passed when a session was made. */
  | "session"
  /** A service control policy of an organisation. */
  | "scp"
  | "repository"
  | "registry"
  /** Who may assume a role. */
  | "trust";

type Kind = {
  principal: "needed" | "refused";
  resource: "needed" | "itself" | "refused";
  /** The services whose actions it may name; any when absent. */
  service?: string;
  /** How messages name what it is about. */
  about: string;
  maxCharacters: number;
  /** IAM does not count white space and takes no characters beyond Latin-1; ECR and Organizations do both. */
  isIam: boolean;
};

/**
 * Sizes are the quotas of IAM ("IAM and STS quotas"), of Organizations and of ECR. IAM bounds inline policies by what
 * they hang on (user 2,048, group 5,120, role 10,240 together), so a caller passes those.
 */
export const kinds: Readonly<Record<PolicyKind, Kind>> = {
  identity: {
    principal: "refused",
    resource: "needed",
    about: "an identity policy",
    maxCharacters: 6_144,
    isIam: true,
  },
  boundary: {
    principal: "refused",
    resource: "needed",
    about: "a permissions boundary",
    maxCharacters: 6_144,
    isIam: true,
  },
  session: {
    principal: "refused",
    resource: "needed",
    about: "a session policy",
    maxCharacters: 2_048,
    isIam: true,
  },
  scp: {
    principal: "refused",
    resource: "needed",
    about: "a service control policy",
    maxCharacters: 10_240,
    isIam: false,
  },
  repository: {
    principal: "needed",
    resource: "itself",
    service: "ecr",
    about: "a repository",
    maxCharacters: 10_240,
    isIam: false,
  },
  registry: {
    principal: "needed",
    resource: "needed",
    service: "ecr",
    about: "a registry",
    maxCharacters: 10_240,
    isIam: false,
  },
  trust: {
    principal: "needed",
    resource: "refused",
    service: "sts",
    about: "a role trust policy",
    maxCharacters: 4_096,
    isIam: true,
  },
};

/**
 * A document with its statements, elements, operators and keys is seven levels deep. A text with its white space has at
 * most as many characters as IAM API's PolicyDocument.
 */
export const bounds = {
  characters: 131_072,
  depth: 10,
  values: 8_000,
  statements: 1_000,
  problems: 20,
} as const;

/** The characters that count towards a policy's size. */
export function sizeOf(text: string, kind: PolicyKind): number {
  return kinds[kind].isIam ? text.replace(/[\t\n\r ]+/g, "").length : text.length;
}
