/** `userIdentity` of a record: CloudTrail user guide, "CloudTrail userIdentity element". */
import type { Caller, Principal } from "../access/caller.ts";
import type { TrailRecord, UserIdentity } from "../store/trail-record.ts";

type SessionContext = NonNullable<UserIdentity["sessionContext"]>;

/** A principal stays the same object until something changes, so what is said of it is kept with it. */
const known = new WeakMap<Principal, UserIdentity>();

export function identityOf(principal: Principal): UserIdentity {
  let identity = known.get(principal);
  if (!identity) {
    identity = made(principal);
    known.set(principal, identity);
  }
  return identity;
}

/** A number of its own for each principal, in place of everything that there is to say about it. */
export function serialOf(principal: Principal): number {
  let serial = serials.get(principal);
  if (serial === undefined) {
    serial = nextSerial++;
    serials.set(principal, serial);
  }
  return serial;
}

const serials = new WeakMap<Principal, number>();
let nextSerial = 0;

const types = {
  root: "Root",
  user: "IAMUser",
  "role-session": "AssumedRole",
  "federated-user": "FederatedUser",
} as const;

function made(principal: Principal): UserIdentity {
  const { who, arn, accountId, accessKeyId, userId, userName } = principal;
  const sessionContext = sessionContextOf(principal);
  return {
    type: types[who.kind],
    principalId: userId,
    arn,
    accountId,
    accessKeyId,
    ...(userName !== undefined && { userName }),
    ...(sessionContext && { sessionContext }),
  };
}

function sessionContextOf({ who, accountId, session }: Principal): SessionContext | undefined {
  if (!session) return undefined;
  const { sourceIdentity, issuedAt } = session;
  const sessionIssuer = issuerOf(who, accountId);
  return {
    ...(sessionIssuer && { sessionIssuer }),
    attributes: {
      creationDate: `${new Date(issuedAt).toISOString().slice(0, 19)}Z`,
      mfaAuthenticated: "false",
    },
    ...(sourceIdentity !== undefined && { sourceIdentity }),
  };
}

/** The role or the user that the session was made from. */
function issuerOf(who: Principal["who"], accountId: string): SessionContext["sessionIssuer"] {
  switch (who.kind) {
    case "role-session":
      return {
        type: "Role",
        principalId: who.uniqueId,
        arn: who.roleArn,
        accountId,
        userName: nameIn(who.roleArn),
      };
    case "federated-user":
      if (who.userArn === undefined || who.uniqueId === undefined) return undefined;
      return {
        type: "IAMUser",
        principalId: who.uniqueId,
        arn: who.userArn,
        accountId,
        userName: nameIn(who.userArn),
      };
    default:
      return undefined;
  }
}

function nameIn(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

/** What a session carries that a decision may need; undefined for long-lived keys. */
export function sessionOf(caller: Caller): TrailRecord["additionalEventData"]["session"] {
  if (caller.kind === "anonymous" || !caller.session) return undefined;
  const { tags, sourceIdentity, federatedProvider, policies } = caller.session;
  return {
    tags,
    ...(sourceIdentity !== undefined && { sourceIdentity }),
    ...(federatedProvider !== undefined && { federatedProvider }),
    ...(policies && { policies: policies.map(({ name }) => name) }),
  };
}
