/** The roles that ECR makes for itself: ECR user guide, "Using service-linked roles for Amazon ECR". */
import { fault } from "../../lib/faults.ts";
import type { Identity } from "./identities.ts";

/** Roles and policies of services have this path, and nobody else's. */
export const serviceRolePath = "/aws-service-role/";

type LinkedService = { service: string; roleName: string; policyArn: string };

const rows = [
  {
    service: "pullthroughcache.ecr.amazonaws.com",
    roleName: "AWSServiceRoleForECRPullThroughCache",
    policy: "AWSECRPullThroughCache_ServiceRolePolicy",
  },
  {
    service: "replication.ecr.amazonaws.com",
    roleName: "AWSServiceRoleForECRReplication",
    policy: "ECRReplicationServiceRolePolicy",
  },
  {
    service: "ecr.amazonaws.com",
    roleName: "AWSServiceRoleForECRTemplate",
    policy: "ECRTemplateServiceRolePolicy",
  },
];

const linkedServices: readonly LinkedService[] = rows.map(({ service, roleName, policy }) => ({
  service,
  roleName,
  policyArn: `arn:aws:iam::aws:policy${serviceRolePath}${policy}`,
}));

/** Throws InvalidInput for a service that has no role of its own here. */
export function getLinkedService(service: string): LinkedService {
  const found = linkedServices.find((some) => some.service === service);
  if (found) return found;
  const known = linkedServices.map((some) => some.service).join(", ");
  throw fault("InvalidInput", {
    reason: `Service ${service} has no service-linked role; services that have one are ${known}`,
  });
}

/** `/aws-service-role/SERVICE/` */
export const pathOf = ({ service }: LinkedService): string => `${serviceRolePath}${service}/`;

export function isServiceLinked({ path }: Pick<Identity, "path">): boolean {
  return path.startsWith(serviceRolePath);
}

/** Throws UnmodifiableEntity for a role that its service alone may change. */
export function checkModifiable(role: Pick<Identity, "path" | "name">): void {
  if (!isServiceLinked(role)) return;
  throw fault("UnmodifiableEntity", {
    reason: `Cannot perform the operation on the protected role '${role.name}' - this role is only modifiable by AWS`,
  });
}
