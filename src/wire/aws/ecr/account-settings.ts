/** ECR's operations on the settings of the caller's registry. */
import { readPolicy } from "../../../access/policy/document.ts";
import { problemText } from "../../../access/policy/problems.ts";
import { fault } from "../../../lib/faults.ts";
import { echo } from "../../../lib/text.ts";
import {
  type AccountSettingName,
  accountSetting,
  accountSettings,
  putAccountSetting as storeSetting,
} from "../../../registry/account-settings.ts";
import { findRegistryPolicyText } from "../../../registry/registry-policies.ts";
import type { Tx } from "../../../store/database.ts";
import type { Call } from "../../call.ts";
import type { EcrOperations } from "../contract/ecr-operations.ts";
import { ecrActions } from "./actions.ts";

type In<Name extends keyof EcrOperations> = EcrOperations[Name]["input"];
type Out<Name extends keyof EcrOperations> = Promise<EcrOperations[Name]["output"]>;

const names = Object.keys(accountSettings) as readonly AccountSettingName[];

/** ECR API, PutAccountSetting. Throws InvalidParameter for a setting or a value that would have no effect. */
export async function putAccountSetting(
  call: Call,
  input: In<"PutAccountSetting">,
): Out<"PutAccountSetting"> {
  const name = settingNamed(input.name);
  const values: readonly string[] = accountSettings[name].values;
  const { value } = input;
  if (!values.includes(value)) {
    throw fault("InvalidParameter", {
      at: "value",
      reason: `'${echo(value)}' is not a value of ${name}; values are ${values.join(", ")}`,
    });
  }
  await call.db.write(async (tx) => {
    if (name === "REGISTRY_POLICY_SCOPE" && value === "V1") await checkPolicyFitsScopeV1(tx, call);
    await storeSetting(tx, call, { name, value });
  });
  return { name, value };
}

/** ECR API, GetAccountSetting. */
export async function getAccountSetting(
  call: Call,
  input: In<"GetAccountSetting">,
): Out<"GetAccountSetting"> {
  const name = settingNamed(input.name);
  return { name, value: await accountSetting(call.db.read, call, name) };
}

function settingNamed(given: string): AccountSettingName {
  const name = names.find((known) => known === given);
  if (name !== undefined) return name;
  throw fault("InvalidParameter", {
    at: "name",
    reason:
      given === "BASIC_SCAN_TYPE_VERSION"
        ? `${given} would have no effect: this registry does not scan images`
        : `'${echo(given)}' is not an account setting; settings are ${names.join(", ")}`,
  });
}

/** Under V1 what the policy says of other actions would count no more, and its denials would be gone in silence. */
async function checkPolicyFitsScopeV1(tx: Tx, call: Call): Promise<void> {
  const text = await findRegistryPolicyText(tx, call);
  if (text === undefined) return;
  const reading = readPolicy({ text, kind: "registry", name: "", actions: ecrActions, scope: "V1" });
  if (!("problems" in reading)) return;
  throw fault("InvalidParameter", {
    at: "value",
    reason: `The registry policy does not fit scope V1: ${problemText(reading.problems[0])}. Change or delete the policy first`,
  });
}
