/** ShareRepository: the statement that lets another account, one of its identities, or the organization in. */
import { findOrganization } from "../../../access/accounts/organizations.ts";
import { repositoryArn, rootArn } from "../../../lib/arn.ts";
import { Fault, fault } from "../../../lib/faults.ts";
import { echo } from "../../../lib/text.ts";
import type { Call } from "../../call.ts";
import type { LadingOperations } from "../contract/lading-operations.ts";
import { getRepositoryPolicy, setRepositoryPolicy } from "../ecr/policies.ts";
import { type Offered, repositoryIn, repositoryResource } from "../operation.ts";

type Share = LadingOperations["ShareRepository"];

/** ECR user guide, "Private repository policy examples": what a pull and a push ask for. */
const pullActions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
const pushActions = [
  ...pullActions,
  "ecr:InitiateLayerUpload",
  "ecr:UploadLayerPart",
  "ecr:CompleteLayerUpload",
  "ecr:PutImage",
];

export const shareOperations: Offered<LadingOperations> = {
  ShareRepository: {
    actions: () => ["ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"],
    resources: (call, input) => [repositoryResource(repositoryIn(call, input))],
    run: shareRepository,
  },
};

/** Sharing with somebody again replaces what was shared before, so that pull can become push and back. */
async function shareRepository(call: Call, input: Share["input"]): Promise<Share["output"]> {
  const { repositoryName } = input;
  const actions = input.push ? pushActions : pullActions;
  const receiver = await receiverIn(call, input.with);
  const statement = {
    Sid: `Share with ${receiver.name}`,
    Effect: "Allow",
    ...receiver.element,
    Action: actions,
  };
  const document = await documentOf(call, repositoryName);
  const kept = document.Statement.filter((one) => one.Sid !== statement.Sid);
  const policyText = JSON.stringify({ ...document, Statement: [...kept, statement] }, null, 2);
  await setRepositoryPolicy(call, { repositoryName, policyText });
  const arn = repositoryArn({ accountId: call.accountId, region: call.region, repositoryName });
  const policy = {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
      // Within one account the repository's policy is enough for whom it names.
      ...(receiver.isOwn ? [] : [{ Effect: "Allow", Action: actions, Resource: arn }]),
    ],
  };
  return {
    policyText,
    statement: JSON.stringify(statement, null, 2),
    attach: { text: receiver.attach, policy: JSON.stringify(policy, null, 2) },
  };
}

type Receiver = {
  /** In the statement's Sid, so letters, digits and what ARNs have. */
  name: string;
  element: { Principal: unknown; Condition?: unknown };
  isOwn: boolean;
  /** Who has to do what on the other side. */
  attach: string;
};

async function receiverIn(call: Call, text: string): Promise<Receiver> {
  if (text === call.accountId || text === rootArn(call.accountId)) {
    throw fault("InvalidParameter", {
      at: "with",
      reason: `Account ${call.accountId} owns the repository. Name one of its users or roles by ARN, or give them identity policies`,
    });
  }
  if (/^\d{12}$/.test(text)) {
    return {
      name: text,
      element: { Principal: { AWS: rootArn(text) } },
      isOwn: false,
      attach: `An administrator of account ${text} attaches this to each user or role that is to have access:`,
    };
  }
  const identity = /^arn:aws:iam::(\d{12}):(?:user|role)\/.+$/.exec(text);
  if (identity) {
    return {
      name: text,
      element: { Principal: { AWS: text } },
      isOwn: identity[1] === call.accountId,
      attach: `An administrator of account ${identity[1]} attaches this to ${text}:`,
    };
  }
  const organization = await findOrganization(call.db.read);
  if (text === organization.id) {
    return {
      name: text,
      element: { Principal: "*", Condition: { StringEquals: { "aws:PrincipalOrgID": organization.id } } },
      isOwn: false,
      attach: `The administrators of each account of ${text} attach this to the users and roles that are to have access:`,
    };
  }
  throw fault("InvalidParameter", {
    at: "with",
    reason: `'${echo(text)}' must be an account of 12 digits, the ARN of a user or a role, or the organization ${organization.id}`,
  });
}

type Document = { Version: string; Statement: Record<string, unknown>[] };

async function documentOf(call: Call, repositoryName: string): Promise<Document> {
  try {
    const { policyText = "" } = await getRepositoryPolicy(call, { repositoryName });
    // What is stored has been read by the engine.
    const stored = JSON.parse(policyText) as { Version?: string; Statement: unknown };
    const statements = Array.isArray(stored.Statement) ? stored.Statement : [stored.Statement];
    return { Version: "2008-10-17", ...stored, Statement: statements };
  } catch (error) {
    if (!(error instanceof Fault) || error.fault !== "RepositoryPolicyNotFound") throw error;
    return { Version: "2012-10-17", Statement: [] };
  }
}
