/** Actions and resources as callers write them in their questions. */
import type { Action } from "../../../access/decisions/authority.ts";
import { nearest } from "../../../access/policy/problems.ts";
import { type Fault, fault } from "../../../lib/faults.ts";
import { echo } from "../../../lib/text.ts";
import { knownActions } from "../known-actions.ts";

const services = ["ecr", "sts", "iam", "organizations", "cloudtrail", "lading"];

/** Throws InvalidParameter for an action that there is not; of some services every action is known. */
export function actionIn(text: string): Action {
  const [service = "", name = ""] = text.split(":");
  const prefix = `${service.toLowerCase()}:`;
  if (!services.includes(service.toLowerCase()))
    throw noAction(
      `'${echo(text)}' is not an action of this installation; services are ${services.join(", ")}`,
    );
  const known = knownActions.filter((action) => action.startsWith(prefix));
  // The check above is what the type says.
  const action = `${prefix}${name}` as Action;
  if (known.length === 0) return action;
  const exact = known.find((one) => one.toLowerCase() === action.toLowerCase());
  if (exact !== undefined) return exact as Action;
  const meant = nearest(action, known);
  throw noAction(
    `'${echo(text)}' is not an action${meant === undefined ? "" : `; did you mean '${meant}'?`}`,
  );
}

/** The account in an ARN; undefined for `*`, and for what AWS itself has. Throws InvalidParameter for other texts. */
export function ownerIn(resource: string): string | undefined {
  if (resource !== "*" && !/^arn:aws:[a-z-]+:[a-z0-9-]*:(?:\d{12}|aws)?:\S+$/.test(resource)) {
    throw fault("InvalidParameter", {
      at: "resource",
      reason: `'${echo(resource)}' must be an ARN, such as arn:aws:ecr:us-east-1:111122223333:repository/app, or * for an action without a resource`,
    });
  }
  return /^arn:aws:[a-z-]+:[a-z0-9-]*:(\d{12}):/.exec(resource)?.[1];
}

function noAction(reason: string): Fault {
  return fault("InvalidParameter", { at: "action", reason });
}
